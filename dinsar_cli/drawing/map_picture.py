"""The map of a run as a picture: displacement beside coherence, with what is needed to read them.

Drawn with Matplotlib's object interface alone, so nothing global changes and no display is needed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure
from dinsar_cli.geo.crs import is_code, is_utm
from dinsar_cli.geo.grid import Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Floats: TypeAlias = NDArray[np.floating[Any]]

Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, width and height in inches."""

_DPI = 200
_MAX_PIXELS = 2000
_NO_DATA_COLOUR = "0.85"
_LOOK_COLOUR = "#c45a00"

# Sizes in inches.
_LEFT, _RIGHT, _BOTTOM = 0.75, 0.2, 0.55
_BAR_GAP, _BAR_WIDTH, _BAR_LABELS = 0.1, 0.14, 0.85
_PANEL_TITLE, _KEY_WIDTH, _KEY_HEIGHT = 0.3, 1.75, 4.35
_BESIDE_MAX, _BESIDE_MIN_WIDTH = (4.2, 6.0), 1.6
_STACKED_WIDTH, _STACKED_MIN_HEIGHT = 7.0, 2.1

_REFERENCE_MARKER: Mapping[str, Any] = {"marker": "s", "ms": 6.5, "mfc": "black", "mec": "white", "mew": 1.2}


@dataclass(frozen=True)
class _Image:
    """What one panel shows: values with their unit, and colours with their limits."""

    values: NDArray[np.float32]
    title: str
    bar_label: str
    colours: str
    limits: tuple[float, float]
    extend: Literal["neither", "min", "max", "both"]


@dataclass(frozen=True)
class _Layout:
    """Size of the figure and places of its parts, in inches."""

    width: float
    height: float
    panels: tuple[Rectangle, Rectangle]
    key: Rectangle
    beside: bool
    title: tuple[str, ...]
    subtitle: tuple[str, ...]


