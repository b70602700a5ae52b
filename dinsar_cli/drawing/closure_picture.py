"""The picture of triangles that close worst: their closure as the maps come, and after the repair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure

Floats = NDArray[np.floating[Any]]

_DPI: Final = 160
_WIDTH: Final = 4.2  # inches of a map
_HEIGHTS: Final = (1.6, 5.0)
_LEAST: Final = 0.1  # radians: a scale that ends below shows nothing but noise


@dataclass(frozen=True)
class ClosureMaps:
    """The closure of a triangle.

    Attributes
    ----------
    name : str
    before, after : ndarray
        Radians; shape (rows, columns), NaN where there is none.
    """

    name: str
    before: Floats
    after: Floats


def closure_picture(path: Path, maps: Sequence[ClosureMaps], ratio: float) -> None:
    """Draw closures into a PNG, which has its name only when it is complete.

    Parameters
    ----------
    path : Path
    maps : sequence of ClosureMaps
        One or more, of one shape.
    ratio : float
        Height over width of a cell.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows, columns = maps[0].before.shape
    height = min(max(_WIDTH * rows * ratio / columns, _HEIGHTS[0]), _HEIGHTS[1])
    size = (2 * _WIDTH + 0.8, (height + 0.5) * len(maps))
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    figure = Figure(figsize=size, dpi=_DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(maps), 2, squeeze=False)
    for row, one in zip(axes, maps, strict=True):
        limit = _limit(one)
        for place, values, when in zip(row, (one.before, one.after), ("before", "after repair"), strict=True):
            image = place.imshow(
                values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=ratio, interpolation="nearest"
            )
            place.set(xticks=[], yticks=[], facecolor="0.85")
            place.set_title(f"{one.name}, {when}", fontsize=8, loc="left")
        bar = figure.colorbar(image, ax=row, shrink=0.85, pad=0.01)
        bar.set_label("closure (rad)", fontsize=8)
        if limit > math.pi:
            cycles = range(-int(limit / (2 * math.pi)), int(limit / (2 * math.pi)) + 1)
            bar.set_ticks([2 * math.pi * number for number in cycles])
            bar.set_ticklabels(
                [f"{number:+d} cycle{'s' * (abs(number) != 1)}" if number else "0" for number in cycles]
            )
        bar.ax.tick_params(labelsize=8)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _limit(one: ClosureMaps) -> float:
    """Return the end of the scale: whole cycles where there are some, else what nearly all cells have."""
    known = np.abs(one.before[np.isfinite(one.before)])
    if not known.size:
        return _LEAST
    most = float(known.max())
    if most > math.pi:
        return max(1.0, round(most / (2 * math.pi))) * 2 * math.pi
    return max(_LEAST, float(np.percentile(known, 99)))
