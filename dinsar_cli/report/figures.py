"""The pictures and tables of a report, each with the words that belong to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from dinsar_cli.drawing.svg_charts import histogram, seam_chart, trend_chart, viewing_sketch
from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.maps.cut import cut_told
from dinsar_cli.maps.sigma import sigma_told
from dinsar_cli.maps.zero.gnss_look import USED
from dinsar_cli.maps.zero.gnss_words import gnss_frame
from dinsar_cli.report.evidence import Evidence
from dinsar_cli.report.page_layers import WORDS, tagged_number
from dinsar_cli.report.pictures import picture
from dinsar_cli.report.record import Cost, costs
from dinsar_cli.report.seams import Seam
from dinsar_cli.report.summary import centimetres
from dinsar_cli.report.texts import ADVICE, Advice

_TURN = (-math.pi, math.pi)
_EARTH, _HEIGHT = 6_371_000.0, 693_000.0  # m: mean radius, and orbit of Sentinel-1 above it
_NOISE = 0.3


@dataclass(frozen=True)
class Figure:
    """A picture of the report.

    Attributes
    ----------
    key : str
        Its name in the page.
    advice : Advice
        The words beside it.
    chart : Markup or None
        An SVG.
    images : tuple of (str, str)
        Captions and addresses; two of one place take turns.
    table : tuple of tuple of str
        Rows of a table, the first of which is its head.
    facts : tuple of (str, str)
        Numbers below it.
    costs : tuple of Cost
        Rows of the table of costs.
    most_seconds : float
        Length of the longest bar of that table.
    """

    key: str
    chart: Markup | None = None
    images: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    costs: tuple[Cost, ...] = ()
    most_seconds: float = 1.0
    advice: Advice = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "advice", ADVICE[self.key])


def figures(evidence: Evidence) -> list[Figure]:
    """Return the pictures below the map, without those for which nothing is known."""
    made = (
        _gnss(evidence),
        _fringes(evidence),
        _amplitude(evidence),
        _displacement(evidence),
        _coherence(evidence),
        _seams(evidence),
        _plane(evidence),
        _unwrapping(evidence),
        _geometry(evidence),
        _costs(evidence),
    )
    return [figure for figure in made if figure is not None]


def _ratio(evidence: Evidence) -> float:
    grid, (rows, columns) = evidence.grid, evidence.shape
    east, north = grid.metres_per_unit
    return (grid.height / rows * north) / (grid.width / columns * east)


def _gnss(evidence: Evidence) -> Figure | None:
    """Return the table of the stations that decide where zero is."""
    record = evidence.facts.get("gnss")
    if not record:
        return None
    rows = [_HEAD_OF_STATIONS, *(_station_row(one) for one in record["stations"])]
    chi_square, alone, off = record["reduced_chi_square"], record["left_out_rms_m"], record["taken_off_m"]
    facts = [
        ("Frame", gnss_frame(record)),
        ("Taken off the map", " to ".join(centimetres(value) for value in sorted({*off}))),
        (
            "Zero is certain to (95 %), at best and at worst",
            " and ".join(_twice(record["sigma_m"][n]) for n in (0, 2)),
        ),
        ("Reduced chi-square", "-" if chi_square is None else f"{chi_square:.2f}"),
        ("RMS of stations against the map by all others", "-" if alone is None else centimetres(alone)),
        ("Map at a station", f"median within {record['radius_m']:g}\u00a0m"),
    ]
    if record["days"]:
        facts.append(("Motion of a station", f"lines through {record['days']} days on either side of both dates"))
    return Figure("gnss", table=tuple(rows), facts=tuple(facts))


_HEAD_OF_STATIONS = ("Station", "GNSS (mm)", "Map (mm)", "Map \u2212 GNSS (mm)", "Against all others (mm)", "")


def _station_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    cells = (
        _with_sigma(one["gnss"], one["gnss_sigma"]),
        _with_sigma(one["map"], one["map_sigma"]),
        _with_sigma(one["residual"], None),
        _with_sigma(one["left_out"], one["left_out_sigma"]),
    )
    remarks = [*(() if one["status"] == USED else (f"not used: {one['status']}",)), *one["notes"]]
    return (one["station"], *cells, "; ".join(remarks))


def _with_sigma(value: float | None, sigma: float | None) -> str:
    if value is None:
        return ""
    text = f"{value * 1000:+.1f}".replace("-", "\u2212")
    return text if sigma is None else f"{text} \u00b1 {sigma * 1000:.1f}"


def _twice(sigma: float) -> str:
    return centimetres(2 * sigma)


def _fringes(evidence: Evidence) -> Figure | None:
    phase = evidence.bands.get("wrapped_phase")
    if phase is None:
        return None
    return Figure("fringes", images=(("Wrapped phase", picture(phase, "twilight", _TURN, _ratio(evidence))),))


def _amplitude(evidence: Evidence) -> Figure | None:
    first, second = evidence.bands.get("amplitude"), evidence.bands.get("amplitude.secondary")
    if first is None or second is None:
        return None
    known = np.concatenate([band[np.isfinite(band)] for band in (first, second)])
    limits = scale_limits(known, symmetric=False)
    names = [evidence.tags.get(f"{side}_date", side)[:10] for side in ("reference", "secondary")]
    ratio = _ratio(evidence)
    images = [
        (name, picture(band, "gray", limits, ratio)) for name, band in zip(names, (first, second), strict=True)
    ]
    return Figure("amplitude", images=tuple(images))


def _displacement(evidence: Evidence) -> Figure | None:
    los = evidence.los * 100
    known = los[np.isfinite(los)]
    if not known.size:
        return None
    low, high = (float(value) for value in np.percentile(known, (0.1, 99.9)))
    margin = max(0.02 * (high - low), 1e-4)
    chart = histogram(los, (low - margin, high + margin), "displacement (cm, positive toward the satellite)")
    middle, noise = float(np.median(known)), evidence.bands.get("los_sigma")
    facts = [
        ("Median", centimetres(middle / 100)),
        ("Part of the map with displacement", _percent(known.size / los.size)),
    ]
    if noise is not None and np.isfinite(noise).any():
        facts.append(("Noise (median of los_sigma)", centimetres(float(np.nanmedian(noise)))))
        facts += sigma_told(evidence.pair.product("los_sigma").tags)
    return Figure("displacement", chart, facts=tuple(facts))


def _coherence(evidence: Evidence) -> Figure | None:
    coherence = evidence.bands.get("coherence")
    if coherence is None or not np.isfinite(coherence).any():
        return None
    chart = histogram(coherence, (0.0, 1.0), "coherence", _NOISE)
    return Figure("coherence", chart, facts=(("Mean", f"{float(np.nanmean(coherence)):.2f}"),))


def _seams(evidence: Evidence) -> Figure | None:
    rule = next(verdict for verdict in evidence.verdicts if verdict.rule.key == "burst_step")
    chart = seam_chart([seam.step.value for seam in evidence.seams], rule.threshold)
    facts = tuple((f"{n}: {seam.name}", _step(seam)) for n, seam in enumerate(evidence.seams, 1))
    return Figure("seams", chart, facts=(*_misregistration(evidence), *facts[:12])) if evidence.seams else None


def _misregistration(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Tell what was found of the misregistration along the track."""
    found = (evidence.details("geocode").get("checks") or {}).get("misregistration")
    if not found:
        return ()
    size = f"{found['metres']:+.3f} m \u00b1 {found['sigma_m']:.3f}".replace("-", "\u2212")
    return (("Misregistration along the track", f"{size}, {found['told']}"),)


