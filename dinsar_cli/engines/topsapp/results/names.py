"""Names that topsApp gives the dates of a topsApp folder."""

from __future__ import annotations

from pathlib import Path

OLD_DATE_NAMES = ("master", "slave")  # before ISCE2 2.4
_DATE_NAMES = ("reference", "secondary")


def date_names(folder: Path) -> tuple[str, str]:
    """Tell how topsApp calls its reference and its secondary: their folders, and their merged images."""
    old = any((folder / name).is_dir() for name in OLD_DATE_NAMES)
    new = any((folder / name).is_dir() for name in _DATE_NAMES)
    return OLD_DATE_NAMES if old and not new else _DATE_NAMES
