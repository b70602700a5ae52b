"""The keys of the configuration, and what is told of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from dinsar_cli.config.base import Section, about, parts_of_type
from dinsar_cli.config.model import RunConfig

_WORDS = {"mask": "none"}
"""Sections in whose place a word may stand."""


@dataclass(frozen=True)
class KeyText:
    """What is told of a key.

    Attributes
    ----------
    meaning : str
        What it decides.
    allowed : str
        Which values it takes, with their unit.
    default : str
        The one that it has; ``not set`` for none.
    first_step : str
        First step of topsApp that is done again after a change; empty when it is no property of topsApp.
    """

    meaning: str
    allowed: str
    default: str
    first_step: str


@cache
def config_keys() -> tuple[str, ...]:
    """Return every dotted key, in the order of the file."""
    return tuple(
        f"{name}.{key}" if section else name
        for name, section in sections()
        for key in (section.model_fields if section else [name])
    )


@cache
def sections() -> tuple[tuple[str, type[Section] | None], ...]:
    """Give each top-level name with its section, None for a plain key."""
    kinds = {name: field.annotation for name, field in RunConfig.model_fields.items()}
    return tuple(
        (name, kind if isinstance(kind, type) and issubclass(kind, Section) else None)
        for name, kind in kinds.items()
    )


def field_of(dotted_key: str) -> FieldInfo:
    """Return the field of the model that a key is."""
    name, _, key = dotted_key.partition(".")
    section = dict(sections())[name]
    return section.model_fields[key] if section and key else RunConfig.model_fields[dotted_key]


def takes_list(dotted_key: str) -> bool:
    """Tell whether a key may have several values."""
    annotation = field_of(dotted_key).annotation
    return list in {get_origin(part) for part in (annotation, *get_args(annotation))}


def takes_path(dotted_key: str) -> bool:
    """Tell whether a key takes the path of a file or folder."""
    return dotted_key not in _WORDS and Path in parts_of_type(field_of(dotted_key).annotation)


def words_of(dotted_key: str) -> tuple[str, ...]:
    """Return the words that a key may have as its value; none where it is something else."""
    if dotted_key in _WORDS:
        return (_WORDS[dotted_key],)
    return tuple(part for part in parts_of_type(field_of(dotted_key).annotation) if isinstance(part, str))


def allowed(dotted_key: str) -> str:
    """Say in words which values a key takes."""
    field = field_of(dotted_key)
    said = about(field)
    limits = {name: getattr(item, name) for item in field.metadata for name in ("ge", "le") if hasattr(item, name)}
    parts = parts_of_type(field.annotation)
    words = ["true or false"] if bool in parts else [part for part in parts if isinstance(part, str)]
    text = said.allowed or ", ".join(words) or f"{limits['ge']:g} to {limits['le']:g}"
    return f"{text} {said.unit}" if said.unit and not said.allowed else text


def default_of(dotted_key: str) -> object:
    """Return the default of a key, as JSON has it."""
    value: Any = RunConfig().model_dump(mode="json")
    for part in dotted_key.split("."):
        value = value[part]
    return value


def help_text(dotted_key: str, meaning: str | None = None) -> str:
    """Return the sentence that explains a key, with its range, unit and default.

    For a property of topsApp, it ends with the first step that is done again after a change.

    Parameters
    ----------
    dotted_key : str
        A key like ``'dem.buffer'`` or ``'looks'``.
    meaning : str, optional
        What it means to a command to which it means something else than to that for a pair.

    Raises
    ------
    KeyError
        If there is no such key.
    """
    field = field_of(dotted_key)
    meaning = meaning or field.description
    if dotted_key in _WORDS:
        return f"{meaning} [{_WORDS[dotted_key]}; default: as its keys say]"
    if dotted_key not in config_keys():
        raise KeyError(dotted_key)
    said = key_text(dotted_key)
    again = f"; done again from: {said.first_step}" if said.first_step else ""
    return f"{meaning} [{said.allowed}; default: {said.default}{again}]"


def key_text(dotted_key: str) -> KeyText:
    """Return what is told of a key, in its parts.

    Raises
    ------
    KeyError
        If there is no such key.
    """
    field = field_of(dotted_key)
    step = about(field).first_step
    return KeyText(field.description or "", allowed(dotted_key), _shown_default(dotted_key), step)


def section_text(name: str) -> str:
    """Return what a section of the file is about; empty for a key that is in none."""
    return (RunConfig.model_fields[name].description or "") if dict(sections())[name] else ""


def _shown_default(dotted_key: str) -> str:
    default = default_of(dotted_key)
    if default in (None, [], {}):
        return "not set"
    return str(default).lower() if isinstance(default, bool) else str(default)