def _step(seam: Seam) -> str:
    """Tell the step at a seam, its standard error, and whether the bursts or the map say so."""
    step = seam.step
    if not math.isfinite(step.value):
        return "not known"
    parts = [f"{step.value:+.2f} rad".replace("-", "\u2212"), f"\u00b1 {step.sigma:.2f}"]
    if seam.overlap is not None:
        parts.append("from the overlap")
        if math.isfinite(seam.seen.value):
            parts.append(f"(map {seam.seen.value:+.2f})".replace("-", "\u2212"))
    if seam.misregistration is not None and step.excess > 1:
        parts.append(f"= {seam.misregistration:.2f} m along the track")
    return " ".join(parts)


def _plane(evidence: Evidence) -> Figure | None:
    far, trend = evidence.far, evidence.trend
    if not math.isfinite(far.tilt):
        return None
    facts = [
        ("Calm ground", f"{far.share:.0%} of what was unwrapped" if far.found else f"none: {far.reason}"),
        ("Plane through the border of what was unwrapped, over all of it", centimetres(far.tilt)),
        ("Rises toward east by", _slope(far.plane[1])),
        ("Rises toward north by", _slope(far.plane[2])),
        ("Scatter of the border about it", centimetres(far.scatter)),
    ]
    chart = None
    if trend is not None:
        chart = trend_chart(trend.heights, trend.means * 100, trend.spreads * 100)
        facts.append(("Correlation with height", f"{trend.correlation:+.2f}".replace("-", "\u2212")))
        facts.append(("Displacement per 100\u00a0m of height", centimetres(trend.slope * 100)))
    ramp = evidence.facts.get("ramp")
    if ramp:
        facts.append(("A ramp was taken off", str(ramp.get("kind"))))
    return Figure("plane", chart, facts=tuple(facts))


