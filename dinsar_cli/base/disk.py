"""Measure and free disk space."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from dinsar_cli.errors import ResourceError


def check_disk(
    folder: Path,
    needed: int,
    what: str,
    remedy: str = "Free some space, choose another --workdir, a smaller area or more looks.",
) -> None:
    """Make sure that a number of bytes fits.

    Raises
    ------
    ResourceError
        When less is free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"There is not enough disk space for {what}.",
            f"It needs about {human_bytes(needed)} in {folder}, where {human_bytes(free)} are free.",
            remedy,
        )


def free_disk(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    return shutil.disk_usage(there).free


def human_bytes(count: float) -> str:
    """Return the bytes as a person reads them: ``1.5 GB``."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


_BLOCK = 512  # bytes: the unit of st_blocks


def remove(paths: Iterable[Path]) -> int:
    """Remove files and folders in the order given, and give the bytes that they took on the disk."""
    freed = 0
    for path in paths:
        freed += disk_use(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return freed


def disk_use(path: Path) -> int:
    """Return the bytes that a file, or all files of a folder, take on the disk: of sparse files what is there."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(_size(file) for file in files if file.is_symlink() or not file.is_dir())


def _size(file: Path) -> int:
    status = file.lstat()
    return int(getattr(status, "st_blocks", -(-status.st_size // _BLOCK))) * _BLOCK
