"""TOPS interferometry, step by step: pure functions on arrays.

They are taken in this order for each strip of the scene:

1. `locate`: ground point, and time and range in the secondary orbit, of every node of the radar grid;
2. `deramp` the secondary burst, `resample` it onto the reference, and `align` its phase: with the carrier again,
   and without the geometric phase (`geometric_phase`);
3. `form_interferogram`: reference x conj(secondary);
4. `multilook`; then on the whole look grid
5. `coherence`, of the unfiltered interferogram;
6. `goldstein.goldstein`;
7. `unwrap`.

Signs: the phase is ``4 pi / lambda (R_secondary - R_reference)`` of the ground that moved; positive is away from
the satellite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.radar.geometry import LookPlanes, Orbit, cartesian_to_geodetic, los_vector, zero_doppler

Floats = NDArray[np.floating[Any]]
Complexes = NDArray[np.complex64]
HeightModel = Callable[[Floats, Floats], Floats]

_HEIGHT_TOLERANCE = 1e-3  # m
_RESAMPLE_TAPS = 4  # pixels on each side that Lanczos-4 looks at
_RESAMPLE_PARTS = 32  # of a sample, for which OpenCV has the weights in a table
PREFILTER = 0.3
"""Strength of the filter that only guides the unwrapper: wrong cycles become 3 to 10 times rarer.

