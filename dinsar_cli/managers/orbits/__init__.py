"""The orbit files of a run: chosen by what is in them, local or from the archives."""
