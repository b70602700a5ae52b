"""A map in few points with the covariance of their noise, as those who model sources take it."""
