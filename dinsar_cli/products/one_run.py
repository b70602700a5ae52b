"""Whether the products in a folder are of one run: layers of two runs beside each other tell nothing true."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from dinsar_cli.errors import UsageError
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.reader import Products

_OF_PAIR = ("reference_date", "secondary_date", "wavelength_m", "looks", "engine")
_OF_MAP = ("reference_point", "ramp_removed")
DISPLACED = ("los_displacement", "vertical_displacement", "los_sigma")
"""Layers that are made together, relative to one reference."""


def check_one_run(folder: Path, files: Products, layers: Collection[str] = tuple(LAYERS)) -> None:
    """Refuse layers of two runs in one folder, as copying or an interrupted older version may leave them.

    Layers say of what pair they are in their tags; what a layer of another program does not say is not asked.

    Parameters
    ----------
    folder : Path
        With the GeoTIFFs.
    files : Products
        What they are read with.
    layers : collection of str
        That are read together.

    Raises
    ------
    UsageError
        When two layers differ.
    """
    _check(folder, files, layers, _OF_PAIR)
    _check(folder, files, [name for name in DISPLACED if name in layers], _OF_MAP)


def _check(folder: Path, files: Products, layers: Iterable[str], keys: Iterable[str]) -> None:
    told: dict[str, tuple[str, str]] = {}
    for name in layers:
        path = folder / f"{name}.tif"
        if not path.is_file():
            continue
        tags = files[path].tags
        for key in keys:
            first, value = told.setdefault(key, (name, tags[key])) if key in tags else (name, "")
            if value and value != tags[key]:
                raise UsageError(
                    f"The products in {folder} are not of one run.",
                    f"{key} is {value} in {first}.tif and {tags[key]} in {name}.tif.",
                    "Give a folder with the products of one run: dinsar run with the same options makes it whole.",
                )
