"""The picture of triangles that close worst: their closure as the maps come, and after the repair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.floating[Any]]

_DPI: Final = 130
_WIDTH: Final = 3.6  # inches of a map
_GAP: Final = 0.2  # inches, as the two that follow
_TITLE: Final = 0.35
_BAR: Final = 1.3
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
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = maps[0].before.shape
    height = min(max(_WIDTH * rows * ratio / columns, _HEIGHTS[0]), _HEIGHTS[1])
    size = (2 * (_WIDTH + _GAP) + _BAR, (height + _TITLE) * len(maps) + _GAP)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    colours = mpl.colormaps["RdBu_r"].with_extremes(bad="0.85")

    def place(left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes at a place in inches; a layout that measures all text would take seconds."""
        return figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))

    for number, one in enumerate(reversed(maps)):
        limit, bottom = _limit(one), _GAP + number * (height + _TITLE)
        for column, (values, when) in enumerate(((one.before, "before"), (one.after, "after repair"))):
            axes = place(_GAP + column * (_WIDTH + _GAP), bottom, _WIDTH, height)
            image = axes.imshow(
                values, cmap=colours, vmin=-limit, vmax=limit, aspect=ratio, interpolation="nearest"
            )
            axes.set_axis_off()
            axes.set_anchor("NW")
            axes.set_title(f"{one.name}, {when}", fontsize=8, loc="left")
        bar = figure.colorbar(image, cax=place(2 * (_WIDTH + _GAP) + _GAP, bottom, 0.15, min(height, _WIDTH)))
        bar.set_label("closure (rad)", fontsize=8)
        cycles = round(limit / (2 * math.pi)) if limit > math.pi else 0
        if cycles:
            told = range(-cycles, cycles + 1, max(1, cycles // 3))
            bar.set_ticks([2 * math.pi * whole for whole in told])
            bar.set_ticklabels([f"{whole:+d} cycle{'s' * (abs(whole) > 1)}" if whole else "0" for whole in told])
            bar.set_label("closure")
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
