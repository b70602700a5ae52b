"""What the bursts of a mosaic tell of each other, and of how the dates lie on each other."""
