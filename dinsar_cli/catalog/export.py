"""Scenes, stacks and pairs of the catalogue as JSON and GeoJSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping
from shapely.geometry.polygon import orient

from dinsar_cli.base.files import write_text
from dinsar_cli.catalog.pair_choice import Candidate, Choice
from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.stacks import CatalogAcquisition, Stack
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.roi import Roi


def search_record(roi: Roi, stacks: Sequence[Stack], notes: Sequence[str]) -> dict[str, Any]:
    """Tell what a search found, for JSON."""
    return {"roi": roi.wkt, "stacks": [_stack_record(stack) for stack in stacks], "notes": list(notes)}


def choice_record(choice: Choice, notes: Sequence[str]) -> dict[str, Any]:
    """Return a chosen pair with the other candidates, for JSON."""
    return {
        "pair": choice.best.name,
        "reason": choice.reason,
        "bursts": choice.bursts,
        "warnings": [*notes, *choice.warnings],
        "reference": acquisition_record(choice.best.reference),
        "secondary": acquisition_record(choice.best.secondary),
        "candidates": [_candidate_record(candidate) for candidate in choice.candidates],
    }


def acquisition_record(acquisition: CatalogAcquisition) -> dict[str, Any]:
    """Return an acquisition with its products, for JSON."""
    return {
        "platform": acquisition.platform,
        "start": _text(acquisition.start),
        "stop": _text(acquisition.stop),
        "polarizations": sorted(acquisition.polarizations),
        "coverage": round(acquisition.coverage, 4),
        "bytes": acquisition.bytes,
        "scenes": [scene_record(scene) for scene in acquisition.scenes],
    }


def scene_record(scene: CatalogScene) -> dict[str, Any]:
    """Return a product without its footprint, for JSON."""
    return {
        "name": scene.name,
        "platform": scene.platform,
        "start": _text(scene.start),
        "stop": _text(scene.stop),
        "track": scene.track,
        "frame": scene.frame,
        "absolute_orbit": scene.absolute_orbit,
        "direction": scene.direction,
        "polarizations": list(scene.polarizations),
        "url": scene.url,
        "bytes": scene.bytes,
        "md5": scene.md5,
        "processed": _text(scene.processed) if scene.processed else None,
        "ipf": scene.ipf,
    }


def geojson(stacks: Sequence[Stack]) -> dict[str, Any]:
    """Return the footprints of all products as GeoJSON (RFC 7946)."""
    features = [
        {
            "type": "Feature",
            "id": scene.name,
            "geometry": mapping(_oriented(scene.footprint)),
            "properties": {"stack": stack.name, **scene_record(scene)},
        }
        for stack in stacks
        for one in stack.acquisitions
        for scene in one.scenes
    ]
    return {"type": "FeatureCollection", "features": features}


def write_result(path: Path, text: str) -> None:
    """Write a file that the user asked for.

    Raises
    ------
    UsageError
        When it cannot be written.
    """
    try:
        write_text(path, text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written.",
            f"The system says: {error.strerror or error}.",
            "Give a file in a folder that is there and can be written to.",
        ) from error


def _oriented(shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    return (
        MultiPolygon([orient(part) for part in shape.geoms]) if shape.geom_type == "MultiPolygon" else orient(shape)
    )


def _stack_record(stack: Stack) -> dict[str, Any]:
    return {
        "name": stack.name,
        "track": stack.track,
        "direction": stack.direction,
        "frames": list(stack.frames),
        "platforms": list(stack.platforms),
        "polarizations": list(stack.polarizations),
        "first": _text(stack.acquisitions[0].start),
        "last": _text(stack.acquisitions[-1].start),
        "coverage": round(stack.coverage, 4),
        "bytes": stack.bytes,
        "acquisitions": [acquisition_record(one) for one in stack.acquisitions],
    }


def _candidate_record(candidate: Candidate) -> dict[str, Any]:
    baseline = candidate.baseline
    height = baseline.height_ambiguity if baseline else None
    return {
        "name": candidate.name,
        "reference": [scene.name for scene in candidate.reference.scenes],
        "secondary": [scene.name for scene in candidate.secondary.scenes],
        "polarization": candidate.polarization,
        "temporal_baseline_days": candidate.days,
        "perpendicular_baseline_m": round(baseline.perpendicular, 1) if baseline else None,
        "baseline_source": baseline.source if baseline else None,
        "height_ambiguity_m": round(height, 1) if height else None,
        "coverage": round(candidate.coverage, 4),
        "expected_coherence": round(candidate.coherence, 3),
        "expected_quality": candidate.quality,
        "bytes": candidate.bytes,
        "why_not": candidate.why_not,
    }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
