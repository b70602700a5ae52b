"""A job as users start it: an area and dates, with nothing but the test archive around the program."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dinsar_cli.compare.truth import compare
from dinsar_cli.simulate import SimulatedStack
from support.archive import Archive
from support.catalog_inputs import run_online
from support.command import PROGRAM, Outcome

CATALOGUE, STORE = "cmr.earthdata.nasa.gov", "d111111abcdef8.cloudfront.net"
BUCKET, TILES = "s1-orbits.s3.amazonaws.com", "copernicus-dem-30m.s3.amazonaws.com"
PAIR = "20230904_20230916"
SPAN = ("--start", "2023-09-01", "--end", "2023-09-30")


def area(stack: SimulatedStack, share: float = 1.0) -> str:
    """Box about the middle of a scene, some share of its height and width, as ``--roi`` takes it."""
    south, north, west, east = json.loads(stack.summary.read_text(encoding="utf-8"))["roi_snwe"]
    middle, half = (
        ((west + east) / 2, (south + north) / 2),
        (share * (east - west) / 2, share * (north - south) / 2),
    )
    box = (middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1])
    return " ".join(f"{value:.6f}" for value in box)


@dataclass(frozen=True)
class Job:
    """An archive with a stack, and a folder with home, cache and working folder of the user."""

    archive: Archive
    stack: SimulatedStack
    folder: Path
    engine: str = "eos"

    @property
    def scenes(self) -> Path:
        return self.folder / "cache" / "dinsar" / "slc"

    @property
    def pair_folder(self) -> Path:
        (found,) = self.folder.glob(f"T*_{PAIR}")
        return found

    @property
    def journal(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.pair_folder / "run.json").read_text(encoding="utf-8"))
        return record

    def options(self, *options: object, share: float = 0.6) -> list[str]:
        common = ("--roi", area(self.stack, share), "--engine", self.engine, "--looks", "7x2")
        return [str(option) for option in (*common, *(options or SPAN))]

    def run(self, *options: object, command: str = "run", share: float = 0.6, timeout: float = 180) -> Outcome:
        return run_online(
            self.archive, self.folder, command, *self.options(*options, share=share), timeout=timeout, **QUICK
        )

    def bare(self, *arguments: object) -> Outcome:
        """Any command, without the options of this job."""
        return run_online(self.archive, self.folder, *arguments, timeout=900, **QUICK)

    def start(self, *options: object, command: str = "run") -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        return subprocess.Popen(
            [*PROGRAM, command, *self.options(*options)],
            env=self.archive.env(self.folder, **QUICK),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def rmse_mm(self) -> float:
        """Of the map against the truth."""
        return compare(self.pair_folder, self.stack.folder).statistics.rmse * 1e3

    def bodies(self) -> int:
        """Bytes of scenes that the archive has sent."""
        return self.archive.sent(STORE)

    def size(self) -> int:
        """Bytes of the scenes of both dates."""
        return sum(path.stat().st_size for slices in self.stack.products[:2] for path in slices)


QUICK = {"DINSAR_NETWORK_TIMEOUT": "20"}
