"""Products of a folder, read by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dinsar_cli.products.reader import Product

Array = NDArray[Any]


def read_product(folder: Path, name: str, band: int | None = None) -> Array:
    """Read a product: shape (rows, columns), or (bands, rows, columns) unless one of them is asked for."""
    with Product(folder / f"{name}.tif") as product:
        return product.read(band)


def read_tags(folder: Path, name: str) -> dict[str, str]:
    """Return the tags of a product."""
    with Product(folder / f"{name}.tif") as product:
        return product.tags
