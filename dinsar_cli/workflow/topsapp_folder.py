"""Displacement maps from a topsApp folder that somebody else ran: the same products as those of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import MAP_RECORD, PRODUCTS, RADAR, locked
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.geocoded import GeocodedRun
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.checks.phase import check_geocoded, check_phase
from dinsar_cli.maps.extent import radar_grid
from dinsar_cli.maps.facts import common_tags
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.radar_layers import RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.maps.topsapp_geocoded import geocoded_layers
from dinsar_cli.maps.zero.far_field import far_field_of_bursts
from dinsar_cli.plan.grid_cautions import grid_cautions
from dinsar_cli.plan.plan import allowed_threads
from dinsar_cli.products.folder import PairProducts, clear_products, products_of
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Described, Interferogram
from dinsar_cli.workflow.map_stages import Geocoded, displace, draw, names, report, result_of, warnings_of
from dinsar_cli.workflow.result import RunResult, summary
from dinsar_cli.workflow.run_state import Made
from dinsar_cli.workflow.topsapp_folder_plan import ENGINE, GEOCODED, MapPlan, as_missing_data

_MAP_BYTES = 60  # per map cell, of all products before compression


@dataclass(frozen=True)
class _Work:
    """A map that is made from what topsApp left: a `MapWork` whose stages are done each time.

    Attributes
    ----------
    plan : MapPlan
        What was found out.
    reporter : Reporter
        Who is told how it goes.
    header : dict
        What the map's record says beside its stages.
    stages : dict
        What each stage cost and found, as a run's record has it.
    marks : dict of str
        Names of the stages so far: nothing is compared with what an earlier call did.
    """

    plan: MapPlan
    reporter: Reporter
    header: dict[str, Any]
    stages: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    times: tuple[datetime, datetime] | None = None

    @property
    def formats(self) -> tuple[str, ...]:
        """Further formats of the products."""
        return self.config.output.beside

    @property
    def folder(self) -> Path:
        """Folder of the map."""
        return self.plan.output

    @property
    def products(self) -> Path:
        """Folder of its files."""
        return self.plan.output / PRODUCTS

    @property
    def name(self) -> str:
        """Name of topsApp's folder."""
        return self.plan.place.folder.name

    @property
    def config(self) -> RunConfig:
        """What is asked for."""
        return self.plan.config

    @property
    def roi(self) -> Roi | None:
        """Area that is asked for."""
        return self.plan.roi

    def record(self) -> dict[str, Any]:
        """Return the record so far."""
        return self.header | {"stages": self.stages}

    def shown(self) -> PairProducts:
        """Return the products that there are so far."""
        return products_of(self.folder)

    def stage(
        self, name: str, _depends: object, work: Callable[[], tuple[Iterable[Path], dict[str, Any], Made]]
    ) -> tuple[dict[str, Any], Made]:
        """Do a stage."""
        self.reporter.start(name)
        started = time.monotonic()
        _, details, made = work()
        seconds = time.monotonic() - started
        self.stages[name] = {"seconds": round(seconds, 3), "details": details}
        self.marks[name] = name
        self.reporter.end(name, seconds, skipped=False)
        return details, made


@dataclass(frozen=True)
class _GeocodedPair:
    """Description of a pair of which only geocoded layers are there."""

    wavelength: float
    reference_date: str
    secondary_date: str
    looks: tuple[int, int] | None
    perpendicular_baseline: float
    versions: dict[str, str]


def make_map(plan: MapPlan, reporter: Reporter, command: Sequence[str]) -> RunResult:
    """Make the displacement map of a topsApp folder; what an earlier call made in the same place is replaced.

    Parameters
    ----------
    plan : MapPlan
        What was found out.
    reporter : Reporter
        Is told how it goes.
    command : sequence of str
        Command line, for the record.

    Raises
    ------
    DinsarError
        When the layers cannot give a map, or the products cannot be written.
    """
    with bounded_raster_cache(), locked(make_output(plan.output)), as_missing_data(), Products() as files:
        _remove_earlier(plan.output)
        for text in plan.warnings:
            reporter.warn(text)
        make_folder(plan.output / PRODUCTS)
        work = _Work(plan, reporter, _header(plan, command))
        # interferogram and geocode: topsApp's layers on the map, from the radar grid or as topsApp geocoded them
        if plan.geocoded is None:
            described, geocoded, further = _from_radar(plan, work, files)
        else:
            described, geocoded, further = _from_geocoded(plan, plan.geocoded, work, files)
        # displacement along the line of sight, relative to the reference, with its sigma
        displaced = displace(work, described, geocoded)
        # products: the picture
        drawn = draw(work, described, displaced.facts, geocoded.layers)
        # report: the page by which a person judges the map
        told, found = [*plan.warnings, *further], warnings_of(geocoded, displaced)
        reported = report(work, drawn.evidence, [*told, *found], files)
        result = result_of(work, described, (geocoded, displaced, drawn, reported), told, found)
        record = work.record() | {"summary": summary(result)}
        write_text(plan.output / MAP_RECORD, json.dumps(record, indent=2) + "\n")
    return result


