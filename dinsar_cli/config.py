"""The configuration of a run: one model that gives defaults, ranges, help texts, commented YAML and JSON schema."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from dinsar_cli.errors import UsageError

_MAX_LOOKS = 200
_MAX_THREADS = 1024
_MIN_MEMORY = 256 * 10**6
_SIZE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_ROI_SUFFIXES = {".json", ".geojson", ".shp", ".zip", ".gpkg", ".kml", ".kmz"}
_PATH_KEYS = (("slc", "files"), ("orbits", "dir"), ("dem", "file"))


@dataclass(frozen=True)
class Looks:
    """Number of looks: how many single-look pixels are averaged in slant range and in azimuth."""

    range: int
    azimuth: int

    def __post_init__(self) -> None:
        if not (1 <= self.range <= _MAX_LOOKS and 1 <= self.azimuth <= _MAX_LOOKS):
            raise ValueError(f"each number of looks is 1 to {_MAX_LOOKS}")

    def __str__(self) -> str:
        return f"{self.range}x{self.azimuth}"


@dataclass(frozen=True)
class LonLat:
    """A point: longitude and latitude in degrees (WGS84)."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (abs(self.lon) <= 180 and abs(self.lat) <= 90):
            swapped = abs(self.lon) <= 90 and abs(self.lat) <= 180
            raise ValueError("longitude comes first" if swapped else "a longitude or latitude is out of range")

    def __str__(self) -> str:
        return f"{self.lon!r},{self.lat!r}"


@dataclass(frozen=True)
class _About:
    """What a field allows, when its type does not say it, and its unit."""

    allowed: str = ""
    unit: str = ""


# Parsers of single values. Their ValueErrors become part of the message to the user.


def _parse_looks(value: object) -> Looks:
    if isinstance(value, Looks):
        return value
    match = re.fullmatch(r"\s*(\d{1,9})\s*[xX]\s*(\d{1,9})\s*", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("looks are written as range x azimuth, like 19x7")
    return Looks(int(match[1]), int(match[2]))


def _parse_reference_point(value: object) -> LonLat | Literal["auto", "none"]:
    if isinstance(value, LonLat):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"auto", "none"}:
            return "auto" if word == "auto" else "none"
        value = re.split(r"[\s,;]+", word)
    if not isinstance(value, (list, tuple)) or len(value) != 2 or any(isinstance(part, bool) for part in value):
        raise ValueError("two numbers are needed")
    try:
        lon, lat = (float(part) for part in value)
    except (TypeError, ValueError) as error:
        raise ValueError("two numbers are needed") from error
    return LonLat(lon, lat)


def _parse_threads(value: object) -> int | Literal["auto"]:
    text = str(value).strip().lower()
    if text == "auto":
        return "auto"
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= _MAX_THREADS:
        raise ValueError("this is no such number of threads")
    return int(text)


def _parse_memory(value: object) -> int | Literal["auto"]:
    text = str(value).strip()
    if text.lower() == "auto":
        return "auto"
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?", text, re.IGNORECASE)
    unit = match[2].upper() + match[3].lower() if match else ""
    if match is None or unit not in _SIZE_UNITS:
        raise ValueError("a size is a number with a unit, like 2GB or 1500MB")
    size = round(float(match[1]) * _SIZE_UNITS[unit])
    if size < _MIN_MEMORY:
        raise ValueError(f"{size} bytes are too few to work with")
    return size


def _format_memory(size: int | Literal["auto"]) -> str:
    if size == "auto":
        return "auto"
    unit = next(unit for unit in ("G", "M", "K", "") if size % _SIZE_UNITS[unit] == 0)
    return f"{size // _SIZE_UNITS[unit]}{unit}B"


def _parse_roi(value: object) -> object:
    """Let YAML write the ROI as a list of numbers or as GeoJSON, and make a file independent of the folder."""
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, (list, tuple)):
        return " ".join(str(number) for number in value)
    return str(_absolute(value)) if _is_roi_file(value) else value


def _is_roi_file(value: object) -> bool:
    return (
        isinstance(value, str)
        and not value.lstrip().startswith("{")
        and Path(value).suffix.lower() in _ROI_SUFFIXES
    )


def _absolute(value: object) -> object:
    """Make a path absolute, so that a saved configuration means the same from every folder."""
    if not isinstance(value, (str, Path)):
        return value
    if not str(value).strip():
        raise ValueError("the path is empty")
    str(value).encode()  # a name that is not UTF-8 cannot be written down; its error is a ValueError
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("the home folder of '~' is not known") from error


