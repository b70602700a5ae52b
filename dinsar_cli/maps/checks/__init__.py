"""Checks of a map: each looks at its phase and puts what it doubts into the flags."""
