"""Interferograms with known ground motion, made into maps by all steps that follow an engine, and what is said.

An interferogram covers what an engine unwraps: whole bursts, or an area with its surroundings. Its phase is that of
the motion, of a turbulent atmosphere and of noise; nothing of it is unwrapped wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.file import build_config
from dinsar_cli.geo.areas import surroundings
from dinsar_cli.geo.grid import Grid, grid_for
from dinsar_cli.maps.checks.phase import check_phase
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.facts import MapFacts, common_tags, facts_to_dict
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.maps.zero.far_field import far_field_of_bursts
from dinsar_cli.products.folder import products_of
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.summary import summary_sentence
from support.radar_inputs import written_interferogram

Array = NDArray[np.floating[Any]]
Kind = Literal["still", "bowl", "uplift", "mogi", "fault", "ground_ramp"]

WAVELENGTH = 0.0555
PLACE = (-8.85, 31.35)
KM = 111.2  # in a degree
SWATH, BURST = 85.0, 20.0  # km
NOISE = 4e-4  # m, of a look cell after the filter
_HEADING = math.radians(-10.0)


@dataclass(frozen=True)
class Headline:
    """What is to be mapped.

    Attributes
    ----------
    kind : str
        Of the ground motion.
    size : float
        Kilometres: standard width of a bowl, depth of a source, half width of a fault's trace.
    area : float
        Kilometres on a side of the area asked for.
    peak : float
        Metres; of a ramp, over 30 km.
    atmosphere : float
        Standard deviation over 30 km, metres.
    looks : str
        19x7 or 7x2.
    bursts : int
        Along the track; all of them are unwrapped when the engine is topsApp.
    whole : bool
        Whether whole bursts are unwrapped, and not the area with its surroundings.
    coast : bool
        Whether the sea takes a fourth of what is unwrapped.
    seed : int
        Of atmosphere, noise and place.
    defect : str
        Orbit error, layered atmosphere or reference on moving ground; empty for a right map.
    """

    kind: Kind
    size: float
    area: float
    peak: float = 0.08
    atmosphere: float = 0.0
    looks: str = "19x7"
    bursts: int = 2
    whole: bool = False
    coast: bool = False
    seed: int = 1
    defect: str = ""


@dataclass(frozen=True)
class Said:
    """What was said of a map, and what is true.

    Attributes
    ----------
    case : Headline
        What was mapped.
    facts : MapFacts
        Of the displacement.
    evidence : Evidence
        With the verdicts.
    sentence : str
        The headline.
    zero : float
        What the map calls zero against what still ground reads in the smooth part of the atmosphere, metres.
    largest : float
        True largest motion in the map against ground that is still, metres.
    tilt : float
        Metres that the atmosphere and the motion really tilt what was unwrapped by, by least squares.
    rmse : float
        Of the map against the true motion, metres.
    """

    case: Headline
    facts: MapFacts
    evidence: Evidence
    sentence: str
    zero: float
    largest: float
    tilt: float
    rmse: float

    @property
    def found(self) -> bool:
        """Whether the map claims calm ground."""
        return bool(self.facts.far_field and self.facts.far_field["found"])

    @property
    def warns(self) -> set[str]:
        """Keys of the verdicts that warn."""
        return {verdict.rule.key for verdict in self.evidence.verdicts if verdict.good is False}


def motion(case: Headline, east: Array, north: Array) -> Array:
    """Return the true motion along the line of sight, metres, at kilometres from the middle of the area."""
    away = np.hypot(east, north)
    if case.kind in {"bowl", "uplift"}:
        peak = -case.peak if case.kind == "bowl" else case.peak
        return np.asarray(peak * np.exp(-(away**2) / (2 * case.size**2)))
    if case.kind == "mogi":
        return np.asarray(case.peak * (1 + (away / case.size) ** 2) ** -1.5)
    if case.kind == "fault":  # both sides away from each other; it ends 4 sizes away
        side = np.arctan(east / (case.size / 3)) * 2 / math.pi
        return np.asarray(case.peak / 2 * side * np.exp(-((away / (4 * case.size)) ** 2)))
    if case.kind == "ground_ramp":
        return np.asarray(case.peak * (east + 0.5 * north) / 30)
    return np.zeros_like(east)


def air(shape: tuple[int, int], cell: float, deviation: float, random: np.random.Generator) -> Array:
    """Return a turbulent delay: power falls with the 11/3 of the frequency (Hanssen 2001, section 4.7), metres.

    Its standard deviation in a window of 30 km is that which is asked for.
    """
    if not deviation:
        return np.zeros(shape)
    side = max(*shape, round(60 / cell))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side, cell), np.fft.fftfreq(side, cell)))
    frequency[0, 0] = np.inf
    white = np.fft.fft2(random.standard_normal((side, side)))
    field = np.fft.ifft2(white * frequency ** (-11 / 6)).real
    window = round(30 / cell)
    parts = [field[i : i + window, j : j + window] for i in (0, side - window) for j in (0, side - window)]
    field *= deviation / np.sqrt(np.mean([part.var() for part in parts]))
    return np.asarray(field[: shape[0], : shape[1]])


ADVICE: Mapping[str, Mapping[str, Any]] = {"orbit": {"ramp": "plane"}, "reference": {}}
"""Options by which what is advised of a defect is followed; the ground at the edges is still in these scenes."""


def say(case: Headline, folder: Path, options: Mapping[str, Any] | None = None) -> Said:
    """Make the map of a case in a folder, and tell what is said of it; with other options than its own if given."""
    random = np.random.default_rng(case.seed)
    cell = {"19x7": 0.098, "7x2": 0.032}[case.looks]
    bounds = _box(case.area)
    grid = grid_for(bounds, "EPSG:4326", cell / KM)
    longitude, latitude = _look_cells(case, bounds, cell, random)
    east, north = _kilometres(longitude, latitude)
    los = motion(case, east, north)
    delay = air(los.shape, cell, case.atmosphere, random)
    height = 500 + 3000 * np.abs(air(los.shape, cell, 0.1, np.random.default_rng(case.seed + 1)))
    look = np.radians(np.linspace(30.0, 44.0, los.shape[1]) if case.whole else 35 + 0.14 * _across(east, north))
    look = np.broadcast_to(look, los.shape)
    if case.defect == "orbit":
        delay = delay + 6.0 * (look - look.mean()) + 0.003 * north
    if case.defect == "layered":
        delay = delay - 0.05 * (height - height.mean()) / np.ptp(height)
    interferogram = _written(folder / "radar", case, (longitude, latitude, height, look), los + delay, random)
    chosen = _options(case, random)
    facts, record = _map(folder, interferogram, grid, chosen if options is None else options)
    pair = products_of(folder)
    evidence = gather(pair, record)
    truth = motion(case, *_kilometres(*np.meshgrid(grid.x_centres, grid.y_centres)))
    ones = np.stack([np.ones(los.size), east.ravel(), north.ravel()], axis=1)
    plane = ones @ np.linalg.lstsq(ones, (los + delay).ravel(), rcond=None)[0]
    smooth = np.linalg.lstsq(ones, delay.ravel(), rcond=None)[0]
    assert facts.reference is not None
    place = _kilometres(np.array(facts.longitude), np.array(facts.latitude))
    zero = facts.reference.value - float(smooth @ [1.0, *place])
    known = np.isfinite(evidence_los(evidence))
    largest = float(np.abs(truth[known]).max())
    rmse = float(np.sqrt(np.mean((evidence_los(evidence) - truth)[known] ** 2)))
    return Said(case, facts, evidence, summary_sentence(evidence), zero, largest, float(np.ptp(plane)), rmse)


def evidence_los(evidence: Evidence) -> Array:
    """Return the displacement with all of its cells."""
    return evidence.pair.product("los_displacement").read(1)


def _box(side: float) -> tuple[float, float, float, float]:
    lon, lat = PLACE
    half, along = side / KM / 2, math.cos(math.radians(PLACE[1]))
    return lon - half / along, lat - half, lon + half / along, lat + half


def _kilometres(longitude: Array, latitude: Array) -> tuple[Array, Array]:
    along = math.cos(math.radians(PLACE[1]))
    return (longitude - PLACE[0]) * KM * along, (latitude - PLACE[1]) * KM


def _across(east: Array, north: Array) -> Array:
    return east * math.cos(_HEADING) - north * math.sin(_HEADING)


def _look_cells(
    case: Headline, bounds: tuple[float, float, float, float], cell: float, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return longitude and latitude of the look cells: of bursts, somewhere in which the area lies."""
    bursts = max(case.bursts, math.ceil(case.area / BURST) + 1)
    width, length = SWATH, BURST * bursts
    middle = [random.uniform(-0.5, 0.5) * max(0.0, side - case.area) for side in (width, length)]
    low = [-(side / 2) - at for side, at in zip((width, length), middle, strict=True)]
    high = [side / 2 - at for side, at in zip((width, length), middle, strict=True)]
    if not case.whole:
        west, south, east, north = surroundings(bounds, (1000 * cell) ** 2)
        x, y = _kilometres(np.array([west, east]), np.array([south, north]))
        reach = abs(math.sin(_HEADING))
        for axis, (first, last, other) in enumerate(((*x, y[1]), (*y, x[1]))):
            low[axis] = max(low[axis], first - reach * other)
            high[axis] = min(high[axis], last + reach * other)
    across, along = np.meshgrid(np.arange(low[0], high[0], cell), np.arange(high[1], low[1], -cell))
    east_, north_ = (
        across * math.cos(_HEADING) + along * math.sin(_HEADING),
        along * math.cos(_HEADING) - across * math.sin(_HEADING),
    )
    return PLACE[0] + east_ / KM / math.cos(math.radians(PLACE[1])), PLACE[1] + north_ / KM


