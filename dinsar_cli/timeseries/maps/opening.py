"""Opening the maps of a folder, whoever made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dinsar_cli.errors import UsageError
from dinsar_cli.products.reader import Products
from dinsar_cli.timeseries.maps.agreement import check_pairs, common_grid
from dinsar_cli.timeseries.maps.foreign_maps import LOOKS, ForeignPair, foreign_pairs
from dinsar_cli.timeseries.maps.own_maps import has_own, maps_of, own_products
from dinsar_cli.timeseries.maps.pair_maps import PairMaps


def open_maps(folder: Path, files: Products) -> PairMaps:
    """Open the maps of a stack, of a folder with the folders of runs, or the interferograms of another program.

    Parameters
    ----------
    folder : Path
    files : Products
        What they are read with.

    Raises
    ------
    UsageError
        When they do not go together.
    NoDataError
        When there are too few.
    """
    foreign = [] if has_own(folder) else foreign_pairs(folder, files)
    return _foreign_maps(folder, foreign) if foreign else maps_of(folder, own_products(folder), files)


def _foreign_maps(folder: Path, found: Sequence[ForeignPair]) -> PairMaps:
    found = sorted(found, key=lambda one: one.pair)
    check_pairs(folder, [(one.pair, one.phase) for one in found])
    grid = common_grid([path for one in found for path in (one.phase, one.coherence)], found[0].files)
    wavelengths = sorted({one.wavelength for one in found})
    if wavelengths[-1] > 1.001 * wavelengths[0]:
        raise UsageError(
            f"The interferograms in {folder} have different wavelengths.",
            f"Their tags tell {wavelengths[0]:g} and {wavelengths[-1]:g} m: they are of different satellites.",
            "Give each satellite a folder of its own.",
        )
    note = (
        f"interferograms of another program: positive phase is taken for motion away from the satellite, their "
        f"coherence for one of {LOOKS:.0f} independent looks"
    )
    tags = {"wavelength_m": f"{wavelengths[0]:.8g}"}
    nothing = np.zeros(len(found))
    return PairMaps(folder, tuple(found), grid, wavelengths[0], tags, None, nothing, nothing, notes=(note,))
