"""Heights of the ground: DEM files, what they refer to, and what they tell of the relief."""
