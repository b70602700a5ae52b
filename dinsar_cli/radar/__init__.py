"""The interferogram on the radar grid, and its formulas."""
