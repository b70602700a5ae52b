"""Keys of the configuration that decide what a map is like: its grid, and what of it is kept."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section, absolute, one_or_list, two_numbers
from dinsar_cli.geo.file_kinds import is_crs_file

RampField = Annotated[Literal["none", "plane", "quadratic"], LOWER]


DEGREES = "EPSG:4326"
_CODE = re.compile(r"[A-Za-z]+:\d+")


@dataclass(frozen=True)
class Origin:
    """Where a corner of a cell lies, or would lie: x and y in units of the system of the map."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError("a place is two finite numbers")

    def __str__(self) -> str:
        return f"{self.x!r},{self.y!r}"


def _parse_crs(value: object) -> object:
    """Write codes as all do, and make a file independent of the folder; PROJ is asked by `request_of`."""
    text = str(value).strip() if isinstance(value, (str, int, Path)) else ""
    if not text:
        raise ValueError("this is no coordinate reference system")
    if text.lower() == "utm":
        return "utm"
    if text.isdecimal():
        return f"EPSG:{text}"
    return text.upper() if _CODE.fullmatch(text) else str(absolute(text)) if is_crs_file(text) else text


def _parse_origin(value: object) -> Origin | None:
    return value if value is None or isinstance(value, Origin) else Origin(*two_numbers(value))


class GridConfig(Section):
    """Keys of the section ``grid``."""

    crs: Annotated[
        str,
        BeforeValidator(_parse_crs),
        About(
            "EPSG:4326, utm, or a projected system in metres: a code like EPSG:2154, WKT, PROJ string or .prj file"
        ),
    ] = Field(
        default=DEGREES, description="Coordinate reference system of the maps; utm is the zone of the region."
    )
    posting: Annotated[
        float | None, About("0.00001 to 1 degrees in EPSG:4326, else 1 to 10000 metres", "units of grid.crs")
    ] = Field(default=None, description="Pixel size of the maps; not set: from the looks.")
    origin: Annotated[
        Origin | None,
        PlainValidator(_parse_origin),
        PlainSerializer(lambda origin: None if origin is None else str(origin)),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}, {"type": "null"}]}
        ),
        About("X,Y in units of grid.crs"),
    ] = Field(
        default=None,
        description="A corner of a pixel, which need not be on the map: all corners are whole multiples of the "
        "posting from it; not set: 0,0.",
    )

    like: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Raster whose grid the maps get, cell by cell: a GeoTIFF of an earlier map, or any north-up "
        "raster with square pixels in a system that grid.crs takes; in place of crs, posting and origin, and "
        "without roi its ground is the region.",
    )

    @property
    def corner(self) -> tuple[float, float]:
        """A corner of a pixel, in units of the system."""
        return (0.0, 0.0) if self.origin is None else (self.origin.x, self.origin.y)

    @field_validator("posting")
    @classmethod
    def _posting_fits_crs(cls, posting: float | None, info: ValidationInfo) -> float | None:
        crs = info.data.get("crs")  # absent when it is wrong itself
        if crs is not None and posting is not None:
            low, high, unit = posting_range(crs)
            if not low <= posting <= high:
                raise ValueError(f"the unit of {crs[:60]} is {unit}")
        return posting


def posting_range(crs: str) -> tuple[float, float, str]:
    """Return the smallest and the largest posting of maps in a system, and its unit."""
    return (1e-5, 1.0, "degrees") if crs == DEGREES else (1.0, 1e4, "metres")


def _parse_coherence(value: object) -> object:
    word = "none" if value is None else str(value).strip().lower()
    if word in {"auto", "none"}:
        return word
    limit = float(word)
    if not 0 <= limit <= 1:
        raise ValueError("a coherence lies within 0 and 1")
    return limit


def _parse_water(value: object) -> object:
    word = "none" if value is None else value.strip().lower() if isinstance(value, str) else ""
    if word in {"auto", "none"}:
        return word
    if not isinstance(value, (str, Path)):
        raise ValueError("a file is given by its path")  # noqa: TRY004 (pydantic takes it)
    return Path(str(absolute(value)))


class MaskConfig(Section):
    """Keys of the section ``mask``."""

    coherence: Annotated[
        float | Literal["auto", "none"],
        PlainValidator(_parse_coherence),
        WithJsonSchema({"anyOf": [{"enum": ["auto", "none"]}, {"type": "number", "minimum": 0, "maximum": 1}]}),
        About("auto, none, or 0 to 1"),
    ] = Field(
        default="auto",
        description="Coherence below which there is no displacement; auto leaves out cells whose coherence, and "
        "that around them, is what noise alone has.",
    )
    component: Annotated[float | None, About(unit="square kilometres")] = Field(
        default=None,
        ge=0,
        le=1e6,
        description="Area below which a connected component has no displacement; not set: none.",
    )
    water: Annotated[
        Literal["auto", "none"] | Path,
        PlainValidator(_parse_water),
        WithJsonSchema({"type": "string"}),
        About("auto, none, or a path"),
    ] = Field(
        default="auto",
        description="Water, which is left out of unwrapping and displacement: auto is the mask of the Copernicus "
        "DEM, or ground that is level in a DEM of yours and has no coherence; a file has polygons of water, or is "
        "a raster that is not zero in it.",
    )
    layover_shadow: bool = Field(
        default=True, description="Leave layover and shadow (visibility.tif) out of unwrapping and displacement."
    )

    @property
    def water_file(self) -> Path | None:
        """The file with the water; None without one."""
        return self.water if isinstance(self.water, Path) else None


NO_MASK = {"coherence": "none", "component": None, "water": "none", "layover_shadow": False}
"""Values of the section that leave nothing out: the word ``none`` for all of it."""


def parse_mask(value: object) -> object:
    """Return the keys that the word ``none`` stands for; anything else as it is."""
    return dict(NO_MASK) if isinstance(value, str) and value.strip().lower() == "none" else value


MaskField = Annotated[MaskConfig, BeforeValidator(parse_mask)]


FormatName: TypeAlias = Literal[
    "kmz", "netcdf", "stac", "qgis", "hyp3", "mintpy", "licsar", "quadtree", "range_change"
]
"""Formats of the products that can be asked for."""

FormatsField = Annotated[
    list[FormatName], BeforeValidator(one_or_list), About(f"a list of {', '.join(get_args(FormatName))}")
]
