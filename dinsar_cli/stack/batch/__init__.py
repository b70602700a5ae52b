"""Many runs side by side, handed to Dask."""
