"""The layers of a map, handed from what makes them to what needs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, encode
from dinsar_cli.products.reader import Product, Products

Array = NDArray[Any]


class MapLayers:
    """Layers on one grid: those just made are at hand, others are read from the folder when they are asked for.

    Parameters
    ----------
    folder : Path
        Of the products.
    grid : Grid
        Of all of them.
    missing : collection of str
        Products that count as not there, whatever is in the folder.
    files : Products, optional
        By which what is not at hand is read; others may share it.
    """

    def __init__(
        self, folder: Path, grid: Grid, missing: Collection[str] = (), files: Products | None = None
    ) -> None:
        self.folder = folder
        self.grid = grid
        self.files = files or Products()
        self._missing = frozenset(missing)
        self._at_hand: dict[str, Array] = {}
        self._tags: dict[str, Mapping[str, str]] = {}

    def __contains__(self, name: str) -> bool:
        return name not in self._missing and (name in self._at_hand or (self.folder / f"{name}.tif").is_file())

    def hold(self, name: str, values: Array, tags: Mapping[str, str]) -> None:
        """Keep a layer at hand as its file gives it back, with the tags that it is written with."""
        self._at_hand[name] = encode(values, LAYERS[name])
        self._tags[name] = tags

    def read(self, name: str, band: int | None = None) -> Array:
        """Return a layer: shape (rows, columns), or (bands, rows, columns) unless one band is asked for.

        What is at hand must not be changed by the caller.
        """
        if name not in self._at_hand:
            return self.file(name).read(band)
        values = self._at_hand[name]
        return values if band is None else values[band - 1]

    def find(self, name: str, band: int | None = None) -> Array | None:
        """Return a layer as `read` does; None where it is not there."""
        return self.read(name, band) if name in self else None

    def release(self) -> None:
        """Let go of what is at hand; it is on the disk."""
        self._at_hand.clear()

    def tags(self, name: str) -> Mapping[str, str]:
        """Return the tags of a layer."""
        return self._tags[name] if name in self._tags else self.file(name).tags

    def file(self, name: str) -> Product:
        """Return the file of a layer that is on the disk."""
        return self.files[self.folder / f"{name}.tif"]
