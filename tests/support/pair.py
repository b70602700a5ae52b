"""A simulated pair as the engine gets it, and its map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dinsar_cli.compare.truth import Map, read_map
from dinsar_cli.config.file import build_config
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap, geocode_layers
from dinsar_cli.plan.plan import RunPlan, engine_inputs, plan_run
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair


@dataclass(frozen=True)
class Made:
    """A displacement map, and what it was made from."""

    interferogram: Interferogram
    products: Path
    los: Map


def pair_config(folder: Path, **options: object) -> RunConfig:
    """Configuration for the pair in a folder; options are dotted keys with ``__`` for the dot."""
    values: dict[str, object] = {
        "slc.files": [str(path) for path in sorted(folder.glob("*.zip"))],
        "orbits.dir": str(folder / "orbits"),
        "dem.file": str(folder / "dem" / "dem.tif"),
        "dem.datum": "ellipsoid",
        "looks": "7x2",
    }
    return build_config(None, values | {key.replace("__", "."): value for key, value in options.items()})


def prepared(plan: RunPlan, cache: Path) -> EngineInputs:
    """Inputs of the engine, with the DEM made."""
    dem = plan.config.dem
    assert dem.file is not None
    made = DemManager(dem.file, dem.datum, dem.buffer, cache).fetch(plan.dem)
    return engine_inputs(plan, made.path)


def engine_inputs_of(
    folder: Path, cache: Path, roi: str | None, scenes: Sequence[Path] | None = None
) -> EngineInputs:
    """Inputs of the engine for the pair in a folder, or for scenes elsewhere with its orbits and DEM."""
    options = {"slc__files": [str(scene) for scene in scenes]} if scenes else {}
    return prepared(plan_run(request_of(pair_config(folder, roi=roi, **options)), cache), cache)


def swapped(inputs: EngineInputs) -> EngineInputs:
    """The same inputs with the later date as reference."""
    pair = inputs.pair
    return replace(
        inputs,
        pair=Pair(pair.secondary, pair.reference, pair.polarization),
        bursts=tuple(CommonBurst(b.swath, b.secondary, b.reference) for b in inputs.bursts),
        reference_orbit=inputs.secondary_orbit,
        secondary_orbit=inputs.reference_orbit,
    )


def make_map(plan: RunPlan, inputs: EngineInputs, folder: Path) -> Made:
    """Interferogram and displacement map of the embedded engine, without the stages of a run."""
    radar, products = folder / "radar", folder / "products"
    radar.mkdir(parents=True)
    products.mkdir()
    made = EosEngine().process(inputs, radar, nothing)
    layers = MapLayers(products, plan.grid)
    geocode_layers(RadarOnMap(made, plan.grid, 500_000_000), layers, {}, nothing)
    displacement_layers(plan.config, layers, made.wavelength, {})
    return Made(made, products, read_map(products / "los_displacement.tif"))


def nothing(*_: object) -> None:
    """Take progress and do nothing with it."""
