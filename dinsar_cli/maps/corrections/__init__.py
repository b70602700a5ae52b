"""Corrections of displacement: metres along the line of sight, taken off."""
