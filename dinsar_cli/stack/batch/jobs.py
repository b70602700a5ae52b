"""The file of a batch: a CSV or YAML of places, events, pairs and months, as one configuration for each run."""

from __future__ import annotations

import calendar
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, Final

from dinsar_cli.base.files import fingerprint
from dinsar_cli.base.user_files import OddFileError, kind_of, read_text
from dinsar_cli.catalog.pair_wish import wish_of
from dinsar_cli.config.dates import parse_event
from dinsar_cli.config.file import build_config, load_config, suggestion, with_folder
from dinsar_cli.config.keys import config_keys, takes_list
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import request_of
from dinsar_cli.errors import DinsarError, UsageError
from dinsar_cli.managers.slc import given_products

_MOST_BYTES: Final = 64 << 20
MOST_JOBS: Final = 100_000
_NAME: Final = re.compile(r"[^\W_][\w.-]{0,99}", re.ASCII)
_TAKEN: Final = ("batch.json", "reports.html", "logs", "lock")
"""Files of the batch itself, beside the folders of its jobs."""

_EDGES: Final = ("west", "south", "east", "north")
_BETWEEN: Final = ";"  # values of a list in one cell
_MOST_TOLD: Final = 50
_MONTH: Final = re.compile(r"((?:19|20)\d\d)-(\d\d)")
_SECTIONS: Final = ("defaults", "jobs", "places", "events", "months", "pairs", "tracks")


@dataclass(frozen=True)
class BatchJob:
    """One run of a batch.

    Attributes
    ----------
    name : str
        Of its folder.
    place : str
        Where it is in the file, for messages.
    config : RunConfig
        What it does.
    """

    name: str
    place: str
    config: RunConfig

    @property
    def mark(self) -> str:
        """Fingerprint of all that decides its products: threads and memory do not."""
        return fingerprint(self.config.model_dump(mode="json", exclude={"compute"}))


@dataclass(frozen=True)
class _Row:
    """A run as the file has it: values by dotted key, or by section, not checked yet."""

    name: str
    place: str
    values: dict[str, Any]
    fault: str = ""


def read_batch(path: Path, overrides: Mapping[str, object], flags: Mapping[str, str]) -> list[BatchJob]:
    """Read the file of a batch, and check all of its rows before anything is started.

    Parameters
    ----------
    path : Path
        A CSV with a head, or a YAML file.
    overrides : mapping
        Values by dotted key that win over every row.
    flags : mapping
        Other names of keys, which a column may have: those of the options of ``dinsar run``.

    Returns
    -------
    list of BatchJob
        In the order of the file; at least one, each with a name of its own.

    Raises
    ------
    UsageError
        When the file cannot be read, or rows of it are wrong: all of them are named.
    """
    rows = _yaml_rows(path) if path.suffix.lower() in {".yaml", ".yml"} else _csv_rows(path, flags)
    if not rows:
        raise _refused(path, "It has no runs in it.", "Give it a row for each run, below a head with the names.")
    if len(rows) > MOST_JOBS:
        raise _refused(path, f"It has {len(rows)} runs; a batch has {MOST_JOBS} at most.", "Split it.")
    jobs: list[BatchJob] = []
    faults: list[tuple[_Row, str]] = []
    seen: dict[str, str] = {}
    there: dict[Path, bool] = {}
    for row in rows:
        fault = row.fault or _name_fault(row, seen)
        seen.setdefault(row.name.casefold(), row.place)
        try:
            config = build_config(row.values, overrides) if not fault else RunConfig()
            fault = fault or _input_fault(config, there)
        except DinsarError as error:
            fault = error.cause
        if fault:
            faults.append((row, fault))
        else:
            jobs.append(BatchJob(row.name, row.place, config))
    if faults:
        raise _wrong_rows(path, faults, len(rows))
    return jobs


