"""The picture of a network: perpendicular baseline against time, each date a point and each pair a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path
from dinsar_cli.drawing.png import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_DPI: Final = 160
_HEIGHT: Final = 5.4  # inches
_WIDTHS: Final = (8.0, 16.0)
_INCHES_A_DATE: Final = 0.28
_LABEL: Final = (48.0, 11.0)  # points that a date's label takes
_BESIDE: Final = 10.0  # points from the middle of a date's label to its point
_POINTS: Final = 72.0  # of an inch
_PAIR: Final = "#0072b2"  # of Okabe and Ito: for all eyes
_OPEN: Final = "#d55e00"
_STEPS: Final = 49
_BOW: Final = 0.025  # of the height of the picture, for each date that a pair passes over
_MOST_BOWED: Final = 4


@dataclass(frozen=True)
class PairLine:
    """A pair as it is drawn.

    Attributes
    ----------
    reference, secondary : date
    coherence : float or None
        Expected one, 0 to 1, which gives the colour; None where it is not known.
    is_open : bool
        Whether it lies in no triangle, and is dashed.
    """

    reference: date
    secondary: date
    coherence: float | None
    is_open: bool


def network_picture(
    path: Path,
    dates: Sequence[date],
    baselines: Sequence[float | None],
    pairs: Sequence[PairLine],
    *,
    title: str,
    subtitle: str,
    measured: bool = False,
) -> None:
    """Draw a network into a PNG.

    Parameters
    ----------
    path : Path
        The PNG; it has its name only when it is complete.
    dates : sequence of date
        In the order of time.
    baselines : sequence of float or None
        Of each date, metres. Where it is not known the point is hollow and on the line of zero; when none is known,
        pairs are arcs over the axis of time.
    pairs : sequence of PairLine
        Of these dates.
    title, subtitle : str
        Above it.
    measured : bool
        Whether the coherence is that which the pairs have, and not what is expected.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width = min(max(_WIDTHS[0], _INCHES_A_DATE * len(dates)), _WIDTHS[1])
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(width, _HEIGHT), dpi=_DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", parse_math=False)
    axes = figure.subplots()
    axes.set_title(subtitle, loc="left", fontsize="medium", color="0.35", parse_math=False)
    flat = all(metres is None for metres in baselines)
    places = {day: (_number(day), metres or 0.0) for day, metres in zip(dates, baselines, strict=True)}
    unknown = [day for day, metres in zip(dates, baselines, strict=True) if metres is None]
    key = _draw_pairs(figure, axes, places, pairs, flat=flat, measured=measured)
    key += _draw_dates(axes, places, unknown)
    axes.legend(handles=key, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(key), frameon=False)
    _dress(axes, flat=flat)
    _label_dates(figure, axes, places)
    with atomic_path(path) as part:
        save_figure(figure, part)


def _number(day: date) -> float:
    """Return a date as Matplotlib counts days."""
    return float((day - date(1970, 1, 1)).days)


