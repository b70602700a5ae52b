"""Files, journal, disk and memory: what knows no radar."""
