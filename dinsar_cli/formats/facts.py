"""What is known of the products of a pair: what every format tells its reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.user_files import parse_json
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.areas import Area
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.one_run import check_one_run
from dinsar_cli.products.reader import MAKE_AGAIN, Product, Products, Words

Floats = NDArray[np.floating[Any]]

MAIN = "los_displacement"

_WORDS = Words()
_NAME = re.compile(r"T(\d{3})([AD])_\d{8}_\d{8}")


@dataclass(frozen=True)
class Subsampling:
    """How the displacement is cut into points.

    Attributes
    ----------
    epsilon : float or None
        Standard deviation above which a node is cut, metres; None: that of the noise, or more if nodes were too
        many.
    smallest, largest : float or None
        Sides of nodes, metres; None: as the map suggests.
    empty : float
        Share of cells without a value that a node may have.
    moving : Area or None
        What moves, and tells nothing of the noise; None: it is looked for.
    moving_text : str
        As the user gave it.
    """

    epsilon: float | None = None
    smallest: float | None = None
    largest: float | None = None
    empty: float = 0.5
    moving: Area | None = None
    moving_text: str = ""


@dataclass(frozen=True)
class ProductFacts:
    """Products of a pair, and what is known of them.

    Attributes
    ----------
    folder : Path
        Where the GeoTIFFs are.
    name : str
        Of the pair.
    grid : Grid
        Of all GeoTIFFs.
    files : Products
        What they are read with.
    rasters : dict of str to Path
        GeoTIFFs by the name of their layer, in the order of `LAYERS`.
    tags : dict of str to str
        Those of the displacement.
    reference_scenes, secondary_scenes : tuple of str
        Names of the Sentinel-1 products; empty where they are not known.
    polarization : str
        Empty where it is not known.
    versions : dict of str to str
        Versions of the programs that the engine is made of.
    orbit_kinds : tuple of str
        ``POEORB`` or ``RESORB`` of both dates; empty where they are not known.
    dem : dict
        Name of the ``source`` or of the ``file`` of the elevation model, as far as they are known.
    filter_strength : float or None
        Of the phase filter.
    report_follows : bool
        They are of a run that writes its report as soon as the formats are there.
    into : Path or None
        Folder that the formats are written into; None: that of the products.
    subsampling : Subsampling
        How the displacement is cut into points.
    """

    folder: Path
    name: str
    grid: Grid
    files: Products
    rasters: dict[str, Path]
    tags: dict[str, str]
    reference_scenes: tuple[str, ...] = ()
    secondary_scenes: tuple[str, ...] = ()
    polarization: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    orbit_kinds: tuple[str, ...] = ()
    dem: dict[str, str] = field(default_factory=dict)
    filter_strength: float | None = None
    report_follows: bool = False
    into: Path | None = None
    subsampling: Subsampling = field(default_factory=Subsampling)

    @property
    def output(self) -> Path:
        """Folder that the formats are written into."""
        return self.into or self.folder

    @property
    def dates(self) -> tuple[datetime, datetime]:
        """Times of both acquisitions, UTC."""
        return self._date("reference_date"), self._date("secondary_date")

    def _date(self, tag: str) -> datetime:
        try:
            stamp = datetime.fromisoformat(self.tags.get(tag, ""))
        except ValueError:
            raise _without_tag(self.rasters[MAIN], tag, self.tags.get(tag)) from None
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)

    @property
    def wavelength(self) -> float:
        """Radar wavelength, metres."""
        try:
            return float(self.tags.get("wavelength_m", ""))
        except ValueError:
            raise _without_tag(self.rasters[MAIN], "wavelength_m", self.tags.get("wavelength_m")) from None

    @property
    def relative_to(self) -> str:
        """To what displacement is relative, in words."""
        point = self.reference_point
        if point is not None:
            return f"longitude {point[0]:.6f}, latitude {point[1]:.6f}"
        return self.tags.get("reference", "no point")

    @property
    def reference_point(self) -> tuple[float, float] | None:
        """Longitude and latitude to which the displacement is relative."""
        try:
            lon, lat = (float(number) for number in self.tags.get("reference_point", "").split(","))
        except ValueError:
            return None
        return lon, lat

    @property
    def looks(self) -> tuple[int, int] | None:
        """Looks in range and azimuth."""
        match = re.fullmatch(r"(\d+)x(\d+)", self.tags.get("looks", ""))
        return (int(match[1]), int(match[2])) if match else None

    @property
    def baseline(self) -> float | None:
        """Perpendicular baseline, metres."""
        text = self.tags.get("perpendicular_baseline_m")
        return None if text is None else float(text)

    @property
    def track(self) -> int | None:
        """Relative orbit, from the name of the pair."""
        match = _NAME.fullmatch(self.name)
        return int(match[1]) if match else None

    @property
    def platform(self) -> str | None:
        """``sentinel-1a``, when both dates are of that satellite."""
        letters = {scene[2].lower() for scene in (*self.reference_scenes, *self.secondary_scenes)}
        return f"sentinel-1{letters.pop()}" if len(letters) == 1 else None

    def read(self, layer: str, band: int = 1) -> Floats:
        """Return the values of a band of a product, NaN where there are none; shape of the grid.

        Raises
        ------
        NoDataError
            When there is no such product.
        UsageError
            When it cannot be read.
        """
        product = self.product(layer)
        with _WORDS.about(product.path):
            # 0 is a component too: "none"
            return product.read(band) if layer == "connected_components" else product.read_floats(band)

    def product(self, layer: str) -> Product:
        """Return a product to be read.

        Raises
        ------
        NoDataError
            When there is none.
        """
        return self.files[self.require(layer)]

    def require(self, layer: str) -> Path:
        """Return the file of a product.

        Raises
        ------
        NoDataError
            When there is none.
        """
        if layer not in self.rasters:
            raise NoDataError(
                f"There is no {layer}.tif in {self.folder}.", "The format is made from it.", MAKE_AGAIN
            )
        return self.rasters[layer]

    def mean_direction(self) -> tuple[float, float, float] | None:
        """Mean unit vector from the ground to the satellite: east, north, up; None where it is not known."""
        if "los_vector" not in self.rasters:
            return None
        with _WORDS.about(self.rasters["los_vector"]):
            return self.product("los_vector").mean_direction()


def product_facts(
    folder: Path, name: str, record: Mapping[str, Any], files: Products | None = None
) -> ProductFacts:
    """Tell what is known of the products in a folder.

    Parameters
    ----------
    folder : Path
        With the GeoTIFFs.
    name : str
        Of the pair.
    record : mapping
        Content of the run's journal; empty where there is none.
    files : Products, optional
        Those that are open already.

    Raises
    ------
    NoDataError
        When there is no displacement.
    UsageError
        When a product cannot be read, or they are not on one grid.
    """
    rasters = {layer: folder / f"{layer}.tif" for layer in LAYERS if (folder / f"{layer}.tif").is_file()}
    if MAIN not in rasters:
        raise NoDataError(f"There is no {MAIN}.tif in {folder}.", "Formats are made from it.", MAKE_AGAIN)
    files = files or Products()
    grid = _grid_of(files[rasters[MAIN]])
    for path in rasters.values():
        if _grid_of(files[path]) != grid:
            raise UsageError(
                f"{path} lies on another grid than {MAIN}.tif.",
                "All products of a run lie on one grid.",
                MAKE_AGAIN,
            )
    check_one_run(folder, files)
    with _WORDS.about(rasters[MAIN]):
        tags = files[rasters[MAIN]].tags
    pair, stages = record.get("pair") or {}, record.get("stages") or {}
    details = {stage: (stages.get(stage) or {}).get("details") or {} for stage in ("orbits", "dem")}
    return ProductFacts(
        folder=folder,
        name=name,
        grid=grid,
        files=files,
        rasters=rasters,
        tags=tags,
        reference_scenes=tuple(pair.get("reference", ())),
        secondary_scenes=tuple(pair.get("secondary", ())),
        polarization=pair.get("polarization", ""),
        versions=_versions(tags),
        orbit_kinds=tuple(details["orbits"].get("kinds", ())),
        dem={key: str(value) for key, value in details["dem"].items() if key in {"source", "file"} and value},
        filter_strength=record.get("filter_strength"),
    )


def _versions(tags: Mapping[str, str]) -> dict[str, str]:
    try:
        versions = parse_json(tags.get("engine_version", "{}"))
    except ValueError:
        return {}
    return {str(name): str(text) for name, text in versions.items()} if isinstance(versions, dict) else {}


def _grid_of(product: Product) -> Grid:
    """Return the grid of a product that holds what its name says."""
    path = product.path
    with _WORDS.about(path):
        kinds = product.dtypes
        bands = len(LAYERS[path.stem].bands)
        if len(kinds) != bands or product.is_complex:
            held = f"{len(kinds)} band{'s' * (len(kinds) != 1)} of the type {kinds[0] if kinds else 'none'}"
            raise UsageError(
                f"{path} is not what its name says.", f"It has {held}, not {bands} of real numbers.", MAKE_AGAIN
            )
        return product.grid


def _without_tag(path: Path, tag: str, value: str | None) -> UsageError:
    cause = "It is missing." if value is None else f"It is {value!r}."
    return UsageError(f"The tag {tag} of {path} does not tell what it should.", cause, MAKE_AGAIN)
