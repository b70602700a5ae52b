"""Where an ISCE2 may be: package folders, conda environments, and interpreters that may have been used for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

PROGRAM = Path("applications") / "topsApp.py"
_PACKAGES = (".", "packages/isce", "isce", "lib/python3*/site-packages/isce", "lib64/python3*/site-packages/isce")
_ROOTS = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".conda")


def surroundings() -> tuple[str | None, ...]:
    """Return everything in the environment on which the places depend."""
    names = ("ISCE_HOME", "PATH", "HOME", *_CONDA, "CONDA_PREFIX", "MAMBA_ROOT_PREFIX")
    return tuple(os.environ.get(name) for name in names)


_CONDA = ("CONDA_EXE", "MAMBA_EXE", "CONDA_ENVS_DIRS", "CONDA_ENVS_PATH")


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


def conda_prefixes(name: str) -> list[Path]:
    """Return the prefixes of the conda environments of a name, or the one that is a path.

    Conda keeps a list of all environments that it made, wherever they are; those of the usual places are found
    without it.
    """
    if os.sep in name or Path(name).expanduser().is_dir():
        prefix = Path(name).expanduser().absolute()
        return [prefix] if prefix.is_dir() else []
    bases = list(_conda_bases())
    candidates = [folder / name for folder in _environment_folders(bases)]
    candidates += [prefix for prefix in _listed() if prefix.name == name]
    candidates += bases if name == "base" else []
    return list(dict.fromkeys(prefix for prefix in candidates if prefix.is_dir()))


def _environment_folders(bases: list[Path]) -> Iterator[Path]:
    for variable in ("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH"):
        yield from (Path(entry) for entry in os.environ.get(variable, "").split(os.pathsep) if entry)
    for base in bases:
        yield base / "envs"


def _conda_bases() -> Iterator[Path]:
    """Yield the folders in which conda itself may be installed, the surest first."""
    if (root := os.environ.get("MAMBA_ROOT_PREFIX")) is not None:
        yield Path(root)
    for program in (os.environ.get("CONDA_EXE"), shutil.which("conda"), shutil.which("mamba")):
        if program:
            yield Path(program).parents[1]
    if prefix := os.environ.get("CONDA_PREFIX"):
        yield Path(prefix)
        if Path(prefix).parent.name == "envs":
            yield Path(prefix).parents[1]
    if home := os.environ.get("HOME"):
        yield from (Path(home) / root for root in _ROOTS)


def _listed() -> Iterator[Path]:
    """Yield the environments in conda's own list."""
    file = Path(os.environ.get("HOME") or os.sep) / ".conda" / "environments.txt"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # most machines have none
        return
    yield from (Path(line.strip()) for line in text.splitlines() if line.strip())


def interpreters(home: Path) -> list[Path]:
    """Return the interpreters of the environment that ISCE2 is installed in, those on PATH, and the system's."""
    folders = [parent / "bin" for parent in home.parents[:-1]]
    folders += [Path(entry) for entry in os.get_exec_path() if entry]
    found: dict[Path, Path] = {}
    for folder in (*folders, Path("/usr/bin")):
        if (python := folder / "python3").is_file():
            found.setdefault(folder.resolve(), python)  # /bin is often a link to /usr/bin
    return list(found.values())
