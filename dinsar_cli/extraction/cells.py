"""Cells of rasters at many places: the blocks in which they lie are read once each, in their order in the file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.windows import Window

from dinsar_cli.base.rasters import open_raster

Cells = NDArray[np.int64]
Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

_LEAST_CHUNK = 1 << 17  # cells that are read in a go where the blocks of a file are smaller
_MOST_VALUES = 1 << 21  # of windows that are in memory at a time
_MOST_THREADS = 8
_GAUSSIAN = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


@dataclass(frozen=True)
class _Chunk:
    """Places that lie in one part of a raster: their numbers, and the part."""

    places: Cells
    window: tuple[int, int, int, int]  # first row, end, first column, end


def read_cells(path: Path, rows: Cells, columns: Cells) -> tuple[Array, float | None]:
    """Return the values of all bands at cells.

    Parameters
    ----------
    path : Path
        A raster.
    rows, columns : ndarray of int, shape (n,)
        Cells on it, in any order.

    Returns
    -------
    values : ndarray, shape (bands, n)
        As they are in the file, as `rasterio.DatasetReader.sample` gives them.
    nodata : float or None
        Value of cells without one.
    """
    with open_raster(path) as dataset:
        found: Array = np.empty((dataset.count, rows.size), dataset.dtypes[0])
        chunks, nodata = _chunks(dataset, rows, columns), dataset.nodata

    def read(dataset: DatasetReader, chunk: _Chunk) -> None:
        top, bottom, left, right = chunk.window
        values = dataset.read(window=Window.from_slices((top, bottom), (left, right)))
        found[:, chunk.places] = values[:, rows[chunk.places] - top, columns[chunk.places] - left]

    _for_each(path, chunks, read)
    return found, nodata


@dataclass(frozen=True)
class Around:
    """Cells around a cell: offsets of their rows and columns, shape (k,)."""

    rows: Cells
    columns: Cells

    @classmethod
    def square(cls, side: int) -> Around:
        """Return a square of an odd number of cells on a side."""
        half = side // 2
        row, column = np.mgrid[-half : half + 1, -half : half + 1]
        return cls(row.ravel(), column.ravel())

    @classmethod
    def circle(cls, radius: float, spacing: tuple[float, float]) -> Around:
        """Return those whose centres are within metres of it; the spacing is that of rows and columns, metres."""
        down, right = (math.floor(radius / metres) for metres in spacing)
        row, column = np.mgrid[-down : down + 1, -right : right + 1]
        near = np.hypot(row * spacing[0], column * spacing[1]) <= radius
        return cls(row[near], column[near])

    def __len__(self) -> int:
        return self.rows.size


@dataclass(frozen=True)
class Statistics:
    """What is around cells; each of shape (n,).

    Attributes
    ----------
    median : ndarray
        NaN where nothing has a value.
    scatter : ndarray
        Standard deviation, from the median absolute deviation.
    cells : ndarray of int
        That have a value.
    """

    median: Floats
    scatter: Floats
    cells: Cells


def read_around(
    path: Path, rows: Cells, columns: Cells, around: Around, keep: tuple[Path, Array] | None
) -> Statistics:
    """Return the statistics of the first band around cells.

    Parameters
    ----------
    path : Path
        A raster of floating-point numbers.
    rows, columns : ndarray of int, shape (n,)
        Cells on it.
    around : Around
        Which ones count; not those beside the raster.
    keep : (Path, ndarray), optional
        Raster of labels, and the label that a cell must have to count, for each of the places.
    """
    median, scatter = np.full(rows.size, np.nan), np.full(rows.size, np.nan)
    count = np.zeros(rows.size, np.int64)
    halo = int(np.abs(around.rows).max()), int(np.abs(around.columns).max())
    with open_raster(path) as dataset:
        shape, nodata = dataset.shape, dataset.nodata
        chunks = [part for chunk in _chunks(dataset, rows, columns) for part in _parts(chunk, len(around))]
    labels = None if keep is None else open_raster(keep[0])

    def read(dataset: DatasetReader, chunk: _Chunk) -> None:
        top, bottom, left, right = _bounds_of(rows[chunk.places], columns[chunk.places])
        top, left = max(0, top - halo[0]), max(0, left - halo[1])
        bottom, right = min(shape[0], bottom + halo[0]), min(shape[1], right + halo[1])
        window = Window.from_slices((top, bottom), (left, right))
        values = as_floats(dataset.read(1, window=window), nodata)
        row = rows[chunk.places, None] + around.rows - top
        column = columns[chunk.places, None] + around.columns - left
        on = (row >= 0) & (row < values.shape[0]) & (column >= 0) & (column < values.shape[1])
        row, column = np.where(on, row, 0), np.where(on, column, 0)
        taken = np.where(on, values[row, column], np.nan)
        if labels is not None and keep is not None:
            same = labels.read(1, window=window)[row, column] == keep[1][chunk.places, None]
            taken = np.where(same, taken, np.nan)
        middle = median_of_known(taken)
        median[chunk.places] = middle
        scatter[chunk.places] = _GAUSSIAN * median_of_known(np.abs(taken - middle[:, None]))
        count[chunk.places] = np.isfinite(taken).sum(axis=1)

    try:
        _for_each(path, chunks, read, threads=1 if labels is not None else None)
    finally:
        if labels is not None:
            labels.close()
    return Statistics(median, scatter, count)


def as_floats(values: Array, nodata: float | None) -> Floats:
    """Return values with NaN where there are none."""
    found: Floats = values if values.dtype.kind == "f" else values.astype(np.float64)
    if nodata is None or math.isnan(nodata):
        return found
    return np.where(found == nodata, found.dtype.type(np.nan), found)


def median_of_known(values: Floats) -> Floats:
    """Return the median of each row without NaN; NaN where a row has nothing else."""
    ordered = np.sort(values, axis=1)  # NaN come last
    count = np.isfinite(ordered).sum(axis=1)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, np.maximum(count - 1, 0))
    row = np.arange(len(values))
    middle: Floats = (ordered[row, low] + ordered[row, high]) / 2
    return np.where(count > 0, middle, np.nan)


def _chunks(dataset: DatasetReader, rows: Cells, columns: Cells) -> list[_Chunk]:
    """Sort cells by the block in which they lie; small blocks are taken together."""
    height, width = dataset.block_shapes[0]
    if width >= dataset.width:  # strips
        height *= max(1, _LEAST_CHUNK // (height * width))
    across = -(-dataset.width // width)
    block = (rows // height) * across + columns // width
    order = np.argsort(block, kind="stable")
    cuts = np.flatnonzero(np.diff(block[order])) + 1
    parts = np.split(order, cuts) if order.size else []
    return [_Chunk(part, _bounds_of(rows[part], columns[part])) for part in parts]


def _bounds_of(rows: Cells, columns: Cells) -> tuple[int, int, int, int]:
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


def _parts(chunk: _Chunk, each: int) -> Iterator[_Chunk]:
    """Split a chunk so that not too many values are looked at in a go."""
    size = max(1, _MOST_VALUES // each)
    for start in range(0, chunk.places.size, size):
        yield _Chunk(chunk.places[start : start + size], chunk.window)


def _for_each(
    path: Path, chunks: list[_Chunk], read: Callable[[DatasetReader, _Chunk], None], threads: int | None = None
) -> None:
    """Read chunks in their order, with as many files as there are cores: each inflates blocks of its own."""
    threads = threads or max(1, min(_MOST_THREADS, os.cpu_count() or 1, len(chunks) // 8))

    def work(first: int) -> None:
        with open_raster(path) as dataset:
            for chunk in chunks[first::threads]:
                read(dataset, chunk)

    if threads == 1:
        work(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, first) for first in range(threads)]:
            done.result()
