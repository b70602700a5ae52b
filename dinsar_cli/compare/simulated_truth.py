"""The true displacement between the two dates of a map, from the folder of a simulation of two or more dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from dinsar_cli.base.user_files import read_json
from dinsar_cli.errors import UsageError

SUMMARY: Final = "truth.json"


@dataclass(frozen=True)
class TruthFiles:
    """Rasters of the truth of a pair of dates.

    Attributes
    ----------
    later : Path
        True displacement of the later date since the first date of the simulation, metres.
    earlier : Path or None
        That of the earlier date, which is taken off; None where this is the first date.
    coherence : Path or None
        Of as many days, or the next number of days that there is; None where none is known.
    """

    later: Path
    earlier: Path | None = None
    coherence: Path | None = None


def dates_of(tags: Mapping[str, str]) -> tuple[date, date] | None:
    """Return the dates that the tags of a map tell; None where they do not."""
    try:
        first, second = (date.fromisoformat(tags[name][:10]) for name in ("reference_date", "secondary_date"))
    except (KeyError, ValueError):
        return None
    return first, second


def files_of_dates(truth: Path, dates: tuple[date, date] | None) -> TruthFiles | None:
    """Return the rasters of the truth of two dates; None where a folder is not that of a simulation.

    Parameters
    ----------
    truth : Path
        Folder of a simulation, or the folder ``truth`` in it.
    dates : (date, date) or None
        Of the map; None where the map does not say, and the last date against the first is taken.

    Raises
    ------
    UsageError
        When the simulation has no such dates.
    """
    scene = next((folder for folder in (truth, truth.parent) if (folder / SUMMARY).is_file()), None)
    folder = truth if scene != truth else truth / "truth"
    if scene is None or dates is None or not folder.is_dir():
        return None
    known = _dates_of(scene / SUMMARY)
    if not set(dates) <= set(known):
        raise UsageError(
            f"{scene} has no truth of {dates[0]} to {dates[1]}.",
            f"Its dates are {', '.join(map(str, known))}.",
            "Give the scene of which the map was made, or a raster of the true displacement.",
        )
    days = (dates[1] - dates[0]).days
    lengths = sorted(((day - known[0]).days, day) for day in known[1:])
    alike = next((day for length, day in lengths if length >= days), known[-1])
    found = TruthFiles(
        _named(folder, "los_displacement", dates[1], known),
        None if dates[0] == known[0] else _named(folder, "los_displacement", dates[0], known),
        _named(folder, "coherence", alike, known),
    )
    return found if found.coherence is not None and found.coherence.is_file() else replace(found, coherence=None)


def _named(folder: Path, name: str, day: date, known: list[date]) -> Path:
    """Return the raster of a date: of two dates the names are plain."""
    return folder / (f"{name}_{day:%Y%m%d}.tif" if len(known) > 2 else f"{name}.tif")


def _dates_of(path: Path) -> list[date]:
    try:
        return sorted(date.fromisoformat(one["date"]) for one in read_json(path)["passes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not as a simulation left it.",
            f"It should have the dates of the passes: {type(error).__name__} {error}.",
            "Simulate the scene again, or give a raster of the true displacement.",
        ) from error
