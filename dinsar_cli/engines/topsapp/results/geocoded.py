"""What topsApp's own geocoding left (``*.geo``), put on a map grid.

topsApp samples its layers at the posts of the DEM: the nearest look cell for everything but complex files. The
phase is therefore up to half a look cell off, and wrapped and unwrapped phase differ by as much. Its geotransforms
hold the position of the sample, where those of GDAL hold that of its corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.sections.map import GridConfig
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile, isce_release, parse_xml, properties
from dinsar_cli.engines.topsapp.results.layers import los_from_angles, unit_phasor
from dinsar_cli.errors import EngineError, NoDataError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.grid import Bounds, Grid, grid_for, posting_for_looks

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

UNWRAPPED, WRAPPED = "filt_topophase.unw.geo", "filt_topophase.flat.geo"
CORRELATION, COMPONENTS, LOS = "topophase.cor.geo", "filt_topophase.unw.conncomp.geo", "los.rdr.geo"
IONOSPHERE = "topophase.ion.geo"
_HEIGHTS = ("z.rdr.geo", "dem.crop")
_SAME_POSITION = 0.01  # of a sample, by which lattices of the same run may differ
_SQUARE = 1e-9  # of a step, by which those of both directions may differ
_VOID = -1000.0  # m; no ground is lower


@dataclass(frozen=True)
class Lattice:
    """Positions of the samples of a geocoded file, degrees: from the north-west one to the east and the south."""

    west: float
    north: float
    step_x: float
    step_y: float
    width: int
    length: int

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the samples: west, south, east, north."""
        west, north = self.west - self.step_x / 2, self.north + self.step_y / 2
        return west, north - self.length * self.step_y, west + self.width * self.step_x, north

    @property
    def is_square(self) -> bool:
        """Whether its steps are the same in both directions, as those of a map grid are."""
        return math.isclose(self.step_x, self.step_y, rel_tol=_SQUARE)

    def crop(self, roi: Bounds | None) -> Grid | None:
        """Map grid of the samples themselves that meet an area; None where there are none."""
        west, _, _, north = self.bounds
        first, last, top, bottom = 0, self.width, 0, self.length
        if roi is not None:
            first = max(0, math.floor((roi[0] - west) / self.step_x + 1e-6))
            last = min(self.width, math.ceil((roi[2] - west) / self.step_x - 1e-6))
            top = max(0, math.floor((north - roi[3]) / self.step_y + 1e-6))
            bottom = min(self.length, math.ceil((north - roi[1]) / self.step_y - 1e-6))
        if first >= last or top >= bottom:
            return None
        corner = west + first * self.step_x, north - top * self.step_y
        return Grid(GEOGRAPHIC, *corner, self.step_x, last - first, bottom - top)

    def indices(self, grid: Grid) -> tuple[Array, Array]:
        """Return the fractional line and sample of the pixel centres of a map grid; NaN outside."""
        x, y = np.meshgrid(grid.x_centres, grid.y_centres)
        if not grid.is_geographic:
            x, y = transformer(grid.crs, GEOGRAPHIC).transform(x, y)
        x = near(x, self.west + self.width * self.step_x / 2)
        # a sample stands for its surroundings, and rounding errors must not cost the edges
        line, column = (np.round((self.north - y) / self.step_y, 6), np.round((x - self.west) / self.step_x, 6))
        outside = (np.abs(line - (self.length - 1) / 2) > self.length / 2) | (
            np.abs(column - (self.width - 1) / 2) > self.width / 2
        )
        line, column = np.clip(line, 0, self.length - 1), np.clip(column, 0, self.width - 1)
        line[outside] = column[outside] = np.nan
        return line, column


