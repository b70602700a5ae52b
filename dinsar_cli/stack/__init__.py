"""Many dates, many places: batches of runs on Dask."""
