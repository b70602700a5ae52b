"""The properties of topsApp that shape an interferogram: one table that template and restart are made from.

Most are the keys of the section ``topsapp`` of the configuration, and are taken from there. Written here are those
that follow from other keys. Names, types and the steps that read them are those of ISCE2 2.6.5
(``applications/topsApp.py``, ``components/isceobj/TopsProc``, ``components/isceobj/Sensor/TOPS/Sentinel1.py``). A
step that only writes files that no other reads does not count: `burstifg` makes multilooked bursts, but what uses
the looks is `mergebursts`.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_origin

from dinsar_cli.config.base import parts_of_type
from dinsar_cli.config.sections.topsapp import IsceProperty, TopsappConfig, normal_name
from dinsar_cli.engines.topsapp.settings.steps import OFFSETS
from dinsar_cli.errors import UsageError

Scalar: TypeAlias = bool | int | float | str | Path
Value: TypeAlias = Scalar | Sequence[Scalar] | Sequence[Sequence[Scalar]]
Kind: TypeAlias = Literal["bool", "int", "float", "text", "ints", "floats", "texts"]

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "text": (str, Path),
}

# ISCE2 evaluates every value that is a Python expression, in a scope with these names, and strips it first.
_NAMES_IN_SCOPE = frozenset(dir(builtins)) | {"self", "obj", "os", "logging", "const_key", "const_name", "Parser"}
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property of topsApp.

    Attributes
    ----------
    name : str
        As in topsApp.xml; ISCE2 does not heed case and repeated blanks.
    kind : str
        ``bool``, ``int``, ``float``, ``text``, or a list of one of the last three: ``ints``, ``floats``, ``texts``.
    default : value, optional
        What we choose when nothing is said; None leaves the property out.
    meaning : str
        One sentence.
    first_step : str
        First step of topsApp whose result it changes.
    low, high : float
        Range of a number, or of each number of a list; the section ``topsapp`` checks its keys itself.
    choices : tuple of str
        Allowed texts; empty for any.
    unit : str
        Of a number.
    field : str
        Name of its value in the settings.
    key : str
        Key of the configuration that decides it; empty: it is always the same.
    scene : bool
        Whether it belongs to the reference and to the secondary instead of to topsApp.
    only_with : str
        Property without which it changes nothing.
    always : bool
        Whether topsApp.xml has it at its default too.
    written : bool
        Whether it stands in topsApp.xml; else topsApp is told in another way.
    """

    name: str
    kind: Kind
    default: Value | None = None
    meaning: str
    first_step: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    unit: str = ""
    field: str
    key: str = ""
    scene: bool = False
    only_with: str = ""
    always: bool = True
    written: bool = True


def _options() -> Iterator[Property]:
    """Yield the properties that are keys of the section ``topsapp``."""
    for name, field in TopsappConfig.model_fields.items():
        said = next((item for item in field.metadata if isinstance(item, IsceProperty)), None)
        if said is not None:
            yield Property(
                name=said.name,
                kind=_kind(field.annotation),
                default=field.default,
                meaning=field.description or "",
                first_step=said.first_step,
                field=name,
                key=f"topsapp.{name}",
                scene=said.scene,
                only_with=said.only_with,
                always=said.always,
                written=said.written,
            )


def _kind(annotation: object) -> Kind:
    """Tell what ISCE2 calls the type of a key."""
    parts = parts_of_type(annotation)
    if bool in parts:
        return "bool"
    if float in parts:
        return "float"
    if int in parts:
        return "ints" if get_origin(annotation) is list else "int"
    return "text"


OFFSET_FIELDS = (
    "dense_offsets",
    *(f"{what}_{way}" for what in ("window", "search", "skip") for way in ("width", "height")),
    "offset_oversampling",
)
"""Fields of the properties of dense offsets."""


def _dense_offsets() -> Iterator[Property]:
    """Yield the properties of the step ``denseoffsets``, which the section ``offsets`` checks itself."""
    switch = "do dense offsets"
    yield Property(
        name=switch,
        kind="bool",
        default=False,
        meaning="Measure the shift of the images.",
        first_step=OFFSETS,
        field=OFFSET_FIELDS[0],
        key="offsets.enabled",
        always=False,
    )
    names = {
        "window": ("Ampcor window", "Part of the image whose shift is measured"),
        "search": ("Ampcor search window", "Largest shift"),
        "skip": ("Ampcor skip", "From one window to the next"),
    }
    sides = {"width": "samples", "height": "lines"}
    for key, (name, meaning) in names.items():
        for side, unit in sides.items():
            yield Property(
                name=f"{name} {side}",
                kind="int",
                low=1,
                meaning=f"{meaning}, {unit}.",
                unit=unit,
                first_step=OFFSETS,
                field=f"{key}_{side}",
                key=f"offsets.{key}",
                only_with=switch,
            )
    yield Property(
        name="Ampcor oversampling factor",
        kind="int",
        low=1,
        meaning="Steps into which a sample is divided around the best shift.",
        first_step=OFFSETS,
        field=OFFSET_FIELDS[-1],
        key="offsets.oversampling",
        only_with=switch,
    )


