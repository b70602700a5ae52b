"""Find the maps that values are taken from: runs, stacks, series, decompositions, and maps of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from dinsar_cli.base.journal import DECOMPOSITION_RECORD, RUN_FILE, SERIES_RECORD, STACK_FILE, read_journal
from dinsar_cli.base.user_files import read_json
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.extraction.source import Band, Source
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.one_run import check_one_run
from dinsar_cli.products.reader import Product, Products, Words

WORDS = Words()
_METRES = {"", "m", "metre", "metres", "meter", "meters"}
_REMEDY = (
    "Give the folder of a run, several of them, a stack, its series, or what dinsar displacement or "
    "dinsar decompose wrote; or a GeoTIFF of displacement in metres."
)
# column: layer and band
_OF_RUN = {
    "los_displacement_m": ("los_displacement", 1),
    "los_sigma_m": ("los_sigma", 1),
    "vertical_displacement_m": ("vertical_displacement", 1),
    "coherence": ("coherence", 1),
    "component": ("connected_components", 1),
    "los_east": ("los_vector", 1),
    "los_north": ("los_vector", 2),
    "los_up": ("los_vector", 3),
    "incidence_deg": ("incidence_angle", 1),
    "elevation_m": ("elevation", 1),
    "flags": ("flags", 1),
}
_OF_DECOMPOSITION = {
    f"{column}_m": column for name in ("east", "north", "up") for column in (name, f"{name}_sigma")
}
_OF_SERIES = {
    "velocity": "velocity",
    "velocity_sigma": "velocity_sigma",
    "temporal_coherence": "temporal_coherence",
    "series_flags": "series_flags",
}


@dataclass(frozen=True)
class Found:
    """What was found in the folders.

    Attributes
    ----------
    sources : tuple of Source
    notes : tuple of str
        What the user should know of them.
    """

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()


def find_sources(folders: Sequence[Path], files: Products, *, pairs: bool = False) -> Found:
    """Find the maps in folders.

    Parameters
    ----------
    folders : sequence of Path
        Of runs, stacks, series, decompositions, products, or with interferograms of other programs; or GeoTIFFs.
    files : Products
        What they are looked at with.
    pairs : bool
        Whether the pairs of a stack are taken although it has a series.

    Raises
    ------
    DinsarError
        When one has no map, or its layers do not belong together.
    """
    notes: list[str] = []
    found = [source for folder in folders for source in _sources(folder, files, pairs, notes)]
    return Found(_named_apart(found), tuple(notes))


def _named_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Give maps of the same name numbers."""
    names = [source.name for source in sources]
    seen: dict[str, int] = {}
    result = []
    for source in sources:
        seen[source.name] = number = seen.get(source.name, 0) + 1
        result.append(replace(source, name=f"{source.name}_{number}") if names.count(source.name) > 1 else source)
    return tuple(result)


def _sources(folder: Path, files: Products, pairs: bool, notes: list[str]) -> list[Source]:
    if folder.is_file():
        return [_of_raster(folder, files)]
    if not folder.exists():
        raise UsageError(f"{folder} is not there.", "There is no such file or folder.", _REMEDY)
    if (folder / DECOMPOSITION_RECORD).is_file():
        return [_of_decomposition(folder, files)]
    series = next((place for place in (folder, folder / "series") if (place / SERIES_RECORD).is_file()), None)
    if series is not None and not (pairs and series != folder):
        return [_of_series(series, folder, files)]
    if series is None and (folder / STACK_FILE).is_file():
        notes.append(f"{folder} has no series yet: its pairs are taken. Make it with: dinsar timeseries {folder}")
    try:
        products, unfinished = find_products(folder)
    except NoDataError:
        from dinsar_cli.extraction.foreign import foreign_bands

        foreign = foreign_bands(folder, files)
        if not foreign:
            raise
        return [_placed(name, bands, files, dates=dates) for name, dates, bands in foreign]
    notes += [f"The run is not finished. {text}" for text in unfinished]
    return [_of_run(one, files) for one in products]


def _of_run(pair: PairProducts, files: Products) -> Source:
    if "los_displacement" not in pair.rasters:
        raise NoDataError(
            f"{pair.folder} has no displacement.", "It has no los_displacement.tif.", "Finish it with: dinsar run"
        )
    names = [layer for layer, _ in _OF_RUN.values() if layer in pair.rasters]
    check_one_run(pair.rasters["los_displacement"].parent, files, names)
    bands = {
        column: Band(pair.rasters[layer], band)
        for column, (layer, band) in _OF_RUN.items()
        if layer in pair.rasters
    }
    cells, component = _reference_facts(pair.folder)
    name = pair.name
    if name == "products":
        name = pair.folder.resolve().parent.name
    return _placed(name, bands, files, reference_cells=cells, component=component)


def _reference_facts(folder: Path) -> tuple[int, int | None]:
    """Return the cells of the reference and its component, as the journal of a run tells them."""
    if not (folder / RUN_FILE).is_file():
        return 1, None
    stage: Any = read_journal(folder / RUN_FILE)
    for key in ("stages", "displacement", "details", "facts", "reference"):
        stage = stage.get(key) if isinstance(stage, dict) else None
    if not isinstance(stage, dict):
        return 1, None
    cells, component = stage.get("cells"), stage.get("component")
    return (
        cells if isinstance(cells, int) and cells > 0 else 1,
        component if isinstance(component, int) and component > 0 else None,
    )


