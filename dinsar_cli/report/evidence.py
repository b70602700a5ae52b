"""What a report knows of a finished run: its layers with few enough cells, its record, and the verdicts on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from dinsar_cli.base.journal import RADAR, RUN_FILE, read_journal, read_map_record
from dinsar_cli.drawing.web_map import EmbeddedLayer
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.extremes import Range, range_of
from dinsar_cli.maps.zero.far_field import FarField, far_field_of_map
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.reader import Product
from dinsar_cli.report.measures import (
    HeightTrend,
    calm_cells,
    cycle_jumps,
    dem_gap,
    height_trend,
    jump_length,
    noise_share,
    orbit_error,
    other_components,
    outside_share,
    water_share,
)
from dinsar_cli.report.page_layers import (
    WORDS,
    describe,
    embedded_layers,
    read_band,
    reference_point,
    shown_shape,
)
from dinsar_cli.report.seams import UNKNOWN, Seam, seams_of, worst
from dinsar_cli.report.verdicts import RULES, Verdict, judge

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

_STRIP = 512  # rows: those of a tile of the files
_MOST_FULL = 16_000_000  # cells that are looked at in full resolution for cycle jumps; of more, strips are taken
_CALM = 3.0  # times the scatter of the far field that count as motion of the reference
_ORBIT_TILT = 0.1  # m: more than atmosphere and slow ground make


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
    far : FarField
        Ground that is still, in the map and around it.
    surface : ndarray
        Its plane on the map, metres; NaN where not known.
    calm : ndarray of bool
        Cells of the map that follow it.
    trend : HeightTrend or None
        None where it cannot be told.
    seams : tuple of Seam
        Empty where the layers on the radar grid are gone.
    layers : list of EmbeddedLayer
        All layers as the map of the page has them.
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
    far: FarField
    surface: Floats
    calm: NDArray[np.bool_]
    trend: HeightTrend | None
    seams: tuple[Seam, ...]
    layers: list[EmbeddedLayer]
    verdicts: tuple[Verdict, ...]

    @property
    def los(self) -> Floats:
        """Displacement, metres."""
        return self.bands["los_displacement"]

    @property
    def facts(self) -> dict[str, Any]:
        """What the run noted of the displacement."""
        facts = self.details("displacement").get("facts")
        return facts if isinstance(facts, dict) else {}

    @property
    def scatter(self) -> float:
        """Standard deviation of the cells of calm ground about its plane, metres; NaN where there is none."""
        if not self.far.found:
            return math.nan
        return float(np.std((self.los - self.surface)[self.calm])) if self.calm.any() else self.far.scatter

    @property
    def range(self) -> Range:
        """Extremes of the map with their places."""
        if self.facts.get("range"):
            return Range.from_dict(self.facts["range"])
        bands = self.bands
        return range_of(self.grid, self.los, bands.get("coherence"), self.components, bands.get("los_sigma"))

    @property
    def reference(self) -> tuple[float, float] | None:
        """Longitude and latitude to which the displacement is relative."""
        return reference_point(self.tags)

    def details(self, stage: str) -> dict[str, Any]:
        """Tell what a stage noted."""
        return _details(self.record, stage)


_BANDS = (
    "los_displacement",
    "los_sigma",
    "coherence",
    "wrapped_phase",
    "connected_components",
    "elevation",
    "incidence_angle",
    "amplitude",
    "visibility",
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
    far = _far_field(record, bands, components, grid)
    surface = far.surface(grid, shape)
    calm = calm_cells(los, surface, far.scatter) if far.found else np.zeros(shape, bool)
    elevation = bands.get("elevation")
    trend = None if elevation is None else height_trend(los - surface, elevation, calm)
    seams = seams_of(pair.folder / RADAR)
    parts = {name: name.partition(".") for name in bands}
    read = {(product, 2 if second else 1): bands[name] for name, (product, _, second) in parts.items()}
    layers = embedded_layers(pair, shape, read)
    found = Evidence(
        pair, grid, tags, dict(record), shape, bands, components, far, surface, calm, trend, seams, layers, ()
    )
    return _judged(found)


def _details(record: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Tell what a stage noted in the record of a run."""
    found = ((record.get("stages") or {}).get(stage) or {}).get("details")
    return found if isinstance(found, dict) else {}


