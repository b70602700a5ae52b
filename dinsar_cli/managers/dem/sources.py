"""Elevation models that archives offer: what they are, their tiles, and the pixels that they have in common."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.grid import Bounds

Cell = tuple[int, int]
"""A square degree, by its western and southern edge; the longitude runs on beyond 180 degrees."""

_STRETCHES = ((85, 10.0), (80, 5.0), (70, 3.0), (60, 2.0), (50, 1.5))
_EDGE = 1e-9  # degrees


@dataclass(frozen=True)
class DemSource:
    """An elevation model in tiles of one degree.

    Attributes
    ----------
    name : str
        As dem_stitcher calls it.
    title : str
        For people.
    per_degree : int
        Rows of a degree of latitude.
    centred : bool
        Whether samples lie on whole degrees; else the edges of pixels do.
    stretched : bool
        Whether columns become wider toward the poles, as in the Copernicus model.
    geoid : str
        Name of the geoid (`dinsar_cli.managers.dem.geoid.GEOIDS`); empty for ellipsoidal heights.
    login : bool
        Whether its archive asks for an Earthdata login.
    tile_bytes : int
        What a tile has, roughly.
    """

    name: str
    title: str
    per_degree: int
    geoid: str
    tile_bytes: int
    centred: bool = True
    stretched: bool = False
    login: bool = False

    def lattice(self, bounds: Bounds) -> Lattice:
        """Return the pixels of this model in which its tiles around some bounds can be put together.

        Where the tiles differ in the width of their columns, the narrowest are taken.
        """
        _, south, _, north = bounds
        nearest = 0 if south <= 0 <= north else min(abs(south), abs(north))
        factor = next((factor for limit, factor in _STRETCHES if nearest >= limit), 1.0) if self.stretched else 1.0
        return Lattice(factor / self.per_degree, 1 / self.per_degree, 0.5 if self.centred else 0.0)


@dataclass(frozen=True)
class Lattice:
    """Endless rows and columns of pixels in longitude and latitude.

    Attributes
    ----------
    dx, dy : float
        Size of a pixel (degrees, positive).
    shift : float
        By how many pixels the edges lie west and north of whole degrees.
    """

    dx: float
    dy: float
    shift: float

    def around(self, bounds: Bounds) -> tuple[tuple[float, float, float, float, float, float], int, int]:
        """Return GDAL's transform, width and height of the pixels that cover some bounds."""
        west, south, east, north = bounds
        left, right = (
            math.floor(west / self.dx + self.shift + 1e-6),
            math.ceil(east / self.dx + self.shift - 1e-6),
        )
        top, bottom = (
            math.ceil(north / self.dy - self.shift - 1e-6),
            math.floor(south / self.dy - self.shift + 1e-6),
        )
        transform = (self.dx, 0.0, (left - self.shift) * self.dx, 0.0, -self.dy, (top + self.shift) * self.dy)
        return transform, right - left, top - bottom


SOURCES = {
    source.name: source
    for source in (
        DemSource("glo_30", "Copernicus GLO-30", 3600, "egm_08", 40_000_000, stretched=True),
        DemSource("glo_90", "Copernicus GLO-90", 1200, "egm_08", 5_000_000, stretched=True),
        DemSource("3dep", "USGS 3DEP, 1/3 arc-second", 10800, "geoid_18", 400_000_000, centred=False),
        DemSource("nasadem", "NASADEM", 3600, "egm_96", 12_000_000, login=True),
        DemSource("srtm_v3", "SRTM version 3", 3600, "egm_96", 10_000_000, login=True),
        DemSource("nisar_dem", "NISAR DEM", 3600, "", 40_000_000, stretched=True, login=True),
    )
}
"""By name. Tiles, addresses and geoids are those of dem_stitcher."""

COARSE = "glo_90"
"""Covers all land: where it has no tile there is sea, and where another model has a void it fills in."""


_FINE = "glo_30"


@dataclass(frozen=True)
class Tile:
    """A tile in an archive.

    Attributes
    ----------
    source : str
        Name of its model.
    cell : tuple of int
        The degree that it covers.
    url : str
        Where it is.
    """

    source: str
    cell: Cell
    url: str

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rpartition("/")[2]


def tiles_of(source: str, cells: Collection[Cell]) -> dict[Cell, Tile]:
    """Return the tiles of a model for some square degrees, as dem_stitcher lists them: within 180 degrees."""
    from dem_stitcher.datasets import get_overlapping_dem_tiles

    sides: dict[int, list[Cell]] = {}
    for x, y in cells:
        sides.setdefault(x - round(near(float(x), 0.0)), []).append((x, y))
    tiles: dict[Cell, Tile] = {}
    for turn, side in sides.items():
        columns, rows = zip(*side, strict=True)
        bounds = [min(columns) - turn, min(rows), max(columns) + 1 - turn, max(rows) + 1]
        found = get_overlapping_dem_tiles(bounds, source)
        corners = ((round(geometry.bounds[0]) + turn, round(geometry.bounds[1])) for geometry in found.geometry)
        tiles |= {cell: Tile(source, cell, url) for cell, url in zip(corners, found.url, strict=True)}
    return {cell: tile for cell, tile in tiles.items() if cell in cells}


def unlisted_tiles(source: str, tiles: Mapping[Cell, Tile], coarse: Mapping[Cell, Tile]) -> dict[Cell, Tile]:
    """Return the tiles that a model may have although its list in dem_stitcher lacks them.

    That list is of 2021: Armenia, Azerbaijan and what is beside them got their GLO-30 in 2023-12. Both Copernicus
    models have the same tiles under the same names, but for the number of their resolution.
    """
    if source != _FINE:
        return {}
    return {
        cell: Tile(
            source, cell, tile.url.replace("copernicus-dem-90m", "copernicus-dem-30m").replace("_30_", "_10_")
        )
        for cell, tile in coarse.items()
        if cell not in tiles
    }


def cells_around(bounds: Bounds) -> list[Cell]:
    """Return the square degrees of the places in some bounds; the western and the northern edge belong to one."""
    west, south, east, north = bounds
    columns = range(math.floor(west + _EDGE), math.floor(east + _EDGE) + 1)
    rows = range(max(math.ceil(south - _EDGE) - 1, -90), math.ceil(north - _EDGE))
    return [(x, y) for y in rows for x in columns]


def describe(cells: Iterable[Cell]) -> str:
    """Return the names of square degrees for people, such as N31W009."""
    corners = [(round(near(float(x), 0.0)), y) for x, y in sorted(cells)]
    names = [f"{'N' if y >= 0 else 'S'}{abs(y):02d}{'E' if x >= 0 else 'W'}{abs(x):03d}" for x, y in corners]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