def _header(plan: MapPlan, command: Sequence[str]) -> dict[str, Any]:
    return {
        "dinsar": __version__,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "source": str(plan.place.folder),
        "layers": "geocoded" if plan.geocoded else "radar",
        "engine": {"name": ENGINE},
    }


def make_output(output: Path) -> Path:
    """Make the folder of the products.

    Raises
    ------
    UsageError
        When it cannot be made or written to.
    """
    try:
        return make_folder(output)
    except UsageError as error:
        raise UsageError(
            error.problem, error.cause, "Choose another folder with --output, or change its permissions."
        ) from error


def _remove_earlier(output: Path) -> None:
    """Remove what an earlier call made, so that nothing of another grid or of other layers stays beside the new."""
    record = output / MAP_RECORD
    if not record.is_file():
        return
    record.unlink()
    clear_products(output / PRODUCTS)


def _from_radar(plan: MapPlan, work: _Work, files: Products) -> tuple[Described, Geocoded, list[str]]:
    """Put the layers on the radar grid on the map; what the user was told of them comes last."""

    def take() -> tuple[Iterable[Path], dict[str, Any], Interferogram]:
        radar, ionosphere = make_folder(plan.output / RADAR), plan.config.corrections.ionosphere
        taken = collect(plan.place.folder, radar, looks=plan.looks, pair=plan.pair, ionosphere=ionosphere)
        return taken.files, {}, taken

    _, interferogram = work.stage("process", None, take)
    grid = radar_grid(interferogram, plan.config, plan.roi, plan.grid)
    layers, tags = MapLayers(work.products, grid, files=files), common_tags(interferogram, ENGINE, __version__)

    def put() -> tuple[Iterable[Path], dict[str, Any], dict[str, str]]:
        check_disk(plan.output, grid.width * grid.height * _MAP_BYTES, "the products")
        phase_filter = PhaseFilter(ENGINE, plan.config.filter.strength)
        on_map = RadarOnMap(interferogram, grid, RESAMPLING_BYTES, phase_filter, allowed_threads(plan.config))
        made = geocode_layers(on_map, layers, tags, lambda share: work.reporter.progress("layers", share))
        flags, checks = check_phase(on_map, layers, tags)
        far = far_field_of_bursts(interferogram, layers).to_dict()
        return (), {"checks": checks, "far_field": far}, names(made | flags)

    details, products = work.stage("geocode", None, put)
    strength = (
        f"los_sigma takes the filter strength of the folder as {plan.config.filter.strength:g}, which its layers "
        "do not tell: state another with --filter-strength."
    )
    warnings = [strength, *grid_cautions(grid)]
    if "amplitude" not in products:
        warnings.append("amplitude.tif is left out: the images of a date, or the scenes behind them, are gone.")
    for text in warnings:
        work.reporter.warn(text)
    geocoded = Geocoded(layers, tags, products, details["checks"], {}, details["far_field"])
    return interferogram, geocoded, warnings


def _from_geocoded(
    plan: MapPlan, geocoded: GeocodedRun, work: _Work, files: Products
) -> tuple[Described, Geocoded, list[str]]:
    """Put the layers that topsApp geocoded on the map."""
    pair, config = plan.pair, plan.config
    earlier, later = pair.dates
    described = _GeocodedPair(
        wavelength=pair.wavelength,
        reference_date=earlier,
        secondary_date=later,
        looks=(plan.looks.range, plan.looks.azimuth) if plan.looks else None,
        perpendicular_baseline=pair.baseline,
        versions={"ISCE2": geocoded.isce_version()},
    )
    grid = plan.grid or geocoded.grid(plan.roi.bounds if plan.roi else None, config.grid)
    tags = common_tags(described, ENGINE, __version__) | {"accuracy": GEOCODED}
    layers = MapLayers(work.products, grid, geocoded.missing, files)

    def put() -> tuple[Iterable[Path], dict[str, Any], dict[str, str]]:
        check_disk(plan.output, grid.width * grid.height * _MAP_BYTES, "the products")
        made = geocoded_layers(
            geocoded,
            grid,
            work.products,
            tags,
            backwards=pair.backwards,
            ionosphere=config.corrections.ionosphere,
            memory=RESAMPLING_BYTES,
            progress=lambda share: work.reporter.progress("layers", share),
        )
        flags, checks = check_geocoded(layers, tags)
        return (), {"checks": checks}, names(made | flags)

    details, products = work.stage("geocode", None, put)
    warnings = grid_cautions(grid)
    for text in warnings:
        work.reporter.warn(text)
    return described, Geocoded(layers, tags, products, details["checks"], {}), warnings
