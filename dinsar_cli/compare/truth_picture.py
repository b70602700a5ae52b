"""The picture of a comparison: residual on the map, and result over truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dinsar_cli.base.files import atomic_path
from dinsar_cli.compare.truth import Comparison
from dinsar_cli.drawing.png import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_PIXELS = 1500
_DPI = 160
_LEAST_RESIDUAL = 0.01  # mm: end of the colour scale
_LEAST_MARGIN = 0.01  # cm: beside the points of the scatter plot


def comparison_picture(path: Path, comparison: Comparison, title: str) -> None:
    """Draw the residual as a map beside a scatter plot of result over truth, as PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    comparison : Comparison
        What to draw.
    title : str
        Above both.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    _draw_residual(left, comparison)
    _draw_scatter(right, comparison)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _draw_residual(axes: Axes, comparison: Comparison) -> None:
    step = max(1, math.ceil(max(comparison.residual.shape) / _MAX_PIXELS))
    residual = comparison.residual[::step, ::step] * 1e3
    known = np.abs(comparison.residual[np.isfinite(comparison.residual)]) * 1e3
    a = comparison.transform
    rows, columns = comparison.residual.shape
    extent = (a.c, a.c + columns * a.a, a.f + rows * a.e, a.f)
    limit = max(float(np.percentile(known, 99.5)), _LEAST_RESIDUAL)
    axes.set_facecolor("0.85")
    image = axes.imshow(residual, extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    if comparison.crs == "EPSG:4326":
        axes.set_aspect(1 / math.cos(math.radians((extent[2] + extent[3]) / 2)))
        axes.set_xlabel("longitude (°)")
        axes.set_ylabel("latitude (°)")
    axes.tick_params(axis="x", labelrotation=30)
    axes.set_title("Result minus truth, median removed", loc="left", fontsize="medium")
    bar = axes.figure.colorbar(image, ax=axes, extend="both", shrink=0.8)
    bar.set_label("residual (mm)")


def _draw_scatter(axes: Axes, comparison: Comparison) -> None:
    from matplotlib.colors import LogNorm

    statistics = comparison.statistics
    known = np.isfinite(comparison.residual)
    truth = comparison.truth[known] * 1e2
    result = (comparison.result[known] - statistics.bias) * 1e2
    low, high = float(min(truth.min(), result.min())), float(max(truth.max(), result.max()))
    margin = max(0.03 * (high - low), _LEAST_MARGIN)
    bounds = (low - margin, high + margin)
    counts, x, y = np.histogram2d(truth, result, bins=250, range=(bounds, bounds))
    shown = np.where(counts > 0, counts, np.nan).T
    top = max(2.0, float(np.nanmax(shown)))
    mesh = axes.pcolormesh(x, y, shown, norm=LogNorm(1, top), cmap="viridis", rasterized=True)
    axes.plot(bounds, bounds, color="0.3", linewidth=0.8, label="result = truth")
    axes.set_aspect("equal")
    axes.set_xlabel("true displacement (cm)")
    axes.set_ylabel("result, median removed (cm)")
    axes.set_title("Positive toward the satellite", loc="left", fontsize="medium")
    gain = "no motion" if statistics.gain is None else f"gain {statistics.gain:.4f}, sign {statistics.sign}"
    text = (
        f"RMSE {statistics.rmse * 1e3:.3f} mm\n99 % below {statistics.p99 * 1e3:.2f} mm\n{gain}\n"
        f"coverage {statistics.coverage:.1%}\n{statistics.pixels:,} pixels"
    )
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", bbox={"fc": "white", "ec": "0.8"})
    axes.legend(loc="lower right", frameon=False)
    axes.figure.colorbar(mesh, ax=axes, shrink=0.8, label="pixels")
