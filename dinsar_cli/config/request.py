"""What is asked for: a configuration with its area and the grid of a raster that it names, which are read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.sections.map import posting_range
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.crs import UTM, crs_name, crs_title
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.grid_file import check_meets, read_grid, roi_of_grid
from dinsar_cli.geo.roi import Roi, parse_roi


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    config : RunConfig
    roi : Roi or None
        Its region of interest; None where none is given.
    grid : Grid or None
        That of ``grid.like``; None where none is given.
    """

    config: RunConfig
    roi: Roi | None
    grid: Grid | None = None

    def check_meets_grid(self, area: BaseGeometry, what: str) -> None:
        """Make sure that some of an area lies on the grid that is given, if one is.

        Parameters
        ----------
        area : shapely geometry
            Degrees.
        what : str
            What it is, as the beginning of a sentence.

        Raises
        ------
        NoDataError
            When nothing of it does.
        """
        if self.grid is not None and self.config.grid.like is not None:
            check_meets(self.grid, area, what, self.config.grid.like)


def request_of(config: RunConfig) -> Request:
    """Read the region of interest of a configuration, and the grid of the raster that it names.

    Without a region of interest the ground of that grid is it, unless it lies across 180 degrees of longitude.

    Raises
    ------
    UsageError
        When one cannot be understood, or maps cannot be made in the system that is asked for.
    NoDataError
        When they do not meet.
    """
    roi, like = parse_roi(config.roi) if config.roi else None, config.grid.like
    if like is None:
        return Request(_with_crs(config), roi)
    grid = read_grid(like)
    _check_posting(grid, like)
    request = Request(config, roi or roi_of_grid(grid, like), grid)
    if roi is not None:
        request.check_meets_grid(roi.geometry, "The area (--roi)")
    return request


def _with_crs(config: RunConfig) -> RunConfig:
    """Name the system of the map as GeoTIFFs do, so that the record of a run does not depend on a file."""
    wish = config.grid
    if wish.crs == UTM:
        return config
    name = crs_name(wish.crs)
    low, high, unit = posting_range(name)
    if wish.posting is not None and not low <= wish.posting <= high:
        raise UsageError(
            f"The map cannot have a posting of {wish.posting:g}.",
            f"The unit of {crs_title(name)} is {unit}, and it is {low:g} to {high:g} of them.",
            "Correct grid.posting, or leave it out to get one that suits the looks.",
        )
    return config.model_copy(update={"grid": wish.model_copy(update={"crs": name})})


def _check_posting(grid: Grid, like: Path) -> None:
    """Refuse a grid that is finer or coarser than maps are."""
    low, high, unit = posting_range(grid.crs)
    if not low <= grid.posting <= high:
        raise UsageError(
            f"The map cannot lie on the grid of {like}.",
            f"Its pixels are {grid.posting:.6g} {unit} in size; those of maps are {low:g} to {high:g} {unit}.",
            "Choose another raster for --grid-like, or give --posting.",
        )
