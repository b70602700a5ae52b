"""What stands on a command line without an option: a configuration, products, or something in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dinsar_cli.base.journal import CONFIG_FILE, RUN_FILE
from dinsar_cli.cli.parts.common import is_number
from dinsar_cli.errors import UsageError, did_you_mean

_CONFIGS: Final = (".yaml", ".yml")
_PRODUCTS: Final = (".zip", ".safe")
_PLACES: Final = {
    **dict.fromkeys((".geojson", ".shp", ".gpkg", ".kml", ".kmz", ".wkt"), ("an area", "--roi")),
    **dict.fromkeys((".tif", ".tiff", ".vrt", ".hgt"), ("a raster", "--dem (heights) or --grid-like (a map)")),
    **dict.fromkeys((".eof",), ("an orbit file", "--orbits, with its folder")),
    **dict.fromkeys((".csv",), ("a table", "dinsar batch (many maps) or dinsar extract (points)")),
}
"""What files are that belong to an option, by their endings; and to which."""

_MANIFEST: Final = "manifest.safe"
_ZIP_START: Final = b"PK"


@dataclass(frozen=True)
class Given:
    """What was given without an option.

    Attributes
    ----------
    config : Path or None
        A configuration file.
    products : tuple of str
        Sentinel-1 products, folders of them, or patterns.
    """

    config: Path | None = None
    products: tuple[str, ...] = ()


def sort_given(texts: Sequence[str], *, products: bool) -> Given:
    """Tell configuration and products apart, by what they are.

    Parameters
    ----------
    texts : sequence of str
        As they stand on the command line.
    products : bool
        Whether the command takes products.

    Raises
    ------
    UsageError
        When something is neither, or there are two configurations.
    """
    configs = [text for text in texts if not _is_product(text)]
    found = [text for text in texts if text not in configs]
    if len(configs) > 1:
        raise UsageError(
            "More than one configuration file is given.",
            f"They are {' and '.join(configs)}; a command takes one.",
            "Give one of them. For several maps at once: dinsar batch",
        )
    if found and not products:
        raise UsageError(
            f"{found[0]} is a product, and this command takes none.",
            "It looks in the archive.",
            "Give an area and dates: --roi 'W S E N' --start DATE --end DATE",
        )
    return Given(Path(configs[0]) if configs else None, tuple(found))


def _is_product(text: str) -> bool:
    """Tell whether something is a product, a folder of them or a pattern; else it is a configuration.

    Raises
    ------
    UsageError
        When it is neither.
    """
    path = Path(text)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):  # longer than a name can be
        is_folder = is_file = False
    if is_folder:
        return _is_folder_of_products(path)
    ending = path.suffix.lower()
    if ending in _PRODUCTS or path.name == _MANIFEST:
        return True
    if ending in _CONFIGS:
        return False
    if is_file:
        return _begins_as_zip(path) or _refuse_other(path)
    if any(letter in text for letter in "*?["):
        return True
    raise UsageError(f"There is no file or folder {text}.", *_advice(text))


def _is_folder_of_products(path: Path) -> bool:
    from dinsar_cli.sentinel1.products import holds_products, without_products

    if (path / _MANIFEST).is_file() or path.suffix.lower() == ".safe" or holds_products(path):
        return True
    if (path / RUN_FILE).is_file():
        raise UsageError(
            f"{path} is the folder of a run, not of products.",
            "A run is repeated, or gone on with, by its configuration and its working folder.",
            f"dinsar run {path / CONFIG_FILE} --workdir {path.resolve().parent}",
        )
    raise without_products(
        path, "Give products, a folder with products in it, or a configuration file as `dinsar init` writes it."
    )


def _begins_as_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == _ZIP_START
    except OSError:  # whoever reads it says so
        return False


def _refuse_other(path: Path) -> bool:
    """Refuse what belongs to an option; what is left can be a configuration only."""
    what, option = _PLACES.get(path.suffix.lower(), ("", ""))
    if what:
        raise UsageError(
            f"{path} is neither a configuration nor a Sentinel-1 product.",
            f"By its ending it is {what}.",
            f"It belongs to {option}.",
        )
    return False


def _advice(text: str) -> tuple[str, str]:
    """Tell what somebody may have meant by something that is not there."""
    if _is_day(text):
        return "It is a date, and dates belong to options.", "Write --start DATE --end DATE, or --event DATE."
    if is_number(text):
        return "It is a number. Those of an area belong together, in quotes.", "Write --roi 'W S E N'."
    remedy = "Give a configuration file (.yaml), products (SAFE folders or zips), or a folder of products."
    return "Nothing of that name is there.", did_you_mean(text, _neighbours(Path(text))) + remedy


def _neighbours(path: Path) -> Iterator[str]:
    """Yield what is in the folder in which a path would be."""
    try:
        yield from (str(one) if path.parent != Path() else one.name for one in path.parent.iterdir())
    except OSError:
        return


def _is_day(text: str) -> bool:
    from dinsar_cli.config.day_text import TwoDaysError, read_day

    try:
        read_day(text)
    except TwoDaysError:
        return True
    except ValueError:
        return False
    return True
