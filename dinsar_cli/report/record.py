"""What the report tells from the record of a run: provenance, costs, corrections, checks, citation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.journal import CONFIG_FILE
from dinsar_cli.base.user_files import JOURNAL_BYTES, parse_json, read_text
from dinsar_cli.config.yaml_text import load_yaml
from dinsar_cli.errors import DinsarError
from dinsar_cli.formats import ProductFacts, product_facts
from dinsar_cli.formats.citation import citation
from dinsar_cli.report.evidence import Evidence
from dinsar_cli.report.texts import LICENCES

_LEAST_SECONDS = 0.05  # a step of the engine that takes less is not listed
_MOST_DEPTH = 4


@dataclass(frozen=True)
class Cost:
    """What a stage or step cost, and what was predicted; None where it was not.

    Attributes
    ----------
    name : str
        Of the stage, or the step.
    step : bool
        Whether it is a step of the engine.
    seconds, predicted : float or None
        Real and predicted.
    memory, predicted_memory, disk, predicted_disk : str
        As people read them; empty where they are not known.
    """

    name: str
    step: bool
    seconds: float
    predicted: float | None
    memory: str
    predicted_memory: str
    disk: str
    predicted_disk: str


def costs(record: Mapping[str, Any]) -> list[Cost]:
    """Return the costs of the stages in their order, the engine's steps below theirs."""
    found: list[Cost] = []
    for name, stage in (record.get("stages") or {}).items():
        details = stage.get("details") or {}
        predicted = details.get("predicted") or {}
        made = sum(file.get("size", 0) for file in stage.get("files") or ())
        real = {
            "seconds": stage.get("seconds", 0.0),
            "peak_memory": stage.get("peak_memory", 0),
            "disk": details.get("disk") or made,
        }
        found.append(_cost(name, real, predicted, step=False))
        foreseen = predicted.get("steps") or {}
        found += [
            _cost(step, cost, foreseen.get(step) or {}, step=True)
            for step, cost in (details.get("steps") or {}).items()
            if cost.get("seconds", 0) >= _LEAST_SECONDS
        ]
    return found


def _cost(name: str, real: Mapping[str, Any], predicted: Mapping[str, Any], *, step: bool) -> Cost:
    def size(of: Mapping[str, Any], key: str) -> str:
        return human_bytes(of[key]) if of.get(key) else ""

    return Cost(
        name,
        step,
        float(real.get("seconds") or 0),
        predicted.get("seconds"),
        size(real, "peak_memory"),
        size(predicted, "peak_memory"),
        size(real, "disk"),
        size(predicted, "disk"),
    )


def corrections_told(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tell what the displacement stage noted of its corrections, as names and texts; any shape of record."""
    details = ((record.get("stages") or {}).get("displacement") or {}).get("details") or {}
    facts = details.get("facts")
    return list(_flattened(facts.get("corrections"))) if isinstance(facts, Mapping) else []


def checks_told(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tell what the stages noted of their checks, as names and texts; any shape of record."""
    found: list[tuple[str, str]] = []
    for name, stage in (record.get("stages") or {}).items():
        details = stage.get("details") or {}
        for place in (details, details.get("facts")):
            if isinstance(place, Mapping) and place.get("checks"):
                found += [(f"{name}: {key}" if key else name, text) for key, text in _flattened(place["checks"])]
    return found


def _flattened(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested records, named by the way to them."""
    if value in (None, {}, [], ()):
        return
    if depth >= _MOST_DEPTH or not isinstance(value, (Mapping, list, tuple)):
        yield name, f"{value:.4g}" if isinstance(value, float) else str(value)
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
    for key, one in items:
        word = str(key).replace("_", " ")
        yield from _flattened(one, f"{name}, {word}" if name else word, depth + 1)


def area_asked_for(folder: Path) -> str | None:
    """Return the key ``roi`` of the configuration beside a run; None where there is none."""
    try:
        config = load_yaml(read_text(folder / CONFIG_FILE, JOURNAL_BYTES))
    except (OSError, ValueError, RecursionError, YAMLError):
        return None
    roi = config.get("roi") if isinstance(config, Mapping) else None
    if roi is None:
        return None
    return " ".join(str(part) for part in roi) if isinstance(roi, list) else str(roi)


@dataclass(frozen=True)
class Provenance:
    """From what and how a map was made.

    Attributes
    ----------
    granules, orbits : tuple of str
        Names of the scenes, earlier date first, and of the orbit files.
    dem : str
        Source or file, and its datum.
    versions : tuple of (str, str)
        Programs and their versions.
    command : str
        That made it, as a shell takes it; empty where it is not known.
    again : str
        Command that makes it again from the configuration.
    configuration : str
        The whole of it; empty where there is none.
    inputs : tuple of (str, str)
        Names of the input files with their SHA-256.
    """

    granules: tuple[str, ...]
    orbits: tuple[str, ...]
    dem: str
    versions: tuple[tuple[str, str], ...]
    command: str
    again: str
    configuration: str
    inputs: tuple[tuple[str, str], ...]


def provenance(evidence: Evidence) -> Provenance:
    """From what and how the map of a run was made; what is not known is left out."""
    record, folder = evidence.record, evidence.pair.folder
    pair = record.get("pair") or {}
    files = {name: _files(record, name) for name in ("slc", "orbits", "dem")}
    dem = evidence.details("dem")
    engine = record.get("engine") or {}
    versions = [("dinsar", str(record.get("dinsar") or evidence.tags.get("version", ""))), *_versions(evidence)]
    if engine.get("name"):
        versions.insert(1, ("engine", str(engine["name"])))
    path = folder / CONFIG_FILE
    known = path.is_file()
    return Provenance(
        tuple(str(name) for side in ("reference", "secondary") for name in pair.get(side) or ()),
        tuple(dict.fromkeys(name for name, _ in files["orbits"])),
        ", ".join(str(dem[key]) for key in ("source", "file", "datum_from") if dem.get(key)),
        tuple((name, text) for name, text in versions if text),
        shlex.join(str(word) for word in record.get("command") or ()),
        f"dinsar run {shlex.quote(CONFIG_FILE)}" if known else "",
        path.read_text(encoding="utf-8", errors="replace") if known else "",
        tuple((name, mark) for group in files.values() for name, mark in group if mark),
    )


def _files(record: Mapping[str, Any], stage: str) -> list[tuple[str, str]]:
    files = ((record.get("stages") or {}).get(stage) or {}).get("files") or ()
    return [(Path(str(file.get("path"))).name, str(file.get("sha256") or "")) for file in files]


def _versions(evidence: Evidence) -> list[tuple[str, str]]:
    try:
        versions = parse_json(evidence.tags.get("engine_version", "{}"))
    except ValueError:
        return []
    return sorted((str(k), str(v)) for k, v in versions.items()) if isinstance(versions, dict) else []


def known_facts(evidence: Evidence) -> ProductFacts | None:
    """Return what the products tell of themselves; None where they do not tell of what dates they are."""
    folder = next(iter(evidence.pair.rasters.values())).parent
    try:
        facts = product_facts(folder, evidence.pair.name, evidence.record, evidence.pair.files)
        return facts if all(facts.dates) else None
    except DinsarError:
        return None


def citation_text(facts: ProductFacts) -> str:
    """Tell what to cite, without ``https://`` as the page has no addresses."""
    return citation(facts).replace("https://", "")


def licences(engine: str) -> list[str]:
    """Return the notices of the licences of the programs that ran."""
    return [*LICENCES[""], *(LICENCES.get(engine, ()) if engine else ())]
