"""Calibration, thermal noise and interference: ``annotation/calibration/*.xml`` and ``annotation/rfi/*.xml``."""

from __future__ import annotations

from math import ceil, radians, sin, sqrt, tan
from typing import Final

import numpy as np
from lxml.etree import _Element

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.annotation.parts import header
from dinsar_cli.simulate.files.xml_tree import array, counted, fields, node, single, stamp
from dinsar_cli.simulate.radar.render import SIGNAL
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL

BETA_CONSTANT: Final = 237.0
"""Digital number of unit beta nought, as the mission has it."""
PIXEL_STEP: Final = 40
LINE_STEP: Final = 10
DIVERGENCE: Final = 4.0
POWER_RATIO: Final = 6.5
"""Figures of the search for interference when there is none."""


def calibration_annotation(image: Image) -> _Element:
    """Return the tables from digital numbers to beta, sigma and gamma nought, every second."""
    pixels = _pixels(image)

    def vector(seconds: float) -> _Element:
        angles = [radians(angle) for angle in _incidence(image, seconds, pixels)]
        return node(
            "calibrationVector",
            *fields(azimuthTime=stamp(image.part.annotated(seconds)), line=str(image.line_at(seconds))),
            array("pixel", pixels, "d"),
            array("sigmaNought", [BETA_CONSTANT / sqrt(sin(angle)) for angle in angles], ".6e"),
            array("betaNought", [BETA_CONSTANT] * len(pixels), ".6e"),
            array("gamma", [BETA_CONSTANT / sqrt(tan(angle)) for angle in angles], ".6e"),
            array("dn", [BETA_CONSTANT] * len(pixels), ".6e"),
        )

    starts = [image.part.of_window(window) for window in range(len(image.part.campaign.windows))]
    first = min(bursts[0].start for bursts in starts)
    count = ceil(max(bursts[-1].start for bursts in starts) + image.duration - first) + 1
    return node(
        "calibration",
        header(image),
        node("calibrationInformation", node("absoluteCalibrationConstant", single(1.0))),
        counted("calibrationVectorList", [vector(first + second) for second in range(count)]),
    )


def noise_annotation(image: Image) -> _Element:
    """Return thermal noise in squared digital numbers, as much as the pixels have.

    At each burst and at the next one.
    """
    pixels = _pixels(image)
    frame, bursts = image.frame, image.bursts()
    power = 2.0 * SIGNAL**2 * 10.0 ** (image.part.campaign.scenario.coherence.noise / 10.0)
    count = len(bursts) * frame.subswath.lines
    lines = [*range(0, count - 1, LINE_STEP), count - 1]
    within = round((image.burst_start(len(bursts)) - bursts[-1].start) / LINE_INTERVAL)
    rows = [number * frame.subswath.lines for number in range(len(bursts))]
    vectors = [
        node(
            "noiseRangeVector",
            *fields(azimuthTime=stamp(image.part.annotated(image.burst_start(number))), line=str(line)),
            array("pixel", pixels, "d"),
            array("noiseRangeLut", [power] * len(pixels), ".6e"),
        )
        for number, line in enumerate([*rows, rows[-1] + within])
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


def interference_annotation(image: Image) -> _Element:
    """Report no interference by other radio sources, neither in the noise lines nor in the bursts."""
    name, numbers = image.frame.subswath.name, range(-1, len(image.bursts()) + 1)
    delay = image.frame.subswath.sensing_delay
    noise = [
        node(
            "rfiDetectionFromNoiseReport",
            *fields(
                swath=name,
                noiseSensingTime=stamp(image.part.annotated(image.burst_start(number) + delay)),
                rfiDetected="false",
                maxKLDivergence=single(DIVERGENCE),
                maxFisherZ=single(DIVERGENCE),
                maxRfiPsd=single(0.0),
            ),
        )
        for number in numbers
    ]
    bursts = [
        node(
            "rfiBurstReport",
            *fields(
                swath=name,
                azimuthTime=stamp(image.part.annotated(image.burst_start(number))),
                inBandOutBandPowerRatio=single(POWER_RATIO),
            ),
        )
        for number in numbers
    ]
    return node(
        "rfi",
        header(image),
        node("rfiMitigationApplied", "None"),
        counted("rfiDetectionFromNoiseReportList", noise),
        counted("rfiBurstReportList", bursts),
    )


def _pixels(image: Image) -> list[int]:
    """Return the pixels of the tables."""
    last = image.frame.columns - 1
    return [*range(0, last, PIXEL_STEP), last]


def _incidence(image: Image, seconds: float, pixels: list[int]) -> list[float]:
    """Incidence angle (deg) at pixels of a line, from the row of the geolocation grid that is nearest in time."""
    row = int(np.argmin(np.abs(np.array(image.grid.line_seconds) - seconds)))
    return [float(angle) for angle in np.interp(pixels, image.grid.pixels, image.grid.incidence[row])]