def _name_fault(row: _Row, seen: Mapping[str, str]) -> str:
    """Tell what is wrong with the name of a row; empty when nothing is."""
    if not row.name:
        return "It has no name, which its folder gets."
    if not _NAME.fullmatch(row.name) or row.name.casefold() in _TAKEN:
        return (
            f"The name {row.name[:60]!r} cannot be that of its folder: letters, digits, '_', '-' and '.' are "
            f"allowed, 100 at most, a letter or digit first, and not {', '.join(_TAKEN)}."
        )
    first = seen.get(row.name.casefold())
    return f"The name {row.name} is that of {first} too." if first else ""


def _input_fault(config: RunConfig, there: dict[Path, bool]) -> str:
    """Tell what a run lacks as far as it can be told at once: dates or scenes, an area, files."""
    area = request_of(config).roi
    if not config.slc.files:
        if area is None:
            return "It has neither an area (roi) nor products of its own (slc.files)."
        wish_of(config)
    given = (
        *given_products(config)[0].slc.files,
        config.orbits.dir,
        config.dem.file,
        config.isce2.home,
        config.isce2.python,
    )
    for path in given:
        if path is not None and not there.setdefault(path, path.exists()):
            return f"{path} does not exist."
    return ""


def _refused(path: Path, cause: str, remedy: str) -> UsageError:
    return UsageError(f"The batch file {path} cannot be used.", cause, remedy)


def _wrong_rows(path: Path, faults: Sequence[tuple[_Row, str]], count: int) -> UsageError:
    """Name all wrong rows at once; the reasons of the first ones are told, each in a line."""
    told = faults[:_MOST_TOLD]
    lines = [f"{row.place}{f' ({row.name[:60]})' if row.name else ''}: {fault}" for row, fault in told]
    if len(faults) > len(told):
        lines.append("and further: " + ", ".join(row.place for row, _ in faults[_MOST_TOLD:]))
    which = "1 of its rows is" if len(faults) == 1 else f"{len(faults)} of its rows are"
    error = UsageError(
        f"The batch file {path} cannot be used: {which} wrong, of {count}.",
        lines[0] if len(faults) == 1 else f"Below is what is wrong with each; the first is {lines[0]}",
        "Correct the file and run the same command again; nothing has been started.",
    )
    error.details = () if len(faults) == 1 else tuple(lines)
    return error


# --- CSV --------------------------------------------------------------------------------------------------------


def _csv_rows(path: Path, flags: Mapping[str, str]) -> list[_Row]:
    """Read the rows of a CSV: each column is a key, by its own name or by that of the option."""
    try:
        text = read_text(path, _MOST_BYTES)
        reader = csv.reader(text.splitlines(keepends=True), strict=True)
        head = [cell.strip() for cell in next((cells for cells in reader if any(cells)), [])]
        if not head:
            raise _refused(path, "It is empty.", "Give it a head, as name,roi,start,end, and a row for each run.")
        keys = _keys(path, head, flags, text)
        return [_csv_row(keys, cells, path, reader.line_num) for cells in reader if any(map(str.strip, cells))]
    except OddFileError as error:
        raise _refused(path, error.cause, "Give a CSV with a head, or YAML (.yaml).") from error
    except OSError as error:
        raise _refused(path, f"{error.strerror or error}.", "Give the path of a CSV or YAML file.") from error
    except csv.Error as error:
        cause = f"Line {reader.line_num} is not CSV: {error}."
        raise _refused(path, cause, "Put texts with commas or line ends between double quotes.") from error


