"""Engines: from two acquisitions, orbits and a DEM to an interferogram on the radar grid."""

from __future__ import annotations

from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import Engine
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.topsapp.engine import TopsAppEngine
from dinsar_cli.errors import EngineError, UsageError
from dinsar_cli.sentinel1.acquisition import Pair


def engines() -> dict[str, Engine]:
    """Return all engines by name, the preferred one first."""
    found: tuple[Engine, ...] = (TopsAppEngine(), EosEngine())
    return {engine.name: engine for engine in found}


def find_engine(config: RunConfig, pair: Pair | None = None) -> tuple[Engine, str]:
    """Choose an engine.

    Parameters
    ----------
    config : RunConfig
        Its ``engine`` is a name, or ``auto`` for the first that works here. One that is named is never replaced
        by another.
    pair : Pair, optional
        Acquisitions that it must be able to read.

    Returns
    -------
    engine : Engine
        The engine.
    reason : str
        Why it was chosen, for the user.

    Raises
    ------
    EngineError
        When it, or none of them, can work here.
    UsageError
        When dense offsets are asked for, and it cannot measure them.
    """
    wanted, known = config.engine, engines()
    candidates = known if wanted == "auto" else {wanted: known[wanted]}
    problems: dict[str, list[str]] = {}
    for name, engine in candidates.items():
        problems[name] = engine.check(config, pair)
        if not problems[name]:
            _check_offsets(config, name, problems)
            return engine, _reason(wanted, problems)
    raise EngineError(
        f"The engine {wanted} cannot work here." if wanted != "auto" else "There is no engine that works here.",
        f"{_faults(problems)}.",
        "; ".join(f"{name}: {engine.advice(config, pair)}" for name, engine in candidates.items()),
    )


def _check_offsets(config: RunConfig, name: str, problems: dict[str, list[str]]) -> None:
    """Refuse dense offsets with an engine that has none."""
    if not config.offsets.enabled or name == "isce2":
        return
    why = f"; isce2 was passed over: {', '.join(problems['isce2'])}" if problems.get("isce2") else ""
    raise UsageError(
        f"The engine {name} cannot measure dense offsets.",
        f"--dense-offsets (offsets.enabled) takes those of ISCE2's topsApp{why}.",
        "Use --engine isce2 with a working ISCE2 (see: dinsar doctor), or leave --dense-offsets out.",
    )


def _reason(wanted: str, problems: dict[str, list[str]]) -> str:
    if wanted != "auto":
        return "it was asked for"
    passed_over = _faults({name: found for name, found in problems.items() if found})
    return f"the first that works here ({passed_over})" if passed_over else "the preferred one"


def _faults(problems: dict[str, list[str]]) -> str:
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in problems.items())
