"""topsApp for tests: recorded, replayed, stood in for, and run."""
