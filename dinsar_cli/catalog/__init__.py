"""What the archive has, and which pair is chosen of it."""
