"""The DEM of a run: from a file or from the archives, as ellipsoidal heights on EPSG:4326 in the cache."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import TypeVar

import rasterio
from rasterio.errors import RasterioIOError

from dinsar_cli.base.file_notes import NOTES, note_of, prove
from dinsar_cli.base.files import atomic_path, make_folder, sha256, together_in, turn_at
from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import NetworkError, NoDataError, ResourceError, UsageError
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.datum import check_datum
from dinsar_cli.managers.dem.geoid import read_undulation
from dinsar_cli.managers.dem.plan import DemPlan, FilePlan, TilePlan, check_bounds, file_key, plan_file, plan_tiles
from dinsar_cli.managers.dem.sources import COARSE, SOURCES, Cell, Tile, describe
from dinsar_cli.managers.dem.tile_store import TILES, DamagedTileError, TileStore
from dinsar_cli.managers.dem.tiles import TileMosaic
from dinsar_cli.managers.dem.water import water_tile, write_water
from dinsar_cli.managers.dem.write import write_dem, write_from_file
from dinsar_cli.net.download import Transfer

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

_GEOIDS = "geoids"
_WITHOUT_WATER = "It is a mask of the water; --mask-water none does without."


@dataclass(frozen=True)
class Dem:
    """A DEM ready for use: float32 metres above the WGS84 ellipsoid, EPSG:4326, no voids.

    Attributes
    ----------
    path : Path
        GeoTIFF with GDAL's corner transform.
    bounds : tuple of float
        Its outer edges (west, south, east, north, degrees).
    datum_from : str
        What the heights of the source referred to.
    voids_filled : int
        Pixels within the requested bounds that had no height and were interpolated.
    warnings : tuple of str
        What the user should know.
    filled_from_coarser : int
        Pixels that the source does not have and a coarser model has.
    """

    path: Path
    bounds: Bounds
    datum_from: str
    voids_filled: int
    warnings: tuple[str, ...]
    filled_from_coarser: int = 0


@dataclass(frozen=True)
class Water:
    """Water on the pixels of a DEM.

    Attributes
    ----------
    path : Path
        GeoTIFF of bytes: 0 land, 1 ocean, 2 lake, 3 river, 9 level ground of which nobody says what it is.
    source : str
        Where it comes from, for people.
    """

    path: Path
    source: str


@dataclass(frozen=True)
class _Counts:
    """Pixels without a height of their own: interpolated in the area and around it, and taken from elsewhere.

    Of the latter the square degrees are named: those of which there is no tile, and those of tiles with voids.
    """

    in_area: int
    in_buffer: int
    filled: int = 0
    without: str = ""
    with_voids: str = ""


class DemManager:
    """Makes the DEM of a run ready.

    Parameters
    ----------
    file : Path or None
        Any single-file raster that GDAL reads; None takes the archives.
    datum : str or None
        What the heights of the file refer to (`dinsar_cli.geo.heights.datum.DATUMS`); None if the file says so
        itself.
    buffer_deg : float
        Margin around the bounds (degrees), taken as far as the file reaches.
    cache : Path
        Cache folder; the result goes to ``dem/`` in it, what is fetched to ``dem/tiles/`` and ``dem/geoids/``.
    source : str
        Model to take from the archives (`dinsar_cli.managers.dem.sources.SOURCES`).

    Raises
    ------
    UsageError
        If the datum or the source is unknown, or the buffer is negative.
    """

    def __init__(
        self, file: Path | None, datum: str | None, buffer_deg: float, cache: Path, source: str = "glo_30"
    ) -> None:
        check_datum(datum)
        if not (math.isfinite(buffer_deg) and buffer_deg >= 0):
            raise UsageError(
                f"The DEM buffer of {buffer_deg} degrees is impossible.",
                "It is a margin around the area.",
                "Give dem.buffer a number of degrees from 0 up, such as 0.2.",
            )
        if source not in SOURCES:
            raise UsageError(f"The DEM source {source} is not known.", f"It is {', '.join(SOURCES)}.", "Name one.")
        self._file = file
        self._datum = datum
        self._buffer = buffer_deg
        self._folder = cache / "dem"
        self._source = source

    def plan(self, bounds: Bounds, needed: Bounds | None = None) -> DemPlan:
        """Check what there is and say what will be made of it. Writes nothing, and asks no server.

        Parameters
        ----------
        bounds : tuple of float
            West, south, east, north (degrees) of the ground that is wanted, without the buffer.
        needed : tuple of float, optional
            The part of it that a file must cover; all of it if not given.

        Returns
        -------
        DemPlan

        Raises
        ------
        UsageError
            If the file is not a usable DEM, its datum is unknown or contradicts the one given, or the grid of
            its geoid is not on this machine.
        NoDataError
            If it does not cover what is needed, or the bounds lie in the open sea.
        """
        for box in (bounds, needed or bounds):
            check_bounds(box)
        plan: DemPlan
        if self._file is None:
            plan = plan_tiles(self._source, bounds, self._buffer, self._folder)
        else:
            plan = plan_file(self._file, self._datum, bounds, needed or bounds, self._buffer, self._folder)
        logger.info("DEM: %s", plan.summary)
        return plan

    def fetch(self, plan: DemPlan, progress: Callable[[Transfer], None] | None = None) -> Dem:
        """Write the DEM of a plan, or reuse the complete one in the cache.

        Parameters
        ----------
        plan : DemPlan
        progress : callable, optional
            Is told how far a transfer is.

        Raises
        ------
        NoDataError
            If the source has no heights, has too many voids, is damaged, or changed since it was planned.
        NetworkError, CredentialsError
            If an archive does not give what is needed.
        UsageError
            If the cache is not writable.
        ResourceError
            If the disk is too small.
        """
        if isinstance(plan, FilePlan) and plan.path.stem != file_key(plan):
            raise NoDataError(
                f"The DEM {plan.source} has changed since it was checked.",
                "Its size or time of change is another one.",
                "Run the command again.",
            )

        counts = _cached(plan)
        if counts is None:
            _check_disk(plan, make_folder(plan.path.parent))
            # runs that do not know of each other share the cache: the second of the same place waits for the first
            with together_in(plan.path.parent), turn_at(plan.path):
                counts = _cached(plan)
                if counts is None:
                    with atomic_path(plan.path) as part:
                        counts = self._write(plan, part, progress)
                        content = sha256(part)
                    _note(plan.path, content)
                    logger.info("DEM written: %s", plan.path)
        else:
            logger.info("DEM reused: %s", plan.path)
        notes = [*plan.warnings, *_remarks(plan, counts)]
        for text in notes[len(plan.warnings) :]:
            logger.info(text)
        return Dem(plan.path, plan.bounds, plan.datum, counts.in_area, tuple(notes), counts.filled)

    def fetch_water(self, plan: DemPlan, progress: Callable[[Transfer], None] | None = None) -> Water:
        """Write the water on the pixels of a DEM that is there, or reuse the complete one in the cache.

        Parameters
        ----------
        plan : DemPlan
            That was fetched.
        progress : callable, optional
            Is told how far a transfer is.

        Raises
        ------
        NoDataError
            If a mask in the archive is damaged.
        NetworkError
            If the archive does not give it.
        ResourceError
            If the disk is too small.
        """
        path = plan.water_path
        with together_in(path.parent), turn_at(path):
            tags = _tags_of(plan, path)
            source = tags["SOURCE"] if tags else ""
            if not source:
                with atomic_path(path) as part:
                    try:
                        source = self._with_whole_tiles(partial(self._write_water, plan, part, progress))
                    except NetworkError as error:
                        raise NetworkError(
                            error.problem, error.cause, f"{error.remedy} {_WITHOUT_WATER}"
                        ) from error
                    _tag(part, SOURCE=source)
                    content = sha256(part)
                _note(path, content)
        logger.info("Water: %s", source)
        return Water(path, source)

    def _write_water(self, plan: DemPlan, part: Path, progress: Callable[[Transfer], None] | None) -> str:
        with TileStore(self._folder / TILES) as store:
            tiles = _water_tiles(plan)
            lacking = store.fetch(tiles.values(), progress)
            if lacking and isinstance(plan, TilePlan):  # the coarser model may have what this one has not
                coarse = {tile.cell: tile for tile in plan.coarse}
                wanted = {tile.cell: water_tile(coarse[tile.cell]) for tile in lacking if tile.cell in coarse}
                instead = {cell: tile for cell, tile in wanted.items() if tile and tile not in lacking}
                gone = store.fetch(instead.values(), progress)
                tiles |= {cell: tile for cell, tile in instead.items() if tile not in gone}
            masks = [tile for tile in tiles.values() if store.path(tile).is_file()]
            sea = plan.sea if isinstance(plan, TilePlan) else ()
            whole = write_water(plan, plan.path, masks, sea, store, part)
        names = " and ".join(sorted({SOURCES[tile.source].title for tile in masks}))
        if whole:
            return f"water mask of {names}" if names else "all of it sea"
        level = "ground that is level in the DEM and has no coherence"
        return f"water mask of {names}; elsewhere {level}" if names else level

    def _write(self, plan: DemPlan, part: Path, progress: Callable[[Transfer], None] | None) -> _Counts:
        if isinstance(plan, FilePlan):
            return _Counts(*write_from_file(plan, part))
        if not isinstance(plan, TilePlan):
            raise TypeError(f"{type(plan).__name__} is no plan of a DEM manager")
        return self._with_whole_tiles(partial(self._write_tiles, plan, part, progress))

    def _with_whole_tiles(self, write: Callable[[], Made]) -> Made:
        """Write what is made of tiles; a damaged one is removed, so that it is fetched again, once."""
        fetched_again: set[Tile] = set()
        while True:
            try:
                return write()
            except DamagedTileError as error:
                if error.tile in fetched_again:
                    raise
                logger.warning("%s %s It is fetched again.", error.problem, error.cause)
                fetched_again.add(error.tile)
                TileStore(self._folder / TILES).discard(error.tile)

    def _write_tiles(self, plan: TilePlan, part: Path, progress: Callable[[Transfer], None] | None) -> _Counts:
        with TileStore(self._folder / TILES) as store:
            absent = store.absent(plan.unlisted)
            gone = absent | store.fetch([tile for tile in plan.tiles if tile not in absent], progress)
            coarse = {tile.cell: tile for tile in plan.coarse}
            lost = [tile.cell for tile in gone if tile.cell not in coarse]
            if lost:
                raise NoDataError(
                    f"{plan.title} does not cover the area.",
                    f"Its archive has no tile for {describe(lost)}, which its index names as land.",
                    "Choose another --dem-source, or give a DEM with --dem.",
                )
            mosaic = TileMosaic(
                grid=plan,
                lattice=SOURCES[plan.source].lattice(plan.bounds),
                source=plan.source,
                tiles={tile.cell: tile for tile in plan.tiles if tile not in gone},
                coarse=coarse,
                sea=plan.sea,
                undulation=once(partial(read_undulation, bounds=plan.bounds, folder=self._folder / _GEOIDS)),
                store=store,
                progress=progress,
            )
            voids = write_dem(plan, mosaic.strips(), part, DATUM_FROM=plan.datum, SOURCE=plan.source)
        without = {tile.cell for tile in coarse.values()} - mosaic.tiles.keys()
        counts = _Counts(
            *voids,
            filled=sum(mosaic.filled.values()),
            without=describe(cell for cell in mosaic.filled if cell in without),
            with_voids=describe(cell for cell in mosaic.filled if cell not in without),
        )
        _tag(part, FILLED=counts.filled, WITHOUT=counts.without, WITH_VOIDS=counts.with_voids)
        return counts


def _remarks(plan: DemPlan, counts: _Counts) -> list[str]:
    """Tell what the user should know of pixels without a height of their own."""
    name = plan.source.name if isinstance(plan, FilePlan) else plan.title
    notes = []
    if counts.filled:
        share = counts.filled / (plan.width * plan.height)
        where = [f"it has no tile for {counts.without}"] if counts.without else []
        where += [f"voids in {counts.with_voids}"] if counts.with_voids else []
        told = f" ({'; '.join(where)})" if where else ""
        notes.append(f"{name} lacks {counts.filled} pixels, {share:.1%}{told}: taken from {SOURCES[COARSE].title}.")
    if counts.in_area + counts.in_buffer:
        notes.append(
            f"{name} has voids: {counts.in_area} pixels in the area and {counts.in_buffer} in the buffer "
            "were interpolated."
        )
    return notes


def _water_tiles(plan: DemPlan) -> dict[Cell, Tile]:
    """Return the water masks of the degrees of a plan: of its own model, else of the coarser one, by degree."""
    if not isinstance(plan, TilePlan):
        return {}
    masks = ((tile.cell, water_tile(tile)) for tile in (*plan.coarse, *plan.tiles))
    return {cell: tile for cell, tile in masks if tile is not None}


def _note(path: Path, content: str) -> None:
    """Note the SHA-256 of a raster that was made, by which it is proved when it is used."""
    note_of(path, path.parent / NOTES, sha256=content)


def _is_whole(path: Path) -> bool:
    """Tell whether a raster is in the cache with the content that it was given; else it is made again."""
    if not path.is_file():
        return False
    if prove(path):
        return True
    logger.warning("%s is not as it was made, and is made again", path)
    return False


def _tag(path: Path, **tags: object) -> None:
    with writing_raster(path, "r+") as dataset:
        dataset.update_tags(**tags)


def _cached(plan: DemPlan) -> _Counts | None:
    """Return the counts of a complete cached result; None without one."""
    tags = _tags_of(plan, plan.path)
    if tags is None:
        return None
    numbers = (int(tags["VOIDS_IN_AREA"]), int(tags["VOIDS_IN_BUFFER"]), int(tags.get("FILLED", 0)))
    return _Counts(*numbers, tags.get("WITHOUT", ""), tags.get("WITH_VOIDS", ""))


def _tags_of(plan: DemPlan, path: Path) -> dict[str, str] | None:
    """Return the tags of a complete cached raster on the pixels of a plan; None without one."""
    if not _is_whole(path):
        return None
    try:
        with rasterio.open(path) as cached:
            same = cached.shape == (plan.height, plan.width) and cached.transform[:6] == plan.transform
            tags: dict[str, str] = cached.tags()
    except RasterioIOError:  # an earlier release could note what GDAL had not written whole
        return None
    return tags if same else None


def _check_disk(plan: DemPlan, folder: Path) -> None:
    """Make sure that the result fits; unlike other files of a run it goes to the cache, which the remedy names."""
    tiles = plan.download_bytes if isinstance(plan, TilePlan) else 0
    needed, free = 4 * plan.width * plan.height + tiles, shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"There is not enough disk for the DEM in {folder}.",
            f"It takes up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free.",
            "Free some disk, or give --cache a folder on another one.",
        )