def _slope(metres: float) -> str:
    """Return the metres in a kilometre, for people."""
    return f"{metres * 1e4:+.2f} mm in 10\u00a0km".replace("-", "\u2212")


def _unwrapping(evidence: Evidence) -> Figure:
    keys = ("cycle_jump", "components", "water")
    facts = [(v.rule.title, f"{v.number} (limit {v.limit})") for v in evidence.verdicts if v.rule.key in keys]
    known = np.isfinite(evidence.los)
    labels, counts = np.unique(evidence.components[known], return_counts=True)
    order = np.argsort(-counts)[:5]
    facts += [
        (f"Component {labels[n]}" if labels[n] else "No component", _percent(counts[n] / counts.sum()))
        for n in order
    ]
    told = cut_told(evidence.facts.get("cut"), tagged_number(evidence.tags, "wavelength_m"))
    facts += [("Cut", told)] if told else []
    return Figure("unwrapping", facts=tuple(facts))


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _geometry(evidence: Evidence) -> Figure | None:
    los = _mean_direction(evidence)
    if los is None:
        return None
    baseline, wavelength = (
        tagged_number(evidence.tags, name) for name in ("perpendicular_baseline_m", "wavelength_m")
    )
    ambiguity = _height_ambiguity(wavelength, los[2], abs(baseline)) if baseline and wavelength else None
    azimuth = math.degrees(math.atan2(-los[0], -los[1])) % 360
    facts = [
        ("Looks toward", f"{azimuth:.0f}° from north"),
        ("Incidence", f"{math.degrees(math.acos(los[2])):.1f}°"),
    ]
    if baseline is not None:
        facts.append(("Perpendicular baseline", f"{baseline:.0f} m".replace("-", "\u2212")))
    if ambiguity is not None and wavelength is not None:
        facts.append(("Height of ambiguity, about", f"{ambiguity:.0f} m"))
        facts.append(("An error of the DEM of 10 m looks like", centimetres(10 / ambiguity * wavelength / 2)))
    facts.append(("A vertical millimetre counts", f"{los[2]:.2f} mm in the line of sight"))
    return Figure("geometry", viewing_sketch(los, baseline), facts=tuple(facts))


def _mean_direction(evidence: Evidence) -> tuple[float, float, float] | None:
    """Mean unit vector to the satellite: east, north, up."""
    path = evidence.pair.rasters.get("los_vector")
    if path is None:
        return None
    with WORDS.about(path):
        return evidence.pair.product("los_vector").mean_direction()


def _height_ambiguity(wavelength: float, up: float, baseline: float) -> float:
    """Return height that is worth a cycle, metres.

    ``lambda R sin(incidence) / (2 B)`` (Bamler and Hartl 1998, eq. 37).
    """
    incidence = math.acos(min(1.0, up))
    look = math.asin(_EARTH / (_EARTH + _HEIGHT) * math.sin(incidence))
    slant_range = _EARTH * math.sin(incidence - look) / math.sin(look)
    return wavelength * slant_range * math.sin(incidence) / (2 * baseline)


def _costs(evidence: Evidence) -> Figure | None:
    rows = costs(evidence.record)
    if not rows:
        return None
    most = max(max(row.seconds, row.predicted or 0.0) for row in rows) or 1.0
    return Figure("costs", costs=tuple(rows), most_seconds=most)