def _of_decomposition(folder: Path, files: Products) -> Source:
    bands = {
        column: Band(folder / f"{layer}.tif")
        for column, layer in _OF_DECOMPOSITION.items()
        if (folder / f"{layer}.tif").is_file()
    }
    if not {"east_m", "up_m"} <= set(bands):
        raise NoDataError(
            f"{folder} has no motion.", "east.tif or up.tif is missing.", "Make it again with: dinsar decompose"
        )
    return _placed(folder.resolve().name, bands, files)


def _of_series(series: Path, folder: Path, files: Products) -> Source:
    bands = {
        column: Band(series / f"{layer}.tif")
        for column, layer in _OF_SERIES.items()
        if (series / f"{layer}.tif").is_file()
    }
    if "velocity" not in bands:
        raise NoDataError(
            f"{series} has no velocity.tif.", "The series is not whole.", "Make it again with: dinsar timeseries"
        )
    days = _dates_of_series(series)
    for day in days:
        bands[f"D{day:%Y%m%d}"] = Band(series / f"displacement_{day:%Y%m%d}.tif")
    bands |= _geometry_beside(series, files, bands["velocity"].path)
    name = (series if series == folder else folder).resolve()
    ends = tuple(str(day) for day in (days[0], days[-1])) if days else ()
    return _placed(name.parent.name if name.name == "series" else name.name, bands, files, dates=ends)


def _dates_of_series(series: Path) -> list[date]:
    try:
        told = [date.fromisoformat(text) for text in read_json(series / SERIES_RECORD)["dates"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{series / SERIES_RECORD} is not as dinsar timeseries writes it.",
            f"Its dates cannot be read: {error}.",
            "Make it again with: dinsar timeseries",
        ) from error
    return [day for day in told if (series / f"displacement_{day:%Y%m%d}.tif").is_file()]


def _geometry_beside(series: Path, files: Products, like: Path) -> dict[str, Band]:
    """Return direction, incidence and height of a stack, if they lie on the grid of its series."""
    folder = series.parent / "geometry" / "products"
    wanted = ("los_east", "los_north", "los_up", "incidence_deg", "elevation_m")
    found = {}
    for column in wanted:
        layer, band = _OF_RUN[column]
        path = folder / f"{layer}.tif"
        if path.is_file() and files[path].place == files[like].place:
            found[column] = Band(path, band)
    return found


def _of_raster(path: Path, files: Products) -> Source:
    """Return a map of another program, or one layer: metres along the line of sight."""
    with WORDS.about(path):
        unit = files[path].unit.strip().lower()
    if unit not in _METRES:
        raise UsageError(
            f"{path} is not in metres.", f"Its unit is {unit!r}.", "Give displacement in metres, or a folder."
        )
    if path.stem == "los_displacement":
        folder = path.parent.parent if path.parent.name == "products" else path.parent
        return _of_run(find_products(folder)[0][0], files)
    return _placed(path.stem, {"los_displacement_m": Band(path)}, files, dates=_dates_in(path.stem))


def _dates_in(name: str) -> tuple[str, ...]:
    """Return the two dates in a name; nothing where there are none."""
    found = re.search(r"(?<!\d)(\d{8})(?:T\d{6})?[-_](\d{8})(?!\d)", name)
    try:
        return tuple(str(date.fromisoformat(text)) for text in found.groups()) if found else ()
    except ValueError:
        return ()


def _placed(
    name: str,
    bands: Mapping[str, Band],
    files: Products,
    *,
    dates: tuple[str, ...] = (),
    reference_cells: int = 1,
    component: int | None = None,
) -> Source:
    """Return a map whose layers are found to lie on one grid."""
    first = next(iter(bands.values())).path
    transform, crs, shape = _place(files[first])
    for path in dict.fromkeys(band.path for band in bands.values()):
        if _place(files[path]) != (transform, crs, shape):
            raise UsageError(
                f"{path} lies on another grid than {first.name}.",
                "Layers of one map have one grid.",
                "Give a folder with the products of one run.",
            )
    if crs is None:
        raise UsageError(f"{first} has no coordinate reference system.", "Places cannot be found on it.", _REMEDY)
    tags = files[first].tags
    reference = _reference(tags)
    if not dates and {"reference_date", "secondary_date"} <= set(tags):
        dates = tags["reference_date"][:10], tags["secondary_date"][:10]
    found = Source(name, bands, transform, crs, shape, dates, reference, reference_cells, component)
    return found if component is not None else replace(found, component=_component_at(found, files))


def _place(product: Product) -> tuple[Affine, CRS | None, tuple[int, int]]:
    with WORDS.about(product.path):
        return product.place


def _reference(tags: Mapping[str, str]) -> tuple[float, float] | None:
    try:
        longitude, latitude = (float(part) for part in tags["reference_point"].split(","))
    except (KeyError, ValueError):
        return None
    return (longitude, latitude) if abs(longitude) <= 360 and abs(latitude) <= 90 else None


def _component_at(source: Source, files: Products) -> int | None:
    """Return the component at the reference point; None where there is none."""
    band = source.bands.get("component")
    if band is None or source.reference is None:
        return None
    row, column, on = source.cells(np.array([source.reference]))
    if not on[0]:
        return None
    with files[band.path].dataset() as dataset:
        value = next(dataset.sample([dataset.xy(int(row[0]), int(column[0]))]))[0]
    return int(value) or None


def paths_of(sources: Iterable[Source]) -> list[Path]:
    """Return all rasters of maps."""
    return list(dict.fromkeys(band.path for source in sources for band in source.bands.values()))


def unreadable(path: Path, error: RasterioError) -> UsageError:
    """Make the error on a raster whose values cannot be read."""
    return WORDS.unreadable(path, error)