def _parse_crs(value: object) -> object:
    text = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"UTM|EPSG:4326|EPSG:32[67](0[1-9]|[1-5]\d|60)", text):
        raise ValueError("this is no CRS that maps are written in")
    return "utm" if text == "UTM" else text


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _one_or_list(value: object) -> object:
    return [value] if isinstance(value, (str, Path)) else value


_LOWER = BeforeValidator(_lower)
_AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]
_LooksField = Annotated[
    Looks,
    PlainValidator(_parse_looks),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}x\d{1,3}$"}),
    _About(f"RGxAZ like 19x7, each 1 to {_MAX_LOOKS}"),
]
_ReferencePointField = Annotated[
    LonLat | Literal["auto", "none"],
    PlainValidator(_parse_reference_point),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(auto|none|-?[\d.]+(e-?\d+)?,-?[\d.]+(e-?\d+)?)$"},
                {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
    _About("auto, none or LON,LAT (-180 to 180, -90 to 90)", "degrees"),
]
_ThreadsField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_threads),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": _MAX_THREADS}]}),
    _About(f"auto or 1 to {_MAX_THREADS}"),
]
_MemoryField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_memory),
    PlainSerializer(_format_memory, return_type=str),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^(auto|[\d.]+ ?[kKMGT]?i?B?)$"}, {"type": "integer"}]}
    ),
    _About("auto or a size of at least 256MB, like 2GB or 1500MB"),
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool(cls, value: object) -> object:
        if value is True or value is False:  # pydantic would read them as 1 and 0
            raise ValueError("no key takes true or false")
        return value


class SlcConfig(_Section):
    """Keys of the section ``slc``."""

    files: Annotated[list[_AbsolutePath], BeforeValidator(_one_or_list), _About("a list of paths")] = Field(
        default=[], description="Sentinel-1 IW SLC products of both dates, SAFE folders or zips, in any order."
    )


class OrbitsConfig(_Section):
    """Keys of the section ``orbits``."""

    dir: Annotated[_AbsolutePath | None, _About("a path")] = Field(
        default=None, description="Folder with the orbit files (.EOF) of both dates."
    )


class DemConfig(_Section):
    """Keys of the section ``dem``."""

    file: Annotated[_AbsolutePath | None, _About("a path")] = Field(
        default=None, description="Digital elevation model that covers the region, in any raster format of GDAL."
    )
    datum: Annotated[Literal["ellipsoid", "egm96", "egm2008"] | None, _LOWER] = Field(
        default=None,
        description="Surface that the heights of dem.file are measured from; not set: its vertical CRS.",
    )
    buffer: Annotated[float, _About(unit="degrees")] = Field(
        default=0.2, ge=0, le=2, description="Margin of the elevation model around the bursts in use."
    )


class FilterConfig(_Section):
    """Keys of the section ``filter``."""

    strength: float = Field(
        default=0.5, ge=0, le=1, description="Strength (alpha) of the Goldstein phase filter; 0 does not filter."
    )


class UnwrapConfig(_Section):
    """Keys of the section ``unwrap``."""

    reliability: Annotated[float, _About(unit="1/rad^2")] = Field(
        default=0.2,
        ge=0,
        le=10,
        description="Inverse phase variance up to which an edge bounds a connected component; higher drops more.",
    )


class GridConfig(_Section):
    """Keys of the section ``grid``."""

    crs: Annotated[str, BeforeValidator(_parse_crs), _About("EPSG:4326, utm, EPSG:326xx or EPSG:327xx")] = Field(
        default="EPSG:4326", description="Coordinate reference system of the maps; utm is the zone of the region."
    )
    posting: Annotated[
        float | None, _About("0.00001 to 1 degrees in EPSG:4326, 1 to 10000 metres in UTM", "units of grid.crs")
    ] = Field(default=None, description="Pixel size of the maps; not set: from the looks.")

    @field_validator("posting")
    @classmethod
    def _posting_fits_crs(cls, posting: float | None, info: ValidationInfo) -> float | None:
        crs = info.data.get("crs")  # absent when it is wrong itself
        low, high, unit = (1e-5, 1.0, "degrees") if crs == "EPSG:4326" else (1.0, 1e4, "metres")
        if crs is not None and posting is not None and not low <= posting <= high:
            raise ValueError(f"the unit of {crs} is {unit}")
        return posting


class ComputeConfig(_Section):
    """Keys of the section ``compute``."""

    threads: _ThreadsField = Field(
        default="auto", description="Number of processor cores to use; auto is all of them."
    )
    memory: _MemoryField = Field(default="auto", description="Memory to stay below; auto suits the machine.")


