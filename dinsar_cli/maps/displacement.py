"""Displacement on the map: relative to its reference, corrected and masked as asked for, with its sigma."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import file_mark
from dinsar_cli.config.model import LonLat, RunConfig
from dinsar_cli.config.roi_text import is_roi_file
from dinsar_cli.geo.grid import Grid
from dinsar_cli.gnss.stations import station_files
from dinsar_cli.maps.checks.phase import is_noise
from dinsar_cli.maps.corrections.apply import Uncorrected, asked_for, correct, correction_marks
from dinsar_cli.maps.corrections.ramps import ramp_of
from dinsar_cli.maps.cut import cut_facts
from dinsar_cli.maps.extremes import range_of
from dinsar_cli.maps.facts import MapFacts
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.masks import masked_out
from dinsar_cli.maps.sigma import along_track, largest, sigma_tags
from dinsar_cli.maps.zero.far_field import FarField, far_field_of_map
from dinsar_cli.maps.zero.gnss import GnssZero, zero_by_gnss
from dinsar_cli.maps.zero.gnss_words import gnss_words
from dinsar_cli.maps.zero.reference import calm_of, find_reference, reference_variance
from dinsar_cli.products.writer import ProductWriter
from dinsar_cli.radar.displacement import ReferencePoint, los_displacement, los_sigma, vertical_displacement
from dinsar_cli.radar.visibility import hides_ground

Array = NDArray[Any]


def displacement_layers(
    config: RunConfig,
    layers: MapLayers,
    wavelength: float,
    tags: Mapping[str, str],
    times: tuple[datetime, datetime] | None = None,
    around: Mapping[str, Any] | None = None,
    shared: LonLat | ReferencePoint | None = None,
) -> tuple[dict[str, Path], MapFacts]:
    """Turn the phase on the map into displacement relative to the reference point, and write it.

    Where the phase has no connected component there is no displacement: its cycles are not known.

    Parameters
    ----------
    layers : MapLayers
        Of the map. Without components all phase is one component, without coherence no point is better than
        another, and without directions there is no vertical displacement.
    wavelength : float
        Metres.
    tags : mapping of str to str
        That every product has.
    times : (datetime, datetime), optional
        When the middle of the scene was seen, UTC; not given: the dates of the tags.
    around : mapping, optional
        The far field of all that was unwrapped (`FarField.to_dict`); not given: only the map is known.
    shared : LonLat or ReferencePoint, optional
        Reference that the program chose for several maps, on this one or beside it, where `stays_raw`.

    Returns
    -------
    files : dict of Path
        What was written.
    facts : MapFacts
        What is known of the map.
    """
    grid, folder = layers.grid, layers.folder
    # what the map tells, and what stands in for what it does not tell
    phase = layers.read("unwrapped_phase")
    known_coherence = layers.find("coherence")
    coherence = _or_else(known_coherence, np.isfinite(phase).astype(np.float32))
    components = _or_else(layers.find("connected_components"), np.isfinite(phase).astype(np.uint16))
    up = layers.find("los_vector", 3)

    # displacement without what is masked and what corrections know of
    los = np.where(components > 0, los_displacement(phase, wavelength), np.nan)
    flags = layers.find("flags")
    noise = None if flags is None else is_noise(flags)
    visibility = layers.find("visibility")
    masks = masked_out(config.mask, grid, np.isfinite(los), coherence, components, visibility, noise)
    shares = _masked_shares(masks, np.isfinite(los if known_coherence is None else known_coherence))
    for cells in masks.values():
        los[cells] = np.nan
    far = FarField.from_dict(around) if around else far_field_of_map(los, coherence, components, grid)
    raw = stays_raw(config)
    calm = calm_of(far, grid, los, components, raw=raw)
    corrected = correct(config, Uncorrected(layers, tags, los, components, times, wavelength))
    los, ramp = corrected.los, None

    with ProductWriter(folder, grid, tags) as writer:
        if config.ramp != "none":
            ramp, surface = ramp_of(config.ramp, grid, los, components)
            los -= surface
            writer.write({"ramp": surface.astype(np.float32)}, dict(tags) | {"ramp": config.ramp})

        # relative to the reference, or as GNSS stations moved
        stations, reference = None, None
        if config.reference_gnss.files:
            dates = times or (tags["reference_date"], tags["secondary_date"])
            stations = zero_by_gnss(config, layers, los, known_coherence, components, dates, wavelength)
            los -= stations.surface
        elif reference := find_reference(config, grid, los, coherence, components, calm, shared):
            los -= reference.value
            reference = reference if known_coherence is not None else replace(reference, coherence=None)
        where = _position(grid, reference) if reference else None
        los = los.astype(np.float32)
        name = "none" if where is None else f"{where.lon:.6f},{where.lat:.6f}"
        tags = dict(tags) | {"reference_point": name} | _changes(config, masks, stations) | corrected.tags
        writer.write({"los_displacement": los}, tags)
        if up is not None:
            writer.write({"vertical_displacement": vertical_displacement(los, up).astype(np.float32)}, tags)

        # how far it may be wrong
        unknown = along_track(layers, los, reference, up)
        of_zero = None if stations is None else stations.sigma
        sigma = _sigma_layer(layers, los, reference, wavelength, unknown, of_zero)
        writer.write(sigma, tags | sigma_tags(unknown, gnss=stations is not None))

        known = los[np.isfinite(los)]
        low, high = np.percentile(known, [2, 98]) if known.size else (np.nan, np.nan)
        facts = MapFacts(
            reference=reference,
            longitude=where.lon if where else None,
            latitude=where.lat if where else None,
            components=_shares(components, np.isfinite(phase)),
            lowest=float(low),
            highest=float(high),
            mean_los=None if up is None else layers.file("los_vector").mean_direction(),
            mean_coherence=None if known_coherence is None else _mean_of_ground(known_coherence, visibility),
            median_sigma=_median(sigma.get("los_sigma")),
            along_track=None if unknown is None else largest(unknown, los),
            masked=shares,
            ramp=None if ramp is None else asdict(ramp),
            corrections=corrected.facts,
            chosen=stations is not None or config.reference_area is not None or config.reference_point != "auto",
            gnss=None if stations is None else stations.record,
            shared=shared is not None,
            cut=None
            if config.unwrap.cut is None
            else cut_facts(config.unwrap.cut, grid, los, components).to_dict(),
            reference_on_map=reference is None or grid.holds(reference.row, reference.column),
            range=range_of(grid, los, known_coherence, components, sigma.get("los_sigma")).to_dict(),
            far_field=_final(far, los, coherence, components, grid, _level(reference, stations, raw=raw)).to_dict(),
        )
    return corrected.files | writer.files, facts


def stays_raw(config: RunConfig) -> bool:
    """Tell whether displacement stays as the phase gives it: ramps and corrections are known on the map alone."""
    return config.ramp == "none" and not asked_for(config.corrections)


def _mean_of_ground(coherence: Array, visibility: Array | None) -> float:
    """Return the mean coherence where the ground is seen: water has none, and says nothing of the pair."""
    ground = np.isfinite(coherence)
    if visibility is not None:
        ground &= ~hides_ground(visibility)
    return float(np.mean(coherence[ground])) if ground.any() else float(np.nanmean(coherence))


def _final(
    far: FarField,
    los: Array,
    coherence: Array,
    components: Array,
    grid: Grid,
    level: float | None,
) -> FarField:
    """Return the far field of the displacement as it is handed over: what it was, less a level if that is all."""
    if level is None:
        return replace(far_field_of_map(los, coherence, components, grid), place=None)
    return far.relative_to(level)


def _level(reference: ReferencePoint | None, stations: GnssZero | None, *, raw: bool) -> float | None:
    """Return the constant that was taken off the displacement; None where more was."""
    if not raw or (stations is not None and stations.fit.model != "constant"):
        return None
    if stations is not None:
        return float(stations.fit.coefficients[0])
    return reference.value if reference else 0.0


def displacement_depends(config: RunConfig) -> list[object]:
    """Return the keys and files on which the displacement depends, beside the layers on the map."""
    area = config.reference_area
    files = [config.mask.water_file, Path(area) if is_roi_file(area) and area is not None else None]
    gnss = config.reference_gnss
    daily, tables, lists = station_files(gnss.files)
    return [
        str(config.reference_point),
        area,
        *([gnss.model_dump(mode="json"), str(config.event)] if gnss.files else []),
        config.mask.model_dump(mode="json"),
        config.ramp,
        correction_marks(config.corrections),
        [file_mark(path) for path in (*files, *daily, *tables, *lists) if path is not None],
    ]


def _changes(config: RunConfig, masks: Collection[str], stations: GnssZero | None) -> dict[str, str]:
    """Return the tags of what was done to the displacement."""
    mask = {f"mask_{name}": str(value) for name, value in config.mask if name in masks}
    if "mask_water" in mask:
        mask["mask_water"] = Path(mask["mask_water"]).name
    ramp = {} if config.ramp == "none" else {"ramp_removed": config.ramp}
    area = {} if config.reference_area is None else {"reference": "mean of an area"}
    area |= {} if stations is None else {"reference": gnss_words(stations.record)}
    return mask | ramp | area


def _masked_shares(masks: Mapping[str, Array], known: NDArray[np.bool_]) -> dict[str, float]:
    return {name: float(np.mean(cells[known])) if known.any() else 0.0 for name, cells in masks.items()}


def _sigma_layer(
    layers: MapLayers,
    los: Array,
    reference: ReferencePoint | None,
    wavelength: float,
    unknown: Array | None,
    of_zero: Array | None,
) -> dict[str, Array]:
    """Give the noise of the displacement, where that of the phase is known, with what else is unknown."""
    noise = layers.find("phase_sigma")
    if noise is None:
        return {}
    variance = reference_variance(reference, layers.grid, layers.tags("phase_sigma"))
    sigma = los_sigma(noise, variance, wavelength)
    for further in (unknown, of_zero):
        sigma = sigma if further is None else np.hypot(sigma, further)
    return {"los_sigma": np.where(np.isfinite(los), sigma, np.nan).astype(np.float32)}


def _median(values: Array | None) -> float | None:
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _or_else(values: Array | None, instead: Array) -> Array:
    return instead if values is None else values


def _position(grid: Grid, reference: ReferencePoint) -> LonLat:
    return LonLat(*grid.lonlat(reference.row, reference.column))


def _shares(components: Array, unwrapped: NDArray[np.bool_]) -> dict[str, float]:
    counts = np.bincount(components[unwrapped].astype(np.intp))
    return {str(label): float(counts[label] / counts.sum()) for label in np.flatnonzero(counts)}
