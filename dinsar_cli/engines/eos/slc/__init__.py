"""Bursts as single-look images: where they lie on the common grid, their samples, carrier and spectrum."""
