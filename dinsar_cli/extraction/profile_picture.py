"""The figure of profiles: motion of one or several maps along a line, with its noise, above the terrain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure
from dinsar_cli.extraction.points import OTHER_COMPONENT
from dinsar_cli.extraction.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.floating[Any]]

_DPI = 160
_MOST_NAMED = 12  # maps in the legend
_WORDS = {
    "los_displacement_m": "LOS displacement",
    "velocity": "LOS velocity",
    "east_m": "East displacement",
    "north_m": "North displacement",
    "up_m": "Up displacement",
}


@dataclass(frozen=True)
class _Curve:
    """A curve: metres, NaN where there is nothing, with its band."""

    label: str
    unit: str
    words: str
    distance: Floats
    middle: Floats
    low: Floats | None
    high: Floats | None
    elsewhere: Floats
    band: str


def profile_picture(path: Path, profiles: Sequence[Profile]) -> None:
    """Draw the profiles of maps along one line as PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    profiles : sequence of Profile
        Of one line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = [curve for profile in profiles for curve in _curves(profile)]
    units = list(dict.fromkeys(curve.unit for curve in curves))
    terrain = next((one for one in profiles if _has(one.values.get("elevation_m"))), None)
    ratios = [2.6] * len(units) + ([1.0] if terrain else [])
    figure = Figure(figsize=(10, 1.2 + 1.35 * sum(ratios)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    length = max(float(one.along.distance[-1]) for one in profiles)
    scale, word = (1000.0, "km") if length >= 2000 else (1.0, "m")
    figure.suptitle(_title(profiles[0]), x=0.01, ha="left", fontweight="bold", parse_math=False)
    for panel, unit in zip(axes, units, strict=False):
        _draw_motion(panel, [curve for curve in curves if curve.unit == unit], scale)
    if terrain is not None:
        _draw_terrain(axes[-1], terrain, scale)
    axes[-1].set_xlabel(f"distance from A to B ({word})")
    axes[-1].set_xlim(0, length / scale)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _has(values: Floats | None) -> bool:
    return values is not None and bool(np.isfinite(values).any())


def _title(profile: Profile) -> str:
    ends = [f"{lon:.4f}, {lat:.4f}" for lon, lat in profile.along.lonlat[[0, -1]]]
    return f"{profile.name + ': ' if profile.name else ''}A {ends[0]} to B {ends[1]}"


def _curves(profile: Profile) -> Iterator[_Curve]:
    source, values = profile.source, profile.values
    for motion in source.motions:
        name, unit = motion.removesuffix("_m"), "_m" if motion.endswith("_m") else ""
        found = np.asarray(values[motion], np.float64)
        other = values["status"] == OTHER_COMPONENT
        elsewhere = np.where(other, found, np.nan)
        middle: Floats = np.where(other, np.nan, found)
        low = high = None
        band = ""
        swath = values.get(f"{name}_swath_median{unit}")
        sigma = source.sigma_of(motion)
        if swath is not None:
            middle, band = swath, "16 to 84 % of the swath"
            low, high = values[f"{name}_swath_p16{unit}"], values[f"{name}_swath_p84{unit}"]
        elif sigma is not None:
            low, high, band = middle - values[sigma], middle + values[sigma], "± one sigma"
        label = source.name
        if len(source.dates) == 2 and "".join(source.dates).replace("-", "") not in label.replace("_", ""):
            label += f" ({source.dates[0]} to {source.dates[1]})"
        if len(source.motions) > 1:
            label += f", {name}"
        yearly = "mm/year" if motion == "velocity" else "mm"
        yield _Curve(label, yearly, _WORDS[motion], profile.along.distance, middle, low, high, elsewhere, band)


def _draw_motion(axes: Axes, curves: Sequence[_Curve], scale: float) -> None:
    from matplotlib import colormaps

    few = len(curves) <= 10
    colours = colormaps["tab10"](range(10)) if few else colormaps["viridis"](np.linspace(0, 0.95, len(curves)))
    axes.axhline(0, color="0.6", linewidth=0.8)
    for curve, colour in zip(curves, colours, strict=False):
        x = curve.distance / scale
        if curve.low is not None and curve.high is not None:
            axes.fill_between(x, curve.low * 1e3, curve.high * 1e3, color=colour, alpha=0.2, linewidth=0)
        axes.plot(x, curve.middle * 1e3, color=colour, linewidth=1.3, label=curve.label)
        if np.isfinite(curve.elsewhere).any():
            axes.plot(x, curve.elsewhere * 1e3, ".", color=colour, ms=2, alpha=0.6, label="  other component")
    words = list(dict.fromkeys(curve.words for curve in curves))
    axes.set_ylabel(f"{words[0] if len(words) == 1 else 'Displacement'} ({curves[0].unit})")
    bands = list(dict.fromkeys(curve.band for curve in curves if curve.band))
    note = "positive toward the satellite" if words[0].startswith("LOS") else "positive east, north and up"
    axes.set_title("; ".join([note, *(f"band: {band}" for band in bands)]), loc="left", fontsize="small")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:_MOST_NAMED], labels[:_MOST_NAMED], fontsize="small", framealpha=0.8)
    axes.grid(visible=True, alpha=0.3)


def _draw_terrain(axes: Axes, profile: Profile, scale: float) -> None:
    height = np.asarray(profile.values["elevation_m"], np.float64)
    x = profile.along.distance / scale
    low = float(np.nanmin(height))
    axes.fill_between(x, height, low - 0.05 * max(1.0, float(np.nanmax(height)) - low), color="0.75", linewidth=0)
    axes.plot(x, height, color="0.3", linewidth=0.8)
    axes.set_ylabel("elevation (m)")
    axes.grid(visible=True, alpha=0.3)
