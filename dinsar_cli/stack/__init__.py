"""Many dates on one geometry, and many runs side by side on Dask."""
