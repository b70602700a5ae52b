"""`simulate`: from a scenario to files that any Sentinel-1 processor accepts."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dinsar_cli.errors import ResourceError, UsageError
from dinsar_cli.simulate.eof import write_eof
from dinsar_cli.simulate.names import slices
from dinsar_cli.simulate.pixels import prepare, render_swath
from dinsar_cli.simulate.safe import write_safe
from dinsar_cli.simulate.scene import build_scene
from dinsar_cli.simulate.terrain import write_map
from dinsar_cli.simulate.truth import write_summary, write_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from dinsar_cli.simulate.render import Swath
    from dinsar_cli.simulate.scenario import Scenario
    from dinsar_cli.simulate.scene import Scene

    Progress: TypeAlias = Callable[[str, float], None]

BYTES_PER_PIXEL: Final = 4
ROOM: Final = 2.2
"""Raw pixels and products are on disk at the same time."""


@dataclass(frozen=True)
class SimulatedStack:
    """Paths of a simulated stack.

    Attributes
    ----------
    folder : Path
    products : tuple of tuple of Path
        For each date its slices: zip archives or SAFE folders.
    orbits : tuple of Path
        One EOF file for each date.
    dem : Path
        Ellipsoidal heights, EPSG:4326, one arc-second.
    truth : Path
        Folder of the truth rasters.
    summary : Path
        truth.json.
    """

    folder: Path
    products: tuple[tuple[Path, ...], ...]
    orbits: tuple[Path, ...]
    dem: Path
    truth: Path
    summary: Path


def simulate(scenario: Scenario, folder: Path, progress: Progress | None = None) -> SimulatedStack:
    """Simulate a stack of acquisitions with known displacement.

    Parameters
    ----------
    scenario : Scenario
    folder : Path
        Made if missing; must be empty.
    progress : callable, optional
        Takes the name of a step and the share of it that is done.

    Returns
    -------
    SimulatedStack

    Raises
    ------
    UsageError
        The folder holds something or cannot be made, or no orbit can see the scene.
    ResourceError
        The disk has no room.
    """
    report = progress or _silent
    _check_folder(folder)
    report("terrain", 0.0)
    scene = build_scene(scenario)
    _check_room(scene, folder)
    _make_folders(folder)
    dem = folder / "dem" / "dem.tif"
    write_map(dem, scene.elevation_lattice, scene.elevation, unit="metre", description="ellipsoidal height")
    report("terrain", 1.0)
    figures = write_truth(scene, folder / "truth")
    orbits = tuple(write_eof(scene.campaign, flight, folder / "orbits") for flight in scene.campaign.passes)
    with tempfile.TemporaryDirectory(prefix="raw-", dir=folder) as scratch:
        products = _write_products(scene, folder / "slc", Path(scratch), report)
    summary = folder / "truth.json"
    files = {
        "products": [[path.name for path in parts] for parts in products],
        "orbits": [path.name for path in orbits],
        "dem": "dem/dem.tif",
    }
    write_summary(summary, scene, figures, files)
    return SimulatedStack(folder, products, orbits, dem, folder / "truth", summary)


def _silent(step: str, share: float) -> None:
    """Report nothing."""


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise UsageError(
            f"The simulation cannot be written to {folder}.",
            "A file of that name exists, or the folder is not empty.",
            "Give a new folder, or empty this one.",
        )


def _make_folders(folder: Path) -> None:
    try:
        for name in ("slc", "orbits", "dem", "truth"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The simulation cannot be written to {folder}.",
            f"The folder cannot be made: {error.strerror or error}.",
            "Give another folder, or change the permissions of the one above it.",
        ) from error


def _check_room(scene: Scene, folder: Path) -> None:
    campaign = scene.campaign
    pixels = sum(window.columns * window.subswath.lines for window in campaign.windows)
    needed = ROOM * BYTES_PER_PIXEL * pixels * campaign.scenario.bursts * len(campaign.passes)
    place = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise ResourceError(
            f"The simulation does not fit on the disk of {folder}.",
            f"It needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            "Free some space, or ask for fewer bursts, columns or dates.",
        )


def _write_products(scene: Scene, folder: Path, scratch: Path, report: Progress) -> tuple[tuple[Path, ...], ...]:
    """Render all subswaths, then write the slices of every date."""
    import numpy as np

    campaign = scene.campaign
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    swaths: list[Swath] = []
    raw: list[list[Path]] = []
    for number, window in enumerate(campaign.windows):
        name = window.subswath.name
        swaths.append(prepare(scene, number))
        raw.append(render_swath(swaths[-1], scratch, workers, partial(report, f"pixels {name}")))
    products = []
    for flight in campaign.passes:
        parts = []
        for part in slices(campaign, flight):
            rasters = []
            for number, window in enumerate(campaign.windows):
                lines = window.subswath.lines
                shape = (campaign.scenario.bursts * lines, window.columns, 2)
                whole = np.memmap(raw[number][flight.index], dtype=np.int16, mode="r", shape=shape)
                rasters.append(whole[part.bursts.start * lines : part.bursts.stop * lines])
            parts.append(write_safe(part, swaths, rasters, folder))
        products.append(tuple(parts))
        report("products", (flight.index + 1) / len(campaign.passes))
    return tuple(products)
