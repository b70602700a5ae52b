"""Bursts that an archive cuts out of products, put together as products again."""