def _written(
    folder: Path, case: Headline, places: tuple[Array, ...], los: Array, random: np.random.Generator
) -> Any:
    longitude, latitude, height, look = places
    folder.mkdir(parents=True)
    phase = -4 * math.pi / WAVELENGTH * (los + random.normal(0, NOISE, los.shape))
    components = np.ones(los.shape, np.uint16)
    coherence = np.clip(random.normal(0.75, 0.08, los.shape), 0, 1)
    if case.coast:
        sea = np.arange(los.shape[1]) < los.shape[1] // 4
        components[:, sea], coherence[:, sea], height[:, sea] = 0, 0.1, 0.0
    incidence = np.arcsin(np.sin(look) * 1.11)
    zeros = np.zeros(los.shape)
    layers = {
        "wrapped": np.exp(1j * phase),
        "unwrapped": phase,
        "coherence": coherence,
        "components": components,
        "amplitude": np.stack([100 + 10 * coherence] * 2),
        "latitude": latitude,
        "longitude": longitude,
        "height": height,
        "los": np.stack([np.sin(incidence), zeros, np.cos(incidence)]),
        "squint": zeros + np.nan,
    }
    cell = {"19x7": 98.0, "7x2": 32.0}[case.looks]
    looks: tuple[int, int] = (19, 7) if case.looks == "19x7" else (7, 2)
    return written_interferogram(
        folder, layers, wavelength=WAVELENGTH, looks=looks, range_spacing=cell, azimuth_spacing=cell
    )


