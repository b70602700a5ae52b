"""Values of maps at points, along lines and over areas."""
