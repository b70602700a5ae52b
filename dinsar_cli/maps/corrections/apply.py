"""Corrections of the displacement: each one a layer that is subtracted, with its size before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import file_mark
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.sections.corrections import CorrectionsConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.delay_file import SUFFIXES, files_of_pair
from dinsar_cli.maps.corrections.height import correlation, fit_height
from dinsar_cli.maps.corrections.ionosphere import NOISE_TAG, check_ionosphere, ionosphere_los
from dinsar_cli.maps.corrections.motion import REMOVED_TAG, check_motion, motion_los
from dinsar_cli.maps.corrections.tides import check_tides, sensing_times, tide_los
from dinsar_cli.maps.corrections.troposphere import check_delays, troposphere_los
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.unwrap_check import largest_component
from dinsar_cli.sentinel1.acquisition import CommonBurst

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

NAMES = ("tides", "ionosphere", "motion", "troposphere")
"""Corrections in the order in which they are subtracted: what is fitted comes last."""
_FEW = 0.001  # share of the map
_CERTAIN = 0.5  # of a correction: noise that is more than that


@dataclass(frozen=True)
class Uncorrected:
    """A displacement map before its corrections, and what they are made from.

    Attributes
    ----------
    layers : MapLayers
        Of the map.
    tags : mapping
        Those that every product has: among them the dates.
    los : ndarray
        Metres, positive toward the satellite, NaN where there is none; shape of the grid.
    components : ndarray
        Connected components.
    times : (datetime, datetime) or None
        When the middle of the scene was seen, earlier and later, UTC; None: by the tags.
    wavelength : float
        Metres.
    """

    layers: MapLayers
    tags: Mapping[str, str]
    los: Floats
    components: NDArray[np.integer[Any]]
    times: tuple[datetime, datetime] | None = None
    wavelength: float = math.nan

    @property
    def grid(self) -> Grid:
        """Of all layers."""
        return self.layers.grid

    def needed(self, name: str, correction: str) -> Array:
        """Return a product without which a correction cannot be made.

        Raises
        ------
        NoDataError
            When it is not there.
        """
        values = self.layers.find(name)
        if values is None:
            raise NoDataError(
                f"The correction {correction} cannot be made.",
                f"It needs {name}.tif, and the layers of this map do not tell it.",
                f"Leave corrections.{correction} out, or make the map with `dinsar run`.",
            )
        return values


@dataclass(frozen=True)
class Corrected:
    """What corrections left.

    Attributes
    ----------
    los : ndarray
        Displacement without them, metres.
    files : dict
        Their layers, by the name of the product.
    facts : dict
        What each one was and did, by its name; see `_effect`.
    tags : dict
        The same in short, for the displacement.
    """

    los: Floats
    files: dict[str, Path] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def asked_for(corrections: CorrectionsConfig) -> tuple[str, ...]:
    """Return the names of the corrections that a configuration asks for, in their order."""
    wanted = {
        "tides": corrections.tides,
        "ionosphere": corrections.ionosphere,
        "motion": corrections.motion is not None,
        "troposphere": corrections.troposphere != "none",
    }
    return tuple(name for name in NAMES if wanted[name])


def mid_times(bursts: Sequence[CommonBurst]) -> tuple[datetime, datetime]:
    """Tell when the middle of the bursts was seen, at the earlier and the later date, UTC."""

    def middle(name: str) -> datetime:
        seen = [getattr(burst, name) for burst in bursts]
        first = min(one.burst.azimuth_time for one in seen)
        last = max(
            one.burst.azimuth_time
            + timedelta(seconds=one.subswath.lines_per_burst * one.subswath.azimuth_time_interval)
            for one in seen
        )
        return first + (last - first) / 2

    return middle("reference"), middle("secondary")


def check_corrections(config: RunConfig, grid: Grid | None, engine: str, dates: tuple[str, str]) -> None:
    """See that the corrections that are asked for can be made, before anything expensive starts.

    Parameters
    ----------
    grid : Grid or None
        The map grid; None where it is not known yet, and no file is held against it.
    engine : str
        Name of the one that makes, or made, the interferogram.
    dates : (str, str)
        Of the pair, UTC, ISO 8601.

    Raises
    ------
    DinsarError
        When one of them cannot be made.
    """
    corrections = config.corrections
    if corrections.tides:
        check_tides()
        sensing_times(*dates)
    if corrections.ionosphere:
        check_ionosphere(config, engine)
    if corrections.motion is not None:
        check_motion(config, grid, engine)
    if isinstance(corrections.troposphere, list):
        files = files_of_pair(corrections.troposphere, _days(*dates))
        if grid is not None:
            check_delays(grid, files, corrections.delay)


def correction_marks(corrections: CorrectionsConfig) -> list[object]:
    """Tell what the corrections depend on: their keys, and the files that they read."""
    paths = [
        *(corrections.troposphere if isinstance(corrections.troposphere, list) else []),
        *(corrections.motion or []),
    ]
    files = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not path.is_dir() or file.suffix.lower() in SUFFIXES
    ]
    return [corrections.model_dump(mode="json"), [file_mark(path) for path in files]]


def correct(config: RunConfig, given: Uncorrected) -> Corrected:
    """Make the corrections that are asked for, write each as a layer, and subtract them.

    A cell for which a correction is not known has no displacement.

    Raises
    ------
    DinsarError
        When a correction cannot be made, or leaves nothing of the map.
    """
    for name in NAMES:
        (given.layers.folder / f"correction_{name}.tif").unlink(missing_ok=True)  # of an earlier run
    names = asked_for(config.corrections)
    if not names:
        return Corrected(given.los)
    largest = _largest(given)
    elevation = given.layers.find("elevation")
    los, files, facts = given.los, dict[str, Path](), dict[str, Any]()
    for name in names:
        surface, own = _MAKERS[name](config.corrections, given, np.where(largest, los, np.nan))
        after = los - surface
        if not np.isfinite(after).any():
            raise NoDataError(
                f"The correction {name} leaves nothing of the map.",
                "It is not known at any cell that has displacement.",
                f"Leave corrections.{name} out, or give files that cover the map.",
            )
        facts[name] = own | _effect(los, after, surface, largest, elevation)
        tags = dict(given.tags) | _tags(facts[name])
        files |= write_products(
            given.layers.folder, {f"correction_{name}": surface.astype(np.float32)}, given.grid, tags
        )
        los = after
    tags = {"corrections": ", ".join(names)}
    for name in names:
        tags |= {f"{name}_{key}": value for key, value in _tags(facts[name]).items()}
    return Corrected(los, files, facts, tags)


def _largest(given: Uncorrected) -> NDArray[np.bool_]:
    """Return the cells of the component with the most displacement: between components whole cycles are unknown."""
    usable = np.isfinite(given.los)
    return usable & (given.components == largest_component(given.components, usable))


def _effect(
    before: Floats, after: Floats, surface: Floats, cells: NDArray[np.bool_], elevation: Floats | None
) -> dict[str, Any]:
    """Return the size of a correction, and of the displacement before and after it, in the largest component.

    Returns
    -------
    dict
        ``mean_m`` and ``std_m`` of the correction (displacement is relative: only the latter changes a map),
        standard deviation of the displacement before and after, its correlation with elevation before and after
        (None where it is not known), and the share of the displacement that is lost because the correction is not
        known.
    """
    known = cells & np.isfinite(after)
    effect: dict[str, Any] = {
        "mean_m": float(np.mean(surface[known])) if known.any() else None,
        "std_m": float(np.std(surface[known])) if known.any() else None,
        "lost": 1 - int(np.isfinite(after).sum()) / max(1, int(np.isfinite(before).sum())),
    }
    for name, los in (("before", before), ("after", after)):
        effect[f"los_std_{name}_m"] = float(np.std(los[known])) if known.any() else None
        related = None if elevation is None else correlation(np.where(known, los, np.nan), elevation)
        effect[f"height_correlation_{name}"] = related
    return effect


def _tags(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts of a correction as tags."""
    return {"method": facts["method"]} | {
        key: f"{value:.6g}" for key, value in facts.items() if isinstance(value, float)
    }


