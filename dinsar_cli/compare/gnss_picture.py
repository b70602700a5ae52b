"""The picture of a comparison with GNSS: stations on the map, and InSAR over GNSS."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinsar_cli.base.files import atomic_path
from dinsar_cli.compare.gnss import GnssComparison
from dinsar_cli.drawing.png import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MAX_PIXELS = 1500
_DPI = 160
_LEAST = 0.1  # mm: end of a scale, and margin of an axis


def gnss_picture(path: Path, found: GnssComparison, title: str) -> None:
    """Draw the stations on the map, filled with the GNSS value, beside a scatter plot, as PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    found : GnssComparison
        What to draw.
    title : str
        Above both.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", parse_math=False)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_map(left, found)
    _draw_scatter(right, found)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _draw_map(axes: Axes, found: GnssComparison) -> None:
    """Map and stations with one colour scale; the map is shifted to the reference of the stations."""
    from matplotlib.patheffects import withStroke

    grid, los = found.map.grid, found.map.los
    step = max(1, math.ceil(max(los.shape) / _MAX_PIXELS))
    shift = found.zero
    shown = (los[::step, ::step] - shift) * 1e3
    gnss = [(one.gnss or 0.0) * 1e3 for one in found.used]
    known = np.abs(shown[np.isfinite(shown)])
    limit = max([float(np.percentile(known, 99.5)) if known.size else 0.0, *map(abs, gnss), _LEAST])
    west, south, east, north = grid.bounds
    axes.set_facecolor("0.85")
    style: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    image = axes.imshow(shown, extent=(west, east, south, north), interpolation="nearest", **style)
    places = [grid.from_lonlat(*place) for one in found.used if (place := one.place)]
    xs, ys = zip(*places, strict=True)
    axes.scatter(xs, ys, c=gnss, s=55, edgecolors="black", linewidths=0.9, zorder=3, **style)
    label: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "parse_math": False}
    label["path_effects"] = [withStroke(linewidth=2.5, foreground="white")]
    for (x, y), one in zip(places, found.used, strict=True):
        axes.annotate(one.station, (x, y), (5, 5), **label)
    empty = [grid.from_lonlat(*place) for one in found.stations if one not in found.used and (place := one.place)]
    inside = [(x, y) for x, y in empty if west <= x <= east and south <= y <= north]
    if inside:
        axes.plot(*zip(*inside, strict=True), linestyle="none", marker="x", color="black", ms=7, zorder=3)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    metres_x, metres_y = grid.metres_per_unit
    axes.set_aspect(metres_y / metres_x)
    axes.tick_params(axis="x", labelrotation=30)
    axes.set_title("Map, and GNSS in the circles", loc="left", fontsize="medium")
    axes.figure.colorbar(image, ax=axes, extend="both", shrink=0.8).set_label("toward the satellite (mm)")


def _draw_scatter(axes: Axes, found: GnssComparison) -> None:
    gnss, insar = ([(value or 0.0) * 1e3 for value in values] for values in _columns(found))
    errors = [
        [0.0 if value is None else value * 1e3 for value in values]
        for values in ([one.gnss_sigma for one in found.used], [one.insar_sigma for one in found.used])
    ]
    low, high = min(*gnss, *insar), max(*gnss, *insar)
    margin = max(0.08 * (high - low), *errors[0], *errors[1], _LEAST)
    bounds = (low - margin, high + margin)
    axes.plot(bounds, bounds, color="0.3", linewidth=0.8, label="InSAR = GNSS")
    axes.errorbar(gnss, insar, xerr=errors[0], yerr=errors[1], fmt="o", ms=5, capsize=2, color="#1f4e79")
    for x, y, one in zip(gnss, insar, found.used, strict=True):
        axes.annotate(one.station, (x, y), (5, -9), textcoords="offset points", fontsize=8, parse_math=False)
    axes.set_xlim(bounds)
    axes.set_ylim(bounds)
    axes.set_aspect("equal")
    axes.set_xlabel("GNSS along the line of sight (mm)")
    axes.set_ylabel("InSAR (mm)")
    zero = "the mean" if found.relative_to == "mean" else found.relative_to
    axes.set_title(f"Relative to {zero}".replace("$", r"\$"), loc="left", fontsize="medium")
    chi = "" if found.chi_square is None else f"\nreduced $\\chi^2$ {found.chi_square:.2f}"
    text = f"RMS {found.rms * 1e3:.2f} mm\n{len(found.used)} stations{chi}"
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", bbox={"fc": "white", "ec": "0.8"})
    axes.legend(loc="lower right", frameon=False)


def _columns(found: GnssComparison) -> tuple[list[float | None], list[float | None]]:
    return [one.gnss for one in found.used], [one.insar for one in found.used]
