"""What can be asked for: the configuration of a run, its defaults, ranges and explanations."""