def _draw_pairs(
    figure: Figure,
    axes: Axes,
    places: dict[date, tuple[float, float]],
    pairs: Sequence[PairLine],
    *,
    flat: bool,
    measured: bool,
) -> list[Line2D]:
    """Draw the pairs, those of higher coherence on top, and return their key."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize
    from matplotlib.lines import Line2D

    scale = ScalarMappable(Normalize(0.0, 1.0), "viridis")
    known = any(pair.coherence is not None for pair in pairs)
    width = 1.8 if len(pairs) < 100 else 0.9
    key = []
    for is_open, name in ((False, "in a triangle"), (True, "in no triangle: its errors are not seen")):
        drawn = sorted((one for one in pairs if one.is_open == is_open), key=lambda one: one.coherence or 0.0)
        if not drawn:
            continue
        plain = _OPEN if is_open else _PAIR if not known else "0.6"
        colours = [plain if one.coherence is None else scale.to_rgba(np.array(one.coherence)) for one in drawn]
        style: Any = (0, (4, 2.5)) if is_open else "solid"
        paths = [_path(one, places, flat=flat) for one in drawn]
        axes.add_collection(LineCollection(paths, colors=colours, linestyles=style, linewidths=width, zorder=2))
        key.append(Line2D([], [], color=plain if not known else "0.35", linestyle=style, label=f"pair {name}"))
    if known:
        figure.colorbar(scale, ax=axes, shrink=0.8, pad=0.01).set_label(
            "mean coherence" if measured else "expected coherence"
        )
    return key


def _path(pair: PairLine, places: dict[date, tuple[float, float]], *, flat: bool) -> NDArray[np.float64]:
    """Return the line of a pair.

    It is bowed by the dates that it passes over, so that pairs of dates in line do not hide each other; and an arc
    as high as the days between them when there are no baselines.
    """
    one, other = places[pair.reference], places[pair.secondary]
    way = np.linspace(0.0, 1.0, _STEPS)
    if flat:
        return np.column_stack((one[0] + way * (other[0] - one[0]), (other[0] - one[0]) * np.sin(np.pi * way)))
    heights = [place[1] for place in places.values()]
    passed = sum(one[0] < place[0] < other[0] for place in places.values())
    bow = _BOW * max(max(heights) - min(heights), 1.0) * min(passed, _MOST_BOWED)
    return np.column_stack((
        one[0] + way * (other[0] - one[0]),
        one[1] + way * (other[1] - one[1]) + bow * 4 * way * (1 - way),
    ))  # fmt: skip


def _draw_dates(axes: Axes, places: dict[date, tuple[float, float]], unknown: Sequence[date]) -> list[Line2D]:
    """Draw the dates, and return the key of those of which the baseline is not known."""
    size = 6.0 if len(places) < 60 else 3.5
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "ms": size, "mec": "black", "zorder": 3}
    known = [day for day in places if day not in unknown]
    key: list[Line2D] = []
    for days, fill in ((known, "black"), (unknown, "white")):
        if days:
            key = axes.plot(*zip(*(places[day] for day in days), strict=True), mfc=fill, **style)
            key[0].set_label("date of unknown baseline")
    return key if unknown else []


def _dress(axes: Axes, *, flat: bool) -> None:
    """Give the axes their scales and names."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis_date()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.margins(0.06, 0.12)
    axes.autoscale_view()
    axes.set_ylabel("days between the dates" if flat else "perpendicular baseline (m)")
    axes.grid(visible=True, color="black", alpha=0.12, linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _label_dates(figure: Figure, axes: Axes, places: dict[date, tuple[float, float]]) -> None:
    """Write dates above or below their points: the first and the last, and of the others those that have room."""
    from matplotlib.patheffects import withStroke

    figure.draw_without_rendering()  # places the axes
    figure.set_layout_engine("none")  # they stay: to place them takes as long as to draw them
    points = axes.transData.transform(list(places.values())) * _POINTS / figure.dpi
    style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "center", "fontsize": 7.5}
    style["path_effects"] = [withStroke(linewidth=2.2, foreground="white")]
    taken = np.empty((0, 2))
    days = list(places)
    for number in (0, len(days) - 1, *range(1, len(days) - 1)):
        for side in (_BESIDE, -_BESIDE):
            spot = points[number] + (0.0, side)
            if not (_meets(spot, taken, _LABEL) or _meets(spot, points, (_LABEL[0] / 2 + 3, _BESIDE - 1))):
                taken = np.vstack((taken, spot))
                axes.annotate(f"{days[number]:%Y-%m-%d}", places[days[number]], (0, side), zorder=4, **style)
                break


def _meets(spot: NDArray[np.float64], others: NDArray[np.float64], reach: tuple[float, float]) -> bool:
    """Tell whether others lie within a reach of a spot, to the sides and up or down."""
    return bool((np.abs(others - spot) < reach).all(axis=1).any())
