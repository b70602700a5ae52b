"""Motion in time from the maps of many pairs."""