def _options(case: Headline, random: np.random.Generator) -> Mapping[str, Any]:
    if case.defect != "reference":
        return {}
    angle = random.uniform(0, 2 * math.pi)
    away = 0.3 * case.size
    lon = PLACE[0] + away * math.cos(angle) / KM / math.cos(math.radians(PLACE[1]))
    return {"reference_point": f"{lon},{PLACE[1] + away * math.sin(angle) / KM}"}


def _map(
    folder: Path, interferogram: Any, grid: Grid, options: Mapping[str, Any]
) -> tuple[MapFacts, Mapping[str, Any]]:
    config = build_config(None, dict(options))
    (folder / "products").mkdir()
    layers = MapLayers(folder / "products", grid)
    tags = common_tags(interferogram, "eos", "0")
    radar = RadarOnMap(interferogram, grid, RESAMPLING_BYTES)
    geocode_layers(radar, layers, tags, lambda _: None)
    _, checks = check_phase(radar, layers, tags)
    far = far_field_of_bursts(interferogram, layers).to_dict()
    _, facts = displacement_layers(config, layers, WAVELENGTH, tags, None, far)
    stages = {
        "geocode": {"details": {"checks": checks}},
        "displacement": {"details": {"facts": facts_to_dict(facts)}},
    }
    return facts, {"stages": stages}


def campaign(count: int) -> list[Headline]:
    """Return right maps: areas from half of the motion's size to ten times it, with and without air, all looks."""
    random = np.random.default_rng(7)
    made = []
    kinds: tuple[Kind, ...] = ("still", "bowl", "uplift", "mogi", "fault", "ground_ramp")
    for number in range(count):
        kind = kinds[number % len(kinds)]
        size = float(random.choice([1.0, 2.0, 3.0, 5.0]))
        fine = number % 4 == 3
        area = min(float(random.choice([1, 2, 3, 5, 10, 20])) * size, 12.0 if fine else 50.0)
        case = Headline(
            kind,
            size,
            max(area, 2.0),
            peak=float(random.choice([0.03, 0.06, 0.12])),
            atmosphere=float(random.choice([0.0, 0.0, 0.005, 0.01])),
            looks="7x2" if fine else "19x7",
            bursts=int(random.integers(1, 5)),
            whole=bool(random.random() < 0.4) and not fine,
            coast=bool(random.random() < 0.15),
            seed=number,
        )
        made.append(case)
    return made


def defects(count: int) -> list[Headline]:
    """Return maps with a defect that is to be told."""
    random = np.random.default_rng(8)
    made = []
    for number in range(count):
        defect = ("orbit", "layered", "reference")[number % 3]
        size = float(random.choice([2.0, 3.0]))
        case = Headline(
            "bowl", size, float(random.choice([5, 8])) * size, peak=0.08, atmosphere=0.003, seed=1000 + number
        )
        made.append(replace(case, defect=defect, whole=defect != "reference"))
    return made
