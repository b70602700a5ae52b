"""Rasters as ISCE2 leaves them: an XML header beside raw samples, or beside a virtual raster of other files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.base.user_files import OddFileError, read_xml
from dinsar_cli.errors import EngineError

_TYPES = {
    "BYTE": "u1",
    "SHORT": "i2",
    "INT": "i4",
    "LONG": "i8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
    "CFLOAT": "c8",
    "CDOUBLE": "c16",
}
_SCHEMES = ("BIL", "BIP", "BSQ")
_BYTE_ORDERS = {"l": "<", "b": ">"}
_RUN_AGAIN = "Run topsApp again from the step that makes it (mergebursts, filter or unwrap)."


def parse_xml(path: Path) -> etree._Element:
    """Return the root of an XML file of ISCE2, parsed without entities or network.

    Raises
    ------
    EngineError
        When the file is missing or not well-formed.
    """
    try:
        return read_xml(path)
    except OSError as error:
        raise EngineError(
            f"{path} cannot be read.",
            f"topsApp did not leave it, or it was removed ({error.strerror}).",
            _RUN_AGAIN,
        ) from error
    except OddFileError as error:
        raise EngineError(f"{path} is not readable XML.", error.cause, _RUN_AGAIN) from error


def properties(element: etree._Element) -> dict[str, str]:
    """Return the values of the properties directly below an element, by their names in lower case."""
    found = {}
    for item in element.iterchildren("property"):
        value = item.findtext("value")
        if value is not None:
            found[str(item.get("name", "")).lower()] = value.strip()
    return found


def isce_release(path: Path) -> str:
    """Return the release of ISCE2 that wrote a raster; ``unknown`` where its header does not tell."""
    header = properties(parse_xml(path.with_name(f"{path.name}.xml")))
    return header.get("isce_version", "").removeprefix("Release:").split(",")[0].strip() or "unknown"


@dataclass(frozen=True)
class IsceFile(AbstractContextManager["IsceFile"]):
    """A raster of ISCE2, read by blocks of lines; as a context manager it is closed at the end.

    Attributes
    ----------
    path : Path
        Raw samples; its header is ``path.xml``. The header also names a file, but relative to the folder where
        topsApp ran or as it was called before it was moved, so that name is not used.
    width, length, bands : int
        Samples in a line, lines, bands.
    scheme : str
        Order of the samples: ``BIL`` (by line), ``BIP`` (by pixel) or ``BSQ`` (by band).
    dtype : str
        NumPy type with byte order.
    """

    path: Path
    width: int
    length: int
    bands: int
    scheme: str
    dtype: str

    @classmethod
    def open(cls, path: Path) -> IsceFile:
        """Read the header of a raster and make sure that its samples are there.

        Raises
        ------
        EngineError
            When the header or the samples are missing, not those of a raster, or too short.
        """
        header = path.with_name(f"{path.name}.xml")
        values = properties(parse_xml(header))
        try:
            file = cls(
                path=path,
                width=_size(values, "width"),
                length=_size(values, "length"),
                bands=_size(values, "number_bands"),
                scheme=_one_of(values, "scheme", {name: name for name in _SCHEMES}),
                dtype=_one_of(values, "byte_order", _BYTE_ORDERS) + _one_of(values, "data_type", _TYPES),
            )
        except ValueError as error:
            raise EngineError(f"{header} does not describe a raster of ISCE2.", f"{error}.", _RUN_AGAIN) from error
        file._check_samples()
        return file

    def __exit__(self, *_: object) -> None:
        if "_dataset" in self.__dict__:
            self._dataset.close()

    @property
    def virtual(self) -> Path | None:
        """The virtual raster with the samples, where there is no raw file."""
        return None if self.path.is_file() else self.path.with_name(f"{self.path.name}.vrt")

    def read(self, band: int, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """Return the lines ``first:last`` of a band.

        Parameters
        ----------
        band : int
            From 1, as GDAL and ISCE2 count.
        first, last : int
            Lines.

        Returns
        -------
        ndarray
            Shape (lines, width), of the machine's byte order.

        Raises
        ------
        EngineError
            When the samples cannot be read.
        """
        stop = self.length if last is None else min(last, self.length)
        virtual = self.virtual
        return (
            self._read_raw(band, first, stop) if virtual is None else self._read_virtual(virtual, band, first, stop)
        )

    def _check_samples(self) -> None:
        virtual = self.virtual
        if virtual is not None:
            if not virtual.is_file():
                raise EngineError(
                    f"{self.path} is missing.",
                    "Its header is there, but neither its samples nor a .vrt.",
                    _RUN_AGAIN,
                )
            return
        wanted = self.width * self.length * self.bands * np.dtype(self.dtype).itemsize
        size = self.path.stat().st_size
        if size < wanted:
            raise EngineError(
                f"{self.path} is too short.",
                f"It has {size} bytes of {wanted}: topsApp was stopped while it wrote it.",
                _RUN_AGAIN,
            )

    def _read_raw(self, band: int, first: int, stop: int) -> NDArray[Any]:
        dtype, lines = np.dtype(self.dtype), stop - first
        step = 1 if self.scheme == "BSQ" else self.bands
        start = first * step + ((band - 1) * self.length if self.scheme == "BSQ" else 0)
        with self.path.open("rb") as file:
            file.seek(start * self.width * dtype.itemsize)
            samples = np.fromfile(file, dtype, lines * step * self.width)
        if self.scheme == "BIP":
            block = samples.reshape(lines, self.width, self.bands)[:, :, band - 1]
        else:
            block = samples.reshape(lines, step, self.width)[:, band - 1 if step > 1 else 0]
        return block.astype(dtype.newbyteorder("="), copy=False)

    def _read_virtual(self, virtual: Path, band: int, first: int, stop: int) -> NDArray[Any]:
        try:
            dataset = self._dataset
            if dataset.shape == (self.length, self.width):
                return dataset.read(band, window=Window(0, first, self.width, stop - first))
        except RasterioError as error:
            raise EngineError(
                f"{virtual} cannot be read.",
                f"It is put together from other files, and one of them is missing or damaged ({error}).",
                "Keep what topsApp made (geom_reference, fine_coreg, ...) and the scenes where they were.",
            ) from error
        raise EngineError(
            f"{virtual} does not fit its header.",
            f"It has {dataset.shape[0]} lines x {dataset.shape[1]} samples, not {self.length} x {self.width}.",
            _RUN_AGAIN,
        )

    @cached_property
    def _dataset(self) -> Any:
        """The virtual raster, open: opening it for every block would unpack a zipped scene from its start again."""
        return open_raster(str(self.virtual))


def _size(values: Mapping[str, str], name: str) -> int:
    try:
        size = int(values[name])
    except KeyError:
        raise ValueError(f"it has no {name}") from None
    except ValueError:
        raise ValueError(f"{name} is {values[name]!r}") from None
    if size < 1:
        raise ValueError(f"{name} is {size}")
    return size


def _one_of(values: Mapping[str, str], name: str, known: Mapping[str, str]) -> str:
    value = values.get(name, "")
    for key in (value, value.upper(), value.lower()):
        if key in known:
            return known[key]
    raise ValueError(f"{name} is {value!r}, not one of {', '.join(known)}")
