"""Parts of the product annotation that describe the azimuth spectrum: FM rates and Doppler centroids.

Their times and origins are as in real products, where neither is that of the burst: FM rates lie near the middle of
each burst, one cycle apart, and the centroids of all three subswaths are estimated together, at the middle of the
bursts of IW2 and with the origin of their range time at the first echo of the nearest subswath. Readers take the
estimate that is nearest to the middle of a burst.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np
from lxml.etree import _Element

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.xml_tree import array, counted, double, fields, node, stamp
from dinsar_cli.simulate.radar.carrier import Carrier, Polynomial
from dinsar_cli.simulate.world.instrument import (
    BURST_CYCLE,
    LINE_INTERVAL,
    RANGE_SPACING,
    SPEED_OF_LIGHT,
    SUBSWATHS,
)

RATE_DELAY: Final = 0.015
"""Time of an FM rate after the middle of its burst (s)."""
GEOMETRIC_CENTROID: Final = (2.05, -4.74e2, 8.75e4)
"""What orbit and attitude alone would predict: not what the data have, as in real products."""
BLOCK: Final = timedelta(seconds=2.777307)
"""Data of one estimate of the centroid."""
FINE_ESTIMATES: Final = 20
RMS_ERROR: Final = 5.0
"""Misfit of the estimates to their polynomial (Hz)."""


def doppler_rates(image: Image) -> Iterator[_Element]:
    """Yield the azimuth FM rates: one for each burst and one more at both ends."""
    first = image.part.flight.bursts[image.window][0].middle(image.frame.subswath.lines)
    for index, carrier in _carriers(image):
        seconds = first + RATE_DELAY + index * BURST_CYCLE
        rate = carrier.doppler_rate
        yield node(
            "azimuthFmRate",
            *fields(azimuthTime=stamp(image.part.annotated(seconds)), t0=double(rate.origin)),
            array("azimuthFmRatePolynomial", rate.coefficients, ".15e"),
        )


def doppler_centroids(image: Image) -> Iterator[_Element]:
    """Yield the Doppler centroids: one for each burst and one more at both ends."""
    part, near = image.part, image.part.frame(0)
    common = SUBSWATHS[2].burst_start - image.frame.subswath.burst_start
    first = part.flight.bursts[image.window][0].start + common + 0.5 * SUBSWATHS[2].lines * LINE_INTERVAL
    for index, carrier in _carriers(image):
        time = part.annotated(first + index * BURST_CYCLE)
        _, columns = near.signal(part.flight.index, max(index, 0))
        origin = 2.0 * (near.near_range + columns.start * RANGE_SPACING) / SPEED_OF_LIGHT
        centroid = _about(carrier.doppler_centroid, origin)
        yield node(
            "dcEstimate",
            *fields(azimuthTime=stamp(time), t0=double(origin)),
            array("geometryDcPolynomial", GEOMETRIC_CENTROID, ".6e"),
            array("dataDcPolynomial", centroid.coefficients, ".6e"),
            *fields(
                dataDcRmsError=double(RMS_ERROR),
                dataDcRmsErrorAboveThreshold="false",
                fineDceAzimuthStartTime=stamp(time - 0.5 * BLOCK),
                fineDceAzimuthStopTime=stamp(time + 0.5 * BLOCK),
            ),
            counted("fineDceList", _fine_estimates(image, centroid)),
        )


def _fine_estimates(image: Image, centroid: Polynomial) -> Iterator[_Element]:
    """Yield the estimates to which the polynomial was fitted."""
    for moment in np.linspace(image.grid.range_times[0], image.grid.range_times[-1], FINE_ESTIMATES):
        value = float(centroid.at(moment))
        yield node("fineDce", *fields(slantRangeTime=double(float(moment)), frequency=double(value)))


def _carriers(image: Image) -> Iterator[tuple[int, Carrier]]:
    """Yield the numbers in the pass and carriers of the image's bursts and of their neighbours.

    Beyond the ends of the pass the first and the last carrier hold.
    """
    bursts, carriers = image.part.bursts, image.swath.carriers[image.part.flight.index]
    for index in range(bursts.start - 1, bursts.stop + 1):
        yield index, carriers[min(max(index, 0), len(carriers) - 1)]


def _about(polynomial: Polynomial, origin: float) -> Polynomial:
    """Write the same polynomial about another origin."""
    by = origin - polynomial.origin
    c0, c1, c2 = polynomial.coefficients
    return Polynomial(origin, (c0 + by * (c1 + by * c2), c1 + 2.0 * by * c2, c2))
