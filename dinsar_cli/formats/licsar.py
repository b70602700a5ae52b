"""The layout of LiCSAR's products (``GEOC``), which LiCSBAS and kite read: one pair, or many of one place.

LiCSBAS looks for the direction to the satellite beside the folders of the pairs, kite beside the phase in each of
them (without it, it takes fixed angles of a descending track and says so in its log only): it is in both places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import make_folder
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats.citation import copernicus_notice
from dinsar_cli.formats.facts import MAIN, ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.stac import heading_of
from dinsar_cli.geo.crs import GEOGRAPHIC
from dinsar_cli.geo.grid import Grid, grid_for
from dinsar_cli.geo.warp import bilinear
from dinsar_cli.products.layers import Layer, write_cog

Floats = NDArray[np.floating[Any]]

FOLDER = "GEOC"

_NEEDED = (MAIN, "coherence", "los_vector")
_DIRECTION = ("E", "N", "U")
_METADATA, _BASELINES, _README = "metadata.txt", "baselines", "README.txt"
_COMMON = re.compile(r"(\d{3}[AD]|map)\.geo\.([ENU]|hgt|mli)\.tif")
_PAIR = re.compile(r"\d{8}_\d{8}")
_FULL_COHERENCE = 255
_SMALLEST_PHASE = 1e-12  # rad; exactly 0 is no data to those who read these files
_METRES_PER_DEGREE = 111_320.0
_ONE_DIRECTION = 0.02  # largest difference of unit vectors within a track: a degree


@dataclass(frozen=True)
class _Place:
    """Where the rasters of the set lie, and how the layers of a run get there.

    Attributes
    ----------
    source : Grid
        Of the run.
    target : Grid
        Longitude and latitude: the same, or one that holds all of a map in metres.
    """

    source: Grid
    target: Grid

    @classmethod
    def of(cls, grid: Grid) -> _Place:
        if grid.is_geographic:
            return cls(grid, grid)
        metres = grid.posting * grid.metres_per_unit[1]
        return cls(grid, grid_for(grid.lonlat_bounds, GEOGRAPHIC, metres / _METRES_PER_DEGREE))

    def bring(self, values: Floats) -> Floats:
        """Return a layer on the grid of the set, NaN where there is nothing: as it is, or bilinear."""
        if self.source == self.target:
            return values
        single = values.astype(np.float32, copy=False)
        return bilinear(single, self.source.transform, self.source.crs, self.target, tolerance=0)


def check_licsar(facts: ProductFacts) -> None:
    """Make sure that the set can be written.

    Raises
    ------
    NoDataError
        When a layer is missing: without the direction to the satellite kite takes a wrong one.
    UsageError
        When the wavelength or a date is not known.
    """
    for layer in _NEEDED:
        facts.require(layer)
    _ = facts.wavelength
    if facts.mean_direction() is None:
        raise NoDataError(
            "The LiCSAR set cannot be written.",
            f"{facts.rasters['los_vector']} has no direction to the satellite.",
            "Make the products again with: dinsar run",
        )


def check_licsar_together(every: Sequence[ProductFacts]) -> None:
    """Make sure that maps can be in one set: of one grid and track, each of other dates.

    Raises
    ------
    UsageError
        When they cannot.
    """
    problem = "The maps cannot be put into one LiCSAR set."
    first = every[0]
    named: dict[str, ProductFacts] = {}
    for one in every:
        if one.grid != first.grid:
            raise UsageError(
                problem,
                f"{one.name} lies on another grid than {first.name}.",
                f"Make it on that grid (dinsar run --grid-like {first.rasters[MAIN]}), or export it into another "
                "folder.",
            )
        other = named.setdefault(_dates(one), one)
        if other is not one:
            raise UsageError(
                problem,
                f"{other.folder} and {one.folder} are of the same dates.",
                "Export one of them into another folder.",
            )
        with one.files:
            turned = np.abs(np.subtract(_direction(one), _direction(first))).max()
        if turned > _ONE_DIRECTION:
            raise UsageError(
                problem,
                f"{one.name} was seen from another direction than {first.name}.",
                "Export each track into a folder of its own.",
            )


def write_licsar(facts: ProductFacts) -> list[Path]:
    """Write the set of one pair into a folder of its own among the products; its metadata come first."""
    return write_licsar_together([facts], facts.output)


def write_licsar_together(every: Sequence[ProductFacts], folder: Path) -> list[Path]:
    """Write the set of several pairs of a place; its metadata come first.

    Phase is that of the displacement, so that what readers make of it is the displacement: corrections are in it,
    and it is relative to the reference point.

    Parameters
    ----------
    every : sequence of ProductFacts
        That `check_licsar_together` takes.
    folder : Path
        Gets ``GEOC``. Files of an earlier set in it are removed.
    """
    root = make_folder(folder / FOLDER)
    first, place = min(every, key=lambda one: one.dates), _Place.of(every[0].grid)
    with first.files:
        common = list(_write_common(first, place, root))
        texts = [put(root / _METADATA, _metadata(first)), put(root / _README, _readme(first, place))]
    pairs: list[Path] = []
    for one in every:  # the files of each are closed before the next: there may be hundreds
        with one.files:
            pairs += _write_pair(one, place, root)
    baselines = _baselines(every)
    if baselines:
        texts.append(put(root / _BASELINES, baselines))
    made = [*texts, *common, *pairs]
    remove([path for path in files_below(root) if is_own(path, root) and path not in made], root)
    return made


def is_own(path: Path, folder: Path) -> bool:
    """Tell whether a file below ``GEOC`` is one of those that `write_licsar` writes."""
    parts = path.relative_to(folder).parts
    if len(parts) == 1:
        return path.name in {_METADATA, _BASELINES, _README} or _COMMON.fullmatch(path.name) is not None
    name = parts[0]
    made = {f"{name}.geo.{what}.tif" for what in ("unw", "cc", *_DIRECTION)}
    return len(parts) == 2 and _PAIR.fullmatch(name) is not None and parts[1] in made


def _dates(facts: ProductFacts) -> str:
    first, second = facts.dates
    return f"{first:%Y%m%d}_{second:%Y%m%d}"


def _direction(facts: ProductFacts) -> tuple[float, float, float]:
    return facts.mean_direction() or (np.nan, np.nan, np.nan)


def _layer(name: str, text: str, unit: str, sign: str = "", dtype: str = "float32") -> Layer:
    return Layer(name, text, unit, (name,), sign, dtype=dtype, nodata=0)


_PHASE = _layer(
    "unw",
    "Displacement along the line of sight as unwrapped phase",
    "rad",
    "positive away from the satellite, later minus earlier",
)
_COHERENCE = _layer("cc", "Coherence x 255", "1", dtype="uint8")
_HEIGHT = _layer("hgt", "Height above the WGS84 ellipsoid", "m", "positive upward")
_INTENSITY = _layer("mli", "Mean squared digital number of the look cell, uncalibrated", "1")


def _write_common(facts: ProductFacts, place: _Place, root: Path) -> Iterator[Path]:
    """Write what all pairs share: direction to the satellite, height, and intensity of the earliest date."""
    track = facts.name[1:5] if facts.track else "map"
    yield from _write_direction(facts, place, root, track)
    if "elevation" in facts.rasters:
        height = place.bring(facts.read("elevation"))
        yield _write(root / f"{track}.geo.hgt.tif", height, place, _HEIGHT, facts)
    if "amplitude" in facts.rasters:
        intensity = 10 ** (facts.read("amplitude") / 10)
        yield _write(root / f"{track}.geo.mli.tif", place.bring(intensity), place, _INTENSITY, facts)


def _write_pair(facts: ProductFacts, place: _Place, root: Path) -> Iterator[Path]:
    """Write phase, coherence and direction of a pair into the folder of its dates."""
    dates = _dates(facts)
    folder = make_folder(root / dates)
    exact = -4 * np.pi / facts.wavelength * facts.read(MAIN).astype(np.float64)
    phase = place.bring(np.where(exact == 0, _SMALLEST_PHASE, exact))
    yield _write(folder / f"{dates}.geo.unw.tif", phase, place, _PHASE, facts)
    coherence = np.nan_to_num(place.bring(facts.read("coherence")))
    scaled = np.rint(np.clip(coherence, 0, 1) * _FULL_COHERENCE).astype(np.uint8)
    yield _write(folder / f"{dates}.geo.cc.tif", scaled, place, _COHERENCE, facts)
    yield from _write_direction(facts, place, folder, dates)


def _write_direction(facts: ProductFacts, place: _Place, folder: Path, name: str) -> Iterator[Path]:
    parts = np.stack([place.bring(facts.read("los_vector", band)) for band in (1, 2, 3)])
    parts = parts / np.linalg.norm(parts, axis=0)
    for letter, values, toward in zip(_DIRECTION, parts, ("east", "north", "up"), strict=True):
        layer = _layer(letter, f"Unit vector to the satellite: {toward}", "1", "from the ground to the satellite")
        yield _write(folder / f"{name}.geo.{letter}.tif", values, place, layer, facts)


def _write(path: Path, values: NDArray[Any], place: _Place, layer: Layer, facts: ProductFacts) -> Path:
    """Write a raster, in which 0 is no data as in LiCSAR's own."""
    write_cog(path, values, place.target, layer, facts.tags)
    return path


