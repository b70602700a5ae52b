"""Many dates: which pairs of them, and what these can tell. Functions without files or processes."""
