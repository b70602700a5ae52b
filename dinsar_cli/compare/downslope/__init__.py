"""Motion down the slope from one line of sight and the terrain."""
