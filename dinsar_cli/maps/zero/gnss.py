"""Zero by GNSS: the map is put to the motion of stations along the line of sight, by a constant or a plane.

At each station the median of the map within some distance is held against its motion, projected on the line of
sight of the cells there. The differences weigh by the errors of both sides: those of GNSS, the noise of the map,
and the atmosphere, which stations that are near to each other share, by the variogram of the map where nothing
stands out of its plane, and no less than `LEAST_ATMOSPHERE`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.gnss.stations import Stations, read_stations, station_files
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.zero.adjustment import LEAST, Adjustment, adjust, in_line
from dinsar_cli.maps.zero.far_field import kilometres, kilometres_of
from dinsar_cli.maps.zero.gnss_look import USED, AtStation, Look, bare, noise_tags, off, unmeasured
from dinsar_cli.maps.zero.gnss_words import LEAST_ATMOSPHERE, record_of
from dinsar_cli.radar.moving_ground import moving_ground
from dinsar_cli.radar.variogram import Variogram, variogram_at

Floats: TypeAlias = NDArray[np.floating[Any]]
Doubles: TypeAlias = NDArray[np.float64]
Dates: TypeAlias = tuple[str | datetime, str | datetime]


@dataclass(frozen=True)
class GnssZero:
    """What the stations take off a map.

    Attributes
    ----------
    surface, sigma : ndarray
        On the map, metres.
    fit : Adjustment
    record : dict
        For JSON: model, stations, frame, what is certain.
    """

    surface: Floats
    sigma: Floats
    fit: Adjustment
    record: dict[str, Any]


def check_gnss(
    config: RunConfig, grid: Grid | None, dates: Dates | None, sees: Callable[[float, float], bool] | None = None
) -> tuple[str, ...]:
    """See that the stations of a configuration can decide where zero is, before anything expensive starts.

    Parameters
    ----------
    grid : Grid or None
        The map grid; None where it is not known yet.
    dates : (str or datetime, str or datetime) or None
        Of the pair, UTC; None where they are not known yet.
    sees : callable, optional
        Tells of a longitude and latitude whether both dates see the ground there.

    Returns
    -------
    tuple of str
        What the user is told: how many stations there are.

    Raises
    ------
    UsageError
        When the files cannot be read.
    NoDataError
        When too few stations are left.
    """
    asked = config.reference_gnss
    if not asked.files:
        return ()
    if dates is None:
        station_files(asked.files)
        return ()
    found = stations_of(config, dates)
    values = [bare(station) for station in found.measured]
    if grid is not None:
        values = [one if grid.holds(*grid.index(*_place(one))) else off(one) for one in values]
    if sees is not None:
        hidden = [one.status == USED and not sees(*_place(one)) for one in values]
        unseen = "where no burst sees the ground"
        values = [replace(one, status=unseen) if no else one for one, no in zip(values, hidden, strict=True)]
    every = [*values, *map(unmeasured, found.unmeasured)]
    _check_enough(config, grid, every)
    used = sum(one.status == USED for one in values)
    frame = f" in {found.frame}" if found.frame else ""
    return (f"zero: by {used} of {len(every)} GNSS stations{frame}, a {asked.model}",)


def _place(one: AtStation) -> tuple[float, float]:
    return one.lon or 0.0, one.lat or 0.0


def stations_of(config: RunConfig, dates: Dates) -> Stations:
    """Return the motion of the stations of a configuration between two dates.

    Of a date without a time of day the position at noon is taken, which is the mean of the day.

    Raises
    ------
    UsageError
        When a file is not what it should be.
    """
    asked = config.reference_gnss
    earlier, later = (_moment(date) for date in dates)
    return read_stations(asked.files, (earlier, later), unit=asked.unit, days=asked.days, event=config.event)


def _moment(date: str | datetime) -> datetime:
    if isinstance(date, datetime):
        return date.replace(tzinfo=None)
    moment = datetime.fromisoformat(date).replace(tzinfo=None)
    return moment if "T" in date or ":" in date else moment + timedelta(hours=12)


def _check_enough(config: RunConfig, grid: Grid | None, values: Sequence[AtStation]) -> None:
    model, used = config.reference_gnss.model, [one for one in values if one.status == USED]
    reasons = Counter(one.status for one in values if one.status != USED)
    named = {status: [one.station for one in values if one.status == status][:5] for status in reasons}
    told = "; ".join(
        f"{count} {status} ({', '.join(named[status])}{', ...' if count > len(named[status]) else ''})"
        for status, count in reasons.most_common(8)
    )
    if len(used) < LEAST[model]:
        none = "No GNSS station" if not used else f"Only {len(used)} GNSS station{'s' if len(used) > 1 else ''}"
        needs = "" if model == "constant" else " A plane needs three."
        raise NoDataError(
            f"{none} can decide where zero is.{needs}",
            f"Left out: {told}." if told else "The files have no more.",
            "Give stations on coherent ground of the map that were measured at both dates"
            + (", or --reference-gnss-model constant." if used else ", or leave --reference-gnss out."),
        )
    if model == "plane" and grid is not None and in_line(*_positions(grid, used)):
        raise NoDataError(
            f"The {len(used)} GNSS stations do not carry a plane: they lie nearly in line.",
            f"In use are {', '.join(one.station for one in used[:8])}."
            + (f" Of the others: {told}." if told else ""),
            "Give a station beside that line, or --reference-gnss-model constant.",
        )


def _positions(grid: Grid, values: Sequence[AtStation]) -> tuple[Floats, Floats]:
    """Return kilometres east and north of the middle of the map."""
    lon, lat = (np.array([getattr(one, name) for one in values], np.float64) for name in ("lon", "lat"))
    return kilometres_of(grid, lon, lat)


def zero_by_gnss(
    config: RunConfig,
    layers: MapLayers,
    los: Floats,
    coherence: Floats | None,
    components: NDArray[np.integer[Any]],
    dates: Dates,
    wavelength: float,
) -> GnssZero:
    """Return what is to be taken off a map so that it meets GNSS stations.

    Parameters
    ----------
    config : RunConfig
    layers : MapLayers
        Of the map, with ``los_vector``.
    los : ndarray
        Displacement, metres; NaN where there is none.
    coherence : ndarray or None
    components : ndarray
    dates : (str or datetime, str or datetime)
        Of the pair, UTC.
    wavelength : float
        Metres.

    Raises
    ------
    NoDataError
        When the direction to the satellite is not known, or too few stations are left.
    """
    grid, stations = layers.grid, stations_of(config, dates)
    vector = layers.find("los_vector")
    if vector is None:
        raise NoDataError(
            "GNSS stations cannot decide where zero is.",
            "The map has no directions to the satellite (los_vector.tif), along which their motion counts.",
            "Give --reference-point, or a topsApp folder that has los.rdr or los.rdr.geo.",
        )
    look = Look(grid, los, components, vector, coherence, noise_tags(layers), layers.find("visibility"))
    label = look.commonest(stations.measured, config.reference_gnss.radius)
    values = [look.measured(one, label, config.reference_gnss.radius, wavelength) for one in stations.measured]
    every = [*values, *map(unmeasured, stations.unmeasured)]
    _check_enough(config, grid, every)

    # the errors of the differences, with what near stations share
    used = [one for one in values if one.status == USED]
    east, north = _positions(grid, used)
    gnss, seen, gnss_sigma, map_sigma = (
        np.array([getattr(one, name) for one in used], np.float64)
        for name in ("gnss", "map", "gnss_sigma", "map_sigma")
    )
    variogram = _variogram(los, components == label, grid)
    atmosphere = _atmosphere(east, north, variogram)
    covariance = np.diag(gnss_sigma**2 + map_sigma**2) + atmosphere
    fit = adjust(config.reference_gnss.model, east, north, seen - gnss, covariance)
    whole = np.sqrt(map_sigma**2 + np.diag(atmosphere))
    judged = iter(_judged(used, fit, whole))
    told = [next(judged) if one.status == USED else one for one in every]
    x, y = kilometres(grid, (1, grid.width))[0], kilometres(grid, (grid.height, 1))[1]
    surface, sigma = fit.surface(x, y), fit.sigma(x, y)
    record = record_of(config, stations, told, fit, variogram, surface, sigma)
    return GnssZero(surface.astype(np.float32), sigma.astype(np.float32), fit, record)


def _variogram(los: Floats, inside: NDArray[np.bool_], grid: Grid) -> Variogram | None:
    """Return the variogram of a component of the map where nothing stands out of its plane."""
    values = np.where(inside, los, np.nan)
    blocks, size = moving_ground(values)

    def at(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
        return np.where(blocks[rows // size, columns // size], np.nan, values[rows, columns])

    east, north = (grid.posting * metres for metres in grid.metres_per_unit)
    return variogram_at(at, grid.shape, (north, east))


def _atmosphere(east: Floats, north: Floats, variogram: Variogram | None) -> Doubles:
    """Return the covariance of the atmosphere at stations, square metres."""
    apart = 1000 * np.hypot(east[:, None] - east, north[:, None] - north)
    if variogram is None or variogram.sill <= 0:
        return np.asarray(LEAST_ATMOSPHERE**2 * np.eye(len(east)))
    shared = variogram.covariance(np.maximum(apart, 1e-3))  # what no neighbour shares is in the noise of the median
    return np.asarray(shared * max(1.0, LEAST_ATMOSPHERE**2 / variogram.sill))


def _judged(used: Sequence[AtStation], fit: Adjustment, map_sigma: Doubles) -> list[AtStation]:
    told = []
    for index, one in enumerate(used):
        alone = math.isfinite(fit.left_out[index])
        value = replace(
            one,
            map=(one.gnss or 0.0) + float(fit.residual[index]),
            map_sigma=float(map_sigma[index]),
            residual=float(fit.residual[index]),
            left_out=float(fit.left_out[index]) if alone else None,
            left_out_sigma=float(fit.left_out_sigma[index]) if alone else None,
        )
        if not fit.used[index]:
            away = abs(fit.left_out[index]) * 1000
            value = replace(value, status=f"{away:.0f} mm away from what all others tell, so left out")
        told.append(value)
    return told