def _keys(path: Path, head: Sequence[str], flags: Mapping[str, str], text: str) -> list[str]:
    """Return the keys of the columns of a CSV.

    Raises
    ------
    UsageError
        When a column is unknown or there twice, or one is missing.
    """
    named = {name.casefold(): key for name, key in flags.items()} | {key.casefold(): key for key in config_keys()}
    named |= {name: name for name in ("name", *_EDGES)}
    keys = [named.get(re.sub(r"[\s-]+", "_", name.lstrip("-")).casefold(), "") for name in head]
    unknown = [name for name, key in zip(head, keys, strict=True) if not key]
    if unknown and not any(keys):
        kind = kind_of(text[:1024].encode())
        hint = "it separates them with ';' or tabs, and commas are needed" if re.search(r"[;\t]", head[0]) else ""
        cause = f"Its first line has no name of a column that is known: {', '.join(unknown)[:200]!r}"
        reason = f"It {kind}" if kind else f"{cause}{f'; {hint}' if hint else ''}"
        raise _refused(path, f"{reason}.", "Begin with a head such as: name,roi,start,end")
    if unknown:
        advice = " ".join(f"{name or '(empty)'}: {suggestion(name)[:200]}" for name in unknown)
        which = ", ".join(repr(name) for name in unknown)
        raise _refused(path, f"It has unknown columns: {which}. {advice}", "Correct the first line.")
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise _refused(path, f"It has more than one column for {', '.join(twice)}.", "Remove all but one.")
    edges = [edge for edge in _EDGES if edge in keys]
    if edges and (len(edges) < len(_EDGES) or "roi" in keys):
        cause = "An area is given either by the column roi or by all of west, south, east and north."
        raise _refused(path, cause, "Correct the first line.")
    if "name" not in keys:
        raise _refused(path, "It has no column 'name'.", "Add it: the folder of each run gets its name.")
    return keys


def _csv_row(keys: Sequence[str], cells: Sequence[str], path: Path, line: int) -> _Row:
    place = f"line {line}"
    given = {key: cell.strip() for key, cell in zip(keys, cells, strict=False) if cell.strip()}
    name = given.pop("name", "")
    if len(cells) > len(keys) and any(map(str.strip, cells[len(keys) :])):
        fault = (
            f"It has {len(cells)} cells and the head {len(keys)}; a text with commas goes between double quotes."
        )
        return _Row(name, place, {}, fault)
    edges = [given.pop(edge) for edge in _EDGES if edge in given]
    if edges and len(edges) < len(_EDGES):
        return _Row(name, place, {}, "Not all of west, south, east and north are given.")
    values: dict[str, Any] = {"roi": " ".join(edges)} if edges else {}
    for dotted, cell in given.items():
        section, _, key = dotted.partition(".")
        several = _BETWEEN in cell and takes_list(dotted)
        value = [part.strip() for part in cell.split(_BETWEEN)] if several else cell
        if key:
            values.setdefault(section, {})[key] = value
        else:
            values[section] = value
    return _Row(name, place, with_folder(values, path.absolute().parent))


# --- YAML -------------------------------------------------------------------------------------------------------


def _yaml_rows(path: Path) -> list[_Row]:
    """Read the runs of a YAML file: those that it lists, and places times events, months or pairs, times tracks."""
    content = load_config(path)
    unknown = [str(key) for key in content if key not in _SECTIONS]
    if unknown:
        cause = f"It has unknown keys: {', '.join(unknown)[:300]}. Its keys are {', '.join(_SECTIONS)}."
        raise _refused(path, cause, "Keys of a run go below defaults, or into a job.")
    folder = path.absolute().parent
    defaults = content.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise _refused(
            path, "defaults is no mapping of keys to values.", "Write it as `defaults:` with keys below."
        )
    defaults = with_folder(defaults, folder)
    try:
        build_config(defaults, {})
    except UsageError as error:
        raise _refused(path, f"In defaults: {error.cause}", "Correct it; nothing has been started.") from error
    listed = content.get("jobs") or []
    if not isinstance(listed, list):
        raise _refused(path, "jobs is no list.", "Write each job as `- name: NAME` with its keys below.")
    rows = [_yaml_row(f"job {number}", job, defaults, folder) for number, job in enumerate(listed, 1)]
    return rows + list(_expanded(path, content, defaults, folder))


def _yaml_row(place: str, job: object, defaults: Mapping[str, Any], folder: Path) -> _Row:
    if not isinstance(job, dict):
        return _Row("", place, {}, "It is no mapping of keys to values.")
    values = dict(job)
    name = values.pop("name", "")
    return _Row("" if name is None else str(name), place, _merged(defaults, with_folder(values, folder)))


