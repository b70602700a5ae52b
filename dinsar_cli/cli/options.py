"""Options of the commands: one table of the flags that are keys of the configuration, and what commands share.

The configuration, with its model, is loaded by the commands that have such flags only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dinsar_cli.base.files import default_cache
from dinsar_cli.cli.parts.common import be_quiet
from dinsar_cli.cli.parts.completing import Completer, complete_files, complete_words
from dinsar_cli.cli.parts.given import Given, sort_given
from dinsar_cli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from dinsar_cli.config.model import RunConfig
    from dinsar_cli.geo.roi import Roi

Command = TypeVar("Command", bound=Callable[..., Any])

# key of the configuration: flag, placeholder (none: it takes no value); the help comes from the configuration
FLAGS = {
    "slc.files": ("--slc", "PRODUCT"),
    "roi": ("--roi", "ROI"),
    "start": ("--start", "DATE"),
    "end": ("--end", "DATE"),
    "event": ("--event", "TIME"),
    "reference": ("--reference", "DATE|PRODUCT"),
    "secondary": ("--secondary", "DATE|PRODUCT"),
    "track": ("--track", "N"),
    "direction": ("--direction", "WAY"),
    "slc.download": ("--slc-download", "WAY"),
    "orbits.dir": ("--orbits", "FOLDER"),
    "dem.file": ("--dem", "FILE"),
    "dem.source": ("--dem-source", "NAME"),
    "dem.datum": ("--dem-datum", "DATUM"),
    "polarization": ("--polarization", "POL"),
    "engine": ("--engine", "NAME"),
    "looks": ("--looks", "RGxAZ"),
    "resolution": ("--resolution", "METRES"),
    "filter.strength": ("--filter-strength", "0..1"),
    "grid.crs": ("--crs", "CRS"),
    "grid.posting": ("--posting", "SIZE"),
    "grid.origin": ("--grid-origin", "X,Y"),
    "grid.like": ("--grid-like", "MAP"),
    "reference_point": ("--reference-point", "POINT"),
    "reference_gnss.files": ("--reference-gnss", "FILE,FILE|FOLDER"),
    "reference_gnss.model": ("--reference-gnss-model", "MODEL"),
    "mask": ("--mask", "none"),
    "mask.coherence": ("--mask-coherence", "0..1"),
    "mask.water": ("--mask-water", "FILE"),
    "unwrap.cut": ("--unwrap-cut", "LINES"),
    "ramp": ("--ramp", "KIND"),
    "checks.reversed": ("--check-reversed", "WAY"),
    "corrections.tides": ("--tides", ""),
    "corrections.troposphere": ("--troposphere", "height|FILE,FILE|FOLDER"),
    "corrections.ionosphere": ("--ionosphere", ""),
    "corrections.motion": ("--motion", "EAST,NORTH"),
    "offsets.enabled": ("--dense-offsets", ""),
    "compute.threads": ("--threads", "N"),
    "compute.memory": ("--memory", "SIZE"),
    "output.styles": ("--styles", "qgis|none"),
    "output.intermediates": ("--intermediates", "WHICH"),
}
STACK_FLAGS = {
    "stack.network": ("--network", "RULE"),
    "stack.reports": ("--reports", "WHICH"),
    "stack.resampled": ("--resampled", "WHICH"),
}
"""Those of ``dinsar stack`` alone."""
OF_MANY_DATES = {
    "slc.files": "Sentinel-1 IW SLC products of all dates: SAFE folders, zips, or folders of these, in any order; "
    "not set: they come from the archive, by roi, start and end.",
    "roi": "Region of interest; not set: the common footprint of all dates.",
    "start": "First day (UTC) to look for scenes of.",
    "end": "Last day (UTC) to look for scenes of.",
    "orbits.dir": "Folder with the orbit files (.EOF) of all dates; not set: they come from the public archive.",
    "polarization": "Polarization to use; auto is the one that most dates have.",
}
"""What keys mean to commands that take many dates, where that is not what they mean to those of a pair."""
_SEVERAL = frozenset({"slc.files"})  # the flag may be given several times
_FILES = frozenset({"roi", "reference", "secondary"})  # whose value may be a file, though it need not be
_ALL_FLAGS = FLAGS | STACK_FLAGS
_BETWEEN_COMMAS = frozenset(
    {"corrections.troposphere", "corrections.motion", "reference_gnss.files"}
)  # one value, or several with commas between


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator for several options, in the order in which the help shows them."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def config_options(
    *keys: str, placeholders: Mapping[str, str] | None = None, meanings: Mapping[str, str] | None = None
) -> Callable[[Command], Command]:
    """Return the flags of keys of the configuration; :func:`overrides_of` turns what they get into its values."""
    shown, told = placeholders or {}, meanings or {}
    return together(*(_config_option(key, shown.get(key, _ALL_FLAGS[key][1]), told.get(key)) for key in keys))


def _config_option(key: str, placeholder: str, meaning: str | None) -> Callable[[Command], Command]:
    from dinsar_cli.config.keys import help_text

    flag, _ = _ALL_FLAGS[key]
    name, told = key.replace(".", "__"), help_text(key, meaning)
    if not placeholder:
        return click.option(flag, name, is_flag=True, default=None, help=told)
    several, complete = key in _SEVERAL, _completer(key)
    return click.option(flag, name, multiple=several, metavar=placeholder, help=told, shell_complete=complete)


def _completer(key: str) -> Completer | None:
    """Return what completes the value of a key: files where it may be one, or its words; None for neither."""
    from dinsar_cli.config.keys import takes_path, words_of

    if key in _FILES or takes_path(key):
        return complete_files
    words = words_of(key)
    return complete_words(words) if words else None


def overrides_of(flags: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the configuration by their keys, from what the flags of a command got."""
    values = {name.replace("__", "."): value for name, value in flags.items()}
    return {key: _split(value) if key in _BETWEEN_COMMAS else value for key, value in values.items()}


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) and "," in value else value


