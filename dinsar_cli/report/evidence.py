"""What a report knows of a finished run: its layers with few enough cells, its record, and the verdicts on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from dinsar_cli.base.journal import RADAR, RUN_FILE, read_journal, read_map_record
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.reader import Product
from dinsar_cli.report.measures import (
    FarField,
    HeightTrend,
    cycle_jumps,
    dem_gap,
    far_field,
    height_trend,
    jump_length,
    noise_share,
    orbit_error,
    other_components,
    outside_share,
    water_share,
)
from dinsar_cli.report.page_layers import WORDS, describe, read_band, reference_point, shown_shape
from dinsar_cli.report.seams import UNKNOWN, Seam, seams_of, worst
from dinsar_cli.report.verdicts import RULES, Verdict, judge

Floats = NDArray[np.floating[Any]]

_STRIP = 512  # rows: those of a tile of the files
_MOST_FULL = 16_000_000  # cells that are looked at in full resolution for cycle jumps; of more, strips are taken
_CALM = 3.0  # times the scatter of the far field that count as motion of the reference
_NORMAL_TILT = 0.03  # m: the atmosphere's


@dataclass(frozen=True)
class Evidence:
    """What is known of a finished run.

    Attributes
    ----------
    pair : PairProducts
        Its files.
    grid : Grid
        Of the rasters.
    tags : dict of str to str
        Of the displacement.
    record : dict
        Content of its run.json; empty where there is none.
    shape : (int, int)
        Rows and columns of the bands.
    bands : dict of str to ndarray
        Products by name, of this shape, in their units; ``amplitude.secondary`` is the second band of amplitude.
    components : ndarray of int
        0 = none; all 1 where they are not known.
    far : FarField or None
        None where there is too little displacement.
    trend : HeightTrend or None
        None where it cannot be told.
    seams : tuple of Seam
        Empty where the layers on the radar grid are gone.
    verdicts : tuple of Verdict
        In the order of the rules.
    """

    pair: PairProducts
    grid: Grid
    tags: dict[str, str]
    record: dict[str, Any]
    shape: tuple[int, int]
    bands: dict[str, Floats]
    components: NDArray[np.integer[Any]]
    far: FarField | None
    trend: HeightTrend | None
    seams: tuple[Seam, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def los(self) -> Floats:
        """Displacement, metres."""
        return self.bands["los_displacement"]

    @property
    def reference(self) -> tuple[float, float] | None:
        """Longitude and latitude to which the displacement is relative."""
        return reference_point(self.tags)

    @property
    def read(self) -> dict[tuple[str, int], Floats]:
        """The bands by product and number."""
        parts = {name: name.partition(".") for name in self.bands}
        return {(product, 2 if second else 1): self.bands[name] for name, (product, _, second) in parts.items()}

    def lonlat(self, row: int, column: int) -> tuple[float, float]:
        """Return the longitude and latitude of a cell of the bands."""
        rows, columns = self.shape
        return self.grid.lonlat(
            int((row + 0.5) * self.grid.height / rows), int((column + 0.5) * self.grid.width / columns)
        )

    def details(self, stage: str) -> dict[str, Any]:
        """Tell what a stage noted."""
        found = ((self.record.get("stages") or {}).get(stage) or {}).get("details")
        return found if isinstance(found, dict) else {}


_BANDS = (
    "los_displacement",
    "los_sigma",
    "coherence",
    "wrapped_phase",
    "connected_components",
    "elevation",
    "incidence_angle",
    "amplitude",
)


def gather(pair: PairProducts, record: Mapping[str, Any] | None = None) -> Evidence:
    """Read what a report needs, and judge it.

    Parameters
    ----------
    pair : PairProducts
        A pair with displacement.
    record : mapping, optional
        Content of its run.json as far as it is known; read from the file if not given.

    Raises
    ------
    NoDataError
        When there is no displacement.
    UsageError
        When a raster cannot be read.
    """
    if "los_displacement" not in pair.rasters:
        raise NoDataError(
            f"There is no los_displacement.tif in {pair.folder}.",
            "A report tells of a displacement map.",
            "Give the folder of a finished run, or make the map first with: dinsar run",
        )
    if record is None:
        journal = pair.folder / RUN_FILE
        record = read_journal(journal) if journal.is_file() else read_map_record(pair.folder)
    grid, _ = describe(pair)
    with WORDS.about(pair.rasters["los_displacement"]):
        tags = pair.product("los_displacement").tags
    shape = shown_shape(grid)
    bands = _read_bands(pair, shape)
    los = bands["los_displacement"]
    components = np.nan_to_num(bands.get("connected_components", np.isfinite(los).astype(np.float32))).astype(int)
    far = _far_field(grid, shape, los, components)
    elevation = bands.get("elevation")
    trend = None if far is None or elevation is None else height_trend(los - far.surface, elevation, far.cells)
    seams = seams_of(pair.folder / RADAR)
    found = Evidence(pair, grid, tags, dict(record), shape, bands, components, far, trend, seams, ())
    return _judged(found)


def _read_bands(pair: PairProducts, shape: tuple[int, int]) -> dict[str, Floats]:
    bands = {name: read_band(pair.product(name), 1, shape, LAYERS[name]) for name in _BANDS if name in pair.rasters}
    if "amplitude" in bands:
        bands["amplitude.secondary"] = read_band(pair.product("amplitude"), 2, shape, LAYERS["amplitude"])
    return bands


def kilometres(grid: Grid, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the kilometres east and north of the middle of the map, for cells of a shape that covers it."""
    rows, columns = shape
    east = (np.arange(columns) + 0.5 - columns / 2) * grid.posting * grid.width / columns * grid.metres_per_unit[0]
    north = (rows / 2 - np.arange(rows) - 0.5) * grid.posting * grid.height / rows * grid.metres_per_unit[1]
    x, y = np.meshgrid(east / 1000, north / 1000)
    return x, y


