"""The engine ``isce2``: ISCE2's topsApp, configured, run in a process of its own, resumed and read.

Nothing here imports ISCE2; it may live in another environment.
"""
