"""What a Python runs, in a process of its own, to tell whether MintPy works in it.

Before each thing that can fail it prints a line that names it. When it ends early the last of these lines says what
was wrong; nothing is caught.
"""

import importlib
import json
import sys
from pathlib import Path

STAGE = "dinsar-probe "
MODULES = ("numpy", "h5py", "mintpy", "osgeo.gdal_array", "mintpy.smallbaselineApp")


def main() -> None:
    """Load everything, and print the version of MintPy and the keys of its configuration as JSON."""
    for name in MODULES:
        _say(f"{STAGE}{name}")
        importlib.import_module(name)
    mintpy = importlib.import_module("mintpy")
    readfile = importlib.import_module("mintpy.utils.readfile")
    defaults = Path(str(mintpy.__file__)).parent / "defaults" / "smallbaselineApp.cfg"
    keys = sorted(readfile.read_template(str(defaults)))
    _say(f"{STAGE}end")
    _say(json.dumps({"version": str(getattr(mintpy, "__version__", "not stated")), "keys": keys}))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
