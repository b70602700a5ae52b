"""What a run will do and need, before it does it."""
