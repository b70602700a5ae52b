"""Maps of pairs that dinsar made: where they are, and what is read of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.base.journal import (
    MAP_RECORD,
    PRODUCTS,
    RUN_FILE,
    STACK_FILE,
    runs_in,
)
from dinsar_cli.compare.simulated_truth import dates_of
from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.reference import NOISE_TAGS, mean_variance
from dinsar_cli.products.folder import PairProducts, find_products, products_of
from dinsar_cli.products.reader import MAKE_AGAIN, Products
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.velocity import MANY_LOOKS
from dinsar_cli.stack.folders import StackFolders
from dinsar_cli.stack.record import StackRecord
from dinsar_cli.timeseries.maps.agreement import check_alike, check_pairs, common_grid
from dinsar_cli.timeseries.maps.pair_maps import PairMaps

Floats = NDArray[np.float32]

LOS: Final = "los_displacement"
_TAGS: Final = ("engine", "engine_version", "looks", "version", "wavelength_m")
_NEEDED: Final = (LOS, "los_sigma", "coherence")


@dataclass(frozen=True)
class OwnPair:
    """The products of a pair that dinsar made."""

    pair: Pair
    products: PairProducts

    def los(self, window: Window) -> Floats:
        """Return the displacement, metres, positive toward the satellite; NaN where there is none."""
        return self.products.product(LOS).read_floats(1, window=window).astype(np.float32)

    def sigma(self, window: Window) -> Floats:
        """Return its standard deviation, metres."""
        return self.products.product("los_sigma").read_floats(1, window=window).astype(np.float32)

    def correlation(self, window: Window) -> Floats:
        """Return the coherence, 0 to 1."""
        return self.products.product("coherence").read_floats(1, window=window).astype(np.float32)

    @property
    def looks(self) -> float:
        """Independent looks of the coherence; many where the maps do not tell."""
        return float(self._noise.get("coherence_looks", MANY_LOOKS))

    def mean_sigma(self, coherence: float, cells: int, grid: Grid) -> float:
        """Return the standard deviation of the noise of the mean displacement of some cells, metres.

        Zero where the map does not tell of how many looks it is.
        """
        noise = self._noise
        if not set(NOISE_TAGS) <= set(noise):
            return 0.0
        scale = float(self.products.product(LOS).tags["wavelength_m"]) / (4 * math.pi)
        return scale * math.sqrt(mean_variance(coherence, cells, grid, noise))

    @property
    def _noise(self) -> dict[str, str]:
        return dict(self.products.product("phase_sigma").tags) if "phase_sigma" in self.products.rasters else {}


def has_own(folder: Path) -> bool:
    """Tell whether a folder has maps that dinsar made."""
    found = (folder / STACK_FILE).is_file() or (folder / RUN_FILE).is_file() or runs_in(folder)
    return bool(found or _maps_in(folder))


def _maps_in(folder: Path) -> list[Path]:
    """Return the folders of maps that ``dinsar displacement`` made of topsApp folders, side by side or in these."""
    found = (*folder.glob(f"*/{MAP_RECORD}"), *folder.glob(f"*/*/{MAP_RECORD}"))
    return sorted(path.parent for path in found if (path.parent / PRODUCTS).is_dir())


def maps_of(folder: Path, products: Sequence[PairProducts], files: Products) -> PairMaps:
    """Return the maps of pairs that dinsar made, if they go together.

    Parameters
    ----------
    folder : Path
        By which they are called in messages.
    products : sequence of PairProducts
    files : Products
        What they are read with.

    Raises
    ------
    UsageError
        When they do not go together.
    NoDataError
        When there are too few.
    """
    found = sorted(
        (OwnPair(_pair_of(one), replace(one, files=files)) for one in products), key=lambda one: one.pair
    )
    check_pairs(folder, [(one.pair, one.products.folder) for one in found])
    made = [one.products for one in found]
    grid = common_grid([one.rasters[name] for one in made for name in _NEEDED], files)
    check_alike(made)
    tags = made[0].product(LOS).tags
    points = {one.product(LOS).tags.get("reference_point", "") for one in made}
    place = None
    if len(points) == 1 and "," in (text := points.pop()):
        lon, _, lat = text.partition(",")
        place = LonLat(float(lon), float(lat))
    kept: dict[str, str] = {name: tags[name] for name in _TAGS if name in tags}
    nothing = np.zeros(len(found))
    return PairMaps(folder, tuple(found), grid, float(tags["wavelength_m"]), kept, place, nothing, nothing)


def own_products(folder: Path) -> list[PairProducts]:
    """Return the products of a stack, of the runs in a folder, or of maps of topsApp folders.

    Raises
    ------
    NoDataError
        When there are none.
    """
    folders = StackFolders(folder)
    record = StackRecord.open(folders.record)
    if record is None:
        maps = [] if (folder / RUN_FILE).is_file() or runs_in(folder) else _maps_in(folder)
        return [products_of(one) for one in maps] or find_products(folder)[0]
    pairs = record.body.get("pairs", {})
    made = [name for name, told in pairs.items() if "problem" not in told]
    if not made:
        raise NoDataError(
            f"{folder / STACK_FILE} has no maps.",
            "The stack is not finished, or no pair of it came out.",
            "Run dinsar stack again: it goes on where it stopped.",
        )
    return [find_products(folder / pairs[name]["folder"])[0][0] for name in made]


def _pair_of(one: PairProducts) -> Pair:
    missing = [name for name in _NEEDED if name not in one.rasters]
    if missing:
        raise UsageError(
            f"{one.folder} has no {', '.join(f'{name}.tif' for name in missing)}.",
            "A time series needs displacement, its sigma and the coherence of each pair.",
            MAKE_AGAIN,
        )
    try:
        tags = one.product(LOS).tags
    except RasterioError as error:
        raise UsageError(f"{one.rasters[LOS]} cannot be read.", f"It is damaged: {error}.", MAKE_AGAIN) from error
    dates = dates_of(tags)
    if dates is None or not _is_number(tags.get("wavelength_m")):
        raise UsageError(
            f"{one.rasters[LOS]} does not tell its dates or its wavelength.",
            "It has them as tags when dinsar wrote it.",
            MAKE_AGAIN,
        )
    first, second = dates
    if first >= second:
        raise UsageError(
            f"{one.rasters[LOS]} has the later date first.",
            f"Its tags tell {first} as the reference and {second} as the secondary: its sign is not that of a map "
            "of dinsar, which has the earlier date first.",
            MAKE_AGAIN,
        )
    return first, second


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False
