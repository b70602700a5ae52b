"""Why topsApp failed, by a table of known failures: what it printed, how it ended, and what it left.

The table is the file ``diagnoses.toml`` beside this module; its head says what an entry holds.
"""

from __future__ import annotations

import re
import signal
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.errors import DinsarError, EngineError, NoDataError, ResourceError, UsageError

_TABLE = "diagnoses.toml"
_ERRORS: Mapping[str, type[DinsarError]] = {
    "engine": EngineError,
    "resources": ResourceError,
    "data": NoDataError,
    "usage": UsageError,
}
CURES = ("enlarge_dem", "more_looks", "esd_off", "step_back", "gpu_off")
_TAIL = 20  # lines of an unknown failure that are shown
_LINE = 2000  # characters at each end of a line that are looked at
_HEAD, _REST = 100_000, 1_000_000  # characters at each end of an output that are looked at
_SHOWN = 200  # characters of a line in a message
_UNKNOWN = "topsApp ended for a reason that this program does not know."
_REPORT = (
    "Run the same command again to go on at this step. If it stays, report it with the output of dinsar doctor, "
    "this step's log and run.json."
)

_MARGIN = 1e-3  # degrees
_DEM_EXTENT = re.compile(
    r"^ DEM parameters:(?:\n[^\n]{0,200}){0,4}?"
    r"\n {1,4}Lon: {1,30}(\S{1,30}) {1,30}(\S{1,30}) {0,30}\n {1,4}Lat: {1,30}(\S{1,30}) {1,30}(\S{1,30})",
    re.MULTILINE,
)
_BURSTS_EXTENT = re.compile(r"^topo\.Overall bounding box = \[([^\]\n]{1,200})\]", re.MULTILINE)


