"""The product annotation of one image, part by part."""
