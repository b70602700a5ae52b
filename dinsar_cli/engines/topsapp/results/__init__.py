"""What topsApp left: found, checked, read."""
