"""Bytes in, whole and proved."""
