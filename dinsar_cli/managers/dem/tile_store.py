"""Tiles of elevation models on disk: fetched when they are needed, opened as rasters, and known by their pixels."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from dinsar_cli.base.file_notes import NOTES, absent_for, is_spoiled, note_absence
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.memory import RASTER_CACHE_BYTES
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.heights.dem_file import read_heights
from dinsar_cli.managers.dem.sources import COARSE, SOURCES, Lattice, Tile, describe
from dinsar_cli.net.download import Source, Transfer, exists, fetch_all

logger = logging.getLogger(__name__)

TILES = "tiles"
"""Folder of the tiles beside the prepared DEMs."""

_ALIGNED = 0.02  # pixels
_REFUSED_DAYS = 30  # models get further tiles once in years


class DamagedTileError(NoDataError):
    """A tile on disk that cannot be read.

    Attributes
    ----------
    tile : Tile
    """

    def __init__(self, tile: Tile, path: Path, cause: str) -> None:
        super().__init__(
            f"The DEM tile {path} cannot be read.",
            f"{cause.rstrip('.')}. It was fetched from {tile.url}.",
            "Run the command again later, or choose another --dem-source.",
        )
        self.tile = tile


@dataclass(frozen=True)
class OpenTile:
    """A tile that is open for reading.

    Attributes
    ----------
    tile : Tile
    path : Path
    dataset : rasterio dataset
    lattice : Lattice
        That its pixels are part of.
    row, column : int
        Numbers of its first row and column on the lattice; rows are counted southward from the equator, columns
        eastward from Greenwich.
    """

    tile: Tile
    path: Path
    dataset: Any
    lattice: Lattice
    row: int
    column: int

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
        """Read a part of it (m, NaN where it has no height); rows and columns count from its own first ones."""
        try:
            return read_heights(self.dataset, Window(left, top, right - left, bottom - top), self.path)
        except NoDataError as error:
            raise DamagedTileError(self.tile, self.path, error.cause) from error


class TileStore:
    """The tiles in a folder, as a context in which they can be opened.

    Parameters
    ----------
    folder : Path
        Gets a folder for each model.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Tile, OpenTile] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(rasterio.Env(GDAL_CACHEMAX=RASTER_CACHE_BYTES))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.clear()
        self._stack.close()

    def path(self, tile: Tile) -> Path:
        """Tell where a tile is, or will be."""
        return self._folder / tile.source / tile.name

    def lacking(self, tiles: Iterable[Tile]) -> list[Tile]:
        """Return the tiles that are not on disk."""
        return [tile for tile in tiles if not self.path(tile).is_file()]

    def fetch(self, tiles: Iterable[Tile], progress: Callable[[Transfer], None] | None = None) -> set[Tile]:
        """Get the tiles that are not on disk.

        Returns
        -------
        set of Tile
            Those that their archive does not have, although its index names them.

        Raises
        ------
        NetworkError, CredentialsError
            If the archive does not give the others.
        """
        wanted = list(tiles)
        for tile in wanted:
            if is_spoiled(self.path(tile)):
                logger.warning("%s is damaged and is fetched again", self.path(tile))
                self.discard(tile)
        refused = {tile for tile in self.lacking(wanted) if self._was_refused(tile)}
        return refused | self._fetch_lacking([tile for tile in wanted if tile not in refused], progress)

    def _fetch_lacking(self, wanted: list[Tile], progress: Callable[[Transfer], None] | None) -> set[Tile]:
        lacking = self.lacking(wanted)
        for name in {tile.source for tile in lacking}:
            make_folder(self._folder / name)
        try:
            fetch_all([self._source(tile) for tile in lacking], progress=progress)
        except NoDataError:
            gone = self._asked(self.lacking(lacking))
            if not gone:
                raise
            names = describe(tile.cell for tile in gone)
            logger.info("%s lacks tiles that its index names: %s", SOURCES[next(iter(gone)).source].title, names)
            return gone | self._fetch_lacking([tile for tile in lacking if tile not in gone], progress)
        return set()

    def absent(self, tiles: Iterable[Tile]) -> set[Tile]:
        """Ask for tiles of which nobody knows whether their archive has them; return those that it has not.

        A no is remembered for `_REFUSED_DAYS`, so that each place is asked for once.

        Raises
        ------
        NetworkError
            If the archive does not say so.
        """
        gone = self._asked(self.lacking(tiles))
        if gone:
            names = describe(tile.cell for tile in gone)
            logger.info("%s has no tile for %s", SOURCES[next(iter(gone)).source].title, names)
        return gone

    def _asked(self, tiles: Iterable[Tile]) -> set[Tile]:
        """Return the tiles of which their archive says, or has said lately, that it has none, and note that."""
        gone = set()
        for tile in tiles:
            if self._was_refused(tile):
                gone.add(tile)
            elif not exists(tile.url):
                gone.add(tile)
                if tile.source != COARSE:  # without that there is no DEM: who tries again is not told an old no
                    note_absence(self.path(tile), self.path(tile).parent / NOTES, url=tile.url)
        return gone

    def _was_refused(self, tile: Tile) -> bool:
        """Tell whether the archive has said lately that it has no such tile."""
        return absent_for(self.path(tile), self.path(tile).parent / NOTES, url=tile.url) < _REFUSED_DAYS * 86400

    def _source(self, tile: Tile) -> Source:
        return Source(tile.url, self.path(tile), login=SOURCES[tile.source].login)

    def discard(self, tile: Tile) -> None:
        """Remove a tile, so that it is fetched again."""
        self._open.pop(tile, None)
        self.path(tile).unlink(missing_ok=True)

    def open(self, tile: Tile) -> OpenTile:
        """Open a tile that is on disk; it stays open until the end of the context.

        Raises
        ------
        DamagedTileError
            If it is none, or its pixels are not where those of its model are.
        """
        if tile not in self._open:
            path = self.path(tile)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # its place is looked at below
                    dataset = self._stack.enter_context(rasterio.open(_raster(path)))
            except (RasterioError, OSError, zipfile.BadZipFile) as error:
                raise DamagedTileError(tile, path, str(error)) from error
            self._open[tile] = _located(tile, path, dataset)
        return self._open[tile]


def _raster(path: Path) -> Path:
    """Tell what GDAL opens: the file, or the one of heights in a zip."""
    if path.suffix != ".zip":
        return path
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".hgt")]
    if len(names) != 1:
        raise zipfile.BadZipFile(f"It holds {len(names)} files of heights (.hgt)")
    return Path(f"/vsizip/{{{path.absolute()}}}/{names[0]}")


def _located(tile: Tile, path: Path, dataset: Any) -> OpenTile:
    """Find the place of a tile's pixels on the lattice of all tiles like it."""
    a, b, west, d, e, north = dataset.transform[:6]
    cause = f"Its transform is not that of {SOURCES[tile.source].title}: {dataset.transform[:6]}"
    if dataset.crs is None or not dataset.crs.is_geographic or b or d or a <= 0 or e >= 0:
        raise DamagedTileError(tile, path, cause)
    shift = 0.5 if SOURCES[tile.source].centred else 0.0
    lattice = Lattice(1 / round(1 / a), 1 / round(-1 / e), shift)
    turn = near(west, tile.cell[0] + 0.5) - west  # the file is within 180 degrees
    column, row = (west + turn) / lattice.dx + shift, -north / lattice.dy + shift
    if abs(column - round(column)) > _ALIGNED or abs(row - round(row)) > _ALIGNED:
        raise DamagedTileError(tile, path, cause)
    return OpenTile(tile, path, dataset, lattice, round(row), round(column))
