"""From the interferogram of a pair to its map: on the grid of the stack, relative to the reference of the stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.files import sha256
from dinsar_cli.base.journal import PRODUCTS, RUN_FILE, STAGES, Journal, StageRecord
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import step_costs
from dinsar_cli.engines.eos.engine import EosEngine, package_versions
from dinsar_cli.engines.eos.setup import describe
from dinsar_cli.formats.qgis import styles_beside
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.checks.phase import check_phase
from dinsar_cli.maps.corrections.apply import mid_times
from dinsar_cli.maps.facts import common_tags
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.radar_layers import FROM_RADAR, OF_GEOMETRY, RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.maps.zero.far_field import blocks_of_bursts, far_field_of_bursts
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.displacement import ReferencePoint
from dinsar_cli.radar.interferogram import Described, Interferogram
from dinsar_cli.report.evidence import gather
from dinsar_cli.series.graph import Pair
from dinsar_cli.stack.folders import share
from dinsar_cli.stack.record import StackReference
from dinsar_cli.stack.reference import block_at
from dinsar_cli.stack.work import StackWork, formats_of_pairs, note_step, steps_of
from dinsar_cli.workflow.map_stages import (
    Displaced,
    Geocoded,
    MapWork,
    SharedZero,
    displace,
    draw,
    names,
    report,
    warnings_of,
)
from dinsar_cli.workflow.run_state import Made, pair_header

Array = NDArray[Any]

_OF_PAIR = tuple(layer for layer in FROM_RADAR if layer.name not in (*OF_GEOMETRY, "amplitude", "ionosphere_phase"))
_GEOMETRY = tuple(layer for layer in FROM_RADAR if layer.name in OF_GEOMETRY)
_HELD = ("los_vector", "squint", "visibility")


@dataclass(frozen=True)
class SharedMap:
    """What the maps of all pairs have in common.

    Attributes
    ----------
    grid : Grid
    places : (ndarray, ndarray)
        Line and sample of the radar grid for each cell.
    files : tuple of Path
        Layers of the geometry.
    layers : dict
        Those that the displacement needs, each with its tags.
    """

    grid: Grid
    places: tuple[Array, Array]
    files: tuple[Path, ...]
    layers: dict[str, tuple[Array, dict[str, str]]]


def map_geometry(work: StackWork) -> SharedMap:
    """Put the layers that all pairs share on the map, unless they are there."""
    folders, grid = work.folders, work.plan.any.grid
    made = describe(work.geometry_setup, package_versions())
    on_map = RadarOnMap(made, grid, _memory(work))
    mark = f"{work.unseen_mark} {grid.to_dict()}"
    with Products() as files:
        layers = MapLayers(folders.geometry_products, grid, files=files)
        if not steps_of(folders.geometry_radar).holds("map", mark, verify=True):
            tags = {"engine": EosEngine.name, "version": __version__, "geometry_date": made.reference_date}
            written = geocode_layers(on_map, layers, tags, lambda _: None, _GEOMETRY)
            note_step(folders.geometry_radar, "map", mark, written.values())
        paths = tuple(path for one in _GEOMETRY if (path := layers.folder / f"{one.name}.tif").is_file())
        held = {name: (layers.read(name), dict(layers.tags(name))) for name in _HELD if name in layers}
    return SharedMap(grid, on_map.places, paths, held)


def _memory(work: StackWork) -> int:
    return min(work.plan.any.memory // 4, RESAMPLING_BYTES)


@dataclass
class PairMap:
    """A pair of a stack whose map is made: a `dinsar_cli.workflow.map_stages.MapWork`.

    Attributes
    ----------
    work : StackWork
    days : Pair
    shared : SharedMap
    """

    work: StackWork
    days: Pair
    shared: SharedMap
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder of the pair."""
        return self.work.folders.of_pair(self.days)

    @property
    def products(self) -> Path:
        """Folder of its map."""
        return self.folder / PRODUCTS

    @property
    def name(self) -> str:
        """Name of the pair."""
        return self.work.plan.pair_of(self.days).name

    @property
    def config(self) -> RunConfig:
        """What is asked for."""
        return self.work.plan.config

    @property
    def roi(self) -> Roi | None:
        """Area of the stack."""
        return self.work.plan.roi

    @property
    def reporter(self) -> Reporter:
        """Who is told how the stack goes."""
        return self.work.reporter

    @cached_property
    def times(self) -> tuple[datetime, datetime]:
        """When the middle of the scene was seen, UTC."""
        return mid_times(self.work.plan.bursts_of(self.days))

    @property
    def formats(self) -> Collection[str]:
        """Further formats of the products."""
        return formats_of_pairs(self.config)

    @cached_property
    def journal(self) -> Journal:
        """Of the stages of this pair."""
        return Journal.open(self.folder / RUN_FILE)

    @cached_property
    def interferogram(self) -> Interferogram:
        """Return the description of its layers on the radar grid, which is written."""
        return describe(self.work.setup(self.work.radar(self.days), self.days), package_versions())

    def record(self) -> dict[str, Any]:
        """Return the journal so far."""
        return self.journal.to_dict()

    def shown(self) -> PairProducts:
        """Return the products that there are so far."""
        (pair,), _ = find_products(self.folder)
        return pair

    def stage(
        self, name: str, depends: object, work: Callable[[], tuple[Iterable[Path], dict[str, Any], Made]]
    ) -> tuple[dict[str, Any], Made | None]:
        """Do a stage, unless an earlier call did it and its files are as they were written."""
        mark = self.marks[name] = f"{__version__} {depends}"
        if self.journal.holds(name, mark, verify=True):
            return self.journal.stages[name].details, None
        self.journal.forget(STAGES[STAGES.index(name) :])
        started = time.monotonic()
        files, details, made = work()
        record = StageRecord(mark, (), time.monotonic() - started, 0, details)
        self.journal.put(name, record, files, hash_of=sha256)
        return details, made

    # --- the stages

    def begin(self) -> None:
        """Note what the pair is, and that its interferogram is made."""
        interferogram, radar = self.interferogram, self.work.radar(self.days)
        plan, root = self.work.plan, self.work.folders.root
        header = pair_header(plan.any, plan.pair_of(self.days), plan.bursts_of(self.days), self.work.command)
        self.journal.header = header | {"stack": str(root.resolve()), "warnings": []}
        details = {"steps": {name: asdict(cost) for name, cost in step_costs(radar).items()}, "cures": []}
        self.stage("process", self.work.unwrap_mark(self.days), lambda: (interferogram.files, details, None))

    def geocode(self, files: Products) -> Geocoded:
        """Put the layers of the pair on the map, and check its phase."""
        layers = MapLayers(self.products, self.shared.grid, files=files)
        for name, (values, tags) in self.shared.layers.items():
            layers.hold(name, values, tags)
        tags = common_tags(self.interferogram, EosEngine.name, __version__)

        def put() -> tuple[Iterable[Path], dict[str, Any], None]:
            shared = [share(path, self.products) for path in self.shared.files]
            phase_filter = PhaseFilter(EosEngine.name, self.config.filter.strength)
            grid, places = self.shared.grid, self.shared.places
            radar = RadarOnMap(self.interferogram, grid, _memory(self.work), phase_filter, 1, places)
            made = geocode_layers(radar, layers, tags, lambda _: None, _OF_PAIR)
            flags, checks = check_phase(radar, layers, tags)
            made |= flags | {path.stem: path for path in shared}
            far = far_field_of_bursts(self.interferogram, layers).to_dict()
            return made.values(), {"products": names(made), "checks": checks, "offsets": {}, "far_field": far}, None

        depends = [self.marks["process"], self.shared.grid.to_dict(), self.config.checks.model_dump()]
        done, _ = self.stage("geocode", depends, put)
        return Geocoded(layers, tags, done["products"], done["checks"], done["offsets"], done["far_field"])

    def displace(self, geocoded: Geocoded, reference: StackReference | None) -> Displaced:
        """Make the displacement relative to the reference of the stack, with its sigma."""
        return displace(self, self.interferogram, geocoded, shared_zero(reference, self.interferogram, geocoded))

    def finish(self, geocoded: Geocoded, displaced: Displaced, files: Products) -> None:
        """Draw the pair and write its report, of all pairs or of those that a check warns of, as asked for."""
        report_if_asked(self, self.interferogram, geocoded, displaced, files)


