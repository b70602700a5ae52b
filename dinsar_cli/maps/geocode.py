"""Radar grid to map grid: one geocoder for the interferograms of every engine.

The latitude and longitude of the look-cell centres are turned into the fractional radar row and column of every
map pixel (`radar_coordinates`); every layer is then resampled with those (`sample`). The mapping is piecewise
linear: each quad of four neighbouring look cells is cut into two triangles, and a map pixel inside a triangle gets
the barycentric interpolation of its corners' rows and columns. No iteration, so it cannot fail to converge, and it
is exact for an affine geometry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.antimeridian import middle_of, near
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.grid import Grid

FloatMap: TypeAlias = NDArray[np.float64]
RadarIndex: TypeAlias = NDArray[np.float32]

Method: TypeAlias = Literal["linear", "nearest"]

DEFAULT_MEMORY_BYTES = 256 * 2**20

# In cells. A pixel centre on the edge of two triangles must fall into at least one of them, whatever the rounding.
_EDGE_TOLERANCE = 1e-6
# Working arrays alive at once, measured with tracemalloc and rounded up.
_BYTES_PER_CELL = 200
_BYTES_PER_CANDIDATE = 200
_BYTES_PER_SAMPLE = 160
# At once, whatever the memory: what is worked on then stays in the cache of the processor.
_CELLS = 1 << 15
_SAMPLES = 1 << 18


@dataclass(frozen=True)
class _Quads:
    """Quads of look cells that may contain a pixel centre, in row-major order of the radar grid.

    ``x`` and ``y`` are the corners in pixels of the map (pixel centres at whole numbers), shape (4, n), in the
    order (r, c), (r, c+1), (r+1, c), (r+1, c+1). ``left``, ``top`` and ``across`` are the candidate window, ``end``
    the cumulated number of candidates.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    x: FloatMap
    y: FloatMap
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    across: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True)
class _Hits:
    """Pixels found inside triangles, in row-major order of the radar grid."""

    pixel: NDArray[np.int64]
    row: FloatMap
    col: FloatMap
    turn: FloatMap
    """Sign of the triangle's orientation on the map."""


