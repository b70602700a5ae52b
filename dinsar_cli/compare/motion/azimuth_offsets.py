"""Motion along the tracks of two maps, by offsets of the images in azimuth: read, put on a grid, made relative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.journal import PRODUCTS
from dinsar_cli.compare.los_map import LosMap, check_metres, on_map_grid
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.reader import Product
from dinsar_cli.radar.displacement import ReferencePoint

Floats: TypeAlias = NDArray[np.floating[Any]]
Side: TypeAlias = Literal["ascending", "descending"]

OPTION: Final = "--azimuth-offsets"
SIGMA_OPTION: Final = "--azimuth-sigma"
SIDES: Final[tuple[Side, Side]] = ("ascending", "descending")
_PREFIXES: Final[Mapping[str, Side]] = {"asc": "ascending", "desc": "descending"}
_AROUND: Final = 2000.0  # m: half of the side of the square around the reference whose median is taken as zero
_REMEDY: Final = (
    "Give a GeoTIFF of metres, positive along the direction of flight, later minus earlier, such as "
    "products/offset_azimuth.tif of a run with --dense-offsets."
)


@dataclass(frozen=True)
class AlongTrack:
    """Motion along a track on the common grid.

    Attributes
    ----------
    side : {'ascending', 'descending'}
        Whose track it is.
    path : Path
        Its file.
    motion : ndarray
        Metres, positive along the direction of flight, relative to the surroundings of the reference.
    sigma : ndarray
        Standard deviation of its noise, metres.
    sigma_source : str
        What was stated of it.
    shift : float
        What was taken off, metres.
    """

    side: Side
    path: Path
    motion: Floats
    sigma: Floats
    sigma_source: str
    shift: float


def read_along_track(
    offsets: Sequence[str],
    sigmas: Sequence[str],
    maps: tuple[LosMap, LosMap],
    grid: Grid,
    reference: ReferencePoint,
) -> tuple[AlongTrack, ...]:
    """Read the offsets that a user gives; of none of them nothing comes.

    Parameters
    ----------
    offsets : sequence of str
        Files, with ``asc:`` or ``desc:`` before them where it is not told by folder or tags whose they are.
    sigmas : sequence of str
        Metres, or files of them, with ``asc:`` or ``desc:`` before them where they are not those of all.
    maps : (LosMap, LosMap)
        Ascending and descending.
    grid : Grid
        On which they are wanted.
    reference : ReferencePoint
        Where motion is zero.

    Raises
    ------
    UsageError
        When a file cannot be read, it is not known whose it is, or its noise is not stated.
    NoDataError
        When one has no value on the map, or around the reference.
    """
    if sigmas and not offsets:
        raise UsageError(f"{SIGMA_OPTION} is of no use.", "There are no azimuth offsets.", f"Give {OPTION} too.")
    files = _by_side(offsets, maps)
    stated = {side: _sigma_text(sigmas, side) for side in files}
    return tuple(_read(files[side], stated[side], side, grid, reference) for side in SIDES if side in files)


def _by_side(offsets: Sequence[str], maps: tuple[LosMap, LosMap]) -> dict[Side, Path]:
    """Tell which file is of which track."""
    found: dict[Side, Path] = {}
    for text in offsets:
        side, rest = _split(text)
        path = Path(rest)
        if not path.is_file():
            raise UsageError(f"{OPTION} {rest} cannot be read.", "There is no such file.", _REMEDY)
        side = side or _told_by_folder(path, maps) or _told_by_dates(path, maps)
        if side is None:
            raise UsageError(
                f"It is not known of which track {path} is.",
                "It lies in neither folder, and its tags do not have the dates of one of the two maps alone.",
                f"Say it: {OPTION} asc:{path} or desc:{path}",
            )
        if side in found:
            raise UsageError(
                f"There are two azimuth offsets of the {side} track.",
                f"They are {found[side]} and {path}.",
                f"Give one of each, and say whose they are: {OPTION} asc:FILE {OPTION} desc:FILE",
            )
        found[side] = path
    return found


def _split(text: str) -> tuple[Side | None, str]:
    prefix, colon, rest = text.partition(":")
    side = _PREFIXES.get(prefix.lower()) if colon else None
    return (side, rest) if side else (None, text)


def _told_by_folder(path: Path, maps: tuple[LosMap, LosMap]) -> Side | None:
    folders = [one.folder.resolve() for one in maps]
    roots = [folder.parent if folder.name == PRODUCTS else folder for folder in folders]
    inside = [side for side, root in zip(SIDES, roots, strict=True) if path.resolve().is_relative_to(root)]
    return inside[0] if len(inside) == 1 else None


def _told_by_dates(path: Path, maps: tuple[LosMap, LosMap]) -> Side | None:
    with Product(path) as product:
        tags = product.tags
    dates = tuple(tags.get(name, "")[:10] for name in ("reference_date", "secondary_date"))
    same = [side for side, one in zip(SIDES, maps, strict=True) if one.dates is not None and one.dates == dates]
    return same[0] if len(same) == 1 else None


def _sigma_text(sigmas: Sequence[str], side: Side) -> str:
    """Return what is stated of the noise of a track: that of it, else that of all."""
    split = [_split(text) for text in sigmas]
    own = [rest for whose, rest in split if whose == side] or [rest for whose, rest in split if whose is None]
    if len(own) != 1:
        raise UsageError(
            f"The noise of the azimuth offsets of the {side} track is not known.",
            f"{SIGMA_OPTION} is given {len(own)} times for it; without it offsets cannot be weighed against phase.",
            f"Give {SIGMA_OPTION} METRES (0.15 for windows of 128 x 32 samples and a median of 3 x 3), or a file.",
        )
    return own[0]


def _read(path: Path, stated: str, side: Side, grid: Grid, reference: ReferencePoint) -> AlongTrack:
    motion = _raster(path, grid)
    shift = _around(motion, grid, reference)
    if not np.isfinite(shift):
        lon, lat = grid.lonlat(reference.row, reference.column)
        raise NoDataError(
            f"{path} has no value at the reference.",
            f"It is empty within {_AROUND / 1000:g} km of {lon:.5f}, {lat:.5f}, and offsets are relative to there.",
            "Choose a place where there are offsets with --reference-point.",
        )
    return AlongTrack(side, path, motion - shift, _sigma(stated, grid), stated, shift)


def _around(motion: Floats, grid: Grid, reference: ReferencePoint) -> float:
    """Return the median in a square around the reference; NaN where there is nothing."""
    east, north = (max(1, round(_AROUND / (grid.posting * unit))) for unit in grid.metres_per_unit)
    rows = slice(max(0, reference.row - north), reference.row + north + 1)
    near = motion[rows, max(0, reference.column - east) : reference.column + east + 1]
    known = near[np.isfinite(near)]
    return float(np.median(known)) if known.size else float("nan")


def _sigma(stated: str, grid: Grid) -> Floats:
    try:
        metres = float(stated)
    except ValueError:
        path = Path(stated)
        if not path.is_file():
            raise UsageError(
                f"{SIGMA_OPTION} {stated} is not understood.",
                "It is neither a number of metres nor a file.",
                f"For example: {SIGMA_OPTION} 0.15",
            ) from None
        return _raster(path, grid)
    if not 0 < metres < float("inf"):
        raise UsageError(
            f"{SIGMA_OPTION} {stated} is no standard deviation.",
            "It is above 0.",
            f"For example: {SIGMA_OPTION} 0.15",
        )
    return np.full(grid.shape, metres)


def _raster(path: Path, grid: Grid) -> Floats:
    """Return the one band of a raster on the grid."""
    with Product(path) as product:
        check_metres(product, _REMEDY)
        values = on_map_grid(product, grid)
    if len(values) != 1:
        raise UsageError(f"{path} is not of one band.", f"It has {len(values)} bands.", _REMEDY)
    if not np.isfinite(values).any():
        raise NoDataError(f"{path} has no value on the map.", "It lies elsewhere, or is empty.", _REMEDY)
    return values[0]
