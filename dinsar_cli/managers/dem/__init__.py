"""The DEM of a run: from the archives or from a file, made ready as heights above the ellipsoid."""
