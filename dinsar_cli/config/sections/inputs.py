"""Keys of the configuration that say what a map is made from: scenes, orbits, elevation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section, one_or_list


class SlcConfig(Section):
    """Keys of the section ``slc``."""

    files: Annotated[list[AbsolutePath], BeforeValidator(one_or_list), About("a list of paths")] = Field(
        default=[],
        description="Sentinel-1 IW SLC products of both dates, SAFE folders or zips, in any order; not set: they "
        "come from the archive, by roi and dates.",
    )
    download: Annotated[Literal["auto", "bursts", "scenes"], LOWER] = Field(
        default="auto",
        description="What is fetched from the archive: bursts of the region in one polarization, or whole scenes; "
        "auto takes bursts when they are less than 60 % of the bytes.",
    )


class OrbitsConfig(Section):
    """Keys of the section ``orbits``."""

    dir: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Folder with the orbit files (.EOF) of both dates; not set: they come from the public archive.",
    )
    kind: Annotated[Literal["auto", "poeorb", "resorb"], LOWER] = Field(
        default="auto", description="Kind of orbit; auto is the precise one (POEORB), else the restituted (RESORB)."
    )


class DemConfig(Section):
    """Keys of the section ``dem``."""

    source: Annotated[Literal["glo_30", "glo_90", "3dep", "nasadem", "srtm_v3", "nisar_dem"], LOWER] = Field(
        default="glo_30",
        description="Where the elevation model comes from when dem.file is not set; nasadem, srtm_v3 and nisar_dem "
        "need an Earthdata login.",
    )
    file: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Digital elevation model that covers the region, in any raster format of GDAL; not set: "
        "dem.source.",
    )
    datum: Annotated[Literal["ellipsoid", "egm96", "egm2008"] | None, LOWER] = Field(
        default=None,
        description="Surface that the heights of dem.file are measured from; not set: its vertical CRS.",
    )
    buffer: Annotated[float, About(unit="degrees")] = Field(
        default=0.2, ge=0, le=2, description="Margin of the elevation model around the bursts in use."
    )
