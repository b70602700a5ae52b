"""The contract between the pipeline and an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.journal import Journal
from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair
from dinsar_cli.sentinel1.orbit_file import OrbitFile

STEPS_FILE = "steps.json"  # journal of the steps of an engine, in the folder of the interferogram


class Progress(Protocol):
    """Called with the name of a step, the share of the work that is done, and the seconds left when known.

    The share is 0 to 1: of the whole for an engine that knows it, else of the step.
    """

    def __call__(self, step: str, share: float, left: float | None = None, /) -> None:
        """Take them."""


@dataclass(frozen=True)
class StepCost:
    """What a finished step has cost.

    Attributes
    ----------
    seconds : float
        Wall-clock time.
    peak_memory : int
        Of this process and all those that the engine started, bytes.
    disk : int
        Largest use of the engine's folder while the step ran, bytes.
    """

    seconds: float
    peak_memory: int
    disk: int


def step_costs(folder: Path) -> dict[str, StepCost]:
    """Return the costs of the steps that the journal of an engine holds, in the order in which they ended.

    Parameters
    ----------
    folder : Path
        Of the interferogram. A step whose disk use was not measured counts with the files made until its end.
    """
    costs, made = {}, 0
    for name, record in Journal.open(folder / STEPS_FILE).stages.items():
        made += sum(file.size for file in record.files)
        costs[name] = StepCost(record.seconds, record.peak_memory, record.details.get("disk", made))
    return costs


@dataclass(frozen=True)
class Work:
    """How much a run has to do: what its time, memory and disk space depend on. All but `bursts` in millions.

    Attributes
    ----------
    samples : float
        Single-look samples of one date: of the bursts in use, or of the part of them that is processed.
    bursts : int
        Bursts in use.
    largest : float
        Samples of the largest of them.
    cells : float
        Look cells.
    ground : float
        Cells of the map inside the area that the scenes cover.
    map : float
        Cells of the map.
    dem : float
        Pixels of the DEM.
    buffer : float
        Bytes of working memory that an engine allows itself.
    at_once : float
        Samples of the bursts that an engine works on at a time.
    """

    samples: float
    bursts: int
    largest: float
    cells: float
    ground: float = 0.0
    map: float = 0.0
    dem: float = 0.0
    buffer: float = 0.0
    at_once: float = 0.0


@dataclass(frozen=True)
class Forecast(StepCost):
    """What a step of a run is going to cost.

    Attributes
    ----------
    runs : int
        Earlier runs on which this rests; 0 where it is only what such steps cost elsewhere.
    """

    runs: int = 0


@dataclass(frozen=True)
class StepChoice:
    """Which part of the work of an engine is asked for.

    Attributes
    ----------
    first : str, optional
        Step to do again, with all that follow; None: the first that is not done.
    last : str, optional
        Step to stop after; None: all are done.
    own_files : bool
        Whether input files of the engine that were edited by hand are used as they are.
    """

    first: str | None = None
    last: str | None = None
    own_files: bool = False


def _nobody(text: str) -> None:
    """Take what is told, and do nothing."""


@dataclass(frozen=True, kw_only=True)
class SceneInputs:
    """What is seen where, and how: all that an engine is told before there is a DEM.

    Attributes
    ----------
    pair : Pair
        The two acquisitions.
    bursts : tuple of CommonBurst
        Bursts that meet the area.
    bounds : (float, float, float, float)
        West, south, east, north of the area, degrees.
    reference_orbit, secondary_orbit : OrbitFile
        State vectors around each acquisition.
    config : RunConfig
        Options.
    looks : Looks
        In range and azimuth, as the configuration or its resolution asks.
    heights : (float, float)
        Lowest and highest ground, about, metres; known before the DEM is made.
    """

    pair: Pair
    bursts: tuple[CommonBurst, ...]
    bounds: Bounds
    reference_orbit: OrbitFile
    secondary_orbit: OrbitFile
    config: RunConfig
    looks: Looks
    heights: tuple[float, float]


@dataclass(frozen=True)
class Ground:
    """Ground whose heights an engine uses; west, south, east, north, degrees.

    Attributes
    ----------
    used : (float, float, float, float)
        All of it.
    needed : (float, float, float, float)
        That without which the map would lack something.
    """

    used: Bounds
    needed: Bounds


@dataclass(frozen=True, kw_only=True)
class EngineInputs(SceneInputs):
    """Everything an engine works on.

    Attributes
    ----------
    dem : Path
        Heights above the WGS84 ellipsoid in metres, EPSG:4326, that cover the ground it needs.
    water : Path or None
        Kinds of ground on the pixels of the DEM (see `dinsar_cli.geo.heights.terrain`); None where nobody asks for
        them.
    threads : int
        Cores to use.
    memory : int
        Bytes to stay below, as far as the engine can.
    work : Work
        How much there is to do, as far as it is the same for all engines: the bursts in use are whole.
    choice : StepChoice
        Part of the work to do.
    tell : callable
        Takes a sentence on what the engine has changed by itself to go on.
    history : Path or None
        File with what the steps of earlier runs have cost, to learn from and to add to.
    """

    dem: Path
    threads: int
    memory: int
    work: Work
    water: Path | None = None
    choice: StepChoice = StepChoice()
    tell: Callable[[str], None] = _nobody
    history: Path | None = None


@dataclass(frozen=True)
class Estimate:
    """What the work of an engine will need.

    Attributes
    ----------
    steps : dict of Forecast
        By step, in order; `disk` is what is in the engine's folders at most while the step runs.
    left : dict of int
        Bytes in these folders when all is done, by ``output.intermediates``: ``keep``, ``geocoded``, ``delete``.
    """

    steps: dict[str, Forecast]
    left: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(step.seconds for step in self.steps.values())

    @property
    def memory(self) -> int:
        """Peak, bytes."""
        return max(step.peak_memory for step in self.steps.values())

    @property
    def disk(self) -> int:
        """Bytes in the folders of the engine at most."""
        return max(step.disk for step in self.steps.values())


@dataclass(frozen=True)
class RoughInputs:
    """What is known of the work of an engine before the scenes are there.

    Attributes
    ----------
    work : Work
        With whole bursts.
    share : float
        Of the ground in the bursts, that which is asked for: 0 to 1.
    config : RunConfig
        Options.
    threads, memory : int
        Cores, and bytes to stay below.
    history : Path or None
        File with what the steps of earlier runs have cost.
    """

    work: Work
    share: float
    config: RunConfig
    threads: int
    memory: int
    history: Path | None = None


class Engine(Protocol):
    """An interferometric processor.

    Attributes
    ----------
    name : str
        By which the user asks for it.
    remedy : str
        How to get it.
    steps : tuple of str
        Its steps, in order.
    """

    name: str
    remedy: str
    steps: tuple[str, ...]

    def version(self, config: RunConfig) -> dict[str, str]:
        """Return the names and versions of the software behind the engine."""

    def check(self, config: RunConfig, pair: Pair | None = None) -> list[str]:
        """Return the reasons why it cannot work here, or not with a pair; empty when it can."""

    def advice(self, config: RunConfig, pair: Pair | None = None) -> str:
        """Tell what to do about what `check` finds; empty when it finds nothing."""

    def cautions(self, pair: Pair) -> list[str]:
        """Tell what the user should keep in mind when it works on a pair."""

    def place(self, config: RunConfig) -> str:
        """Tell where it is and how it was built; empty for one in this Python."""

    def fingerprint(self, config: RunConfig) -> dict[str, object]:
        """Return the options on which its result depends."""

    def ground(self, scene: SceneInputs) -> Ground:
        """Tell the ground whose heights `process` uses."""

    def rough_ground(self, bounds: Bounds, bursts: Bounds, config: RunConfig) -> Ground:
        """Tell it as far as it is known before the scenes are there, from the bounds of area and bursts."""

    def estimate(self, inputs: EngineInputs) -> Estimate:
        """Tell what `process` will need for all its steps; it reads nothing but the history."""

    def outlook(self, rough: RoughInputs) -> Estimate:
        """Tell what `process` will need, as far as it can be told before the scenes are there."""

    def check_options(self, config: RunConfig, bursts: Sequence[CommonBurst]) -> None:
        """Refuse options that do not go with the bursts in use, or with what is installed."""

    def check_work(self, folder: Path, choice: StepChoice) -> str:
        """Refuse what an earlier run or a person left beside the folder of the layers, and give its fingerprint.

        The fingerprint is that of files that are used as somebody edited them; empty when there are none.
        """

    def prepare(self, inputs: EngineInputs, folder: Path, *, scripts: bool) -> list[Path]:
        """Write the input files of the engine, and scripts of its steps if wanted, and give those to look at."""

    def process(self, inputs: EngineInputs, folder: Path, progress: Progress) -> Interferogram | None:
        """Make the interferogram in a folder of its own, going on from what is already there.

        None when the last step asked for is not the last there is.
        """

    def unwrap_conjugate(self, inputs: EngineInputs, folder: Path) -> NDArray[np.float32]:
        """Filter and unwrap the conjugate of the interferogram in a folder.

        Only where `check_options` lets ``checks.reversed`` be ``phase``.

        Returns
        -------
        ndarray
            Radians on the radar grid; NaN where the interferogram is not unwrapped.
        """

    def leftovers(self, folder: Path, *, inputs: bool = False) -> tuple[Path, ...]:
        """Return the files that the engine left beside the folder of the layers, and nobody needs any more.

        With `inputs` also those that tell what it was asked for, unless a person has edited them.
        """
