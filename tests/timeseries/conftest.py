"""The browser in which pages are looked at."""

from support.browser import chrome

__all__ = ["chrome"]