@dataclass(frozen=True)
class FileCondition:
    """A condition on the files of the working folder.

    Attributes
    ----------
    path : str
        Pattern, relative to the folder.
    state : str
        ``missing``: there is no such file; ``empty``: one has no bytes; ``short``: one has fewer bytes than its
        ISCE header says, or a header that describes no raster.
    """

    path: str
    state: Literal["missing", "empty", "short"]

    def holds(self, folder: Path) -> bool:
        """Tell whether it is so in a folder."""
        found = sorted(folder.glob(self.path))
        if self.state == "missing":
            return not found
        return any(path.stat().st_size == 0 if self.state == "empty" else _is_short(path) for path in found)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One failure of the table; its head explains the fields.

    Raises
    ------
    ValueError
        When a field has a value that it cannot have.
    """

    id: str
    kind: str
    cause: str
    remedy: str
    source: str
    log: str = ""
    codes: tuple[int, ...] = ()
    steps: tuple[str, ...] = ()
    files: tuple[FileCondition, ...] = ()
    check: str = ""
    stops: bool = False
    general: bool = False
    cure: str = ""
    pattern: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in _ERRORS or self.cure not in ("", *CURES) or (self.check and self.check not in _CHECKS):
            raise ValueError(
                f"{self.id}: kind {self.kind!r}, cure {self.cure!r} or check {self.check!r} is unknown"
            )
        if not (self.log or self.codes or self.files or self.check) or (self.stops and not self.log):
            raise ValueError(f"{self.id}: there is nothing by which it is found")
        object.__setattr__(self, "pattern", re.compile(self.log, re.MULTILINE) if self.log else None)


@dataclass(frozen=True)
class Diagnosis:
    """A failure that was recognized.

    Attributes
    ----------
    entry : Entry
        What is known of it.
    said : str
        The line by which it was recognized; empty when it was not by a line.
    """

    entry: Entry
    said: str = ""

    @property
    def id(self) -> str:
        """Name of the failure."""
        return self.entry.id

    @property
    def cure(self) -> str:
        """What the program may try once; empty for nothing."""
        return self.entry.cure


@cache
def table() -> tuple[Entry, ...]:
    """Return all entries, in the order of the file."""
    text = (files(__package__) / _TABLE).read_text(encoding="utf-8")
    entries = tuple(map(_entry, tomllib.loads(text)["diagnosis"]))
    if len({entry.id for entry in entries}) < len(entries):
        raise ValueError(f"two entries of {_TABLE} have the same id")
    return entries


def watch(line: str, step: str | None, ignore: Collection[str] = ()) -> Diagnosis | None:
    """Recognize a line after which going on is useless, while topsApp runs.

    Lines that say only that something failed come right before the one that says why: who stops at one should read
    what topsApp has written until then and ask `diagnose`.

    Parameters
    ----------
    line : str
        Of the output; of a very long one both ends are looked at.
    step : str or None
        Step that is under way, where it is known.
    ignore : collection of str
        Names of failures that do no harm here: one burst alone is all that is wanted, for example.
    """
    line = _clip(line.replace("\r", "\n"), _LINE, _LINE)
    if not _any_stop().search(line):
        return None
    found = _matches(line, step, ignore, [entry for entry in table() if entry.stops])
    return min(found, key=_order_of_stops)[1] if found else None


def diagnose(
    log: str, step: str | None, code: int, folder: Path | None = None, ignore: Collection[str] = ()
) -> Diagnosis | None:
    """Find out why topsApp failed, or whether a step that gave no error went wrong.

    Parameters
    ----------
    log : str
        Output of the step; of a very long one both ends are looked at.
    step : str or None
        Step that was under way, where it is known.
    code : int
        Exit code of topsApp; negative for the signal that ended it; 0 after a step that gave no error.
    folder : Path, optional
        Working folder of topsApp. Without it conditions on files do not hold.
    ignore : collection of str
        Names of failures that do no harm here.

    Returns
    -------
    Diagnosis or None
        None when it is not in the table. Of more than one, that which topsApp should have stopped at comes before
        that at which it ended, and both before a general one.
    """
    text = _clip(log.replace("\r\n", "\n").replace("\r", "\n"), _HEAD, _REST)
    found = _matches(text, step, ignore, table(), code, folder)
    special = [match for match in found if not match[1].entry.general]
    for matches in (special, found):
        stops = [match for match in matches if match[1].entry.stops]
        if stops:
            return min(stops, key=_order_of_stops)[1]
        if matches:
            return max(matches, key=lambda match: match[0])[1]
    return None


def explain(
    diagnosis: Diagnosis | None, step: str | None, code: int, log: Path, tail: Collection[str]
) -> DinsarError:
    """Put a failure into the three sentences of an error.

    Parameters
    ----------
    diagnosis : Diagnosis or None
        None for a failure that is not known.
    step : str or None
        Step that was under way.
    code : int
        Exit code of topsApp; 0 when it was stopped, or gave no error.
    log : Path
        File with its output.
    tail : collection of str
        Last lines of the output; the last 20 are shown when the failure is not known.
    """
    name = step or "startup"
    if diagnosis is None:
        shown = [_short(line) for line in list(tail)[-_TAIL:]]
        last = next((line for line in reversed(shown) if line.strip()), "")
        error: DinsarError = EngineError(
            f"topsApp failed in its step {name} ({_ended(code)}).",
            f"{_UNKNOWN} {f'Its last words: {last.strip()}' if last else 'It printed nothing.'}",
            f"{_REPORT} Log: {log}",
        )
        error.details = tuple(shown)
        return error
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        problem = f"topsApp was killed in its step {name}."
    elif code:
        problem = f"topsApp failed in its step {name} ({_ended(code)})."
    else:
        problem = f"topsApp cannot go on in its step {name}."
    said = f" It says: {_short(diagnosis.said)}" if diagnosis.said else ""
    error = _ERRORS[diagnosis.entry.kind](
        problem, f"{diagnosis.entry.cause}{said}", f"{diagnosis.entry.remedy} Log: {log}"
    )
    error.cure = diagnosis.cure
    return error


def dem_too_small(log: str) -> bool:
    """Tell whether the bursts reach beyond the DEM, as the output of `topo` gives both.

    The bursts' extent is found with the heights that topsApp took, so a few samples are let pass.
    """
    dem, bursts = _DEM_EXTENT.search(log), _BURSTS_EXTENT.search(log)
    if dem is None or bursts is None:
        return False
    try:
        west, east, south, north = map(float, dem.groups())
        low, high, left, right = map(float, bursts.group(1).split(","))
    except ValueError:  # a field that is too narrow is printed as asterisks
        return False
    return low < south - _MARGIN or high > north + _MARGIN or left < west - _MARGIN or right > east + _MARGIN


_CHECKS = {"dem_too_small": dem_too_small}


def _entry(fields: Mapping[str, Any]) -> Entry:
    """Return one entry from the file."""
    values = dict(fields)
    for name in ("codes", "steps"):
        values[name] = tuple(values.get(name, ()))
    values["files"] = tuple(FileCondition(item["path"], item["is"]) for item in values.get("files", ()))
    return Entry(**values)


@cache
def _any_stop() -> re.Pattern[str]:
    """Return all patterns at which a run is stopped, as one: nearly every line fits none."""
    return re.compile("|".join(f"(?:{entry.log})" for entry in table() if entry.stops), re.MULTILINE)


def _matches(
    text: str,
    step: str | None,
    ignore: Collection[str],
    entries: Collection[Entry],
    code: int = 0,
    folder: Path | None = None,
) -> list[tuple[int, Diagnosis]]:
    """Give entries that fit, each with its place in the output: the first for those that stop, else the last."""
    return [
        (place, Diagnosis(entry, said))
        for entry in entries
        if entry.id not in ignore
        and (not entry.steps or step is None or step in entry.steps)
        and (not entry.check or _CHECKS[entry.check](text))
        and all(folder is not None and condition.holds(folder) for condition in entry.files)
        for place, said in _triggers(entry, text, code)
    ]


def _triggers(entry: Entry, text: str, code: int) -> Iterator[tuple[int, str]]:
    """Yield place and line by which an entry is triggered, at most one: the output, the exit code, or neither."""
    match = None
    for found in entry.pattern.finditer(text) if entry.pattern else ():
        match = found
        if entry.stops:
            break
    if match is not None:
        yield match.start(), _line_at(text, match.start())
    elif code in entry.codes:
        yield len(text), ""
    elif not entry.log and not entry.codes:
        yield 0, ""


def _order_of_stops(match: tuple[int, Diagnosis]) -> tuple[bool, int]:
    place, diagnosis = match
    return diagnosis.entry.general, place


def _line_at(text: str, place: int) -> str:
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    return text[start : end if end >= 0 else len(text)].strip()


def _clip(text: str, head: int, rest: int) -> str:
    return text if len(text) <= head + rest else f"{text[:head]}\n{text[-rest:]}"


def _short(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]} ..."


def _ended(code: int) -> str:
    """Tell how it ended, in words."""
    if code < 0:
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"code {code}"


def _is_short(path: Path) -> bool:
    """Tell whether a raster with an ISCE header has too few bytes; other files are never short."""
    if not path.is_file() or not path.with_name(f"{path.name}.xml").is_file():
        return False
    try:
        IsceFile.open(path)
    except EngineError:
        return True
    return False
