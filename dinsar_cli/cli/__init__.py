"""The command line. Commands are imported when they are used, so that ``dinsar --help`` is quick."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence

import click

from dinsar_cli import __version__
from dinsar_cli.errors import DinsarError, ExitCode

COMMANDS = {
    "run": "Make a displacement map from two dates.",
    "init": "Write a configuration file to edit.",
    "status": "Show what is done in a folder.",
    "clean": "Remove what can be made again.",
    "doctor": "Check what this machine can do.",
}


class _LazyGroup(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"dinsar_cli.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dinsar")
def cli() -> None:
    """Sentinel-1 displacement maps: an area and two dates in, line-of-sight displacement in metres out."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave it with the exit code of its outcome."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_exit_code(arguments, debug="--debug" in arguments))


def _exit_code(arguments: list[str], *, debug: bool) -> int:
    try:
        outcome = cli.main(arguments, prog_name="dinsar", standalone_mode=False)
    except click.ClickException as error:
        return _say(_from_click(error), debug=debug)
    except DinsarError as error:
        return _say(error, debug=debug)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What is done is kept; the same command goes on from there.", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.OK
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _from_click(error: click.ClickException) -> DinsarError:
    from dinsar_cli.errors import UsageError

    context = getattr(error, "ctx", None)
    path = context.command_path if context else "dinsar"
    usage = context.get_usage().removeprefix("Usage: ") if context else "dinsar COMMAND [OPTIONS]"
    return UsageError(error.format_message(), f"Usage: {usage}", f"See: {path} --help")


def _say(error: DinsarError, *, debug: bool) -> int:
    """Print an error in three lines, and where the log is."""
    if debug:
        traceback.print_exception(error)
    red = {"fg": "red", "bold": True}
    click.echo(click.style("Error: ", **red) + error.problem, err=True)  # type: ignore[arg-type]
    click.echo(f"  Why: {error.cause}", err=True)
    click.echo(f"  Do:  {error.remedy}", err=True)
    log = log_file()
    if log is not None:
        click.echo(f"  Log: {log}", err=True)
    return error.exit_code


def log_file() -> str | None:
    """Path of the log that this process writes, if any."""
    import logging

    for handler in logging.getLogger("dinsar_cli").handlers:
        if isinstance(handler, logging.FileHandler):
            return handler.baseFilename
    return None
