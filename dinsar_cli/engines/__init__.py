"""Engines: from two acquisitions, orbits and a DEM to an interferogram on the radar grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinsar_cli.errors import EngineError

if TYPE_CHECKING:
    from dinsar_cli.engines.base import Engine


def engines() -> dict[str, Engine]:
    """All engines by name, the preferred one first."""
    from dinsar_cli.engines.eos.engine import EosEngine

    return {engine.name: engine for engine in (EosEngine(),)}


def find_engine(wanted: str) -> tuple[Engine, str]:
    """Choose an engine.

    Parameters
    ----------
    wanted : str
        Its name, or ``auto`` for the first that works here. One that is named is never replaced by another.

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
    """
    known = engines()
    candidates = known if wanted == "auto" else {wanted: known[wanted]}
    problems = {name: engine.check() for name, engine in candidates.items()}
    for name, engine in candidates.items():
        if not problems[name]:
            return engine, "it was asked for" if wanted != "auto" else "it is the first that works here"
    raise EngineError(
        f"The engine {wanted} cannot work here." if wanted != "auto" else "There is no engine that works here.",
        "; ".join(f"{name}: {', '.join(found)}" for name, found in problems.items()) + ".",
        "Install the embedded engine: pip install 'dinsar[embedded]' (it needs a C compiler).",
    )
