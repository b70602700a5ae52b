"""The maps of many pairs, on one grid and relative to one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.base.journal import (
    MAP_RECORD,
    PRODUCTS,
    RUN_FILE,
    STACK_FILE,
    read_journal,
    read_map_record,
    runs_in,
)
from dinsar_cli.compare.simulated_truth import dates_of
from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.reference import NOISE_TAGS, mean_variance
from dinsar_cli.products.folder import PairProducts, find_products, products_of
from dinsar_cli.products.reader import MAKE_AGAIN, NoGridError, Products
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name
from dinsar_cli.series.velocity import MANY_LOOKS
from dinsar_cli.stack.folders import StackFolders
from dinsar_cli.stack.record import StackRecord
from dinsar_cli.timeseries.foreign_maps import LOOKS, ForeignPair, foreign_pairs

Floats = NDArray[np.float32]

LOS: Final = "los_displacement"
_TAGS: Final = ("engine", "engine_version", "looks", "version", "wavelength_m")
_NEEDED: Final = (LOS, "los_sigma", "coherence")
_MOST_VALUES: Final = 8_000_000  # of one layer of all pairs that are in memory at a time
_MOST_TURNED: Final = 0.01  # between the lines of sight of two maps of a track, radians
_LEAST_POWER: Final = 0.1  # of the noise of a cell that is left when that of its zero is taken off


class PairLayers(Protocol):
    """What is read of a pair."""

    @property
    def pair(self) -> Pair:
        """The dates."""

    def los(self, window: Window) -> Floats:
        """Return the displacement, metres, positive toward the satellite; NaN where there is none."""

    def sigma(self, window: Window) -> Floats:
        """Return its standard deviation, metres."""

    def correlation(self, window: Window) -> Floats:
        """Return the coherence, 0 to 1."""

    @property
    def looks(self) -> float:
        """Independent looks of the coherence."""

    def mean_sigma(self, coherence: float, cells: int, grid: Grid) -> float:
        """Return the standard deviation of the noise of the mean displacement of some cells, metres."""


@dataclass(frozen=True)
class OwnPair:
    """The products of a pair that dinsar made."""

    pair: Pair
    products: PairProducts

    def los(self, window: Window) -> Floats:
        """Return the displacement, metres, positive toward the satellite; NaN where there is none."""
        return self.products.product(LOS).read_floats(1, window=window).astype(np.float32)

    def sigma(self, window: Window) -> Floats:
        """Return its standard deviation, metres."""
        return self.products.product("los_sigma").read_floats(1, window=window).astype(np.float32)

    def correlation(self, window: Window) -> Floats:
        """Return the coherence, 0 to 1."""
        return self.products.product("coherence").read_floats(1, window=window).astype(np.float32)

    @property
    def looks(self) -> float:
        """Independent looks of the coherence; many where the maps do not tell."""
        return float(self._noise.get("coherence_looks", MANY_LOOKS))

    def mean_sigma(self, coherence: float, cells: int, grid: Grid) -> float:
        """Return the standard deviation of the noise of the mean displacement of some cells, metres.

        Zero where the map does not tell of how many looks it is.
        """
        noise = self._noise
        if not set(NOISE_TAGS) <= set(noise):
            return 0.0
        scale = float(self.products.product(LOS).tags["wavelength_m"]) / (4 * math.pi)
        return scale * math.sqrt(mean_variance(coherence, cells, grid, noise))

    @property
    def _noise(self) -> dict[str, str]:
        return dict(self.products.product("phase_sigma").tags) if "phase_sigma" in self.products.rasters else {}


@dataclass(frozen=True)
class Averaged:
    """Cells around a place whose mean is zero in all pairs.

    Attributes
    ----------
    window : int
        Cells on a side of the square in which they lie.
    cells : int
    """

    window: int
    cells: int


@dataclass(frozen=True)
class PairMaps:
    """Displacement of pairs of dates.

    Attributes
    ----------
    folder : Path
        Where they were found.
    layers : tuple of PairLayers
        Of each pair, in the order of time.
    grid : Grid
    wavelength : float
        Metres.
    tags : dict of str to str
        For the files of the series.
    reference : LonLat or None
        Where all are zero; None where that is beside the map.
    zero : ndarray
        To be subtracted from the displacement of each pair, metres; shape (pairs,).
    variance : ndarray
        To be added to that of the noise of each pair, square metres: it has the noise of its own zero in it, and
        gets that of the common one; shape (pairs,).
    averaged : Averaged or None
        The cells whose mean is zero in all pairs; None where the maps keep the zero that they came with.
    notes : tuple of str
        What the user is told of them.
    """

    folder: Path
    layers: tuple[PairLayers, ...]
    grid: Grid
    wavelength: float
    tags: dict[str, str]
    reference: LonLat | None
    zero: NDArray[np.float64]
    variance: NDArray[np.float64]
    averaged: Averaged | None = None
    notes: tuple[str, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, in order."""
        return tuple(sorted({day for pair in self.pairs for day in pair}))

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs, in the order of time."""
        return tuple(one.pair for one in self.layers)

    def _read(self, rows: slice, layer: Callable[[PairLayers, Window], Floats]) -> Floats:
        """Read a layer of all pairs; shape (pairs, rows, columns)."""
        window = Window(0, rows.start, self.grid.width, rows.stop - rows.start)
        found = np.empty((len(self.layers), rows.stop - rows.start, self.grid.width), np.float32)
        for values, one in zip(found, self.layers, strict=True):
            try:
                values[:] = layer(one, window)
            except RasterioError as error:
                raise UsageError(
                    f"A map of {pair_name(one.pair)} in {self.folder} cannot be read.",
                    "Its file is cut short, or damaged in another way.",
                    MAKE_AGAIN,
                ) from error
        return found

    def displacement(self, rows: slice) -> Floats:
        """Return the displacement of all pairs relative to one place, metres; shape (pairs, rows, columns)."""
        los = self._read(rows, lambda one, window: one.los(window))
        return los - self.zero[:, None, None].astype(np.float32)

    def sigma(self, rows: slice) -> Floats:
        """Return the standard deviation of the noise of all pairs, metres; shape (pairs, rows, columns)."""
        power = np.square(self._read(rows, lambda one, window: one.sigma(window)))
        changed = power + self.variance[:, None, None].astype(np.float32)
        return np.sqrt(np.maximum(changed, _LEAST_POWER * power))

    def coherence(self, rows: slice) -> Floats:
        """Return the coherence of all pairs, 0 to 1; shape (pairs, rows, columns)."""
        return self._read(rows, lambda one, window: one.correlation(window))

    def parts(self) -> Iterator[slice]:
        """Return rows that fit into memory together, of all pairs."""
        height = max(1, _MOST_VALUES // (self.grid.width * len(self.pairs)))
        for first in range(0, self.grid.height, height):
            yield slice(first, min(first + height, self.grid.height))

    def without(self, dates: Collection[date]) -> PairMaps:
        """Return the maps of the pairs that have none of some dates."""
        return self.only(pairs_without(self.pairs, dates))

    def shifted(self, metres: NDArray[np.floating[Any]]) -> PairMaps:
        """Return the maps with something taken off each, metres; shape (pairs,)."""
        return replace(self, zero=self.zero + metres)

    def only(self, kept: Sequence[int]) -> PairMaps:
        """Return the maps of some of the pairs, by their numbers."""
        layers = tuple(self.layers[number] for number in kept)
        return replace(self, layers=layers, zero=self.zero[list(kept)], variance=self.variance[list(kept)])


def pairs_without(pairs: Sequence[Pair], dates: Collection[date]) -> list[int]:
    """Return the numbers of the pairs that have none of some dates."""
    return [number for number, pair in enumerate(pairs) if not set(pair) & set(dates)]


def open_maps(folder: Path, files: Products) -> PairMaps:
    """Open the maps of a stack, of a folder with the folders of runs, or the interferograms of another program.

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
    foreign = [] if has_own(folder) else foreign_pairs(folder, files)
    return _foreign_maps(folder, foreign) if foreign else maps_of(folder, _products(folder), files)


