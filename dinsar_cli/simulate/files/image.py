"""What the annotation says about an image besides its timing: geolocation, statistics, place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.windows import Window as FileWindow

from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.simulate.files.names import Slice
from dinsar_cli.simulate.radar.acquisition import Window
from dinsar_cli.simulate.radar.geometry import ground_height
from dinsar_cli.simulate.radar.range_doppler import locate, view
from dinsar_cli.simulate.radar.render import Swath
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.ellipsoid import local_frame, to_cartesian, to_geodetic
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL, RANGE_SPACING, SPEED_OF_LIGHT, SUBSWATHS

GRID_COLUMNS: Final = 21
CHUNK_LINES: Final = 512


@dataclass(frozen=True)
class GeolocationGrid:
    """Ground positions of some lines and pixels of an image.

    Attributes
    ----------
    lines, pixels : list of int
    line_seconds : list of float
        Zero-Doppler time of each line (s).
    range_times : list of float
        Two-way time of each pixel (s).
    seconds : ndarray, shape (lines, pixels)
        Time of each point (s).
    longitude, latitude, height, incidence, elevation : ndarray, shape (lines, pixels)
        Of what is seen at that time and range (deg, m).
    """

    lines: list[int]
    pixels: list[int]
    line_seconds: list[float]
    range_times: list[float]
    seconds: Floats
    longitude: Floats
    latitude: Floats
    height: Floats
    incidence: Floats
    elevation: Floats


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of the real and the imaginary part."""

    mean: tuple[float, float]
    deviation: tuple[float, float]


def geolocation_grid(part: Slice, swath: Swath) -> GeolocationGrid:
    """Locate the first line of each burst and the last line of the image on the terrain.

    In real products the time of a point is that of its line, plus half of the two-way time by which its echo comes
    after that from the middle of IW2: what is left of the bistatic delay, which the processor takes out for that
    range only. Measured on products of IPF 2.91 to 3.61, for all three subswaths.
    """
    frame = part.frame(swath.window)
    bursts = part.of_window(swath.window)
    count = frame.subswath.lines
    line_seconds = [burst.start for burst in bursts] + [bursts[-1].start + (count - 1) * LINE_INTERVAL]
    pixels = _grid_pixels(frame.columns)
    slant_range = frame.near_range + np.array(pixels) * RANGE_SPACING
    late = (slant_range - _bistatic_range(part.campaign.windows)) / SPEED_OF_LIGHT
    time = np.array(line_seconds)[:, None] + late
    # The terrain under the reference date's grid is the terrain of every date to within its own roughness.
    height = np.column_stack(
        [
            ground_height(
                swath.geometry.ground.on_grid(time[:, column], slant_range[column : column + 1]),
                swath.scene.terrain,
                (len(time), 1),
            )
            for column in range(len(pixels))
        ]
    )
    longitude, latitude = locate(
        part.flight.orbit, time + part.flight.clock_error, np.broadcast_to(slant_range, time.shape), height
    )
    seen = view(part.flight.orbit, longitude, latitude, height)
    position = part.flight.orbit.state(seen.time).position
    return GeolocationGrid(
        lines=[number * count for number in range(len(bursts))] + [len(bursts) * count - 1],
        pixels=pixels,
        line_seconds=line_seconds,
        range_times=(2.0 * slant_range / SPEED_OF_LIGHT).tolist(),
        seconds=time,
        longitude=(longitude + 180.0) % 360.0 - 180.0,  # as in the real product
        latitude=latitude,
        height=height,
        incidence=np.degrees(np.arccos(seen.sight[..., 2])),
        elevation=_elevation_angle(position, longitude, latitude, height),
    )


def _grid_pixels(columns: int) -> list[int]:
    """Return pixels of the grid as the processor spaces them.

    Equal steps, rounded up, and a shorter one to the last.
    """
    steps = GRID_COLUMNS - 1
    step = ceil((columns - 1) / steps)
    if step * (steps - 1) >= columns - 1:  # narrower than any real image
        step = (columns - 1) // steps
    return [*range(0, step * steps, step), columns - 1]


def _bistatic_range(windows: tuple[Window, ...]) -> float:
    """Return the range of the middle of IW2 as the instrument table has it (m).

    Windows that are narrower than the table's are the middle of a single subswath, or begin at the far end of the
    first of several.
    """
    first = windows[0]
    near = 0.5 * SPEED_OF_LIGHT * first.subswath.near_time
    end = near + (first.subswath.samples - 1) * RANGE_SPACING
    moved = first.far_range - end if len(windows) > 1 else 0.5 * (first.near_range + first.far_range - near - end)
    middle = 0.5 * SPEED_OF_LIGHT * SUBSWATHS[2].near_time + 0.5 * (SUBSWATHS[2].samples - 1) * RANGE_SPACING
    return middle + moved


def _elevation_angle(position: Floats, longitude: Floats, latitude: Floats, height: Floats) -> Floats:
    """Return the angle at the satellite between the sight and the ellipsoid's nadir (deg)."""
    above_longitude, above_latitude, _ = to_geodetic(position)
    down = -local_frame(above_longitude, above_latitude)[..., 2, :]
    sight = to_cartesian(longitude, latitude, height) - position
    cosine = np.sum(down * sight, axis=-1) / np.linalg.norm(sight, axis=-1)
    return np.asarray(np.degrees(np.arccos(cosine)))


def statistics(pixels: NDArray[np.int16]) -> Statistics:
    """Return the statistics of every sixteenth line."""
    sample = np.asarray(pixels[::16], dtype=np.float64).reshape(-1, 2)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    return Statistics((float(mean[0]), float(mean[1])), (float(deviation[0]), float(deviation[1])))


def write_measurement(path: Path, pixels: NDArray[np.int16], grid: GeolocationGrid, mission: str) -> list[int]:
    """Write a measurement TIFF: complex 16-bit integers, a strip for each line, ground control points.

    Parameters
    ----------
    path : Path
    pixels : ndarray, shape (lines, columns, 2), int16
    grid : GeolocationGrid
    mission : str

    Returns
    -------
    list of int
        Byte offset of each line in the file.
    """
    lines, columns, _ = pixels.shape
    points = [
        GroundControlPoint(
            row=line,
            col=pixel,
            x=float(grid.longitude[i, j]),
            y=float(grid.latitude[i, j]),
            z=float(grid.height[i, j]),
        )
        for i, line in enumerate(grid.lines)
        for j, pixel in enumerate(grid.pixels)
    ]
    profile = {
        "driver": "GTiff",
        "dtype": "complex_int16",
        "count": 1,
        "height": lines,
        "width": columns,
        "blockysize": 1,
        "gcps": points,
        "crs": "EPSG:4326",
    }
    with writing_raster(path, **profile) as target:
        target.update_tags(
            TIFFTAG_IMAGEDESCRIPTION=f"Sentinel-1{mission[-1]} IW SLC L1 (simulated)",
            TIFFTAG_SOFTWARE="dinsar simulate",
        )
        for first in range(0, lines, CHUNK_LINES):
            part = pixels[first : first + CHUNK_LINES].astype(np.float32).view(np.complex64)[:, :, 0]
            target.write(part, 1, window=FileWindow(0, first, columns, len(part)))
    with rasterio.open(path) as written:
        offsets = [written.get_tag_item(f"BLOCK_OFFSET_0_{line}", "TIFF", bidx=1) for line in range(lines)]
    return [int(offset) for offset in offsets]
