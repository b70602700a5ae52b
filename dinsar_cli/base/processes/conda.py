"""Conda environments on this machine, found without running conda."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CONDA: Final = ("CONDA_EXE", "MAMBA_EXE", "CONDA_ENVS_DIRS", "CONDA_ENVS_PATH", "CONDA_PREFIX", "MAMBA_ROOT_PREFIX")
"""Variables of the environment on which the places depend, beside PATH and HOME."""
_ROOTS: Final = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".conda")


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
