"""Verdicts on a finished map: a number, the threshold that it must not pass, and what that means in words.

The rules are data (`RULES`); `dinsar_cli.report.measures` has the functions on arrays that give the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What is judged, and what is said of it.

    Attributes
    ----------
    key, title : str
        Names it: for programs, and for people.
    threshold : float
        The number above which it is bad.
    unit : str
        Of number and threshold, as they are shown.
    factor : float
        From the number's own unit (metres, radians, shares) to the shown one.
    decimals : int
        That are shown.
    measure : str
        What the number is.
    bad : str
        What it means when it is above the threshold.
    remedy : str
        What to do then.
    """

    key: str
    title: str
    threshold: float
    unit: str
    factor: float
    decimals: int
    measure: str
    bad: str
    remedy: str


@dataclass(frozen=True)
class Verdict:
    """A rule with the number of a map.

    Attributes
    ----------
    rule : Rule
        What is judged.
    value : float or None
        In the rule's own unit; None where the files do not tell it.
    threshold : float
        That counted: of the rule, or a larger one that the map asks for.
    reason : str
        Why the number is not known.
    note : str
        How the number is known, where that differs from map to map.
    """

    rule: Rule
    value: float | None
    threshold: float
    reason: str = ""
    note: str = ""

    @property
    def good(self) -> bool | None:
        """Whether the number stays within the threshold; None where it is not known."""
        return None if self.value is None else self.value <= self.threshold

    @property
    def number(self) -> str:
        """The number with its unit."""
        return "not known" if self.value is None else _shown(self.value, self.rule)

    @property
    def limit(self) -> str:
        """The threshold with its unit."""
        return _shown(self.threshold, self.rule)

    @property
    def warning(self) -> str:
        """What is wrong, with its numbers; empty when nothing is."""
        if self.good is not False:
            return ""
        measure = self.rule.measure[0].upper() + self.rule.measure[1:]
        note = f" ({self.note})" if self.note else ""
        return f"{self.rule.bad}. {measure}: {self.number}, limit {self.limit}{note}. {self.rule.remedy}"

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "key": self.rule.key,
            "title": self.rule.title,
            "good": self.good,
            "value": self.value,
            "threshold": self.threshold,
            "measure": self.rule.measure,
            "found": self.number,
            "limit": self.limit,
            "reason": self.reason,
            "warning": self.warning,
        }


def _shown(value: float, rule: Rule) -> str:
    text = f"{value * rule.factor:.{rule.decimals}f}".replace("-", "\u2212")
    return f"{text}{rule.unit}" if rule.unit == "%" else f"{text}\u00a0{rule.unit}"


