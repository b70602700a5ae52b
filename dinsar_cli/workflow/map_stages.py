"""The stages from the interferogram to the report: each one is done, or found done by an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.formats import ALWAYS, clear_formats, product_facts, write_formats
from dinsar_cli.maps.corrections.apply import mid_times
from dinsar_cli.maps.displacement import displacement_depends, displacement_layers
from dinsar_cli.maps.facts import MapFacts, common_tags, facts_from_dict, facts_to_dict
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.offset_maps import write_offsets
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.picture import draw_map
from dinsar_cli.maps.radar_layers import RESAMPLING_BYTES, RadarOnMap, geocode_layers
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Described, Interferogram
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.page import write_report
from dinsar_cli.workflow.interferogram_stages import geocode_depends
from dinsar_cli.workflow.reversed_pair import check_map
from dinsar_cli.workflow.run_state import Session


@dataclass(frozen=True)
class Geocoded:
    """The layers of an interferogram on the map.

    Attributes
    ----------
    layers : MapLayers
        What the stage made is at hand.
    products : dict of str
        Files in the folder of the products, by name.
    checks, offsets : dict
        What the checks of the phase found, and what the dense offsets are; empty without them.
    """

    layers: MapLayers
    products: dict[str, str]
    checks: dict[str, Any]
    offsets: dict[str, Any]


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

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        if not run.force:
            check_disk(run.folder, run.prediction.products, "the products")
        tags = common_tags(interferogram, plan.engine.name, __version__)
        phase_filter = PhaseFilter(plan.engine.name, config.filter.strength)
        memory = min(plan.memory // 4, RESAMPLING_BYTES)
        radar = RadarOnMap(interferogram, plan.grid, memory, phase_filter, plan.threads)
        made = geocode_layers(radar, layers, tags, lambda share: run.reporter.progress("layers", share))
        flags, checks = check_map(run, radar, layers, tags)
        shifts, offsets = write_offsets(config.offsets, radar, layers, tags)
        made |= flags | shifts
        return made.values(), {"products": _names(made), "checks": checks, "offsets": offsets}, None

    done, _ = run.stage("geocode", geocode_depends(run, run.marks["process"]), work, hashed=True)
    return Geocoded(layers, done["products"], done["checks"], done["offsets"])


def displace(run: Session, interferogram: Interferogram, layers: MapLayers) -> Displaced:
    """Make the displacement relative to the reference, with its sigma."""
    config = run.plan.config

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        tags = common_tags(interferogram, run.plan.engine.name, __version__)
        times = mid_times(run.plan.slc.bursts)
        made, facts = displacement_layers(config, layers, interferogram.wavelength, tags, times)
        return made.values(), {"products": _names(made), "facts": facts_to_dict(facts)}, None

    done, _ = run.stage("displacement", [run.marks["geocode"], displacement_depends(config)], work, hashed=True)
    layers.release()
    return Displaced(facts_from_dict(done["facts"]), done["products"])


def draw(run: Session, interferogram: Described, facts: MapFacts, files: Products) -> Drawn:
    """Draw the map, write the further formats, and gather what the report knows of the map meanwhile."""
    formats = {*ALWAYS, *run.plan.config.output.formats}
    folder, name = run.products, run.folder.name

    def work() -> tuple[Iterable[Path], dict[str, Any], Evidence]:
        clear_formats(folder, formats)
        with ThreadPoolExecutor(1) as pool:
            gathering = pool.submit(_gather, _shown(run, (), files), run.journal.to_dict())
            title = f"{name}  line-of-sight displacement"
            made = draw_map(run.plan.grid, folder, files, facts, interferogram, title)
            known = product_facts(folder, name, run.journal.to_dict(), files)
            written = write_formats(replace(known, report_follows=True), formats)
            evidence = gathering.result()
        first = made | {name: paths[0] for name, paths in written.items() if paths}
        products = {name: path.relative_to(folder).as_posix() for name, path in first.items()}
        return [*made.values(), *chain.from_iterable(written.values())], {"products": products}, evidence

    done, evidence = run.stage("products", [run.marks["displacement"], sorted(formats)], work, hashed=True)
    return Drawn(done["products"], evidence)


def report(run: Session, evidence: Evidence | None, warnings: Iterable[str], files: Products) -> Reported:
    """Write the page by which a person judges the map."""

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        written = write_report(_shown(run, warnings, files), run.journal.to_dict(), evidence, run.plan.roi)
        verdicts = [verdict.to_dict() for verdict in written.evidence.verdicts]
        return [written.path], {"products": {"report": written.path.name}, "verdicts": verdicts}, None

    done, _ = run.stage("report", [run.marks["products"]], work, hashed=True)
    return Reported(done["products"], done["verdicts"])


def _names(files: dict[str, Path]) -> dict[str, str]:
    return {name: path.name for name, path in files.items()}


def _gather(pair: PairProducts, record: Mapping[str, Any]) -> Evidence:
    """Gather evidence in a thread that opens files as the others do, which read them too."""
    with bounded_raster_cache():
        return gather(pair, record)


def _shown(run: Session, warnings: Iterable[str], files: Products) -> PairProducts:
    """Return the products for the report, with what is warned of so far."""
    (pair,), _ = find_products(run.folder)
    return replace(pair, warnings=tuple(warnings), files=files)
