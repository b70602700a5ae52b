"""The stages of a run, in order, with resume: scenes, orbits, DEM, process, geocode, displacement, products."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dinsar_cli import __version__
from dinsar_cli.configfile import dump_commented_yaml
from dinsar_cli.errors import ResourceError
from dinsar_cli.managers.dem import DemManager
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.memory import bounded_raster_cache, peak_memory
from dinsar_cli.planning import RunPlan, engine_inputs, given, plan_run
from dinsar_cli.radar import Interferogram
from dinsar_cli.stages import (
    MapFacts,
    common_tags,
    displacement_layers,
    draw_map,
    facts_from_dict,
    facts_to_dict,
    map_layers,
)
from dinsar_cli.workspace import (
    RUN_FILE,
    STAGES,
    Journal,
    StageRecord,
    check_disk,
    fingerprint,
    human_bytes,
    locked,
    make_folder,
    write_text,
)

if TYPE_CHECKING:
    from dinsar_cli.config import RunConfig
    from dinsar_cli.engines.base import EngineInputs

_MAP_BYTES = 60  # per map cell, of all products before compression
_GEOCODE_BYTES = 250_000_000  # working memory of the geocoder; more is not faster


class Reporter(Protocol):
    """Who is told how the run goes."""

    def note(self, text: str) -> None:
        """Tell a fact."""

    def warn(self, text: str) -> None:
        """Tell a fact that the user should act on or keep in mind."""

    def start(self, stage: str) -> None:
        """Tell that a stage starts."""

    def progress(self, step: str, share: float) -> None:
        """Tell how much of a step of the stage is done, 0 to 1."""

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Tell that a stage is done, now or in an earlier run."""


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
    interferogram : Interferogram
        On the radar grid.
    warnings : tuple of str
        What the user should keep in mind.
    """

    folder: Path
    products: dict[str, Path]
    facts: MapFacts
    interferogram: Interferogram
    warnings: tuple[str, ...]


@dataclass
class _Run:
    """A run under way: what each stage needs of the others, and the journal."""

    plan: RunPlan
    folder: Path
    cache: Path
    journal: Journal
    reporter: Reporter
    marks: dict[str, str] = field(default_factory=dict)

    def stage(
        self,
        name: str,
        depends: object,
        work: Callable[[], tuple[Iterable[Path], dict[str, Any]]],
        *,
        hashed: bool = False,
    ) -> dict[str, Any]:
        """Do a stage unless it is done, and give its details."""
        mark = self.marks[name] = fingerprint([__version__, depends])
        self.reporter.start(name)
        if self.journal.holds(name, mark):
            record = self.journal.stages[name]
            self.reporter.end(name, record.seconds, skipped=True)
            return record.details
        self.journal.forget(STAGES[STAGES.index(name) :])
        started = time.monotonic()
        with peak_memory() as peak:
            files, details = work()
            seconds = time.monotonic() - started
            self.journal.put(name, StageRecord(mark, (), seconds, peak(), details), files, hashed=hashed)
        self.reporter.end(name, seconds, skipped=False)
        return details


def run(config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str]) -> RunResult:
    """Make the displacement map of a configuration, going on from what an earlier run left.

    Parameters
    ----------
    config : RunConfig
        What to do.
    workdir : Path
        Gets a folder for the pair.
    cache : Path
        Gets what several runs can share.
    reporter : Reporter
        Is told how it goes.
    command : sequence of str
        Command line, for the record.

    Raises
    ------
    DinsarError
        When an input is wrong or a stage fails; what is done stays done.
    """
    with bounded_raster_cache():
        return _run(config, workdir, cache, reporter, command)


def _run(config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str]) -> RunResult:
    plan = plan_run(config, cache)
    for text in plan.notes:
        reporter.note(text)
    for text in plan.warnings:
        reporter.warn(text)
    folder = make_folder(make_folder(workdir) / plan.slc.pair.name)
    make_folder(cache)
    with locked(folder):
        journal = Journal.open(folder / RUN_FILE)
        journal.header = _header(plan, command)
        journal.save()
        write_text(folder / "dinsar.yaml", dump_commented_yaml(config))
        result = _run_stages(_Run(plan, folder, cache, journal, reporter))
        journal.header["summary"] = summary(result)
        journal.save()
    return result


def _header(plan: RunPlan, command: Sequence[str]) -> dict[str, Any]:
    pair = plan.slc.pair
    return {
        "dinsar": __version__,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "pair": {
            "name": pair.name,
            "reference": [scene.name for scene in pair.reference.scenes],
            "secondary": [scene.name for scene in pair.secondary.scenes],
            "polarization": pair.polarization,
            "bursts": [f"{b.swath} {b.reference.burst.azimuth_time.isoformat()}" for b in plan.slc.bursts],
        },
        "engine": {"name": plan.engine.name, "versions": plan.engine.version(plan.config)},
        "looks": str(plan.looks),
        "grid": plan.grid.to_dict(),
        "warnings": list(plan.warnings),
    }


def _run_stages(run_: _Run) -> RunResult:
    plan, slc, config = run_.plan, run_.plan.slc, run_.plan.config
    slc_manager = SlcManager(config.slc.files)
    paths = [str(path) for path in config.slc.files]
    run_.stage("slc", [paths, run_.journal.header["pair"]], lambda: (slc_manager.fetch(slc), {}), hashed=True)
    orbit_files = [choice.path for choice in plan.orbits]
    run_.stage(
        "orbits",
        [str(path) for path in orbit_files],
        lambda: (orbit_files, {"kinds": [choice.kind for choice in plan.orbits]}),
        hashed=True,
    )
    dem_manager = DemManager(given(config.dem.file), config.dem.datum, config.dem.buffer, run_.cache)

    def prepare_dem() -> tuple[Iterable[Path], dict[str, Any]]:
        dem = dem_manager.fetch(plan.dem)
        details = {"path": str(dem.path), "voids_filled": dem.voids_filled, "warnings": list(dem.warnings)}
        return [dem.path], details

    dem = run_.stage("dem", [str(plan.dem.path), config.dem.datum], prepare_dem, hashed=True)
    for text in dem["warnings"]:
        if text not in plan.warnings:
            run_.reporter.warn(text)
    inputs = engine_inputs(plan, Path(dem["path"]))
    radar = run_.folder / "radar"

    def process() -> tuple[Iterable[Path], dict[str, Any]]:
        _check_resources(plan, inputs, run_.folder)
        made = plan.engine.process(inputs, make_folder(radar), run_.reporter.progress)
        return made.files, {}

    hashes = [file.sha256 for name in ("slc", "orbits", "dem") for file in run_.journal.stages[name].files]
    options = [plan.engine.fingerprint(config), str(plan.looks), slc.bounds, run_.marks["slc"]]
    run_.stage("process", [hashes, options], process)
    return _make_products(run_, Interferogram.load(radar))


def _make_products(run_: _Run, interferogram: Interferogram) -> RunResult:
    plan, config, grid = run_.plan, run_.plan.config, run_.plan.grid
    folder = make_folder(run_.folder / "products")
    tags = common_tags(interferogram, plan.engine.name, __version__)
    products: dict[str, Path] = {}

    def geocode() -> tuple[Iterable[Path], dict[str, Any]]:
        check_disk(run_.folder, grid.width * grid.height * _MAP_BYTES, "the products")
        memory = min(plan.memory // 4, _GEOCODE_BYTES)
        made = map_layers(
            interferogram, grid, folder, tags, memory, lambda share: run_.reporter.progress("layers", share)
        )
        return made.values(), {"products": {name: path.name for name, path in made.items()}}

    def displace() -> tuple[Iterable[Path], dict[str, Any]]:
        made, facts = displacement_layers(config, grid, interferogram.wavelength, folder, tags)
        details = {"products": {name: path.name for name, path in made.items()}, "facts": facts_to_dict(facts)}
        return made.values(), details

    def draw() -> tuple[Iterable[Path], dict[str, Any]]:
        made = draw_map(grid, folder, facts, interferogram, f"{run_.folder.name}  line-of-sight displacement")
        return made.values(), {"products": {name: path.name for name, path in made.items()}}

    geocoded = run_.stage("geocode", [run_.marks["process"], grid.to_dict()], geocode, hashed=True)
    displaced = run_.stage(
        "displacement", [run_.marks["geocode"], str(config.reference_point)], displace, hashed=True
    )
    facts = facts_from_dict(displaced["facts"])
    drawn = run_.stage("products", run_.marks["displacement"], draw, hashed=True)
    for details in (displaced, geocoded, drawn):
        products |= {name: folder / file for name, file in details["products"].items()}
    warnings = [*plan.warnings, *_map_warnings(facts)]
    for text in _map_warnings(facts):
        run_.reporter.warn(text)
    return RunResult(run_.folder, products, facts, interferogram, tuple(warnings))


def _map_warnings(facts: MapFacts) -> list[str]:
    others = sum(share for label, share in facts.components.items() if label not in {"0", "1"})
    if not others:
        return []
    text = (
        f"{others:.1%} of the map lies in other connected components than the largest: their displacement may be "
        "wrong by whole half wavelengths (2.8 cm). See connected_components.tif."
    )
    return [text]


def _check_resources(plan: RunPlan, inputs: EngineInputs, folder: Path) -> None:
    estimate = plan.engine.estimate(inputs)
    check_disk(folder, estimate.disk, "the interferogram")
    if estimate.memory > plan.memory:
        raise ResourceError(
            "There is not enough memory for this run.",
            f"It needs about {human_bytes(estimate.memory)}; {human_bytes(plan.memory)} may be used.",
            "Choose a smaller area or more looks, or raise compute.memory.",
        )


def summary(result: RunResult) -> dict[str, Any]:
    """What a finished run says, for people and for ``--json``."""
    interferogram, facts = result.interferogram, result.facts
    return {
        "folder": str(result.folder),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "perpendicular_baseline_m": round(interferogram.perpendicular_baseline, 2),
        "looks": "x".join(str(n) for n in interferogram.looks),
        "sign": "positive toward the satellite",
        "los_displacement_m": {"p02": round(facts.lowest, 5), "p98": round(facts.highest, 5)},
        "mean_coherence": round(facts.mean_coherence, 3),
        "reference_point": None
        if facts.reference is None
        else {
            "lon": facts.longitude,
            "lat": facts.latitude,
            "coherence": round(facts.reference.coherence, 3),
            "offset_from_median_m": round(facts.reference.offset, 5),
        },
        "components": {label: round(share, 4) for label, share in facts.components.items()},
        "products": {name: str(path) for name, path in result.products.items()},
        "warnings": list(result.warnings),
    }