def shared_zero(
    reference: StackReference | None, interferogram: Interferogram, geocoded: Geocoded
) -> SharedZero | None:
    """Return what the program chose for all pairs as the zero of one; None where the configuration tells it."""
    if reference is None or reference.chosen:
        return None
    if reference.on_map:
        return SharedZero(reference.place)

    def block() -> ReferencePoint:
        blocks, component = blocks_of_bursts(interferogram, geocoded.layers)
        return block_at(blocks, geocoded.layers.grid, component, reference.place)

    return SharedZero(reference.place, block)


def _is_drawn(work: MapWork, files: Products) -> bool:
    """Tell whether a pair gets pictures and a report."""
    wanted = work.config.stack.reports
    if wanted != "bad":
        return wanted == "all"
    verdicts = gather(replace(work.shown(), files=files), work.record()).verdicts
    return any(verdict.good is False for verdict in verdicts)


def report_if_asked(
    work: MapWork, described: Described, geocoded: Geocoded, displaced: Displaced, files: Products
) -> None:
    """Draw a pair and write its report: of all pairs, of those that a check warns of, or of none, as asked for.

    Those that get none have styles alone.
    """
    if not _is_drawn(work, files):
        if work.config.output.styles == "qgis":
            paths = [path for path in work.products.glob("*.tif") if not path.with_suffix(".qml").exists()]
            styles_beside({path.stem: path for path in paths}, files, work.products)
        return
    drawn = draw(work, described, displaced.facts, geocoded.layers)
    report(work, drawn.evidence, warnings_of(geocoded, displaced), files)
