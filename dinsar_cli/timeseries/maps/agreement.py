"""Whether the maps of pairs go together: their dates, their grid, and how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from dinsar_cli.base.journal import RUN_FILE, read_journal, read_map_record
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.reader import MAKE_AGAIN, NoGridError, Products
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name

_MOST_TURNED: Final = 0.01  # between the lines of sight of two maps of a track, radians
_ALIKE: Final = {
    "looks": "looks",
    "wavelength_m": "wavelength",
    "engine": "engine",
    "filter": "filter strength",
    "polarization": "polarization",
    "ramp_removed": "ramp",
    "corrections": "corrections",
}
"""What must be the same for all maps of a series, and how it is called."""


def check_pairs(folder: Path, found: Sequence[tuple[Pair, Path]]) -> None:
    """Refuse pairs of two dates alone, and a pair that is there twice.

    Parameters
    ----------
    folder : Path
        By which they are called in messages.
    found : sequence of (Pair, Path)
        In the order of time, with where each is.

    Raises
    ------
    UsageError, NoDataError
    """
    twice = [number for number in range(1, len(found)) if found[number][0] == found[number - 1][0]]
    if twice:
        (pair, one), (_, other) = found[twice[0] - 1], found[twice[0]]
        raise UsageError(
            f"The pair {pair_name(pair)} is there twice.",
            f"It is in {one} and in {other}.",
            "Keep one of them in the folder.",
        )
    if len({day for pair, _ in found for day in pair}) < 3:
        raise NoDataError(
            f"{folder} has maps of two dates.",
            "Motion in time needs three dates at least, and four to tell how noisy each is.",
            "Make the maps of more dates: dinsar stack --slc FOLDER, or --roi, --start and --end.",
        )


def common_grid(paths: Sequence[Path], files: Products) -> Grid:
    """Return the grid of all maps: cell by cell the same.

    Raises
    ------
    UsageError
        When it is not.
    """
    grids: list[Grid] = []
    for path in paths:
        try:
            grid = files[path].foreign_grid
        except (NoGridError, RasterioError) as error:
            raise UsageError(f"{path} is not on a map grid.", f"{error}.", MAKE_AGAIN) from error
        if grids and grid != grids[0]:
            raise UsageError(
                f"{path} lies on another grid than {paths[0]}.",
                f"It has {_words(grid)}; the other one has {_words(grids[0])}.",
                f"Make it again on the same cells: dinsar run --grid-like {paths[0]}",
            )
        grids.append(grid)
    return grids[0]


def _words(grid: Grid) -> str:
    corner = f"{grid.west:.6f}, {grid.north:.6f}"
    return f"{grid.width} x {grid.height} cells of {grid.posting:g} from {corner} in {grid.title}"


def check_alike(products: Sequence[PairProducts]) -> None:
    """Refuse maps of other looks, wavelength, engine, filter, polarization, corrections or track."""
    first = products[0]
    tags, direction = _told_of(first), _direction(first)
    for one in products[1:]:
        own = _told_of(one)
        for name, words in _ALIKE.items():
            if own.get(name) != tags.get(name):
                raise UsageError(
                    f"{one.folder} was made with another {words} than {first.folder}.",
                    f"One has {own.get(name, 'none')}, the other {tags.get(name, 'none')}: what differs between "
                    "them would be taken for motion, or noise for signal.",
                    "Make all maps alike, or move those that differ to a folder of their own.",
                )
        turned = _direction(one)
        if direction is not None and turned is not None and np.linalg.norm(turned - direction) > _MOST_TURNED:
            raise UsageError(
                f"{one.folder} looks from another direction than {first.folder}.",
                "They are of different tracks: each has its own line of sight, and one series cannot have two.",
                "Give each track a folder of its own, and separate east and up with: dinsar decompose",
            )


def _told_of(one: PairProducts) -> dict[str, str]:
    """Return what a map and its record tell of how it was made."""
    journal = one.folder / RUN_FILE
    record = read_journal(journal) if journal.is_file() else read_map_record(one.folder)
    noise = one.product("phase_sigma").tags if "phase_sigma" in one.rasters else {}
    told = {
        "filter": noise.get("filter_strength", record.get("filter_strength")),
        "polarization": (record.get("pair") or {}).get("polarization"),
    }
    return one.product("los_displacement").tags | {
        name: str(value) for name, value in told.items() if value is not None
    }


def _direction(one: PairProducts) -> NDArray[np.float64] | None:
    mean = one.product("los_vector").mean_direction() if "los_vector" in one.rasters else None
    return None if mean is None else np.array(mean)