def _far_field(
    grid: Grid, shape: tuple[int, int], los: Floats, components: NDArray[np.integer[Any]]
) -> FarField | None:
    try:
        return far_field(los, *kilometres(grid, shape), components)
    except NoDataError:
        return None


def _judged(found: Evidence) -> Evidence:
    """Return the evidence with its verdicts, in the order of the rules."""
    by_key = {verdict.rule.key: verdict for verdict in (*_of_phase(found), *_of_geometry(found))}
    return replace(found, verdicts=tuple(by_key[key] for key in RULES))


def _of_phase(found: Evidence) -> list[Verdict]:
    coherence, amplitude = found.bands.get("coherence"), found.bands.get("amplitude")
    seam = worst(found.seams)
    step = seam.step if seam else UNKNOWN
    both = None if amplitude is None else (amplitude + found.bands["amplitude.secondary"]) / 2
    known = coherence is not None
    water = water_share(found.los, coherence, found.bands.get("elevation"), both) if coherence is not None else None
    return [
        judge("coherence", noise_share(coherence) if coherence is not None else None),
        judge("cycle_jump", _jump_length(found) if known else None),
        judge(
            "components", other_components(found.los, found.components) if np.isfinite(found.los).any() else None
        ),
        judge("water", water),
        judge("burst_step", abs(step.value), step.limit, seam.told if seam else ""),
    ]


def _of_geometry(found: Evidence) -> list[Verdict]:
    far, seen = found.far, _seen(found)
    elevation, incidence = found.bands.get("elevation"), found.bands.get("incidence_angle")
    error, angles = math.nan, math.nan
    if far is not None and incidence is not None:
        error, angles = orbit_error(far.surface, incidence, far.cells)
    away, allowed = _reference_offset(found)
    gap = None if elevation is None else dem_gap(elevation, seen, _outside_dem(found))
    return [
        judge("ramp", None if far is None else far.span),
        judge("orbit", error, _NORMAL_TILT / angles if math.isfinite(angles) else None),
        judge("reference", away, allowed),
        judge("height", None if found.trend is None else found.trend.size),
        judge("dem", gap),
    ]


def _seen(found: Evidence) -> NDArray[np.bool_]:
    """Return the cells in which the radar has data."""
    seen: NDArray[np.bool_] = np.isfinite(found.los)
    for name in ("coherence", "amplitude"):
        if name in found.bands:
            seen = seen | np.isfinite(found.bands[name])
    return seen


def _reference_offset(found: Evidence) -> tuple[float | None, float | None]:
    """Measure how far the far field is from zero at the reference point, and may be by its scatter, metres."""
    if found.far is None or found.reference is None:
        return None, None
    row, column = found.grid.index(*found.reference)
    rows, columns = found.shape
    cell = row * rows // found.grid.height, column * columns // found.grid.width
    if not (0 <= cell[0] < rows and 0 <= cell[1] < columns):
        return None, None
    return abs(float(found.far.surface[cell])), _CALM * found.far.scatter


def _outside_dem(found: Evidence) -> float:
    """Return the share of the map beyond the edges of the DEM, where its file is still there; else 0."""
    path = found.details("dem").get("path")
    if not path or not Path(str(path)).is_file():
        return 0.0
    try:
        with Product(Path(str(path))) as dem, dem.dataset() as dataset:
            outer = transform_bounds(dataset.crs, found.grid.crs, *dataset.bounds)
    except RasterioError:
        return 0.0
    return outside_share(found.grid.bounds, outer)


def _jump_length(found: Evidence) -> float | None:
    """Return the length of the cycle jumps in full resolution, of strips that are spread over a large map."""
    names = ("unwrapped_phase", "wrapped_phase", "coherence", "connected_components")
    if any(name not in found.pair.rasters for name in names):
        return None

    height, width = found.grid.shape
    firsts = list(range(0, height, _STRIP))
    wanted = max(1, min(len(firsts), _MOST_FULL // (_STRIP * width)))
    chosen = sorted({firsts[round(n * (len(firsts) - 1) / max(1, wanted - 1))] for n in range(wanted)})
    jumps = cells = 0
    for first in chosen:
        window = Window(0, first, width, min(_STRIP, height - first))
        unwrapped, wrapped, coherence, components = (_strip(found.pair.product(name), window) for name in names)
        here, counted = cycle_jumps(unwrapped, wrapped, coherence, components)
        jumps, cells = jumps + here, cells + counted
    share = len(firsts) / len(chosen)
    return jump_length(jumps * share, cells * share)


def _strip(product: Product, window: Any) -> NDArray[Any]:
    with WORDS.about(product.path):
        return product.read(1, window=window)
