"""From the maps of many pairs to velocity and displacement of every date, with files and a page."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.disk import check_disk, remove
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import SERIES_RECORD as RECORD
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import NoDataError
from dinsar_cli.formats.netcdf import check_netcdf
from dinsar_cli.formats.qgis import styles_beside, with_style
from dinsar_cli.products.layers import Layer, write_cog
from dinsar_cli.products.reader import Products
from dinsar_cli.series.date_quality import DateQuality
from dinsar_cli.series.network import pair_name
from dinsar_cli.series.velocity import DateCoherence, Decorrelation, excess_of_law, is_law_known
from dinsar_cli.stack.date_coherence import sampled_coherence
from dinsar_cli.timeseries.choices import Choices, check_wanted, without_dates
from dinsar_cli.timeseries.closure_table import (
    Closure,
    ClosureSurvey,
    constants_of,
    constants_without,
    off,
    write_table,
)
from dinsar_cli.timeseries.date_noise import PICTURE as NOISE_PICTURE
from dinsar_cli.timeseries.date_noise import draw_noise, noise_of_dates, on_noise, quality_rows
from dinsar_cli.timeseries.layers import (
    SERIES_FLAGS,
    TEMPORAL_COHERENCE,
    VELOCITY,
    VELOCITY_SIGMA,
    coefficient_layer,
    displacement_layer,
)
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.maps.pair_maps import PairMaps, pairs_without, tags_of
from dinsar_cli.timeseries.netcdf import write_series_netcdf
from dinsar_cli.timeseries.page import write_series_page
from dinsar_cli.timeseries.reference import relative_to_one_place
from dinsar_cli.timeseries.sample import Sample, without_empty
from dinsar_cli.timeseries.solve import Solved, Solver

QUALITY: Final = "date_quality.csv"


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
        # maps that have a value and hang together, relative to one place
        maps = without_dates(without_empty(open_maps(folder, files)), choices.drop)
        check_wanted(maps, choices)
        maps = relative_to_one_place(maps, choices.window)

        # pairs that are off as a whole, and dates that are noisy
        sample = Sample.of(maps)
        constants = constants_of(maps, sample)
        if choices.repair:
            constant = off(maps, constants)
            sample, maps = sample.shifted(constant), maps.shifted(constant)
        noise = _decorrelation(maps)
        quality = told = noise_of_dates(maps, sample, noise, repair=choices.repair)
        correlation, dropped = sample.signed_correlation, choices.drop
        if choices.drop_noisy and told is not None and told.noisy:
            constants = constants_without(constants, maps.pairs, pairs_without(maps.pairs, told.noisy))
            maps, sample = without_dates(maps, told.noisy), sample.without(told.noisy)
            check_wanted(maps, choices)
            dropped = (*dropped, *told.noisy)
            noise = _decorrelation(maps)
            quality = noise_of_dates(maps, sample, noise, repair=choices.repair)

        # cell by cell
        cells = maps.grid.width * maps.grid.height
        check_disk(make_folder(output), 8 * cells * (len(maps.dates) + 4), "the series")
        solver = _solver(maps, choices, quality, noise)
        survey = ClosureSurvey(maps, solver, sample, constants, taken_off=choices.repair)
        statistics = _solve_all(maps, solver, survey, output)

        # tables, pictures, page
        closure = survey.write(output)
        body = _record(maps, choices, dropped, told, closure) | statistics
        shared = _on_sigma(noise, statistics["mean_coherence"])
        body["notes"] += _notes_on_sigma(shared)
        body |= {
            "sigma_of_pairs_that_share_a_date": shared,
            "signed_correlation": {day.isoformat(): round(value, 3) for day, value in correlation.items()},
        }
        (output / NOISE_PICTURE).unlink(missing_ok=True)
        if told is not None:
            write_table(output / QUALITY, quality_rows(told, dropped, correlation))
            draw_noise(output, told, dropped, correlation)
        write_text(output / RECORD, json.dumps(body, indent=2) + "\n")
        write_series_page(output, maps, body)
        if choices.netcdf:
            write_series_netcdf(output, maps, body)
    return Series(output, body)


def _solver(maps: PairMaps, choices: Choices, quality: DateQuality | None, noise: Decorrelation) -> Solver:
    return Solver(
        maps.dates,
        maps.pairs,
        maps.wavelength,
        repair=choices.repair,
        least_pairs=choices.least_pairs,
        coherent_in=choices.coherent_in.pairs(len(maps.pairs)),
        least_coherence=choices.coherent_in.least,
        seasonal=choices.seasonal,
        steps=choices.steps,
        date_variance=None if quality is None else quality.variance,
        date_weights=None if quality is None else quality.weights,
        decorrelation=noise,
    )


def _decorrelation(maps: PairMaps) -> Decorrelation:
    """Tell how the noise of pairs is correlated, by the coherence of dates that are no pair where it can be had."""
    count, looks = len(maps.dates), maps.layers[0].looks
    complete = len(maps.pairs) == count * (count - 1) // 2
    sampled = None if complete else sampled_coherence(maps.folder, maps.dates)
    between = None if sampled is None else DateCoherence.of(sampled, maps.dates, maps.pairs)
    return Decorrelation(maps.dates, maps.pairs, between, looks)


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
        total, known = 0.0, 0
        for rows in maps.parts():
            shape = (len(maps.pairs), -1)
            los = maps.displacement(rows).reshape(shape)
            wrong = survey.add(rows, los)
            coherence = maps.coherence(rows).reshape(shape)
            total += float(np.nansum(coherence, dtype=np.float64))
            known += int(np.isfinite(coherence).sum())
            solved = solver.solve(los, maps.sigma(rows).reshape(shape), coherence, wrong)
            for name, values in _named(solved, maps.dates).items():
                arrays[name][rows] = values.reshape(-1, maps.grid.width)
        for name, layer in layers.items():
            write_cog(output / f"{name}.tif", arrays[name], maps.grid, layer, tags_of(maps) | _days(maps))
        _forget_others(output, layers)
        with Products() as files:
            styles_beside({name: output / f"{name}.tif" for name in layers}, files, output)
        return _statistics(arrays) | {"mean_coherence": round(total / max(1, known), 4)}
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
            remove(with_style(path), output)


def _statistics(arrays: dict[str, Any]) -> dict[str, Any]:
    velocity = np.asarray(arrays["velocity"])
    known = np.isfinite(velocity)
    if not known.any():
        raise NoDataError(
            "No cell has a velocity.",
            "Nowhere do the pairs that have a value, and the coherence that was asked for, join all dates.",
            "Lower --min-pairs, --coherent-in and --least-coherence, drop the worst dates (--drop-dates), or make "
            "the maps with more looks.",
        )
    low, high = (float(value) for value in np.percentile(velocity[known], (0.5, 99.5)))
    return {
        "cells": int(known.sum()),
        "velocity_range_m_per_year": [low, high],
        "median_velocity_sigma_m_per_year": float(np.median(np.asarray(arrays["velocity_sigma"])[known])),
        "median_temporal_coherence": float(np.median(np.asarray(arrays["temporal_coherence"])[known])),
    }


def _record(
    maps: PairMaps, choices: Choices, dropped: Sequence[date], quality: DateQuality | None, closure: Closure
) -> dict[str, Any]:
    of_dates = () if quality is None else zip(quality.dates, quality.deviation, quality.limits, strict=True)
    noise = {
        day.isoformat(): {
            "delay_sigma_m": float(deviation),
            "noisy_above_m": float(limit),
            "noisy": quality is not None and day in quality.noisy,
        }
        for day, deviation, limit in of_dates
    }
    return {
        "schema_version": 1,
        "dinsar": __version__,
        "source": str(maps.folder.resolve()),
        "dates": [day.isoformat() for day in maps.dates],
        "pairs": [pair_name(pair) for pair in maps.pairs],
        "dropped": [day.isoformat() for day in sorted(dropped)],
        "reference": _reference(maps),
        "repair": choices.repair,
        "seasonal": choices.seasonal,
        "steps": [day.isoformat() for day in choices.steps],
        "min_pairs": choices.least_pairs,
        "coherent_in": {
            "pairs": choices.coherent_in.pairs(len(maps.pairs)),
            "of": len(maps.pairs),
            "least_coherence": choices.coherent_in.least,
        },
        "notes": [*maps.notes, *closure.sentences(), *on_noise(quality, dropped)],
        "closure": closure.to_dict(),
        "date_quality": noise,
    }


def _reference(maps: PairMaps) -> dict[str, Any] | None:
    """Tell to what the series is relative."""
    if maps.reference is None:
        return None
    told: dict[str, Any] = {"lon": maps.reference.lon, "lat": maps.reference.lat}
    if maps.averaged is None:
        return told | {"averaged": "as in the maps of the pairs"}
    return told | {
        "averaged": "a plane through calm, coherent cells around it, the same in all pairs",
        "window_cells": maps.averaged.window,
        "cells": maps.averaged.cells,
    }


def _on_sigma(noise: Decorrelation, coherence: float) -> dict[str, Any]:
    """Tell how the noise of pairs that share a date was taken to be correlated, and what that leaves open."""
    if noise.between is not None:
        return {"how": "measured from the samples of all dates"}
    if is_law_known(noise.pairs):
        return {"how": "coherence of dates that are no pair by a law fitted to the pairs"}
    return {
        "how": "pairs of one length do not tell: taken as lost day by day, by which no sigma is too small",
        "too_large_at_most": round(excess_of_law(noise.dates, noise.pairs, coherence), 2),
    }


def _notes_on_sigma(told: dict[str, Any]) -> list[str]:
    """Return a sentence where the sigma is a bound."""
    if "too_large_at_most" not in told:
        return []
    sentence = (
        "All pairs are about as long, and the samples of the dates are not there: how much of their noise cancels "
        "in the velocity is not known. velocity_sigma takes none to, and may be up to "
        f"{told['too_large_at_most']:g} times what decorrelation makes of it. Pairs of two lengths (--network "
        "sequential:2) would tell."
    )
    return [sentence]
