"""Measurement TIFFs with their pixels where an annotation says: at its byte offsets.

Sentinel-1 Product Specification, S1-RS-MDA-52-7441, section 5.1: TIFF 6.0, complex 16-bit integers, a strip for
each line. ``byteOffset`` of the first burst is where the pixels begin; what a TIFF needs besides them lies before
them as far as there is room, else behind.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.simulate.radar.render import Tile

SAMPLE_BYTES: Final = 4
SOFTWARE: Final = "dinsar simulate"
_HEADER: Final = 8  # bytes: byte order, magic number, place of the directory
_SHORT, _LONG, _ASCII, _DOUBLE = 3, 4, 2, 12
_BYTES: Final = {_ASCII: 1, _SHORT: 2, _LONG: 4, _DOUBLE: 8}
_CODES: Final = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
# GeoTIFF 1.1, section 7: geographic model, pixels are areas, EPSG:4326.
_GEO_KEYS: Final = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)


@dataclass(frozen=True)
class TiePoint:
    """A pixel and its place: column and line, longitude, latitude (deg) and height (m)."""

    pixel: float
    line: float
    longitude: float
    latitude: float
    height: float


@dataclass(frozen=True)
class ImageFrame:
    """Size and place of the pixels of a measurement.

    Attributes
    ----------
    bursts, lines, columns : int
        Bursts, and lines and columns of each.
    offset : int
        Byte of the file at which the first pixel begins.
    ties : tuple of TiePoint
        Geolocation grid.
    description : str
        Of the product, as ``Sentinel-1A IW SLC L1``.
    """

    bursts: int
    lines: int
    columns: int
    offset: int
    ties: tuple[TiePoint, ...]
    description: str

    @property
    def row_bytes(self) -> int:
        """Bytes of a line."""
        return self.columns * SAMPLE_BYTES

    @property
    def end(self) -> int:
        """Byte behind the last pixel."""
        return self.offset + self.bursts * self.lines * self.row_bytes


class Measurement:
    """A measurement TIFF of zeros, into which tiles of pixels are put.

    Parameters
    ----------
    path : Path
        File to make; its zeros take no room on the disk.
    frame : ImageFrame
    size : int
        Bytes that the file shall have, if its content is not longer.
    """

    def __init__(self, path: Path, frame: ImageFrame, size: int = 0) -> None:
        self.path = path
        self.frame = frame
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        end = frame.end
        for start, content in _directory(frame):
            os.pwrite(self._file, content, start)
            end = max(end, start + len(content))
        os.ftruncate(self._file, max(end, size))

    def place(self, burst: int, tile: Tile, values: NDArray[np.int16]) -> None:
        """Put pixels into a burst; lines and columns that the image does not have are left out.

        Parameters
        ----------
        burst : int
            Number in the image, from 0.
        tile : Tile
            Which lines and columns of the burst.
        values : ndarray, shape (lines, columns, 2), int16
        """
        frame = self.frame
        lines = min(tile.lines.stop, frame.lines) - tile.lines.start
        columns = min(tile.columns.stop, frame.columns) - tile.columns.start
        if lines <= 0 or columns <= 0:
            return
        rows = np.ascontiguousarray(values[:lines, :columns], dtype="<i2")
        first = burst * frame.lines + tile.lines.start
        for number in np.flatnonzero(rows.any(axis=(1, 2))).tolist():
            start = frame.offset + (first + number) * frame.row_bytes + tile.columns.start * SAMPLE_BYTES
            os.pwrite(self._file, rows[number].data, start)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _directory(frame: ImageFrame) -> list[tuple[int, bytes]]:
    """Give the header and the directory of the TIFF as blocks with their places in the file."""
    strips = frame.bursts * frame.lines
    offsets = [frame.offset + line * frame.row_bytes for line in range(strips)]
    ties = [(tie.pixel, tie.line, 0.0, tie.longitude, tie.latitude, tie.height) for tie in frame.ties]
    fields: list[tuple[int, int, bytes]] = [
        (256, _LONG, _packed(_LONG, [frame.columns])),
        (257, _LONG, _packed(_LONG, [strips])),
        (258, _SHORT, _packed(_SHORT, [8 * SAMPLE_BYTES])),
        (259, _SHORT, _packed(_SHORT, [1])),  # not compressed
        (262, _SHORT, _packed(_SHORT, [1])),  # black is zero
        (270, _ASCII, frame.description.encode("ascii") + b"\0"),
        (273, _LONG, _packed(_LONG, offsets)),
        (277, _SHORT, _packed(_SHORT, [1])),
        (278, _LONG, _packed(_LONG, [1])),
        (279, _LONG, _packed(_LONG, [frame.row_bytes] * strips)),
        (284, _SHORT, _packed(_SHORT, [1])),
        (305, _ASCII, SOFTWARE.encode("ascii") + b"\0"),
        (339, _SHORT, _packed(_SHORT, [5])),  # complex integers
        (33922, _DOUBLE, _packed(_DOUBLE, [value for tie in ties for value in tie])),
        (34735, _SHORT, _packed(_SHORT, _GEO_KEYS)),
    ]
    room = _Room(frame.offset, frame.end)
    place = room.take(2 + 12 * len(fields) + 4)
    blocks = [(0, struct.pack("<2sHI", b"II", 42, place))]
    entries = b""
    for tag, kind, content in fields:
        value = content.ljust(4, b"\0")
        if len(content) > 4:
            start = room.take(len(content))
            blocks.append((start, content))
            value = struct.pack("<I", start)
        entries += struct.pack("<HHI", tag, kind, len(content) // _BYTES[kind]) + value
    blocks.append((place, struct.pack("<H", len(fields)) + entries + struct.pack("<I", 0)))
    return blocks


class _Room:
    """Places for blocks: before the pixels while they fit, then behind them; on whole words."""

    def __init__(self, offset: int, end: int) -> None:
        self._next, self._limit, self._behind = _HEADER, offset, end + end % 2

    def take(self, count: int) -> int:
        """Reserve bytes, and give their place."""
        count += count % 2
        if self._next + count <= self._limit:
            place, self._next = self._next, self._next + count
        else:
            place, self._behind = self._behind, self._behind + count
        return place


def _packed(kind: int, values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
