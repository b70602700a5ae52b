"""Many dates on one geometry; and in `batch` many runs side by side."""
