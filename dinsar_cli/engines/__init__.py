"""Engines: from two acquisitions, orbits and a DEM to an interferogram on the radar grid."""
