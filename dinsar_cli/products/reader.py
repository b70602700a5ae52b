"""Read GeoTIFFs: each is opened once for all who look at it, and there are words for one that is of no use."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from dinsar_cli.base.rasters import mean_direction, open_raster
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Grid

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

MAKE_AGAIN = "Make the products again with: dinsar run"

_SQUARE = 1e-9  # of its height: the most that the width of a square pixel of another program differs by


class NoGridError(ValueError):
    """A raster does not lie on a grid of dinsar; its text is the cause, as a part of a sentence."""


class NotNorthUpError(NoGridError):
    """A raster is turned, has oblong pixels, or no coordinate reference system."""

    def __init__(self) -> None:
        super().__init__("it is not north-up with square pixels in a coordinate reference system")


def _name_of(crs: CRS | None) -> str:
    """Return the name of a system as another program wrote it; what is none maps cannot be made in."""
    code = crs.to_epsg() if crs else None
    return f"EPSG:{code}" if code else crs.to_string() if crs else "none"


class Product:
    """A GeoTIFF, which is opened when something of it is asked for, and stays open until it is closed.

    It may be used by several threads: they take turns. What GDAL has against the file comes as a `RasterioError`,
    see `Words`. A context, which closes it.

    Parameters
    ----------
    path : Path
        The file. It may be replaced only while it is closed.

    Attributes
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._dataset: DatasetReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; whoever asks for something of it opens it again."""
        with self._lock:
            if self._dataset is not None:
                self._dataset.close()
                self._dataset = None

    @contextmanager
    def dataset(self) -> Iterator[DatasetReader]:
        """Give what rasterio reads the file with, to nobody else meanwhile."""
        with self._lock:
            if self._dataset is None:
                self._dataset = open_raster(self.path)  # what has no place is told by `grid`
            yield self._dataset

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the file."""
        with self.dataset() as dataset:
            tags: dict[str, str] = dataset.tags()
        return tags

    @property
    def dtypes(self) -> tuple[str, ...]:
        """NumPy types of the bands."""
        with self.dataset() as dataset:
            types: tuple[str, ...] = dataset.dtypes
        return types

    @property
    def is_complex(self) -> bool:
        """Whether the first band holds complex numbers."""
        return bool(self.dtypes) and self.dtypes[0].startswith("complex")

    @property
    def unit(self) -> str:
        """Unit of the first band, as the band or the tags tell it; empty where they do not."""
        with self.dataset() as dataset:
            return str(dataset.units[0] or dataset.tags().get("unit") or "")

    @property
    def place(self) -> tuple[Affine, CRS | None, tuple[int, int]]:
        """Transform of the pixel corners, coordinate reference system, and rows and columns."""
        with self.dataset() as dataset:
            return dataset.transform, dataset.crs, dataset.shape

    @property
    def grid(self) -> Grid:
        """The map grid.

        Raises
        ------
        NoGridError
            When it does not lie on one.
        """
        a, crs, (height, width) = self.place
        if crs is None or a.b or a.d or a.a != -a.e:
            raise NotNorthUpError
        try:
            return Grid(str(crs.to_string()), a.c, a.f, a.a, width, height)
        except ValueError as error:
            raise NoGridError(str(error)) from error

    @property
    def foreign_grid(self) -> Grid:
        """The map grid of a file that another program may have written, with its way to name it and its rounding.

        Raises
        ------
        NoGridError
            When it does not lie on one.
        """
        a, crs, (height, width) = self.place
        if not (a.a > 0 > a.e and math.isclose(a.a, -a.e, rel_tol=_SQUARE)):
            raise NoGridError(f"its pixels are {a.a:g} x {-a.e:g} in size")
        try:
            return Grid(_name_of(crs), a.c, a.f, a.a, width, height)
        except ValueError as error:
            raise NoGridError(str(error)) from error

    def read(self, band: int | None = None, **options: Any) -> Array:
        """Read values as they are in the file: (rows, columns), or (bands, rows, columns) of several.

        Parameters
        ----------
        band : int, optional
            One of them, from 1.
        **options
            Of rasterio, such as ``window``.
        """
        with self.dataset() as dataset:
            values: Array = dataset.read(band, **options)
        return values[0] if band is None and len(values) == 1 else values

    def read_floats(self, band: int | None = None, **options: Any) -> Floats:
        """Read values in single precision, NaN where there are none; parameters are those of `read`."""
        with self.dataset() as dataset:
            values = dataset.read(band, masked=True, **options)
        return values.astype(np.float32).filled(np.nan)

    def mean_direction(self) -> tuple[float, float, float] | None:
        """Return the mean of unit vectors, which the file holds; None where none is known."""
        with self.dataset() as dataset:
            return mean_direction(dataset)


class Products:
    """GeoTIFFs by their paths: each is a `Product`, which all share to whom this is handed on.

    A context, which closes them; without it they are closed when this is forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Path, Product] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getitem__(self, path: Path) -> Product:
        with self._lock:
            return self._found.setdefault(path, Product(path))

    def close(self) -> None:
        """Close all files; they are opened again when something of them is asked for."""
        with self._lock:
            for product in self._found.values():
                product.close()


@dataclass(frozen=True)
class Words:
    """How a command tells that a file is of no use to it.

    Attributes
    ----------
    whole : str
        What a file is not that GDAL cannot read.
    off_grid : str
        Sentence for one that lies on no grid of dinsar, around the ``{cause}``.
    oblique : str
        Such a sentence for one that is not north-up with square pixels.
    remedy : str
        What to do.
    """

    whole: str = "a whole GeoTIFF"
    off_grid: str = "Of its grid: {cause}."
    oblique: str = "Of its grid: {cause}."
    remedy: str = MAKE_AGAIN

    def unreadable(self, path: Path, cause: object) -> UsageError:
        """Return the error of a file that GDAL cannot read."""
        return UsageError(f"{path} cannot be read.", f"It is not {self.whole}: {cause}.", self.remedy)

    @contextmanager
    def about(self, path: Path) -> Iterator[None]:
        """Turn what GDAL has against a file, or its place, into an error that names it.

        Raises
        ------
        UsageError
            In place of `RasterioError` and `NoGridError`.
        """
        try:
            yield
        except RasterioError as error:
            raise self.unreadable(path, error) from error
        except NoGridError as error:
            sentence = self.oblique if isinstance(error, NotNorthUpError) else self.off_grid
            raise UsageError(
                f"{path} is not on a grid of dinsar.", sentence.format(cause=error), self.remedy
            ) from error
