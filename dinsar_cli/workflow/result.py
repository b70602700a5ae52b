"""What a finished run says: its files, its numbers, and what the user should keep in mind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dinsar_cli.maps.corrections.apply import correction_warnings
from dinsar_cli.maps.facts import MapFacts
from dinsar_cli.maps.sigma import parts
from dinsar_cli.maps.zero.far_field import FarField
from dinsar_cli.maps.zero.gnss_words import gnss_notes
from dinsar_cli.plan.science_warnings import along_track
from dinsar_cli.radar.interferogram import Described


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
    verdicts : list of dict
        On the map, in the order of the rules; see `Verdict.to_dict`.
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
    verdicts: Sequence[Mapping[str, Any]] = ()
    offsets: dict[str, Any] | None = None


def verdict_warnings(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what the verdicts on a map (as `Verdict.to_dict`) warn of."""
    return [one["warning"] for one in verdicts if one["warning"]]


def map_warnings(facts: MapFacts) -> list[str]:
    """Tell what the user should keep in mind of a map, beside the verdicts on it."""
    warnings = [along_track(facts.along_track)]
    if facts.far_field and facts.reference is not None and not facts.chosen:
        warnings.append(FarField.from_dict(facts.far_field).caution)
    if facts.ramp is not None:
        warnings.append(
            f"A ramp ({facts.ramp['kind']}) was fitted to the displacement and taken off, see ramp.tif: it follows "
            f"{facts.ramp['followed']:.0%} of the map, and deformation as wide as the map went with it."
        )
    if facts.gnss is not None:
        warnings += gnss_notes(facts.gnss)
    return [*filter(None, warnings), *correction_warnings(facts.corrections)]


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
        "los_displacement_m": {"p02": round(facts.lowest, 5), "p98": round(facts.highest, 5)} | _extremes(facts),
        "coverage": _rounded((facts.range or {}).get("coverage"), 4),
        "mean_coherence": _rounded(facts.mean_coherence, 3),
        "los_sigma_m": {
            "median": _rounded(facts.median_sigma, 6),
            **dict(zip(("includes", "excludes"), _in_sigma(facts), strict=True)),
        },
        "reference_point": None
        if facts.reference is None
        else {
            "lon": facts.longitude,
            "lat": facts.latitude,
            "coherence": _rounded(facts.reference.coherence, 3),
            "offset_from_median_m": round(facts.reference.offset, 5),
            "chosen": facts.chosen,
            "on_map": facts.reference_on_map,
        },
        "gnss": facts.gnss,
        "far_field": facts.far_field,
        "verdicts": list(result.verdicts),
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


def _in_sigma(facts: MapFacts) -> tuple[str, str]:
    return parts(along_track=facts.along_track is not None, gnss=facts.gnss is not None)


def _extremes(facts: MapFacts) -> dict[str, Any]:
    """Tell the extremes with their places."""
    found = facts.range or {}
    return {
        name: one and {key: _rounded(value, 6) for key, value in one.items()}
        for name, one in (("minimum", found.get("lowest")), ("maximum", found.get("highest")))
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Return a number for JSON; None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)
