"""Keys of the configuration that decide what is written, for a map and for each pair of a stack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dinsar_cli.config.base import LOWER, About, Section
from dinsar_cli.config.sections.map import FormatName, FormatsField


class OutputConfig(Section):
    """Keys of the section ``output``."""

    formats: FormatsField = Field(
        default=[], description="Formats beside the GeoTIFFs and pictures; kmz and stac are always made."
    )
    styles: Annotated[Literal["qgis", "none"], LOWER] = Field(
        default="qgis",
        description="Styles beside the GeoTIFFs, which programs take by themselves: colours and units.",
    )
    intermediates: Annotated[Literal["keep", "geocoded", "delete"], LOWER] = Field(
        default="geocoded",
        description="What stays beside the products: keep all that the engine made, only the geocoded radar "
        "layers, or delete these too.",
    )

    @property
    def beside(self) -> tuple[FormatName, ...]:
        """Formats that are asked for, and the styles."""
        styles: tuple[FormatName, ...] = ("qgis",) if self.styles == "qgis" else ()
        return (*self.formats, *(style for style in styles if style not in self.formats))


class StackConfig(Section):
    """Keys of the section ``stack``."""

    network: Annotated[
        str,
        About("sequential:N, small-baseline:DAYS,METRES[,DEGREE], star[:DATE], all, pairs or a network.json"),
    ] = Field(default="sequential:3", description="Pairs of a stack.")
    reports: Annotated[Literal["none", "bad", "all"], LOWER] = Field(
        default="none", description="Pairs of a stack that get pictures and a report of their own."
    )
    resampled: Annotated[Literal["keep", "delete"], LOWER] = Field(
        default="keep",
        description="Samples of all dates on the geometry of the first, 4 bytes each: kept, a new date costs its "
        "own resampling only; deleted, its partners are resampled again.",
    )
