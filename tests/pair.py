"""The simulated pair as the engine gets it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dinsar_cli.config import RunConfig
from dinsar_cli.configfile import build_config
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.managers.dem import DemManager
from dinsar_cli.planning import RunPlan, engine_inputs, plan_run


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
    return engine_inputs(plan, DemManager(dem.file, dem.datum, dem.buffer, cache).fetch(plan.dem).path)


def engine_inputs_of(
    folder: Path, cache: Path, roi: str | None, scenes: Sequence[Path] | None = None
) -> EngineInputs:
    """Inputs of the engine for the pair in a folder, or for scenes elsewhere with its orbits and DEM."""
    options = {"slc__files": [str(scene) for scene in scenes]} if scenes else {}
    return prepared(plan_run(pair_config(folder, roi=roi, **options), cache), cache)