def radar_coordinates(
    latitude: NDArray[np.floating[Any]],
    longitude: NDArray[np.floating[Any]],
    grid: Grid,
    *,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> tuple[RadarIndex, RadarIndex]:
    """Return where on the radar grid each map pixel centre lies.

    Where terrain folds over (layover), several triangles contain one pixel. Those whose orientation is that of the
    majority win over the folded ones; among equals the one in the later row of quads wins, then the one in the
    later column. The result does not depend on `memory_bytes`.

    Parameters
    ----------
    latitude, longitude : ndarray
        Degrees (WGS84) at the centres of the look cells, shape (rows, cols), float64; NaN where invalid. The turn
        of a longitude does not matter.
        Memory-mapped arrays are read by blocks of rows.
    grid : Grid
        The map grid.
    memory_bytes : int
        Bound of the working arrays, beside the result.

    Returns
    -------
    row, col : ndarray
        Fractional row and column, float32, of the shape of the grid; NaN where no radar triangle contains the
        centre of the pixel.

    Raises
    ------
    ValueError
        If the arrays are not 2-D, differ in shape, or have fewer than 2 x 2 cells.
    """
    if latitude.ndim != 2 or latitude.shape != longitude.shape or min(latitude.shape) < 2:
        raise ValueError(
            "latitude and longitude must be 2-D, of one shape and at least 2 x 2, "
            f"not {latitude.shape} and {longitude.shape}"
        )
    rows, cols = latitude.shape
    block_rows = max(1, min(memory_bytes // 2 // _BYTES_PER_CELL, _CELLS) // cols)
    candidates = max(1024, min(memory_bytes // 2 // _BYTES_PER_CANDIDATE, _CELLS))
    usual_turn = _majority_turn(latitude, longitude, block_rows)

    # each pixel is looked for in the quadrangles of four neighbouring look cells, in blocks of lines
    row = np.full(grid.width * grid.height, np.nan, dtype=np.float32)
    col = np.full_like(row, np.nan)
    settled = np.zeros(row.shape, dtype=bool)
    for first in range(0, rows - 1, block_rows):
        block = slice(first, min(first + block_rows + 1, rows))
        x, y = _map_pixels(latitude[block], longitude[block], grid)
        quads = _quads(x, y, first, grid)
        for hits in _hits(quads, grid, candidates):
            # The last assignment to a pixel stays, and hits come in row-major order of the quads: that is the rule.
            usual = hits.turn == usual_turn
            folded = ~usual & ~settled[hits.pixel]
            for chosen in (folded, usual):
                pixel = hits.pixel[chosen]
                row[pixel] = np.clip(hits.row[chosen], 0, rows - 1)
                col[pixel] = np.clip(hits.col[chosen], 0, cols - 1)
            settled[hits.pixel[usual]] = True
    return row.reshape(grid.shape), col.reshape(grid.shape)


def sample(
    layer: NDArray[Any],
    row: RadarIndex,
    col: RadarIndex,
    method: Method,
    *,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> NDArray[Any]:
    """Resample a radar layer to the map.

    Parameters
    ----------
    layer : ndarray
        Values on the radar grid, shape (rows, cols) or (bands, rows, cols), real or complex; may be memory-mapped.
        Wrapped phase is passed as a complex number, directions as the components of their vector.
    row, col : ndarray
        What `radar_coordinates` returned, shape (height, width).
    method : {'linear', 'nearest'}
        ``linear``: bilinear; where neighbours are not finite, the weights of the others are renormalised, and the
        result is NaN when they had less than half of the weight. ``nearest``: the nearest cell, for labels.
    memory_bytes : int
        Bound of the working arrays, beside the result.

    Returns
    -------
    ndarray
        Of the dtype of `layer`, shape (height, width) or (bands, height, width). Outside the radar grid NaN, or 0
        for a layer of integers.

    Raises
    ------
    ValueError
        If the shapes do not fit, or integers are to be interpolated.
    """
    if layer.ndim not in {2, 3} or 0 in layer.shape:
        raise ValueError(f"layer must have the shape (rows, cols) or (bands, rows, cols), not {layer.shape}")
    if row.ndim != 2 or row.shape != col.shape:
        raise ValueError(f"row and col must be 2-D and of one shape, not {row.shape} and {col.shape}")
    if method not in {"linear", "nearest"}:
        raise ValueError(f"method must be 'linear' or 'nearest', not {method!r}")
    has_nan = np.issubdtype(layer.dtype, np.inexact)
    if method == "linear" and not has_nan:
        raise ValueError(f"a layer of {layer.dtype} is made of labels: use method 'nearest'")

    interpolate = _linear if method == "linear" else _nearest
    bands = np.ascontiguousarray(layer if layer.ndim == 3 else layer[np.newaxis])  # once, not for each block
    fill = np.nan if has_nan else 0
    result = np.full((len(bands), *row.shape), fill, dtype=layer.dtype)
    block_rows = max(1, min(memory_bytes // _BYTES_PER_SAMPLE, _SAMPLES) // max(1, row.shape[1]))
    for first in range(0, row.shape[0], block_rows):
        block = slice(first, first + block_rows)
        known = np.isfinite(row[block]) & np.isfinite(col[block])
        at_row = row[block][known].astype(np.float64)
        at_col = col[block][known].astype(np.float64)
        for source, target in zip(bands, result, strict=True):
            target[block][known] = interpolate(source, at_row, at_col)
    return result if layer.ndim == 3 else result[0]


def _linear(layer: NDArray[Any], row: FloatMap, col: FloatMap) -> NDArray[Any]:
    """Interpolate bilinearly between the finite ones of the four neighbours."""
    rows, cols = layer.shape
    above = np.clip(row.astype(np.intp), 0, max(0, rows - 2))
    left = np.clip(col.astype(np.intp), 0, max(0, cols - 2))
    down = row - above
    right = col - left
    first = above * cols + left
    below, beside = cols * (rows > 1), int(cols > 1)
    flat = layer.reshape(-1)
    corners = [flat.take(first + step) for step in (0, beside, below, below + beside)]
    with np.errstate(invalid="ignore", over="ignore"):
        upper = corners[0] + (corners[1] - corners[0]) * right
        lower = corners[2] + (corners[3] - corners[2]) * right
        value = upper + (lower - upper) * down
    open_ = np.flatnonzero(~np.isfinite(value))
    if open_.size:
        value[open_] = _of_the_finite([corner[open_] for corner in corners], down[open_], right[open_])
    return value.astype(layer.dtype)


def _of_the_finite(corners: list[NDArray[Any]], down: FloatMap, right: FloatMap) -> NDArray[Any]:
    """With the weights of the finite corners alone; NaN where they have less than half of the weight."""
    total = np.zeros(down.shape, dtype=np.result_type(corners[0].dtype, np.float64))
    weight = np.zeros(down.shape)
    shares = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)
    for corner, share in zip(corners, shares, strict=True):
        finite = np.isfinite(corner)
        total += np.where(finite, corner, 0) * share
        weight += finite * share
    enough = weight >= 0.5 - _EDGE_TOLERANCE
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=enough)


def _nearest(layer: NDArray[Any], row: FloatMap, col: FloatMap) -> NDArray[Any]:
    """Take the cell whose centre is nearest; halfway, the one with the larger index."""
    rows, cols = layer.shape
    at_row = np.clip((row + 0.5).astype(np.intp), 0, rows - 1)
    at_col = np.clip((col + 0.5).astype(np.intp), 0, cols - 1)
    return layer.reshape(-1).take(at_row * cols + at_col)


def _majority_turn(
    latitude: NDArray[np.floating[Any]], longitude: NDArray[np.floating[Any]], block_rows: int
) -> float:
    """Return the sign of orientation, on a north-up map, that most quads have.

    Ascending and descending passes, and engines that store near range left or right, differ in it.
    """
    balance = 0
    for first in range(0, latitude.shape[0] - 1, block_rows):
        block = slice(first, first + block_rows + 1)
        # Rows of a map count southward: y = -latitude.
        x = np.asarray(longitude[block], dtype=np.float64)
        y = -np.asarray(latitude[block], dtype=np.float64)
        turn = np.diff(x[:-1], axis=1) * np.diff(y[:, :-1], axis=0) - np.diff(y[:-1], axis=1) * np.diff(
            x[:, :-1], axis=0
        )
        balance += int(np.count_nonzero(turn > 0)) - int(np.count_nonzero(turn < 0))
    return 1.0 if balance >= 0 else -1.0


def _map_pixels(
    latitude: NDArray[np.floating[Any]], longitude: NDArray[np.floating[Any]], grid: Grid
) -> tuple[FloatMap, FloatMap]:
    """Return fractional map column and row of look cells, 0 at the centre of the first pixel; NaN where unknown."""
    x = np.array(longitude, dtype=np.float64)
    y = np.array(latitude, dtype=np.float64)
    if not grid.is_geographic:
        x, y = transformer(GEOGRAPHIC, grid.crs).transform(x, y)
    unknown = ~(np.isfinite(x) & np.isfinite(y))
    x[unknown] = np.nan
    y[unknown] = np.nan
    if grid.is_geographic:
        x = near(x, middle_of(grid.bounds))
    x -= grid.west
    x /= grid.posting
    x -= 0.5
    y -= grid.north
    y /= -grid.posting
    y -= 0.5
    return x, y


def _quads(x: FloatMap, y: FloatMap, first_row: int, grid: Grid) -> _Quads:
    """Return the quads of a block whose bounding box holds a pixel centre of the grid."""
    left, across = _candidate_span(x, grid.width)
    top, down = _candidate_span(y, grid.height)
    count = across * down
    chosen = np.flatnonzero(count)
    row, col = np.divmod(chosen, count.shape[1])
    corner = row * x.shape[1] + col
    corners = np.stack([corner, corner + 1, corner + x.shape[1], corner + x.shape[1] + 1])
    return _Quads(
        row=row + first_row,
        col=col,
        x=x.take(corners),
        y=y.take(corners),
        left=left.take(chosen),
        top=top.take(chosen),
        across=across.take(chosen),
        end=np.cumsum(count.take(chosen)),
    )


def _candidate_span(position: FloatMap, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first index and number of the pixel centres within each quad's extent in one direction."""
    low = np.fmin(position[:-1], position[1:])
    low = np.fmin(low[:, :-1], low[:, 1:])
    high = np.fmax(position[:-1], position[1:])
    high = np.fmax(high[:, :-1], high[:, 1:])
    # A quad without a known corner gets an empty span.
    low = np.nan_to_num(low, nan=0.0)
    high = np.nan_to_num(high, nan=-1.0)
    first = np.clip(np.ceil(low - _EDGE_TOLERANCE), 0, size).astype(np.int64)
    last = np.clip(np.floor(high + _EDGE_TOLERANCE), -1, size - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _hits(quads: _Quads, grid: Grid, chunk: int) -> Iterator[_Hits]:
    """Test the candidate pixels of all quads, a bounded number at a time."""
    total = int(quads.end[-1]) if quads.end.size else 0
    for start in range(0, total, chunk):
        candidate = np.arange(start, min(start + chunk, total))
        first, last = np.searchsorted(quads.end, (start, candidate[-1]), side="right")
        begin = np.concatenate(([quads.end[first - 1] if first else 0], quads.end[first:last], [total]))
        begin = np.clip(begin, start, start + candidate.size)
        quad = np.repeat(np.arange(first, last + 1), np.diff(begin))
        within = candidate - (quads.end[quad - 1] * (quad > 0))
        down, right = np.divmod(within, quads.across[quad])
        yield _inside(quads, quad, quads.left[quad] + right, quads.top[quad] + down, grid.width)


def _inside(
    quads: _Quads, quad: NDArray[np.int64], column: NDArray[np.int64], line: NDArray[np.int64], width: int
) -> _Hits:
    """Return the candidates (map column and line) that lie in one of the two triangles of their quad.

    The first triangle has its origin at corner 0 = (r, c), the second at corner 3 = (r+1, c+1); corners 1 and 2
    are shared.
    """
    x = quads.x.take(quad, axis=1) - column
    y = quads.y.take(quad, axis=1) - line
    toward_1, toward_2, turn = _barycentric(x, y, origin=0)
    back_1, back_2, turn_back = _barycentric(x, y, origin=3)
    in_first = _in_triangle(toward_1, toward_2)
    in_second = _in_triangle(back_1, back_2)
    # From corner 3, corner 2 is one column back and corner 1 one row back. A quad that is folded along its diagonal
    # may hold a pixel twice: both triangles are reported, the second one later.
    quad_twice = np.concatenate((quad[in_first], quad[in_second]))
    row_in_quad = np.concatenate((toward_2[in_first], 1 - back_1[in_second]))
    col_in_quad = np.concatenate((toward_1[in_first], 1 - back_2[in_second]))
    pixel = line * width + column
    order = np.argsort(quad_twice, kind="stable")
    quad_twice = quad_twice[order]
    return _Hits(
        pixel=np.concatenate((pixel[in_first], pixel[in_second]))[order],
        row=quads.row[quad_twice] + row_in_quad[order],
        col=quads.col[quad_twice] + col_in_quad[order],
        turn=np.sign(np.concatenate((turn[in_first], turn_back[in_second]))[order]),
    )


def _barycentric(x: FloatMap, y: FloatMap, origin: int) -> tuple[FloatMap, FloatMap, FloatMap]:
    """Return the coordinates of a point toward corners 1 and 2 of the triangle (origin, 1, 2), and twice its area.

    `x` and `y` are the corners relative to the point, shape (4, n). The sign of the area is that of the quad's
    orientation for either origin.
    """
    along_x, along_y = x[1] - x[origin], y[1] - y[origin]
    other_x, other_y = x[2] - x[origin], y[2] - y[origin]
    area = along_x * other_y - other_x * along_y
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        toward_1 = (other_x * y[origin] - x[origin] * other_y) / area
        toward_2 = (x[origin] * along_y - along_x * y[origin]) / area
    return toward_1, toward_2, area if origin == 0 else -area


def _in_triangle(first: FloatMap, second: FloatMap) -> NDArray[np.bool_]:
    """Return where barycentric coordinates are inside; NaN (an unknown corner, no area) is outside."""
    result: NDArray[np.bool_] = (
        (first >= -_EDGE_TOLERANCE) & (second >= -_EDGE_TOLERANCE) & (first + second <= 1 + _EDGE_TOLERANCE)
    )
    return result
