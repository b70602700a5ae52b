"""topsApp.xml and its parts, from the settings of a run; and where topsApp starts again when one changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from jinja2 import Environment, FunctionLoader, StrictUndefined

from dinsar_cli.base.templates import template_text
from dinsar_cli.config.model import Looks
from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.topsapp.settings.file_names import SCENES
from dinsar_cli.engines.topsapp.settings.options import check_extra
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA, settings_text
from dinsar_cli.engines.topsapp.settings.properties import (
    OFFSET_FIELDS,
    PROPERTIES,
    Property,
    Value,
    check_value,
    default,
    find_property,
    isce_text,
)
from dinsar_cli.engines.topsapp.settings.steps import EVERY
from dinsar_cli.errors import UsageError

TOPSAPP = "topsinsar"

_UNKNOWN = "A property that is passed on as it is."
# A property that the table lacks may change anything.
_FIRST = "preprocess"

Record = Mapping[str, str]
"""The properties of a run, ``component/name`` to text: what is kept to find out later what has changed."""


@dataclass(frozen=True)
class TopsSettings:
    """What topsApp is asked for.

    Attributes
    ----------
    reference_safe, secondary_safe : tuple of str
        SAFE folders or zips of the two acquisitions, each in order of time.
    reference_orbit, secondary_orbit : str
        Their orbit files.
    swaths : tuple of int
        Numbers of the subswaths.
    polarization : str
        ``vv``, ``hh``, ``vh`` or ``hv``.
    dem : Path
        Samples of the DEM that ``write_isce_dem`` wrote, absolute.
    region_of_interest : (float, float, float, float), optional
        West, south, east, north (degrees); None takes all bursts.
    looks : Looks
        In range and azimuth.
    filter_strength : float
        Alpha of the Goldstein filter, 0 to 1.
    options : TopsappConfig
        Properties under their own names. Virtual files are not used when the path of a scene has ``&`` or ``<``,
        because ISCE2 writes it unescaped into them; ``use_gpu`` is decided by `gpu`.
    offsets : OffsetsConfig, optional
        How dense offsets are measured; None: they are not.
    gpu : bool
        Whether the GPU is used; ISCE2 must have been built for it.
    unwrap : bool
        Whether the phase is unwrapped.
    reference_output, secondary_output : str
        Folders of the bursts, in the working folder.
    geocode : tuple of str, optional
        Files for topsApp's own step geocode, which a run does not take; None for ISCE2's list.
    """

    reference_safe: tuple[str, ...]
    secondary_safe: tuple[str, ...]
    reference_orbit: str
    secondary_orbit: str
    swaths: tuple[int, ...]
    polarization: str
    dem: Path
    region_of_interest: tuple[float, float, float, float] | None = None
    looks: Looks = field(default_factory=lambda: Looks(default("range looks"), default("azimuth looks")))
    filter_strength: float = default("filter strength")
    options: TopsappConfig = field(default_factory=TopsappConfig)
    offsets: OffsetsConfig | None = None
    gpu: bool = False
    unwrap: bool = default("do unwrap")
    reference_output: str = "reference"
    secondary_output: str = "secondary"
    geocode: tuple[str, ...] | None = None


class _Entry(TypedDict):
    """What the template shows of a property, and whether it does."""

    name: str
    text: str
    meaning: str
    written: bool


def render(settings: TopsSettings) -> dict[str, str]:
    """Write the input files of topsApp, for its working folder.

    Returns
    -------
    dict of str
        Text by file name, in UTF-8: ``topsApp.xml``, ``reference.xml``, ``secondary.xml``, and `PHASE_SIGMA`, which
        is the same for all settings.

    Raises
    ------
    UsageError
        If a value is of another kind or outside its range, if a property of `options.extra` is set elsewhere, or if
        ISCE2 cannot read a path.
    """
    _check_paths(settings)
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(template_text),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    entries = {name: [entry for entry in found if entry["written"]] for name, found in _entries(settings).items()}
    files = {
        "topsApp.xml": environment.get_template("topsApp.xml.j2").render(properties=entries[TOPSAPP], scenes=SCENES)
    }
    scene = environment.get_template("scene.xml.j2")
    files |= {f"{name}.xml": scene.render(scene=name, properties=entries[name]) for name in SCENES}
    return files | {PHASE_SIGMA: settings_text()}


def record(settings: TopsSettings, *, unwritten_only: bool = False) -> dict[str, str]:
    """Return the properties of a run as plain text, to be kept as JSON and given to `first_step_affected` later.

    Parameters
    ----------
    settings : TopsSettings
        What topsApp is asked for.
    unwritten_only : bool
        Whether to leave out what stands in its input files.
    """
    return {
        f"{component}/{entry['name']}": entry["text"]
        for component, entries in _entries(settings).items()
        for entry in entries
        if not (unwritten_only and entry["written"])
    }


def first_step_affected(old: TopsSettings | Record, new: TopsSettings | Record) -> str | None:
    """Return the first step of topsApp that a change of the settings affects; None when it affects none of a run.

    Files that keep their path are not looked at: whether a scene, an orbit or the DEM is still the same file is for
    the caller to know.

    Parameters
    ----------
    old, new : TopsSettings or mapping
        Settings, or what `record` made of them.
    """
    before, after = (record(item) if isinstance(item, TopsSettings) else item for item in (old, new))
    steps = {_step(key, before, after) for key in before.keys() | after.keys()}
    return next((step for step in EVERY if step in steps), None)


def _step(key: str, before: Record, after: Record) -> str | None:
    """Return the first step that a property affects by its change, if it changed."""
    component, _, name = key.partition("/")
    entry = find_property(name)
    unsaid = "" if entry is None or entry.default is None else isce_text(entry.default)
    if before.get(key, unsaid) == after.get(key, unsaid):
        return None
    if entry is None:
        return _FIRST
    if entry.only_with:
        switch = f"{component}/{entry.only_with}"
        off = isce_text(default(entry.only_with))
        if "True" not in (before.get(switch, off), after.get(switch, off)):
            return None
    return entry.first_step


def _entries(settings: TopsSettings) -> dict[str, list[_Entry]]:
    """Return all properties that are written, by component, in the order of the table."""
    options = settings.options
    values: dict[str, Any] = {name: getattr(options, name) for name in TopsappConfig.model_fields} | {
        "sensor": default("sensor name"),
        "swaths": settings.swaths,
        "region_of_interest": _south_north_west_east(settings.region_of_interest),
        "use_virtual_files": options.use_virtual_files and not _breaks_vrt(settings),
        "dem": settings.dem,
        "use_gpu": settings.gpu,
        "range_looks": settings.looks.range,
        "azimuth_looks": settings.looks.azimuth,
        "filter_strength": settings.filter_strength,
        "unwrap": settings.unwrap,
        "geocode": settings.geocode,
        **_offsets(settings.offsets),
    }
    common = {**values, "polarization": settings.polarization}
    reference = {
        "safe": settings.reference_safe,
        "orbit": settings.reference_orbit,
        "output": settings.reference_output,
    }
    secondary = {
        "safe": settings.secondary_safe,
        "orbit": settings.secondary_orbit,
        "output": settings.secondary_output,
    }
    return {
        TOPSAPP: [*_from_table(values, scene=False), *_extra(options.extra)],
        SCENES[0]: _from_table(common | reference, scene=True),
        SCENES[1]: _from_table(common | secondary, scene=True),
    }


def _offsets(offsets: OffsetsConfig | None) -> dict[str, Any]:
    """Return the values of the properties of dense offsets; without them none is written."""
    if offsets is None:
        return {name: False if name == "dense_offsets" else None for name in OFFSET_FIELDS}
    sizes = (*offsets.window, *offsets.search, *offsets.skip)
    return dict(zip(OFFSET_FIELDS, (True, *sizes, offsets.oversampling), strict=True))


def _south_north_west_east(bounds: tuple[float, float, float, float] | None) -> tuple[float, ...] | None:
    """Put bounds into ISCE2's order.

    Raises
    ------
    UsageError
        If they are not in the order west, south, east, north.
    """
    if bounds is None:
        return None
    west, south, east, north = (float(bound) for bound in bounds)
    if not (west < east and south < north):
        raise UsageError(
            f"The region {bounds} cannot be given to topsApp.",
            "It is not west, south, east, north with west < east and south < north.",
            "Give the bounds in this order.",
        )
    return south, north, west, east


def _from_table(values: Mapping[str, Any], *, scene: bool) -> list[_Entry]:
    """Write the properties of the table; the section ``topsapp`` has checked its own already."""
    entries: list[_Entry] = []
    for entry in PROPERTIES:
        if entry.scene == scene and _counts(entry, values):
            value = values[entry.field]
            if entry.field not in TopsappConfig.model_fields:
                check_value(entry, value)
            text = isce_text(value)
            entries.append({"name": entry.name, "text": text, "meaning": entry.meaning, "written": entry.written})
    return entries


def _counts(entry: Property, values: Mapping[str, Any]) -> bool:
    """Tell whether a property has to be written: not when ISCE2 takes the same without it."""
    value = values[entry.field]
    switch = find_property(entry.only_with)
    off = switch is not None and not values[switch.field]
    return value is not None and not off and (entry.always or value != entry.default)


def _extra(extra: Mapping[str, Value]) -> list[_Entry]:
    """Write the properties that are set by name; the table has none of them."""
    check_extra(extra)
    return [
        {"name": " ".join(name.split()), "text": isce_text(value), "meaning": _UNKNOWN, "written": True}
        for name, value in extra.items()
    ]


def _breaks_vrt(settings: TopsSettings) -> bool:
    """Say whether ISCE2's virtual bursts would not be well-formed XML: nothing says so before the first reading."""
    return any(set(path) & set("&<") for path in (*settings.reference_safe, *settings.secondary_safe))


def _check_paths(settings: TopsSettings) -> None:
    """Refuse paths of scenes that ISCE2 takes for something else.

    Raises
    ------
    UsageError
        It looks for the annotation in a SAFE folder with a pattern in which the path is not escaped.
    """
    for path in (*settings.reference_safe, *settings.secondary_safe):
        if not path.endswith(".zip") and set(path) & set("[*?"):
            raise UsageError(
                f"The scene {path} cannot be read by ISCE2.",
                "It takes the characters [ * ? in the path of a SAFE folder for a pattern.",
                "Rename the folder, or give the scene as a zip.",
            )
