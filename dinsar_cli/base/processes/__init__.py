"""Other programs: where conda has them, run to their end, or run so that nothing of them outlives the caller."""
