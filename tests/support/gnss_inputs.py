"""Daily positions of GNSS stations as the Nevada Geodetic Laboratory writes them, of known motion and noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

TENV3_HEADER = (
    "site YYMMMDD yyyy.yyyy __MJD week d reflon _e0(m) __east(m) ____n0(m) _north(m) u0(m) ____up(m) _ant(m) "
    "sig_e(m) sig_n(m) sig_u(m) __corr_en __corr_eu __corr_nu _latitude(deg) _longitude(deg) __height(m)"
)
FIRST_DAY = date(2023, 9, 5)
WHITE, FLICKER = np.array([0.001, 0.001, 0.004]), np.array([0.0005, 0.0005, 0.002])
"""Standard deviations (m) of east, north and up: of a day, and of what a day of flicker adds."""


def write_tenv3(
    folder: Path,
    name: str,
    place: tuple[float, float],
    days: Mapping[int, Sequence[float]],
    *,
    first: date = FIRST_DAY,
    antenna: Mapping[int, float] | None = None,
) -> Path:
    """Daily positions some days after the first: east, north, up, metres; and other heights of the antenna."""
    folder.mkdir(exist_ok=True, parents=True)
    lines = [TENV3_HEADER]
    for offset, (east, north, up) in days.items():
        mjd = (first - date(1858, 11, 17)).days + offset
        whole = math.floor(east)
        height = (antenna or {}).get(offset, 0.111)
        lines.append(
            f"{name} 23SEP05 2023.6776 {mjd} 2278 2 -8.9 {3561 + whole} {east - whole:.6f} 2143633 "
            f"{north:.6f} 1104 {up:.6f} {height:.4f} 0.001000 0.002000 0.004000 0.0 0.0 0.0 {place[1]:.10f} "
            f"{place[0] % 360 - 360:.10f} 1104.6"
        )
    path = folder / f"{name}.tenv3"
    path.write_text("\n".join(lines) + "\n")
    return path


def noise(rng: np.random.Generator, days: int) -> np.ndarray:
    """White and flicker noise of some days (power 1 / frequency, by its spectrum), metres; shape (days, 3)."""
    length = 8 * days
    spectrum = np.fft.rfft(rng.normal(size=(length, 3)), axis=0)
    # the transfer of Hosking's filter of power 1: |1 - exp(-i w)|^(-1/2)
    frequency = np.fft.rfftfreq(length)
    transfer = np.zeros_like(frequency)
    transfer[1:] = np.abs(2 * np.sin(np.pi * frequency[1:])) ** -0.5
    flicker = np.fft.irfft(spectrum * transfer[:, None], n=length, axis=0)[:days]
    return rng.normal(size=(days, 3)) * WHITE + flicker * FLICKER
