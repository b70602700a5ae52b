"""The files of a decomposition: east, up, their errors, a picture and a record."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.disk import remove
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import DECOMPOSITION_RECORD as RECORD_FILE
from dinsar_cli.base.user_files import read_json
from dinsar_cli.compare.decompose import ASSUMPTION, Decomposition, Look
from dinsar_cli.compare.decompose_picture import decomposition_picture
from dinsar_cli.compare.east_up import angle_between, condition
from dinsar_cli.errors import UsageError
from dinsar_cli.formats.qgis import styles_beside, with_style
from dinsar_cli.products.layers import Layer, write_cog
from dinsar_cli.products.reader import Products

Floats: TypeAlias = NDArray[np.floating[Any]]

PICTURE_FILE = "decomposition.png"
_NOISE = "noise of both maps; without atmosphere, orbit errors and wrong cycles"
_LAYERS = (
    Layer(
        "east", f"Displacement to the east, if {ASSUMPTION}", "m", ("east",), "positive east, later minus earlier"
    ),
    Layer("up", f"Vertical displacement, if {ASSUMPTION}", "m", ("up",), "positive upward, later minus earlier"),
    Layer("east_sigma", f"Standard deviation of east: {_NOISE}", "m", ("sigma",)),
    Layer("up_sigma", f"Standard deviation of up: {_NOISE}", "m", ("sigma",)),
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
    make_folder(output)
    _check_own(output)
    arrays = {layer.name: getattr(found.motion, layer.name) for layer in _LAYERS}
    chosen = [layer for layer in _LAYERS if arrays[layer.name] is not None]
    tags = _tags(found)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=output) as part:
        for layer in chosen:
            write_cog(Path(part) / f"{layer.name}.tif", arrays[layer.name], found.grid, layer, tags)
        decomposition_picture(Path(part) / PICTURE_FILE, found)
        for layer in _LAYERS:  # no errors of an earlier time beside this motion
            remove(with_style(output / f"{layer.name}.tif"), output)
        files = {layer.name: output / f"{layer.name}.tif" for layer in chosen} | {"map": output / PICTURE_FILE}
        everything = files | {"record": output / RECORD_FILE}
        record = describe(found) | {"files": {name: path.name for name, path in everything.items()}}
        # the record first: it tells, after an interruption too, that these files are ours
        write_text(output / RECORD_FILE, json.dumps(record, indent=2, allow_nan=False) + "\n")
        for path in files.values():
            (Path(part) / path.name).replace(path)
    with Products() as read:
        styles_beside({layer.name: files[layer.name] for layer in chosen}, read, output)
    return everything


def _check_own(output: Path) -> None:
    """Refuse a folder with files of the same names that no decomposition has written.

    Raises
    ------
    UsageError
        When one would be replaced.
    """
    try:
        written = read_json(output / RECORD_FILE)["files"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        written = ()
    names = (RECORD_FILE, PICTURE_FILE, *(f"{layer.name}.tif" for layer in _LAYERS))
    theirs = [name for name in names if (output / name).exists() and name not in written]
    if theirs:
        raise UsageError(
            f"The folder {output} cannot be used.",
            f"It has {', '.join(theirs)}, of which no {RECORD_FILE} says that a decomposition has written it.",
            "Choose another folder with --output, or move these files away.",
        )


def _tags(found: Decomposition) -> dict[str, str]:
    record = describe(found)
    tags = {
        "assumption": ASSUMPTION,
        "east_per_north": f"{record['north_sensitivity']['east']:.4f}",
        "up_per_north": f"{record['north_sensitivity']['up']:.4f}",
        "reference_point": f"{found.reference.lon:.6f},{found.reference.lat:.6f}",
        "version": __version__,
    }
    for name, look in (("ascending", found.ascending), ("descending", found.descending)):
        tags[name] = look.map.name
        if look.map.dates is not None:
            tags[f"{name}_dates"] = "/".join(look.map.dates)
    return tags


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

    return {
        "version": __version__,
        "assumption": ASSUMPTION,
        "north_sensitivity": {
            "east": float(np.median(motion.east_per_north[known])),
            "up": float(np.median(motion.up_per_north[known])),
            "unit": "metres of error for each metre of motion to the north",
        },
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