# fmt: off
PROPERTIES: tuple[Property, ...] = (
    Property(name="safe", kind="texts", first_step="preprocess", field="safe", key="slc.files", scene=True,
             meaning="SAFE folders or zips of the acquisition, in order of time."),
    Property(name="polarization", kind="text", first_step="preprocess", field="polarization", key="polarization",
             scene=True, choices=("vv", "hh", "vh", "hv"), meaning="Polarization, the same on both dates."),
    Property(name="orbit file", kind="text", first_step="preprocess", field="orbit", key="orbits.dir", scene=True,
             meaning="Orbit file that covers the acquisition."),
    Property(name="output directory", kind="text", first_step="preprocess", field="output", scene=True,
             meaning="Folder of the unpacked bursts, in the working folder."),
    Property(name="sensor name", kind="text", default="SENTINEL1", first_step="preprocess",
             choices=("SENTINEL1",), field="sensor", meaning="Reader of the scenes."),
    Property(name="swaths", kind="ints", low=1, high=3, first_step="preprocess", field="swaths", key="roi",
             meaning="Subswaths to process: those in which both dates meet the region."),
    Property(name="region of interest", kind="floats", low=-180, high=180, unit="degrees",
             first_step="preprocess", field="region_of_interest", key="roi",
             meaning="South, north, west, east: bursts that do not meet it are left out whole."),
    Property(name="demFilename", kind="text", first_step="verifyDEM", field="dem", key="dem.file",
             meaning="DEM with ISCE2's header: heights above the WGS84 ellipsoid."),
    Property(name="range looks", kind="int", default=19, low=1, high=200, first_step="mergebursts",
             field="range_looks", key="looks", meaning="Samples that are averaged in range."),
    Property(name="azimuth looks", kind="int", default=7, low=1, high=200, first_step="mergebursts",
             field="azimuth_looks", key="looks", meaning="Lines that are averaged in azimuth."),
    Property(name="filter strength", kind="float", default=0.5, low=0, high=1, first_step="filter",
             field="filter_strength", key="filter.strength",
             meaning="Strength (alpha) of the Goldstein phase filter."),
    Property(name="do unwrap", kind="bool", default=True, first_step="unwrap", field="unwrap",
             meaning="Unwrap the filtered interferogram."),
    Property(name="geocode list", kind="texts", first_step="geocode", field="geocode",
             meaning="Files for the step geocode, after the steps of a run; an empty list: none."),
    *_options(),
    *_dense_offsets(),
)
# fmt: on

_BY_NAME = {normal_name(entry.name): entry for entry in PROPERTIES}


def find_property(name: str) -> Property | None:
    """Return the entry of the table for a name; ISCE2 does not heed case and repeated blanks."""
    return _BY_NAME.get(normal_name(name))


def default(name: str) -> Any:
    """Default of a property of the table."""
    return _BY_NAME[normal_name(name)].default


def check_value(entry: Property, value: object) -> None:
    """Refuse a value of another kind or outside its range.

    Raises
    ------
    UsageError
        With what is allowed.
    """
    many = entry.kind.endswith("s")
    if isinstance(value, (list, tuple)) == many:
        items: Sequence[object] = value if isinstance(value, (list, tuple)) else [value]
        if all(_allowed(entry, item) for item in items):
            return
    raise UsageError(
        f"topsApp's property '{entry.name}' cannot be {value!r}.",
        f"{entry.meaning} It takes {allowed(entry)}.",
        "Give such a value, or leave it out.",
    )


def allowed(entry: Property) -> str:
    """Say what a property takes, for a message or help."""
    if entry.choices:
        return f"one of {', '.join(entry.choices)}"
    single = entry.kind.removesuffix("s")
    words = {"bool": "true or false", "int": "whole numbers", "float": "numbers", "text": "text"}[single]
    if math.isfinite(entry.low) and math.isfinite(entry.high):
        words += f" from {entry.low:g} to {entry.high:g}"
    elif math.isfinite(entry.low):
        words += f" from {entry.low:g} on"
    unit = f" ({entry.unit})" if entry.unit else ""
    return f"a list of {words}{unit}" if entry.kind.endswith("s") else f"{words}{unit}"


def _allowed(entry: Property, item: object) -> bool:
    kind = entry.kind.removesuffix("s")
    if not isinstance(item, _PYTHON_TYPES[kind]) or (isinstance(item, bool) and kind != "bool"):
        return False
    if kind in {"int", "float"}:
        return entry.low <= float(str(item)) <= entry.high  # False for nan
    return not entry.choices or str(item) in entry.choices


def isce_text(value: Value) -> str:
    """Write a value so that ISCE2 reads the same one.

    ISCE2 strips a text and evaluates it when it is a Python expression. Absolute paths and plain words are none,
    and are written as they are; anything else is written as the expression for itself, which also says characters
    that XML has not.
    """
    if isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, (str, Path)):
        text = str(value)
        path = text.startswith("/") and text.isprintable() and text == text.strip()
        word = _PLAIN_WORD.fullmatch(text) and text not in _NAMES_IN_SCOPE
        return text if path or word else repr(text)
    return f"[{', '.join(_expression(item) for item in value)}]"


def _expression(item: Value) -> str:
    return repr(str(item)) if isinstance(item, (str, Path)) else isce_text(item)
