"""What ``dinsar clean`` removes: decided as a whole, by journals and notes, before the first file goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.file_notes import noted_files
from dinsar_cli.base.files import alone_in
from dinsar_cli.base.journal import (
    CONFIG_FILE,
    LOCK,
    PRODUCTS,
    RADAR,
    REVERSED_FOLDER,
    RUN_FILE,
    STAGES,
    Journal,
    locked,
    own_journal,
)
from dinsar_cli.engines.find import engines
from dinsar_cli.errors import UsageError
from dinsar_cli.formats import files_of_formats
from dinsar_cli.products.folder import files_of_map
from dinsar_cli.workflow.leftovers import LOGS, logs_of, made_in_radar

_MAKES = STAGES[STAGES.index("process") :]  # the others name inputs, which are not ours
_WORK = (RADAR, REVERSED_FOLDER, "isce2")
_FOLDERS = (*(f"{REVERSED_FOLDER}/{name}" for name in (RADAR, "isce2", LOGS)), *_WORK, PRODUCTS, LOGS)
_PICTURE = "comparison.png"  # of a demonstration


@dataclass(frozen=True)
class Cleaning:
    """What is going to be removed from one place.

    Attributes
    ----------
    root : Path
        Folder of a pair, or the cache.
    files : dict of Path to int
        What goes, in order, with its bytes; then the folders that are empty.
    left : tuple of Path
        What stays because it is not ours, or behind a link.
    journal : Journal or None
        Of a pair.
    """

    root: Path
    files: dict[Path, int]
    left: tuple[Path, ...]
    journal: Journal | None = None

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(self.files.values())

    def shares(self) -> dict[Path, tuple[int, int]]:
        """Give the number of files and their bytes, by the file or folder in the root that they are in."""
        found: dict[Path, tuple[int, int]] = {}
        for file, size in self.files.items():
            place = self.root / file.relative_to(self.root).parts[0]
            count, before = found.get(place, (0, 0))
            found[place] = count + 1, before + size
        return found


def clean_up(folders: Sequence[Path], cache: Path | None, *, products: bool, dry_run: bool) -> list[Cleaning]:
    """Remove what dinsar made in the folders of pairs, and in the cache.

    Parameters
    ----------
    folders : sequence of Path
        Of pairs.
    cache : Path or None
        None leaves it alone.
    products : bool
        Whether products and journals go too, so that nothing of dinsar is left in the folders.
    dry_run : bool
        Whether to decide only.

    Returns
    -------
    list of Cleaning
        What was removed, or would be.

    Raises
    ------
    UsageError
        Before anything is removed, when a folder is not of dinsar, in use, or read-only.
    """
    with ExitStack() as locks:
        if not dry_run:
            locks.enter_context(_held(folders))
            locks.enter_context(_held_cache(cache))
        cleanings = [_plan_pair(folder, products=products) for folder in folders]
        if cache is not None:
            cleanings.append(_plan_cache(cache))
        if dry_run:
            return cleanings
        _check_writable(cleanings)
        for cleaning in cleanings:
            _remove(cleaning)
    for folder in folders if products else ():
        _leave(folder)
    return cleanings


@contextmanager
def _held(folders: Sequence[Path]) -> Iterator[None]:
    """Hold the locks of pairs that are going to be cleaned, all of them or none.

    Raises
    ------
    UsageError
        When one is in use, cannot be written to, or is not of dinsar.
    """
    with ExitStack() as locks:
        # a folder in use is told as such even where its journal is just being written; others get no lock from us
        used = [folder for folder in folders if (folder / LOCK).is_file()]
        for folder in used:
            locks.enter_context(locked(folder))
        for folder in folders:
            own_journal(folder)
        for folder in folders:
            if folder not in used:
                locks.enter_context(locked(folder))
        yield


def _plan_pair(folder: Path, *, products: bool) -> Cleaning:
    """Decide what goes from the folder of a pair.

    Parameters
    ----------
    folder : Path
        Of a pair.
    products : bool
        Whether products and journal go too, so that nothing of dinsar is left.

    Raises
    ------
    UsageError
        When the folder is not of dinsar.
    """
    journal = own_journal(folder)
    layers = [path for path in made_in_radar(folder / RADAR) if products or path.suffix == ".npy"]
    files = [*_left_by_engines(folder, inputs=products), *layers, *_reversed(folder / REVERSED_FOLDER)]
    if not products:
        links = tuple(path for path in (folder / name for name in _WORK) if path.is_symlink())
        return Cleaning(folder, _sizes(files), links, journal)
    there = set(files_below(folder))
    records = [file for stage in _MAKES if stage in journal.stages for file in journal.stages[stage].files]
    named = [folder / file.path for file in records if Path(file.path).parts[0] in {RADAR, PRODUCTS}]
    map_files = [*files_of_map(folder / PRODUCTS), *files_of_formats(folder / PRODUCTS)]
    # the journal goes last: after an interruption the same command goes on
    last = [folder / name for name in (_PICTURE, CONFIG_FILE, RUN_FILE)]
    wanted = [path for path in (*files, *named, *map_files, *logs_of(folder), *last) if path in there]
    return Cleaning(folder, _sizes(wanted), _others(folder, {*wanted, folder / LOCK}), journal)


def _plan_cache(cache: Path) -> Cleaning:
    """Decide what goes from the cache: prepared DEMs, and what they were made of, as the notes beside them tell."""
    folder = cache / "dem"
    files = noted_files(folder)
    return Cleaning(cache, _sizes(files), _others(folder, set(files)) if folder.exists() else ())


def _check_writable(cleanings: Sequence[Cleaning]) -> None:
    """Make sure that files can be removed where they are, before the first one is.

    Raises
    ------
    UsageError
        When a folder is read-only.
    """
    for folder in {file.parent for cleaning in cleanings for file in cleaning.files}:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _cannot_remove(folder, "The system does not let dinsar change this folder.", 0)


def _remove(cleaning: Cleaning) -> None:
    """Remove what was decided.

    Raises
    ------
    UsageError
        When the system does not let a file be removed.
    """
    try:
        if cleaning.journal is not None:
            cleaning.journal.release("process", cleaning.files)
        remove(cleaning.files, cleaning.root)
        for folder in _FOLDERS if cleaning.journal is not None else ():
            if not (cleaning.root / folder).is_symlink():
                with suppress(OSError):  # it is not there, or not empty
                    (cleaning.root / folder).rmdir()
    except OSError as error:
        gone = sum(not file.exists() for file in cleaning.files)
        raise _cannot_remove(
            error.filename or cleaning.root, f"The system says: {error.strerror}.", gone
        ) from error


def _leave(folder: Path) -> None:
    """Remove the lock that was let go, and the folder of the pair when nothing else is in it any more."""
    root = folder.resolve()  # it may be the current folder, which has no name
    (root / LOCK).unlink(missing_ok=True)
    if not any(root.iterdir()):
        root.rmdir()


@contextmanager
def _held_cache(cache: Path | None) -> Iterator[None]:
    """Be alone in the folder of DEMs, if there is one: none is being made."""
    if cache is None or not (cache / "dem").is_dir():
        yield
        return
    with alone_in(cache / "dem"):
        yield
    (cache / "dem.lock").unlink(missing_ok=True)  # of an earlier release


def _cannot_remove(place: Path | str, cause: str, gone: int) -> UsageError:
    so_far = f"{gone} files were removed before it" if gone else "Nothing was removed"
    return UsageError(
        f"{place} cannot be removed or changed.",
        f"{cause} {so_far}.",
        "Let it be written to (chmod u+w, or as the owner of the folder), and run the same command again.",
    )


def _left_by_engines(folder: Path, *, inputs: bool) -> list[Path]:
    """Return what the engines left in the folder of a pair itself; where it is linked they give what is behind."""
    found = [path for engine in engines().values() for path in engine.leftovers(folder / RADAR, inputs=inputs)]
    root = folder.resolve()
    return [folder / path.relative_to(root) for path in found if path.is_relative_to(root)]


def _reversed(folder: Path) -> list[Path]:
    """Return all that was made for the pair in the reversed order."""
    if folder.is_symlink():
        return []
    return [*_left_by_engines(folder, inputs=True), *made_in_radar(folder / RADAR), *logs_of(folder)]


def _sizes(paths: Sequence[Path]) -> dict[Path, int]:
    return {path: path.stat().st_size for path in paths}


def _others(folder: Path, files: set[Path]) -> tuple[Path, ...]:
    """Return what stays in a folder when files of it are gone: the uppermost folders of which nothing goes."""
    if folder.is_symlink() or not folder.is_dir() or not any(file.is_relative_to(folder) for file in files):
        return () if folder in files else (folder,)
    return tuple(path for child in sorted(folder.iterdir()) for path in _others(child, files))