def displacement_map(
    path: Path,
    los: Floats,
    coherence: Floats,
    grid: Grid,
    *,
    title: str,
    subtitle: str,
    los_vector_mean: tuple[float, float, float] | None,
    reference_point: tuple[float, float] | None,
    dates: tuple[date, date],
) -> None:
    """Draw line-of-sight displacement beside coherence into a PNG.

    The same arguments give the same bytes. Large maps are averaged down to 2000 pixels first.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    los : ndarray
        Displacement in metres, positive toward the satellite, shape of the grid; NaN where there is none.
    coherence : ndarray
        0 to 1, shape of the grid; NaN where there is none.
    grid : Grid
        The map grid.
    title, subtitle : str
        Above the maps.
    los_vector_mean : tuple of float or None
        East, north, up of the mean unit vector from the ground to the satellite. The flight direction is drawn
        for a satellite that looks to the right, as Sentinel-1 does.
    reference_point : tuple of float or None
        Longitude and latitude of the point to which displacement is relative.
    dates : tuple of date
        Reference and secondary acquisition.

    Raises
    ------
    ValueError
        If an array does not have the shape of the grid.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for name, values in (("los", los), ("coherence", coherence)):
        if values.shape != grid.shape:
            raise ValueError(f"{name} must have the shape of the grid, {grid.shape}, not {values.shape}")
    layout = _layout(grid.aspect, title, subtitle)
    figure = Figure(figsize=(layout.width, layout.height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _write_titles(figure, layout)

    factor = _block_size(grid)
    images = (
        _displacement_image(_block_means(los, factor)),
        _Image(_block_means(coherence, factor), "Coherence", "coherence", "viridis", (0.0, 1.0), "neither"),
    )
    point = None if reference_point is None else grid.from_lonlat(*reference_point)
    for number, (image, cell) in enumerate(zip(images, layout.panels, strict=True)):
        axes = _panel(figure, layout, cell, image, grid)
        _graticule(axes, grid, cell, left_labels=number == 0 or not layout.beside)
        if point is not None:
            axes.plot(*point, zorder=5, **_REFERENCE_MARKER)
        if number == 0:
            _scale_bar(axes, grid)
    _key(figure, layout, los_vector_mean, grid.true_north, reference_point, dates)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _layout(aspect: float, title: str, subtitle: str) -> _Layout:
    """Place the parts for a map of a height-to-width ratio: panels side by side, or stacked if it is wide."""
    beside = aspect >= 0.75
    if beside:
        height = min(_BESIDE_MAX[1], _BESIDE_MAX[0] * aspect)
        width = max(_BESIDE_MIN_WIDTH, height / aspect)
    else:
        width = _STACKED_WIDTH
        height = max(_STACKED_MIN_HEIGHT, width * aspect)
    bar = _BAR_GAP + _BAR_WIDTH + _BAR_LABELS
    step_x, step_y = (width + bar + 0.1, 0.0) if beside else (0.0, height + _PANEL_TITLE + 0.55)
    maps_height = height + step_y
    spare = max(0.0, _KEY_HEIGHT - _PANEL_TITLE - maps_height)
    bottom = _BOTTOM + spare / 2
    key_left = _LEFT + step_x + width + bar + 0.2
    figure_width = key_left + _KEY_WIDTH + _RIGHT
    title_lines = tuple(textwrap.wrap(title, max(20, int(figure_width * 9))))
    subtitle_lines = tuple(textwrap.wrap(subtitle, max(20, int(figure_width * 13))))
    maps_top = _BOTTOM + spare + maps_height + _PANEL_TITLE
    return _Layout(
        width=figure_width,
        height=maps_top + 0.35 + 0.24 * len(title_lines) + 0.19 * len(subtitle_lines),
        panels=((_LEFT, bottom + step_y, width, height), (_LEFT + step_x, bottom, width, height)),
        key=(key_left, maps_top - _KEY_HEIGHT, _KEY_WIDTH, _KEY_HEIGHT),
        beside=beside,
        title=title_lines,
        subtitle=subtitle_lines,
    )


def _write_titles(figure: Figure, layout: _Layout) -> None:
    top = layout.height - 0.28
    lines = [(line, 12.0, "bold", "black", 0.24) for line in layout.title]
    lines += [(line, 9.0, "normal", "0.35", 0.19) for line in layout.subtitle]
    for text, size, weight, colour, advance in lines:
        place = _LEFT / layout.width, top / layout.height
        figure.text(*place, text, fontsize=size, fontweight=weight, color=colour, parse_math=False)
        top -= advance


def _axes(figure: Figure, layout: _Layout, place: Rectangle, **options: Any) -> Axes:
    left, bottom, width, height = place
    size = layout.width, layout.height
    return figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]), **options)


def _panel(figure: Figure, layout: _Layout, cell: Rectangle, image: _Image, grid: Grid) -> Axes:
    """Draw one map with its colour bar, in its true proportions."""
    axes = _axes(figure, layout, cell, facecolor=_NO_DATA_COLOUR)
    axes.set_title(image.title, fontsize=9.5, loc="left", pad=5)
    west, south, east, north = grid.bounds
    # Blocks at the eastern and southern edge may reach beyond the map; they keep their full size.
    step = grid.posting * _block_size(grid)
    rows, columns = image.values.shape
    extent = west, west + columns * step, north - rows * step, north
    drawn = axes.imshow(
        image.values, cmap=image.colours, extent=extent, interpolation="antialiased", origin="upper"
    )
    drawn.set_clim(*image.limits)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    metres_x, metres_y = grid.metres_per_unit
    axes.set_aspect(metres_y / metres_x, adjustable="box", anchor="C")
    if np.isfinite(image.values).any():
        _colour_bar(figure, layout, cell, image, drawn)
    else:
        centre: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, "no data", color="0.35", fontsize=11, **centre)
    return axes


def _colour_bar(figure: Figure, layout: _Layout, cell: Rectangle, image: _Image, drawn: AxesImage) -> None:
    left, bottom, width, height = cell
    length = min(height, 3.6)
    place = (left + width + _BAR_GAP, bottom + (height - length) / 2, _BAR_WIDTH, length)
    bar = figure.colorbar(drawn, cax=_axes(figure, layout, place), extend=image.extend)
    bar.set_label(image.bar_label, fontsize=8.5)
    bar.ax.tick_params(labelsize=8, width=0.6, length=3)
    bar.outline.set_linewidth(0.6)


def _graticule(axes: Axes, grid: Grid, cell: Rectangle, *, left_labels: bool) -> None:
    """Draw ticks and thin lines of longitude and latitude, or of UTM metres."""
    west, south, east, north = grid.bounds
    label_width = 0.75 if grid.is_geographic else 0.85
    width = min(cell[2], cell[3] / grid.aspect)
    height = min(cell[3], cell[2] * grid.aspect)
    x_ticks = _round_values(west, east, max(1, int(width / label_width)))
    y_ticks = _round_values(south, north, max(1, int(height / 0.8)))
    x_names, y_names = ("EW", "NS") if grid.is_geographic else ("", "")
    axes.set_xticks(x_ticks, _tick_labels(x_ticks, x_names))
    axes.set_yticks(y_ticks, _tick_labels(y_ticks, y_names), rotation=90, va="center")
    axes.tick_params(labelsize=8, width=0.6, length=3, top=True, right=True, labelleft=left_labels)
    axes.grid(visible=True, color="black", alpha=0.18, linewidth=0.4)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
    if not grid.is_geographic:
        axes.set_xlabel(f"{_system(grid.crs)} easting (m)".strip(), fontsize=8)
        if left_labels:
            axes.set_ylabel("northing (m)", fontsize=8)


def _system(crs: str) -> str:
    """Return a short name: UTM 29N, or a code; empty where there is none."""
    if is_utm(crs):
        return f"UTM {crs[-2:]}{'N' if crs.startswith('EPSG:326') else 'S'}"
    return crs if is_code(crs) else ""


def _scale_bar(axes: Axes, grid: Grid) -> None:
    """Draw a bar of a round number of kilometres, at most 40 % of the width, in the lower left corner."""
    from matplotlib.patheffects import withStroke

    west, _, east, _ = grid.bounds
    metres, _ = grid.metres_per_unit
    longest = 0.4 * (east - west) * metres
    decade = 10.0 ** math.floor(math.log10(longest))
    length_m = max(step * decade for step in (1, 2, 5) if step == 1 or step * decade <= longest)
    start = west + 0.06 * (east - west)
    halo = withStroke(linewidth=3.0, foreground="white")
    low = axes.get_xaxis_transform()
    ends = [start, start + length_m / metres]
    axes.plot(ends, [0.035] * 2, color="black", lw=2.2, transform=low, path_effects=[halo], solid_capstyle="butt")
    where = sum(ends) / 2, 0.035
    style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom", "path_effects": [halo]}
    axes.annotate(f"{length_m / 1000:g} km", where, (0, 3.5), xycoords=low, fontsize=8, **style)


def _key(
    figure: Figure,
    layout: _Layout,
    los: tuple[float, float, float] | None,
    true_north: float,
    reference_point: tuple[float, float] | None,
    dates: tuple[date, date],
) -> None:
    """Write beside the maps what their signs mean; positions are inches from the lower left corner of the key."""
    axes = _axes(figure, layout, layout.key)
    axes.set_xlim(0, layout.key[2])
    axes.set_ylim(0, layout.key[3])
    axes.axis("off")
    top = layout.key[3] - 0.1
    days = (dates[1] - dates[0]).days
    lines = (f"reference {dates[0]:%Y-%m-%d}", f"secondary {dates[1]:%Y-%m-%d}", f"{days} days apart")
    top = _key_lines(axes, top, ["Acquisitions"], weight="bold")
    top = _key_lines(axes, top, lines) - 0.19
    if los is not None and math.hypot(los[0], los[1]) > 1e-6:
        _viewing_geometry(axes, top, los, true_north)
        top -= 2.4
    axes.plot(0.09, top, marker="s", ms=9, mfc=_NO_DATA_COLOUR, mec="0.5", mew=0.5)
    _key_lines(axes, top, ["no data"], left=0.3)
    if reference_point is not None:
        lon, lat = reference_point
        axes.plot(0.09, top - 0.27, **_REFERENCE_MARKER)
        where = f"{_degrees(lat, 3, 'NS')} {_degrees(lon, 3, 'EW')}"
        _key_lines(axes, top - 0.27, ["reference point", where], left=0.3)


def _key_lines(axes: Axes, top: float, lines: Sequence[str], left: float = 0.0, weight: str = "normal") -> float:
    """Write lines of text, and return the height of the next one."""
    for number, line in enumerate(lines):
        axes.text(left, top - 0.19 * number, line, fontsize=8, fontweight=weight, va="center")
    return top - 0.19 * len(lines)


def _viewing_geometry(axes: Axes, top: float, los: tuple[float, float, float], true_north: float) -> None:
    """Draw a compass with the directions of flight and look, for a satellite that looks to its right.

    It lies as the map does, where true north is so many degrees clockwise from up; numbers are from true north.
    """
    from matplotlib.patches import Circle, FancyArrowPatch

    east, north, up = los
    horizontal = math.hypot(east, north)
    look = (-east / horizontal, -north / horizontal)
    flight = (-look[1], look[0])  # a quarter turn to the left of the look direction
    incidence = math.degrees(math.atan2(horizontal, up))
    _key_lines(axes, top, ["Viewing geometry"], weight="bold")
    x, y, radius = 0.72, top - 0.84, 0.52
    axes.add_patch(Circle((x, y), radius, facecolor="none", edgecolor="0.75", linewidth=0.7))
    sine, cosine = math.sin(math.radians(true_north)), math.cos(math.radians(true_north))
    mark = (radius - 0.05, radius + 0.03)
    axes.plot([x + end * sine for end in mark], [y + end * cosine for end in mark], color="0.5", lw=0.8)
    letter = radius + 0.11
    axes.text(x + letter * sine, y + letter * cosine, "N", fontsize=7.5, color="0.4", ha="center", va="center")
    style: dict[str, Any] = {"arrowstyle": "-|>", "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    line = y - radius - 0.2
    arrows = (("black", "flight", flight, -radius), (_LOOK_COLOUR, "look", look, 0.0))
    for colour, name, (east, north), start in arrows:
        dx, dy = east * cosine + north * sine, north * cosine - east * sine
        tail, tip = (x + start * dx, y + start * dy), (x + radius * dx, y + radius * dy)
        axes.add_patch(FancyArrowPatch(tail, tip, color=colour, mutation_scale=11, **style))
        axes.add_patch(FancyArrowPatch((0, line), (0.24, line), color=colour, mutation_scale=8, **style))
        azimuth = math.degrees(math.atan2(east, north)) % 360
        line = _key_lines(axes, line, [f"{name} direction {azimuth:.0f}°"], left=0.3)
    _key_lines(axes, line, ["satellite to ground", f"mean incidence {incidence:.1f}°"], left=0.3)


def _block_size(grid: Grid) -> int:
    """Return the side of the blocks that are averaged into one pixel of the picture."""
    return max(1, math.ceil(max(grid.shape) / _MAX_PIXELS))


def _block_means(values: Floats, factor: int) -> NDArray[np.float32]:
    """Return the means of the finite values of blocks of ``factor x factor`` pixels, NaN where there are none."""
    shape = tuple(math.ceil(size / factor) for size in values.shape)
    total = np.zeros(shape)
    count = np.zeros(shape, dtype=np.int32)
    for row in range(min(factor, values.shape[0])):
        for column in range(min(factor, values.shape[1])):
            part = values[row::factor, column::factor]
            finite = np.isfinite(part)
            total[: part.shape[0], : part.shape[1]] += np.where(finite, part, 0)
            count[: part.shape[0], : part.shape[1]] += finite
    means = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return means.astype(np.float32)


def _displacement_image(los: NDArray[np.float32]) -> _Image:
    """Choose millimetres or centimetres, and symmetric limits that leave out the largest half per cent."""
    finite = los[np.isfinite(los)].astype(np.float64)
    largest = float(np.percentile(np.abs(finite), 99.5)) if finite.size else 0.0
    unit, factor = ("cm", 100.0) if largest >= 0.02 else ("mm", 1000.0)
    # Two digits, rounded up; not less than a millimetre, below which there is nothing to see.
    largest = max(largest * factor, 1.0)
    digit = 10.0 ** (math.floor(math.log10(largest)) - 1)
    limit = math.ceil(largest / digit - 1e-6) * digit
    low, high = (bool((side * finite * factor > limit * (1 + 1e-6)).any()) for side in (-1, 1))
    return _Image(
        values=los * np.float32(factor),
        title="Line-of-sight displacement",
        bar_label=f"LOS displacement ({unit})\npositive toward the satellite",
        colours="RdBu_r",
        limits=(-limit, limit),
        extend="both" if low and high else "min" if low else "max" if high else "neither",
    )


def _round_values(low: float, high: float, most: int) -> list[float]:
    """Return about `most` round numbers within an interval, not so near its ends that their labels stick out."""
    from matplotlib.ticker import MaxNLocator

    margin = 0.04 * (high - low)
    for intervals in range(most, most + 4):
        locator = MaxNLocator(nbins=intervals, steps=[1, 2, 5, 10], min_n_ticks=1)
        ticks = locator.tick_values(low, high)
        values = [float(value) for value in ticks if low + margin <= value <= high - margin]
        if len(values) >= min(2, most):
            break
    return values if most > 1 else values[len(values) // 2 :][:1]


def _tick_labels(values: Sequence[float], names: str) -> list[str]:
    """Name map coordinates with the decimals that tell them apart: degrees with their hemisphere, or metres."""
    if not names:
        return [f"{value:,.0f}".replace(",", "\u2009") for value in values]
    step = min((second - first for first, second in pairwise(values)), default=0.001)
    decimals = max(0, -math.floor(math.log10(step) + 1e-6))
    return [_degrees(value, decimals, names) for value in values]


def _degrees(value: float, decimals: int, names: str) -> str:
    text = f"{abs(value):.{decimals}f}"
    name = "" if float(text) == 0 else names[0] if value > 0 else names[1]
    return f"{text}°{name}"
