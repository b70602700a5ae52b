"""The files of a decomposition: east, up, their errors, a picture and a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.journal import DECOMPOSITION_RECORD as RECORD_FILE
from dinsar_cli.compare.motion.decompose import ASSUMPTION, Decomposition, Look
from dinsar_cli.compare.motion.decompose_picture import decomposition_picture
from dinsar_cli.compare.motion.east_north_up import LARGEST_CONDITION, EastNorthUp
from dinsar_cli.compare.motion.east_up import EastUp, angle_between, condition
from dinsar_cli.compare.motion.styles import style_maps
from dinsar_cli.errors import UsageError
from dinsar_cli.products.layers import Layer
from dinsar_cli.products.own_folder import OwnFolder

Floats: TypeAlias = NDArray[np.floating[Any]]

PICTURE_FILE = "decomposition.png"
_NOISE = "noise of both maps; without atmosphere, orbit errors and wrong cycles"
_EAST, _NORTH, _UP = (f"positive {way}, later minus earlier" for way in ("east", "north", "upward"))
_OF_NORTH = (
    Layer("north", "Displacement to the north", "m", ("north",), _NORTH),
    Layer("north_sigma", f"Standard deviation of north: {_NOISE}", "m", ("sigma",)),
    Layer(
        "condition",
        "Condition number of the directions along which motion is known, of which there are three or four",
        "1",
        ("condition",),
    ),
)
_OF_BOTH = (
    Layer("east_sigma", f"Standard deviation of east: {_NOISE}", "m", ("sigma",)),
    Layer("up_sigma", f"Standard deviation of up: {_NOISE}", "m", ("sigma",)),
)
_TWO = (
    Layer("east", f"Displacement to the east, if {ASSUMPTION}", "m", ("east",), _EAST),
    Layer("up", f"Vertical displacement, if {ASSUMPTION}", "m", ("up",), _UP),
    *_OF_BOTH,
    *_OF_NORTH,  # those of an earlier time go
)
_THREE = (
    Layer("east", "Displacement to the east", "m", ("east",), _EAST),
    Layer("up", "Vertical displacement", "m", ("up",), _UP),
    *_OF_BOTH,
    *_OF_NORTH,
)


def write_decomposition(found: Decomposition, output: Path) -> dict[str, Path]:
    """Write the maps, their picture and their record into a folder.

    The record is the last, and an old one is removed first: where it is, everything belongs together.

    Raises
    ------
    UsageError
        When the folder cannot be used, or holds one of the two results, or files of somebody else.
    ResourceError
        When a file cannot be written.
    """
    inputs = {folder.resolve() for look in (found.ascending, found.descending) for folder in [look.map.folder]}
    if output.resolve() in inputs:
        raise UsageError(
            f"The folder {output} cannot be used.", "It holds one of the two maps.", "Choose another with --output."
        )
    layers = _THREE if found.along else _TWO
    arrays = {layer.name: getattr(found.motion, layer.name, None) for layer in layers}
    folder = OwnFolder(output, "a decomposition", RECORD_FILE, PICTURE_FILE, layers)
    files = folder.write(
        {name: values for name, values in arrays.items() if values is not None},
        found.grid,
        _tags(found),
        lambda path: decomposition_picture(path, found),
        describe(found),
    )
    style_maps(folder, files)
    return files


def _tags(found: Decomposition) -> dict[str, str]:
    tags = {
        **_north_tags(found),
        "reference_point": f"{found.reference.lon:.6f},{found.reference.lat:.6f}",
        "version": __version__,
    }
    for name, look in (("ascending", found.ascending), ("descending", found.descending)):
        tags[name] = look.map.name
        if look.map.dates is not None:
            tags[f"{name}_dates"] = "/".join(look.map.dates)
    return tags


def _north_tags(found: Decomposition) -> dict[str, str]:
    """Return the tags that tell where motion to the north comes from, or where it goes."""
    if isinstance(found.motion, EastNorthUp):
        return {f"{one.side}_along_track": one.path.name for one in found.along}
    sensitivity = describe(found)["north_sensitivity"]
    return {
        "assumption": ASSUMPTION,
        "east_per_north": f"{sensitivity['east']:.4f}",
        "up_per_north": f"{sensitivity['up']:.4f}",
    }


def describe(found: Decomposition) -> dict[str, Any]:
    """Give the facts of a decomposition as JSON holds them."""
    motion = found.motion
    known = np.isfinite(motion.east)
    directions = [np.nanmean(look.vector[:, known], axis=1) for look in (found.ascending, found.descending)]

    def median(values: Floats | None) -> float | None:
        return None if values is None or not np.isfinite(values).any() else float(np.nanmedian(values))

    def motion_of(values: Floats, sigma: Floats | None) -> dict[str, float | None]:
        low, high = np.percentile(values[known], [2, 98])
        return {"p2_m": float(low), "p98_m": float(high), "median_sigma_m": median(sigma)}

    record = {
        "version": __version__,
        "assumption": None if found.along else ASSUMPTION,
        "geometry": {
            "angle_degree": angle_between(*directions),
            "condition_number": float(condition(*directions)),
        },
        "ascending": _look_record(found.ascending, directions[0]),
        "descending": _look_record(found.descending, directions[1]),
        "reference": {
            "longitude": found.reference.lon,
            "latitude": found.reference.lat,
            "kind": found.reference_kind,
            "cells": found.ascending.reference.cells,
        },
        "grid": found.grid.to_dict(),
        "cells": int(np.count_nonzero(known)),
        "east": motion_of(motion.east, motion.east_sigma),
        "up": motion_of(motion.up, motion.up_sigma),
        "warnings": list(found.warnings),
    }
    if isinstance(motion, EastUp):
        return record | {
            "north_sensitivity": {
                "east": float(np.median(motion.east_per_north[known])),
                "up": float(np.median(motion.up_per_north[known])),
                "unit": "metres of error for each metre of motion to the north",
            }
        }
    both = np.isfinite(found.ascending.los) & np.isfinite(found.descending.los)
    return record | {
        "north": motion_of(motion.north, motion.north_sigma),
        "condition": {"median": float(np.median(motion.condition[known])), "largest": LARGEST_CONDITION},
        "share_of_both_maps": round(float(np.mean(known[both])), 4),
        "along_track": {
            one.side: {"file": str(one.path.resolve()), "sigma": one.sigma_source, "shift_m": one.shift}
            for one in found.along
        },
    }


def _look_record(look: Look, direction: Floats) -> dict[str, Any]:
    return {
        "name": look.map.name,
        "folder": str(look.map.folder.resolve()),
        "dates": None if look.map.dates is None else list(look.map.dates),
        "los_vector": [float(part) for part in direction],
        "own_reference_point": None if look.map.reference is None else list(look.map.reference),
        "shift_m": look.reference.value,
        "component": look.component,
        "in_other_components": look.left_out,
        "sigma": look.sigma_source or None,
    }
