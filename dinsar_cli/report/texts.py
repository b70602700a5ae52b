"""What the report says of its pictures: what each shows, what a good and a bad one look like, what to do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """Words beside a picture.

    Attributes
    ----------
    title : str
        Of the picture.
    shows, good, bad, remedy : str
        Sentences.
    """

    title: str
    shows: str
    good: str
    bad: str
    remedy: str


ADVICE: Mapping[str, Advice] = {
    "map": Advice(
        "Map",
        "Every layer over the relief, with its value under the cursor. The square is the reference point, or "
        "triangles GNSS stations in its place, the outline the area that was asked for. The button with a line "
        "draws a profile (press it and drag), which can be saved as CSV and PNG.",
        "Displacement is near zero far from the place of interest and changes smoothly; its pattern has a cause on "
        "the ground.",
        "Stripes along bursts, sharp edges where nothing happened, colours that repeat the relief or fill the map.",
        "Compare the layer with coherence, components and elevation at the same place before you believe it.",
    ),
    "gnss": Advice(
        "GNSS stations",
        "Motion of stations between both dates along the line of sight, and the map there after it was put to "
        "them: with the standard deviations of GNSS, and of the map with the atmosphere.",
        "The differences are about as large as the standard deviations say: reduced chi-square near 1 or below.",
        "One station is off (another monument, an unwrapping error there), or all by more than the errors: a tilt "
        "that a constant does not take off, or atmosphere.",
        "Look at the map around a station that is off, leave it out, or use a plane where stations are all around.",
    ),
    "amplitude": Advice(
        "Amplitude of both dates",
        "The brightness of the ground at the two dates, in turn at the same place (printed: side by side).",
        "Nothing moves: roads, ridges and fields stay where they are, and few places change their brightness.",
        "The picture jumps: the dates are not registered to each other. Large parts change: floods, snow, harvest.",
        "If it jumps, check the orbits and the DEM. Where brightness changes, expect low coherence.",
    ),
    "fringes": Advice(
        "Wrapped fringes",
        "The filtered phase before unwrapping: one turn of the colours is half a wavelength (2.8 cm) of "
        "line-of-sight displacement.",
        "Clear fringes that close around the deformation, and one colour elsewhere.",
        "Parallel fringes over all of the map (orbit or atmosphere), fringes along contour lines (DEM, layered "
        "atmosphere), breaks at straight lines (bursts), or confetti (no coherence).",
        "Parallel fringes: see the tilt below. Breaks: see the seams. Confetti: other dates or more looks.",
    ),
    "displacement": Advice(
        "Histogram of the displacement",
        "How much of the map has which displacement.",
        "One narrow peak at zero, the far field, with a tail on the side to which the ground moved.",
        "Several peaks 2.8 cm apart (cycle jumps), a peak away from zero (reference point), a broad hump (ramp).",
        "Look where the cells of the second peak are, or whether another reference point is known to be still.",
    ),
    "coherence": Advice(
        "Histogram of the coherence",
        "How similar the two dates are, from 0 to 1. The line is at 0.3, where pure noise begins.",
        "Most of the map is above 0.5.",
        "A hump below 0.3: water, forest, or all of the map.",
        "Mask it with mask.coherence, use more looks, or choose dates that are nearer in time.",
    ),
    "seams": Advice(
        "Steps at the seams",
        "The step of the phase where bursts and subswaths were joined: as both bursts see the same ground in their "
        "overlap, without any deformation, or where that is not known, as the map shows it within a kilometre of "
        "the seam. The dashed lines are the limits; 0.3 rad are 1.3 mm.",
        "All dots are near zero.",
        "Dots beyond the limits, mostly with alternating or equal signs in a subswath.",
        "Use precise orbits, and avoid known bad pairs (S1C with S1D). What is the same at all seams is taken off "
        "by coregistration.esd (engine eos) or topsapp.do_esd (isce2).",
    ),
    "plane": Advice(
        "Residual plane and height",
        "The plane through the far field, and what is left of the displacement over the height: mean and standard "
        "deviation of classes of height.",
        "The plane is lower than 3 cm over the map, and the curve is flat within its band.",
        "A steep plane is orbit error or a wide atmosphere; a slanted curve is a layered atmosphere or the DEM.",
        "Another pair, or --ramp plane where the edges are known to be still, for the first; a correction of the "
        "troposphere or another pair for the second.",
    ),
    "unwrapping": Advice(
        "Unwrapping",
        "Whether the cycles that unwrapping has added can be trusted.",
        "One component has nearly all of the map, no jumps between coherent neighbours, and no water in it.",
        "Several large components, jumps along lines, or lakes and sea with a displacement.",
        "Compare only within one component; mask water; use more looks or a stronger filter.",
    ),
    "geometry": Advice(
        "Baseline and geometry",
        "From where the satellite looks, at which incidence, and how far apart its two paths were (not to scale).",
        "A perpendicular baseline below 150 m: an error of the DEM of a metre is then below a millimetre or so.",
        "A long baseline: less coherence, and errors of the DEM look like displacement.",
        "Choose a pair with a shorter baseline: dinsar pairs shows them.",
    ),
    "costs": Advice(
        "What each step cost",
        "Seconds, memory and disk of each stage and of the engine's steps, beside what was predicted before.",
        "Both are alike.",
        "A step takes many times longer than predicted: the machine was busy, or short of memory.",
        "Predictions learn from each run on this machine.",
    ),
}
"""By the name of the picture."""

LICENCES: Mapping[str, tuple[str, ...]] = {
    "": (
        "dinsar: Copyright 2026 The dinsar developers, Apache-2.0.",
        "numpy, scipy, rasterio (with GDAL), pyproj, shapely, lxml, matplotlib: BSD, MIT and similar licences.",
    ),
    "isce2": ("ISCE2: Apache-2.0; some components have other terms. It ran as a separate program.",),
    "eos": (
        "eos-sar: Apache-2.0, Copyright Kayrros and Centre Borelli, ENS Paris-Saclay.",
        "whirlwind-insar: BSD-3-Clause or Apache-2.0.",
    ),
}
"""Notices by engine; those under the empty name hold for all."""
