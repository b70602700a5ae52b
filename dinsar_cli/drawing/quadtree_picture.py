"""The picture of a quadtree: the map, its nodes, and how the noise of the map grows with distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.drawing.png import figure_bytes
from dinsar_cli.geo.grid import Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats: TypeAlias = NDArray[np.floating[Any]]

_DPI: Final = 150
_MOST_PIXELS: Final = 900
_COLOURS: Final = "RdBu_r"
_CENTIMETRES_FROM: Final = 0.02  # m, as in the picture of the map
_ASPECTS: Final = (0.6, 2.0)


@dataclass(frozen=True)
class NoiseCurve:
    """Semivariance by distance: as it is in the map, and as the model has it.

    Attributes
    ----------
    distance, semivariance : ndarray
        Of the map; metres, square metres.
    model_distance, model : ndarray
        Of the model.
    text : str
        What the model is.
    """

    distance: Floats
    semivariance: Floats
    model_distance: Floats
    model: Floats
    text: str


def quadtree_picture(
    los: Floats,
    grid: Grid,
    squares: NDArray[np.int64],
    values: Floats,
    noise: NoiseCurve,
    *,
    title: str,
) -> bytes:
    """Draw map, nodes and noise side by side, and return the PNG.

    Parameters
    ----------
    los : ndarray, shape of the grid
        Displacement, metres.
    grid : Grid
        Of the map.
    squares : ndarray, shape (3, nodes)
        First row and column of each node, and its cells along a side.
    values : ndarray, shape (nodes,)
        Displacement of the nodes, metres.
    noise : NoiseCurve
        What the covariance is made of.
    title : str
        Above all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    limit = float(np.abs(values).max()) or 1e-3
    unit, factor = ("cm", 100.0) if limit >= _CENTIMETRES_FROM else ("mm", 1000.0)
    height = 4.3 * min(max(grid.aspect, _ASPECTS[0]), _ASPECTS[1]) ** 0.5
    figure = Figure(figsize=(13, height), dpi=_DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", parse_math=False)
    whole, cut, curve = figure.subplots(1, 3)
    scale = ScalarMappable(Normalize(-limit * factor, limit * factor), _COLOURS)
    step = max(1, math.ceil(max(grid.shape) / _MOST_PIXELS))
    _draw_map(whole, los[::step, ::step] * factor, grid, scale)
    whole.set_title("Displacement", loc="left", fontsize="medium")
    _draw_nodes(cut, squares, values * factor, grid, scale)
    cut.set_title(f"{values.size} nodes", loc="left", fontsize="medium")
    bar = figure.colorbar(scale, ax=(whole, cut), shrink=0.8, extend="both")
    bar.set_label(f"line of sight, positive toward the satellite ({unit})")
    _draw_noise(curve, noise)
    return figure_bytes(figure)


def _draw_map(axes: Axes, values: Floats, grid: Grid, scale: Any) -> None:
    west, south, east, north = grid.bounds
    axes.set_facecolor("0.85")
    axes.imshow(
        values, extent=(west, east, south, north), cmap=scale.cmap, norm=scale.norm, interpolation="nearest"
    )
    _dress(axes, grid)


def _draw_nodes(axes: Axes, squares: NDArray[np.int64], values: Floats, grid: Grid, scale: Any) -> None:
    from matplotlib.collections import PolyCollection

    row, column, size = squares
    left, top = grid.west + column * grid.posting, grid.north - row * grid.posting
    right, low = left + size * grid.posting, top - size * grid.posting
    corners = np.stack([np.stack(pair, -1) for pair in ((left, top), (right, top), (right, low), (left, low))], 1)
    axes.set_facecolor("0.85")
    axes.add_collection(
        PolyCollection(list(corners), facecolors=scale.to_rgba(values), edgecolors="0.25", linewidths=0.25)
    )
    west, south, east, north = grid.bounds
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    _dress(axes, grid)


def _dress(axes: Axes, grid: Grid) -> None:
    metres_x, metres_y = grid.metres_per_unit
    axes.set_aspect(metres_y / metres_x)
    axes.tick_params(labelsize="small")
    axes.tick_params(axis="x", labelrotation=30)
    if grid.is_geographic:
        axes.set_xlabel("longitude (°)")
        axes.set_ylabel("latitude (°)")


def _draw_noise(axes: Axes, noise: NoiseCurve) -> None:
    axes.plot(
        noise.distance / 1e3, noise.semivariance * 1e6, "o", ms=4, color="black", label="map, where it is still"
    )
    axes.plot(noise.model_distance / 1e3, noise.model * 1e6, color="#0072b2", label=noise.text)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distance (km)")
    axes.set_ylabel("semivariance (mm²)")
    axes.set_title("Noise", loc="left", fontsize="medium")
    axes.legend(loc="lower right", frameon=False, fontsize="small")
