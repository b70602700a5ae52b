"""Runs of the engine isce2 on one simulated pair, with topsApp itself or with its replay."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import EngineInputs, Progress
from dinsar_cli.engines.topsapp.engine import TopsAppEngine
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.scripts import burstwise
from dinsar_cli.plan.plan import RunPlan, plan_run
from dinsar_cli.simulate import SimulatedStack
from support.command import PROGRAM
from support.pair import nothing, pair_config, prepared
from support.topsapp.recording import LOOKS, ROI


@dataclass(frozen=True)
class Workbench:
    """An ISCE2, and the pair that was recorded.

    Attributes
    ----------
    installation : Installation
        Real, or a replay.
    stack : SimulatedStack
        Scenes, orbits, DEM and truth.
    cache : Path
        For the DEM.
    replayed : bool
        Whether topsApp is played.
    """

    installation: Installation
    stack: SimulatedStack
    cache: Path
    replayed: bool

    @property
    def scenes(self) -> list[str]:
        """All scenes, the earlier date first."""
        return [str(path) for date in self.stack.products for path in date]

    def plan(self, **options: object) -> RunPlan:
        """Plan of a run; options are dotted keys with ``__`` for the dot."""
        own = {"isce2__home": str(self.installation.home), "isce2__python": str(self.installation.python)}
        values: dict[str, object] = {"slc__files": self.scenes, "looks": LOOKS, "roi": self.roi, "engine": "isce2"}
        return plan_run(request_of(pair_config(self.stack.folder, **(values | own | options))), self.cache)

    def inputs(self, **options: object) -> EngineInputs:
        """What the engine works on."""
        return prepared(self.plan(**options), self.cache)

    @property
    def roi(self) -> str:
        """The area that the recording keeps."""
        return " ".join(map(str, ROI))

    def process(self, pair: Path, inputs: EngineInputs, progress: Progress = nothing) -> None:
        """Run the engine in the folder of a pair, in this process."""
        radar = pair / "radar"
        radar.mkdir(parents=True, exist_ok=True)
        TopsAppEngine().process(inputs, radar, progress)

    def command(self, workdir: Path, *options: str) -> list[str]:
        """``dinsar run`` of the pair."""
        return [
            *(*PROGRAM, "run", "--engine", "isce2", "--roi", self.roi, "--looks", LOOKS),
            *(part for scene in self.scenes for part in ("--slc", scene)),
            *("--orbits", str(self.stack.orbits[0].parent), "--dem", str(self.stack.dem)),
            *(
                "--dem-datum",
                "ellipsoid",
                "--intermediates",
                "keep",
                "--workdir",
                str(workdir),
                "--cache",
                str(self.cache),
            ),
            *options,
        ]

    @property
    def environment(self) -> dict[str, str]:
        """Variables of such a command."""
        return os.environ | {"ISCE_HOME": str(self.installation.home)}

    def run(self, workdir: Path, *options: str) -> Path:
        """Run the program to its end, and give the folder of the pair."""
        done = subprocess.run(
            self.command(workdir, *options), env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return pair_folder(workdir)

    def direct(self, work: Path, start: str, end: str) -> subprocess.CompletedProcess[str]:
        """Run topsApp itself in a folder."""
        topsapp = [str(self.installation.python), str(self.installation.program), "topsApp.xml"]
        return subprocess.run(
            [*topsapp, f"--start={start}", f"--end={end}"],
            cwd=work,
            env=self.installation.environment(2, work),
            capture_output=True,
            text=True,
            check=False,
        )

    def hold(self, folder: Path, step: str) -> None:
        """See to it that runs below a folder are long enough in a step to be killed there."""
        if self.replayed:
            (folder / "replay.json").write_text(json.dumps({step: "hang"}))

    def release(self, folder: Path) -> None:
        """Let runs below a folder go on."""
        (folder / "replay.json").unlink(missing_ok=True)

    def processes(self, of: int | None = None) -> list[psutil.Process]:
        """Processes of topsApp below one, or below this."""
        found = []
        for process in psutil.Process(of).children(recursive=True):
            with suppress(psutil.Error):
                if process.cmdline()[1:2] == [burstwise.__file__]:
                    found.append(process)
        return found


def pair_folder(workdir: Path) -> Path:
    """The folder of the only pair."""
    (found,) = workdir.glob("T*_*")
    return found


def work_folder(pair: Path) -> Path:
    """The folder in which topsApp runs."""
    (settings,) = pair.glob("*/topsApp.xml")
    return settings.parent


def products(pair: Path) -> dict[str, str]:
    """Checksums of the maps."""
    files = sorted((pair / "products").glob("*.tif"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def states(work: Path) -> dict[str, int]:
    """Steps that have a state, with the time of each."""
    files = (path for path in (work / "PICKLE").iterdir() if path.suffix != ".xml")
    return {path.name: path.stat().st_mtime_ns for path in files}


def other_swath(inputs: EngineInputs, swath: str) -> EngineInputs:
    """The same inputs with bursts that are said to be of another subswath."""
    return replace(inputs, bursts=tuple(replace(burst, swath=swath) for burst in inputs.bursts))