def has_own(folder: Path) -> bool:
    """Tell whether a folder has maps that dinsar made."""
    found = (folder / STACK_FILE).is_file() or (folder / RUN_FILE).is_file() or runs_in(folder)
    return bool(found or _maps_in(folder))


def _maps_in(folder: Path) -> list[Path]:
    """Return the folders of maps that ``dinsar displacement`` made of topsApp folders, side by side or in these."""
    found = (*folder.glob(f"*/{MAP_RECORD}"), *folder.glob(f"*/*/{MAP_RECORD}"))
    return sorted(path.parent for path in found if (path.parent / PRODUCTS).is_dir())


def maps_of(folder: Path, products: Sequence[PairProducts], files: Products) -> PairMaps:
    """Return the maps of pairs that dinsar made, if they go together.

    Parameters
    ----------
    folder : Path
        By which they are called in messages.
    products : sequence of PairProducts
    files : Products
        What they are read with.

    Raises
    ------
    UsageError
        When they do not go together.
    NoDataError
        When there are too few.
    """
    found = sorted(
        (OwnPair(_pair_of(one), replace(one, files=files)) for one in products), key=lambda one: one.pair
    )
    _check_pairs(folder, [(one.pair, one.products.folder) for one in found])
    made = [one.products for one in found]
    grid = _common_grid([one.rasters[name] for one in made for name in _NEEDED], files)
    _check_alike(made)
    tags = made[0].product(LOS).tags
    points = {one.product(LOS).tags.get("reference_point", "") for one in made}
    place = None
    if len(points) == 1 and "," in (text := points.pop()):
        lon, _, lat = text.partition(",")
        place = LonLat(float(lon), float(lat))
    kept: dict[str, str] = {name: tags[name] for name in _TAGS if name in tags}
    nothing = np.zeros(len(found))
    return PairMaps(folder, tuple(found), grid, float(tags["wavelength_m"]), kept, place, nothing, nothing)