@dataclass(frozen=True)
class GeocodedRun:
    """The geocoded layers of a topsApp folder.

    Attributes
    ----------
    lattice : Lattice
        Of all of them.
    files : dict
        Those that are there, by name; always the unwrapped phase.
    heights : IsceFile or None
        Heights above the ellipsoid.
    """

    lattice: Lattice
    files: dict[str, IsceFile]
    heights: IsceFile | None

    @classmethod
    def open(cls, merged: Path) -> GeocodedRun:
        """Read the headers.

        Raises
        ------
        EngineError
            When a file is damaged, has another number of bands, or they do not have the same positions.
        """
        bands = {UNWRAPPED: 2, WRAPPED: 1, CORRELATION: 2, COMPONENTS: 1, LOS: 2, IONOSPHERE: 1}
        paths = {name: merged / name for name in bands}
        files = {
            name: _with_bands(path, bands[name])
            for name, path in paths.items()
            if path.is_file() or name == UNWRAPPED
        }
        lattice = _lattice(files[UNWRAPPED])
        for file in files.values():
            if not _same(lattice, _lattice(file)):
                raise _unfit(file, files[UNWRAPPED])
        height = next((merged / name for name in _HEIGHTS if (merged / name).is_file()), None)
        heights = _with_bands(height, 1) if height else None
        # dem.crop has no positions of its own: it is written for those of the layers
        if heights and (heights.length, heights.width) != (lattice.length, lattice.width):
            raise _unfit(heights, files[UNWRAPPED])
        return cls(lattice, files, heights)

    @property
    def missing(self) -> tuple[str, ...]:
        """Products that cannot be made."""
        wanted = {
            "wrapped_phase": WRAPPED in self.files,
            "coherence": CORRELATION in self.files,
            "connected_components": COMPONENTS in self.files,
            "los_vector": LOS in self.files,
            "incidence_angle": LOS in self.files,
            "vertical_displacement": LOS in self.files,
            "elevation": self.heights is not None,
            "amplitude": False,
        }
        return tuple(name for name, there in wanted.items() if not there)

    def unwrapped(self, first: int, last: int, *, backwards: bool) -> tuple[Floats, Array | None]:
        """Return the lines of the unwrapped phase of earlier x conj(later), and of its components.

        Parameters
        ----------
        first, last : int
            Lines.
        backwards : bool
            topsApp's reference is the later date: the phase gets the other sign.

        Returns
        -------
        phase : ndarray
            Radians; NaN where there is none.
        components : ndarray or None
            0 = none; None where topsApp did not geocode them.
        """
        phase = self.files[UNWRAPPED].read(2, first, last)
        known = np.isfinite(phase) & (phase != 0)
        phase = np.where(known, -phase if backwards else phase, np.float32(np.nan))
        file = self.files.get(COMPONENTS)
        return phase, None if file is None else np.where(known, file.read(1, first, last), 0).astype(np.uint16)

    def wrapped(self, first: int, last: int, *, backwards: bool) -> Array | None:
        """Return lines of complex numbers of size one with the wrapped phase, NaN where there is none.

        See `unwrapped`.
        """
        file = self.files.get(WRAPPED)
        return None if file is None else unit_phasor(file.read(1, first, last), backwards=backwards)

    def ionosphere(self, first: int, last: int, *, backwards: bool) -> Floats | None:
        """Return lines of the phase of the ionosphere, radians, NaN where there is no interferogram.

        See `unwrapped`.
        """
        file = self.files.get(IONOSPHERE)
        if file is None:
            return None
        known = np.isfinite(self.unwrapped(first, last, backwards=backwards)[0])
        phase = file.read(1, first, last)
        return np.where(known, -phase if backwards else phase, np.float32(np.nan))

    def check_ionosphere(self) -> None:
        """See that there is a phase of the ionosphere.

        Raises
        ------
        NoDataError
            When topsApp did not geocode it.
        """
        if IONOSPHERE not in self.files:
            raise NoDataError(
                "The correction ionosphere cannot be made.",
                f"{self.files[UNWRAPPED].path.with_name(IONOSPHERE)} is missing.",
                "Leave corrections.ionosphere out, or name merged/topophase.ion in topsApp's `geocode list` "
                "and run its step geocode again, after a run with `do ionosphere correction`.",
            )

    def coherence(self, first: int, last: int) -> Floats | None:
        """Give lines of band 2 of ``topophase.cor``; ``phsig.cor`` is a figure of the phase and no coherence."""
        file = self.files.get(CORRELATION)
        if file is None:
            return None
        amplitude, coherence = (file.read(band, first, last) for band in (1, 2))
        known = np.isfinite(coherence) & ((amplitude != 0) | (coherence != 0))
        return np.where(known, np.clip(coherence, 0, 1), np.float32(np.nan))

    def directions(self, first: int, last: int) -> Floats | None:
        """Return the lines of unit vectors to the satellite, shape (3, lines, width); NaN where unknown."""
        file = self.files.get(LOS)
        return None if file is None else los_from_angles(*(file.read(band, first, last) for band in (1, 2)))

    def elevation(self, first: int, last: int) -> Floats | None:
        """Give lines of heights above the ellipsoid, metres; those of ``dem.crop`` are cut off to whole metres."""
        if self.heights is None:
            return None
        height = self.heights.read(1, first, last).astype(np.float32)
        return np.where(height > _VOID, height, np.float32(np.nan))

    def isce_version(self) -> str:
        """Return the release of ISCE2 that wrote them."""
        return isce_release(self.files[UNWRAPPED].path)

    def grid(self, roi: Bounds | None, wish: GridConfig) -> Grid:
        """Map grid: the samples themselves, unless another system, posting or origin is wanted.

        Parameters
        ----------
        roi : Bounds or None
            Area in degrees; None for all.
        wish : GridConfig
            The section of the configuration.

        Raises
        ------
        NoDataError
            When no sample lies in the area.
        UsageError
            When the map cannot be made so.
        """
        lattice = self.lattice
        own = lattice.crop(roi)
        if own is None:
            raise NoDataError(
                "No radar data lies in the area.",
                f"The geocoded layers span {' '.join(f'{edge:.5f}' for edge in lattice.bounds)} (W S E N).",
                "Choose an area inside.",
            )
        crs, posting = wish.crs, wish.posting
        if lattice.is_square and crs == GEOGRAPHIC and posting is None and wish.origin is None:
            return own
        if posting is None and crs == GEOGRAPHIC:
            posting = lattice.step_y
        elif posting is None:
            east, north = own.metres_per_unit
            posting = posting_for_looks(lattice.step_x * east, lattice.step_y * north, crs)
        return grid_for(roi or lattice.bounds, crs, posting, wish.corner)


