"""Images of bursts stacked into the image of a subswath, by strips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import rasterio
from lxml import etree
from rasterio.control import GroundControlPoint
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.base.rasters import open_raster, writing_raster

Shape = tuple[int, int]

_STRIP: Final = 256  # lines
_PIXEL: Final = "complex_int16"
_BYTES: Final = 4  # a pixel
_GRID: Final = "geolocationGrid/geolocationGridPointList/geolocationGridPoint"


def stack_images(
    images: Sequence[tuple[Path, Shape]],
    target: Path,
    shape: Shape,
    annotation: etree._Element,
    unfit: Callable[[Path, str], Exception],
) -> list[int]:
    """Write bursts below each other, as they are; what a smaller one lacks is zero.

    The file is as the specification has it: complex 16-bit integers, not compressed, a line per strip.

    Parameters
    ----------
    images : sequence of (Path, (int, int))
        TIFF of each burst with the lines and samples that it must have.
    target : Path
        TIFF to write.
    shape : (int, int)
        Lines and samples that each burst gets.
    annotation : etree._Element
        Of the target; its geolocation grid becomes the ground control points.
    unfit : callable
        Makes the error from a path and a cause, when an image is not as it must be.

    Returns
    -------
    list of int
        Byte at which each burst begins in the target.

    Raises
    ------
    OSError
        When the disk is full.
    """
    lines, samples = shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": _PIXEL,
        "count": 1,
        "height": lines * len(images),
        "width": samples,
        "blockysize": 1,
        "BIGTIFF": "IF_SAFER",
    }
    points = list(_points(annotation))
    with bounded_raster_cache(), writing_raster(target, **profile, gcps=points, crs="EPSG:4326") as stacked:
        for number, (path, expected) in enumerate(images):
            with _opened(path, expected, unfit) as image:
                _copy(image, stacked, number * lines, path, unfit)
    with rasterio.open(target) as stacked:
        return [
            int(stacked.get_tag_item(f"BLOCK_OFFSET_0_{number * lines}", "TIFF", bidx=1))
            for number in range(len(images))
        ]


@contextmanager
def _opened(path: Path, expected: Shape, unfit: Callable[[Path, str], Exception]) -> Iterator[Any]:
    """Open the image of a burst, if it is one."""
    try:
        image = open_raster(path, driver="GTiff")
    except RasterioError as error:
        raise unfit(path, f"It is no TIFF: {error}.") from error
    with image:
        found = (image.count, image.dtypes[0], image.shape)
        if found != (1, _PIXEL, expected):
            raise unfit(
                path,
                f"It has {found[0]} band(s) of {found[1]} with {' x '.join(map(str, found[2]))} lines and samples; "
                f"one of {_PIXEL} with {' x '.join(map(str, expected))} is needed.",
            )
        yield image


def _copy(image: Any, stacked: Any, top: int, path: Path, unfit: Callable[[Path, str], Exception]) -> None:
    """Copy all lines of an image to those from `top` on."""
    for first in range(0, image.height, _STRIP):
        count = min(_STRIP, image.height - first)
        try:
            pixels = image.read(1, window=Window(0, first, image.width, count))
        except RasterioError as error:
            raise unfit(path, f"It is cut or damaged at line {first}: {error}.") from error
        stacked.write(pixels, 1, window=Window(0, top + first, image.width, count))


def _points(annotation: etree._Element) -> Iterator[GroundControlPoint]:
    """Yield the points of the geolocation grid."""
    for point in annotation.iterfind(_GRID):
        row, column, x, y, z = (
            float(point.findtext(name, "nan")) for name in ("line", "pixel", "longitude", "latitude", "height")
        )
        yield GroundControlPoint(row=row, col=column, x=x, y=y, z=z)
