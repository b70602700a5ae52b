"""Motion of the ground from lines of sight: east, north and up from two tracks, and down the slope from one."""
