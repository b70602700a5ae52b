"""The numbers of an annotation, held against what Sentinel-1 has and against each other.

An annotation says most things twice. A number that was damaged on the way, or edited, contradicts the rest of the
file, its name, or the annotation of the other date; believed, it would scale or shift a map. The limits are many
times what 46 annotations of IPF 002.36 to 003.61 have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from dinsar_cli.sentinel1.subswath import Polynomial, Subswath, parse_time

PRODUCT = "generalAnnotation/productInformation/"
IMAGE = "imageAnnotation/imageInformation/"
BURSTS = "swathTiming/burstList/burst/"

RADAR_FREQUENCY = 5.405e9
"""Centre frequency of Sentinel-1, Hz (Product Definition, S1-RS-MDA-52-7440); all satellites have it."""
_FREQUENCY_SHARE = 1e-3
_STEERING = (0.5, 2.5)  # degrees/s; IW has 0.98 to 1.59
_TIME_S = 1e-5  # s: the same in two elements differs by 2 microseconds at most
_SEAM_S = 1e-2  # s: slices that are assembled have each their own node
_WRAP_S = 1000.0  # s: seconds after the node begin again there
_RANGE_S = 1e-10  # s: 15 mm
_SPACING_SHARE = 1e-5
_RATE_SHARE = 1e-6
_FM_SHARE = 3e-3
_ESTIMATES_AROUND = timedelta(seconds=60)
_FEW_LINES = 100
_DOPPLER_HZ = 250.0  # those that are measured, over water too, are within 72
_OUTSIDE = timedelta(seconds=5)

_FIRST_LINE = ("adsHeader/startTime", IMAGE + "productFirstLineUtcTime")
_LAST_LINE = ("adsHeader/stopTime", IMAGE + "productLastLineUtcTime")

# What both dates of a pair and all images of a date have alike, and the shares by which it may differ: between
# images of one satellite, and of two, whose beams may be others.
_ALIKE = (
    (PRODUCT + "radarFrequency", "radar_frequency", 1e-6, 1e-6),
    (PRODUCT + "rangeSamplingRate", "range_sampling_rate", 1e-6, 1e-6),
    (PRODUCT + "azimuthSteeringRate", "azimuth_steering_rate", 1e-5, 0.1),
    (IMAGE + "azimuthTimeInterval", "azimuth_time_interval", 1e-6, 1e-6),
)


def check_annotation(root: etree._Element, subswath: Subswath) -> None:
    """Refuse an annotation whose numbers cannot be those of Sentinel-1, or contradict each other.

    Elements that not all processors write are compared where they are.

    Parameters
    ----------
    root : element
        ``product`` of the annotation.
    subswath : Subswath
        What was read of it.

    Raises
    ------
    ValueError
        With the element and what is wrong with it.
    """
    _check_radar(root, subswath)
    _check_size(root, subswath)
    _check_range(root, subswath)
    _check_times(root, subswath)
    _check_valid_samples(root)
    _check_estimates(subswath)


def check_span(subswath: Subswath, start: datetime, stop: datetime) -> None:
    """Refuse bursts that are not of the sensing time of their product (UTC).

    Raises
    ------
    ValueError
        With the element and what is wrong with it.
    """
    for burst in (subswath.bursts[0], subswath.bursts[-1]):
        if not start - _OUTSIDE <= burst.azimuth_time <= stop + _OUTSIDE:
            raise ValueError(
                f"{BURSTS}azimuthTime is {burst.azimuth_time:%Y-%m-%dT%H:%M:%S}, but the manifest says that the "
                f"product is of {start:%Y-%m-%dT%H:%M:%S} to {stop:%H:%M:%S}"
            )


def unlike(first: Subswath, second: Subswath, *, one_satellite: bool) -> tuple[str, float, float] | None:
    """Return an element that is not alike in two images of a subswath, with both values; None if all are alike."""
    for path, name, within, across in _ALIKE:
        one, other = getattr(first, name), getattr(second, name)
        if not math.isclose(one, other, rel_tol=within if one_satellite else across):
            return path, one, other
    return None


def _check_radar(root: etree._Element, subswath: Subswath) -> None:
    if abs(subswath.radar_frequency / RADAR_FREQUENCY - 1) > _FREQUENCY_SHARE:
        raise ValueError(
            f"{PRODUCT}radarFrequency is {subswath.radar_frequency:.9g} Hz; that of Sentinel-1 is "
            f"{RADAR_FREQUENCY:.4g} Hz"
        )
    low, high = _STEERING
    if not low <= abs(subswath.azimuth_steering_rate) <= high:
        raise ValueError(
            f"{PRODUCT}azimuthSteeringRate is {subswath.azimuth_steering_rate:g} degrees/s; in IW it is 1 to 1.6"
        )
    rate = _optional(root, IMAGE + "azimuthFrequency")
    if rate is not None and abs(rate * subswath.azimuth_time_interval - 1) > _RATE_SHARE:
        raise ValueError(
            f"{IMAGE}azimuthTimeInterval is {subswath.azimuth_time_interval!r} s, but azimuthFrequency is "
            f"{rate!r} Hz"
        )


def _check_size(root: etree._Element, subswath: Subswath) -> None:
    for name, found, made in (
        ("numberOfSamples", subswath.samples, "swathTiming/samplesPerBurst"),
        (
            "numberOfLines",
            subswath.lines_per_burst * len(subswath.bursts),
            f"swathTiming/linesPerBurst times {len(subswath.bursts)} bursts",
        ),
    ):
        text = root.findtext(IMAGE + name)
        if text is not None and int(text) != found:
            raise ValueError(f"{made} is {found}, but {IMAGE}{name} is {text.strip()}")
    listed = root.find("swathTiming/burstList")
    count = None if listed is None else listed.get("count")
    if count is not None and int(count) != len(subswath.bursts):
        raise ValueError(f"swathTiming/burstList has {len(subswath.bursts)} bursts, but its count is {count}")
    for burst in subswath.bursts:
        if burst.last_valid_sample >= subswath.samples:
            raise ValueError(
                f"{BURSTS}lastValidSample is {burst.last_valid_sample}, but swathTiming/samplesPerBurst is "
                f"{subswath.samples}"
            )


def _check_valid_samples(root: etree._Element) -> None:
    """Refuse a burst in which one line alone is valid from or to another sample than all others."""
    for index, burst in enumerate(root.iterfind("swathTiming/burstList/burst")):
        for name in ("firstValidSample", "lastValidSample"):
            samples = np.array(burst.findtext(name, "").split(), dtype=np.int64)
            samples = samples[samples >= 0]
            values, counts = np.unique(samples, return_counts=True)
            if len(values) == 2 and counts.min() == 1 and counts.max() >= _FEW_LINES:
                raise ValueError(
                    f"{BURSTS}{name} of burst {index} is {values[counts.argmin()]} in one line and "
                    f"{values[counts.argmax()]} in all others"
                )


def _check_range(root: etree._Element, subswath: Subswath) -> None:
    """Compare the range of the samples with the geolocation grid, which says it again, and with their spacing."""
    spacing = _optional(root, IMAGE + "rangePixelSpacing")
    if spacing is not None and not math.isclose(spacing, subswath.range_spacing, rel_tol=_SPACING_SHARE):
        raise ValueError(
            f"{PRODUCT}rangeSamplingRate is {subswath.range_sampling_rate!r} Hz, which are "
            f"{subswath.range_spacing:.6f} m, but {IMAGE}rangePixelSpacing is {spacing!r} m"
        )
    points = [
        (float(pixel), float(time))
        for point in root.iterfind("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
        if (pixel := point.findtext("pixel")) is not None and (time := point.findtext("slantRangeTime")) is not None
    ]
    if not points:
        return
    pixels, times = np.array(points).T
    if pixels.max() >= subswath.samples:
        raise ValueError(
            f"swathTiming/samplesPerBurst is {subswath.samples}, but geolocationGrid has a point at pixel "
            f"{pixels.max():.0f}"
        )
    nearest = times[pixels == 0]
    # the median, so that a single point that is wrong, and is not used, does not matter
    off = float(np.median(nearest)) - subswath.slant_range_time if len(nearest) else 0.0
    if abs(off) > _RANGE_S:
        raise ValueError(
            f"{IMAGE}slantRangeTime is {subswath.slant_range_time!r} s, but by geolocationGrid the range begins at "
            f"{subswath.slant_range_time + off:.12g} s"
        )


def _check_times(root: etree._Element, subswath: Subswath) -> None:
    """Compare the times of the bursts with those after the ascending node, and with the ends of the image."""
    assembled = root.findtext(IMAGE + "productComposition", "").strip().lower() == "assembled"
    tolerance = _SEAM_S if assembled else _TIME_S
    for before, burst in zip(subswath.bursts, subswath.bursts[1:], strict=False):
        step = (burst.azimuth_time - before.azimuth_time).total_seconds()
        if step <= 0:
            raise ValueError(f"{BURSTS}azimuthTime of burst {burst.index} is not later than that of the one before")
        other = burst.azimuth_anx_time - before.azimuth_anx_time
        if tolerance < abs(step - other) and not (other < 0 and abs(step - other) > _WRAP_S):
            raise ValueError(
                f"{BURSTS}azimuthTime of burst {burst.index} is {step:.6f} s after the one before, but "
                f"azimuthAnxTime says {other:.6f} s"
            )
    duration = timedelta(seconds=(subswath.lines_per_burst - 1) * subswath.azimuth_time_interval)
    ends = (subswath.bursts[0].azimuth_time, subswath.bursts[-1].azimuth_time + duration)
    for names, time in zip((_FIRST_LINE, _LAST_LINE), ends, strict=True):
        for name in names:
            text = root.findtext(name)
            if text is not None and abs((parse_time(text) - time).total_seconds()) > _SEAM_S:
                raise ValueError(
                    f"{name} is {text.strip()}, but by its bursts that of the image is {time:%H:%M:%S.%f}"
                )


def _check_estimates(subswath: Subswath) -> None:
    """Compare each azimuth FM rate and Doppler centroid with the others: they hardly change in a product."""
    first, last = (subswath.bursts[end].azimuth_time for end in (0, -1))
    for element, polynomials in (
        ("azimuthFmRateList", subswath.fm_rates),
        ("dcEstimateList", subswath.doppler_centroids),
    ):
        for one in polynomials:
            if not first - _ESTIMATES_AROUND <= one.azimuth_time <= last + _ESTIMATES_AROUND:
                raise ValueError(
                    f"{element} has an azimuthTime of {one.azimuth_time:%Y-%m-%dT%H:%M:%S}, but the bursts are of "
                    f"{first:%Y-%m-%dT%H:%M:%S} to {last:%H:%M:%S}"
                )
    near = subswath.slant_range_time
    taus = near + np.array([0.0, 0.5, 1.0]) * (subswath.samples - 1) / subswath.range_sampling_rate
    rates = _values(subswath.fm_rates, taus)
    middle = np.median(rates, axis=0)
    if (middle >= 0).any():
        raise ValueError(
            f"azimuthFmRateList gives an azimuth FM rate of {middle.max():g} Hz/s; those of IW are negative"
        )
    _single_out("azimuthFmRateList", "Hz/s", rates, np.abs(rates / middle - 1) > _FM_SHARE)
    centroids = _values(subswath.doppler_centroids, taus)
    far = np.abs(centroids - np.median(centroids, axis=0)) > _DOPPLER_HZ
    _single_out("dcEstimateList", "Hz", centroids, far)


def _values(polynomials: Sequence[Polynomial], taus: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return polynomials of range time at some of them, shape (polynomials, times)."""
    return np.array([np.polyval(one.coefficients[::-1], taus - one.t0) for one in polynomials])


def _single_out(element: str, unit: str, values: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{element} gives {values[row, column]:g} {unit} in entry {row + 1}, but "
            f"{np.median(values[:, column]):g} {unit} in most of the others"
        )


def _optional(root: etree._Element, path: str) -> float | None:
    text = root.findtext(path)
    return None if text is None else float(text)
