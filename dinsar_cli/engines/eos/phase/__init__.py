"""What is made of the phase of an interferogram: filtered, unwrapped, and the ionosphere in it."""