def _read_bands(pair: PairProducts, shape: tuple[int, int]) -> dict[str, Floats]:
    bands = {name: read_band(pair.product(name), 1, shape, LAYERS[name]) for name in _BANDS if name in pair.rasters}
    if "amplitude" in bands:
        bands["amplitude.secondary"] = read_band(pair.product("amplitude"), 2, shape, LAYERS["amplitude"])
    return bands


def _far_field(found: Mapping[str, Any], bands: Mapping[str, Floats], components: Labels, grid: Grid) -> FarField:
    """Return what the run noted of calm ground; what the map alone tells where it noted nothing."""
    noted = (_details(found, "displacement").get("facts") or {}).get("far_field")
    if noted:
        with suppress(KeyError, TypeError, ValueError):  # not as this program writes it
            return FarField.from_dict(noted)
    los = bands["los_displacement"]
    return far_field_of_map(los, bands.get("coherence", np.isfinite(los).astype(np.float32)), components, grid)


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
    noise = noise_share(coherence, found.bands.get("visibility")) if coherence is not None else None
    water = water_share(found.los, coherence, found.bands.get("elevation"), both) if coherence is not None else None
    none = "no coherence.tif"
    return [
        *_of_checks(found.details("geocode").get("checks")),
        judge("coherence", noise, reason=none),
        judge("cycle_jump", _jump_length(found) if known else None, reason=none),
        judge(
            "components", other_components(found.los, found.components) if np.isfinite(found.los).any() else None
        ),
        judge("water", water, reason=none),
        judge(
            "burst_step",
            abs(step.value),
            step.limit,
            "no seam is on the map, or the folder radar is gone",
            seam.told if seam else "",
        ),
    ]


def _of_checks(checks: object) -> list[Verdict]:
    """Judge what the run noted of its phase."""
    noted = checks if isinstance(checks, Mapping) else {}
    jumps, residue, back = (noted.get(name) or {} for name in ("jumps", "residue", "reversed"))
    none = "the run noted nothing"
    return [
        judge("phase_step", _ratio(jumps.get("beyond_half_a_cycle"), jumps.get("neighbours")), reason=none),
        judge("residue", _ratio(residue.get("incongruent"), residue.get("cells")), reason=none),
        judge("reversed", back.get("flagged"), reason="checks.reversed is off"),
    ]


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _of_geometry(found: Evidence) -> list[Verdict]:
    far, seen = found.far, _seen(found)
    elevation, incidence = found.bands.get("elevation"), found.bands.get("incidence_angle")
    error, angles = math.nan, math.nan
    if far.even and incidence is not None:
        error, angles = orbit_error(found.surface, incidence, np.isfinite(found.los))
    away, allowed = _reference_offset(found)
    gap = None if elevation is None else dem_gap(elevation, seen, _outside_dem(found))
    none = f"no calm ground: {far.reason}" if far.reason else ""
    flat = none or "too little calm ground on the map, or too little relief"
    return [
        judge("ramp", far.tilt if far.even else None, reason=none),
        judge("orbit", error, _ORBIT_TILT / angles if math.isfinite(angles) else None, none),
        judge("reference", away, allowed, none or _NO_POINT[found.facts.get("gnss") is not None]),
        judge("height", None if found.trend is None else found.trend.size, reason=flat),
        judge("dem", gap, reason="no elevation.tif"),
    ]


_NO_POINT = ("no reference point", "zero is by GNSS")


def _seen(found: Evidence) -> NDArray[np.bool_]:
    """Return the cells in which the radar has data."""
    seen: NDArray[np.bool_] = np.isfinite(found.los)
    for name in ("coherence", "amplitude"):
        if name in found.bands:
            seen = seen | np.isfinite(found.bands[name])
    return seen


def _reference_offset(found: Evidence) -> tuple[float | None, float | None]:
    """Measure how far the far field is from zero at the reference point, and may be by its scatter, metres."""
    if not found.far.found or found.reference is None:
        return None, None
    return abs(found.far.level_at(found.grid, *found.reference)), _CALM * found.scatter


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
