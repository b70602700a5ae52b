"""A topsApp folder that somebody else ran: where its layers are, and whether they can be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun, LooksError
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile, parse_xml
from dinsar_cli.engines.topsapp.results.metadata import PairFacts
from dinsar_cli.engines.topsapp.results.swaths import has_swaths
from dinsar_cli.engines.topsapp.settings.phase_sigma import shell_command
from dinsar_cli.errors import EngineError, NoDataError, UsageError

_MERGED = "merged"
_UNWRAPPED = "filt_topophase.unw"
_STEPS = (  # what a step leaves in merged, and the step
    ("topophase.cor", "mergebursts"),
    ("filt_topophase.flat", "filter"),
    (_UNWRAPPED, "unwrap"),
)
_SWATH_FOLDERS = ("reference", "secondary", "master", "slave", "fine_interferogram")
_OTHERS = (  # what only other programs of ISCE2 leave in the folder where they run
    ("stripmapProc.xml", "stripmapApp"),
    ("interferogram/filt_topophase.unw", "stripmapApp"),
    ("interferogram/filt_topophase.flat", "stripmapApp"),
    ("insarProc.xml", "insarApp"),
    ("filt_topophase.unw", "insarApp"),
    ("filt_topophase.flat", "insarApp"),
    ("merged/interferograms", "topsStack"),
    ("alos2Proc.xml", "alos2App"),
)
OVERLAP = 264
"""Look lines that leave the phase sigma empty, and less, where ISCE2 has no such file."""

_PHASE_SIGMA, _INTERFEROGRAM = "phsig.cor", "filt_topophase.flat"
_GIVE = "Give the folder in which topsApp.py ran, or its folder merged."


@dataclass(frozen=True)
class TopsFolder:
    """A folder in which topsApp ran.

    Attributes
    ----------
    folder : Path
        It has the descriptions of the subswaths.
    merged : Path
        It has the merged layers.
    """

    folder: Path
    merged: Path

    @property
    def geocoded(self) -> bool:
        """Whether topsApp itself put the unwrapped phase on a map."""
        return (self.merged / f"{_UNWRAPPED}.geo").is_file()

    @property
    def unwrapped(self) -> bool:
        """Whether there is an unwrapped phase on the radar grid."""
        return (self.merged / _UNWRAPPED).is_file()

    @property
    def lines_too_few(self) -> int | None:
        """Look lines, where topsApp's filter and unwrapper left nothing because they are so few."""
        unwrapped = self.merged / _UNWRAPPED
        return None if unwrapped.is_file() and unwrapped.stat().st_size else lines_without(self.merged)


def find_topsapp(path: Path) -> TopsFolder:
    """Find the layers of a topsApp run.

    Parameters
    ----------
    path : Path
        The folder in which topsApp ran, or its folder ``merged``.

    Raises
    ------
    UsageError
        When it is neither, or of another program.
    NoDataError
        When topsApp has not come to the unwrapped phase.
    """
    path = path.absolute()
    if not path.is_dir():
        raise UsageError(
            f"{path} is not a folder.", "It is a file." if path.exists() else "There is nothing there.", _GIVE
        )
    folder = path.parent if path.name == _MERGED else path
    _refuse_others(path, folder)
    place = TopsFolder(folder, folder / _MERGED)
    if not (place.merged.is_dir() or _described(folder)):
        cause = "It has no folder merged and no IWn.xml." if any(path.iterdir()) else "It is empty."
        raise UsageError(f"{path} is not a folder of topsApp.", cause, _GIVE)
    if not place.geocoded and place.lines_too_few:
        raise _too_few_lines(place, place.lines_too_few)
    if not (place.unwrapped or place.geocoded):
        raise _unfinished(place)
    return place


def _refuse_others(path: Path, folder: Path) -> None:
    stripmap = path.name == "interferogram" and (path / _UNWRAPPED).is_file()
    program = (
        "stripmapApp" if stripmap else next((name for mark, name in _OTHERS if (folder / mark).exists()), None)
    )
    if program is None or _described(folder):
        return
    raise UsageError(
        f"{path} is of {program}, not of topsApp.",
        "Its layers and its signs are others, and it has no description of bursts (IWn.xml).",
        _GIVE,
    )


