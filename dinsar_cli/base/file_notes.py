"""Notes of what was found out about files by reading them whole, so that it is done once.

A note holds as long as the file has the same size and time of change.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import files_below
from dinsar_cli.base.files import alone_in, fingerprint, sha256, write_text
from dinsar_cli.base.user_files import read_json

NOTES = ".verified"  # folder beside the files that dinsar has fetched


def known_of(path: Path, folder: Path) -> dict[str, Any]:
    """Tell what is noted of a file; empty when nothing is, or the file has changed.

    Parameters
    ----------
    path : Path
        The file, which exists.
    folder : Path
        Of the notes; need not exist.
    """
    note = _content(_note_path(path, folder))
    return note if note.pop("file", None) == _state(path) else {}


def note_of(path: Path, folder: Path, **facts: object) -> None:
    """Note facts of a file beside those that still hold; other processes may do so at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder) as ending:
        note = known_of(path, folder) | facts | {"file": _state(path)}
        write_text(_note_path(path, folder), json.dumps(note) + "\n", ending)


def note_absence(path: Path, folder: Path, **facts: object) -> None:
    """Note that a file cannot be had, with facts that tell which one was asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder) as ending:
        note = {"file": None, "absent": facts}
        write_text(_note_path(path, folder), json.dumps(note) + "\n", ending)


def absent_for(path: Path, folder: Path, **facts: object) -> float:
    """Seconds since it was noted that a file with these facts cannot be had; infinite where that was not noted."""
    note = _note_path(path, folder)
    if _content(note).get("absent") != facts:
        return math.inf
    try:
        return max(time.time() - note.stat().st_mtime, 0.0)
    except OSError:  # it is being replaced
        return math.inf


def sha256_of(path: Path) -> str:
    """SHA-256 of a file: that which was noted when it was fetched, else found by reading it."""
    noted = known_of(path, path.parent / NOTES).get("sha256")
    return str(noted) if noted else sha256(path)


def prove(path: Path) -> bool:
    """Tell whether a file has the content of which its note has the SHA-256; what is not noted is not proved.

    Parameters
    ----------
    path : Path
        A file that dinsar has made or fetched, with its note in the folder `NOTES` beside it.
    """
    return _agrees(path) is True


def is_spoiled(path: Path) -> bool:
    """Tell whether a file has another content than its note says; one of which no SHA-256 is noted has not."""
    return _agrees(path) is False


def _agrees(path: Path) -> bool | None:
    """Tell whether a file has the content that its note says; None where no SHA-256 is noted."""
    noted = _content(_note_path(path, path.parent / NOTES)).get("sha256")
    if noted is None:
        return None
    try:
        return sha256(path) == noted
    except OSError:
        return False


def drop_fetched(path: Path) -> None:
    """Remove a damaged file that dinsar has made or fetched, so that it is had again; others stay."""
    if is_spoiled(path):
        path.unlink(missing_ok=True)
        _note_path(path, path.parent / NOTES).unlink(missing_ok=True)


def noted_files(folder: Path) -> list[Path]:
    """Return the files below a folder that dinsar has made or fetched, as their notes tell, with these notes.

    Also what is left of downloads that were stopped. Nothing behind a link, and nothing without a note.
    """
    every = files_below(folder)
    there, found = set(every), []
    for note in every:
        if note.suffix != ".json":
            continue
        if note.parent.name == NOTES:
            file, key = note.parent.parent / note.stem, "file"
        elif note.name.endswith(".part.json"):
            file, key = note.with_suffix(""), "url"
        else:
            continue
        if key in _content(note):
            found += [path for path in (file, note) if path in there]
    return found


def _content(note: Path) -> dict[str, Any]:
    """Return what a note says; nothing where it is none."""
    try:
        content = read_json(note)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _note_path(path: Path, folder: Path) -> Path:
    beside = folder == path.parent / NOTES  # then the notes can move with the files
    return folder / (f"{path.name}.json" if beside else f"{path.name}.{fingerprint(path.resolve())}.json")


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
