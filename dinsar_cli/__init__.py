"""dinsar: an area and two dates in, a trustworthy map of ground displacement out."""

__version__ = "0.1.0.dev0"
