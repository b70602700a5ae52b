"""Where a map of displacement shows more than noise."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dinsar_cli.radar.quadtree.tree import block_sums
from dinsar_cli.radar.robust import robust_fit

Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

_COARSE = 96  # blocks along the longer side of the map in which motion is looked for
_CORE, _EDGE, _MARGIN = 3.5, 2.0, 2  # of the scatter; blocks
_LEAST_STILL = 0.25  # of the blocks that are known
_ROUNDS = 12


def moving_ground(values: Floats) -> tuple[Mask, int]:
    """Tell where a map shows more than noise, in blocks.

    What is beyond a plane by 3.5 times the scatter of the rest, with what hangs together with it beyond 2 times,
    and a margin. Scatter and plane are those of the rest, robust, and found again until nothing changes; a quarter
    of the map is left in any case.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        Displacement, NaN where there is none.

    Returns
    -------
    moving : ndarray of bool
        By blocks.
    size : int
        Cells along the side of a block.
    """
    size = max(1, math.ceil(max(values.shape) / _COARSE))
    level = block_sums(values, 0.0, size, size)
    known = level.count >= size**2 / 2
    if not known.any():
        known = level.count > 0
    if not known.any():
        return known, size
    mean = level.total / np.maximum(level.count, 1)
    moving = np.zeros(known.shape, bool)
    for _ in range(_ROUNDS):
        departure, scatter = _from_plane(mean, known & ~moving)
        beyond = known & (departure > _EDGE * scatter)
        labels, _ = ndimage.label(beyond)
        cores = np.unique(labels[known & (departure > _CORE * scatter)])
        found = ndimage.binary_dilation(np.isin(labels, cores[cores > 0]), iterations=_MARGIN) | moving
        if (known & ~found).sum() < _LEAST_STILL * known.sum() or np.array_equal(found, moving):
            break
        moving = found
    return moving, size


def _from_plane(mean: Doubles, still: Mask) -> tuple[Doubles, float]:
    """Return how far blocks are from the plane through the still ones, and how much those scatter about it."""
    rows, columns = np.mgrid[: mean.shape[0], : mean.shape[1]] / max(mean.shape)
    design = np.stack([np.ones(mean.shape), rows, columns], axis=-1)
    plane, scatter = robust_fit(design[still], mean[still])
    return np.abs(mean - design @ plane), scatter
