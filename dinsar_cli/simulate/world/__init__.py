"""What there is: instrument, ground, motion."""
