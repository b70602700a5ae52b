"""The stages from the interferogram to the map: geocode, displacement, products, report; and what is said of it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.formats import ALWAYS, clear_formats, product_facts, write_formats
from dinsar_cli.maps.corrections.apply import asked_for, correction_warnings, mid_times
from dinsar_cli.maps.facts import MapFacts, facts_from_dict, facts_to_dict
from dinsar_cli.maps.layers import common_tags, displacement_depends, displacement_layers, map_layers
from dinsar_cli.maps.offset_maps import OnMap, offset_warnings, write_offsets
from dinsar_cli.maps.phase_checks import check_warnings
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.picture import draw_map
from dinsar_cli.maps.science_warnings import after
from dinsar_cli.maps.sigma import parts
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Described, Interferogram
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.page import write_report
from dinsar_cli.workflow.interferogram_stages import geocode_depends
from dinsar_cli.workflow.reversed_pair import check_map
from dinsar_cli.workflow.run_state import Session

_WORTH_TELLING = 0.001  # share of the map in other components
_TOLD = {"coherence", "components"}  # verdicts of which `map_warnings` tells
_LIBRARIES = (
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.image", "matplotlib.colorbar"),
    *("matplotlib.patches", "matplotlib.ticker", "scipy.ndimage", "scipy.special", "jinja2", "pyproj"),
)
_GEOCODE_BYTES = 250_000_000  # working memory of the geocoder; more is not faster


@dataclass(frozen=True)
class RunResult:
    """What a finished run left.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    products : dict
        Files by product name.
    facts : MapFacts
        Reference point, range of displacement, components.
    interferogram : Described
        Of what the map was made: on the radar grid, or only its description.
    warnings : tuple of str
        What the user should keep in mind.
    seconds : float or None
        That this run took, with search and downloads.
    received : int
        Bytes that it has fetched.
    checks : dict or None
        What the checks of the phase found.
    offsets : dict or None
        What the dense offsets are, see `write_offsets`; None or empty without them.
    """

    folder: Path
    products: dict[str, Path]
    facts: MapFacts
    interferogram: Described
    warnings: tuple[str, ...]
    seconds: float | None = None
    received: int = 0
    checks: dict[str, Any] | None = None
    offsets: dict[str, Any] | None = None


def load_libraries() -> None:
    """Load what these stages use and the stages before do not: that takes a second or two."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def make_products(session: Session, interferogram: Interferogram, mapped: Callable[[], None]) -> RunResult:
    """Do the stages after the interferogram: geocode, displacement, products, report.

    Parameters
    ----------
    session : Session
        The run.
    interferogram : Interferogram
        On the radar grid.
    mapped : callable
        Is called when the displacement is on the disk.
    """
    plan, config, grid = session.plan, session.plan.config, session.plan.grid
    folder = make_folder(session.products)
    tags = common_tags(interferogram, plan.engine.name, __version__)
    products: dict[str, Path] = {}
    files = Products()  # what the stages after the displacement read

    def geocode() -> tuple[Iterable[Path], dict[str, Any]]:
        if not session.force:
            check_disk(session.folder, session.prediction.products, "the products")
        memory = min(plan.memory // 4, _GEOCODE_BYTES)
        found: dict[str, Any] = {}
        offsets: dict[str, Any] = {}

        def more(row: Any, column: Any) -> dict[str, Path]:
            files, checked = check_map(session, interferogram, tags, row, column, memory)
            found.update(checked)
            where = OnMap(grid, row, column, memory)
            shifts, facts = write_offsets(config.offsets, interferogram, where, folder, tags)
            offsets.update(facts)
            return files | shifts

        with ThreadPoolExecutor(1) as pool:
            made = map_layers(
                interferogram,
                grid,
                folder,
                tags,
                memory,
                lambda share: session.reporter.progress("layers", share),
                PhaseFilter(plan.engine.name, config.filter.strength),
                plan.threads,
                more,
                (lambda noise: ahead.append(pool.submit(displace, noise))) if _both_fit(session) else None,
            )
        names = {name: path.name for name, path in made.items()}
        return made.values(), {"products": names, "checks": found, "offsets": offsets}

    ahead: list[Future[tuple[Iterable[Path], dict[str, Any]]]] = []  # displacement, while other layers are made

    def displace(noise_written: Future[None] | None = None) -> tuple[Iterable[Path], dict[str, Any]]:
        made, facts = displacement_layers(
            config,
            grid,
            interferogram.wavelength,
            folder,
            tags,
            times=mid_times(plan.slc.bursts),
            noise_written=noise_written,
        )
        details = {"products": {name: path.name for name, path in made.items()}, "facts": facts_to_dict(facts)}
        return made.values(), details

    def displaced_already() -> tuple[Iterable[Path], dict[str, Any]]:
        return ahead[0].result() if ahead else displace()

    formats = {*ALWAYS, *config.output.formats}
    gathered: list[Evidence] = []  # for the report, while pictures are drawn

    def draw() -> tuple[Iterable[Path], dict[str, Any]]:
        made, drawn_products, evidence = _draw(session, interferogram, facts, formats, files)
        gathered.append(evidence)
        return made, {"products": drawn_products}

    geocoded = session.stage("geocode", geocode_depends(session, session.marks["process"]), geocode, hashed=True)
    displaced = session.stage(
        "displacement", [session.marks["geocode"], displacement_depends(config)], displaced_already, hashed=True
    )
    mapped()
    facts = facts_from_dict(displaced["facts"])
    drawn = session.stage("products", [session.marks["displacement"], sorted(formats)], draw, hashed=True)
    told = [*map_warnings(facts), *check_warnings(geocoded["checks"]), *offset_warnings(geocoded["offsets"])]

    def report() -> tuple[Iterable[Path], dict[str, Any]]:
        shown, record = _shown(session, [*plan.warnings, *told], files), session.journal.to_dict()
        written = write_report(shown, record, gathered[0] if gathered else None)
        verdicts = [verdict.to_dict() for verdict in written.evidence.verdicts]
        return [written.path], {"products": {"report": written.path.name}, "verdicts": verdicts}

    reported = session.stage("report", [session.marks["products"]], report, hashed=True)
    files.close()
    for details in (displaced, geocoded, drawn, reported):
        products |= {name: folder / file for name, file in details["products"].items()}
    told += further_warnings(reported["verdicts"])
    for text in told:
        session.reporter.warn(text)
    warnings = (*plan.warnings, *told)
    found = {name: geocoded[name] for name in ("checks", "offsets")}
    return RunResult(session.folder, products, facts, interferogram, warnings, **found)


def _both_fit(session: Session) -> bool:
    """Tell whether displacement can be made beside the layers that it does not need: of them and of the memory."""
    stages = session.prediction.stages
    together = stages["geocode"].peak_memory + stages["displacement"].peak_memory
    return not asked_for(session.plan.config.corrections) and together <= session.plan.memory


def _draw(
    session: Session, interferogram: Described, facts: MapFacts, formats: set[str], files: Products
) -> tuple[list[Path], dict[str, str], Evidence]:
    """Draw the map and write the formats; give all files, the first of each by name, and the report's evidence."""
    folder, name = session.products, session.folder.name
    clear_formats(folder, formats)
    with ThreadPoolExecutor(1) as pool:
        evidence = pool.submit(_gather, _shown(session, (), files), session.journal.to_dict())
        title = f"{name}  line-of-sight displacement"
        made = draw_map(session.plan.grid, folder, files, facts, interferogram, title)
        known = product_facts(folder, name, session.journal.to_dict(), files)
        written = write_formats(replace(known, report_follows=True), formats)
        first = made | {name: paths[0] for name, paths in written.items() if paths}
        products = {name: path.relative_to(folder).as_posix() for name, path in first.items()}
        return [*made.values(), *chain.from_iterable(written.values())], products, evidence.result()


def _gather(pair: PairProducts, record: Mapping[str, Any]) -> Evidence:
    """Gather evidence in a thread that opens files as the others do, which read them too."""
    with bounded_raster_cache():
        return gather(pair, record)


def further_warnings(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what the verdicts of a report (as `Verdict.to_dict`) warn of and `map_warnings` does not."""
    return [one["warning"] for one in verdicts if one["warning"] and one["key"] not in _TOLD]


def _shown(session: Session, warnings: Iterable[str], files: Products) -> PairProducts:
    """Return the products for the report, with what is warned of so far."""
    (pair,), _ = find_products(session.folder)
    return replace(pair, warnings=tuple(warnings), files=files)


def map_warnings(facts: MapFacts) -> list[str]:
    """Tell what the user should keep in mind of a map."""
    warnings = after(facts.low_coherence, facts.along_track)
    parts = sorted(share for label, share in facts.components.items() if label != "0")
    others = sum(parts[:-1])
    if others >= _WORTH_TELLING:
        warnings.append(
            f"{others:.1%} of the map lies in other connected components than the largest: their displacement may "
            "be wrong by whole half wavelengths (2.8 cm). See connected_components.tif."
        )
    if facts.ramp is not None:
        warnings.append(
            f"A ramp ({facts.ramp['kind']}) was fitted to the displacement and taken off, see ramp.tif: it follows "
            f"{facts.ramp['followed']:.0%} of the map, and deformation as wide as the map went with it."
        )
    return [*warnings, *correction_warnings(facts.corrections)]


def summary(result: RunResult) -> dict[str, Any]:
    """Tell what a finished run says, for people and for ``--json``."""
    interferogram, facts = result.interferogram, result.facts
    return {
        "folder": str(result.folder),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "perpendicular_baseline_m": _rounded(interferogram.perpendicular_baseline, 2),
        "looks": None if interferogram.looks is None else "x".join(str(n) for n in interferogram.looks),
        "sign": "positive toward the satellite",
        "los_displacement_m": {"p02": round(facts.lowest, 5), "p98": round(facts.highest, 5)},
        "mean_coherence": _rounded(facts.mean_coherence, 3),
        "los_sigma_m": {
            "median": _rounded(facts.median_sigma, 6),
            **dict(zip(("includes", "excludes"), parts(along_track=facts.along_track is not None), strict=True)),
        },
        "reference_point": None
        if facts.reference is None
        else {
            "lon": facts.longitude,
            "lat": facts.latitude,
            "coherence": _rounded(facts.reference.coherence, 3),
            "offset_from_median_m": round(facts.reference.offset, 5),
        },
        "checks": result.checks,
        "offsets": result.offsets or None,
        "masked": {name: round(share, 4) for name, share in facts.masked.items()},
        "ramp": facts.ramp,
        "corrections": facts.corrections,
        "components": {label: round(share, 4) for label, share in facts.components.items()},
        "products": {name: str(path) for name, path in result.products.items()},
        "warnings": list(result.warnings),
        "seconds": _rounded(result.seconds, 1),
        "received_bytes": result.received,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Return a number for JSON; None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)
