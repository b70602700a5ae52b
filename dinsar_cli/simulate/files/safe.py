"""Writing a slice as a SAFE folder or as the zip archive that an archive delivers."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.annotation.document import product_annotation
from dinsar_cli.simulate.files.calibration import calibration_annotation, interference_annotation, noise_annotation
from dinsar_cli.simulate.files.image import GeolocationGrid, geolocation_grid, statistics, write_measurement
from dinsar_cli.simulate.files.manifest import DataFile, describe, manifest
from dinsar_cli.simulate.files.names import Slice
from dinsar_cli.simulate.files.xml_tree import node, write
from dinsar_cli.simulate.radar.range_doppler import locate
from dinsar_cli.simulate.radar.render import Swath

COMPRESSION_LEVEL: Final = 1
KML: Final = "http://www.opengis.net/kml/2.2"


def write_safe(part: Slice, swaths: list[Swath], rasters: list[NDArray[np.int16]], folder: Path) -> Path:
    """Write one product.

    Parameters
    ----------
    part : Slice
    swaths : list of Swath
    rasters : list of ndarray, shape (lines, columns, 2), int16
        Pixels of the slice's bursts, for each subswath.
    folder : Path
        Existing folder; the product gets its final name there when it is complete.

    Returns
    -------
    Path
        The SAFE folder, or the zip archive.
    """
    draft = folder / f"draft-{part.flight.index}-{part.number}.part"
    for name in ("annotation/calibration", "annotation/rfi", "measurement", "preview"):
        (draft / name).mkdir(parents=True)
    files, grids = [], []
    for swath, pixels in zip(swaths, rasters, strict=True):
        grid = geolocation_grid(part, swath)
        grids.append(grid)
        files += _write_image(draft, part, swath, pixels, grid)
    corners = _corners(part, grids)
    _write_overlay(draft / "preview" / "map-overlay.kml", corners)
    files.append(describe(draft, "overlay", -1, "preview/map-overlay.kml"))
    content = manifest(part, files, corners)
    (draft / "manifest.safe").write_bytes(content)
    name = part.product(content)
    if part.campaign.scenario.archive == "safe":
        return draft.rename(folder / name)
    return pack(draft, folder, name)


def _write_image(
    draft: Path, part: Slice, swath: Swath, pixels: NDArray[np.int16], grid: GeolocationGrid
) -> list[DataFile]:
    """Write the measurement and the four annotation files of one subswath."""
    stem = part.image(swath.window)
    measurement = f"measurement/{stem}.tiff"
    offsets = write_measurement(draft / measurement, pixels, grid, part.flight.mission)
    image = Image(part, swath, grid, statistics(pixels), offsets)
    documents = {
        "product": (f"annotation/{stem}.xml", product_annotation(image)),
        "noise": (f"annotation/calibration/noise-{stem}.xml", noise_annotation(image)),
        "rfi": (f"annotation/rfi/rfi-{stem}.xml", interference_annotation(image)),
        "calibration": (f"annotation/calibration/calibration-{stem}.xml", calibration_annotation(image)),
    }
    for path, root in documents.values():
        write(draft / path, root)
    files = [describe(draft, kind, swath.window, path) for kind, (path, _) in documents.items()]
    return [*files, describe(draft, "measurement", swath.window, measurement)]


def _corners(part: Slice, grids: list[GeolocationGrid]) -> list[tuple[float, float]]:
    """Return the latitude and longitude: near and far end of the last line, far and near end of the first.

    The lines are those of all subswaths, of which each begins and ends at another time.
    """
    starts = min(grid.line_seconds[0] for grid in grids)
    stops = max(grid.line_seconds[-1] for grid in grids)
    near, far = part.campaign.windows[0].near_range, part.campaign.windows[-1].far_range
    height = [grids[0].height[-1, 0], grids[-1].height[-1, -1], grids[-1].height[0, -1], grids[0].height[0, 0]]
    longitude, latitude = locate(
        part.flight.orbit,
        np.array([stops, stops, starts, starts]) + part.flight.clock_error,
        np.array([near, far, far, near]),
        np.array(height),
    )
    return list(zip(latitude.tolist(), longitude.tolist(), strict=True))


def _write_overlay(path: Path, corners: list[tuple[float, float]]) -> None:
    """Write the footprint as KML."""
    text = " ".join(f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in corners)
    overlay = node(
        "GroundOverlay",
        node("name", "Sentinel-1 Image Overlay"),
        node("LatLonQuad", node("coordinates", text)),
    )
    folder = node("Folder", node("name", "Sentinel-1 Scene Overlay"), overlay)
    write(path, node("kml", node("Document", node("name", "Sentinel-1 Map Overlay"), folder), xmlns=KML))


def pack(draft: Path, folder: Path, name: str) -> Path:
    """Pack a draft, the SAFE folder at the top, into a zip in a folder, and remove it."""
    target = folder / name.replace(".SAFE", ".zip")
    unfinished = target.with_suffix(".zip.part")
    with zipfile.ZipFile(
        unfinished, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL
    ) as archive:
        for path in sorted(draft.rglob("*")):
            # A fixed date: the same scenario gives the same bytes.
            inner = f"{name}/{path.relative_to(draft).as_posix()}"
            if path.is_dir():
                archive.writestr(zipfile.ZipInfo(f"{inner}/"), b"")
                continue
            entry = zipfile.ZipInfo(inner)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry._compresslevel = COMPRESSION_LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 (else 6: slow)
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed, 1 << 20)
    shutil.rmtree(draft)
    return unfinished.rename(target)
