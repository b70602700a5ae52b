"""What a finished run says: its files, its numbers, and what the user should keep in mind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dinsar_cli.maps.corrections.apply import correction_warnings
from dinsar_cli.maps.facts import MapFacts
from dinsar_cli.maps.science_warnings import after
from dinsar_cli.maps.sigma import parts
from dinsar_cli.radar.interferogram import Described

_WORTH_TELLING = 0.001  # share of the map in other components
_TOLD = {"coherence", "components"}  # verdicts of which `map_warnings` tells


@dataclass(frozen=True)
class RunResult:
    """What a finished run left.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    products : dict
        Files by product name.
    facts : MapFacts
        Reference point, range of displacement, components.
    interferogram : Described
        Of what the map was made: on the radar grid, or only its description.
    warnings : tuple of str
        What the user should keep in mind.
    seconds : float or None
        That this run took, with search and downloads.
    received : int
        Bytes that it has fetched.
    checks : dict or None
        What the checks of the phase found.
    offsets : dict or None
        What the dense offsets are, see `write_offsets`; None or empty without them.
    """

    folder: Path
    products: dict[str, Path]
    facts: MapFacts
    interferogram: Described
    warnings: tuple[str, ...]
    seconds: float | None = None
    received: int = 0
    checks: dict[str, Any] | None = None
    offsets: dict[str, Any] | None = None


def further_warnings(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what the verdicts of a report (as `Verdict.to_dict`) warn of and `map_warnings` does not."""
    return [one["warning"] for one in verdicts if one["warning"] and one["key"] not in _TOLD]


def map_warnings(facts: MapFacts) -> list[str]:
    """Tell what the user should keep in mind of a map."""
    warnings = after(facts.low_coherence, facts.along_track)
    parts = sorted(share for label, share in facts.components.items() if label != "0")
    others = sum(parts[:-1])
    if others >= _WORTH_TELLING:
        warnings.append(
            f"{others:.1%} of the map lies in other connected components than the largest: their displacement may "
            "be wrong by whole half wavelengths (2.8 cm). See connected_components.tif."
        )
    if facts.ramp is not None:
        warnings.append(
            f"A ramp ({facts.ramp['kind']}) was fitted to the displacement and taken off, see ramp.tif: it follows "
            f"{facts.ramp['followed']:.0%} of the map, and deformation as wide as the map went with it."
        )
    return [*warnings, *correction_warnings(facts.corrections)]


def summary(result: RunResult) -> dict[str, Any]:
    """Tell what a finished run says, for people and for ``--json``."""
    interferogram, facts = result.interferogram, result.facts
    return {
        "folder": str(result.folder),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "perpendicular_baseline_m": _rounded(interferogram.perpendicular_baseline, 2),
        "looks": None if interferogram.looks is None else "x".join(str(n) for n in interferogram.looks),
        "sign": "positive toward the satellite",
        "los_displacement_m": {"p02": round(facts.lowest, 5), "p98": round(facts.highest, 5)},
        "mean_coherence": _rounded(facts.mean_coherence, 3),
        "los_sigma_m": {
            "median": _rounded(facts.median_sigma, 6),
            **dict(zip(("includes", "excludes"), parts(along_track=facts.along_track is not None), strict=True)),
        },
        "reference_point": None
        if facts.reference is None
        else {
            "lon": facts.longitude,
            "lat": facts.latitude,
            "coherence": _rounded(facts.reference.coherence, 3),
            "offset_from_median_m": round(facts.reference.offset, 5),
        },
        "checks": result.checks,
        "offsets": result.offsets or None,
        "masked": {name: round(share, 4) for name, share in facts.masked.items()},
        "ramp": facts.ramp,
        "corrections": facts.corrections,
        "components": {label: round(share, 4) for label, share in facts.components.items()},
        "products": {name: str(path) for name, path in result.products.items()},
        "warnings": list(result.warnings),
        "seconds": _rounded(result.seconds, 1),
        "received_bytes": result.received,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Return a number for JSON; None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)
