"""The layers that are handed over: written and read."""
