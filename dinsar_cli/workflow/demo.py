"""The demonstration: a simulated pair with known displacement, its map, and the comparison of both."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import RUN_FILE, Journal
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.base.user_files import read_json
from dinsar_cli.compare.truth import Comparison, compare
from dinsar_cli.compare.truth_picture import comparison_picture
from dinsar_cli.config.file import build_config
from dinsar_cli.engines.find import find_engine
from dinsar_cli.errors import UsageError
from dinsar_cli.simulate import Scenario, SimulatedStack, scenario_record, simulate
from dinsar_cli.workflow.pipeline import run
from dinsar_cli.workflow.result import RunResult

BOUND = 0.5e-3  # m: RMSE above which something is wrong with this installation
_SIMULATED = ("slc", "orbits", "dem", "truth", "raw-")  # how names in a scene begin, finished or not
_LOOKS = "7x2"  # at which the project states its accuracy
SCENARIO = Scenario()
"""Two bursts of 2,500 columns, 0.31 lines out of step, 80 m of baseline, 900 m of relief, 9 cm of inflation."""


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration made.

    Attributes
    ----------
    result : RunResult
        The run.
    comparison : Comparison
        Its map against the truth.
    seconds : dict
        By stage; a stage of the run that was done before has the time that it took then.
    pictures : tuple of Path
        The map, and the comparison.
    """

    result: RunResult
    comparison: Comparison
    seconds: dict[str, float]
    pictures: tuple[Path, Path]

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.result.products["report"]


def demonstrate(folder: Path, engine: str, reporter: Reporter, command: Sequence[str]) -> Demonstration:
    """Simulate a pair unless it is there, make its map, and compare it with the truth.

    Parameters
    ----------
    folder : Path
        Gets the scenes and the run.
    engine : str
        Name of the engine, or ``auto``.
    reporter : Reporter
        Is told how it goes.
    command : sequence of str
        Command line, for the record.

    Raises
    ------
    DinsarError
        When the folder cannot be used or a stage fails.
    """
    options: dict[str, object] = {"engine": engine, "looks": _LOOKS}
    find_engine(build_config(None, options))  # an engine that cannot work is refused before anything is made
    make_folder(folder)
    reporter.start("simulate")
    started = time.monotonic()
    scene, there = _scene(folder / "scene", reporter)
    seconds = {"simulate": time.monotonic() - started}
    reporter.end("simulate", seconds["simulate"], skipped=there)
    config = build_config(
        None,
        {
            "slc.files": [str(path) for path in sorted((scene / "slc").iterdir())],
            "orbits.dir": str(scene / "orbits"),
            "dem.file": str(scene / "dem" / "dem.tif"),
            "dem.datum": "ellipsoid",
        }
        | options,
    )
    result = run(config, folder, folder / "cache", reporter, command)
    seconds |= {name: stage.seconds for name, stage in Journal.open(result.folder / RUN_FILE).stages.items()}
    started = time.monotonic()
    comparison = compare(result.folder, scene)
    picture = result.folder / "comparison.png"
    comparison_picture(picture, comparison, "Map against the known displacement")
    seconds["compare"] = time.monotonic() - started
    return Demonstration(result, comparison, seconds, (result.products["map"], picture))


def _scene(folder: Path, reporter: Reporter) -> tuple[Path, bool]:
    """Give simulated scene, the one that is there when it is whole or else a new one; and whether it was there."""
    if folder.exists():
        if _is_ours(folder):
            return folder, True
        raise UsageError(
            f"{folder} is not the scene of this demonstration.",
            "It was made by something else, or by another version, or a file of it is missing.",
            "Give another --workdir, or remove that folder.",
        )
    part = folder.with_name(folder.name + ".part")
    if part.exists():
        _clear_stopped(part)
    stack: SimulatedStack = simulate(SCENARIO, part, reporter.progress)
    stack.folder.replace(folder)
    return folder, False


def _clear_stopped(part: Path) -> None:
    """Remove what a demonstration that was stopped has left.

    Raises
    ------
    UsageError
        When the folder holds something else.
    """
    found = [] if part.is_symlink() else list(part.iterdir())
    others = [path.name for path in found if path.is_symlink() or not path.name.startswith(_SIMULATED)]
    if part.is_symlink() or others:
        raise UsageError(
            f"{part} is not the scene of this demonstration.",
            f"It holds {', '.join(others)}." if others else "It is a link.",
            "Give another --workdir, or remove that folder.",
        )
    shutil.rmtree(part)


def _is_ours(folder: Path) -> bool:
    try:
        record = read_json(folder / "truth.json")
    except (OSError, ValueError):
        return False
    if not (isinstance(record, dict) and record.get("scenario") == scenario_record(SCENARIO)):
        return False
    files = [f"slc/{name}" for parts in record["products"] for name in parts]
    files += [*(f"orbits/{name}" for name in record["orbits"]), record["dem"]]
    return all((folder / name).is_file() for name in (*files, "truth/los_displacement.tif", "truth/coherence.tif"))
