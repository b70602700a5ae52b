"""Faults that are put into runs, files and input, and what the program makes of them."""
