"""Measure and free disk space."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
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


def files_below(folder: Path) -> list[Path]:
    """Return all files in a folder and below it, in order; nothing behind a link, and no link."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    inside = sorted(path for path in folder.iterdir() if not path.is_symlink())
    return [file for path in inside for file in (files_below(path) if path.is_dir() else [path])]


def remove(files: Iterable[Path], root: Path) -> int:
    """Remove files in the order given, and give the bytes that they took on the disk.

    Folders that are empty then go too, up to a root that stays.
    """
    freed, folders = 0, set()
    for file in files:
        freed += disk_use(file)
        file.unlink()
        folders |= {folder for folder in file.parents if folder.is_relative_to(root) and folder != root}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # something of somebody else is in it
            folder.rmdir()
    return freed


def disk_use(path: Path) -> int:
    """Return the bytes that a file, or all files of a folder, take on the disk: of sparse files what is there."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(_size(file) for file in files if file.is_symlink() or not file.is_dir())


def _size(file: Path) -> int:
    status = file.lstat()
    return int(getattr(status, "st_blocks", -(-status.st_size // _BLOCK))) * _BLOCK
