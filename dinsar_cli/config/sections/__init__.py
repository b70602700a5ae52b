"""The sections of the configuration: keys that belong together, each with its meaning, range and default."""