def _merged(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Put values over defaults, section by section; one of two that exclude each other goes with its rival."""
    merged = dict(defaults)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = old | value if isinstance(old, dict) and isinstance(value, dict) else value
    for one, other in (("looks", "resolution"), ("resolution", "looks")):
        if one in values and other not in values:
            merged.pop(other, None)
    return merged


def _expanded(path: Path, content: Mapping[str, Any], defaults: Mapping[str, Any], folder: Path) -> Iterator[_Row]:
    """Yield a run for each place, each event, month or pair, and each track."""
    kinds = [name for name in ("events", "months", "pairs") if content.get(name)]
    places = content.get("places")
    if not kinds and not places and not content.get("tracks"):
        return
    if len(kinds) != 1:
        told = (
            f"It has {' and '.join(kinds)}" if kinds else "It has places or tracks without events, months or pairs"
        )
        raise _refused(path, f"{told}.", "Give one of events, months and pairs; runs of other kinds go into jobs.")
    if places is not None and not isinstance(places, dict):
        raise _refused(path, "places is no mapping of names to areas.", "Write each as `NAME: 'W S E N'`.")
    times = _TIMES[kinds[0]](path, content[kinds[0]])
    tracks = _list(path, "tracks", content.get("tracks") or [None])
    where = [(str(name), {"roi": roi}) for name, roi in places.items()] if places else [("", {})]
    for (place, area), (time, when), track in product(where, times, tracks):
        name = "_".join(part for part in (place, time, "" if track is None else f"T{track:0>3}") if part)
        values = with_folder(area | when | ({} if track is None else {"track": track}), folder)
        yield _Row(name, f"{kinds[0]}, {name}", _merged(defaults, values))


def _list(path: Path, name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _refused(path, f"{name} is no list.", f"Write it as `{name}: [...]`.")
    return value


def _events(path: Path, value: object) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return events with their names: a list of times, or names with times."""
    if isinstance(value, dict):
        return [(str(name), {"event": time}) for name, time in value.items()]
    found = []
    for time in _list(path, "events", value):
        try:
            moment = parse_event(time)
        except ValueError as error:
            raise _refused(
                path, f"events: {time!r} is refused: {error}.", "Write it as 2023-02-06T01:17:34."
            ) from None
        found.append((f"{moment:%Y%m%d}", {"event": time}))
    return found


def _months(path: Path, value: object) -> list[tuple[str, dict[str, Any]]]:
    """Return months, of spans like 2023-01..2023-06 or one by one."""
    found = []
    for text in value if isinstance(value, list) else [value]:
        first, _, last = str(text).partition("..")
        ends = [_MONTH.fullmatch(end.strip()) for end in (first, last or first)]
        numbers = [12 * int(end[1]) + int(end[2]) - 1 for end in ends if end and 1 <= int(end[2]) <= 12]
        if len(numbers) != 2 or not numbers[0] <= numbers[1] < numbers[0] + 1200:
            raise _refused(
                path, f"months: {str(text)[:60]!r} is refused.", "Write it as 2023-01..2023-06 or 2023-01."
            )
        for number in range(numbers[0], numbers[1] + 1):
            year, month = number // 12, number % 12 + 1
            span = {"start": date(year, month, 1), "end": date(year, month, calendar.monthrange(year, month)[1])}
            found.append((f"{year}-{month:02d}", span))
    return found


def _pairs(path: Path, value: object) -> list[tuple[str, dict[str, Any]]]:
    """Return pairs of dates or products."""
    found = []
    for pair in _list(path, "pairs", value):
        if not isinstance(pair, list) or len(pair) != 2:
            raise _refused(path, f"pairs: {str(pair)[:60]} is refused.", "Write each as [2023-01-04, 2023-01-16].")
        ends = [re.sub(r"\W", "", str(end)) for end in pair]
        found.append(("_".join(ends), dict(zip(("reference", "secondary"), pair, strict=True))))
    return found


_TIMES: Final[Mapping[str, Callable[[Path, Any], Iterable[tuple[str, dict[str, Any]]]]]] = {
    "events": _events,
    "months": _months,
    "pairs": _pairs,
}
