"""`simulate`: from a scenario to files that any Sentinel-1 processor accepts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import ResourceError, UsageError
from dinsar_cli.simulate.files.eof import write_eof
from dinsar_cli.simulate.files.names import slices
from dinsar_cli.simulate.files.pixels import RawImage, prepare, render_swath
from dinsar_cli.simulate.files.safe import write_safe
from dinsar_cli.simulate.radar.acquisition import plan
from dinsar_cli.simulate.radar.render import Swath, Tile
from dinsar_cli.simulate.radar.scene import Scene, build_scene
from dinsar_cli.simulate.truth import write_summary, write_truth
from dinsar_cli.simulate.world.scenario import Scenario
from dinsar_cli.simulate.world.terrain import write_map

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
    roi : str or None
        Area whose bursts have pixels, as ``--roi`` takes it; None: all of them.
    """

    folder: Path
    products: tuple[tuple[Path, ...], ...]
    orbits: tuple[Path, ...]
    dem: Path
    truth: Path
    summary: Path
    roi: str | None = None


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
    report = progress or silent
    check_folder(folder)
    report("terrain", 0.0)
    scene = build_scene(plan(scenario))
    check_room(_room(scene), folder)
    make_folders(folder)
    figures = write_ground(scene, folder, report)
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
    return SimulatedStack(folder, products, orbits, folder / "dem" / "dem.tif", folder / "truth", summary)


def write_ground(scene: Scene, folder: Path, report: Progress) -> dict[str, Any]:
    """Write the DEM and the truth rasters; give the figures of the latter."""
    ground = scene.elevation
    path = folder / "dem" / "dem.tif"
    write_map(path, ground.lattice, ground.heights, unit="metre", description="ellipsoidal height")
    report("terrain", 1.0)
    return write_truth(scene, folder / "truth")


def silent(step: str, share: float) -> None:
    """Report nothing."""


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not empty, with a UsageError."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise UsageError(
            f"The simulation cannot be written to {folder}.",
            "A file of that name exists, or the folder is not empty.",
            "Give a new folder, or empty this one.",
        )


def make_folders(folder: Path) -> None:
    """Make the folders of a simulation; a UsageError where that is not possible."""
    try:
        for name in ("slc", "orbits", "dem", "truth"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The simulation cannot be written to {folder}.",
            f"The folder cannot be made: {error.strerror or error}.",
            "Give another folder, or change the permissions of the one above it.",
        ) from error


def _room(scene: Scene) -> float:
    """Return the bytes that a simulation needs on the disk."""
    campaign = scene.campaign
    pixels = sum(window.columns * window.subswath.lines for window in campaign.windows)
    return ROOM * BYTES_PER_PIXEL * pixels * campaign.scenario.bursts * len(campaign.passes)


def check_room(needed: float, folder: Path) -> None:
    """Refuse what does not fit on the disk of a folder, with a ResourceError."""
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
    campaign = scene.campaign
    swaths: list[Swath] = []
    images: list[list[RawImage]] = []
    for number, window in enumerate(campaign.windows):
        name = window.subswath.name
        swaths.append(prepare(scene, number))
        raw = [
            RawImage(scratch / f"{flight.index}-{name}.raw", window, campaign.scenario.bursts)
            for flight in campaign.passes
        ]
        images.append(raw)
        render_swath(
            swaths[-1],
            partial(_keep, raw),
            cores(),
            partial(report, f"pixels {name}"),
        )
    products = []
    for flight in campaign.passes:
        parts = []
        for part in slices(campaign, flight):
            rasters = []
            for number, window in enumerate(campaign.windows):
                lines = window.subswath.lines
                whole = images[number][flight.index].pixels
                rasters.append(whole[part.bursts.start * lines : part.bursts.stop * lines])
            parts.append(write_safe(part, swaths, rasters, folder))
        products.append(tuple(parts))
        report("products", (flight.index + 1) / len(campaign.passes))
    return tuple(products)


def _keep(raw: list[RawImage], index: int, tile: Tile, values: NDArray[np.int16]) -> None:
    raw[index].place(tile, values)


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