def _metadata(facts: ProductFacts) -> str:
    """Return what LiCSAR tells of a frame, as far as it is known; its readers look for these names."""
    first = facts.dates[0]
    direction = _direction(facts)
    entries = {
        "master": f"{first:%Y%m%d}",
        "center_time": f"{first:%H:%M:%S.%f}",
        "heading": f"{(heading_of(direction) + 180) % 360 - 180:.6f}",
        "avg_incidence_angle": f"{np.degrees(np.arccos(direction[2])):.4f}",
    }
    if "elevation" in facts.rasters:
        entries["avg_height"] = f"{np.nanmean(facts.read('elevation'), dtype=np.float64):.3f}"
    if facts.dem:
        entries["applied_DEM"] = facts.dem.get("source") or Path(facts.dem["file"]).name
    return "".join(f"{key}={value}\n" for key, value in entries.items())


def _baselines(every: Sequence[ProductFacts]) -> str:
    """Return the baseline of each date against the first; empty where the pairs do not tell them all.

    Those of pairs with a common date differ a little along the scene: they are brought together by least squares.
    """
    days = sorted({day.date() for one in every for day in one.dates})
    if any(one.baseline is None for one in every):
        return ""
    design = np.zeros((len(every) + 1, len(days)))
    design[-1, 0] = 1  # the first is the one that the others are told against
    for row, one in enumerate(every):
        first, second = (days.index(day.date()) for day in one.dates)
        design[row, first], design[row, second] = -1, 1
    values = np.array([*(one.baseline for one in every), 0.0], np.float64)
    solution, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    if rank < len(days):  # pairs that do not hang together
        return ""
    lines = (
        f"{days[0]:%Y%m%d} {day:%Y%m%d} {value:.2f} {(day - days[0]).days}"
        for day, value in zip(days[1:], solution[1:], strict=True)
    )
    return "\n".join(lines) + "\n"


