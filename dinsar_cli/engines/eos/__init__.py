"""The embedded engine: TOPS interferometry in Python, with eos-sar and whirlwind.

`steps` holds its steps as pure functions on arrays, in the order in which they are taken; the other modules feed
them with strips of the scene, so that memory is bounded.
"""
