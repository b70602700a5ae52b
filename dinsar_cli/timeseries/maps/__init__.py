"""The maps that a series is made of."""
