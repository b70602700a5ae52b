"""Where an ISCE2 may be: package folders, and interpreters that may have been used for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dinsar_cli.base.processes.conda import CONDA

PROGRAM = Path("applications") / "topsApp.py"
_PACKAGES = (".", "packages/isce", "isce", "lib/python3*/site-packages/isce", "lib64/python3*/site-packages/isce")


def surroundings() -> tuple[str | None, ...]:
    """Return everything in the environment on which the places depend."""
    names = ("ISCE_HOME", "PATH", "HOME", *CONDA)
    return tuple(os.environ.get(name) for name in names)


def packages(place: Path) -> list[Path]:
    """Return the package folders ``isce`` at a place: the folder itself, or inside a prefix.

    Parameters
    ----------
    place : Path
        May not exist.
    """
    place = place.expanduser().absolute()
    found = [home.parents[1] for pattern in _PACKAGES for home in sorted(place.glob(f"{pattern}/{PROGRAM}"))]
    return list(dict.fromkeys(map(_importable, found)))


def _importable(home: Path) -> Path:
    """Return the name by which Python imports it: builds have it as ``isce2`` with a link ``isce`` beside it."""
    beside = home.with_name("isce")
    return beside if home.name == "isce2" and beside.is_dir() and beside.samefile(home) else home


def on_path() -> Path | None:
    """Return the package folder of the ``topsApp.py`` on PATH."""
    program = shutil.which("topsApp.py")
    if program is None:
        return None
    home = Path(program).resolve().parents[1]
    return _importable(home) if (home / PROGRAM).is_file() else None


def interpreters(home: Path) -> list[Path]:
    """Return the interpreters of the environment that ISCE2 is installed in, those on PATH, and the system's."""
    folders = [parent / "bin" for parent in home.parents[:-1]]
    folders += [Path(entry) for entry in os.get_exec_path() if entry]
    found: dict[Path, Path] = {}
    for folder in (*folders, Path("/usr/bin")):
        if (python := folder / "python3").is_file():
            found.setdefault(folder.resolve(), python)  # /bin is often a link to /usr/bin
    return list(found.values())