def _tides(_: CorrectionsConfig, given: Uncorrected, __: Floats) -> tuple[Floats, dict[str, Any]]:
    times = given.times or sensing_times(given.tags["reference_date"], given.tags["secondary_date"])
    surface = tide_los(given.grid, given.needed("los_vector", "tides"), times)
    return surface, {
        "method": "solid Earth tide of the IERS Conventions 2010 (pyTMD)",
        "times": [time.isoformat() for time in times],
    }


def _troposphere(corrections: CorrectionsConfig, given: Uncorrected, los: Floats) -> tuple[Floats, dict[str, Any]]:
    if isinstance(corrections.troposphere, list):
        days = _days(given.tags["reference_date"], given.tags["secondary_date"])
        files = files_of_pair(corrections.troposphere, days)
        vector = given.needed("los_vector", "troposphere")
        surface = troposphere_los(
            given.grid, vector, files, corrections.delay, lambda: given.needed("elevation", "troposphere")
        )
        names = [[path.name for path in one] for one in files]
        return surface, {"method": f"difference of {corrections.delay} delays from files", "files": names}
    elevation = given.needed("elevation", "troposphere")
    east, north = (given.grid.posting * metres for metres in given.grid.metres_per_unit)
    fit = fit_height(los, elevation, (north, east))
    own = {f"fit_{key}": value for key, value in asdict(fit).items() if key != "slope"}
    return fit.at(elevation), {"method": "linear with height", "slope_mm_per_km": 1e6 * fit.slope} | own


