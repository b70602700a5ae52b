"""The picture of a decomposition: east beside up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.compare.motion.decompose import Decomposition
from dinsar_cli.compare.motion.east_north_up import EastNorthUp
from dinsar_cli.config.model import LonLat
from dinsar_cli.drawing.png import save_figure
from dinsar_cli.geo.grid import Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats: TypeAlias = NDArray[np.floating[Any]]

_MAX_PIXELS = 1500
_DPI = 160
_LEAST_LIMIT = 0.1  # cm: end of the colour scale


def decomposition_picture(path: Path, found: Decomposition) -> None:
    """Draw east and up displacement, and how sure both are, as PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    found : Decomposition
        What to draw.
    """
    motion = found.motion
    parts = {
        "East": ("cm east", motion.east, motion.east_sigma),
        "Vertical": ("cm upward", motion.up, motion.up_sigma),
    }
    if isinstance(motion, EastNorthUp):
        parts["North"] = ("cm north", motion.north, motion.north_sigma)
    rows = [[(f"{name} displacement", unit, values) for name, (unit, values, _) in parts.items()]]
    errors = [
        (f"Error of {name.lower()}", "mm", sigma) for name, (_, _, sigma) in parts.items() if sigma is not None
    ]
    if len(errors) == len(parts):
        rows.append(errors)
    draw_panels(path, found.grid, rows, _title(found), found.reference)


def draw_panels(
    path: Path,
    grid: Grid,
    rows: Sequence[Sequence[tuple[str, str, Floats]]],
    title: str,
    reference: LonLat | None = None,
) -> None:
    """Draw maps in metres beside each other as PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    rows : sequence of sequence of (str, str, ndarray)
        Title, unit and values (m): those with a unit that begins with cm have a sign, others are in mm.
    reference : LonLat, optional
        Place to mark by a square.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = len(rows[0])
    figure = Figure(figsize=(5.5 * across, 0.9 + 4.6 * len(rows)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    panels = figure.subplots(len(rows), across, squeeze=False, sharex=True, sharey=True)
    for axes_of_row, row in zip(panels, rows, strict=True):
        for axes, (name, unit, values) in zip(axes_of_row, row, strict=True):
            _draw(axes, grid, values, name, unit)
    for axes in panels[0]:
        if reference is None:
            break
        x, y = grid.from_lonlat(reference.lon, reference.lat)
        axes.plot(x, y, marker="s", ms=6.5, mfc="black", mec="white", mew=1.2)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _title(found: Decomposition) -> str:
    lines = []
    for name, look in (("ascending", found.ascending), ("descending", found.descending)):
        dates = "dates unknown" if look.map.dates is None else " to ".join(look.map.dates)
        lines.append(f"{name} {look.map.name}: {dates}".replace("$", r"\$"))
    north = "Motion along the track is in it." if found.along else "No motion to the north assumed."
    lines.append(f"{north} Black square: reference of both.")
    return "\n".join(lines)


def _draw(axes: Axes, grid: Grid, values: Floats, title: str, unit: str) -> None:
    step = max(1, math.ceil(max(values.shape) / _MAX_PIXELS))
    signed = unit.startswith("cm")
    factor = 1e2 if signed else 1e3
    known = values[np.isfinite(values)] * factor
    limit = max(float(np.percentile(np.abs(known), 99.5)) if known.size else 0.0, _LEAST_LIMIT)
    west, south, east, north = grid.bounds
    axes.set_facecolor("0.85")
    image = axes.imshow(
        values[::step, ::step] * factor,
        extent=(west, east, south, north),
        cmap="RdBu_r" if signed else "viridis",
        vmin=-limit if signed else 0.0,
        vmax=limit,
        interpolation="nearest",
    )
    metres_x, metres_y = grid.metres_per_unit
    axes.set_aspect(metres_y / metres_x)
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.locator_params(nbins=5)
    axes.tick_params(axis="x", labelrotation=30)
    axes.set_title(title, loc="left", fontsize="medium")
    axes.figure.colorbar(image, ax=axes, extend="both" if signed else "max", shrink=0.8).set_label(unit)
