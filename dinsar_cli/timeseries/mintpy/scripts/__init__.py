"""What the Python of MintPy runs, in a process of its own."""
