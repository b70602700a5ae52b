"""Motion down the slope of a finished map, by its own heights, and its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.compare.los_map import LosMap, read_los_map
from dinsar_cli.compare.motion.decompose_picture import draw_panels
from dinsar_cli.compare.motion.slope import (
    ACROSS,
    GENTLE,
    HIDDEN,
    NO_DISPLACEMENT,
    Downslope,
    Limits,
    Slope,
    project,
    steepest_slope,
)
from dinsar_cli.compare.motion.styles import style_maps
from dinsar_cli.compare.truth import map_of
from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.products.layers import Layer
from dinsar_cli.products.own_folder import OwnFolder
from dinsar_cli.products.reader import Product
from dinsar_cli.radar.visibility import LAYOVER, SHADOW, UNKNOWN

Floats: TypeAlias = NDArray[np.floating[Any]]

RECORD_FILE: Final = "downslope.json"
PICTURE_FILE: Final = "downslope.png"
_REASONS: Final = {"too_little_slope": GENTLE, "seen_too_little": ACROSS, "layover_or_shadow": HIDDEN}
ASSUMPTION: Final = "the ground moved along the steepest slope"
_LAYERS: Final = (
    Layer(
        "downslope",
        f"Displacement down the slope, if {ASSUMPTION}",
        "m",
        ("downslope",),
        "positive down the slope, later minus earlier",
    ),
    Layer(
        "downslope_sigma",
        "Standard deviation of downslope: noise of the map over the factor, and motion beside the steepest slope; "
        "without atmosphere, orbit errors and wrong cycles",
        "m",
        ("sigma",),
    ),
    Layer(
        "downslope_factor",
        "Displacement along the line of sight for each metre down the slope: direction of the slope x los_vector",
        "1",
        ("factor",),
        "positive where motion down the slope comes toward the satellite",
    ),
    Layer(
        "downslope_undefined",
        "Why there is no downslope, sum of: 1 no displacement; 2 too little slope; 4 the line of sight sees too "
        "little of it; 8 layover or shadow; 0 = there is",
        "1",
        ("undefined",),
        dtype="uint8",
        nodata=255,
        overviews="nearest",
    ),
    Layer("slope", "Angle of the steepest slope of the smoothed terrain", "degree", ("slope",)),
    Layer(
        "aspect",
        "Direction in which the smoothed terrain goes down, from north over east",
        "degree",
        ("aspect",),
        overviews="nearest",
    ),
)


@dataclass(frozen=True)
class DownslopeMap:
    """Motion down the slope of a map, and what it was made from.

    Attributes
    ----------
    map : LosMap
    slope : Slope
    motion : Downslope
    limits : Limits
    width : float
        Of the Gaussian that smoothed the heights, metres.
    """

    map: LosMap
    slope: Slope
    motion: Downslope
    limits: Limits
    width: float

    @property
    def shares(self) -> dict[str, float]:
        """Of the cells with displacement: those where it is defined, and those where it is not, by the reason."""
        undefined = self.motion.undefined
        known = undefined[undefined & NO_DISPLACEMENT == 0]
        of_reason = {name: float(np.mean(known & bit > 0)) for name, bit in _REASONS.items()}
        return {"defined": float(np.mean(known == 0)), **of_reason}


def downslope_of(path: Path, limits: Limits, width: float) -> DownslopeMap:
    """Return the motion down the slope of a finished map.

    Parameters
    ----------
    path : Path
        As for `dinsar_cli.compare.los_map.read_los_map`.
    width : float
        By which heights are smoothed, see `steepest_slope`.

    Raises
    ------
    UsageError
        When it is no map of dinsar.
    NoDataError
        When it has no heights, or motion down the slope is defined nowhere.
    """
    found = read_los_map(path)
    heights = _beside(found, "elevation")
    if heights is None:
        raise NoDataError(
            f"{found.folder} has no elevation.tif.",
            "The slope is that of the heights that belong to the map.",
            "Make the products again with dinsar, or give a folder that has that file.",
        )
    seen = _beside(found, "visibility")
    hidden = None if seen is None else _hidden(seen)
    slope = steepest_slope(heights, found.grid, width)
    motion = project(found.los, found.vector, slope, limits, found.sigma, hidden)
    made = DownslopeMap(found, slope, motion, limits, width)
    if not np.isfinite(motion.motion).any():
        shares = made.shares
        raise NoDataError(
            "Motion down the slope is defined nowhere.",
            f"Of the cells with displacement {shares['too_little_slope']:.0%} have a slope below {limits.slope:g} "
            f"degrees (or no known height), and of {shares['seen_too_little']:.0%} the line of sight sees less "
            f"than {limits.factor:g}.",
            "Lower --least-slope or --least-factor, or take the other track.",
        )
    return made


def _hidden(seen: Floats) -> NDArray[np.bool_]:
    kinds = np.nan_to_num(seen, nan=UNKNOWN).astype(np.uint8)
    hidden: NDArray[np.bool_] = (kinds != UNKNOWN) & (kinds & (LAYOVER | SHADOW) > 0)
    return hidden


def _beside(found: LosMap, name: str) -> Floats | None:
    """Read a layer of the same map; None where it is not there."""
    with Product(found.folder / f"{name}.tif") as product:
        if not product.path.is_file():
            return None
        values = map_of(product).values
    if values.shape != found.grid.shape:
        raise UsageError(
            f"{product.path} does not belong to the map.",
            f"It has {values.shape} cells, and the displacement {found.grid.shape}.",
            "Make the products again, or give a folder whose layers belong together.",
        )
    return values


def describe(found: DownslopeMap) -> dict[str, Any]:
    """Give the facts of motion down the slope as JSON holds them."""
    motion, sigma = found.motion.motion, found.motion.sigma
    known = motion[np.isfinite(motion)]
    low, high = np.percentile(known, [2, 98])
    return {
        "version": __version__,
        "name": found.map.name,
        "folder": str(found.map.folder.resolve()),
        "dates": None if found.map.dates is None else list(found.map.dates),
        "assumption": ASSUMPTION,
        "least_slope_degree": found.limits.slope,
        "least_factor": found.limits.factor,
        "beside_the_slope_degree": found.limits.turn,
        "smoothed_m": found.width,
        "share_of_displacement": {name: round(share, 4) for name, share in found.shares.items()},
        "cells": int(known.size),
        "downslope": {
            "p2_m": float(low),
            "p98_m": float(high),
            "median_sigma_m": None if sigma is None or not np.isfinite(sigma).any() else float(np.nanmedian(sigma)),
        },
        "reference_point": None if found.map.reference is None else list(found.map.reference),
        "grid": found.map.grid.to_dict(),
    }


def write_downslope(found: DownslopeMap, output: Path) -> dict[str, Path]:
    """Write the maps, their picture and their record into a folder.

    Raises
    ------
    UsageError
        When the folder cannot be used, or holds the map, or files of somebody else.
    ResourceError
        When a file cannot be written.
    """
    if output.resolve() == found.map.folder.resolve():
        raise UsageError(
            f"The folder {output} cannot be used.", "It holds the map.", "Choose another with --output."
        )
    motion = found.motion
    arrays = {
        "downslope": motion.motion,
        "downslope_factor": motion.factor,
        "downslope_undefined": motion.undefined,
        "slope": found.slope.angle,
        "aspect": found.slope.aspect,
    }
    if motion.sigma is not None:
        arrays["downslope_sigma"] = motion.sigma
    folder = OwnFolder(output, "dinsar downslope", RECORD_FILE, PICTURE_FILE, _LAYERS)
    files = folder.write(arrays, found.map.grid, _tags(found), lambda path: _draw(path, found), describe(found))
    style_maps(folder, files)
    return files


def _tags(found: DownslopeMap) -> dict[str, str]:
    passed_on = ("reference_date", "secondary_date", "reference_point", "wavelength_m")
    limits = {f"limit_{name}": f"{value:g}" for name, value in asdict(found.limits).items()}
    own = {
        "assumption": ASSUMPTION,
        "smoothed_m": f"{found.width:g}",
        "map": found.map.name,
        "version": __version__,
    }
    return {name: found.map.tags[name] for name in passed_on if name in found.map.tags} | limits | own


def _draw(path: Path, found: DownslopeMap) -> None:
    panels = [("Displacement down the slope", "cm downslope", found.motion.motion)]
    if found.motion.sigma is not None:
        panels.append(("Error", "mm", found.motion.sigma))
    dates = "dates unknown" if found.map.dates is None else " to ".join(found.map.dates)
    title = (
        f"{found.map.name}: {dates}\nIf {ASSUMPTION}; on {found.shares['defined']:.0%} of the displacement:\n"
        f"slope of {found.limits.slope:g} degrees or more, of which the line of sight sees {found.limits.factor:g}"
    )
    where = found.map.reference
    draw_panels(path, found.map.grid, [panels], title.replace("$", r"\$"), LonLat(*where) if where else None)
