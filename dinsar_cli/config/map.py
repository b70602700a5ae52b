"""Keys of the configuration that decide what a map is like: its grid, and what of it is kept."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section

RampField = Annotated[Literal["none", "plane", "quadratic"], LOWER]


def _parse_crs(value: object) -> object:
    text = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"UTM|EPSG:4326|EPSG:32[67](0[1-9]|[1-5]\d|60)", text):
        raise ValueError("this is no CRS that maps are written in")
    return "utm" if text == "UTM" else text


class GridConfig(Section):
    """Keys of the section ``grid``."""

    crs: Annotated[str, BeforeValidator(_parse_crs), About("EPSG:4326, utm, EPSG:326xx or EPSG:327xx")] = Field(
        default="EPSG:4326", description="Coordinate reference system of the maps; utm is the zone of the region."
    )
    posting: Annotated[
        float | None, About("0.00001 to 1 degrees in EPSG:4326, 1 to 10000 metres in UTM", "units of grid.crs")
    ] = Field(default=None, description="Pixel size of the maps; not set: from the looks.")

    @field_validator("posting")
    @classmethod
    def _posting_fits_crs(cls, posting: float | None, info: ValidationInfo) -> float | None:
        crs = info.data.get("crs")  # absent when it is wrong itself
        low, high, unit = (1e-5, 1.0, "degrees") if crs == "EPSG:4326" else (1.0, 1e4, "metres")
        if crs is not None and posting is not None and not low <= posting <= high:
            raise ValueError(f"the unit of {crs} is {unit}")
        return posting


class MaskConfig(Section):
    """Keys of the section ``mask``."""

    coherence: Annotated[float | None, About()] = Field(
        default=None, ge=0, le=1, description="Coherence below which there is no displacement; not set: none."
    )
    component: Annotated[float | None, About(unit="square kilometres")] = Field(
        default=None,
        ge=0,
        le=1e6,
        description="Area below which a connected component has no displacement; not set: none.",
    )
    water: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Polygons of water, or a raster that is not zero in it: no displacement there. The engine eos "
        "also leaves it out of the unwrapping; topsApp takes no mask for its unwrapper.",
    )


def _one_or_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


FormatName: TypeAlias = Literal["kmz", "netcdf", "stac", "qgis", "hyp3", "mintpy", "range_change"]
"""Formats of the products that can be asked for."""

FormatsField = Annotated[
    list[FormatName], BeforeValidator(_one_or_list), About(f"a list of {', '.join(get_args(FormatName))}")
]
