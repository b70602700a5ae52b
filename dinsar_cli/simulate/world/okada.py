"""Surface displacement of a rectangular dislocation in an elastic half-space: Okada (1985).

Okada, Y. (1985), Surface deformation due to shear and tensile faults in a half-space, Bull. Seismol. Soc.
Am. 75, 1135-1154, equations (25) to (30). Symbols are those of the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, radians, sin, tan
from typing import Final

import numpy as np

from dinsar_cli.simulate.world.arrays import Floats

VERTICAL_DIP: Final = 1e-8
"""Below this cosine of the dip the paper's formulas for vertical faults apply."""


@dataclass(frozen=True)
class Dislocations:
    """Slip of the hanging wall: along strike (U1), up dip (U2) and opening (U3), in metres."""

    strike: float = 0.0
    dip: float = 0.0
    tensile: float = 0.0


@dataclass(frozen=True)
class _Terms:
    """The quantities of equation (30) for one corner of the fault."""

    xi: Floats
    eta: Floats
    q: Floats
    radius: Floats
    y_tilde: Floats
    d_tilde: Floats
    arctangent: Floats
    inverse_eta: Floats
    inverse_xi: Floats


def surface_displacement(
    x: Floats,
    y: Floats,
    *,
    depth: float,
    dip: float,
    length: float,
    width: float,
    slip: Dislocations,
    poisson: float = 0.25,
) -> tuple[Floats, Floats, Floats]:
    """Return the displacement at the surface in the fault's frame (Okada 1985, figure 1).

    Parameters
    ----------
    x, y : ndarray
        Along strike from the fault's lower left corner, and across, toward the up-dip side (m).
    depth : float
        Depth of the lower edge (m).
    dip : float
        Dip (deg).
    length, width : float
        Along strike and along dip (m).
    slip : Dislocations
    poisson : float
        Poisson's ratio.

    Returns
    -------
    ux, uy, uz : ndarray
        Metres; z is up.
    """
    delta = radians(dip)
    p = y * cos(delta) + depth * sin(delta)
    q = y * sin(delta) - depth * cos(delta)
    ratio = 1.0 - 2.0 * poisson  # mu / (lambda + mu)

    def corner(xi: Floats, eta: Floats) -> tuple[Floats, Floats, Floats]:
        return _corner(_terms(xi, eta, q, delta), delta, ratio, slip)

    return _chinnery(corner, x, p, length, width)


def _chinnery(
    function: Callable[[Floats, Floats], tuple[Floats, Floats, Floats]],
    x: Floats,
    p: Floats,
    length: float,
    width: float,
) -> tuple[Floats, Floats, Floats]:
    """Chinnery's notation, equation (24): f(x, p) - f(x, p - W) - f(x - L, p) + f(x - L, p - W)."""
    parts = (
        function(x, p),
        function(x, p - width),
        function(x - length, p),
        function(x - length, p - width),
    )
    ux, uy, uz = (a - b - c + d for a, b, c, d in zip(*parts, strict=True))
    return ux, uy, uz


def _terms(xi: Floats, eta: Floats, q: Floats, delta: float) -> _Terms:
    radius = np.sqrt(xi**2 + eta**2 + q**2)
    # Rules (i) to (iii) below equation (30): the singular terms vanish on the edges and in the plane.
    flat = np.abs(q) < 1e-9 * np.maximum(radius, 1.0)
    arctangent = np.where(flat, 0.0, np.arctan2(xi * eta, np.where(flat, 1.0, q * radius)))
    arctangent = np.where(arctangent > pi / 2, arctangent - pi, arctangent)
    arctangent = np.where(arctangent < -pi / 2, arctangent + pi, arctangent)
    return _Terms(
        xi=xi,
        eta=eta,
        q=q,
        radius=radius,
        y_tilde=eta * cos(delta) + q * sin(delta),
        d_tilde=eta * sin(delta) - q * cos(delta),
        arctangent=arctangent,
        inverse_eta=_inverse(radius + eta, radius),
        inverse_xi=_inverse(radius + xi, radius),
    )


