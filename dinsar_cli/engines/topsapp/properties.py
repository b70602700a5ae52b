"""The properties of topsApp that shape an interferogram: one table that template, help and restart are made from.

Names, types and the steps that read them are those of ISCE2 2.6.5 (``applications/topsApp.py``,
``components/isceobj/TopsProc``, ``components/isceobj/Sensor/TOPS/Sentinel1.py``). A step that only writes files
that no other reads does not count: `burstifg` makes multilooked bursts, but what uses the looks is `mergebursts`.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from dinsar_cli.errors import UsageError

Scalar: TypeAlias = bool | int | float | str | Path
Value: TypeAlias = Scalar | Sequence[Scalar]
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
        Range of a number, or of each number of a list.
    choices : tuple of str
        Allowed texts; empty for any.
    unit : str
        Of a number.
    field : str
        Attribute of ``TopsSettings`` that sets it; empty: it is set by name, through ``topsapp.extra``.
    scene : bool
        Whether it belongs to the reference and to the secondary instead of to topsApp.
    only_with : str
        Property without which it changes nothing.
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
    field: str = ""
    scene: bool = False
    only_with: str = ""


_ESD = "do ESD"
_ION = "do ionosphere correction"
_ION_STEPS = ("subband", "rawion", "grd2ion", "filt_gaussian", "ionosphere_shift", "ion2grd", "esd")

# fmt: off
PROPERTIES: tuple[Property, ...] = (
    Property(name="safe", kind="texts", first_step="preprocess", field="safe", scene=True,
             meaning="SAFE folders or zips of the acquisition, in order of time."),
    Property(name="polarization", kind="text", first_step="preprocess", field="polarization", scene=True,
             choices=("vv", "hh", "vh", "hv"), meaning="Polarization, the same on both dates."),
    Property(name="orbit file", kind="text", first_step="preprocess", field="orbit", scene=True,
             meaning="Orbit file that covers the acquisition."),
    Property(name="auxiliary data directory", kind="text", first_step="preprocess", field="aux_dir", scene=True,
             meaning="Folder of AUX_CAL files, for scenes of IPF 002.36 alone."),
    Property(name="output directory", kind="text", first_step="preprocess", field="output", scene=True,
             meaning="Folder of the unpacked bursts, in the working folder."),
    Property(name="sensor name", kind="text", default="SENTINEL1", first_step="preprocess",
             choices=("SENTINEL1",), field="sensor", meaning="Reader of the scenes."),
    Property(name="swaths", kind="ints", low=1, high=3, first_step="preprocess", field="swaths",
             meaning="Subswaths to process: those in which both dates meet the region."),
    Property(name="region of interest", kind="floats", low=-180, high=180, unit="degrees",
             first_step="preprocess", field="region_of_interest",
             meaning="South, north, west, east: bursts that do not meet it are left out whole."),
    Property(name="use virtual files", kind="bool", default=True, first_step="preprocess", field="virtual_files",
             meaning="Read bursts from the scenes themselves, instead of from copies."),
    Property(name="demFilename", kind="text", first_step="verifyDEM", field="dem",
             meaning="DEM with ISCE2's header: heights above the WGS84 ellipsoid."),
    Property(name="use GPU", kind="bool", default=False, first_step="topo", field="gpu",
             meaning="Use the GPU in topo, geo2rdr and resampling, where ISCE2 was built for it."),
    Property(name=_ESD, kind="bool", default=False, first_step="subsetoverlaps", field="esd",
             meaning="Estimate the residual misregistration from burst overlaps; needs two common bursts."),
    Property(name="ESD azimuth looks", kind="int", default=5, low=1, high=200, first_step="prepesd",
             only_with=_ESD, meaning="Azimuth looks of the interferograms of the burst overlaps."),
    Property(name="ESD range looks", kind="int", default=15, low=1, high=200, first_step="prepesd",
             only_with=_ESD, meaning="Range looks of the interferograms of the burst overlaps."),
    Property(name="ESD coherence threshold", kind="float", default=0.7, low=0, high=1, first_step="esd",
             field="esd_coherence_threshold", only_with=_ESD,
             meaning="Coherence from which on a cell of an overlap counts; ISCE2's 0.85 fails in vegetation."),
    Property(name="extra ESD cycles", kind="float", default=0.0, low=-10, high=10, first_step="esd",
             only_with=_ESD, meaning="Whole cycles to add to the phase of the overlaps."),
    Property(name="offset SNR threshold", kind="float", default=8.0, low=0, first_step="rangecoreg",
             only_with=_ESD, meaning="Signal-to-noise ratio from which on an offset in range counts."),
    Property(name=_ION, kind="bool", default=False, first_step="ion",
             meaning="Estimate the ionosphere with the split-spectrum method."),
    Property(name="apply ionosphere correction", kind="bool", default=False, first_step="mergebursts",
             only_with=_ION, meaning="Subtract the estimated ionosphere from the interferogram."),
    Property(name="consider burst properties in ionosphere computation", kind="bool", default=False,
             first_step="ion", only_with=_ION, meaning="Estimate the ionosphere burst by burst."),
    Property(name="start ionosphere step", kind="text", default="subband", choices=_ION_STEPS, first_step="ion",
             only_with=_ION, meaning="First part of the step ion to do."),
    Property(name="end ionosphere step", kind="text", default="esd", choices=_ION_STEPS, first_step="ion",
             only_with=_ION, meaning="Last part of the step ion to do."),
    Property(name="height of ionosphere layer in km", kind="float", default=200.0, low=50, high=2000, unit="km",
             first_step="ion", only_with=_ION, meaning="Height of the thin layer that stands for the ionosphere."),
    Property(name="apply polynomial fit before filtering ionosphere phase", kind="bool", default=True,
             first_step="ion", only_with=_ION, meaning="Filter what is left of the ionosphere after a polynomial."),
    Property(name="maximum window size for filtering ionosphere phase", kind="int", default=200, low=3, high=2001,
             first_step="ion", only_with=_ION, meaning="Filter window of the ionosphere where coherence is low."),
    Property(name="minimum window size for filtering ionosphere phase", kind="int", default=100, low=3, high=2001,
             first_step="ion", only_with=_ION, meaning="Filter window of the ionosphere where coherence is high."),
    Property(name="maximum window size for filtering ionosphere azimuth shift", kind="int", default=150, low=3,
             high=2001, first_step="ion", only_with=_ION,
             meaning="Filter window of the azimuth shift where coherence is low."),
    Property(name="minimum window size for filtering ionosphere azimuth shift", kind="int", default=75, low=3,
             high=2001, first_step="ion", only_with=_ION,
             meaning="Filter window of the azimuth shift where coherence is high."),
    Property(name="correct phase error caused by ionosphere azimuth shift", kind="int", default=1, low=0, high=2,
             first_step="ion", only_with=_ION, meaning="0: no; 1: one value for each burst; 2: the whole burst."),
    Property(name="total number of azimuth looks in the ionosphere processing", kind="int", default=50, low=1,
             high=1000, first_step="ion", only_with=_ION, meaning="Azimuth looks of the ionosphere."),
    Property(name="total number of range looks in the ionosphere processing", kind="int", default=200, low=1,
             high=1000, first_step="ion", only_with=_ION, meaning="Range looks of the ionosphere."),
    Property(name="number of azimuth looks at first stage for ionosphere phase unwrapping", kind="int", default=10,
             low=1, high=1000, first_step="ion", only_with=_ION,
             meaning="Azimuth looks of the subband interferograms; divides their total number."),
    Property(name="number of range looks at first stage for ionosphere phase unwrapping", kind="int", default=40,
             low=1, high=1000, first_step="ion", only_with=_ION,
             meaning="Range looks of the subband interferograms; divides their total number."),
    Property(name="range looks", kind="int", default=19, low=1, high=200, first_step="mergebursts",
             field="range_looks", meaning="Samples that are averaged in range."),
    Property(name="azimuth looks", kind="int", default=7, low=1, high=200, first_step="mergebursts",
             field="azimuth_looks", meaning="Lines that are averaged in azimuth."),
    Property(name="filter strength", kind="float", default=0.5, low=0, high=1, first_step="filter",
             field="filter_strength", meaning="Strength (alpha) of the Goldstein phase filter."),
    Property(name="do unwrap", kind="bool", default=True, first_step="unwrap", field="unwrap",
             meaning="Unwrap the filtered interferogram."),
    Property(name="unwrapper name", kind="text", default="snaphu_mcf", first_step="unwrap", field="unwrapper",
             choices=("snaphu_mcf", "snaphu", "downsample_snaphu", "icu"), only_with="do unwrap",
             meaning="Unwrapper; snaphu_mcf has smooth costs and the minimum-cost-flow start."),
    Property(name="geocode list", kind="texts", first_step="geocode", field="geocode",
             meaning="Files for the step geocode, after the steps of a run; an empty list: none."),
)
# fmt: on

_BY_NAME = {entry.name.lower(): entry for entry in PROPERTIES}


def find_property(name: str) -> Property | None:
    """Entry of the table for a name; ISCE2 does not heed case and repeated blanks."""
    return _BY_NAME.get(" ".join(name.split()).lower())


def default(name: str) -> Any:
    """Default of a property of the table."""
    return _BY_NAME[name.lower()].default


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


def _expression(item: Scalar) -> str:
    return repr(str(item)) if isinstance(item, (str, Path)) else isce_text(item)
