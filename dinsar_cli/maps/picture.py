"""Draw the picture of a map."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np

from dinsar_cli.drawing.map_picture import displacement_map
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.facts import MapFacts
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Described


def draw_map(
    grid: Grid, folder: Path, files: Products, facts: MapFacts, interferogram: Described, title: str
) -> dict[str, Path]:
    """Draw the displacement beside the coherence, whose panel stays empty where it is not known."""
    known = facts.mean_coherence is not None
    coherence = files[folder / "coherence.tif"].read() if known else np.full(grid.shape, np.nan, np.float32)
    path = folder / "displacement.png"
    point = None if facts.longitude is None or facts.latitude is None else (facts.longitude, facts.latitude)
    displacement_map(
        path,
        files[folder / "los_displacement.tif"].read(),
        coherence,
        grid,
        title=title,
        subtitle=_subtitle(interferogram),
        los_vector_mean=facts.mean_los,
        reference_point=point,
        dates=(
            date.fromisoformat(interferogram.reference_date[:10]),
            date.fromisoformat(interferogram.secondary_date[:10]),
        ),
    )
    return {"map": path}


def _subtitle(interferogram: Described) -> str:
    parts = []
    if not math.isnan(interferogram.perpendicular_baseline):
        parts.append(f"perpendicular baseline {interferogram.perpendicular_baseline:.0f} m")
    if interferogram.looks is not None:
        parts.append(f"{interferogram.looks[0]} x {interferogram.looks[1]} looks")
    return ", ".join(parts)
