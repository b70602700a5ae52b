"""MintPy as the second opinion on a time series: its folder of many pairs, its run, and what it found."""
