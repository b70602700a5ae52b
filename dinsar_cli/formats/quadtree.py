"""Displacement in few points for those who model sources: a quadtree, with the covariance of its noise."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import make_folder
from dinsar_cli.drawing.quadtree_picture import NoiseCurve, quadtree_picture
from dinsar_cli.errors import NoDataError
from dinsar_cli.formats.facts import MAIN, ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.geo.areas import on_grid
from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.moving_ground import moving_ground
from dinsar_cli.radar.quadtree.noise import covariance_of_nodes, weights_of
from dinsar_cli.radar.quadtree.tree import Blocks, Nodes, epsilon_for, means_over, tree_sizes
from dinsar_cli.radar.variogram import Variogram, variogram_at

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

FOLDER = "quadtree"
TABLE, COVARIANCE, RECORD, PICTURE = "quadtree.csv", "covariance.npy", "quadtree.json", "quadtree.png"
FILES = (TABLE, COVARIANCE, RECORD, PICTURE)

_COLUMNS = {
    "lon": "degrees (WGS84) of the centre of mass of the cells of the node",
    "lat": "degrees",
    "los_displacement_m": "their mean displacement along the line of sight, positive toward the satellite",
    "los_sigma_m": "standard deviation of its noise, atmosphere included: root of the diagonal of the covariance",
    "east": "unit vector from the ground to the satellite: los = east x E + north x N + up x U",
    "north": "",
    "up": "",
    "weight": "for least squares without the covariance: 1 / (sum of the absolute values of its row), 1 / m2",
    "size_m": "side of the node on the ground, root of its area",
    "cells": "of the map in it that have a value",
    "spread_m": "standard deviation of their values",
}
_UNSURE = 2 | 4 | 8 | 16  # of flags.tif: cycles that are in doubt
_NO_FLAGS = 255
_MOST = 10_000  # nodes: 800 MB of covariance


@dataclass(frozen=True)
class Subsample:
    """A map in few points.

    Attributes
    ----------
    nodes : Nodes
        Where they are on the map, and their displacement, metres.
    lonlat : ndarray, shape (nodes, 2)
        Degrees.
    direction : ndarray, shape (nodes, 3)
        Unit vectors to the satellite.
    covariance : ndarray, shape (nodes, nodes)
        Of the noise of their displacement, square metres.
    variogram : Variogram
        Of the noise of the map.
    epsilon : float
        Standard deviation above which nodes were cut, metres.
    smallest, largest : int
        Cells along the side of nodes.
    raised : float
        Factor by which the variances of the model were raised to be those of the map far out.
    moving : float
        Share of the map that was left out of the variogram.
    """

    nodes: Nodes
    lonlat: Doubles
    direction: Doubles
    covariance: Doubles
    variogram: Variogram
    epsilon: float
    smallest: int
    largest: int
    raised: float
    moving: float

    @property
    def sigma(self) -> Doubles:
        """Standard deviations, metres."""
        result: Doubles = np.sqrt(np.diag(self.covariance))
        return result


def check_quadtree(facts: ProductFacts) -> None:
    """Make sure that the points can be made.

    Raises
    ------
    NoDataError
        When the direction to the satellite is not known.
    """
    facts.require(MAIN)
    vector = facts.require("los_vector")
    if facts.mean_direction() is None:
        raise NoDataError(
            "The points cannot be made.",
            f"{vector} has no direction to the satellite.",
            "Make the products again with: dinsar run",
        )


def write_quadtree(facts: ProductFacts) -> list[Path]:
    """Write points, covariance, parameters and picture into a folder of their own; the table comes first.

    Raises
    ------
    NoDataError
        When the map has too few values to tell what its noise is like.
    """
    sample = subsample(facts)
    folder = make_folder(facts.output / FOLDER)
    table = put(folder / TABLE, _table(sample, facts.grid))
    with io.BytesIO() as buffer:
        np.save(buffer, sample.covariance)
        matrix = put(folder / COVARIANCE, buffer.getvalue())
    record = put(folder / RECORD, json.dumps(_record(sample, facts), indent=2) + "\n")
    squares = np.stack([sample.nodes.row, sample.nodes.column, sample.nodes.size])
    drawn = quadtree_picture(
        facts.read(MAIN),
        facts.grid,
        squares,
        sample.nodes.value,
        _curve(sample.variogram),
        title=f"{facts.name}, quadtree",
    )
    picture = put(folder / PICTURE, drawn)
    return [table, matrix, record, picture]


def is_own(path: Path, folder: Path) -> bool:
    """Tell whether a file below the folder is one of those that `write_quadtree` writes."""
    return path.parent == folder and path.name in FILES


def subsample(facts: ProductFacts) -> Subsample:
    """Cut the displacement of a run into nodes, and find the covariance of their noise.

    Cells whose cycles are in doubt by ``flags.tif`` are left out.

    Raises
    ------
    NoDataError
        When the map has too few values to tell what its noise is like.
    """
    los = facts.read(MAIN)
    if "flags" in facts.rasters:
        flags = facts.product("flags").read(1)
        los = np.where((flags != _NO_FLAGS) & (flags & _UNSURE > 0), np.nan, los)
    vectors = [facts.read("los_vector", band) for band in (1, 2, 3)]
    los = np.where(np.isfinite(vectors[0]) & np.isfinite(vectors[1]) & (np.abs(vectors[2]) > 0), los, np.nan)
    grid, wish = facts.grid, facts.subsampling
    east, north = (grid.posting * metres for metres in grid.metres_per_unit)
    spacing = north, east
    moving, block = (on_grid(wish.moving, grid), 1) if wish.moving else moving_ground(los)
    variogram = variogram_at(
        lambda row, column: np.where(moving[row // block, column // block], np.nan, los[row, column]),
        grid.shape,
        spacing,
        # the plane through a map takes some of what neighbours share with it: variances would be a fifth too small
        remove_plane=False,
    )
    if variogram is None or variogram.variance == 0:
        raise NoDataError(
            f"The noise of {facts.rasters[MAIN]} is not known.",
            "Too few of its cells have a value and lie outside of what moves, or all are equal.",
            "Take a larger area (dinsar run --roi), or tell what moves: --quadtree-moving AREA",
        )
    variogram, raised = _raised(variogram)
    smallest, largest = tree_sizes(grid.shape, math.sqrt(east * north), wish.smallest, wish.largest)
    blocks = Blocks(los, smallest, largest)
    epsilon = wish.epsilon or epsilon_for(blocks, math.sqrt(variogram.variance), wish.empty)
    count = blocks.number(epsilon, wish.empty)
    if not 0 < count <= _MOST:
        raise _unfit(count, epsilon, facts)
    nodes = blocks.nodes(epsilon, wish.empty)
    own = means_over(nodes, facts.read("los_sigma") ** 2) if "los_sigma" in facts.rasters else None
    lon, lat = grid.to_lonlat(
        grid.west + (nodes.at_column + 0.5) * grid.posting, grid.north - (nodes.at_row + 0.5) * grid.posting
    )
    direction = np.column_stack([means_over(nodes, band) for band in vectors])
    return Subsample(
        nodes,
        np.column_stack([lon, lat]),
        direction / np.linalg.norm(direction, axis=1, keepdims=True),
        covariance_of_nodes(blocks, nodes, spacing, variogram, own),
        variogram,
        epsilon,
        smallest,
        largest,
        raised,
        float(moving.mean()),
    )


def _raised(variogram: Variogram) -> tuple[Variogram, float]:
    """Return a variogram that is, on average, not below that of the map far out, and by how much it was raised.

    Where the noise has no sill within the map (a tilt that is no plane, what is left of a source), a model with one
    would state too little.
    """
    empirical = variogram.empirical
    if empirical is None:
        return variogram, 1.0
    far = empirical.distance > min(variogram.range / 3, empirical.distance[-1] / 2)
    ratio = empirical.semivariance[far] / variogram.semivariance(empirical.distance[far])
    factor = max(1.0, float(ratio.mean()))
    return replace(variogram, nugget=variogram.nugget * factor, sill=variogram.sill * factor), factor


def _unfit(count: int, epsilon: float, facts: ProductFacts) -> NoDataError:
    problem = f"The displacement of {facts.name} cannot be cut into nodes."
    if count:
        return NoDataError(
            problem,
            f"With an epsilon of {epsilon:g} m there are {count} of them, whose covariance nobody can invert.",
            f"Choose a larger --quadtree-epsilon or larger nodes; up to {_MOST} are made.",
        )
    return NoDataError(
        problem,
        f"No node has values in {1 - facts.subsampling.empty:.0%} of its cells.",
        "Allow more empty cells: --quadtree-empty 0.9",
    )


def _table(sample: Subsample, grid: Grid) -> str:
    """Return the points as CSV: one line a node, by rows of the map."""
    east, north = (grid.posting * metres for metres in grid.metres_per_unit)
    columns = (
        *sample.lonlat.T,
        sample.nodes.value,
        sample.sigma,
        *sample.direction.T,
        weights_of(sample.covariance),
        sample.nodes.size * math.sqrt(east * north),
        sample.nodes.cells,
        sample.nodes.spread,
    )
    forms = (".7f", ".7f", ".6e", ".4e", ".7f", ".7f", ".7f", ".5e", ".1f", ".0f", ".3e")
    lines = (
        ",".join(format(value, form) for value, form in zip(row, forms, strict=True))
        for row in zip(*columns, strict=True)
    )
    return "\n".join([",".join(_COLUMNS), *lines]) + "\n"


def _curve(variogram: Variogram) -> NoiseCurve:
    empirical = variogram.empirical
    distance, semivariance = (empirical.distance, empirical.semivariance) if empirical else (np.empty(0),) * 2
    far = np.linspace(0, distance.max(initial=variogram.range), 200)[1:]
    text = f"{variogram.model}, range {variogram.range / 1e3:.1f} km"
    return NoiseCurve(distance, semivariance, far, variogram.semivariance(far), text)


def _record(sample: Subsample, facts: ProductFacts) -> dict[str, Any]:
    """Return what the points are and how they were made."""
    nodes, wish = sample.nodes, facts.subsampling
    cell = facts.grid.posting * math.sqrt(math.prod(facts.grid.metres_per_unit))
    known = int(nodes.cells.sum())
    empirical = sample.variogram.empirical
    first, second = facts.dates
    return {
        "pair": facts.name,
        "dates": [first.isoformat(), second.isoformat()],
        "wavelength_m": facts.wavelength,
        "reference_point": facts.reference_point,
        "quadtree": {
            "nodes": len(nodes),
            "cells": known,
            "epsilon_m": sample.epsilon,
            "epsilon_asked_for": wish.epsilon is not None,
            "smallest_m": sample.smallest * cell,
            "largest_m": sample.largest * cell,
            "empty_allowed": wish.empty,
            "rms_in_nodes_m": math.sqrt(float((nodes.spread**2 * nodes.cells).sum()) / known),
        },
        "noise": {
            **sample.variogram.as_record(),
            "raised_by": sample.raised,
            "left_out": wish.moving_text or "what departs from the plane of the rest by more than its scatter",
            "share_left_out": sample.moving,
            "empirical": {
                "distance_m": empirical.distance.tolist(),
                "semivariance_m2": empirical.semivariance.tolist(),
                "pairs": empirical.pairs.tolist(),
            }
            if empirical
            else None,
        },
        "columns": {name: text for name, text in _COLUMNS.items() if text},
        "covariance": f"{COVARIANCE}: m2, rows and columns as the lines of {TABLE}; numpy.load reads it",
        "solve_for": "a constant beside the source, since displacement is relative; a plane where orbits may tilt "
        "the map",
        "model": "mean over the node: at its centre or, more exactly, of four points size_m / (2 sqrt 3) east and "
        "west, north and south of it",
    }
