"""The command line. Commands are imported when they are used, so that ``dinsar --help`` is quick."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from dinsar_cli import __version__
from dinsar_cli.base.later import load_when_used
from dinsar_cli.base.system import check_address_space, system_error
from dinsar_cli.cli.parts.telling import colour, no_such_command, of_click, open_logs, tell_error
from dinsar_cli.errors import DinsarError, ExitCode

if TYPE_CHECKING:
    from types import TracebackType

    from click.shell_completion import CompletionItem

COMMANDS = {
    "demo": "Show on simulated scenes that it works here.",
    "run": "Make a displacement map from two dates.",
    "stack": "Make the maps of many dates on one geometry.",
    "batch": "Many maps: places, events, pairs or months.",
    "search": "Find Sentinel-1 scenes over an area.",
    "pairs": "Show pairs and why one is the best.",
    "network": "Choose pairs of many dates.",
    "timeseries": "Velocity and displacement of every date from many pairs.",
    "closure": "How pairs close around triangles of dates.",
    "plan": "Show what a run would do and need.",
    "fetch": "Get the data of a run.",
    "process": "Run the engine alone, or some of its steps.",
    "init": "Write a configuration file to edit.",
    "simulate": "Write Sentinel-1 scenes with known displacement.",
    "compare": "Compare a displacement map with the truth.",
    "extract": "Values of maps at points, along lines and over areas.",
    "profile": "Displacement along a line: a table and a figure.",
    "decompose": "East, up and north from an ascending and a descending map.",
    "downslope": "Motion down the slope from a map and its heights.",
    "displacement": "Make displacement maps from a topsApp folder of your own.",
    "view": "Look at the products.",
    "report": "One page that shows whether a run worked.",
    "export": "Write the products in further formats.",
    "status": "Show what is done in a folder.",
    "clean": "Remove what can be made again.",
    "login": "Give your Earthdata account, for downloads.",
    "doctor": "Check what this machine can do.",
    "completion": "Let the shell complete commands, options and files.",
    "man": "Write manual pages for man.",
}


_COLLECT_AFTER = 50_000
"""New objects after which Python looks for lost circles: after its 700 that is a fourteenth of a short command."""

_COMPUTING = ("run", "stack", "batch", "process", "demo", "fetch")  # what loads all libraries


class _LazyGroup(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"dinsar_cli.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        # docstrings are raw, so that click's mark for lines to be kept stands in them as two letters
        command.help = command.help and command.help.replace("\\b\n", "\b\n")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise no_such_command(args[0], list(COMMANDS))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        # without the modules of all commands, as somebody is waiting
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dinsar")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Sentinel-1 displacement maps: an area and two dates in, line-of-sight displacement in metres out."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    elif ctx.invoked_subcommand in _COMPUTING:
        check_address_space()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave it with the exit code of its outcome."""
    gc.set_threshold(_COLLECT_AFTER)
    load_when_used("boto3")  # rasterio imports it, and half of its time goes for what only buckets of S3 need
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # looked for here, because they also matter when parsing fails
    tell = partial(tell_error, debug="--debug" in arguments, as_json="--json" in arguments)
    sys.excepthook = partial(report_fault, tell=tell)
    sys.unraisablehook = _note_unraisable
    code = _exit_code(arguments, tell)
    _close_logs()
    gc.freeze()  # nobody needs to look through all that is left when the process ends
    sys.exit(code)


def _note_unraisable(found: sys.UnraisableHookArgs) -> None:
    """Log what callbacks of libraries raise: GDAL's messages on damaged files are not always text."""
    logging.getLogger("dinsar_cli").debug("%s: %s", found.object, found.exc_value)


def _exit_code(arguments: list[str], tell: Callable[[DinsarError], int]) -> int:
    try:
        outcome = cli.main(arguments, prog_name="dinsar", standalone_mode=False, color=colour())
    except click.ClickException as error:
        return tell(of_click(error))
    except DinsarError as error:
        return tell(system_error(error) or error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What is done is kept; the same command goes on from there.", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.OK
    except Exception as error:
        told = system_error(error)
        if told is None:
            raise
        return tell(told)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def report_fault(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    *,
    tell: Callable[[DinsarError], int],
) -> None:
    """Tell of an exception that nobody expected; the traceback goes to the log.

    It has the signature of `sys.excepthook`; Python then ends with the exit code 1.
    """
    where = traceback.extract_tb(trace)[-1:]
    place = f" in {where[0].filename}, line {where[0].lineno}" if where else ""
    fault = DinsarError(
        f"dinsar has failed: {kind.__name__}: {error}",
        f"This is a fault of the program{place}, not of what you gave.",
        "Run the same command with --debug, and report what it prints together with that of: dinsar doctor",
    )
    if open_logs():  # without a handler, logging would print it
        logging.getLogger("dinsar_cli").critical("fault of the program", exc_info=(kind, error, trace))
    fault.__cause__ = error
    tell(fault)


def _close_logs() -> None:
    """Close the log: it stays open after a command so that an error can be told with it."""
    for log in open_logs():
        logging.getLogger("dinsar_cli").removeHandler(log)
        with suppress(OSError):  # the disk may be full
            log.close()
