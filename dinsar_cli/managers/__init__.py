"""Managers: what a run needs from outside, found and made ready as local files."""
