"""What the annotation says about an image besides its timing: geolocation, statistics, place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.geometry import ground_height
from dinsar_cli.simulate.instrument import LINE_INTERVAL, RANGE_SPACING, SPEED_OF_LIGHT
from dinsar_cli.simulate.rangedoppler import locate, view

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinsar_cli.simulate.arrays import Floats
    from dinsar_cli.simulate.names import Slice
    from dinsar_cli.simulate.render import Swath

GRID_COLUMNS: Final = 21
CHUNK_LINES: Final = 512


@dataclass(frozen=True)
class GeolocationGrid:
    """Ground positions of some lines and pixels of an image; arrays of shape (lines, pixels)."""

    lines: list[int]
    pixels: list[int]
    seconds: list[float]
    range_times: list[float]
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
    """Locate the first line of each burst and the last line of the image on the terrain."""
    import numpy as np

    frame = part.frame(swath.window)
    bursts = part.of_window(swath.window)
    count = frame.subswath.lines
    seconds = [burst.start for burst in bursts] + [bursts[-1].start + (count - 1) * LINE_INTERVAL]
    pixels = [round(column) for column in np.linspace(0, frame.columns - 1, GRID_COLUMNS)]
    time = np.array(seconds)
    slant_range = frame.near_range + np.array(pixels) * RANGE_SPACING
    # The terrain under the reference date's grid is the terrain of every date to within its own roughness.
    series = swath.geometry.ground.on_grid(time, slant_range)
    height = ground_height(series, swath.scene.terrain, (len(seconds), len(pixels)))
    annotated = time + part.flight.clock_error
    longitude, latitude = locate(part.flight.orbit, annotated[:, None], slant_range[None, :], height)
    seen = view(part.flight.orbit, longitude, latitude, height)
    position = part.flight.orbit.state(seen.time).position
    return GeolocationGrid(
        lines=[number * count for number in range(len(bursts))] + [len(bursts) * count - 1],
        pixels=pixels,
        seconds=seconds,
        range_times=(2.0 * slant_range / SPEED_OF_LIGHT).tolist(),
        longitude=(longitude + 180.0) % 360.0 - 180.0,  # as in the real product
        latitude=latitude,
        height=height,
        incidence=np.degrees(np.arccos(seen.sight[..., 2])),
        elevation=_elevation_angle(position, longitude, latitude, height),
    )


def _elevation_angle(position: Floats, longitude: Floats, latitude: Floats, height: Floats) -> Floats:
    """Angle at the satellite between the sight and the ellipsoid's nadir (deg)."""
    import numpy as np

    from dinsar_cli.simulate.ellipsoid import local_frame, to_cartesian, to_geodetic

    above_longitude, above_latitude, _ = to_geodetic(position)
    down = -local_frame(above_longitude, above_latitude)[..., 2, :]
    sight = to_cartesian(longitude, latitude, height) - position
    cosine = np.sum(down * sight, axis=-1) / np.linalg.norm(sight, axis=-1)
    return np.asarray(np.degrees(np.arccos(cosine)))


def statistics(pixels: NDArray[np.int16]) -> Statistics:
    """Statistics of every sixteenth line."""
    import numpy as np

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
    import numpy as np
    import rasterio
    from rasterio.control import GroundControlPoint
    from rasterio.windows import Window

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
    with rasterio.open(path, "w", **profile) as target:
        target.update_tags(
            TIFFTAG_IMAGEDESCRIPTION=f"Sentinel-1{mission[-1]} IW SLC L1 (simulated)",
            TIFFTAG_SOFTWARE="dinsar simulate",
        )
        for first in range(0, lines, CHUNK_LINES):
            part = pixels[first : first + CHUNK_LINES].astype(np.float32).view(np.complex64)[:, :, 0]
            target.write(part, 1, window=Window(0, first, columns, len(part)))
    with rasterio.open(path) as written:
        offsets = [written.get_tag_item(f"BLOCK_OFFSET_0_{line}", "TIFF", bidx=1) for line in range(lines)]
    return [int(offset) for offset in offsets]