def _described(folder: Path) -> bool:
    return any(has_swaths(folder / name) for name in _SWATH_FOLDERS)


def _unfinished(place: TopsFolder) -> NoDataError:
    missing = [(name, step) for name, step in _STEPS if not (place.merged / name).is_file()]
    return NoDataError(
        f"{place.folder} has no unwrapped phase.",
        f"Missing in merged: {', '.join(name for name, _ in missing)} (and {_UNWRAPPED}.geo).",
        f"Set `do unwrap` to True and run: topsApp.py topsApp.xml --start={missing[0][1]} --end=unwrap",
    )


def _too_few_lines(place: TopsFolder, lines: int) -> NoDataError:
    return NoDataError(
        f"{place.folder} has no unwrapped phase.",
        f"Its interferogram has {lines} look lines, and topsApp's step filter leaves merged/phsig.cor, which the "
        f"unwrapper needs, empty with {OVERLAP} or less.",
        f"Set `do unwrap` to True and `unwrapper name` to snaphu_mcf, and run in {place.folder}: "
        f"{shell_command()} && topsApp.py topsApp.xml --start=filter --end=unwrap",
    )


def check_radar_layers(place: TopsFolder, looks: Looks | None, pair: PairFacts) -> Looks:
    """Make sure that all layers on the radar grid can be read, and tell their looks.

    Parameters
    ----------
    place : TopsFolder
        The folder.
    looks : Looks or None
        Those that the user states.
    pair : PairFacts
        What is known of the pair; its looks count where the sizes of the layers leave a choice.

    Raises
    ------
    EngineError
        When something is missing or damaged: which, and why.
    """
    try:
        run = FinishedRun.open(place.folder, looks, pair)
    except LooksError:
        if looks or pair.looks is None:
            raise
        run = FinishedRun.open(place.folder, pair.looks, pair)
    for name in ("filt_topophase.flat", _UNWRAPPED, "topophase.cor"):
        run.merged(name)
    _ = run.components
    for name in ("lat.rdr", "lon.rdr", "z.rdr"):
        _check_sources(run.full(name).virtual)
    if not (place.merged / "los.rdr").is_file():
        _check_sources(run.full("los.rdr").virtual)
    return run.looks


def _check_sources(virtual: Path | None) -> None:
    """Make sure that the files are there of which a virtual raster is put together."""
    if virtual is None:
        return
    for path, size in _sources(virtual):
        if not path.is_file():
            raise EngineError(
                f"{virtual.with_suffix('')} cannot be read.",
                f"It is put together from other files, and {path} is missing.",
                "Keep geom_reference beside merged, or run topsApp again from topo to mergebursts.",
            )
        if path.stat().st_size < size:
            raise EngineError(
                f"{path} is too short.",
                f"It has {path.stat().st_size} bytes of {size}: a copy or topsApp was stopped before its end.",
                "Copy it again, or run topsApp again from topo to mergebursts.",
            )


def _sources(virtual: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files behind a virtual raster, through other virtual ones, and the bytes that each must have."""
    root = parse_xml(virtual)
    lines = int(root.get("rasterYSize", "0"))
    for band in root.iterfind("VRTRasterBand"):
        for element in band.iter("SourceFilename"):
            name = element.text or ""
            path = Path(os.path.normpath(virtual.parent / name)) if _is_relative(element) else Path(name)
            if path.suffix == ".vrt" and path.is_file():
                yield from _sources(path)
            else:
                yield path, int(band.findtext("LineOffset") or 0) * lines


def _is_relative(element: etree._Element) -> bool:
    return element.get("relativeToVRT") == "1"


def lines_without(merged: Path) -> int | None:
    """Look lines of an interferogram whose phase sigma is empty because they are so few.

    Parameters
    ----------
    merged : Path
        Folder ``merged`` of topsApp.

    Returns
    -------
    int or None
        None where the phase sigma is not empty, or not for that reason.
    """
    layer = merged / _PHASE_SIGMA
    if not layer.is_file() or layer.stat().st_size > 0:
        return None
    try:
        lines = IsceFile.open(merged / _INTERFEROGRAM).length
    except EngineError:
        return None
    return lines if lines <= OVERLAP else None
