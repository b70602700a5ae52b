"""The packages of a stand-in for ISCE2: everything that is looked at before topsApp is started."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from dinsar_cli.engines.topsapp.process.installation_check import HELPER
from dinsar_cli.engines.topsapp.scripts.probe import GPU_MODULES, MODULES

READER = "Sensor/TOPS/Sentinel1.py"
_POLY2D = """
class Poly2D:
    def initPoly(self, rangeOrder, azimuthOrder):
        pass

    def polyfit(self, x, y, z):
        pass
"""


def write_packages(
    home: Path, *, version: str = "2.6.5", without: Collection[str] = (), gpu: bool = False, reader: str = ""
) -> Path:
    """Write the packages of an ISCE2 into the folder that will be ISCE_HOME, and its helper program.

    Parameters
    ----------
    home : Path
        Package folder ``isce``.
    version : str
        Its ``release_version``.
    without : collection of str
        Modules to leave out, by their dotted name; ``osgeo`` lies beside `home`.
    gpu : bool
        Whether it has the modules for a GPU.
    reader : str
        Text of the reader of Sentinel-1 scenes.
    """
    parts = home / "components"
    texts = {home / "__init__.py": f"release_version = {version!r}\n"}
    texts |= {module_file(home.parent, "osgeo.gdal"): "__version__ = '3.6.2'\n"} if "osgeo" not in without else {}
    for name in (*MODULES, *(GPU_MODULES if gpu else ())):
        texts |= {module_file(parts, name): ""} if name not in without else {}
    texts[module_file(parts, "isceobj.Util.Poly2D")] = _POLY2D
    texts[parts / "isceobj" / READER] = reader
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for folder in file.parents:
            if folder in (home, home.parent, parts) or home.parent not in folder.parents:
                break
            (folder / "__init__.py").touch()
    write_helper(home)
    return home


def module_file(folder: Path, name: str) -> Path:
    """File of a module by its dotted name."""
    return folder.joinpath(*name.split(".")).with_suffix(".py")


def write_helper(home: Path, program: str = "import osgeo.gdal", interpreter: str = "/usr/bin/env python3") -> Path:
    """Write the helper program that topsApp calls through the shell."""
    file = home / "applications" / HELPER
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{interpreter}\n{program}\n")
    file.chmod(0o755)
    return file


def write_program(home: Path, program: str = "") -> Path:
    """Write a ``topsApp.py``."""
    file = home / "applications" / "topsApp.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{sys.executable}\n{program}")
    file.chmod(0o755)
    return file
