"""`simulate_like`: pixels of a known displacement behind the annotation of real products."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.safe import MANIFEST
from dinsar_cli.sentinel1.scene import Scene
from dinsar_cli.simulate.files.manifest import describe
from dinsar_cli.simulate.files.measurement import Measurement
from dinsar_cli.simulate.files.pixels import prepare, render_swath
from dinsar_cli.simulate.files.safe import pack
from dinsar_cli.simulate.radar.render import Tile
from dinsar_cli.simulate.radar.scene import build_scene, campaign_footprint
from dinsar_cli.simulate.real_products import LikeImage, Likeness, Target
from dinsar_cli.simulate.stack import (
    Progress,
    SimulatedStack,
    check_folder,
    check_room,
    cores,
    make_folders,
    silent,
    write_ground,
)
from dinsar_cli.simulate.truth import write_summary
from dinsar_cli.simulate.world.terrain import ARCSECOND, Bounds, Elevation, Lattice

PACKED: Final = 0.95
"""Size of a zip as a part of the pixels in it."""
LAYOVER: Final = 0.05
"""Degrees beyond the footprint that a DEM must cover at least: mountains lean toward the radar."""


def simulate_like(
    likeness: Likeness, folder: Path, dem: Path | None = None, progress: Progress | None = None
) -> SimulatedStack:
    """Write both dates of real products once more, with simulated pixels.

    Manifest, annotation, calibration and all other files of the products stay as they are; in the manifest the
    checksums of the new images are replaced (and their sizes, where these differ). Images without pixels are left
    out.

    Parameters
    ----------
    likeness : Likeness
    folder : Path
        Made if missing; must be empty.
    dem : Path, optional
        Heights above the ellipsoid (m), any projection; a made terrain without it.
    progress : callable, optional
        Takes the name of a step and the share of it that is done.

    Returns
    -------
    SimulatedStack

    Raises
    ------
    UsageError
        The folder holds something or cannot be made, or the ground moves too far.
    NoDataError
        The DEM does not cover the bursts.
    ResourceError
        The disk has no room.
    """
    report, campaign = progress or silent, likeness.campaign
    check_folder(folder)
    # the ground, and what really happens on it
    report("terrain", 0.0)
    elevation = (
        None if dem is None else read_elevation(dem, campaign_footprint(campaign), campaign.scenario.terrain.margin)
    )
    scene = build_scene(campaign, elevation)
    images = likeness.images
    pixels = sum(image.frame().end for image in images)
    zipped = campaign.scenario.archive == "zip"
    check_room(pixels * (1.0 + PACKED if zipped else 1.0), folder)
    make_folders(folder)
    figures = write_ground(scene, folder, report)
    # products as they are, with measurement files in which no pixel is yet
    orbits = tuple(_copied(file.path, folder / "orbits") for file in likeness.orbits)
    drafts = {id(one): _draft(one, folder / "slc") for one in likeness.scenes}
    files = {id(image): _measurement(image, drafts[id(image.scene)]) for image in images}
    try:
        for number, (row, carriers) in enumerate(zip(likeness.targets, likeness.carriers, strict=True)):
            swath = prepare(scene, number, carriers)
            place = partial(_place, [files[id(target.image)] for target in row], row)
            name = campaign.windows[number].subswath.name
            render_swath(swath, place, cores(), partial(report, f"pixels {name}"))
    finally:
        for file in files.values():
            file.close()
    # checksums of the new images in the manifests, and the products under their names
    report("products", 0.0)

    def finish(one: Scene) -> Path:
        draft = drafts[id(one)]
        _update_manifest(draft, [image.measurement for image in images if image.scene is one])
        name = f"{one.name}.SAFE"
        return pack(draft, folder / "slc", name) if zipped else draft.rename(folder / "slc" / name)

    with ThreadPoolExecutor(cores()) as pool:
        done = dict(zip(map(id, likeness.scenes), pool.map(finish, likeness.scenes), strict=True))
    report("products", 1.0)
    dates = (likeness.pair.reference, likeness.pair.secondary)
    products = tuple(tuple(done[id(one)] for one in date.scenes) for date in dates)
    listed = {
        "products": [[path.name for path in parts] for parts in products],
        "orbits": [file.path.name for file in likeness.orbits],
        "dem": "dem/dem.tif",
        "like": [one.name for one in likeness.scenes],
        "polarization": likeness.pair.polarization,
        "images": [f"{image.scene.name}.SAFE/{image.measurement}" for image in images],
    }
    summary = folder / "truth.json"
    write_summary(summary, scene, figures, listed)
    return SimulatedStack(folder, products, orbits, folder / "dem" / "dem.tif", folder / "truth", summary)


def read_elevation(path: Path, footprint: Bounds, margin: float) -> Elevation:
    """Read a DEM on whole arc-seconds around a footprint.

    Parameters
    ----------
    path : Path
        Heights above the ellipsoid (m), any projection.
    footprint : Bounds
        What it must cover, with some hundredths of a degree around.
    margin : float
        Degrees around the footprint to read, as far as it has them.

    Raises
    ------
    NoDataError
        When it does not cover the footprint.
    """
    needed = footprint.grown(LAYOVER)
    wanted = Lattice.over(footprint.grown(max(margin, LAYOVER)), ARCSECOND)
    with (
        rasterio.open(path) as source,
        WarpedVRT(
            source,
            crs="EPSG:4326",
            transform=wanted.transform(),
            width=wanted.columns,
            height=wanted.rows,
            resampling=Resampling.cubic,
            dtype="float32",
            nodata=float("nan"),
        ) as view,
    ):
        heights = view.read(1)
    known = np.isfinite(heights)
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    part = wanted.part(rows.tolist(), columns.tolist()) if rows.size else wanted
    if not rows.size or not part.bounds().covers(needed):
        raise NoDataError(
            f"The DEM {path} does not cover the bursts.",
            f"Needed are {needed}; it has {part.bounds() if rows.size else 'nothing'} of that.",
            "Give a larger DEM, or a smaller --roi.",
        )
    heights = heights[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if not np.isfinite(heights).all():
        raise NoDataError(
            f"The DEM {path} has voids.",
            f"{np.mean(~np.isfinite(heights)):.1%} of its heights around the bursts are missing.",
            "Fill them first: gdal_fillnodata.py.",
        )
    return Elevation(part, heights)


def _copied(path: Path, folder: Path) -> Path:
    return shutil.copyfile(path, folder / path.name)


def _draft(scene: Scene, folder: Path) -> Path:
    """Copy a product without its images, under a name that is not yet final."""
    draft = folder / f"{scene.name}.part"
    for member in sorted(scene.safe.members):
        if member.startswith("measurement/"):
            continue
        path = draft / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scene.safe.read(member))
    (draft / "measurement").mkdir(parents=True, exist_ok=True)
    return draft


def _measurement(image: LikeImage, draft: Path) -> Measurement:
    """Make the TIFF of an image, of the size that the manifest says."""
    entry = _entry((draft / MANIFEST).read_bytes(), image.measurement)
    size = int(entry["size"]) if entry is not None else 0
    return Measurement(draft / image.measurement, image.frame(), size)


def _place(
    files: list[Measurement], row: tuple[Target, ...], index: int, tile: Tile, values: NDArray[np.int16]
) -> None:
    files[index].place(row[index].numbers[tile.burst], tile, values)


def _entry(manifest: bytes, path: str) -> re.Match[bytes] | None:
    """Find the entry of a file in a manifest: its size, its path and its checksum."""
    return re.search(
        rb'<byteStream\b[^>]*?\bsize="(?P<size>\d+)"[^>]*>\s*<fileLocation\b[^>]*?\bhref="(?:\./)?'
        + re.escape(path.encode())
        + rb'"[^>]*?(?:/>|>\s*</fileLocation>)\s*<checksum\b[^>]*>(?P<md5>[0-9A-Fa-f]*)</checksum>',
        manifest,
    )


def _update_manifest(draft: Path, images: list[str]) -> None:
    """Put checksums and sizes of new images into the manifest; every other byte stays."""
    path = draft / MANIFEST
    content = path.read_bytes()
    for image in images:
        file = describe(draft, "measurement", -1, image)
        for name, value in (("md5", file.md5.encode()), ("size", str(file.size).encode())):
            entry = _entry(content, image)
            if entry is not None:
                content = content[: entry.start(name)] + value + content[entry.end(name) :]
    path.write_bytes(content)
