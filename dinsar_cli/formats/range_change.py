"""``range_change.tif``: the displacement with the sign of those who work with changes of range."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.formats.facts import MAIN, ProductFacts
from dinsar_cli.products.layers import Layer, write_cog

FILE = "range_change.tif"

LAYER = Layer(
    "range_change",
    "Change of the distance between ground and satellite: minus los_displacement",
    "m",
    ("range",),
    "positive away from the satellite, later minus earlier",
)


def write_range_change(facts: ProductFacts) -> Path:
    """Write the layer into the folder of the products."""
    path = facts.output / FILE
    write_cog(path, -facts.read(MAIN), facts.grid, LAYER, facts.tags)
    return path