def _with_bands(path: Path, bands: int) -> IsceFile:
    file = IsceFile.open(path)
    if file.bands != bands:
        raise EngineError(
            f"{path} is not what its name says.",
            f"It has {file.bands} bands, not {bands}.",
            "Run the step geocode of topsApp again.",
        )
    return file


def _lattice(file: IsceFile) -> Lattice:
    """Return the positions that the header of a geocoded file tells."""
    header = file.path.with_name(f"{file.path.name}.xml")
    root = parse_xml(header)
    try:
        west, step_x = _axis(root.find("component[@name='coordinate1']"), 1)
        north, step_y = _axis(root.find("component[@name='coordinate2']"), -1)
    except ValueError as error:
        raise EngineError(
            f"{header} has no positions.",
            f"It does not tell where the samples lie on the map: {error}.",
            "Run the step geocode of topsApp again.",
        ) from error
    return Lattice(west, north, step_x, step_y, file.width, file.length)


def _axis(element: Any, sign: int) -> tuple[float, float]:
    """Return the first position, and size of the step, whose sign is given: to the east and to the south."""
    values = {} if element is None else properties(element)
    try:
        start, step = float(values["startingvalue"]), sign * float(values["delta"])
    except KeyError as error:
        raise ValueError(f"it has no {error}") from None
    if not (math.isfinite(start) and 0 < step < 1):
        raise ValueError(f"start {start} and step {sign * step} are not those of a map from its north-west")
    return start, step


def _same(one: Lattice, other: Lattice) -> bool:
    near = (
        math.isclose(one.west, other.west, abs_tol=_SAME_POSITION * one.step_x),
        math.isclose(one.north, other.north, abs_tol=_SAME_POSITION * one.step_x),
        math.isclose(one.step_x, other.step_x, rel_tol=1e-6),
        math.isclose(one.step_y, other.step_y, rel_tol=1e-6),
    )
    return (one.width, one.length) == (other.width, other.length) and all(near)


def _unfit(file: IsceFile, other: IsceFile) -> EngineError:
    return EngineError(
        f"{file.path} does not fit {other.path.name}.",
        f"{file.length} x {file.width} samples against {other.length} x {other.width}, or they lie elsewhere.",
        "They are of different runs: run the step geocode of topsApp again.",
    )