# Thresholds and where they are from:
# - cycle_jump: a block of 0.06 % of the map, wrong by a cycle, has an outline of a tenth of the map's width.
# - burst_step: 0.3 rad are 1.3 mm. Bursts that are registered to 0.001 lines differ by 0.05 rad at most (Prats-
#   Iraola et al. 2012, IEEE TGRS 50(8)); S1C with S1D by 1.5 rad (isce3 issue 375). Where the step is not known
#   so well, three of its standard errors (`dinsar_cli.report.seams`).
#   Remedy: of 0.30 m along the track that were put into a simulated pair, topsApp 2.6.5 with do_esd left 0.20 m.
# - ramp: the troposphere makes 1-3 cm over a scene (Hanssen 2001, Radar Interferometry, chapter 4).
# - orbit: precise orbits are good to 5 cm, restituted ones to 10 cm (Copernicus POD Service, requirements); on a
#   small map ground and atmosphere tilt by what metres of baseline would.
# - coherence: below 0.3 the estimate of pure noise begins (Touzi et al. 1999, IEEE TGRS 37).
# - reference, height: 1 cm is the lower end of the atmosphere's share.
RULES: Mapping[str, Rule] = {
    rule.key: rule
    for rule in (
        Rule(
            "coherence",
            "Coherence",
            0.5,
            "%",
            100,
            0,
            "part of the ground with a coherence below 0.3",
            "No coherence: most of the map is noise, and its cycles cannot be trusted",
            "Choose dates that are nearer in time or in a drier season, or use more looks.",
        ),
        Rule(
            "cycle_jump",
            "Cycle jumps",
            0.1,
            "widths",
            1,
            2,
            "length of the jumps between coherent neighbours, in widths of the map",
            "Cycle jump: parts of the map are wrong by whole half wavelengths (2.8 cm in C-band)",
            "Look where the displacement steps along a line; use more looks or a stronger filter, mask with "
            "mask.coherence, and doubt the part without the reference point.",
        ),
        Rule(
            "phase_step",
            "Steps of the phase",
            0.001,
            "%",
            100,
            2,
            "neighbours within a component between which the phase steps by more than half a cycle",
            "The phase steps by more than half a cycle within a component: on one side of such lines it may be "
            "wrong by whole cycles (2.8 cm)",
            "See flags.tif; use more looks or a stronger filter.",
        ),
        Rule(
            "residue",
            "Unwrapped against wrapped",
            0.0,
            "%",
            100,
            2,
            "look cells whose unwrapped phase is not the wrapped one plus whole cycles",
            "The unwrapped phase is not the wrapped one plus whole cycles: the unwrapping was damaged, or comes "
            "from another interferogram",
            "See flags.tif; remove the folder radar of the run and run the same command again.",
        ),
        Rule(
            "reversed",
            "Reversed pair",
            0.001,
            "%",
            100,
            2,
            "part of the map that is not equal and opposite in the reversed pair",
            "The reversed pair does not give the same map with the other sign",
            "See flags.tif: doubt what it marks.",
        ),
        Rule(
            "components",
            "Connected components",
            0.05,
            "%",
            100,
            1,
            "displacement in other connected components than the largest",
            "Parts of the map are not connected with each other: whole cycles between them are unknown",
            "Compare values within one component only, or leave small ones out with mask.component.",
        ),
        Rule(
            "water",
            "Water in the unwrapping",
            0.01,
            "%",
            100,
            1,
            "displacement on cells that look like water: without coherence, and flat or dark",
            "Water was unwrapped: its phase is noise, and may have shifted land beyond it by whole cycles",
            "Give polygons of the water with mask.water, or set mask.coherence to 0.3.",
        ),
        Rule(
            "burst_step",
            "Steps at the seams",
            0.3,
            "rad",
            1,
            2,
            "largest step of the phase across a seam of bursts or subswaths",
            "Burst step: neighbouring bursts do not fit together, which looks like displacement in stripes",
            "Use precise orbits if these are not, or choose other dates. What is the same at all seams is "
            "taken off by coregistration.esd (engine eos, on by default) or topsapp.do_esd (isce2).",
        ),
        Rule(
            "ramp",
            "Ramp",
            0.03,
            "cm",
            100,
            1,
            "height of the plane through the border of what was unwrapped, over all of it",
            "Strong ramp: all of it tilts by more than the atmosphere makes in most pairs. Ground, orbits and "
            "atmosphere cannot be told apart by one pair",
            "Compare another pair of dates with precise orbits (orbits.kind). Only where the ground at the edges "
            "is known to be still, take the tilt off with --ramp plane.",
        ),
        Rule(
            "orbit",
            "Orbits",
            3.0,
            "m",
            1,
            1,
            "error of the baseline that would make the tilt across the track",
            "Wrong orbit: the phase tilts across the track by more than any good orbit is wrong",
            "Check that each orbit file belongs to its date and satellite and is POEORB; make the map again.",
        ),
        Rule(
            "reference",
            "Reference point",
            0.01,
            "cm",
            100,
            1,
            "calm ground at the reference point, away from zero",
            "The reference point lies on ground that moves against the calm ground around: all values are off by "
            "what it moved",
            "Leave --reference-point away, or choose a point of the ground that is still.",
        ),
        Rule(
            "height",
            "Height correlation",
            0.01,
            "cm",
            100,
            1,
            "displacement that follows the terrain, between its low and its high ground",
            "Displacement follows the terrain: the layered atmosphere or an error of the DEM",
            "Doubt patterns that repeat the relief; apply a correction of the troposphere, or another pair.",
        ),
        Rule(
            "dem",
            "DEM",
            0.01,
            "%",
            100,
            1,
            "part of the map without heights",
            "The DEM is too small: where it ends there is no map, or a wrong one",
            "Give a DEM that reaches 0.2 degrees beyond the area, or raise dem.buffer.",
        ),
    )
}
"""What is judged, in the order in which it is told."""


def judge(
    key: str, value: float | None, threshold: float | None = None, reason: str = "", note: str = ""
) -> Verdict:
    """Judge a number by a rule.

    Parameters
    ----------
    key : str
        Of `RULES`.
    value : float or None
        In the rule's own unit; None or NaN where it is not known.
    threshold : float, optional
        Where the map asks for a larger one than the rule has; a smaller one does not count.
    reason : str
        Why the number is not known, if it is not.
    note : str
        How the number is known.
    """
    rule = RULES[key]
    known = value is not None and math.isfinite(value)
    limit = max(rule.threshold, threshold or 0.0)
    return Verdict(rule, value, limit, note=note) if known else Verdict(rule, None, limit, reason, note)
