"""What the later stages of a run do with an interferogram: map layers, displacement, picture."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import file_mark
from dinsar_cli.config.model import LonLat, RunConfig, is_roi_file
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.apply import Uncorrected, correct, correction_marks
from dinsar_cli.maps.corrections.ramps import ramp_of
from dinsar_cli.maps.facts import MapFacts
from dinsar_cli.maps.geocode import radar_coordinates, sample
from dinsar_cli.maps.masks import masked_out
from dinsar_cli.maps.phase_noise import PhaseFilter, noise_facts, phase_sigma
from dinsar_cli.maps.reference import find_reference, reference_variance
from dinsar_cli.maps.science_warnings import LOW_COHERENCE
from dinsar_cli.maps.sigma import along_track, largest, sigma_tags
from dinsar_cli.products.reader import Product, read_product, read_tags
from dinsar_cli.products.writer import ProductWriter
from dinsar_cli.radar.displacement import (
    ReferencePoint,
    incidence_angle,
    los_displacement,
    los_sigma,
    vertical_displacement,
)
from dinsar_cli.radar.interferogram import Described, Interferogram

Array = NDArray[Any]
Progress = Callable[[float], None]


_NOT_ALWAYS = ("squint", "ionosphere_phase")  # layers that not every run has
_OTHER_CYCLES = 0.1  # rad: far more than two ways of interpolating differ by, far less than a mixed cycle


def common_tags(interferogram: Described, engine: str, version: str) -> dict[str, str]:
    """Return the tags that every product has; without those whose value is not known."""
    tags = {
        "wavelength_m": repr(interferogram.wavelength),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "engine": engine,
        "engine_version": json.dumps(interferogram.versions, sort_keys=True),
        "version": version,
    }
    if interferogram.looks is not None:
        tags["looks"] = "x".join(str(n) for n in interferogram.looks)
    if not math.isnan(interferogram.perpendicular_baseline):
        tags["perpendicular_baseline_m"] = f"{interferogram.perpendicular_baseline:.2f}"
    return tags


def map_layers(
    interferogram: Interferogram,
    grid: Grid,
    folder: Path,
    tags: Mapping[str, str],
    memory: int,
    progress: Progress,
    phase_filter: PhaseFilter | None = None,
    threads: int = 1,
    more: Callable[[Array, Array], dict[str, Path]] | None = None,
    ready: Callable[[Future[None]], None] | None = None,
) -> dict[str, Path]:
    """Put the layers of an interferogram on the map grid and write them.

    Parameters
    ----------
    phase_filter : PhaseFilter, optional
        How its phase was filtered; not given: the noise of the phase is not known.
    threads : int
        That make the noise of the phase.
    ready : callable, optional
        Is called when those are written from which `displacement_layers` makes displacement without corrections,
        but for the noise of the phase: with that one's future, which is cancelled when this function fails.
    more : callable, optional
        Writes further layers when these are written, given line and sample of the radar grid for each map cell.

    Raises
    ------
    NoDataError
        When nothing of the interferogram lies on the grid.
    """
    latitude, longitude = (
        np.load(interferogram.layer(name).path, mmap_mode="r") for name in ("latitude", "longitude")
    )
    row, column = radar_coordinates(latitude, longitude, grid, memory_bytes=memory)
    if not np.isfinite(row).any():
        raise NoDataError(
            "No radar data lies in the area.",
            "No look cell of the bursts in use falls on the map grid.",
            "Choose a larger area inside the scenes, or a DEM that covers it.",
        )

    def on_map(name: str, method: Any = "linear", change: Callable[[Array], Array] | None = None) -> Array:
        layer = interferogram.layer(name)
        values = layer.read()
        return sample(change(values) if change else values, row, column, method, memory_bytes=memory)

    for name in _NOT_ALWAYS:
        (folder / f"{name}.tif").unlink(missing_ok=True)  # of an earlier run
    noise_written: Future[None] = Future()
    with ProductWriter(folder, grid, tags) as writer, ExitStack() as at_end:
        at_end.callback(noise_written.cancel)
        wrapped = np.angle(on_map("wrapped"))
        writer.write({"unwrapped_phase": _unwrapped_on_map(on_map, wrapped)})
        progress(0.2)
        writer.write({"coherence": on_map("coherence"), "connected_components": on_map("components", "nearest")})
        los = on_map("los")
        los /= np.linalg.norm(los, axis=0)
        writer.write({"los_vector": los})
        if np.isfinite(squint := on_map("squint", "nearest")).any():  # of one burst, not between two
            writer.write({"squint": squint})
        progress(0.5)
        if ready is not None:
            writer.wait()
            ready(noise_written)
        if phase_filter is not None:
            noise = phase_sigma(interferogram, phase_filter, memory, threads)
            sigma = sample(noise, row, column, "linear", memory_bytes=memory)
            writer.write({"phase_sigma": sigma}, dict(tags) | noise_facts(interferogram, phase_filter))
            writer.wait()
        noise_written.set_result(None)
        progress(0.8)
        writer.write({"wrapped_phase": wrapped, "incidence_angle": incidence_angle(los[2])})
        del los, wrapped
        power = on_map("amplitude", change=np.square)
        if np.isfinite(power).any():
            with np.errstate(divide="ignore", invalid="ignore"):
                writer.write({"amplitude": np.where(power > 0, 10 * np.log10(power), np.nan)})
        writer.write({"elevation": on_map("height")})
        if interferogram.ionosphere.path.is_file():
            phase = sample(interferogram.ionosphere.read(), row, column, "linear", memory_bytes=memory)
            writer.write({"ionosphere_phase": phase})
    files = writer.files
    if more is not None:
        files |= more(row, column)
    progress(1.0)
    return files


def _unwrapped_on_map(on_map: Callable[..., Array], wrapped: Array) -> Array:
    """Interpolate linearly within a component; at its border with the cycles of the nearest cell."""
    phase, nearest = on_map("unwrapped"), on_map("unwrapped", "nearest")
    mixed = on_map("components", change=lambda labels: labels.astype(np.float32)) != on_map("components", "nearest")
    mixed &= np.isfinite(phase) & np.isfinite(nearest) & np.isfinite(wrapped)
    step = wrapped[mixed] - nearest[mixed]
    of_nearest = nearest[mixed] + step - 2 * np.pi * np.rint(step / (2 * np.pi))
    # where both sides have the same cycles the linear one is better: the wrapped one is interpolated as a phasor
    phase[mixed] = np.where(np.abs(phase[mixed] - of_nearest) > _OTHER_CYCLES, of_nearest, phase[mixed])
    return phase


def displacement_layers(
    config: RunConfig,
    grid: Grid,
    wavelength: float,
    folder: Path,
    tags: Mapping[str, str],
    missing: Collection[str] = (),
    times: tuple[datetime, datetime] | None = None,
    noise_written: Future[None] | None = None,
) -> tuple[dict[str, Path], MapFacts]:
    """Turn the phase on the map into displacement relative to the reference point, and write it.

    Where the phase has no connected component there is no displacement: its cycles are not known.

    Parameters
    ----------
    missing : collection of str
        Products that are not there. Without components all phase is one component, without coherence no point is
        better than another, and without directions there is no vertical displacement.
    times : (datetime, datetime), optional
        When the middle of the scene was seen, UTC; not given: the dates of the tags.
    noise_written : Future, optional
        Is done when the noise of the phase is on the disk; not given: it is, if it is known.

    Raises
    ------
    CancelledError
        When ``noise_written`` was cancelled.
    """
    phase = read_product(folder, "unwrapped_phase")
    stated = {name: _product_or_none(folder, missing, name) for name in ("coherence", "connected_components")}
    up = _product_or_none(folder, missing, "los_vector", 3)
    coherence = _or_else(stated["coherence"], np.isfinite(phase).astype(np.float32))
    components = _or_else(stated["connected_components"], np.isfinite(phase).astype(np.uint16))
    los = np.where(components > 0, los_displacement(phase, wavelength), np.nan)
    masks = masked_out(config.mask, grid, np.isfinite(los), coherence, components)
    shares = _masked_shares(masks, np.isfinite(los))
    for cells in masks.values():
        los[cells] = np.nan
    found = functools.partial(_product_or_none, folder, missing)
    given = Uncorrected(grid, folder, tags, los, components, found, times, wavelength)
    corrected = correct(config, given)
    los, ramp = corrected.los, None
    (folder / "ramp.tif").unlink(missing_ok=True)  # of an earlier run
    with ProductWriter(folder, grid, tags) as writer:
        if config.ramp != "none":
            ramp, surface = ramp_of(config.ramp, grid, los, components)
            los -= surface
            writer.write({"ramp": surface.astype(np.float32)}, dict(tags) | {"ramp": config.ramp})
        reference = find_reference(config, grid, los, coherence, components)
        where = _position(grid, reference) if reference else None
        if reference:
            los -= reference.value
            if stated["coherence"] is None:
                reference = replace(reference, coherence=None)
        los = los.astype(np.float32)
        name = "none" if where is None else f"{where.lon:.6f},{where.lat:.6f}"
        tags = dict(tags) | {"reference_point": name} | _changes(config) | corrected.tags
        writer.write({"los_displacement": los}, tags)
        if up is not None:
            vertical = vertical_displacement(los, up).astype(np.float32)
            writer.write({"vertical_displacement": vertical}, tags)
        unknown = along_track(folder, grid, los, reference, up)
        if noise_written is not None:
            noise_written.result()
        sigma = _sigma_layer(folder, grid, los, reference, wavelength, unknown)
        writer.write(sigma, tags | sigma_tags(unknown))
        known = los[np.isfinite(los)]
        low, high = np.percentile(known, [2, 98]) if known.size else (np.nan, np.nan)
        facts = MapFacts(
            reference=reference,
            longitude=where.lon if where else None,
            latitude=where.lat if where else None,
            components=_shares(components, np.isfinite(phase)),
            lowest=float(low),
            highest=float(high),
            mean_los=None if up is None else _mean_direction(folder),
            mean_coherence=None if stated["coherence"] is None else float(np.nanmean(coherence)),
            low_coherence=None if stated["coherence"] is None else _share_below(coherence, LOW_COHERENCE),
            median_sigma=_median(sigma.get("los_sigma")),
            along_track=None if unknown is None else largest(unknown, los),
            masked=shares,
            ramp=None if ramp is None else asdict(ramp),
            corrections=corrected.facts,
        )
    return corrected.files | writer.files, facts


def displacement_depends(config: RunConfig) -> list[object]:
    """Return the keys and files on which the displacement depends, beside the layers on the map."""
    area = config.reference_area
    files = [config.mask.water, Path(area) if is_roi_file(area) and area is not None else None]
    return [
        str(config.reference_point),
        area,
        config.mask.model_dump(mode="json"),
        config.ramp,
        correction_marks(config.corrections),
        [file_mark(path) for path in files if path is not None],
    ]


def _changes(config: RunConfig) -> dict[str, str]:
    """Return the tags of what was done to the displacement on request."""
    mask = {f"mask_{name}": str(value) for name, value in config.mask if value is not None}
    if "mask_water" in mask:
        mask["mask_water"] = Path(mask["mask_water"]).name
    ramp = {} if config.ramp == "none" else {"ramp_removed": config.ramp}
    area = {} if config.reference_area is None else {"reference": "mean of an area"}
    return mask | ramp | area


def _masked_shares(masks: Mapping[str, Array], usable: NDArray[np.bool_]) -> dict[str, float]:
    return {name: float(np.mean(cells[usable])) if usable.any() else 0.0 for name, cells in masks.items()}


def _sigma_layer(
    folder: Path, grid: Grid, los: Array, reference: ReferencePoint | None, wavelength: float, unknown: Array | None
) -> dict[str, Array]:
    """Give noise of the displacement, where the noise of the phase is known, with what unknown motion adds."""
    if not (folder / "phase_sigma.tif").is_file():
        return {}
    variance = reference_variance(reference, grid, read_tags(folder, "phase_sigma"))
    sigma = los_sigma(read_product(folder, "phase_sigma"), variance, wavelength)
    sigma = sigma if unknown is None else np.hypot(sigma, unknown)
    return {"los_sigma": np.where(np.isfinite(los), sigma, np.nan).astype(np.float32)}


def _median(values: Array | None) -> float | None:
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _share_below(values: Array, limit: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.mean(known < limit)) if known.size else float("nan")


def _or_else(values: Array | None, instead: Array) -> Array:
    return instead if values is None else values


def _mean_direction(folder: Path) -> tuple[float, float, float] | None:
    with Product(folder / "los_vector.tif") as vectors:
        return vectors.mean_direction()


def _product_or_none(folder: Path, missing: Collection[str], name: str, band: int | None = None) -> Array | None:
    there = name not in missing and (folder / f"{name}.tif").is_file()
    return read_product(folder, name, band) if there else None


def _position(grid: Grid, reference: ReferencePoint) -> LonLat:
    return LonLat(*grid.lonlat(reference.row, reference.column))


def _shares(components: Array, unwrapped: NDArray[np.bool_]) -> dict[str, float]:
    counts = np.bincount(components[unwrapped].astype(np.intp))
    return {str(label): float(counts[label] / counts.sum()) for label in np.flatnonzero(counts)}
