"""The stages from the interferogram to the report, of a run or of a topsApp folder that somebody else ran."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import LonLat, RunConfig
from dinsar_cli.formats import clear_formats, product_facts, write_formats
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.corrections.ionosphere import noise_tag
from dinsar_cli.maps.corrections.motion import removed_tag
from dinsar_cli.maps.displacement import displacement_depends, displacement_layers
from dinsar_cli.maps.facts import MapFacts, common_tags, facts_from_dict, facts_to_dict
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.offset_maps import offset_warnings, write_offsets
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.picture import draw_map
from dinsar_cli.maps.radar_layers import RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.maps.zero.far_field import far_field_of_bursts
from dinsar_cli.products.folder import PairProducts, clear_products
from dinsar_cli.products.other_looks import keep_other_looks
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.displacement import ReferencePoint
from dinsar_cli.radar.interferogram import Described, Interferogram
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.page import write_report
from dinsar_cli.workflow.interferogram_stages import geocode_depends
from dinsar_cli.workflow.result import RunResult, map_warnings, verdict_warnings
from dinsar_cli.workflow.reversed_pair import check_map
from dinsar_cli.workflow.run_state import Made, Session


class MapWork(Protocol):
    """What the stages after geocoding need: a run (`Session`), or a topsApp folder of which a map is made."""

    @property
    def folder(self) -> Path:
        """Folder of the pair."""

    @property
    def products(self) -> Path:
        """Folder of its map."""

    @property
    def name(self) -> str:
        """What the map is called."""

    @property
    def config(self) -> RunConfig:
        """What is asked for."""

    @property
    def roi(self) -> Roi | None:
        """Area that is asked for."""

    @property
    def times(self) -> tuple[datetime, datetime] | None:
        """When the middle of the scene was seen, UTC."""

    @property
    def formats(self) -> Collection[str]:
        """Further formats of the products."""

    @property
    def reporter(self) -> Reporter:
        """Who is told how it goes."""

    @property
    def marks(self) -> dict[str, str]:
        """Fingerprints of the stages so far."""

    def record(self) -> dict[str, Any]:
        """Return what is noted of the stages so far, for the report."""

    def shown(self) -> PairProducts:
        """Return the products that there are so far."""

    def stage(
        self, name: str, depends: object, work: Callable[[], tuple[Iterable[Path], dict[str, Any], Made]]
    ) -> tuple[dict[str, Any], Made | None]:
        """Do a stage, unless an earlier run did it."""


@dataclass(frozen=True)
class Geocoded:
    """The layers of an interferogram on the map.

    Attributes
    ----------
    layers : MapLayers
        What the stage made is at hand.
    tags : dict of str
        That every layer has.
    products : dict of str
        Files in the folder of the products, by name.
    checks, offsets : dict
        What the checks of the phase found, and what the dense offsets are; empty without them.
    far_field : dict or None
        Calm ground in all that was unwrapped; None where only the map is known.
    """

    layers: MapLayers
    tags: dict[str, str]
    products: dict[str, str]
    checks: dict[str, Any]
    offsets: dict[str, Any]
    far_field: dict[str, Any] | None = None


@dataclass(frozen=True)
class Displaced:
    """Displacement on the map: what is known of it, and its files by the name of the product."""

    facts: MapFacts
    products: dict[str, str]


@dataclass(frozen=True)
class Drawn:
    """Pictures and further formats, and what the report knows of the map; None where an earlier run drew them."""

    products: dict[str, str]
    evidence: Evidence | None


@dataclass(frozen=True)
class Reported:
    """The page by which a person judges a map, and its verdicts."""

    products: dict[str, str]
    verdicts: list[dict[str, Any]]


def geocode(run: Session, interferogram: Interferogram, files: Products) -> Geocoded:
    """Put the layers of an interferogram on the map, and check its phase."""
    plan, config = run.plan, run.plan.config
    layers = MapLayers(make_folder(run.products), plan.grid, files=files)
    tags = common_tags(interferogram, plan.engine.name, __version__)
    tags |= removed_tag(interferogram) | noise_tag(interferogram)

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        if not run.force:
            check_disk(run.folder, run.prediction.products, "the products")
        keep_other_looks(run.products, str(plan.looks))
        clear_products(run.products)
        clear_formats(run.products)
        phase_filter = PhaseFilter(plan.engine.name, config.filter.strength)
        memory = min(plan.memory // 4, RESAMPLING_BYTES)
        radar = RadarOnMap(interferogram, plan.grid, memory, phase_filter, plan.threads)
        made = geocode_layers(radar, layers, tags, lambda share: run.reporter.progress("layers", share))
        flags, checks = check_map(run, radar, layers, tags)
        shifts, offsets = write_offsets(config.offsets, radar, layers, tags)
        made |= flags | shifts
        far = far_field_of_bursts(interferogram, layers).to_dict()
        details = {"products": names(made), "checks": checks, "offsets": offsets, "far_field": far}
        return made.values(), details, None

    done, _ = run.stage("geocode", geocode_depends(run, run.marks["process"]), work)
    return Geocoded(layers, tags, done["products"], done["checks"], done["offsets"], done["far_field"])


@dataclass(frozen=True)
class SharedZero:
    """What the program chose for several maps as that to which they are relative.

    Attributes
    ----------
    place : LonLat
    beside : callable or None
        Gives the reference for a map; None where the place is on the map.
    """

    place: LonLat
    beside: Callable[[], ReferencePoint] | None = None


def displace(work: MapWork, described: Described, geocoded: Geocoded, zero: SharedZero | None = None) -> Displaced:
    """Make the displacement relative to the reference, that of several maps if there is one, with its sigma."""
    config, layers = work.config, geocoded.layers

    def make() -> tuple[Iterable[Path], dict[str, Any], None]:
        clear_products(work.products, displaced=True)
        clear_formats(work.products)
        shared = None if zero is None else zero.place if zero.beside is None else zero.beside()
        made, facts = displacement_layers(
            config, layers, described.wavelength, geocoded.tags, work.times, geocoded.far_field, shared
        )
        return made.values(), {"products": names(made), "facts": facts_to_dict(facts)}, None

    depends = [work.marks["geocode"], displacement_depends(config)]
    if zero is not None:
        depends.append([str(zero.place), zero.beside is None])
    done, _ = work.stage("displacement", depends, make)
    layers.release()
    return Displaced(facts_from_dict(done["facts"]), done["products"])


def draw(work: MapWork, described: Described, facts: MapFacts, layers: MapLayers) -> Drawn:
    """Draw the map, write the further formats, and gather what the report knows of the map meanwhile."""
    folder, files, formats = work.products, layers.files, work.formats

    def make() -> tuple[Iterable[Path], dict[str, Any], Evidence]:
        clear_formats(folder, formats)
        with ThreadPoolExecutor(1) as pool:
            gathering = pool.submit(_gather, replace(work.shown(), files=files), work.record())
            made = draw_map(
                layers.grid, folder, files, facts, described, f"{work.name}  line-of-sight displacement"
            )
            written: dict[str, list[Path]] = {}
            if formats:
                known = product_facts(folder, work.name, work.record(), files)
                written = write_formats(replace(known, report_follows=True), formats)
            evidence = gathering.result()
        named = {name for name in written if name != "qgis"} | {
            *work.config.output.formats
        }  # styles go without saying
        first = made | {name: paths[0] for name, paths in written.items() if paths and name in named}
        products = {name: path.relative_to(folder).as_posix() for name, path in first.items()}
        return [*made.values(), *chain.from_iterable(written.values())], {"products": products}, evidence

    depends = [work.marks["displacement"], sorted(formats)]
    done, evidence = work.stage("products", depends, make)
    return Drawn(done["products"], evidence)


def report(work: MapWork, evidence: Evidence | None, warnings: Iterable[str], files: Products) -> Reported:
    """Write the page by which a person judges the map."""

    def make() -> tuple[Iterable[Path], dict[str, Any], None]:
        pair = replace(work.shown(), warnings=tuple(warnings), files=files)
        written = write_report(pair, work.record(), evidence, work.roi)
        verdicts = [verdict.to_dict() for verdict in written.evidence.verdicts]
        return [written.path], {"products": {"report": written.path.name}, "verdicts": verdicts}, None

    done, _ = work.stage("report", [work.marks["products"]], make)
    return Reported(done["products"], done["verdicts"])


def warnings_of(geocoded: Geocoded, displaced: Displaced) -> list[str]:
    """Tell what the user should keep in mind of a map, before it is judged as a whole."""
    return [
        *map_warnings(displaced.facts),
        *offset_warnings(geocoded.offsets),
    ]


def result_of(
    work: MapWork,
    described: Described,
    made: tuple[Geocoded, Displaced, Drawn, Reported],
    told: Sequence[str],
    found: Sequence[str],
) -> RunResult:
    """Gather what the stages made, and tell the user what was found.

    Parameters
    ----------
    told, found : sequence of str
        Warnings that the user knows, and those of the map that are told now with those of the report.
    """
    geocoded, displaced, drawn, reported = made
    found = [*found, *verdict_warnings(reported.verdicts)]
    for text in found:
        work.reporter.warn(text)
    files = displaced.products | geocoded.products | drawn.products | reported.products
    return RunResult(
        folder=work.folder,
        products={name: work.products / file for name, file in files.items()},
        facts=displaced.facts,
        interferogram=described,
        warnings=(*told, *found),
        checks=geocoded.checks,
        verdicts=reported.verdicts,
        offsets=geocoded.offsets,
    )


def names(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the names of files in the folder of the products."""
    return {name: path.name for name, path in files.items()}


def _gather(pair: PairProducts, record: Mapping[str, Any]) -> Evidence:
    """Gather evidence in a thread that opens files as the others do, which read them too."""
    with bounded_raster_cache():
        return gather(pair, record)
