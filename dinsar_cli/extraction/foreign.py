"""Where the displacement is in a folder of interferograms that another program unwrapped."""

from __future__ import annotations

import math
from pathlib import Path

from dinsar_cli.extraction.source import Band
from dinsar_cli.products.reader import Products
from dinsar_cli.series.network import pair_name
from dinsar_cli.timeseries.maps.foreign_maps import foreign_pairs


def foreign_bands(folder: Path, files: Products) -> list[tuple[str, tuple[str, ...], dict[str, Band]]]:
    """Return name, dates and bands of the interferograms of other programs in a folder; none where there are none.

    Raises
    ------
    UsageError
        When one has no coherence.
    """
    return [
        (
            pair_name(one.pair),
            tuple(str(day) for day in one.pair),
            {
                "los_displacement_m": Band(one.phase, 1, -one.wavelength / (4 * math.pi)),
                "coherence": Band(one.coherence),
            },
        )
        for one in foreign_pairs(folder, files)
    ]
