"""Displacement maps from a topsApp folder that somebody else ran: the same products as those of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import MAP_RECORD, PRODUCTS, RADAR, RUN_FILE, locked
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.config.request import Request, request_of
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.finished_folder import LooksError
from dinsar_cli.engines.topsapp.results.foreign_folder import TopsFolder, check_radar_layers, find_topsapp
from dinsar_cli.engines.topsapp.results.geocoded import GeocodedRun
from dinsar_cli.engines.topsapp.results.metadata import PairFacts, Stated, read_pair
from dinsar_cli.errors import EngineError, NoDataError, UsageError
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.checks.phase import check_geocoded, check_phase, check_warnings
from dinsar_cli.maps.corrections.apply import check_corrections
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.extent import radar_grid
from dinsar_cli.maps.facts import common_tags, facts_to_dict
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.picture import draw_map
from dinsar_cli.maps.radar_layers import RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.maps.topsapp_geocoded import geocoded_layers
from dinsar_cli.plan.plan import allowed_threads
from dinsar_cli.products.folder import products_of
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Described
from dinsar_cli.report.page import REPORT, write_report
from dinsar_cli.workflow.result import RunResult, further_warnings, map_warnings, summary

_DEFAULT_OUTPUT = "displacement"
_ENGINE = "isce2"
_MAP_BYTES = 60  # per map cell, of all products before compression
_GEOCODED = (
    "topsApp's own geocoding was used, the nearest look cell at each post of the DEM: positions are up to half a "
    "look cell off, and wrapped and unwrapped phase disagree by as much (on simulated pairs 0.23-0.26 mm root mean "
    "square from the truth, 0.16-0.23 mm from the radar layers)."
)
_ABSENT = {
    "wrapped_phase": "no wrapped phase (filt_topophase.flat.geo)",
    "coherence": "no coherence (topophase.cor.geo), so that the reference point was chosen without it",
    "connected_components": "no components (filt_topophase.unw.conncomp.geo): all phase counts as one, although "
    "parts of it may be wrong by whole half wavelengths (2.8 cm)",
    "los_vector": "no directions (los.rdr.geo), so no incidence angle and no vertical displacement",
    "elevation": "no heights (z.rdr.geo or dem.crop)",
    "amplitude": "no amplitude",
}


@dataclass(frozen=True)
class MapPlan:
    """What was found out before anything is written.

    Attributes
    ----------
    place : TopsFolder
        The folder.
    pair : PairFacts
        Dates, wavelength.
    output : Path
        Folder that gets ``products``, and ``radar`` if the radar layers are used.
    config : RunConfig
        Grid and reference point.
    roi : Roi or None
        Area that is asked for.
    looks : Looks or None
        Of the radar layers; of the geocoded ones only if they are told.
    geocoded : GeocodedRun or None
        The layers if only those on topsApp's map can be used; None: those on the radar grid are.
    warnings : tuple of str
        What the user should keep in mind.
    """

    place: TopsFolder
    pair: PairFacts
    output: Path
    config: RunConfig
    roi: Roi | None
    looks: Looks | None
    geocoded: GeocodedRun | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Work:
    """A map that is made from what topsApp left.

    Attributes
    ----------
    reporter : Reporter
        Who is told how it goes.
    stages : dict
        What each stage cost and found, as a run's record has it.
    files : Products
        What the stages after the displacement read.
    """

    reporter: Reporter
    stages: dict[str, Any] = field(default_factory=dict)
    files: Products = field(default_factory=Products)

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Do a stage; what is put into the dictionary are its details."""
        details: dict[str, Any] = {}
        self.reporter.start(name)
        started = time.monotonic()
        yield details
        seconds = time.monotonic() - started
        self.stages[name] = {"seconds": round(seconds, 3), "details": details}
        self.reporter.end(name, seconds, skipped=False)


@dataclass(frozen=True)
class _GeocodedPair:
    """Description of a pair of which only geocoded layers are there."""

    wavelength: float
    reference_date: str
    secondary_date: str
    looks: tuple[int, int] | None
    perpendicular_baseline: float
    versions: dict[str, str]


