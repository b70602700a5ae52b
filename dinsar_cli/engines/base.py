"""The contract between the pipeline and an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dinsar_cli.acquisition import CommonBurst, Pair
    from dinsar_cli.config import Looks, RunConfig
    from dinsar_cli.orbitfile import OrbitFile
    from dinsar_cli.radar import Interferogram

Progress = Callable[[str, float], None]
"""Called with the name of a step and the share of it that is done, 0 to 1."""


@dataclass(frozen=True)
class EngineInputs:
    """Everything an engine works on.

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
    dem : Path
        Heights above the WGS84 ellipsoid in metres, EPSG:4326, that cover the bursts.
    config : RunConfig
        Options.
    looks : Looks
        In range and azimuth, as the configuration or its resolution asks.
    threads : int
        Cores to use.
    memory : int
        Bytes to stay below, as far as the engine can.
    """

    pair: Pair
    bursts: tuple[CommonBurst, ...]
    bounds: tuple[float, float, float, float]
    reference_orbit: OrbitFile
    secondary_orbit: OrbitFile
    dem: Path
    config: RunConfig
    looks: Looks
    threads: int
    memory: int


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes
    ----------
    memory : int
        Peak, bytes.
    disk : int
        Bytes in the folder of the engine at most.
    """

    memory: int
    disk: int


class Engine(Protocol):
    """An interferometric processor.

    Attributes
    ----------
    name : str
        By which the user asks for it.
    remedy : str
        How to get it.
    """

    name: str
    remedy: str

    def version(self, config: RunConfig) -> dict[str, str]:
        """Names and versions of the software behind the engine."""

    def check(self, config: RunConfig) -> list[str]:
        """Reasons why it cannot work here; empty when it can."""

    def fingerprint(self, config: RunConfig) -> dict[str, object]:
        """The options on which its result depends."""

    def estimate(self, inputs: EngineInputs) -> Estimate:
        """What `process` will need."""

    def process(self, inputs: EngineInputs, folder: Path, progress: Progress) -> Interferogram:
        """Make the interferogram in a folder of its own, going on from what is already there."""
