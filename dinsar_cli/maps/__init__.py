"""From the radar grid to displacement on a map."""
