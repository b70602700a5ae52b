"""Interferograms of other programs: GeoTIFFs of unwrapped phase and coherence with both dates in their names.

So write HyP3 (``*_unw_phase.tif``, ``*_corr.tif``, with ``_clipped`` before the ending where they were cut to one
area), GAMMA users (``*_unw.tif``, ``*_cc.tif``) and LiCSAR
(``*.geo.unw.tif``, ``*.geo.cc.tif``); in all of them positive phase is motion away from the satellite, later minus
earlier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from dinsar_cli.errors import UsageError
from dinsar_cli.formats.mintpy import CONFIGURATION, is_set
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.uncertainty import phase_deviation
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.pair_rules import parse_date

Floats = NDArray[np.float32]

SENTINEL_1: Final = 0.05546576
"""Wavelength, metres."""
LOOKS: Final = 20.0
"""Independent looks that the coherence of other programs is taken to have: HyP3's 20 x 4 and LiCSAR's 20 x 4 have
about as many when the oversampling of the images is counted."""
_DATES: Final = re.compile(r"(?<!\d)(\d{8})(?:T\d{6})?[-_](\d{8})(?:T\d{6})?(?!\d)")
_CLIPPED: Final = re.compile(r"_clip(ped)?\.tif$", re.IGNORECASE)
_PHASE: Final = re.compile(r"unw(_phase|rapped)?(_clip(ped)?)?\.tif$", re.IGNORECASE)
_COHERENCE: Final = re.compile(r"(cc|corr|coh|coherence)(_clip(ped)?)?\.tif$", re.IGNORECASE)


@dataclass(frozen=True)
class ForeignPair:
    """The files of a pair.

    Attributes
    ----------
    pair : Pair
    phase, coherence : Path
    wavelength : float
        Metres.
    files : Products
        What they are read with.
    """

    pair: Pair
    phase: Path
    coherence: Path
    wavelength: float
    files: Products

    def los(self, window: Window) -> Floats:
        """Return the displacement, metres, positive toward the satellite."""
        scale = np.float32(-self.wavelength / (4 * np.pi))
        return (self.files[self.phase].read_floats(1, window=window) * scale).astype(np.float32)

    def sigma(self, window: Window) -> Floats:
        """Return its standard deviation by coherence, metres."""
        deviation = phase_deviation(self.correlation(window), LOOKS)
        return (deviation * self.wavelength / (4 * np.pi)).astype(np.float32)

    def correlation(self, window: Window) -> Floats:
        """Return the coherence, 0 to 1."""
        return np.clip(self.files[self.coherence].read_floats(1, window=window), 0, 1)

    @property
    def looks(self) -> float:
        """Independent looks of the coherence."""
        return LOOKS

    def mean_sigma(self, coherence: float, cells: int, _: Grid) -> float:
        """Return the standard deviation of the noise of the mean displacement of some cells, metres."""
        deviation = float(phase_deviation(np.array(coherence), LOOKS))
        return deviation * self.wavelength / (4 * np.pi) / max(1, cells) ** 0.5


def foreign_pairs(folder: Path, files: Products) -> list[ForeignPair]:
    """Return the interferograms of other programs in a folder and its subfolders; none where there are none.

    Raises
    ------
    UsageError
        When one has no coherence.
    """
    coherence = {_days(path): path for path in _named(folder, _COHERENCE)}
    found = []
    for path in _named(folder, _PHASE):
        days = _days(path)
        if days is None:
            continue
        if days not in coherence:
            raise UsageError(
                f"{path} has no coherence.",
                "A file with the same dates and _cc.tif, _corr.tif or _coh.tif at its end is looked for beside it.",
                "Put it there, or take the phase away.",
            )
        first, second = days
        if first > second:
            raise UsageError(
                f"{path} has the later date first.",
                "Its sign is then not known: some programs turn it, some do not.",
                "Make it again with the earlier date as the reference, or take it away.",
            )
        found.append(ForeignPair(days, path, coherence[days], _wavelength(path, files), files))
    return found


def files_in(folder: Path, ending: str = ".tif") -> Iterator[Path]:
    """Give the files of a folder and its subfolders, without those that were written of them for MintPy."""
    sets = {path.parent for path in folder.rglob(CONFIGURATION) if is_set(path.parent)} - {folder}
    return (path for path in sorted(folder.rglob(f"*{ending}")) if not sets & set(path.parents))


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return the files of a pattern; of those that were clipped to one area too, the clipped ones."""
    found = [path for path in files_in(folder) if pattern.search(path.name)]
    clipped = [path for path in found if _CLIPPED.search(path.name)]
    return clipped or found


def _days(path: Path) -> tuple[date, date] | None:
    """Return the dates in the name of a file, or in that of its folder."""
    for name in (path.name, path.parent.name):
        match = _DATES.search(name)
        first, second = map(parse_date, match.groups()) if match else (None, None)
        if first is not None and second is not None:
            return first, second
    return None


def _wavelength(path: Path, files: Products) -> float:
    tags: dict[str, Any] = files[path].tags
    try:
        return float(tags["WAVELENGTH_METRES"])
    except (KeyError, ValueError):
        return SENTINEL_1
