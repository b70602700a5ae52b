"""What is done before topsApp unwraps, and beside it."""
