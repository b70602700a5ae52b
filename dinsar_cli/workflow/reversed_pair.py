"""Checks of a map while it is made: the unwrapping by itself, and the pair against its reverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dinsar_cli.base.disk import check_disk, human_bytes, remove
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import RADAR, REVERSED_FOLDER
from dinsar_cli.engines.base import EngineInputs, StepChoice
from dinsar_cli.maps.checks.phase import check_phase, compare_reversed
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap
from dinsar_cli.plan.cost_forecast import HISTORY
from dinsar_cli.plan.plan import engine_inputs
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair
from dinsar_cli.workflow.interferogram_stages import ground_of
from dinsar_cli.workflow.leftovers import logs_of, made_in_radar
from dinsar_cli.workflow.run_state import Session

Array = NDArray[Any]


def check_map(
    session: Session, radar: RadarOnMap, layers: MapLayers, tags: Mapping[str, str]
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase on the map by itself, and against that of the reversed pair if that is asked for.

    Parameters
    ----------
    session : Session
        The run.
    radar : RadarOnMap
        The interferogram on the map.
    layers : MapLayers
        With those of the phase; a phase that was filled takes the place of the other.
    tags : mapping
        For the files.

    Returns
    -------
    files : dict of Path
        Of ``flags``, and with a reversed pair of ``reversed_difference``.
    found : dict
        Shares and counts, for the journal and the summary.
    """
    config = session.plan.config.checks
    (layers.folder / "reversed_difference.tif").unlink(missing_ok=True)  # of an earlier run

    def compare(flags: Array) -> tuple[dict[str, Array], dict[str, Any]]:
        return compare_reversed(config, layers, _reversed_phase(session, radar), flags)

    return check_phase(radar, layers, tags, None if config.reversed == "none" else compare)


def _reversed_phase(session: Session, radar: RadarOnMap) -> Array:
    """Return the phase of later x conj(earlier) on the map, radians."""
    inputs = _inputs(session)
    if session.plan.config.checks.reversed == "phase":
        session.reporter.progress("reversed", 0.0)
        return radar.put(session.plan.engine.unwrap_conjugate(inputs, radar.interferogram.folder))
    made = _process_exchanged(session, inputs)
    phase = replace(radar, interferogram=made).layer("unwrapped")
    _tidy(session, made.folder)
    # topsApp's outputs are turned to the order of the dates when they are collected
    return phase if made.reference_date > made.secondary_date else -phase


def _inputs(session: Session) -> EngineInputs:
    plan = session.plan
    ground = ground_of(session.journal.stages["dem"].details)
    return engine_inputs(plan, ground.dem, StepChoice(), session.cache / HISTORY, ground.water)


def exchanged(inputs: EngineInputs) -> EngineInputs:
    """Return the same inputs with the later date as the one that the other is coregistered to; without offsets."""
    pair, config = inputs.pair, inputs.config
    return replace(
        inputs,
        config=config.model_copy(update={"offsets": type(config.offsets)()}),
        pair=Pair(pair.secondary, pair.reference, pair.polarization),
        bursts=tuple(CommonBurst(burst.swath, burst.secondary, burst.reference) for burst in inputs.bursts),
        reference_orbit=inputs.secondary_orbit,
        secondary_orbit=inputs.reference_orbit,
    )


def _process_exchanged(session: Session, inputs: EngineInputs) -> Interferogram:
    """Run the engine with the dates exchanged, in a folder of its own in that of the pair."""
    plan = session.plan
    if not session.force:
        needed = session.prediction.engine.disk
        remedy = "Free some space, choose another --workdir or a smaller area, or leave --check-reversed out."
        check_disk(session.folder, needed, f"the reversed pair ({human_bytes(needed)})", remedy)
    folder = make_folder(make_folder(session.folder / REVERSED_FOLDER) / RADAR)
    session.reporter.note("the pair is processed in the reversed order too, which takes as long as the first time")
    made = plan.engine.process(exchanged(inputs), folder, session.reporter.progress)
    if made is None:
        raise ValueError("all steps of the engine are needed")
    return made


def _tidy(session: Session, folder: Path) -> None:
    """Remove of the reversed pair what is removed of the pair itself."""
    kept = session.plan.config.output.intermediates
    engine, folder = session.plan.engine, folder.resolve()
    pair = folder.parent.parent
    if kept == "geocoded":
        remove(engine.leftovers(folder), pair)
    elif kept == "delete":
        remove([*engine.leftovers(folder, inputs=True), *made_in_radar(folder), *logs_of(folder.parent)], pair)
