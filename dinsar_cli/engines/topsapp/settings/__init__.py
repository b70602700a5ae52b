"""What topsApp is asked for."""
