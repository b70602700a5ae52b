"""Pixels and charts, without science."""
