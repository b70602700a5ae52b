"""The configuration in files: JSON schema, YAML in and out, and messages on what is wrong."""

from __future__ import annotations

import difflib
import reprlib
import textwrap
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dinsar_cli.base.user_files import OddFileError, read_text
from dinsar_cli.config.base import parts_of_type
from dinsar_cli.config.keys import allowed, config_keys, default_of, field_of, help_text, sections, words_of
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.roi_text import is_roi_file
from dinsar_cli.config.sections.map import parse_mask
from dinsar_cli.errors import UsageError, did_you_mean
from dinsar_cli.geo.file_kinds import is_crs_file

_OF_GRID = ("grid.crs", "grid.posting", "grid.origin")
# Keys that exclude each other: the first, on the command line, takes the place of the second in the file.
_RIVALS = (
    ("looks", "resolution"),
    ("resolution", "looks"),
    ("reference_point", "reference_area"),
    ("reference_point", "reference_gnss.files"),
    *(("reference_gnss.files", other) for other in ("reference_point", "reference_area")),
    *((one, "grid.like") for one in _OF_GRID),
    *(("grid.like", other) for other in _OF_GRID),
    *((one, other) for one in ("start", "end", "event") for other in ("reference", "secondary")),
    *((one, "event") for one in ("reference", "secondary")),
)


_MOST_BYTES = 8 << 20
"""Of a configuration; an outline may be in it."""