def _readme(facts: ProductFacts, place: _Place) -> str:
    maker = f"dinsar {facts.tags.get('version', '')} (engine {facts.tags.get('engine', 'not stated')})"
    resampled = (
        f"The maps are in {place.source.title}; they were resampled to longitude and latitude (bilinear), since\n"
        "readers take nothing else."
        if place.source != place.target
        else "The rasters are those of the maps, cell by cell."
    )
    return f"""Made by {maker}, not by COMET's LiCSAR, with the names, units and signs of its products.

YYYYMMDD_YYYYMMDD/*.geo.unw.tif  rad, positive away from the satellite, later minus earlier
YYYYMMDD_YYYYMMDD/*.geo.cc.tif   coherence x 255
*.geo.E.tif, .N.tif, .U.tif      unit vector from the ground to the satellite; LiCSBAS reads those here, kite those
                                 beside *.geo.unw.tif
*.geo.hgt.tif                    m above the WGS84 ellipsoid (LiCSAR's own are above the geoid)
*.geo.mli.tif                    intensity of the earlier date, uncalibrated
baselines                        first date, date, perpendicular baseline (m), days

The phase is that of the displacement of the maps: displacement (m, positive toward the satellite) = -unw x
wavelength / (4 pi), with a wavelength of {facts.wavelength!r} m. Corrections are in it, and it is relative to
{facts.relative_to}.
{resampled}
0 is no data. Between connected components of the unwrapping whole cycles are unknown: see flags.tif of the maps.

{copernicus_notice(facts)}
"""