class RunConfig(_Section):
    """Everything that decides what a run makes: frozen, unknown keys refused, every path absolute.

    The fields are the keys of the YAML file; see :func:`help_text` for each one's meaning, range and default.
    """

    roi: Annotated[
        str | None, BeforeValidator(_parse_roi), _About("'W S E N', WKT, GeoJSON or a file", "degrees")
    ] = Field(default=None, description="Region of interest; not set: the common footprint of both dates.")
    polarization: Annotated[Literal["auto", "vv", "hh", "vh", "hv"], _LOWER] = Field(
        default="auto", description="Polarization to use; auto is the co-polarized one that both dates have."
    )
    engine: Annotated[Literal["auto", "eos"], _LOWER] = Field(
        default="auto", description="Interferometric engine; auto takes the best that is installed and says which."
    )
    slc: SlcConfig = Field(default=SlcConfig(), description="Sentinel-1 scenes.")
    orbits: OrbitsConfig = Field(default=OrbitsConfig(), description="Precise or restituted orbits.")
    dem: DemConfig = Field(default=DemConfig(), description="Digital elevation model.")
    looks: _LooksField = Field(
        default=Looks(19, 7), description="Looks in range x azimuth; 19x7 is about 90 m on the ground."
    )
    resolution: Annotated[float | None, _About(unit="metres")] = Field(
        default=None, ge=10, le=1000, description="Ground resolution to choose the looks by, instead of looks."
    )
    filter: FilterConfig = Field(default=FilterConfig(), description="Filtering of the interferogram.")
    unwrap: UnwrapConfig = Field(default=UnwrapConfig(), description="Phase unwrapping.")
    grid: GridConfig = Field(default=GridConfig(), description="Grid of the maps.")
    reference_point: _ReferencePointField = Field(
        default="auto",
        description="Where displacement is zero; auto finds a stable, coherent place, none keeps the values.",
    )
    compute: ComputeConfig = Field(default=ComputeConfig(), description="Use of the machine.")

    @model_validator(mode="after")
    def _one_of_looks_and_resolution(self) -> Self:
        if self.resolution is not None and "looks" in self.model_fields_set:
            raise ValueError("looks and resolution: both are given, and one decides the other. Give one of them.")
        return self


# Keys and what is known of them


def config_keys() -> tuple[str, ...]:
    """Return every dotted key, in the order of the file."""
    return tuple(
        f"{name}.{key}" if section else name
        for name, section in _sections()
        for key in (section.model_fields if section else [name])
    )


def _sections() -> Iterator[tuple[str, type[_Section] | None]]:
    """Give each top-level name with its section, None for a plain key."""
    for name, field in RunConfig.model_fields.items():
        kind = field.annotation
        yield name, kind if isinstance(kind, type) and issubclass(kind, _Section) else None


def _field(dotted_key: str) -> FieldInfo:
    name, _, key = dotted_key.partition(".")
    section = dict(_sections())[name]
    return section.model_fields[key] if section and key else RunConfig.model_fields[dotted_key]


def _literals(annotation: object) -> list[str]:
    arguments = get_args(annotation)
    return [text for arg in arguments for text in ([arg] if isinstance(arg, str) else _literals(arg))]


def _allowed(dotted_key: str) -> str:
    """Say in words which values a key takes."""
    field = _field(dotted_key)
    about = next((item for item in field.metadata if isinstance(item, _About)), _About())
    limits = {name: getattr(item, name) for item in field.metadata for name in ("ge", "le") if hasattr(item, name)}
    text = about.allowed or ", ".join(_literals(field.annotation))
    text = text or f"{limits['ge']:g} to {limits['le']:g}"
    return f"{text} {about.unit}" if about.unit and not about.allowed else text


def _default(dotted_key: str) -> object:
    value: Any = RunConfig().model_dump(mode="json")
    for part in dotted_key.split("."):
        value = value[part]
    return value


