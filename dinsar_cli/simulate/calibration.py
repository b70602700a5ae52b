"""Calibration and thermal noise annotation: ``annotation/calibration/*.xml``."""

from __future__ import annotations

from math import radians, sin, sqrt, tan
from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.annotation_parts import header
from dinsar_cli.simulate.render import SIGNAL
from dinsar_cli.simulate.xmltree import array, counted, fields, node, single, stamp

if TYPE_CHECKING:
    from lxml.etree import _Element

    from dinsar_cli.simulate.annotation import Image

BETA_CONSTANT: Final = 237.0
"""Digital number of unit beta nought, as the mission has it."""
PIXEL_STEP: Final = 40
LINE_STEP: Final = 10


def calibration_annotation(image: Image) -> _Element:
    """Tables from digital numbers to beta, sigma and gamma nought."""
    pixels = _pixels(image)

    def vector(row: int, line: int) -> _Element:
        angles = [radians(angle) for angle in _incidence(image, row, pixels)]
        return node(
            "calibrationVector",
            *fields(azimuthTime=stamp(image.part.annotated(image.grid.seconds[row])), line=str(line)),
            array("pixel", pixels, "d"),
            array("sigmaNought", [BETA_CONSTANT / sqrt(sin(angle)) for angle in angles], ".6e"),
            array("betaNought", [BETA_CONSTANT] * len(pixels), ".6e"),
            array("gamma", [BETA_CONSTANT / sqrt(tan(angle)) for angle in angles], ".6e"),
            array("dn", [BETA_CONSTANT] * len(pixels), ".6e"),
        )

    vectors = [vector(row, line) for row, line in enumerate(image.grid.lines)]
    return node(
        "calibration",
        header(image),
        node("calibrationInformation", node("absoluteCalibrationConstant", single(1.0))),
        counted("calibrationVectorList", vectors),
    )


def noise_annotation(image: Image) -> _Element:
    """Thermal noise in squared digital numbers: as much as the pixels have."""
    pixels = _pixels(image)
    frame = image.part.frame(image.window)
    power = 2.0 * SIGNAL**2 * 10.0 ** (image.part.campaign.scenario.coherence.noise / 10.0)
    count = len(image.part.bursts) * frame.subswath.lines
    lines = [*range(0, count - 1, LINE_STEP), count - 1]
    vectors = [
        node(
            "noiseRangeVector",
            *fields(azimuthTime=stamp(image.part.annotated(seconds)), line=str(line)),
            array("pixel", pixels, "d"),
            array("noiseRangeLut", [power] * len(pixels), ".6e"),
        )
        for seconds, line in zip(image.grid.seconds, image.grid.lines, strict=True)
    ]
    along = node(
        "noiseAzimuthVector",
        *fields(
            swath=frame.subswath.name,
            firstAzimuthLine="0",
            firstRangeSample="0",
            lastAzimuthLine=str(count - 1),
            lastRangeSample=str(frame.columns - 1),
        ),
        array("line", lines, "d"),
        array("noiseAzimuthLut", [1.0] * len(lines), ".6e"),
    )
    return node(
        "noise",
        header(image),
        counted("noiseRangeVectorList", vectors),
        counted("noiseAzimuthVectorList", [along]),
    )


def _pixels(image: Image) -> list[int]:
    """Pixels of the tables."""
    last = image.part.frame(image.window).columns - 1
    return [*range(0, last, PIXEL_STEP), last]


def _incidence(image: Image, row: int, pixels: list[int]) -> list[float]:
    """Incidence angle (deg) at pixels of a line of the geolocation grid."""
    import numpy as np

    return [float(angle) for angle in np.interp(pixels, image.grid.pixels, image.grid.incidence[row])]
