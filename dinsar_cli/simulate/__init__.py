"""Synthetic Sentinel-1 IW acquisitions with known displacement, as real SAFE, EOF and DEM files.

>>> from pathlib import Path
>>> from dinsar_cli.simulate import Mogi, Scenario, simulate
>>> stack = simulate(Scenario(deformation=Mogi.from_uplift(0.10, depth=3000.0)), Path("pair"))  # doctest:
+SKIP
"""

from dinsar_cli.simulate.stack import SimulatedStack, simulate
from dinsar_cli.simulate.truth import scenario_record
from dinsar_cli.simulate.world.deformation import (
    Deformation,
    GaussianBowl,
    Mogi,
    Ramp,
    RectangularDislocation,
    Rupture,
    Still,
)
from dinsar_cli.simulate.world.scenario import (
    Atmosphere,
    Coherence,
    Corners,
    Ionosphere,
    Lake,
    OrbitError,
    Scenario,
    Terrain,
)

__all__ = [
    "Atmosphere",
    "Coherence",
    "Corners",
    "Deformation",
    "GaussianBowl",
    "Ionosphere",
    "Lake",
    "Mogi",
    "OrbitError",
    "Ramp",
    "RectangularDislocation",
    "Rupture",
    "Scenario",
    "SimulatedStack",
    "Still",
    "Terrain",
    "scenario_record",
    "simulate",
]
