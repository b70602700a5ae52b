"""Which products are meant: themselves, all in a folder, or all that a pattern of a shell matches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Final

from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.safe import MANIFEST

_PRODUCT: Final = re.compile(r"S1[A-Z]_IW_SLC_.*\.(?:SAFE|zip)", re.IGNORECASE)
_ENDINGS: Final = (".safe", ".zip")


def stands_for_several(path: Path) -> bool:
    """Tell whether a path is a pattern of a shell, or a folder that is no product itself."""
    try:
        if path.exists():
            return path.is_dir() and not _is_folder_of_product(path)
    except OSError:  # longer than a name can be
        return False
    return has_magic(str(path))


def products_in(given: Sequence[Path]) -> tuple[Path, ...]:
    """Return products, those in folders that are none themselves, and those that patterns match, each once.

    Parameters
    ----------
    given : sequence of Path
        SAFE folders or zips, folders of these, and patterns such as ``data/*.zip``.

    Raises
    ------
    UsageError
        When a folder has none, or a pattern matches none.
    """
    return tuple({path.resolve(): path for one in given for path in _meant_by(one)}.values())


def holds_products(folder: Path) -> bool:
    """Tell whether a folder has products in it, by their names or their manifests."""
    return bool(_inside(folder))


def without_products(folder: Path, remedy: str) -> UsageError:
    """Return the refusal of a folder without a product in it; the folders in it that have some are named."""
    inner = [one for one in sorted(folder.iterdir()) if one.is_dir() and holds_products(one)]
    if inner:
        remedy = (
            f"Products are in {', '.join(map(str, inner))}: give {'that' if len(inner) == 1 else 'one of these'}."
        )
    return UsageError(
        f"The folder {folder} has no Sentinel-1 product.",
        f"It has no {MANIFEST}, and nothing in it is named like S1A_IW_SLC_*.SAFE or *.zip.",
        remedy,
    )


def _meant_by(path: Path) -> Iterator[Path]:
    if not stands_for_several(path):
        yield path
        return
    is_folder = path.is_dir()
    found = _inside(path) if is_folder else _matching(path)
    if not found and is_folder:
        raise without_products(path, "Give --slc a product, or a folder with products in it.")
    if not found:
        raise UsageError(
            f"{path} matches no Sentinel-1 product.",
            f"No SAFE folder and no zip is called {path.name}.",
            f"Correct the pattern; what is there is shown by: ls {path.parent}",
        )
    yield from found


def _inside(folder: Path) -> list[Path]:
    """Return the products in a folder by name; unpacked rather than the zip of the same."""
    found = (
        one for one in sorted(folder.iterdir(), reverse=True)
        if _PRODUCT.fullmatch(one.name) or _is_folder_of_product(one)
    )  # fmt: skip
    return sorted({one.stem.upper(): one for one in found}.values())


def _matching(pattern: Path) -> list[Path]:
    """Return the products that a pattern matches, unpacked rather than the zip of the same; others are left."""
    names = (Path(text) for text in sorted(glob(str(pattern), recursive=True), reverse=True))  # noqa: PTH207 (absolute)
    found = (one for one in names if one.suffix.lower() in _ENDINGS or _is_folder_of_product(one))
    return sorted({(one.parent, one.stem.upper()): one for one in found}.values())


def _is_folder_of_product(path: Path) -> bool:
    return (path / MANIFEST).is_file()
