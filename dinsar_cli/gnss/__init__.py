"""GNSS stations: their files, and how they moved between two moments."""
