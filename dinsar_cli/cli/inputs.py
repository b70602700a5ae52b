"""Options and configuration that commands with the same inputs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.common import cache_option, debug_option, workdir_option
from dinsar_cli.config.file import build_config, help_text, load_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dinsar_cli.config.model import RunConfig

# flag, configuration key, placeholder (none: it takes no value); the help comes from the configuration
_FLAGS = (
    ("--roi", "roi", "ROI"),
    ("--start", "start", "DATE"),
    ("--end", "end", "DATE"),
    ("--event", "event", "TIME"),
    ("--reference", "reference", "DATE|PRODUCT"),
    ("--secondary", "secondary", "DATE|PRODUCT"),
    ("--track", "track", "N"),
    ("--direction", "direction", "WAY"),
    ("--slc-download", "slc.download", "WAY"),
    ("--orbits", "orbits.dir", "FOLDER"),
    ("--dem", "dem.file", "FILE"),
    ("--dem-source", "dem.source", "NAME"),
    ("--dem-datum", "dem.datum", "DATUM"),
    ("--polarization", "polarization", "POL"),
    ("--engine", "engine", "NAME"),
    ("--looks", "looks", "RGxAZ"),
    ("--resolution", "resolution", "METRES"),
    ("--filter-strength", "filter.strength", "0..1"),
    ("--crs", "grid.crs", "CRS"),
    ("--posting", "grid.posting", "SIZE"),
    ("--reference-point", "reference_point", "POINT"),
    ("--mask-coherence", "mask.coherence", "0..1"),
    ("--ramp", "ramp", "KIND"),
    ("--check-reversed", "checks.reversed", "WAY"),
    ("--tides", "corrections.tides", ""),
    ("--troposphere", "corrections.troposphere", "height|FILE,FILE|FOLDER"),
    ("--ionosphere", "corrections.ionosphere", ""),
    ("--dense-offsets", "offsets.enabled", ""),
    ("--threads", "compute.threads", "N"),
    ("--memory", "compute.memory", "SIZE"),
    ("--intermediates", "output.intermediates", "WHICH"),
)


def _key(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for flag, key, placeholder in reversed(_FLAGS):
        command = flag_option(flag, _key(flag), key, placeholder)(command)
    return click.option("--slc", multiple=True, metavar="PRODUCT", help=help_text("slc.files"))(command)


def flag_option(
    flag: str, name: str, key: str, placeholder: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for a key of the configuration; one without placeholder is true when it is given."""
    if not placeholder:
        return click.option(flag, name, is_flag=True, default=None, help=help_text(key))
    return click.option(flag, name, metavar=placeholder, help=help_text(key))


def several_files(value: object) -> object:
    """Return the files of the command line: what stands between commas."""
    return value.split(",") if isinstance(value, str) and "," in value else value


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the configuration file, a flag for each key that is typed often, and what every run has."""
    options = (
        click.argument("config_file", required=False, metavar="[CONFIG.yaml]", type=click.Path(path_type=Path)),
        _flags,
        workdir_option,
        cache_option,
        click.option("-v", "--verbose", count=True, help="Show more; twice shows everything."),
        click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only."),
        debug_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def existing_xml_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--use-existing-xml``."""
    return click.option(
        "--use-existing-xml",
        is_flag=True,
        help="Run topsApp with the topsApp.xml that is there, as somebody edited it.",
    )(command)


def force_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--force``."""
    return click.option("--force", is_flag=True, help="Start even if it does not seem to fit on this machine.")(
        command
    )


def gather_config(config_file: Path | None, slc: tuple[str, ...], flags: Mapping[str, object]) -> RunConfig:
    """Make the configuration from the file and the flags, which win.

    Raises
    ------
    UsageError
        When the file cannot be read, or a value is wrong.
    """
    overrides: dict[str, object] = {key: flags[_key(flag)] for flag, key, _ in _FLAGS}
    overrides["slc.files"] = list(slc) or None
    overrides["corrections.troposphere"] = several_files(overrides["corrections.troposphere"])
    return build_config(load_config(config_file) if config_file else None, overrides)
