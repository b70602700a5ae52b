"""The stages of a run, in order, with resume: from scenes, orbits and DEM to products and report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import StepChoice
from dinsar_cli.engines.find import engines, find_engine
from dinsar_cli.errors import EngineError
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.workflow.interferogram_stages import (
    check_scenes,
    get_orbits,
    make_dem,
    make_interferogram,
    prepare_inputs,
    ready_inputs,
)
from dinsar_cli.workflow.leftovers import Removal
from dinsar_cli.workflow.map_stages import displace, draw, geocode, report, result_of, warnings_of
from dinsar_cli.workflow.result import RunResult, summary
from dinsar_cli.workflow.run_state import Session, again_if_damaged, opened


@again_if_damaged
def run(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice | None = None,
    *,
    force: bool = False,
) -> RunResult:
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
    choice : StepChoice, optional
        Which files of the engine count; its steps are all done.
    force : bool
        Whether to start a run that does not seem to fit on this machine.

    Raises
    ------
    DinsarError
        When an input is wrong or a stage fails; what is done stays done.
    """
    started = time.monotonic()
    with (
        # plan: the pair is chosen, its scenes are on the disk, everything is checked, and its folder is held
        opened(config, workdir, cache, reporter, command, choice or StepChoice(), force=force) as session,
        Removal(session.plan.config, session.plan.engine, session.radar) as removal,
        Products() as files,
    ):
        # scenes: every product is whole
        check_scenes(session)
        # orbits of both dates, by the best files that there are
        orbits = get_orbits(session)
        # DEM: heights above the ellipsoid around the bursts, and the water on it
        ground = make_dem(session)
        # interferogram: filtered and unwrapped, on the radar grid
        interferogram = make_interferogram(session, ready_inputs(session, orbits, ground))
        if interferogram is None:
            raise ValueError("a map needs all steps of the engine")
        # geocode: its layers on the map grid, and the checks of its phase
        geocoded = geocode(session, interferogram, files)
        # displacement along the line of sight, relative to the reference, with its sigma
        displaced = displace(session, interferogram, geocoded)
        removal.begin()
        # products: pictures, and the same layers for other programs
        drawn = draw(session, interferogram, displaced.facts, geocoded.layers)
        # report: the page by which a person judges the map
        told, found = session.plan.warnings, warnings_of(geocoded, displaced)
        reported = report(session, drawn.evidence, [*told, *found], files)
        # what the user is told
        result = replace(
            result_of(session, interferogram, (geocoded, displaced, drawn, reported), told, found),
            seconds=time.monotonic() - started,
            received=session.meter.received,
        )
        session.journal.header["summary"] = summary(result)
        session.journal.save()
        tidy(session, removal)
    return result


@again_if_damaged
def process(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice,
    *,
    force: bool = False,
) -> tuple[Path, Interferogram | None]:
    """Make the interferogram on the radar grid, or some of the steps that lead to it.

    Parameters
    ----------
    config, workdir, cache, reporter, command, force
        As for `run`.
    choice : StepChoice
        Steps to do.

    Returns
    -------
    folder : Path
        Folder of the pair.
    interferogram : Interferogram or None
        None when not all steps are done.
    """
    with opened(config, workdir, cache, reporter, command, choice, force=force) as session:
        return session.folder, make_interferogram(session, prepare_inputs(session))


def write_engine_files(
    config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str], *, scripts: bool
) -> list[Path]:
    """Write the input files of the engine, with scripts of its steps if wanted, and run nothing.

    The engine need not be installed, unless there are scripts to write.
    """
    engine = None if scripts else engines()["isce2" if config.engine == "auto" else config.engine]
    with opened(config, workdir, cache, reporter, command, StepChoice(), engine, force=True) as session:
        return session.plan.engine.prepare(prepare_inputs(session), session.radar, scripts=scripts)


@dataclass(frozen=True)
class FetchedData:
    """The data of a run, on the disk.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    scenes, orbits : tuple of Path
        Products and orbit files of both dates.
    dem : Path
        The prepared DEM.
    water : Path or None
        Water on its pixels; None where the configuration wants none of it.
    seconds : float
        That it took.
    received : int
        Bytes that were fetched.
    """

    folder: Path
    scenes: tuple[Path, ...]
    orbits: tuple[Path, ...]
    dem: Path
    water: Path | None
    seconds: float
    received: int

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.scenes, *self.orbits, self.dem, *([self.water] if self.water else []))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "folder": str(self.folder),
            "scenes": [str(path) for path in self.scenes],
            "orbits": [str(path) for path in self.orbits],
            "dem": str(self.dem),
            "water": str(self.water) if self.water else None,
            "seconds": round(self.seconds, 1),
            "received_bytes": self.received,
        }


@again_if_damaged
def fetch(config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str]) -> FetchedData:
    """Do the stages before the engine: scenes, orbits and DEM. The engine need not be installed.

    Parameters
    ----------
    config, workdir, cache, reporter, command
        As for `run`.
    """
    started, engine = time.monotonic(), None
    try:
        find_engine(config)
    except EngineError:
        engine = engines()["isce2" if config.engine == "auto" else config.engine]
    with opened(config, workdir, cache, reporter, command, StepChoice(), engine, force=True) as session:
        inputs = prepare_inputs(session)
        orbits = (inputs.reference_orbit.path, inputs.secondary_orbit.path)
        seconds, received = time.monotonic() - started, session.meter.received
        scenes, ground = tuple(session.plan.config.slc.files), (inputs.dem, inputs.water)
        return FetchedData(session.folder, scenes, orbits, *ground, seconds, received)


def tidy(session: Session, removal: Removal) -> None:
    """Remove the intermediate files that the configuration does not keep, and tell how much that freed."""
    freed = removal.finish(session.journal)
    if freed:
        session.journal.header["freed_bytes"] = session.journal.header.get("freed_bytes", 0) + freed
        session.journal.save()
        session.reporter.note(
            f"{human_bytes(freed)} of intermediate files were removed (output.intermediates: "
            f"{session.plan.config.output.intermediates})"
        )
