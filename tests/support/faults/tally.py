"""What was tried and what failed, and the small run on which it is tried."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from support.command import PROGRAM, Outcome
from support.run_inputs import Inputs, write_inputs
from support.safe_factory import Product

PAIR = Product(bursts=1, lines=180, samples=360, line_interval=2.0556e-3, range_sampling_rate=64.345e6)
FAULT_OF_THE_PROGRAM = 1


@dataclass
class Tally:
    """Tried and failed, by kind; what failed with a line each."""

    tried: dict[str, int] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)

    def count(self, kind: str, failure: str = "") -> None:
        """Note that something was tried, and what was wrong with it."""
        self.tried[kind] = self.tried.get(kind, 0) + 1
        if failure:
            self.fail(kind, failure)

    def fail(self, kind: str, failure: str) -> None:
        """Note what was wrong, and tell it at once."""
        self.failed.setdefault(kind, []).append(failure)
        print(f"{kind}: {failure}", file=sys.stderr, flush=True)

    @property
    def failures(self) -> list[str]:
        """All that failed."""
        return [f"{kind}: {text}" for kind, texts in self.failed.items() for text in texts]

    def table(self) -> str:
        """The counts by kind, and each failure."""
        rows = [f"{kind:<44} {count:6d} {len(self.failed.get(kind, ())):6d}" for kind, count in self.tried.items()]
        return "\n".join([f"{'what':<44} {'tried':>6} {'failed':>6}", *rows, *self.failures])


@dataclass(frozen=True)
class SmallRun:
    """A run of seconds with its map undisturbed, and folders to disturb it in.

    Attributes
    ----------
    folder : Path
        Holds all.
    arguments : tuple of str
        Of ``dinsar``, without working folder and cache.
    seconds : float
        That it takes undisturbed.
    map : ndarray
        Its displacement.
    """

    folder: Path
    arguments: tuple[str, ...]
    seconds: float
    map: NDArray[np.float32]

    @classmethod
    def make(cls, folder: Path) -> SmallRun:
        """Write inputs and make the map once, with the embedded engine; it stays in ``whole``."""
        inputs = write_inputs(folder / "inputs", PAIR, dem_step=0.001)
        return cls.of(folder, ("run", *inputs.options(looks="4x2", roi=area(inputs)), "--engine", "eos", "-q"))

    @classmethod
    def of(cls, folder: Path, arguments: Sequence[object]) -> SmallRun:
        """Make the map of some arguments once."""
        plain = cls(folder, tuple(str(one) for one in arguments), 0.0, np.zeros(0, np.float32))
        done = plain.run("whole")
        assert done.code == 0, done.err
        return cls(folder, plain.arguments, done.seconds, displacement(folder / "whole"))

    def command(self, name: str, *more: object) -> list[str]:
        """Return the command line in a folder of its own: working folder and cache."""
        places = ("--workdir", self.folder / name / "work", "--cache", self.folder / name / "cache")
        return [*PROGRAM, *self.arguments, *(str(one) for one in (*places, *more))]

    def run(self, name: str, *more: object, before: Sequence[str] = (), **how: Any) -> Outcome:
        """Run it to its end in such a folder."""
        return run_command([*before, *self.command(name, *more)], **how)

    def copy(self, name: str) -> Path:
        """Copy the whole run, with the times of its files, under a name."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(self.folder / "whole", self.folder / name, symlinks=True)
        return self.folder / name

    def differs(self, name: str) -> str:
        """Tell how the map in a folder differs from the undisturbed one; empty when it does not."""
        try:
            found = displacement(self.folder / name)
        except (OSError, rasterio.errors.RasterioError) as error:
            return f"no map: {error}"
        return "" if np.array_equal(found, self.map, equal_nan=True) else "the map is another one"


def area(inputs: Inputs) -> str:
    """The whole of the scene."""
    west, south, east, north = inputs.reference.bounds
    return f"{west - 0.01:.4f} {south - 0.01:.4f} {east + 0.01:.4f} {north + 0.01:.4f}"


def displacement(folder: Path) -> NDArray[np.float32]:
    """Read the displacement of the run in a folder."""
    (path,) = folder.rglob("los_displacement.tif")
    with rasterio.open(path) as dataset:
        values: NDArray[np.float32] = dataset.read(1)
    return values


def pair_folder(folder: Path) -> Path:
    """The folder of the pair in that of a run."""
    (journal,) = folder.glob("work/*/run.json")
    return journal.parent


def run_command(command: Sequence[str], timeout: float = 600, **how: Any) -> Outcome:
    """Run a command as a program of its own."""
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **how)
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def refusal(outcome: Outcome) -> str:
    """Tell what is wrong with how a command ended: it is done, or refused in three lines; empty when nothing is."""
    if outcome.code == 0:
        return ""
    text = " | ".join(outcome.err.strip().splitlines()[-4:])
    if outcome.code == FAULT_OF_THE_PROGRAM or outcome.code < 0 or "Traceback" in outcome.err:
        return f"code {outcome.code}: {text}"
    try:
        _ = outcome.error
    except (AssertionError, ValueError):
        return f"code {outcome.code} without three lines: {text}"
    return ""


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, as a lost machine does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