def _days(reference: str, secondary: str) -> tuple[date, date]:
    return date.fromisoformat(reference[:10]), date.fromisoformat(secondary[:10])


def _ionosphere(_: CorrectionsConfig, given: Uncorrected, __: Floats) -> tuple[Floats, dict[str, Any]]:
    phase = given.needed("ionosphere_phase", "ionosphere")
    noise = {"noise_m": float(given.tags[NOISE_TAG])} if NOISE_TAG in given.tags else {}
    return ionosphere_los(phase, given.wavelength), {"method": "split spectrum"} | noise


def _motion(corrections: CorrectionsConfig, given: Uncorrected, _: Floats) -> tuple[Floats, dict[str, Any]]:
    vector, squint = (given.needed(name, "motion") for name in ("los_vector", "squint"))
    removed, files = float(given.tags.get(REMOVED_TAG, 0)), corrections.motion or []
    surface = motion_los(given.grid, vector, squint, files, removed)
    return surface, {"method": "squint x motion from files", "files": [path.name for path in files]}


_MAKERS = {"tides": _tides, "ionosphere": _ionosphere, "motion": _motion, "troposphere": _troposphere}


def correction_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Tell what the user should keep in mind of the corrections of a map."""
    found = []
    for name, record in facts.items():
        if "slope_mm_per_km" in record:
            found.append(
                f"Displacement was fitted to elevation ({record['slope_mm_per_km']:+.1f} mm a kilometre of height) "
                f"and the fit taken off, see correction_{name}.tif: deformation that goes with height went with it."
            )
        if record.get("std_m") and record.get("noise_m", 0.0) > _CERTAIN * record["std_m"]:
            found.append(
                f"The {name} that was taken off ({1000 * record['std_m']:.1f} mm) is hardly more than the noise of "
                f"its estimate ({1000 * record['noise_m']:.1f} mm): the map may be worse for it. Leave "
                f"corrections.{name} out, or take a larger area or more coherent dates."
            )
        if record["lost"] > _FEW:
            found.append(
                f"{record['lost']:.1%} of the displacement is lost, because the correction {name} is not known "
                "there."
            )
    return found
