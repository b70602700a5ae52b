"""``dinsar export --format mintpy`` of many pairs: one folder, checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import PRODUCTS, RUN_FILE, runs_in
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import UsageError
from dinsar_cli.formats.mintpy import CONFIGURATION, FOLDER, check_place, is_set
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.reader import Products
from dinsar_cli.timeseries.maps.foreign_maps import foreign_pairs
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.maps.own_maps import has_own, maps_of
from dinsar_cli.timeseries.maps.pair_maps import PairMaps
from dinsar_cli.timeseries.mintpy.stack_set import StackSet, plan_set
from dinsar_cli.timeseries.reference import relative_to_one_place
from dinsar_cli.timeseries.sample import without_empty

_AS_THEY_ARE = 0  # cells around the zero of the maps that are averaged


@dataclass(frozen=True)
class SetExport:
    """A folder for MintPy that can be written.

    Attributes
    ----------
    folder : Path
    files : Products
        What the maps are read with.
    maps : PairMaps
    planned : StackSet
    """

    folder: Path
    files: Products
    maps: PairMaps
    planned: StackSet

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of it."""
        made = self.planned.made
        place = () if made.place is None else (f"MintPy's zero is {made.place.words}",)
        return (*place, *made.notes)

    def write(self) -> Path:
        """Write it, and return its configuration."""
        size = 8 * self.maps.grid.width * self.maps.grid.height * len(self.maps.pairs)
        check_disk(make_folder(self.folder), size, "the folder for MintPy", "Free some space.")
        with self.files, bounded_raster_cache():
            return self.planned.write(self.folder)[0]


def plan_export(folders: Sequence[Path], pairs: Sequence[PairProducts], into: Path | None) -> SetExport | None:
    """Look whether the maps in some folders can be one folder for MintPy.

    Parameters
    ----------
    folders : sequence of Path
        As the user gave them.
    pairs : sequence of PairProducts
        Of the runs in them; without any the folder is looked through for maps that are of no run.
    into : Path or None
        Where it goes; None: into the folder itself.

    Returns
    -------
    SetExport or None
        None where there are no runs, and the folder has no such maps.

    Raises
    ------
    UsageError
        When they do not go together, or it is not told where the folder goes.
    NoDataError
        When MintPy could not solve them.
    """
    files = Products()
    with files, bounded_raster_cache():
        if len(folders) == 1 and (pairs or _is_for_all(folders[0], files)):
            maps = open_maps(folders[0], files)
        elif pairs:
            maps = maps_of(folders[0].resolve().parent, pairs, files)
        else:
            return None
        maps = relative_to_one_place(without_empty(maps), _AS_THEY_ARE)
        place = _place(folders, into)
        check_place(place, "--into FOLDER")
        return SetExport(place, files, maps, plan_set(maps))


def _is_for_all(folder: Path, files: Products) -> bool:
    """Tell whether a folder has maps of many pairs that are no runs: of other programs, or of topsApp folders."""
    if (folder / RUN_FILE).is_file() or (folder / PRODUCTS).is_dir() or runs_in(folder):
        return False
    return has_own(folder) or bool(foreign_pairs(folder, files))


def _place(folders: Sequence[Path], into: Path | None) -> Path:
    """Return the folder that is written; one that holds something else is refused."""
    if into is not None:
        if (into / FOLDER).exists():
            raise UsageError(
                f"The formats cannot be written into {into}.",
                f"{into / FOLDER} is there already, and would be replaced.",
                "Choose another folder for --into, or remove what is there first.",
            )
        return into / FOLDER
    if len(folders) > 1:
        raise UsageError(
            "It is not told where the folder for MintPy goes.",
            f"{len(folders)} folders make one set, which belongs to none of them.",
            "Name a folder for it: --into FOLDER",
        )
    folder = folders[0] / FOLDER
    if folder.is_dir() and not is_set(folder):
        raise UsageError(
            f"{folder} is in the way.",
            f"What is in it is not of dinsar: it has no {CONFIGURATION} that says so.",
            "Remove or rename it, or give --into FOLDER.",
        )
    return folder
