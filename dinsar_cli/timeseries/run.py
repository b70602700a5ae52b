"""From the maps of many pairs to velocity and displacement of every date, with files and a page."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import SERIES_RECORD as RECORD
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats.netcdf import check_netcdf
from dinsar_cli.products.layers import Layer, write_cog
from dinsar_cli.products.reader import Products
from dinsar_cli.series.date_quality import DateQuality, date_quality, signed_correlation
from dinsar_cli.series.graph import Pair, parts_of
from dinsar_cli.series.inversion import invert
from dinsar_cli.series.network import pair_name
from dinsar_cli.series.velocity import Model
from dinsar_cli.timeseries.closure_table import Closure, ClosureSurvey, write_table
from dinsar_cli.timeseries.layers import (
    SERIES_FLAGS,
    TEMPORAL_COHERENCE,
    VELOCITY,
    VELOCITY_SIGMA,
    coefficient_layer,
    displacement_layer,
)
from dinsar_cli.timeseries.netcdf import write_series_netcdf
from dinsar_cli.timeseries.page import write_series_page
from dinsar_cli.timeseries.pair_maps import PairMaps, open_maps, pairs_without, tags_of
from dinsar_cli.timeseries.solve import Solved, Solver, least_pairs_possible

Floats = NDArray[np.floating[Any]]

QUALITY: Final = "date_quality.csv"
_FEW_DATES: Final = (
    "Three dates do not tell how noisy each is: velocity_sigma has decorrelation only, and 1-3 cm of atmosphere on "
    "one date are usual."
)
_LEAST_DATES: Final = 4  # a line through three leaves one equation for three variances
_SAMPLE: Final = 50_000  # cells that the noise of the dates is estimated from


@dataclass(frozen=True)
class Choices:
    """What a series is made by.

    Attributes
    ----------
    repair : bool
        Whether whole cycles that have one explanation are taken off.
    drop : tuple of date
        Dates that are left out.
    drop_noisy : bool
        Whether dates that are much noisier than the others are left out.
    least_pairs : int
        That each date must have in a cell.
    seasonal : bool
    steps : tuple of date
    netcdf : bool
        Whether one file with all of it is written too.
    """

    repair: bool = True
    drop: tuple[date, ...] = ()
    drop_noisy: bool = False
    least_pairs: int = 1
    seasonal: bool = False
    steps: tuple[date, ...] = ()
    netcdf: bool = False


@dataclass(frozen=True)
class Series:
    """What was made.

    Attributes
    ----------
    folder : Path
    record : dict
        As in ``series.json``.
    """

    folder: Path
    record: dict[str, Any]


def make_series(folder: Path, output: Path, choices: Choices) -> Series:
    """Make the time series of the maps in a folder.

    Parameters
    ----------
    folder : Path
        Of a stack, or with the folders of runs.
    output : Path
        Folder for the files.
    choices : Choices

    Raises
    ------
    DinsarError
        When the maps do not go together, or what was asked for cannot be solved.
    """
    if choices.netcdf:
        check_netcdf()
    with Products() as files, bounded_raster_cache():
        maps = _without(open_maps(folder, files), choices.drop)
        _check_pairs_wanted(maps, choices)
        _check_determined(maps, choices)
        sample = Sample.of(maps)
        quality = told = _quality(maps, sample, choices)
        dropped = choices.drop
        if choices.drop_noisy and told is not None and told.noisy:
            maps, sample = _without(maps, told.noisy), sample.without(told.noisy)
            _check_determined(maps, choices)
            dropped = (*dropped, *told.noisy)
            quality = _quality(maps, sample, choices)
        check_disk(
            make_folder(output), 8 * maps.grid.width * maps.grid.height * (len(maps.dates) + 4), "the series"
        )
        solver = _solver(maps, choices, quality)
        survey = ClosureSurvey(maps, solver)
        statistics = _solve_all(maps, solver, survey, output)
        body = _record(maps, choices, dropped, told, survey.write(output)) | statistics | _correlation(sample)
        if told is not None:
            write_table(output / QUALITY, _quality_rows(told, dropped, body["signed_correlation"]))
        write_text(output / RECORD, json.dumps(body, indent=2) + "\n")
        write_series_page(output, maps, body)
        if choices.netcdf:
            write_series_netcdf(output, maps, body)
    return Series(output, body)


def _without(maps: PairMaps, dates: Sequence[date]) -> PairMaps:
    """Leave dates out, if the others still hang together."""
    unknown = [day for day in dates if day not in maps.dates]
    if unknown:
        raise UsageError(
            f"{unknown[0]} is no date of {maps.folder}.",
            f"Its dates are {', '.join(map(str, maps.dates))}.",
            "Give one of these to --drop-dates.",
        )
    rest = maps.without(dates)
    parts = parts_of(rest.dates, rest.pairs)
    if len(parts) == 1 and len(rest.dates) > 2:
        return rest
    if not dates:
        cause = f"No pair joins {parts[0][0]} to {parts[0][-1]} with {parts[1][0]} to {parts[1][-1]}."
        remedy = "Make pairs that join them: dinsar stack --network sequential:3"
    else:
        lost = ", ".join(map(str, dates))
        left = [day for day in maps.dates if day not in dates]
        cause = f"Without {lost} the pairs do not join all of {', '.join(map(str, left))}."
        remedy = "Drop fewer dates, or make pairs that go past them: dinsar stack --network sequential:3"
    raise NoDataError("The pairs do not hang together.", cause, remedy)


def _check_determined(maps: PairMaps, choices: Choices) -> None:
    model = Model.of(maps.dates, seasonal=choices.seasonal, steps=choices.steps)
    if not model.determined:
        raise UsageError(
            f"{len(maps.dates)} dates do not tell {', '.join(model.names)} from each other.",
            "A step needs dates on both sides, a period of a year needs dates over most of one.",
            "Ask for less (--seasonal, --step), drop fewer dates, or make the maps of more dates.",
        )


def _check_pairs_wanted(maps: PairMaps, choices: Choices) -> None:
    most = least_pairs_possible(maps.dates, maps.pairs)
    if choices.least_pairs > most:
        raise UsageError(
            f"--min-pairs {choices.least_pairs}: some date is in {most} pairs.",
            "No cell could have a value.",
            f"Give {most} or less, or make more pairs: dinsar stack --network sequential:{choices.least_pairs}",
        )


def _solver(maps: PairMaps, choices: Choices, quality: DateQuality | None) -> Solver:
    return Solver(
        maps.dates,
        maps.pairs,
        maps.wavelength,
        repair=choices.repair,
        least_pairs=choices.least_pairs,
        seasonal=choices.seasonal,
        steps=choices.steps,
        date_variance=None if quality is None else 1 / quality.weights,
    )


@dataclass(frozen=True)
class Sample:
    """What pairs show in some cells all over the map.

    Attributes
    ----------
    pairs : tuple of Pair
    los, sigma : ndarray
        Metres; shape (pairs, cells).
    """

    pairs: tuple[Pair, ...]
    los: Floats
    sigma: Floats

    @classmethod
    def of(cls, maps: PairMaps) -> Sample:
        """Take it of maps."""
        step = max(1, round((maps.grid.width * maps.grid.height / _SAMPLE) ** 0.5))
        los, sigma = [], []
        for rows in maps.parts():
            first = -rows.start % step
            los.append(maps.displacement(rows)[:, first::step, ::step].reshape(len(maps.pairs), -1))
            sigma.append(maps.sigma(rows)[:, first::step, ::step].reshape(len(maps.pairs), -1))
        return cls(maps.pairs, np.concatenate(los, axis=1), np.concatenate(sigma, axis=1))

    def without(self, dates: Collection[date]) -> Sample:
        """Return that of the pairs that have none of some dates."""
        kept = pairs_without(self.pairs, dates)
        return Sample(tuple(self.pairs[number] for number in kept), self.los[kept], self.sigma[kept])


def _quality(maps: PairMaps, sample: Sample, choices: Choices) -> DateQuality | None:
    """Estimate how noisy each date is; None where the dates are too few."""
    if len(maps.dates) < _LEAST_DATES:
        return None
    los, solver = sample.los, Solver(maps.dates, maps.pairs, maps.wavelength)
    if choices.repair:
        wrong = solver.wrong_cycles(solver.closures(los))
        los = los - (wrong.cycles * solver.half_wave).astype(los.dtype)
    series = invert(maps.dates, maps.pairs, los.astype(np.float64), np.square(sample.sigma)).series
    if not np.isfinite(series).all(axis=0).any():
        raise NoDataError(
            "No cell has a value in pairs that join all dates.",
            "What is coherent in one pair is not in the next one.",
            "Make the maps with more looks (--looks), a lower --mask-coherence, or more pairs (--network).",
        )
    return date_quality(maps.dates, series)


def _quality_rows(
    quality: DateQuality, dropped: Sequence[date], correlation: dict[str, float]
) -> list[dict[str, Any]]:
    return [
        {
            "date": day.isoformat(),
            "delay_sigma_m": round(float(deviation), 5),
            "noisy": day in quality.noisy,
            "used": day not in dropped,
            "signed_correlation": correlation.get(day.isoformat(), ""),
        }
        for day, deviation in zip(quality.dates, quality.deviation, strict=True)
    ]


def _solve_all(maps: PairMaps, solver: Solver, survey: ClosureSurvey, output: Path) -> dict[str, Any]:
    """Solve part by part, look how the pairs close, and write the layers; give what the record tells of them."""
    names = [name for name in solver.model.names if name not in ("offset", "velocity")]
    layers: dict[str, Layer] = {
        layer.name: layer
        for layer in (
            VELOCITY,
            VELOCITY_SIGMA,
            TEMPORAL_COHERENCE,
            SERIES_FLAGS,
            *(displacement_layer(day, maps.dates[0]) for day in maps.dates),
            *(coefficient_layer(name) for name in names),
        )
    }
    scratch = Path(tempfile.mkdtemp(prefix=".part-", dir=output))
    try:
        arrays = {
            name: np.lib.format.open_memmap(scratch / f"{name}.npy", "w+", np.dtype(layer.dtype), maps.grid.shape)
            for name, layer in layers.items()
        }
        for rows in maps.parts():
            shape = (len(maps.pairs), -1)
            los = maps.displacement(rows).reshape(shape)
            solved = solver.solve(
                los, maps.sigma(rows).reshape(shape), maps.coherence(rows).reshape(shape), survey.add(rows, los)
            )
            for name, values in _named(solved, maps.dates).items():
                arrays[name][rows] = values.reshape(-1, maps.grid.width)
        for name, layer in layers.items():
            write_cog(output / f"{name}.tif", arrays[name], maps.grid, layer, tags_of(maps) | _days(maps))
        _forget_others(output, layers)
        return _statistics(arrays)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _named(solved: Solved, dates: Sequence[date]) -> dict[str, NDArray[Any]]:
    named: dict[str, NDArray[Any]] = {
        "velocity": solved.velocity,
        "velocity_sigma": solved.velocity_sigma,
        "temporal_coherence": solved.temporal_coherence,
        "series_flags": solved.flags,
    }
    of_dates = {f"displacement_{day:%Y%m%d}": values for day, values in zip(dates, solved.series, strict=True)}
    return named | of_dates | solved.coefficients


def _days(maps: PairMaps) -> dict[str, str]:
    return {"reference_date": maps.dates[0].isoformat(), "secondary_date": maps.dates[-1].isoformat()}


def _forget_others(output: Path, layers: dict[str, Layer]) -> None:
    """Remove displacement of dates that an earlier call had and this one has not."""
    for path in output.glob("displacement_????????.tif"):
        if path.stem not in layers:
            path.unlink()


def _statistics(arrays: dict[str, Any]) -> dict[str, Any]:
    velocity = np.asarray(arrays["velocity"])
    known = np.isfinite(velocity)
    if not known.any():
        raise NoDataError(
            "No cell has a velocity.",
            "Nowhere do the pairs that have a value join all dates.",
            "Lower --min-pairs, drop the worst dates (--drop-dates), or make the maps with more looks.",
        )
    low, high = (float(value) for value in np.percentile(velocity[known], (0.5, 99.5)))
    return {
        "cells": int(known.sum()),
        "velocity_range_m_per_year": [low, high],
        "median_velocity_sigma_m_per_year": float(np.median(np.asarray(arrays["velocity_sigma"])[known])),
        "median_temporal_coherence": float(np.median(np.asarray(arrays["temporal_coherence"])[known])),
    }


def _correlation(sample: Sample) -> dict[str, Any]:
    found = signed_correlation(sample.pairs, sample.los)
    return {
        "signed_correlation": {
            day.isoformat(): round(value, 3) for day, value in found.items() if np.isfinite(value)
        }
    }


def _record(
    maps: PairMaps, choices: Choices, dropped: Sequence[date], quality: DateQuality | None, closure: Closure
) -> dict[str, Any]:
    place = None if maps.reference is None else {"lon": maps.reference.lon, "lat": maps.reference.lat}
    of_dates = () if quality is None else zip(quality.dates, quality.deviation, strict=True)
    noise = {
        day.isoformat(): {"delay_sigma_m": float(deviation), "noisy": quality is not None and day in quality.noisy}
        for day, deviation in of_dates
    }
    return {
        "schema_version": 1,
        "dinsar": __version__,
        "source": str(maps.folder.resolve()),
        "dates": [day.isoformat() for day in maps.dates],
        "pairs": [pair_name(pair) for pair in maps.pairs],
        "dropped": [day.isoformat() for day in sorted(dropped)],
        "reference": place,
        "repair": choices.repair,
        "seasonal": choices.seasonal,
        "steps": [day.isoformat() for day in choices.steps],
        "min_pairs": choices.least_pairs,
        "notes": [*maps.notes, *closure.sentences(), *_on_noise(quality, dropped)],
        "closure": closure.to_dict(),
        "date_quality": noise,
    }


def _on_noise(quality: DateQuality | None, dropped: Sequence[date]) -> list[str]:
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