def _foreign_maps(folder: Path, found: Sequence[ForeignPair]) -> PairMaps:
    found = sorted(found, key=lambda one: one.pair)
    _check_pairs(folder, [(one.pair, one.phase) for one in found])
    grid = _common_grid([path for one in found for path in (one.phase, one.coherence)], found[0].files)
    wavelengths = sorted({one.wavelength for one in found})
    if wavelengths[-1] > 1.001 * wavelengths[0]:
        raise UsageError(
            f"The interferograms in {folder} have different wavelengths.",
            f"Their tags tell {wavelengths[0]:g} and {wavelengths[-1]:g} m: they are of different satellites.",
            "Give each satellite a folder of its own.",
        )
    note = (
        f"interferograms of another program: positive phase is taken for motion away from the satellite, their "
        f"coherence for one of {LOOKS:.0f} independent looks"
    )
    tags = {"wavelength_m": f"{wavelengths[0]:.8g}"}
    nothing = np.zeros(len(found))
    return PairMaps(folder, tuple(found), grid, wavelengths[0], tags, None, nothing, nothing, notes=(note,))


def _products(folder: Path) -> list[PairProducts]:
    folders = StackFolders(folder)
    record = StackRecord.open(folders.record)
    if record is None:
        maps = [] if (folder / RUN_FILE).is_file() or runs_in(folder) else _maps_in(folder)
        return [products_of(one) for one in maps] or find_products(folder)[0]
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
    except RasterioError as error:
        raise UsageError(f"{one.rasters[LOS]} cannot be read.", f"It is damaged: {error}.", MAKE_AGAIN) from error
    dates = dates_of(tags)
    if dates is None or not _is_number(tags.get("wavelength_m")):
        raise UsageError(
            f"{one.rasters[LOS]} does not tell its dates or its wavelength.",
            "It has them as tags when dinsar wrote it.",
            MAKE_AGAIN,
        )
    first, second = dates
    if first >= second:
        raise UsageError(
            f"{one.rasters[LOS]} has the later date first.",
            f"Its tags tell {first} as the reference and {second} as the secondary: its sign is not that of a map "
            "of dinsar, which has the earlier date first.",
            MAKE_AGAIN,
        )
    return first, second


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False


def _check_pairs(folder: Path, found: Sequence[tuple[Pair, Path]]) -> None:
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


def _common_grid(paths: Sequence[Path], files: Products) -> Grid:
    """Return the grid of all maps: cell by cell the same."""
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
    return f"{grid.width} x {grid.height} cells of {grid.posting:g} from {corner} in {grid.crs}"


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


def _told_of(one: PairProducts) -> dict[str, str]:
    """Return what a map and its record tell of how it was made."""
    journal = one.folder / RUN_FILE
    record = read_journal(journal) if journal.is_file() else read_map_record(one.folder)
    noise = one.product("phase_sigma").tags if "phase_sigma" in one.rasters else {}
    told = {
        "filter": noise.get("filter_strength", record.get("filter_strength")),
        "polarization": (record.get("pair") or {}).get("polarization"),
    }
    return one.product(LOS).tags | {name: str(value) for name, value in told.items() if value is not None}


def _check_alike(products: Sequence[PairProducts]) -> None:
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


def _direction(one: PairProducts) -> NDArray[np.float64] | None:
    mean = one.product("los_vector").mean_direction() if "los_vector" in one.rasters else None
    return None if mean is None else np.array(mean)


def tags_of(maps: PairMaps) -> dict[str, str]:
    """Return what the files of the series tell of the maps that they are made of."""
    place = {} if maps.reference is None else {"reference_point": f"{maps.reference.lon},{maps.reference.lat}"}
    return maps.tags | place