def _inverse(value: Floats, scale: Floats) -> Floats:
    """Return 1 / value, and 0 where the value vanishes against `scale`."""
    singular = value < 1e-12 * np.maximum(scale, 1e-12)
    return np.where(singular, 0.0, 1.0 / np.where(singular, 1.0, value))


def _corner(t: _Terms, delta: float, ratio: float, slip: Dislocations) -> tuple[Floats, Floats, Floats]:
    """Return the equations (25), (26) and (27) for one corner."""
    sin_d, cos_d = sin(delta), cos(delta)
    i1, i2, i3, i4, i5 = _integrals(t, delta, ratio)
    q, radius = t.q, t.radius
    over_eta = t.inverse_eta / radius
    over_xi = t.inverse_xi / radius
    strike, dip, tensile = (u / (2.0 * pi) for u in (slip.strike, slip.dip, slip.tensile))
    spread = t.xi * q * over_eta - t.arctangent
    ux = (
        -strike * (t.xi * q * over_eta + t.arctangent + i1 * sin_d)
        - dip * (q / radius - i3 * sin_d * cos_d)
        + tensile * (q**2 * over_eta - i3 * sin_d**2)
    )
    uy = (
        -strike * (t.y_tilde * q * over_eta + q * cos_d * t.inverse_eta + i2 * sin_d)
        - dip * (t.y_tilde * q * over_xi + cos_d * t.arctangent - i1 * sin_d * cos_d)
        + tensile * (-t.d_tilde * q * over_xi - sin_d * spread - i1 * sin_d**2)
    )
    uz = (
        -strike * (t.d_tilde * q * over_eta + q * sin_d * t.inverse_eta + i4 * sin_d)
        - dip * (t.d_tilde * q * over_xi + sin_d * t.arctangent - i5 * sin_d * cos_d)
        + tensile * (t.y_tilde * q * over_xi + cos_d * spread - i5 * sin_d**2)
    )
    return ux, uy, uz


def _integrals(t: _Terms, delta: float, ratio: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """I1 to I5: equations (28) and, for vertical faults, (29)."""
    depth_sum = t.radius + t.d_tilde
    # Rule (iv): ln(R + eta) becomes -ln(R - eta) where R + eta vanishes.
    logarithm = np.where(
        t.inverse_eta > 0.0,
        np.log(np.where(t.inverse_eta > 0.0, t.radius + t.eta, 1.0)),
        -np.log(np.where(t.inverse_eta > 0.0, 1.0, t.radius - t.eta)),
    )
    sin_d, cos_d = sin(delta), cos(delta)
    if abs(cos_d) < VERTICAL_DIP:
        i1 = -0.5 * ratio * t.xi * t.q / depth_sum**2
        i3 = 0.5 * ratio * (t.eta / depth_sum + t.y_tilde * t.q / depth_sum**2 - logarithm)
        i4 = -ratio * t.q / depth_sum
        i5 = -ratio * t.xi * sin_d / depth_sum
        return i1, -ratio * logarithm - i3, i3, i4, i5
    chord = np.sqrt(t.xi**2 + t.q**2)
    on_axis = np.abs(t.xi) < 1e-12 * np.maximum(t.radius, 1e-12)
    numerator = t.eta * (chord + t.q * cos_d) + chord * (t.radius + chord) * sin_d
    denominator = np.where(on_axis, 1.0, t.xi * (t.radius + chord) * cos_d)
    i5 = np.where(on_axis, 0.0, ratio * 2.0 / cos_d * np.arctan(numerator / denominator))
    i4 = ratio / cos_d * (np.log(depth_sum) - sin_d * logarithm)
    i3 = ratio * (t.y_tilde / (cos_d * depth_sum) - logarithm) + tan(delta) * i4
    i1 = ratio * (-t.xi / (cos_d * depth_sum)) - tan(delta) * i5
    return i1, -ratio * logarithm - i3, i3, i4, i5
