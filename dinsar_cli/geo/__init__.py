"""Places on the Earth: region, grid, datum, DEM file."""
