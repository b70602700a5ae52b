"""How an error is told: in three lines and, where the result is asked for as JSON, in its place too."""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from typing import Final

import click

from dinsar_cli.errors import DinsarError, UsageError, did_you_mean

_NEGATIVE: Final = re.compile(r"-\.?\d")
_NOT_A_CHOICE: Final = re.compile(r"^'(?P<value>.*)' is not (?:one of )?'")
_OTHER_NAMES: Final = {
    **dict.fromkeys(("--bbox", "--aoi", "--area", "--extent", "--polygon"), "--roi"),
    **dict.fromkeys(("--multilook", "--multilooks", "--rlks", "--alks"), "--looks"),
    **dict.fromkeys(("--outdir", "--out-dir", "--output-dir", "--folder"), "--workdir"),
    **dict.fromkeys(("--master", "--date1"), "--reference"),
    **dict.fromkeys(("--slave", "--date2"), "--secondary"),
    **dict.fromkeys(("--scenes", "--safe", "--products"), "--slc"),
    **dict.fromkeys(("--orbit-dir", "--eof"), "--orbits"),
    **dict.fromkeys(("--pass", "--flight-direction"), "--direction"),
    **dict.fromkeys(("--pol", "--pols"), "--polarization"),
    **dict.fromkeys(("--relative-orbit", "--path"), "--track"),
}
"""Options as other programs of the field call them."""

OTHER_COMMANDS: Final = {
    **dict.fromkeys(("download", "get"), "fetch"),
    **dict.fromkeys(("config", "configure", "new"), "init"),
    **dict.fromkeys(("check", "info"), "doctor"),
    **dict.fromkeys(("validate", "test"), "compare"),
    **dict.fromkeys(("open", "show", "plot", "map"), "view"),
    **dict.fromkeys(("sbas", "velocity", "invert"), "timeseries"),
    **dict.fromkeys(("auth", "credentials"), "login"),
    **dict.fromkeys(("rm", "remove", "delete"), "clean"),
    **dict.fromkeys(("sample", "points"), "extract"),
    **dict.fromkeys(("convert", "save"), "export"),
}
"""Commands by words that somebody may try."""


def colour() -> bool | None:
    """Tell whether colours are wanted: never with NO_COLOR in the environment, else where a terminal is."""
    return False if os.environ.get("NO_COLOR") else None


def tell_error(error: DinsarError, *, debug: bool, as_json: bool) -> int:
    """Print an error in three lines, and where the log is; on stdout as JSON too, where that is asked for."""
    if debug:
        traceback.print_exception(error)
    logs = [log.baseFilename for log in open_logs()]
    if as_json:
        told = {
            "kind": error.exit_code.name.lower(),
            "what": " ".join(error.problem.split()),
            "why": " ".join(error.cause.split()),
            "do": " ".join(error.remedy.split()),
            "details": list(error.details),
            "exit_code": int(error.exit_code),
            "log": logs[0] if logs else None,
        }
        click.echo(json.dumps({"error": told}, indent=2))
    parts = (click.style("Error: ", fg="red", bold=True), "  Why: ", "  Do:  ")
    for part, text in zip(parts, (error.problem, error.cause, error.remedy), strict=True):
        click.echo(part + " ".join(text.splitlines()), err=True, color=colour())
    for log in logs:
        click.echo(f"  Log: {log}", err=True)
    for line in error.details:
        click.echo(f"  | {line}", err=True)
    return error.exit_code


def open_logs() -> list[logging.FileHandler]:
    """Return the log file that this process writes, if any."""
    handlers = logging.getLogger("dinsar_cli").handlers
    return [log for log in handlers if isinstance(log, logging.FileHandler) and log.stream is not None]


def no_such_command(name: str, known: list[str]) -> UsageError:
    """Return the error of a command that there is not, with the one that may be meant."""
    meant = OTHER_COMMANDS.get(name.lower())
    near = f"Did you mean {meant}? " if meant else did_you_mean(name, known)
    return UsageError(
        f"There is no command {name}.", f"The commands are {', '.join(known)}.", f"{near}See: dinsar --help"
    )


def of_click(error: click.ClickException) -> DinsarError:
    """Return what is wrong with a command line in our words, with what may be meant."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "dinsar"
    usage = context.get_usage().removeprefix("Usage: ") if context else "dinsar COMMAND [OPTIONS]"
    see = f"See: {path} --help"
    if isinstance(error, click.NoSuchOption):
        return UsageError(
            f"No such option: {error.option_name}", f"Usage: {usage}", _meant(error.option_name, context) + see
        )
    if isinstance(error, click.BadParameter) and isinstance(
        kind := getattr(error.param, "type", None), click.Choice
    ):
        match = _NOT_A_CHOICE.match(error.message)
        see = (did_you_mean(match["value"], map(str, kind.choices)) if match else "") + see
    return UsageError(error.format_message(), f"Usage: {usage}", see)


def _meant(name: str, context: click.Context | None) -> str:
    """Tell which option may be meant by an unknown one."""
    if _NEGATIVE.match(name):
        return "Numbers that belong together, and begin with a minus, are quoted: --roi 'W S E N'. "
    if context is None:
        return ""
    known = [
        text for one in context.command.params for text in (*one.opts, *one.secondary_opts) if text[:2] == "--"
    ]
    other = _OTHER_NAMES.get(name.lower(), "")
    if other in known:
        return f"Did you mean {other}? "
    if context.parent is None:
        return "Options come after the command: dinsar COMMAND [OPTIONS]. "
    return did_you_mean(name, known)


def of_unknown_option(name: str, context: click.Context) -> DinsarError:
    """Return the error of an option that a command does not have, which it has found itself."""
    return of_click(click.NoSuchOption(name, ctx=context))
