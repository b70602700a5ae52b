"""What will be made of a DEM file or of the tiles of an archive: decided before anything is written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from dinsar_cli.base.file_notes import prove
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.datum import GEOIDS
from dinsar_cli.managers.dem.local import plan_from_file
from dinsar_cli.managers.dem.sources import (
    COARSE,
    SOURCES,
    Cell,
    Tile,
    cells_around,
    describe,
    tiles_of,
    unlisted_tiles,
)
from dinsar_cli.managers.dem.tile_store import TILES, TileStore
from dinsar_cli.managers.dem.tiles import check_land
from dinsar_cli.managers.dem.write import DemGrid, DemSpec

_FORMAT = 2  # raise when the same inputs give other heights: old cache files are then not reused


@dataclass(frozen=True, kw_only=True)
class DemPlan(DemGrid):
    """What will be made, all of it checked.

    Attributes
    ----------
    path : Path
        GeoTIFF that `dinsar_cli.managers.dem.manager.DemManager.fetch` will write or reuse.
    datum : str
        What the heights refer to before: ``ellipsoid``, ``egm96`` or ``egm2008`` of a file, else the geoid of the
        source.
    warnings : tuple of str
        What the user should know.
    """

    path: Path
    datum: str
    warnings: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One sentence for people: what will be done."""
        return f"{self.title}, {self.width} x {self.height} pixels"

    @property
    def water_path(self) -> Path:
        """Raster of the water on its pixels, beside it."""
        return self.path.with_name(f"{self.path.stem}_water.tif")

    @property
    def at_hand(self) -> Path | None:
        """A raster with the heights of the ground that is there already, if there is one."""
        return self.path if prove(self.path) else None


@dataclass(frozen=True, kw_only=True)
class FilePlan(DemPlan, DemSpec):
    """What will be made of a file of the user's."""

    @property
    def summary(self) -> str:
        """One sentence for people: what will be done."""
        steps = ["warp to EPSG:4326" if self.resampled else "crop"]
        if self.datum != "ellipsoid":
            steps.append(f"add the {self.datum} geoid ({GEOIDS[self.datum].grid})")
        return f"{self.source.name}: {', '.join(steps)}, {self.width} x {self.height} pixels"

    @property
    def at_hand(self) -> Path | None:
        """The file."""
        return self.source


@dataclass(frozen=True, kw_only=True)
class TilePlan(DemPlan):
    """What will be made of the tiles of an archive.

    Attributes
    ----------
    source : str
        Name of the model (`dinsar_cli.managers.dem.sources.SOURCES`).
    tiles, coarse : tuple of Tile
        Its tiles, and those of the coarser model that fills in.
    unlisted : tuple of Tile
        Those of the tiles that are not in the list of the model: its archive is asked for them.
    sea : tuple of Cell
        Square degrees that neither has.
    download_bytes : int
        What is still to be fetched, roughly.
    """

    source: str
    tiles: tuple[Tile, ...]
    coarse: tuple[Tile, ...]
    unlisted: tuple[Tile, ...]
    sea: tuple[Cell, ...]
    download_bytes: int

    @property
    def summary(self) -> str:
        """One sentence for people: what will be done."""
        parts = [f"{len(self.tiles)} tiles of {self.title}"]
        if self.unlisted:
            cells = describe(tile.cell for tile in self.unlisted)
            parts[0] += f" (its archive is asked for {cells}; {SOURCES[COARSE].title} is taken where it has none)"
        if self.sea:
            parts.append(f"{len(self.sea)} square degrees of sea")
        return f"{', '.join(parts)}, {self.width} x {self.height} pixels"


def plan_file(
    file: Path, datum: str | None, bounds: Bounds, needed: Bounds, buffer: float, folder: Path
) -> FilePlan:
    """Plan the DEM of a file of the user's, in the folder of prepared ones."""
    spec, notes = plan_from_file(file, datum, bounds, needed, buffer)
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    return FilePlan(**values, path=folder / f"{file_key(spec)}.tif", warnings=tuple(notes))


def plan_tiles(name: str, bounds: Bounds, buffer: float, folder: Path) -> TilePlan:
    """Plan the DEM of a model in the archives, in the folder of prepared ones.

    Raises
    ------
    NoDataError
        If the area lies in the open sea.
    """
    source = SOURCES[name]
    west, south, east, north = bounds
    wanted = (
        west - buffer, max(south - buffer, -90.0), east + buffer, min(north + buffer, 90.0),
    )  # fmt: skip
    transform, width, height = source.lattice(wanted).around(wanted)
    grid = DemGrid(title=source.title, requested=bounds, transform=transform, width=width, height=height)
    cells = cells_around(grid.centres)
    tiles = tiles_of(name, cells)
    coarse = {} if name == COARSE else tiles_of(COARSE, cells)
    unlisted = unlisted_tiles(name, tiles, coarse)
    tiles |= unlisted
    land = tiles.keys() | coarse.keys()
    check_land(name, land, cells_around(bounds))
    sea = tuple(cell for cell in cells if cell not in land)
    notes = []
    at_sea = [cell for cell in cells_around(bounds) if cell in sea]
    if at_sea:
        notes.append(f"There is only sea in {describe(at_sea)}: the DEM has sea level there.")
    elsewhere = sorted(coarse.keys() - tiles.keys())
    if elsewhere:
        notes.append(
            f"{source.title} has no tile for {describe(elsewhere)}: {SOURCES[COARSE].title} is taken there."
        )
    needed = [*tiles.values(), *(coarse[cell] for cell in elsewhere)]
    asked = (sorted(unlisted),) if unlisted else ()  # what was made before these were asked for is not reused
    key = _hashed(name, bounds, transform, (width, height), *asked)
    return TilePlan(
        title=source.title,
        requested=bounds,
        transform=transform,
        width=width,
        height=height,
        path=folder / f"{name}_{key}.tif",
        datum=source.geoid or "ellipsoid",
        warnings=tuple(notes),
        source=name,
        tiles=tuple(tiles.values()),
        coarse=tuple(coarse.values()),
        unlisted=tuple(unlisted.values()),
        sea=sea,
        download_bytes=sum(SOURCES[tile.source].tile_bytes for tile in TileStore(folder / TILES).lacking(needed)),
    )


def check_bounds(bounds: Bounds) -> None:
    """Refuse bounds that are no area. Those across 180 degrees are one when their longitudes run on.

    Raises
    ------
    UsageError
        If they are in the wrong order or beyond the Earth.
    """
    west, south, east, north = bounds
    if not (-360 <= west < east <= 360 and east - west < 180 and -90 <= south < north <= 90):
        raise UsageError(
            f"The bounds {bounds} are impossible.",
            "West must be less than east, by no more than half of the globe, and south less than north.",
            "Give west, south, east, north in degrees; across 180 longitudes run on, such as 179 to 181.",
        )


def _hashed(*parts: object) -> str:
    return hashlib.sha256(repr((_FORMAT, *parts)).encode()).hexdigest()[:20]


def file_key(spec: DemSpec) -> str:
    """Return the name of a result in the cache: the same for the same file, pixels and datum."""
    stat = spec.source.stat()
    size = (spec.width, spec.height)
    place = (str(spec.source.resolve()), stat.st_size, stat.st_mtime_ns)
    return _hashed(*place, spec.requested, spec.transform, size, spec.datum)
