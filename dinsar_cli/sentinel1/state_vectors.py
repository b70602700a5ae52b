"""State vectors of an orbit, held against each other: a satellite flies smoothly, a damaged number does not.

The positions and velocities of real orbit files fit their neighbours to some hundredths of a millimetre, and of a
millimetre a second. Thrusters bend an orbit for a while; a wrong vector stands alone, because without it all the
others fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_NODES = 7
"""Vectors that are looked at together: what a polynomial of degree 5 leaves of an orbit in a minute is 0.01 mm."""
_LEFT = 0.04
"""Share of the misfit that may be left without the vector that is to blame; a manoeuvre leaves more."""


class _Tolerance(NamedTuple):
    """Misfit from which a single vector is wrong, and from which an orbit is broken, whatever the reason.

    The second is beyond manoeuvres: thrusters of 1 N make some 0.002 m/s², which are 0.04 m in the positions and
    0.004 m/s in the velocities; a kick of 0.05 m/s makes 0.12 m and 0.025 m/s.
    """

    single: float
    bend: float


_POSITION = _Tolerance(0.003, 0.2)  # m
_VELOCITY = _Tolerance(0.001, 0.05)  # m/s
_CONSISTENT = 0.05  # m/s: the velocity against the change of the positions; the kick makes 0.03
_ALONG = 0.15
"""Weight of the part of a position along the flight: times have whole microseconds, in which it flies 7.6 mm."""


def misfit_of(times: NDArray[np.datetime64], vectors: NDArray[np.float64], *, exact: bool = True) -> str:
    """Say which state vector does not fit its neighbours.

    Parameters
    ----------
    times : ndarray of datetime64, shape (n,)
        Strictly increasing, without gaps.
    vectors : ndarray, shape (n, 6)
        Position (m) and velocity (m/s). Fewer than seven are not looked at: with the minute that an orbit reaches
        beyond a scene on both sides there are more.
    exact : bool
        Whether a single vector that is off by millimetres is wrong; else by decimetres, as with those of an
        annotation, which early processors rounded.

    Returns
    -------
    str
        A sentence for the user; empty if all fit.
    """
    if len(times) < _NODES:
        return ""
    seconds = (times - times[0]) / np.timedelta64(1, "s")
    position, velocity = vectors[:, :3], vectors[:, 3:]
    flight = velocity / np.linalg.norm(velocity, axis=1, keepdims=True)
    for name, unit, orbit, tolerance in (
        ("position", "m", _Track(seconds, position, flight), _POSITION),
        ("velocity", "m/s", _Track(seconds, velocity, None), _VELOCITY),
    ):
        found = _outlier(orbit, tolerance if exact else _Tolerance(tolerance.bend, tolerance.bend))
        if found is not None:
            return (
                f"The {name} of {times[found.row]} UTC does not fit those before and after it: it is "
                f"{found.size:.2g} {unit} off the orbit that they give."
            )
    return _inconsistency(times, seconds, position, velocity)


class _Track(NamedTuple):
    """Positions or velocities in time, shape (n, 3); of positions the direction of flight too."""

    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    flight: NDArray[np.float64] | None

    def of(self, rows: NDArray[np.int_]) -> _Track:
        """Return some of the rows."""
        return _Track(self.seconds[rows], self.values[rows], None if self.flight is None else self.flight[rows])

    @property
    def roughness(self) -> NDArray[np.float64]:
        """What the polynomial through six of seven rows in succession leaves of the row that it tells best.

        In the unit of the values, shape (n - 6,); empty of fewer than seven rows.
        """
        count = max(len(self.seconds) - _NODES + 1, 0)
        nodes = np.arange(count)[:, None] + np.arange(_NODES)
        left = np.einsum("nw,nwc->nc", _weights(self.seconds[nodes]), self.values[nodes])
        if self.flight is not None:
            forward = self.flight[nodes[:, _NODES // 2]]
            left -= (1 - _ALONG) * np.sum(left * forward, axis=1, keepdims=True) * forward
        return np.linalg.norm(left, axis=1)


class _Misfit(NamedTuple):
    """The row of a vector, and how far it is off the others."""

    row: int
    size: float


def _outlier(track: _Track, tolerance: _Tolerance) -> _Misfit | None:
    """Find a row that others do not explain; those bent by a manoeuvre are passed over."""
    rough = track.roughness
    for first, last in _runs(rough > tolerance.single):
        worst = first + int(rough[first:last].argmax())
        row, left = _best_left_out(track, worst)
        if left < _LEFT * rough[worst] or rough[worst] > tolerance.bend:
            nodes = np.arange(worst, worst + _NODES)
            weights = _weights(track.seconds[nodes])
            off = np.linalg.norm(weights @ track.values[nodes]) / abs(weights[row - worst])
            return _Misfit(row, float(off))
    return None


def _best_left_out(track: _Track, window: int) -> tuple[int, float]:
    """Return the row of a window without which what is around it is smoothest, and the roughness that is left."""
    around = np.arange(max(window - _NODES, 0), min(window + 2 * _NODES, len(track.seconds)))
    left = {}
    for row in range(window, window + _NODES):
        rough = track.of(around[around != row]).roughness
        left[row] = float(rough.max()) if len(rough) else np.inf
    best = min(left, key=left.__getitem__)
    return best, left[best]


def _inconsistency(
    times: NDArray[np.datetime64],
    seconds: NDArray[np.float64],
    position: NDArray[np.float64],
    velocity: NDArray[np.float64],
) -> str:
    """Say which velocity is not the change of the positions."""
    rows = np.arange(len(seconds))
    first = np.clip(rows - _NODES // 2, 0, len(rows) - _NODES)
    nodes = first[:, None] + np.arange(_NODES)
    own = nodes == rows[:, None]
    weights = _weights(seconds[nodes])
    # the derivative of a polynomial at one of its nodes (Berrut and Trefethen 2004, SIAM Review 46, eq. 9.4)
    since = np.where(own, np.inf, seconds[rows, None] - seconds[nodes])
    factors = weights / weights[own][:, None] / since
    change = np.einsum("nw,nwc->nc", factors, position[nodes] - position[rows, None])
    off = np.linalg.norm(velocity - change, axis=1)
    row = int(off.argmax())
    if off[row] <= _CONSISTENT:
        return ""
    return (
        f"The velocity of {times[row]} UTC is not that of the positions around it: they change by another "
        f"{off[row]:.2g} m/s."
    )


def _weights(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of a divided difference, shape (..., 7); the largest is 1."""
    apart = seconds[..., :, None] - seconds[..., None, :]
    apart[..., np.arange(_NODES), np.arange(_NODES)] = 1.0
    weights = 1.0 / apart.prod(axis=-1)
    return weights / np.abs(weights).max(axis=-1, keepdims=True)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each succession of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
