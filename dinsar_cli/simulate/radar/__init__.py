"""What the radar sees of it."""
