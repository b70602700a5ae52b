"""A run under way: its stages in order, with resume."""
