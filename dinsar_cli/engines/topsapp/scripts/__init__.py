"""Programs for the interpreter of ISCE2, which import nothing of this package."""
