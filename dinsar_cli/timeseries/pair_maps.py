"""The maps of many pairs, on one grid and relative to one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.reader import MAKE_AGAIN, NoGridError, Products
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name
from dinsar_cli.stack.folders import STACK_FILE, StackFolders
from dinsar_cli.stack.record import StackRecord

Floats = NDArray[np.float32]

LOS: Final = "los_displacement"
_NEEDED: Final = (LOS, "los_sigma", "coherence")
_MOST_VALUES: Final = 8_000_000  # of one layer of all pairs that are in memory at a time
_MOST_TURNED: Final = 0.01  # between the lines of sight of two maps of a track, radians
_AROUND: Final = 2  # cells around the place that is made zero


@dataclass(frozen=True)
class PairMaps:
    """Displacement of pairs of dates.

    Attributes
    ----------
    folder : Path
        Where they were found.
    pairs : tuple of Pair
        In the order of time.
    products : tuple of PairProducts
        Of each pair.
    grid : Grid
    wavelength : float
        Metres.
    tags : dict of str to str
        Of the first map.
    reference : LonLat or None
        Where all are zero; None where that is beside the map.
    zero : ndarray
        To be subtracted from the displacement of each pair, metres; shape (pairs,).
    notes : tuple of str
        What the user is told of them.
    """

    folder: Path
    pairs: tuple[Pair, ...]
    products: tuple[PairProducts, ...]
    grid: Grid
    wavelength: float
    tags: dict[str, str]
    reference: LonLat | None
    zero: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, in order."""
        return tuple(sorted({day for pair in self.pairs for day in pair}))

    def read(self, name: str, rows: slice) -> Floats:
        """Return a layer of all pairs, NaN where there is none; shape (pairs, rows, columns)."""
        window = Window(0, rows.start, self.grid.width, rows.stop - rows.start)
        return np.stack([one.product(name).read_floats(1, window=window) for one in self.products])

    def displacement(self, rows: slice) -> Floats:
        """Return the displacement of all pairs relative to one place, metres; shape (pairs, rows, columns)."""
        return self.read(LOS, rows) - self.zero[:, None, None].astype(np.float32)

    def parts(self) -> Iterator[slice]:
        """Return rows that fit into memory together, of all pairs."""
        height = max(1, _MOST_VALUES // (self.grid.width * len(self.pairs)))
        for first in range(0, self.grid.height, height):
            yield slice(first, min(first + height, self.grid.height))

    def without(self, dates: Sequence[date]) -> PairMaps:
        """Return the maps of the pairs that have none of some dates."""
        kept = [number for number, pair in enumerate(self.pairs) if not set(pair) & set(dates)]
        return replace(
            self,
            pairs=tuple(self.pairs[number] for number in kept),
            products=tuple(self.products[number] for number in kept),
            zero=self.zero[kept],
        )


def open_maps(folder: Path, files: Products) -> PairMaps:
    """Open the maps of a stack, or of a folder with the folders of runs.

    Parameters
    ----------
    folder : Path
    files : Products
        What they are read with.

    Raises
    ------
    UsageError
        When they do not go together.
    NoDataError
        When there are too few.
    """
    found = [(_pair_of(one), replace(one, files=files)) for one in _products(folder)]
    found.sort(key=lambda entry: entry[0])
    pairs, products = tuple(pair for pair, _ in found), tuple(one for _, one in found)
    _check_pairs(folder, pairs, products)
    grid = _common_grid(products)
    _check_alike(products)
    tags = products[0].product(LOS).tags
    maps = PairMaps(
        folder, pairs, products, grid, float(tags["wavelength_m"]), tags, None, np.zeros(len(pairs)), ()
    )
    return _relative_to_one_place(maps)


def _products(folder: Path) -> list[PairProducts]:
    folders = StackFolders(folder)
    record = StackRecord.open(folders.record)
    if record is None:
        return find_products(folder)[0]
    pairs = record.body.get("pairs", {})
    made = [name for name, told in pairs.items() if "problem" not in told]
    if not made:
        raise NoDataError(
            f"{folder / STACK_FILE} has no maps.",
            "The stack is not finished, or no pair of it came out.",
            "Run dinsar stack again: it goes on where it stopped.",
        )
    return [find_products(folder / pairs[name]["folder"])[0][0] for name in made]


def _pair_of(one: PairProducts) -> Pair:
    missing = [name for name in _NEEDED if name not in one.rasters]
    if missing:
        raise UsageError(
            f"{one.folder} has no {', '.join(f'{name}.tif' for name in missing)}.",
            "A time series needs displacement, its sigma and the coherence of each pair.",
            MAKE_AGAIN,
        )
    try:
        tags = one.product(LOS).tags
        first, second = (
            datetime.fromisoformat(tags[f"{which}_date"]).date() for which in ("reference", "secondary")
        )
        float(tags["wavelength_m"])
    except (KeyError, ValueError, RasterioError) as error:
        raise UsageError(
            f"{one.rasters[LOS]} does not tell its dates or its wavelength.",
            f"It has them as tags when dinsar wrote it ({type(error).__name__}: {error}).",
            MAKE_AGAIN,
        ) from error
    return (first, second) if first < second else (second, first)


def _check_pairs(folder: Path, pairs: Sequence[Pair], products: Sequence[PairProducts]) -> None:
    twice = [number for number in range(1, len(pairs)) if pairs[number] == pairs[number - 1]]
    if twice:
        one, other = (products[number].folder for number in (twice[0] - 1, twice[0]))
        raise UsageError(
            f"The pair {pair_name(pairs[twice[0]])} is there twice.",
            f"It is in {one} and in {other}.",
            "Keep one of them in the folder.",
        )
    if len({day for pair in pairs for day in pair}) < 3:
        raise NoDataError(
            f"{folder} has maps of two dates.",
            "Motion in time needs three dates at least, and four to tell how noisy each is.",
            "Make the maps of more dates: dinsar stack --slc FOLDER, or --roi, --start and --end.",
        )


def _common_grid(products: Sequence[PairProducts]) -> Grid:
    """Return the grid of all maps: cell by cell the same."""
    grids: list[Grid] = []
    for one in products:
        for name in _NEEDED:
            path = one.rasters[name]
            try:
                grid = one.product(name).grid
            except (NoGridError, RasterioError) as error:
                raise UsageError(f"{path} is not on a map grid.", f"{error}.", MAKE_AGAIN) from error
            if grids and grid != grids[0]:
                raise UsageError(
                    f"{path} lies on another grid than {products[0].rasters[LOS]}.",
                    f"It has {_words(grid)}; the other one has {_words(grids[0])}.",
                    f"Make it again on the same cells: dinsar run --grid-like {products[0].rasters[LOS]}",
                )
            grids.append(grid)
    return grids[0]


def _words(grid: Grid) -> str:
    corner = f"{grid.west:.6f}, {grid.north:.6f}"
    return f"{grid.width} x {grid.height} cells of {grid.posting:g} from {corner} in {grid.crs}"


def _check_alike(products: Sequence[PairProducts]) -> None:
    """Refuse maps of other looks, wavelength or track."""
    first = products[0]
    tags, direction = first.product(LOS).tags, _direction(first)
    for one in products[1:]:
        own = one.product(LOS).tags
        for name, words in (("looks", "looks"), ("wavelength_m", "wavelength"), ("engine", "engine")):
            if own.get(name) != tags.get(name):
                raise UsageError(
                    f"{one.folder} was made with another {words} than {first.folder}.",
                    f"One has {own.get(name)}, the other {tags.get(name)}: their noise and cells differ.",
                    "Make all maps alike, or move those that differ to a folder of their own.",
                )
        turned = _direction(one)
        if direction is not None and turned is not None and np.linalg.norm(turned - direction) > _MOST_TURNED:
            raise UsageError(
                f"{one.folder} looks from another direction than {first.folder}.",
                "They are of different tracks: each has its own line of sight, and one series cannot have two.",
                "Give each track a folder of its own, and separate east and up with: dinsar decompose",
            )


def _direction(one: PairProducts) -> NDArray[np.float64] | None:
    mean = one.product("los_vector").mean_direction() if "los_vector" in one.rasters else None
    return None if mean is None else np.array(mean)


def _relative_to_one_place(maps: PairMaps) -> PairMaps:
    """Make all maps zero at one place, unless they are."""
    points = {one.product(LOS).tags.get("reference_point", "") for one in maps.products}
    if len(points) == 1 and (text := points.pop()):
        lon, _, lat = text.partition(",")
        return replace(maps, reference=LonLat(float(lon), float(lat)))
    coherence, everywhere = np.full(maps.grid.shape, np.inf, np.float32), np.ones(maps.grid.shape, bool)
    for rows in maps.parts():
        everywhere[rows] = np.isfinite(maps.read(LOS, rows)).all(axis=0)
        coherence[rows] = np.nan_to_num(maps.read("coherence", rows)).min(axis=0)
    if not everywhere.any():
        raise NoDataError(
            "The maps have no cell in common.",
            "Each has its own zero, and there is no cell with a value in all of them that could be zero in all.",
            "Leave the worst pairs or dates out, or make the maps with one --reference-point.",
        )
    row, column = np.unravel_index(np.argmax(np.where(everywhere, coherence, -1)), maps.grid.shape)
    rows = slice(max(0, int(row) - _AROUND), min(maps.grid.height, int(row) + _AROUND + 1))
    columns = slice(max(0, int(column) - _AROUND), int(column) + _AROUND + 1)
    zero = np.nanmedian(maps.read(LOS, rows)[:, :, columns].astype(np.float64), axis=(1, 2))
    place = LonLat(*(round(degrees, 6) for degrees in maps.grid.lonlat(int(row), int(column))))
    note = (
        f"the maps were relative to different places: all are made zero at {place.lon:.4f}, {place.lat:.4f} "
        "(longitude, latitude), the most coherent cell that all have"
    )
    return replace(maps, reference=place, zero=zero, notes=(*maps.notes, note))


def tags_of(maps: PairMaps) -> dict[str, Any]:
    """Return what the files of the series tell of the maps that they are made of."""
    kept = ("engine", "engine_version", "looks", "version", "wavelength_m")
    place = {} if maps.reference is None else {"reference_point": f"{maps.reference.lon},{maps.reference.lat}"}
    return {name: maps.tags[name] for name in kept if name in maps.tags} | place