def help_text(dotted_key: str) -> str:
    """Return the sentence that explains a key, with its range, unit and default.

    Parameters
    ----------
    dotted_key : str
        A key like ``'dem.buffer'`` or ``'looks'``.

    Raises
    ------
    KeyError
        If there is no such key.
    """
    if dotted_key not in config_keys():
        raise KeyError(dotted_key)
    default = _default(dotted_key)
    shown = "not set" if default is None or default == [] else default
    return f"{_field(dotted_key).description} [{_allowed(dotted_key)}; default: {shown}]"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the YAML file, for editors."""
    schema = RunConfig.model_json_schema()
    for name, section in _sections():
        properties = schema["$defs"][section.__name__]["properties"] if section else schema["properties"]
        for key in section.model_fields if section else [name]:
            dotted = f"{name}.{key}" if section else key
            properties[key] |= {"description": help_text(dotted), "default": _default(dotted)}
    both = {"required": ["looks", "resolution"], "properties": {"resolution": {"type": "number"}}}
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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    problem = f"The configuration {path} cannot be read."
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:  # the latter: not UTF-8, or dates and numbers that cannot be
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
    return _with_folder(values, path.absolute().parent)


def _with_folder(values: dict[Any, Any], folder: Path) -> dict[str, Any]:
    """Join the relative paths of a file with its folder; what is no path is left for the validation."""

    def joined(value: object) -> object:
        return str(folder / value) if isinstance(value, str) and value.strip() and value[0] != "~" else value

    for name, key in _PATH_KEYS:
        section = values.get(name)
        if isinstance(section, dict) and key in section:
            value = section[key]
            section[key] = [joined(item) for item in value] if isinstance(value, list) else joined(value)
    if _is_roi_file(values.get("roi")):
        values["roi"] = joined(values["roi"])
    return values


def build_config(file_values: Mapping[str, Any] | None, overrides: Mapping[str, object]) -> RunConfig:
    """Make the configuration of a run from a file's values and the command line's.

    Parameters
    ----------
    file_values : mapping or None
        What :func:`load_config` returned.
    overrides : mapping
        Dotted keys (``'dem.file'``) with values that win over the file; None and an empty tuple mean not
        given. Of ``looks`` and
        ``resolution``, the one that is given here replaces the other of the file.

    Raises
    ------
    UsageError
        One error that lists every wrong value and unknown key.
    """
    given = {key: value for key, value in overrides.items() if value is not None and value != ()}
    # A section whose keys are all commented out is null in YAML.
    names = {name for name, section in _sections() if section}
    values = {
        str(key): {str(k): v for k, v in value.items()} if isinstance(value, Mapping) and key in names else value
        for key, value in (file_values or {}).items()
        if not (value is None and key in names)
    }
    for one, other in (("looks", "resolution"), ("resolution", "looks")):
        if one in given and other not in given:
            values.pop(other, None)
    for dotted, value in given.items():
        name, _, key = dotted.partition(".")
        section = values.setdefault(name, {}) if key else values
        if isinstance(section, dict):  # anything else is reported as wrong below
            section[key or name] = value
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise _explained(error) from error


def _explained(error: ValidationError) -> UsageError:
    """Turn pydantic's list of errors into one that a user can act on."""
    keys: list[str] = []
    causes: list[str] = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        dotted = ".".join(path[:2])
        keys.append(dotted or "looks, resolution")
        if item["type"] == "extra_forbidden":
            causes.append(f"{dotted}: unknown. {_suggestion(dotted)}")
        elif not dotted:
            causes.append(str(item["ctx"]["error"]))
        elif dotted in config_keys():
            reason = f" ({item['ctx']['error']})" if item["type"] == "value_error" else ""
            causes.append(f"{dotted}: {_shown(item['input'])} is refused{reason}; allowed: {_allowed(dotted)}.")
        else:
            fields = ", ".join(key for key in config_keys() if key.startswith(f"{dotted}."))
            causes.append(f"{dotted}: {_shown(item['input'])} is refused; it is a section with the keys {fields}.")
    problem = f"The configuration is wrong at {', '.join(dict.fromkeys(keys))}."
    return UsageError(problem, " ".join(causes), "Correct this; `dinsar init` writes an example with every key.")


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Path) else repr(value)
    return "null" if value is None else textwrap.shorten(text, 80, placeholder="...")


def _suggestion(unknown: str) -> str:
    """Name the known key that is most like an unknown one."""
    aliases = {name: name for name, _ in _sections()}
    for key in config_keys():
        aliases |= {key: key, key.replace(".", "_"): key} | {key.rpartition(".")[2]: key}
    for word in (unknown.lower(), unknown.lower().rpartition(".")[2]):
        near = difflib.get_close_matches(word, aliases, n=1, cutoff=0.62)
        if near:
            return f"Did you mean {aliases[near[0]]}?"
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
    for name, section in _sections():
        if section is None:
            # Resolution and looks exclude each other: the one that does not count becomes a comment.
            prefix = "# " if name == "looks" and config.resolution is not None else ""
            lines += ["", *_comment(help_text(name), ""), f"{prefix}{name}: {_yaml(values[name])}"]
            continue
        lines += ["", *_comment(RunConfig.model_fields[name].description or "", ""), f"{name}:"]
        for key in section.model_fields:
            lines += [*_comment(help_text(f"{name}.{key}"), "  "), f"  {key}: {_yaml(values[name][key])}"]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _yaml(value: object) -> str:
    """Write one value as YAML on one line, quoted where it must be."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.width = 10**9
    stream = StringIO()
    yaml.dump([value], stream)  # in a list, for a bare value gets an end-of-document mark
    return stream.getvalue().strip()[1:-1]
