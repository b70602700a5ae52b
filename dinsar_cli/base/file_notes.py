"""Notes of what was found out about files by reading them whole, so that it is done once.

A note holds as long as the file has the same size and time of change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dinsar_cli.base.files import fingerprint, sha256, write_text
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
    try:
        note = read_json(_note_path(path, folder))
    except (OSError, ValueError):
        return {}
    if not isinstance(note, dict) or note.pop("file", None) != _state(path):
        return {}
    return note


def note_of(path: Path, folder: Path, **facts: object) -> None:
    """Note facts of a file beside those that still hold."""
    folder.mkdir(parents=True, exist_ok=True)
    note = known_of(path, folder) | facts | {"file": _state(path)}
    write_text(_note_path(path, folder), json.dumps(note) + "\n")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file: that which was noted when it was fetched, else found by reading it."""
    noted = known_of(path, path.parent / NOTES).get("sha256")
    return str(noted) if noted else sha256(path)


def _note_path(path: Path, folder: Path) -> Path:
    beside = folder == path.parent / NOTES  # then the notes can move with the files
    return folder / (f"{path.name}.json" if beside else f"{path.name}.{fingerprint(path.resolve())}.json")


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
