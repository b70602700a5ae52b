"""The lines across which the phase may jump: whether they are on the map, and by how much it jumps there."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.along import across, along_line
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.lines import FORMS, METRES_PER_DEGREE, read_lines

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

_OPTION: Final = "unwrap.cut"
_LEAST_CELLS: Final = 2  # of the map
_BESIDE: Final = 5  # cells on each side whose median counts
_PARTED: Final = 0.5  # share of the places whose sides are of two components


@dataclass(frozen=True)
class CutFacts:
    """What is known of the lines across which the phase may jump.

    Attributes
    ----------
    lines : list
        Points of each on the map: longitude and latitude, degrees.
    length : float
        On the map, metres.
    places : int
        Along the lines, a cell apart, at which both sides have displacement of one component.
    parted : float
        Share of the places with displacement on both sides where that is of two components.
    median, largest : float or None
        Displacement to the left minus that to the right, seen along the line: the median of its size, and the one
        that is largest, metres; None where nothing can be told.
    longitude, latitude : float or None
        Where it is largest.
    """

    lines: list[list[list[float]]]
    length: float
    places: int
    parted: float
    median: float | None = None
    largest: float | None = None
    longitude: float | None = None
    latitude: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For the journal."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any] | None) -> CutFacts | None:
        """Return what `to_dict` gave; None where it is nothing."""
        return cls(**record) if record else None

    @property
    def caution(self) -> str:
        """What to keep in mind; empty for nothing."""
        if self.parted < _PARTED:
            return ""
        return (
            f"The cut ({_OPTION}) parts the ground: along {self.parted:.0%} of it the two sides are of different "
            "components, and how many whole cycles (2.8 cm) lie between them is unknown. Let it end where nothing "
            "jumps, so that the phase is known around its end."
        )


def cut_told(record: Mapping[str, Any] | None, wavelength: float | None = None) -> str:
    """Tell what jumps across the lines that `CutFacts.to_dict` gave; empty where none are cut."""
    facts = CutFacts.from_dict(record)
    if facts is None:
        return ""
    length = f"{facts.length / 1000:.1f} km of lines"
    if facts.largest is None or facts.median is None:
        return f"{length}; by how much displacement jumps there is not known"
    cycles = f" ({2 * abs(facts.largest) / wavelength:.1f} cycles)" if wavelength else ""
    return (
        f"{length}; displacement jumps by {100 * abs(facts.largest):.1f} cm{cycles} at {facts.longitude:.4f}, "
        f"{facts.latitude:.4f} (longitude, latitude), by {100 * facts.median:.1f} cm in the median"
    )


def check_cut(text: str, grid: Grid) -> None:
    """See that the lines across which the phase may jump are on the map, before anything expensive starts.

    Parameters
    ----------
    text : str
        As for `dinsar_cli.geo.lines.read_lines`.

    Raises
    ------
    UsageError
        When they cannot be read.
    NoDataError
        When they lie outside the map, or are shorter than two of its cells.
    """
    whole = read_lines(text, _OPTION)
    lines = whole.within(grid.lonlat_bounds)
    cell = _cell(grid)
    if lines.length < _LEAST_CELLS * cell:
        west, south, east, north = grid.lonlat_bounds
        found = "{:.4g} {:.4g} {:.4g} {:.4g}".format(*whole.bounds)
        raise NoDataError(
            f"The lines of {_OPTION} do not cut the map.",
            f"Of {whole.length / 1000:.3g} km (within {found}) {lines.length:.0f} m lie on the map "
            f"({west:.4g} {south:.4g} {east:.4g} {north:.4g}), whose cells are {cell:.0f} m wide.",
            f"{FORMS} On the map they must be longer than {_LEAST_CELLS} cells.",
        )


def cut_facts(text: str, grid: Grid, los: Floats, components: Labels) -> CutFacts:
    """Measure by how much displacement jumps across the lines.

    Parameters
    ----------
    text : str
        As for `dinsar_cli.geo.lines.read_lines`.
    los : ndarray
        Metres; shape of the grid.
    components : ndarray
        Connected components, 0 = none.

    Raises
    ------
    UsageError
        When they cannot be read.
    """
    lines = read_lines(text, _OPTION).within(grid.lonlat_bounds)
    shown = [shapely.get_coordinates(shapely.simplify(part, 0.2 * _degrees(grid))) for part in lines.parts]
    facts = CutFacts([xy.round(7).tolist() for xy in shown], lines.length, 0, 0.0)
    if not lines.parts:
        return facts
    beside = [_jumps(part, grid, los, components) for part in lines.parts]
    lonlat, jump, same = (np.concatenate(each) for each in zip(*beside, strict=True))
    known = np.isfinite(jump)
    facts = replace(facts, parted=float(np.mean(~same[known])) if known.any() else 0.0)
    lonlat, jump = lonlat[known & same], jump[known & same]
    if not jump.size:
        return facts
    most = int(np.argmax(np.abs(jump)))
    return replace(
        facts,
        places=int(jump.size),
        median=float(np.median(np.abs(jump))),
        largest=float(jump[most]),
        longitude=float(lonlat[most, 0]),
        latitude=float(lonlat[most, 1]),
    )


def _degrees(grid: Grid) -> float:
    """Return the size of a cell, degrees of latitude."""
    return _cell(grid) / METRES_PER_DEGREE


def _cell(grid: Grid) -> float:
    return max(grid.metres_per_unit) * grid.posting


def _jumps(
    line: BaseGeometry, grid: Grid, los: Floats, components: Labels
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return places along a line, displacement to its left minus to its right, and whether both are comparable."""
    along = along_line(line, _cell(grid))
    points, offset = across(along, 2 * _BESIDE * _cell(grid), _cell(grid))
    row, column, inside = grid.indices(points[..., 0], points[..., 1])
    inside &= np.isfinite(los[row, column])
    values = np.where(inside, los[row, column], np.nan).astype(np.float64)
    labels = np.where(inside, components[row, column], 0)
    sides = [(values[:, side], labels[:, side]) for side in (offset < 0, offset > 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # places without any value have none
        left, right = (np.nanmedian(value, axis=1) for value, _ in sides)
    same = np.equal(*(label.max(axis=1) for _, label in sides))
    return along.lonlat, left - right, same