_DIGITS = 40
_LARGE = 10**_DIGITS


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the YAML file, for editors."""
    schema = RunConfig.model_json_schema()
    for name, section in sections():
        properties = schema["$defs"][section.__name__]["properties"] if section else schema["properties"]
        for key in section.model_fields if section else [name]:
            dotted = f"{name}.{key}" if section else key
            properties[key] |= {"description": help_text(dotted), "default": default_of(dotted)}
    schema["properties"]["mask"] = {"anyOf": [schema["properties"]["mask"], {"const": "none"}]}
    both = {"required": ["looks", "resolution"], "properties": {"resolution": {"type": "number"}}}
    # a raster decides on the grid alone
    schema["$defs"]["GridConfig"]["not"] = {
        "required": ["like"],
        "properties": {"like": {"type": "string"}},
        "anyOf": [
            {"required": ["crs"]},
            {"required": ["posting"], "properties": {"posting": {"type": "number"}}},
            {"required": ["origin"], "properties": {"origin": {"type": ["string", "array"]}}},
        ],
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | schema | {"description": "Configuration of a dinsar run.", "not": both}


# Reading and building


def load_config(path: Path) -> dict[str, Any]:
    """Read a YAML configuration file.

    Parameters
    ----------
    path : Path
        The file. Relative paths in it are relative to its folder.

    Returns
    -------
    dict
        Its values, not yet checked, for :func:`build_config`; paths joined with the folder.

    Raises
    ------
    UsageError
        If the file cannot be read or is not a YAML mapping; broken YAML with line and column.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    from dinsar_cli.config.yaml_text import load_yaml

    problem = f"The configuration {path} cannot be read."
    try:
        values = load_yaml(read_text(path, _MOST_BYTES))
    except OddFileError as error:
        raise UsageError(problem, error.cause, "Give a readable YAML file; `dinsar init` writes one.") from error
    except FileNotFoundError as error:
        beside = path.absolute().parent
        names = [one.name for one in beside.iterdir() if one.suffix in {".yaml", ".yml"}] if beside.is_dir() else []
        remedy = f"{did_you_mean(path.name, names)}Give a readable YAML file; `dinsar init` writes one."
        raise UsageError(problem, "There is no file of that name.", remedy) from error
    except (OSError, ValueError) as error:  # the latter: dates and numbers that cannot be
        raise UsageError(problem, f"{error}.", "Give a readable YAML file; `dinsar init` writes one.") from error
    except (YAMLError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        text = error.problem if isinstance(error, MarkedYAMLError) else error
        raise UsageError(problem, f"{place}{' '.join(str(text).split())}.", "Correct the YAML there.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        cause = f"It holds a {type(values).__name__}, not keys with values."
        raise UsageError(problem, cause, "Write it as `key: value`; `dinsar init` writes an example.")
    return with_folder(values, path.absolute().parent)


def with_folder(values: dict[Any, Any], folder: Path) -> dict[str, Any]:
    """Join the relative paths of a file with its folder; what is no path is left for the validation.

    Parameters
    ----------
    values : dict
        As :func:`build_config` takes them.
    folder : Path
        Absolute.
    """

    def joined(value: object, words: Sequence[object] = ()) -> object:
        is_path = (
            isinstance(value, str) and value.strip() and value[0] != "~" and value.strip().lower() not in words
        )
        return str(folder / str(value)) if is_path else value

    for dotted in config_keys():
        name, _, key = dotted.partition(".")
        section = values.get(name)
        if isinstance(section, dict) and key in section and Path in parts_of_type(field_of(dotted).annotation):
            value = section[key]
            words = parts_of_type(field_of(dotted).annotation)
            section[key] = [joined(item) for item in value] if isinstance(value, list) else joined(value, words)
    for section, key, is_file in (
        (values, "roi", is_roi_file),
        (values, "reference_area", is_roi_file),
        (values.get("unwrap"), "cut", is_roi_file),
        (values.get("grid"), "crs", is_crs_file),
    ):
        if isinstance(section, dict) and is_file(section.get(key)):
            section[key] = joined(section[key])
    return values


def build_config(file_values: Mapping[str, Any] | None, overrides: Mapping[str, object]) -> RunConfig:
    """Make the configuration of a run from a file's values and the command line's.

    Parameters
    ----------
    file_values : mapping or None
        What :func:`load_config` returned.
    overrides : mapping
        Dotted keys (``'dem.file'``) with values that win over the file; None and an empty tuple mean not
        given. Of ``looks`` and ``resolution``, the one that is given here replaces the other of the file; so does
        ``reference_point`` with ``reference_area``.

    Raises
    ------
    UsageError
        One error that lists every wrong value and unknown key.
    """
    given = {key: value for key, value in overrides.items() if value is not None and value != ()}
    # A section whose keys are all commented out is null in YAML.
    names = {name for name, section in sections() if section}
    values = {
        str(key): {str(k): v for k, v in value.items()} if isinstance(value, Mapping) and key in names else value
        for key, value in (file_values or {}).items()
        if not (value is None and key in names)
    }
    for one, other in _RIVALS:
        if one in given and other not in given:
            name, _, key = other.partition(".")
            place = values.get(name) if key else values
            if isinstance(place, dict):  # anything else is reported as wrong below
                place.pop(key or name, None)
    mask = given.get("mask", values.get("mask"))
    if (keys := parse_mask(mask)) is not mask:  # further keys may add to it
        given.pop("mask", None)
        values["mask"] = keys
    for dotted, value in given.items():
        name, _, key = dotted.partition(".")
        section = values.setdefault(name, {}) if key else values
        if isinstance(section, dict):  # anything else is reported as wrong below
            section[key or name] = value
    try:
        return _with_ionosphere(RunConfig.model_validate(values))
    except ValidationError as error:
        raise _explained(error) from error


def _with_ionosphere(config: RunConfig) -> RunConfig:
    """Let topsApp estimate what ``corrections.ionosphere`` takes off."""
    if not config.corrections.ionosphere or config.topsapp.do_ionosphere_correction:
        return config
    topsapp = config.topsapp.model_copy(update={"do_ionosphere_correction": True})
    return config.model_copy(update={"topsapp": topsapp})


def _explained(error: ValidationError) -> UsageError:
    """Turn pydantic's list of errors into one that a user can act on."""
    keys: list[str] = []
    causes: list[str] = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        dotted = ".".join(path[:2])
        keys.append(dotted or str(item["ctx"]["error"]).partition(":")[0].replace(" and ", ", "))
        if item["type"] == "extra_forbidden":
            causes.append(f"{dotted}: unknown. {suggestion(dotted)}")
        elif not dotted:
            causes.append(str(item["ctx"]["error"]))
        elif dotted in config_keys():
            reason = f" ({item['ctx']['error']})" if item["type"] == "value_error" else ""
            meant = did_you_mean(item["input"], words_of(dotted)) if isinstance(item["input"], str) else ""
            told = f"{dotted}: {_shown(item['input'])} is refused{reason}; allowed: {allowed(dotted)}."
            causes.append(f"{told} {meant}".rstrip())
        else:
            fields = ", ".join(key for key in config_keys() if key.startswith(f"{dotted}."))
            causes.append(f"{dotted}: {_shown(item['input'])} is refused; it is a section with the keys {fields}.")
    problem = f"The configuration is wrong at {', '.join(dict.fromkeys(keys))}."
    return UsageError(problem, " ".join(causes), "Correct this; `dinsar init` writes an example with every key.")


class _Short(reprlib.Repr):
    """Tells the beginning of a value, however large or deep it is."""

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 (the signature is that of reprlib)
        return repr(x) if abs(x) < _LARGE else f"a number of more than {_DIGITS} digits"

    def repr_dict(self, x: Mapping[Any, Any], level: int) -> str:  # in its own order
        if level <= 0 and x:
            return "{...}"
        inside = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        return f"{{{', '.join([*inside, '...'] if len(x) > self.maxdict else inside)}}}"


_short = _Short()
_short.maxstring = _short.maxother = 80


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Path) else _short.repr(value)
    return "null" if value is None else textwrap.shorten(text, 80, placeholder="...")


def suggestion(unknown: str) -> str:
    """Name the known key that is most like an unknown one."""
    aliases = {name: name for name, _ in sections()}
    for key in config_keys():
        aliases |= {key: key, key.replace(".", "_"): key} | {key.rpartition(".")[2]: key}
    for word in (unknown.lower(), unknown.lower().rpartition(".")[2]):
        near = difflib.get_close_matches(word, aliases, n=1, cutoff=0.62)
        if near:
            other = " Other properties of topsApp go into topsapp.extra." if unknown.startswith("topsapp.") else ""
            return f"Did you mean {aliases[near[0]]}?{other}"
    return f"The keys are {', '.join(config_keys())}."


# Writing


def dump_commented_yaml(config: RunConfig) -> str:
    """Write a configuration as YAML in which every key has its explanation above it.

    Returns
    -------
    str
        Text that :func:`load_config` and :func:`build_config` turn into an equal configuration, from any folder.
    """
    values = config.model_dump(mode="json")
    lines = ["# Configuration of dinsar: run it with `dinsar run FILE`. Options of the command line win over it."]
    for name, section in sections():
        if section is None:
            # Resolution and looks exclude each other: the one that does not count becomes a comment.
            prefix = "# " if name == "looks" and config.resolution is not None else ""
            lines += ["", *_comment(help_text(name), ""), f"{prefix}{name}: {_yaml(values[name])}"]
            continue
        lines += ["", *_comment(RunConfig.model_fields[name].description or "", ""), f"{name}:"]
        for key in section.model_fields:
            # so does the system of a grid that is taken from a raster
            prefix = "# " if (name, key) == ("grid", "crs") and config.grid.like is not None else ""
            lines += [*_comment(help_text(f"{name}.{key}"), "  "), f"  {prefix}{key}: {_yaml(values[name][key])}"]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _yaml(value: object) -> str:
    """Write one value as YAML on one line, quoted where it must be."""
    if value is None or isinstance(value, bool):  # most values, and YAML() takes a while
        return "null" if value is None else str(value).lower()
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.width = 10**9
    stream = StringIO()
    yaml.dump([value], stream)  # in a list, for a bare value gets an end-of-document mark
    return stream.getvalue().strip()[1:-1]
