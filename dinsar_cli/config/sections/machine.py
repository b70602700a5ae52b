"""Keys of the configuration about the machine: where ISCE2 is, cores and memory."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from dinsar_cli.config.base import About, AbsolutePath, Section

_MAX_THREADS = 1024
_MIN_MEMORY = 256 * 10**6
_SIZE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


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


_ThreadsField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_threads),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": _MAX_THREADS}]}),
    About(f"auto or 1 to {_MAX_THREADS}"),
]
_MemoryField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_memory),
    PlainSerializer(_format_memory, return_type=str),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^(auto|[\d.]+ ?[kKMGT]?i?B?)$"}, {"type": "integer"}]}
    ),
    About("auto or a size of at least 256MB, like 2GB or 1500MB"),
]


class Isce2Config(Section):
    """Keys of the section ``isce2``."""

    home: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None, description="Folder of ISCE2 (ISCE_HOME, or a prefix); not set: it is looked for."
    )
    python: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None, description="Python interpreter that has ISCE2 and GDAL; not set: it is looked for."
    )
    conda_env: Annotated[str | None, About("a name or path")] = Field(
        default=None, description="Conda environment that has ISCE2."
    )
    timeout: Annotated[float | None, About(unit="hours")] = Field(
        default=None, ge=0.01, le=1000, description="Time after which a run of topsApp is stopped; not set: never."
    )


class ComputeConfig(Section):
    """Keys of the section ``compute``."""

    threads: _ThreadsField = Field(
        default="auto", description="Number of processor cores to use; auto is all of them."
    )
    memory: _MemoryField = Field(default="auto", description="Memory to stay below; auto suits the machine.")
