"""Where everything of a stack is, and which files are what."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from dinsar_cli.base.files import atomic_path, make_folder
from dinsar_cli.base.journal import IN_STACK, PRODUCTS, RADAR, STACK_FILE
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name

FORMING: Final = "forming.json"
"""Which strips of an unfinished stage are written."""


@dataclass(frozen=True)
class StackFolders:
    """The folder of a stack: geometry once, dates, and a folder for each pair as `dinsar run` has it.

    Attributes
    ----------
    root : Path
    """

    root: Path

    @property
    def record(self) -> Path:
        """What the stack is and what is done: ``stack.json``."""
        return self.root / STACK_FILE

    @property
    def geometry(self) -> Path:
        """What all pairs share."""
        return self.root / "geometry"

    @property
    def geometry_radar(self) -> Path:
        """Layers of it on the radar grid."""
        return self.geometry / RADAR

    @property
    def geometry_products(self) -> Path:
        """Layers of it on the map."""
        return self.geometry / PRODUCTS

    @property
    def pairs(self) -> Path:
        """Folders of all pairs."""
        return self.root / IN_STACK

    def of_date(self, day: date) -> Path:
        """Return the folder of a date."""
        return self.root / "dates" / f"{day:%Y%m%d}"

    def of_pair(self, days: Pair) -> Path:
        """Return the folder of a pair."""
        return self.pairs / pair_name(days)

    def make(self, dates: Iterable[date], pairs: Iterable[Pair]) -> None:
        """Make all folders."""
        for folder in (self.geometry_radar, self.geometry_products, *map(self.of_date, dates)):
            folder.mkdir(parents=True, exist_ok=True)
            make_folder(folder)
        for pair in pairs:
            for name in (RADAR, PRODUCTS):
                (self.of_pair(pair) / name).mkdir(parents=True, exist_ok=True)


def share(source: Path, folder: Path) -> Path:
    """Let a file be in another folder too: by a second name, or by a copy where the disk has no such names."""
    target = folder / source.name
    if target.exists() and target.samefile(source):
        return target
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        with atomic_path(target) as part:
            shutil.copy2(source, part)
    return target