def plan_map(
    path: Path, output: Path | None, config: RunConfig, stated: Stated, looks: Looks | None = None
) -> MapPlan:
    """Check a topsApp folder and decide everything, without writing anything.

    Parameters
    ----------
    path : Path
        The folder in which topsApp ran, or its folder ``merged``.
    output : Path or None
        Folder for the products; None: ``displacement`` beside ``merged``.
    config : RunConfig
        Area, grid and reference point.
    stated : Stated
        What the user states of the pair.
    looks : Looks, optional
        Those of the folder; found from the sizes of its layers if not given.

    Raises
    ------
    UsageError
        When the folder is not of topsApp, or an option contradicts it.
    NoDataError
        When it cannot give a map.
    """
    place = find_topsapp(path)
    output = (output or place.folder / _DEFAULT_OUTPUT).absolute()
    _check_output(output, place)
    request = request_of(config)
    with _as_missing_data():
        pair = read_pair(place.folder, stated)
        check_corrections(config, None, _ENGINE, pair.dates)
        try:
            found = check_radar_layers(place, looks, pair)
        except LooksError as error:
            remedy = (
                "Give those of the folder with --looks, or leave --looks away if the sizes of its layers tell them."
            )
            raise UsageError(error.problem, error.cause, remedy) from error
        except EngineError as error:
            return _plan_geocoded(place, pair, output, request, looks, error)
    return MapPlan(place, pair, output, config, request.roi, found, None, _radar_warnings(place))


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
    with bounded_raster_cache(), locked(make_output(plan.output)), _as_missing_data():
        _remove_earlier(plan.output)
        for text in plan.warnings:
            reporter.warn(text)
        make_folder(plan.output / PRODUCTS)
        work = _Work(reporter)
        result = _from_geocoded(plan, plan.geocoded, work) if plan.geocoded else _from_radar(plan, work)
        record = {
            "dinsar": __version__,
            "updated": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": list(command),
            "source": str(plan.place.folder),
            "layers": "geocoded" if plan.geocoded else "radar",
            "engine": {"name": _ENGINE},
            "stages": work.stages,
        }
        result = _reported(result, work, record)
        record["summary"] = summary(result)
        write_text(plan.output / MAP_RECORD, json.dumps(record, indent=2) + "\n")
    return result


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


@contextmanager
def _as_missing_data() -> Iterator[None]:
    """Turn errors of the engine into those of the data: it does not run here, only its files can be wrong."""
    try:
        yield
    except EngineError as error:
        raise NoDataError(error.problem, error.cause, error.remedy) from error


def _check_output(output: Path, place: TopsFolder) -> None:
    merged = place.merged.resolve()
    if merged in (output.resolve(), *output.resolve().parents):
        raise UsageError(
            f"The products cannot be written into {output}.",
            "That is in merged, where only topsApp's own files belong.",
            "Choose another folder with --output.",
        )
    if (output / RUN_FILE).exists():
        raise UsageError(
            f"The products cannot be written into {output}.",
            f"It is the folder of a run of dinsar (it has {RUN_FILE}), whose products would be lost.",
            "Choose another folder with --output.",
        )


def _plan_geocoded(
    place: TopsFolder, pair: PairFacts, output: Path, request: Request, looks: Looks | None, error: EngineError
) -> MapPlan:
    """Plan a map from what topsApp geocoded, because the layers on the radar grid cannot be used."""
    if not place.geocoded:
        remedy = "Run topsApp again from topo to unwrap, or its step geocode: its geocoded layers serve as well."
        raise NoDataError(error.problem, error.cause, remedy) from error
    geocoded, config, roi = GeocodedRun.open(place.merged), request.config, request.roi
    if config.corrections.ionosphere:
        geocoded.check_ionosphere()
    warnings = [_GEOCODED]
    if place.unwrapped:
        warnings.append(f"The layers on the radar grid cannot be used: {error.problem} {error.cause}")
    absent = [text for name, text in _ABSENT.items() if name in geocoded.missing]
    warnings.append(f"Not in the folder: {'; '.join(absent)}.")
    # posting and system must suit before anything is written
    geocoded.grid(roi.bounds if roi else None, config.grid.crs, config.grid.posting)
    return MapPlan(place, pair, output, config, roi, looks or pair.looks, geocoded, tuple(warnings))


def _radar_warnings(place: TopsFolder) -> tuple[str, ...]:
    if (place.merged / "filt_topophase.unw.conncomp").is_file():
        return ()
    return (f"Not in the folder: {_ABSENT['connected_components'].replace('.geo)', ')')}.",)


