"""Small charts as SVG inside a page; their colours are classes of ``templates/webmap.css``, for light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_WIDTH, _HEIGHT = 460, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 40


@dataclass(frozen=True)
class Frame:
    """The axes of a chart, in the units of the data."""

    low: float
    high: float
    bottom: float
    top: float

    def x(self, value: float) -> float:
        """Return the pixel of a value on the horizontal axis."""
        return _LEFT + (value - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the pixel of a value on the vertical axis."""
        return _HEIGHT - _BOTTOM - (value - self.bottom) / (self.top - self.bottom) * (_HEIGHT - _TOP - _BOTTOM)


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values between two ends, about as many as wanted."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / count))
    step = next(digit * power for digit in (1, 2, 5, 10, 20) if (high - low) / (digit * power) <= count + 1e-9)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [round(n * step, decimals) for n in range(first, last + 1)]


def number(value: float) -> str:
    """Return a number for people, with a true minus."""
    return f"{value:g}".replace("-", "\u2212")


def histogram(values: Floats, limits: tuple[float, float], label: str, mark: float | None = None) -> Markup | None:
    """Return the histogram of what is known, outliers in the last classes; `mark` is drawn as a limit."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    counts, edges = np.histogram(np.clip(known, *limits), bins=60, range=limits)
    shares = counts / known.size * 100
    frame = Frame(limits[0], limits[1], 0.0, float(shares.max()) * 1.05)
    bars = []
    for share, low, high in zip(shares, edges[:-1], edges[1:], strict=True):
        left, right, top = frame.x(low), frame.x(high), frame.y(share)
        bars.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 0.5, 0.5):.1f}" '
            f'height="{frame.y(0) - top:.1f}"/>'
        )
    if mark is not None:
        bars.append(vertical(frame, mark))
    return chart(frame, "".join(bars), label, "% of the map", f"Histogram: {label}")


def vertical(frame: Frame, value: float) -> str:
    """Dashed line at a value of the horizontal axis."""
    x = frame.x(value)
    return f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'


def level(frame: Frame, value: float) -> str:
    """Dashed line at a value of the vertical axis."""
    y = frame.y(value)
    return f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def seam_chart(steps: Sequence[float], limit: float) -> Markup | None:
    """Return a dot for the step at each seam, between the limits."""
    known = [step for step in steps if math.isfinite(step)]
    if not known:
        return None
    reach = 1.15 * max(limit, *(abs(step) for step in known))
    frame = Frame(0.0, len(steps) + 1.0, -reach, reach)
    dots = [level(frame, limit), level(frame, -limit)]
    for place, step in enumerate(steps, 1):
        if math.isfinite(step):
            x, y = frame.x(place), frame.y(step)
            dots.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.y(0):.1f}" y2="{y:.1f}"/>')
            dots.append(f'<circle class="bar" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    places = [n for n in range(1, len(steps) + 1) if len(steps) <= 15 or n % 5 == 0]
    return chart(frame, "".join(dots), "seam", "step of the phase (rad)", "Steps at the seams", places)


def trend_chart(heights: Floats, means: Floats, spreads: Floats) -> Markup | None:
    """Mean displacement of classes of height (m, cm), with a standard deviation on both sides."""
    if len(heights) < 2:
        return None
    low, high = float((means - spreads).min()), float((means + spreads).max())
    margin = 0.08 * (high - low) or 1.0
    frame = Frame(float(heights[0]), float(heights[-1]), low - margin, high + margin)
    upper = [(frame.x(h), frame.y(m + s)) for h, m, s in zip(heights, means, spreads, strict=True)]
    lower = [(frame.x(h), frame.y(m - s)) for h, m, s in zip(heights, means, spreads, strict=True)]
    middle = [(frame.x(h), frame.y(m)) for h, m in zip(heights, means, strict=True)]
    content = f'<polygon class="band" points="{_points(upper + lower[::-1])}"/>'
    content += f'<polyline class="curve" points="{_points(middle)}"/>'
    return chart(frame, content, "height (m)", "displacement (cm)", "Displacement over height")


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def chart(
    frame: Frame, content: str, across: str, up: str, title: str, places: Sequence[float] | None = None
) -> Markup:
    """Return an SVG with axes around a content of numbers; texts are escaped."""
    right, base = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>']
    for tick in round_ticks(frame.bottom, frame.top):
        y = frame.y(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    parts += [
        f'<text x="{frame.x(tick):.1f}" y="{base + 16}" text-anchor="middle">{number(tick)}</text>'
        for tick in (round_ticks(frame.low, frame.high, 6) if places is None else places)
    ]
    parts.append(content)
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{base}" y2="{base}"/>')
    middle = (_TOP + base) / 2
    parts.append(f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>')
    turned = f'transform="rotate(-90 14 {middle})"'
    parts.append(f'<text x="14" y="{middle}" text-anchor="middle" {turned}>{escape(up)}</text></svg>')
    return Markup("".join(parts))  # noqa: S704  # the content is made of numbers, the texts are escaped


def viewing_sketch(los: tuple[float, float, float], baseline: float | None) -> Markup:
    """Return the sketch of the line of sight from above and from the side, and of the baseline.

    Parameters
    ----------
    los : (float, float, float)
        Mean unit vector from the ground to the satellite: east, north, up.
    baseline : float or None
        Perpendicular baseline, metres.
    """
    east, north, up = los
    ground = math.hypot(east, north) or 1.0
    return Markup(  # noqa: S704  # numbers and fixed texts only
        '<svg class="chart" viewBox="0 0 460 230" role="img"><title>Viewing geometry</title>'
        f"{_from_above(east / ground, north / ground)}{_from_the_side(ground, up, baseline)}</svg>"
    )


def _from_above(east: float, north: float) -> str:
    x, y, reach = 100.0, 118.0, 68.0
    tip = (x - reach * east, y + reach * north)  # from the satellite to the ground
    start = (x + reach * east, y - reach * north)
    return (
        f'<circle class="grid" fill="none" cx="{x}" cy="{y}" r="{reach}"/>'
        f'<text x="{x}" y="{y - reach - 6}" text-anchor="middle">N</text>'
        f'<text x="{x + reach + 6}" y="{y + 4}">E</text>'
        f"{_arrow(start, tip)}"
        f'<text class="strong" x="{x}" y="{y + reach + 30}" text-anchor="middle">look direction, from above</text>'
        f'<circle class="bar" cx="{start[0]:.1f}" cy="{start[1]:.1f}" r="4"/>'
    )


def _from_the_side(ground: float, up: float, baseline: float | None) -> str:
    left, base, reach = 245.0, 190.0, 150.0
    satellite = (left + reach * ground, base - reach * up)
    second = (satellite[0] + 16 * up, satellite[1] + 16 * ground)
    incidence = math.degrees(math.acos(min(1.0, up / math.hypot(ground, up))))
    parts = [
        f'<line class="axis" x1="{left - 20}" x2="{left + 190}" y1="{base}" y2="{base}"/>',
        f'<line class="grid" x1="{left}" x2="{left}" y1="{base}" y2="{base - reach}"/>',
        _arrow(satellite, (left, base)),
        f'<line class="limit" x1="{second[0]:.1f}" y1="{second[1]:.1f}" x2="{left}" y2="{base}"/>',
        f'<circle class="bar" cx="{satellite[0]:.1f}" cy="{satellite[1]:.1f}" r="4"/>',
        f'<circle class="pale" cx="{second[0]:.1f}" cy="{second[1]:.1f}" r="4"/>',
        f'<text x="{left + 10}" y="{base - 52}">{incidence:.0f}°</text>',
        f'<text class="strong" x="{left + 85}" y="{base + 28}" text-anchor="middle">from the side</text>',
    ]
    if baseline is not None:
        place = f'x="{second[0] + 10:.0f}" y="{second[1] + 5:.0f}"'
        parts.append(f"<text {place}>B⊥ {number(round(baseline))} m</text>")
    return "".join(parts)


def _arrow(start: tuple[float, float], tip: tuple[float, float]) -> str:
    length = math.dist(start, tip) or 1.0
    x, y = ((tip[0] - start[0]) / length, (tip[1] - start[1]) / length)
    wings = [(tip[0] - 9 * x + side * 5 * y, tip[1] - 9 * y - side * 5 * x) for side in (1, -1)]
    return (
        f'<line class="curve" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{tip[0]:.1f}" y2="{tip[1]:.1f}"/>'
        f'<polygon class="bar" points="{_points([tip, *wings])}"/>'
    )