def gather_config(given: Given, flags: Mapping[str, object]) -> RunConfig:
    """Make the configuration from the file and the products that were given, and the flags, which win.

    Raises
    ------
    UsageError
        When the file cannot be read, or a value is wrong.
    """
    from dinsar_cli.config.file import build_config, load_config

    overrides = overrides_of(flags)
    if given.products:
        named = overrides.get("slc.files")
        overrides["slc.files"] = [*(named if isinstance(named, tuple) else ()), *given.products]
    return build_config(load_config(given.config) if given.config else None, overrides)


def config_argument(*, products: bool) -> Callable[[Command], Command]:
    """Return the configuration file and, where a command takes them, the products, of which any may be given."""

    def sort(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> Given:
        return sort_given(texts, products=products)

    metavar = "[CONFIG.yaml] [PRODUCT]..." if products else "[CONFIG.yaml]"
    return click.argument(
        "given", nargs=-1, required=False, metavar=metavar, callback=sort, shell_complete=complete_files
    )


def folder_argument(*, several: bool) -> Callable[[Command], Command]:
    """Return the folder of a run, or several: given to the command as ``folders``; the current one without any.

    They are there: one that is not is refused with the one that may be meant.
    """

    def check(_context: click.Context, _parameter: click.Parameter, given: object) -> tuple[Path, ...]:
        paths = given if isinstance(given, tuple) else () if given is None else (given,)
        for path in paths:
            _check_there(path)
        return paths or (Path(),)

    kind, metavar = click.Path(path_type=Path), "[FOLDER]..." if several else "[FOLDER]"
    return click.argument(
        "folders", nargs=-1 if several else 1, required=False, metavar=metavar, type=kind, callback=check
    )


def _check_there(folder: Path) -> None:
    """Refuse a folder that is not there, or is a file."""
    if folder.is_dir():
        return
    if folder.exists():
        raise UsageError(f"{folder} is a file.", "The folder of a run is needed.", "Give the folder that it is in.")
    beside = folder.parent
    others = [path.name for path in beside.iterdir() if path.is_dir()] if beside.is_dir() else []
    raise UsageError(
        f"There is no folder {folder}.",
        f"{beside.resolve()} has {len(others)} folders, and none of that name.",
        f"{did_you_mean(folder.name, others)}Give the folder of a run.",
    )


def old_workdir_option(command: Command) -> Command:
    """Add ``--workdir`` to a command that takes FOLDER, which is the same; see `given_folders`."""
    return click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False),
        hidden=True,
        help="Another way to give FOLDER.",
    )(command)


def given_folders(folders: tuple[Path, ...], workdir: Path | None) -> tuple[Path, ...]:
    """Return the folders that were given, by whichever of two ways."""
    return folders if workdir is None else (workdir,) if folders == (Path(),) else (workdir, *folders)


