"""The picture of the dates of a stack: how far the delay of each varies, and how its pairs go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI: Final = 130
_SIZE: Final = (8.0, 5.2)  # inches
_WIDEST: Final = 16.0
_INCHES_A_DATE: Final = 0.16
_NAMED: Final = 40  # dates that all have their names below
_GOOD: Final = "#0072b2"  # of Okabe and Ito: for all eyes
_BAD: Final = "#d55e00"
_QUIET: Final = "0.6"


@dataclass(frozen=True)
class DateBar:
    """A date as it is drawn.

    Attributes
    ----------
    day : date
    deviation : float
        Of its delay over the map, millimetres.
    limit : float
        Above which that counts as noisy, millimetres.
    correlation : float or None
        Signed correlation of its pairs, -1 to 1; None where it is not known.
    noisy, dropped : bool
        Whether it is much noisier than the others, and whether it was left out.
    """

    day: date
    deviation: float
    limit: float
    correlation: float | None
    noisy: bool
    dropped: bool


def date_picture(path: Path, bars: Sequence[DateBar]) -> None:
    """Draw dates into a PNG, which has its name only when it is complete.

    Above is the delay with what counts as noisy, below the signed correlation, where first and last date are
    hatched: deformation shows there.

    Parameters
    ----------
    path : Path
    bars : sequence of DateBar
        In the order of time.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = min(max(_SIZE[0], _INCHES_A_DATE * len(bars)), _WIDEST)
    figure = Figure(figsize=(width, _SIZE[1]), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(
        2,
        sharex=True,
        gridspec_kw={"left": 0.8 / width, "right": 0.99, "top": 0.93, "bottom": 0.16, "hspace": 0.25},
    )
    _draw_delay(upper, bars)
    _draw_correlation(lower, bars)
    _name_dates(lower, bars)
    for axes in (upper, lower):
        axes.grid(visible=True, axis="y", color="black", alpha=0.12, linewidth=0.5)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _draw_delay(axes: Axes, bars: Sequence[DateBar]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    place = np.arange(len(bars))
    values = [one.deviation for one in bars]
    drawn = axes.bar(place, values, 0.7, color=[_BAD if one.noisy else _GOOD for one in bars])
    for patch, one in zip(drawn, bars, strict=True):
        if one.dropped:
            patch.set(facecolor="white", edgecolor=_BAD if one.noisy else _GOOD, linewidth=1.2)
    # twice the others: where it is far above all bars, the axis does not reach for it
    limits = np.array([one.limit for one in bars])
    axes.hlines(limits, place - 0.45, place + 0.45, color="black", linewidth=1.1)
    top = max([*values, float(np.median(limits)), 1.0])
    axes.set_ylim(0, 1.15 * top)
    axes.set_ylabel("delay over the map (mm)")
    key: list[Any] = [Patch(color=_GOOD, label="standard deviation")]
    if any(one.noisy for one in bars):
        key.append(Patch(color=_BAD, label="much noisier than the others"))
    if any(one.dropped for one in bars):
        key.append(Patch(facecolor="white", edgecolor=_GOOD, label="left out"))
    key.append(Line2D([], [], color="black", linewidth=1.1, label="noisy above this"))
    axes.legend(handles=key, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(key), frameon=False, fontsize=8)


def _draw_correlation(axes: Axes, bars: Sequence[DateBar]) -> None:
    from matplotlib.patches import Patch

    place = np.arange(len(bars))
    values = [one.correlation or 0.0 for one in bars]
    drawn = axes.bar(place, values, 0.7, color=_QUIET)
    for patch in (drawn[0], drawn[-1]):
        patch.set(facecolor="white", edgecolor=_QUIET, hatch="////")
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_ylim(min(-0.2, 1.1 * min(values)), 1.05)
    axes.set_ylabel("signed correlation\nof its pairs")
    key = [
        Patch(color=_QUIET, label="as other tools rank dates"),
        Patch(
            facecolor="white", edgecolor=_QUIET, hatch="////", label="first and last date: deformation, not noise"
        ),
    ]
    axes.legend(handles=key, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=8)


def _name_dates(axes: Axes, bars: Sequence[DateBar]) -> None:
    """Name the dates below: all, or as many as there is room for, and those that are noisy or left out."""
    count = len(bars)
    step = max(1, -(-count // _NAMED))
    told = {number for number, one in enumerate(bars) if one.noisy or one.dropped}
    regular = {number for number in range(0, count, step) if all(abs(number - one) >= step for one in told)}
    named = sorted(told | regular)
    axes.set_xticks(named, [f"{bars[number].day}" for number in named], rotation=90, fontsize=7)
    axes.set_xlim(-0.8, count - 0.2)
    for number, label in zip(named, axes.get_xticklabels(), strict=True):
        if bars[number].noisy:
            label.set(color=_BAD, fontweight="bold")