Of a bowl of a fringe in still ground it takes the fringe, and with it a cycle: at 0.7 where the deviation is
12 look cells or less, at 0.5 where it is 8.
"""
_LEAST_PREFILTERED = 128  # look cells on a side: its patches and their margins need as many
_LEAST_COMPONENT = 100  # look cells
_MOST_LOOKS = 300.0  # of whirlwind's table of costs: it takes as many for more, and says so on the terminal


@dataclass(frozen=True)
class SeenPoints:
    """Where an orbit sees the ground points of a radar grid: zero-Doppler time (s) and slant range (m)."""

    time: Floats
    range: Floats

    @classmethod
    def of(cls, orbit: Orbit, position: Floats, time: Floats) -> SeenPoints:
        """Return where an orbit sees points.

        Parameters
        ----------
        orbit : Orbit
            With an epoch as much later than that of the reference as the date is.
        position : ndarray
            Earth-fixed, metres; shape (lines, samples, 3).
        time : ndarray
            Zero-Doppler times of the lines in the reference orbit, s; shape (lines,).
        """
        return cls(*zero_doppler(orbit, position, time[:, None]))


@dataclass(frozen=True)
class GroundPoints:
    """What is seen at the nodes of a radar grid; every array of shape (lines, samples).

    Attributes
    ----------
    longitude, latitude : ndarray
        Degrees; NaN outside the height model, as all that depends on where a point is.
    height : ndarray
        Metres above the WGS84 ellipsoid.
    los : ndarray
        Unit vector from the ground to the satellite in east, north, up; shape (3, lines, samples).
    secondary_time, secondary_range : ndarray
        Zero-Doppler time (s) and slant range (m) of the same points in the secondary orbit.
    position : ndarray
        Of the points, Earth-fixed, metres; shape (lines, samples, 3).
    """

    longitude: Floats
    latitude: Floats
    height: Floats
    los: Floats
    secondary_time: Floats
    secondary_range: Floats
    position: Floats

    @property
    def seen(self) -> SeenPoints:
        """Where the secondary orbit sees them."""
        return SeenPoints(self.secondary_time, self.secondary_range)


def locate(
    reference: Orbit,
    secondary: Orbit,
    time: Floats,
    slant_range: Floats,
    heights: HeightModel,
    height_range: tuple[float, float],
) -> GroundPoints:
    """Find the ground points of a radar grid on a height model, and see them from the secondary orbit.

    On the circle of one zero-Doppler time and range, the height above the ellipsoid minus that of the model
    changes sign between the lowest and the highest height; its root is found by the Anderson-Bjorck variant of
    regula falsi. Where the model is met more than once (layover), one of the points is taken.

    Parameters
    ----------
    reference, secondary : Orbit
        Their epochs lie as far apart as the two dates, so that one time is about the same place in both.
    time : ndarray
        Zero-Doppler times of the lines, s; shape (lines,).
    slant_range : ndarray
        Slant ranges of the samples, m; shape (samples,).
    heights : callable
        Height in metres at longitude, latitude (degrees); NaN outside the model.
    height_range : (float, float)
        Lowest and highest height of the model.
    """
    planes = LookPlanes.at(reference, time)
    ranges = np.broadcast_to(slant_range, (time.size, slant_range.size))
    look = _look_at_terrain(planes, ranges, heights, height_range)
    point = planes.point(ranges, look)
    longitude, latitude, height = cartesian_to_geodetic(point)
    los = los_vector(planes.position, point, longitude, latitude)
    known = np.isfinite(heights(longitude, latitude))
    point = np.where(known[..., None], point, np.nan)
    seen = SeenPoints.of(secondary, point, time)
    return GroundPoints(
        np.where(known, longitude, np.nan),
        np.where(known, latitude, np.nan),
        height,
        np.moveaxis(los, -1, 0),
        seen.time,
        seen.range,
        point,
    )


def _look_at_terrain(
    planes: LookPlanes, slant_range: Floats, heights: HeightModel, height_range: tuple[float, float]
) -> Floats:
    def excess(look: Floats) -> Floats:
        longitude, latitude, height = cartesian_to_geodetic(planes.point(slant_range, look))
        model = heights(longitude, latitude)
        return height - np.where(np.isfinite(model), model, middle)

    middle = (height_range[0] + height_range[1]) / 2
    low, high = (
        planes.look_for_height(slant_range, np.asarray(height))
        for height in (height_range[0] - 1, height_range[1] + 1)
    )
    f_low, f_high = excess(low), excess(high)
    look = low
    for _ in range(40):
        look = (low * f_high - high * f_low) / (f_high - f_low)
        f_look = excess(look)
        if np.all(np.abs(f_look) < _HEIGHT_TOLERANCE):
            break
        same = f_look * f_high > 0  # the root lies between low and look
        # Anderson and Bjorck (1973): shrink the value at the end that stays, so that it does not stay for ever
        kept = np.where(same, f_high, f_low)
        with np.errstate(divide="ignore", invalid="ignore"):  # an end may lie on the terrain already
            shrink = 1 - f_look / kept
        shrink = np.where((shrink > 0) & np.isfinite(shrink), shrink, 0.5)
        low, f_low = np.where(same, low, look), np.where(same, f_low * shrink, f_look)
        high, f_high = np.where(same, look, high), np.where(same, f_look, f_high * shrink)
    return look


def tops_carrier(doppler: Any, azimuth_time: Floats, range_time: Floats) -> Floats:
    """Return the phase of the TOPS carrier: deramping and demodulation together.

    ``pi k_t (eta - eta_ref)**2 + 2 pi f_dc (eta - eta_ref)``: equations 13 and 14 of [1]_.

    Parameters
    ----------
    doppler : eos.products.sentinel1.doppler_info.Sentinel1Doppler
        Rates of the burst.
    azimuth_time : ndarray
        Seconds from the middle of the burst.
    range_time : ndarray
        Two-way slant range time, seconds; broadcast against `azimuth_time`.

    Returns
    -------
    ndarray
        Radians.

    References
    ----------
    .. [1] Miranda (2014), "Definition of the TOPS SLC deramping function for products generated by the S-1 IPF",
       COPE-GSEG-EOPG-TN-14-0025.
    """
    rate = doppler.get_rg_dpt_dop_rate(range_time)
    centroid = doppler.get_dop_centroid(range_time)
    delta = azimuth_time - doppler.get_ref_time(centroid, rate)
    phase: Floats = (np.pi * doppler.get_dop_rate(rate) * delta + 2 * np.pi * centroid) * delta
    return phase


def phasor(phase: Floats) -> Complexes:
    """``exp(1j phase)`` in single precision, exact for large phases in double precision (radians)."""
    cycles = phase / (2 * np.pi)
    small = ((cycles - np.rint(cycles)) * (2 * np.pi)).astype(np.float32)
    out = np.empty(small.shape, np.complex64)
    np.cos(small, out=out.real)
    np.sin(small, out=out.imag)
    return out


def deramp(slc: Complexes, carrier: Floats) -> Complexes:
    """Take the TOPS carrier (radians) out of a burst: its spectrum is then centred at zero and can be resampled."""
    return slc * np.conj(phasor(carrier))


def resample(slc: Complexes, line: Floats, sample: Floats) -> Complexes:
    """Interpolate a deramped burst at fractional positions (Lanczos, eight taps each way).

    Parameters
    ----------
    slc : ndarray
        Deramped samples; shape (lines, samples).
    line, sample : ndarray
        Positions in `slc`.

    Returns
    -------
    ndarray
        Of the shape of `line`; zero where the taps would leave `slc`.
    """
    import cv2

    channels = np.ascontiguousarray(slc).view(np.float32).reshape(*slc.shape, 2)
    out = cv2.remap(
        channels,
        sample.astype(np.float32),
        line.astype(np.float32),
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    resampled = np.ascontiguousarray(out).view(np.complex64)[..., 0]
    inside = (line >= _RESAMPLE_TAPS) & (line <= slc.shape[0] - 1 - _RESAMPLE_TAPS)
    inside &= (sample >= _RESAMPLE_TAPS) & (sample <= slc.shape[1] - 1 - _RESAMPLE_TAPS)
    return np.where(inside, resampled, np.complex64(0))


def resampled_at(position: Floats) -> Floats:
    """Return the positions of which `resample` gives the samples: it knows 32 parts of a sample."""
    return np.rint(position.astype(np.float32) * _RESAMPLE_PARTS) / _RESAMPLE_PARTS


def geometric_phase(reference_range: Floats, secondary_range: Floats, wavelength: float) -> Floats:
    """Give flat-Earth and topographic phase together, ``4 pi / lambda (R_secondary - R_reference)``, radians."""
    return 4 * np.pi / wavelength * (secondary_range - reference_range)


def align(secondary: Complexes, carrier: Floats, geometry: Floats) -> Complexes:
    """Give a resampled burst the phase that it has in an interferogram with the reference.

    Parameters
    ----------
    secondary : ndarray
        Deramped samples on the grid of the reference.
    carrier : ndarray
        TOPS carrier of the secondary burst at those samples, radians: it is put back.
    geometry : ndarray
        Flat-Earth and topographic phase, radians: it is taken out.
    """
    return secondary * phasor(carrier + geometry)


def form_interferogram(reference: Complexes, secondary: Complexes) -> Complexes:
    """Form ``reference x conj(secondary)``.

    Parameters
    ----------
    reference : ndarray
        Samples of the reference burst, with their carrier; or those of another date, aligned with it.
    secondary : ndarray
        Aligned samples of the secondary burst.
    """
    return reference * np.conj(secondary)


def multilook(values: NDArray[Any], looks_azimuth: int, looks_range: int) -> NDArray[Any]:
    """Return the sum over look cells; shape (lines // looks_azimuth, samples // looks_range)."""
    lines, samples = values.shape[0] // looks_azimuth, values.shape[1] // looks_range
    whole = values[: lines * looks_azimuth, : samples * looks_range]
    return whole.reshape(lines, looks_azimuth, samples, looks_range).sum(axis=(1, 3))


def coherence(
    cross: Complexes, power_reference: NDArray[Any], power_secondary: NDArray[Any], window: int
) -> NDArray[np.float32]:
    """Sample coherence over a window of look cells: ``|sum s1 s2*| / sqrt(sum |s1|^2 sum |s2|^2)``.

    Parameters
    ----------
    cross, power_reference, power_secondary : ndarray
        Sums over look cells of the unfiltered, flattened interferogram and of both powers.
    window : int
        Look cells on a side, odd.
    """

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        averaged: NDArray[Any] = uniform_filter(values, window, mode="constant")
        return averaged

    joint = mean(np.real(cross)) + 1j * mean(np.imag(cross))
    power = np.sqrt(np.maximum(mean(power_reference) * mean(power_secondary), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = np.where(power > 0, np.abs(joint) / power, 0)
    return np.clip(estimate, 0, 1).astype(np.float32)


def unwrap(
    wrapped: Complexes, coherence: NDArray[np.float32], effective_looks: float, reliability: float
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Unwrap by a minimum-cost flow weighted by coherence (whirlwind), with connected components.

    Parameters
    ----------
    wrapped : ndarray
        Filtered interferogram; NaN where there is no data.
    coherence : ndarray
        0 to 1.
    effective_looks : float
        Independent looks of `coherence`.
    reliability : float
        Inverse variance below which two cells are not joined in a component.

    Returns
    -------
    unwrapped : ndarray
        Radians; NaN where there is no data.
    components : ndarray
        From 1, the largest first; 0 where there is none.
    """
    import whirlwind

    valid = np.isfinite(wrapped) & (wrapped != 0)
    phase, labels = whirlwind.unwrap(
        np.where(valid, wrapped, np.complex64(0)),
        np.where(valid, coherence, np.float32(0)),
        min(max(1.0, effective_looks), _MOST_LOOKS),
        mask=valid,
        conncomp_reliability=reliability,
        min_size_px=max(1, min(_LEAST_COMPONENT, wrapped.size // 10)),
        goldstein_alpha=PREFILTER if min(wrapped.shape) >= _LEAST_PREFILTERED else 0.0,
    )
    angle = np.angle(np.where(valid, wrapped, np.complex64(1)))
    cycles = np.rint((phase.astype(np.float64) - angle) / (2 * np.pi))
    unwrapped = np.where(valid & np.isfinite(phase), angle + 2 * np.pi * cycles, np.nan).astype(np.float32)
    return unwrapped, _by_size(np.where(valid, labels, 0))


def _by_size(labels: NDArray[Any]) -> NDArray[np.uint16]:
    """Renumber components from 1, the largest first."""
    names, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = [i for i in np.argsort(-counts, kind="stable") if names[i] != 0]
    rank = np.zeros(len(names), np.uint16)
    rank[order] = np.arange(1, len(order) + 1)
    renamed: NDArray[np.uint16] = rank[inverse].reshape(labels.shape)
    return renamed
