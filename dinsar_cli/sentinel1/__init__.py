"""What a Sentinel-1 product, an orbit file and a burst are."""
