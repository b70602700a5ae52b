"""Styles for QGIS beside the maps of a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dinsar_cli.base.disk import remove
from dinsar_cli.formats.qgis import styles_beside, with_style
from dinsar_cli.products.own_folder import OwnFolder
from dinsar_cli.products.reader import Products


def style_maps(folder: OwnFolder, files: Mapping[str, Path]) -> None:
    """Write the styles of the maps that were written; those of maps of an earlier time go.

    Parameters
    ----------
    folder : OwnFolder
    files : mapping of str to Path
        What it wrote, by name.
    """
    for layer in folder.layers:
        if layer.name not in files:
            remove(with_style(folder.path / f"{layer.name}.tif"), folder.path)
    maps = {layer.name: files[layer.name] for layer in folder.layers if layer.name in files}
    with Products() as read:
        styles_beside(maps, read, folder.path)
