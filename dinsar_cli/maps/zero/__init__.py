"""To what displacement is relative: calm ground, and the reference on it."""