def workdir_option(command: Command) -> Command:
    """Add ``--workdir``."""
    return click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        show_default="the current folder",
        help="Folder in which each pair gets its folder.",
    )(command)


def cache_option(command: Command) -> Command:
    """Add ``--cache``."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="DINSAR_CACHE",
        show_envvar=True,
        default=default_cache,
        show_default="the user's cache folder",
        help="Folder for what several runs can share.",
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def verbose_option(command: Command) -> Command:
    """Add ``--verbose``."""
    return click.option("-v", "--verbose", count=True, help="Show more; twice shows everything.")(command)


def telling_options(command: Command) -> Command:
    """Add ``--quiet``, of which `dinsar_cli.cli.parts.common` knows, and ``--debug``.

    `dinsar_cli.cli.main` looks for the latter, because it also matters when parsing fails.
    """

    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            be_quiet(context)

    told = "Tell errors only, and what is asked for: a table, or JSON."
    quiet = click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=note, help=told)
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
    return together(quiet, debug)(command)


def platform_option(command: Command) -> Command:
    """Add ``--platform``."""
    return click.option(
        "--platform",
        "platforms",
        multiple=True,
        callback=_platforms,
        metavar="NAME",
        help="Satellite: S1A, S1B, S1C or S1D; several times for several.  [default: all]",
    )(command)


def _platforms(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names as the tool writes them, each once."""
    found = []
    for value in values:
        match = re.fullmatch(r"(?:S1|SENTINEL-?1)-?([ABCD])", value.strip().upper())
        if match is None:
            raise UsageError(
                f"--platform {value!r} is no satellite.",
                "Sentinel-1 are S1A, S1B, S1C and S1D.",
                "Give one of them.",
            )
        found.append(f"S1{match[1]}")
    return tuple(dict.fromkeys(found))


def day_given(option: str, text: str) -> date:
    """Read a date that an option was given.

    Raises
    ------
    UsageError
        When it is none.
    """
    from dinsar_cli.base.user_files import sentence
    from dinsar_cli.config.day_text import read_day

    try:
        return read_day(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is not understood as a date.", sentence(str(error)), "Write it 2023-09-04."
        ) from None


def read_date(_context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    """Read the date that an option was given, as its callback."""
    return None if value is None else day_given(parameter.opts[0], value)


def existing_xml_option(command: Command) -> Command:
    """Add ``--use-existing-xml``."""
    return click.option(
        "--use-existing-xml",
        is_flag=True,
        help="Run topsApp with the topsApp.xml that is there, as somebody edited it.",
    )(command)


def force_option(command: Command) -> Command:
    """Add ``--force``."""
    return click.option("--force", is_flag=True, help="Start even if it does not seem to fit on this machine.")(
        command
    )


def run_options(command: Command) -> Command:
    """Add the configuration file, all flags of `FLAGS`, and what every run has."""
    shared = (workdir_option, cache_option, verbose_option, telling_options)
    return together(config_argument(products=True), config_options(*FLAGS), *shared)(command)


def area_options(*more: str, meanings: Mapping[str, str] | None = None) -> Callable[[Command], Command]:
    """Return the configuration file, and flags for the keys that say what is looked for, and `more` keys."""
    keys = ("roi", "start", "end", "track", "direction", "polarization", *more)
    given = config_argument(products="slc.files" in keys)
    return together(given, config_options(*keys, meanings=meanings), platform_option, telling_options)


def frame_and_year(command: Command) -> Command:
    """Add ``--frame`` and ``--year``."""
    return together(
        click.option(
            "--frame", type=click.IntRange(min=1), metavar="N", help="Frame, as the archive numbers them."
        ),
        click.option(
            "--year",
            "years",
            type=click.IntRange(2014, 2099),
            multiple=True,
            metavar="YYYY",
            help="Year of the scenes; several times for several.",
        ),
    )(command)


def gather_area(given: Given, flags: Mapping[str, object]) -> tuple[RunConfig, Roi]:
    """Gather the configuration from the file and the flags, which win, and the area in it.

    Raises
    ------
    UsageError
        When a value is wrong, or there is no area.
    """
    from dinsar_cli.config.request import request_of

    request = request_of(gather_config(given, flags))
    if request.roi is None:
        raise UsageError(
            "--roi is missing.",
            "Scenes are searched over an area.",
            "Give --roi 'W S E N' in degrees, WKT, or a file with the outline.",
        )
    return request.config, request.roi