def _remove_earlier(output: Path) -> None:
    """Remove what an earlier call made, so that nothing of another grid or of other layers stays beside the new."""
    record = output / MAP_RECORD
    if not record.is_file():
        return
    record.unlink()
    for name in (*(f"{layer}.tif" for layer in LAYERS), "displacement.png", REPORT):
        (output / PRODUCTS / name).unlink(missing_ok=True)


def _from_radar(plan: MapPlan, work: _Work) -> RunResult:
    reporter = work.reporter
    with work.stage("process"):
        radar = make_folder(plan.output / RADAR)
        interferogram = collect(
            plan.place.folder,
            radar,
            looks=plan.looks,
            pair=plan.pair,
            ionosphere=plan.config.corrections.ionosphere,
        )
    with work.stage("geocode") as details:
        grid = radar_grid(interferogram, plan.config, plan.roi)
        check_disk(plan.output, grid.width * grid.height * _MAP_BYTES, "the products")
        tags = common_tags(interferogram, _ENGINE, __version__)
        phase_filter = PhaseFilter(_ENGINE, plan.config.filter.strength)
        on_map = RadarOnMap(interferogram, grid, RESAMPLING_BYTES, phase_filter, allowed_threads(plan.config))
        layers = MapLayers(plan.output / PRODUCTS, grid, files=work.files)
        products = geocode_layers(on_map, layers, tags, lambda share: reporter.progress("layers", share))
        files, details["checks"] = check_phase(on_map, layers, tags)
        products |= files
    warnings = list(plan.warnings)
    warnings.append(
        f"los_sigma takes the filter strength of the folder as {plan.config.filter.strength:g}, which its layers "
        "do not tell: state another with --filter-strength."
    )
    reporter.warn(warnings[-1])
    if "amplitude" not in products:
        warnings.append("amplitude.tif is left out: the images of a date, or the scenes behind them, are gone.")
        reporter.warn(warnings[-1])
    return _displace(plan, layers, interferogram, tags, products, warnings, work)


def _from_geocoded(plan: MapPlan, geocoded: GeocodedRun, work: _Work) -> RunResult:
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
    with work.stage("geocode") as details:
        grid = geocoded.grid(plan.roi.bounds if plan.roi else None, config.grid.crs, config.grid.posting)
        check_disk(plan.output, grid.width * grid.height * _MAP_BYTES, "the products")
        tags = common_tags(described, _ENGINE, __version__) | {"accuracy": _GEOCODED}
        products = geocoded_layers(
            geocoded,
            grid,
            plan.output / PRODUCTS,
            tags,
            backwards=pair.backwards,
            ionosphere=config.corrections.ionosphere,
            memory=RESAMPLING_BYTES,
            progress=lambda share: work.reporter.progress("layers", share),
        )
        layers = MapLayers(plan.output / PRODUCTS, grid, geocoded.missing, work.files)
        files, details["checks"] = check_geocoded(layers, tags)
        products |= files
    return _displace(plan, layers, described, tags, products, list(plan.warnings), work)


def _displace(
    plan: MapPlan,
    layers: MapLayers,
    described: Described,
    tags: dict[str, str],
    files: dict[str, Path],
    warnings: list[str],
    work: _Work,
) -> RunResult:
    """Return the displacement and picture from the layers on the map."""
    with work.stage("displacement") as details:
        made, facts = displacement_layers(plan.config, layers, described.wavelength, tags)
        details["facts"] = facts_to_dict(facts)
    with work.stage("products"):
        title = f"{plan.place.folder.name}  line-of-sight displacement"
        drawn = draw_map(layers.grid, layers.folder, work.files, facts, described, title)
    checks = work.stages["geocode"]["details"]["checks"]
    told = [*map_warnings(facts), *check_warnings(checks)]
    for text in told:
        work.reporter.warn(text)
    return RunResult(plan.output, made | files | drawn, facts, described, (*warnings, *told), checks=checks)


def _reported(result: RunResult, work: _Work, record: dict[str, Any]) -> RunResult:
    """Write the report of a map, and add what it warns of."""
    with work.stage("report"), work.files:
        pair = replace(products_of(result.folder), warnings=result.warnings, files=work.files)
        written = write_report(pair, record)
    told = further_warnings([verdict.to_dict() for verdict in written.evidence.verdicts])
    for text in told:
        work.reporter.warn(text)
    return replace(result, products=result.products | {"report": written.path}, warnings=(*result.warnings, *told))
