"""How noisy each date of a stack is: from some cells all over the map, as a table, sentences and a picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.drawing.date_picture import DateBar, date_picture
from dinsar_cli.errors import NoDataError
from dinsar_cli.series.date_quality import DateQuality, date_quality
from dinsar_cli.series.inversion import invert, tiles
from dinsar_cli.series.velocity import Decorrelation, decorrelation_covariance
from dinsar_cli.timeseries.maps.pair_maps import PairMaps
from dinsar_cli.timeseries.sample import Sample
from dinsar_cli.timeseries.solve import Solver

Floats = NDArray[np.floating[Any]]

PICTURE: Final = "date_noise.png"
ON_ENDS: Final = (
    "Signed correlation is what other tools rank dates by. On the first and the last date it shows deformation as "
    "well as noise: all pairs of such a date look the same way in time."
)
_FEW_DATES: Final = (
    "Three dates do not tell how noisy each is: velocity_sigma has decorrelation only, and 1-3 cm of atmosphere on "
    "one date are usual."
)
_MOST_FOR_NOISE: Final = 30_000  # values of pairs, of a part of the cells, from which their noise is averaged
_LEAST_DATES: Final = 4  # a line through three leaves one equation for three variances


def noise_of_dates(
    maps: PairMaps, sample: Sample, decorrelation: Decorrelation, *, repair: bool
) -> DateQuality | None:
    """Estimate how noisy each date is; None where the dates are too few.

    Parameters
    ----------
    maps : PairMaps
    sample : Sample
        Of them.
    decorrelation : Decorrelation
        Of their pairs.
    repair : bool
        Whether whole cycles are taken off that have one explanation.

    Raises
    ------
    NoDataError
        When no cell has a value in pairs that join all dates.
    """
    if len(maps.dates) < _LEAST_DATES:
        return None
    los, solver = sample.los, Solver(maps.dates, maps.pairs, maps.wavelength)
    if repair:
        wrong = solver.wrong_cycles(solver.closures(los))
        los = los - (wrong.cycles * solver.half_wave).astype(los.dtype)
    parts = [
        _inverted(maps, decorrelation, los[:, part], sample.sigma[:, part], sample.coherence[:, part])
        for part in tiles(los.shape[1], len(maps.dates), len(maps.pairs))
    ]
    series = np.concatenate([part for part, _ in parts], axis=1)
    if not np.isfinite(series).all(axis=0).any():
        raise NoDataError(
            "No cell has a value in pairs that join all dates.",
            "What is coherent in one pair is not in the next one.",
            "Make the maps with more looks (--looks), a lower --mask-coherence, or more pairs (--network).",
        )
    solved = int(np.isfinite(series).all(axis=0).sum())
    return date_quality(maps.dates, series, np.sum([noise for _, noise in parts], axis=0) / solved)


def _inverted(
    maps: PairMaps, decorrelation: Decorrelation, los: Floats, sigma: Floats, coherence: Floats
) -> tuple[Floats, Floats]:
    """Return displacement of dates in some cells, and the sum of the covariances that decorrelation gives it."""
    variance = np.square(sigma.astype(np.float64))
    found = invert(maps.dates, maps.pairs, los.astype(np.float64), variance)
    whole = np.flatnonzero(found.connected)
    if not whole.size:
        return found.series, np.zeros((len(maps.dates), len(maps.dates)))
    some = slice(None, None, max(1, len(whole) * len(maps.pairs) // _MOST_FOR_NOISE))
    cells = whole[some]
    correlations = decorrelation.of(coherence[:, cells])
    noise = decorrelation_covariance(found.operator(some), variance[:, cells], correlations)
    return found.series, noise * len(whole)


def quality_rows(
    quality: DateQuality, dropped: Collection[date], correlation: Mapping[date, float]
) -> list[dict[str, Any]]:
    """Return a row of the table for each date."""
    return [
        {
            "date": day.isoformat(),
            "delay_sigma_m": round(float(deviation), 5),
            "noisy_above_m": round(float(limit), 5),
            "noisy": day in quality.noisy,
            "used": day not in dropped,
            "signed_correlation": round(correlation[day], 3) if day in correlation else "",
        }
        for day, deviation, limit in zip(quality.dates, quality.deviation, quality.limits, strict=True)
    ]


def on_noise(quality: DateQuality | None, dropped: Collection[date]) -> list[str]:
    """Return sentences on the noise of dates."""
    if quality is None:
        return [_FEW_DATES]
    kept = [day for day in quality.noisy if day not in dropped]
    if not kept:
        return []
    days = ", ".join(f"{day} ({1e3 * quality.deviation[quality.dates.index(day)]:.0f} mm)" for day in kept)
    return [
        f"Much noisier than the others: {days}. They count less in the velocity; --drop-dates auto leaves them out."
    ]


def draw_noise(
    folder: Path, quality: DateQuality, dropped: Collection[date], correlation: Mapping[date, float]
) -> Path:
    """Draw the noise of the dates into the folder of a series."""
    bars = [
        DateBar(
            day,
            1e3 * float(deviation),
            1e3 * float(limit),
            correlation.get(day),
            noisy=day in quality.noisy,
            dropped=day in dropped,
        )
        for day, deviation, limit in zip(quality.dates, quality.deviation, quality.limits, strict=True)
    ]
    path = folder / PICTURE
    date_picture(path, bars)
    return path
