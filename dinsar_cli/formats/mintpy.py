"""A set that MintPy loads as it loads HyP3's products, with a configuration file for it."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.hyp3 import check_hyp3, write_set

FOLDER = "mintpy"

_SUFFIXES = ("unw_phase", "corr", "conncomp", "dem", "lv_theta", "lv_phi")
_CONFIGURATION = """# For smallbaselineApp.py or load_data.py of MintPy, in this folder.
# MintPy needs pairs on one grid: run dinsar with the same grid and roi for all of them, put the folders S1* of
# their products/mintpy beside the one here, and all are loaded.
mintpy.load.processor    = hyp3
mintpy.load.unwFile      = ./S1*/*_unw_phase.tif
mintpy.load.corFile      = ./S1*/*_corr.tif
mintpy.load.connCompFile = ./S1*/*_conncomp.tif
mintpy.load.demFile      = ./S1*/*_dem.tif
mintpy.load.incAngleFile = ./S1*/*_lv_theta.tif
mintpy.load.azAngleFile  = ./S1*/*_lv_phi.tif
"""


def check_mintpy(facts: ProductFacts) -> None:
    """Make sure that the set can be written, and that MintPy can load it.

    Raises
    ------
    NoDataError
        When a product is missing.
    """
    check_hyp3(facts)
    for layer in ("unwrapped_phase", "coherence"):
        facts.require(layer)


def write_mintpy(facts: ProductFacts) -> list[Path]:
    """Write the set into a folder of its own among the products; the configuration file comes first."""
    folder = facts.output / FOLDER
    rasters = write_set(facts, folder, _SUFFIXES)
    return [put(folder / "mintpy.cfg", _CONFIGURATION), *rasters]
