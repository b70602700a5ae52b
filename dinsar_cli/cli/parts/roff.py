"""Manual pages in the language of man, from the help of the commands."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click

from dinsar_cli import __version__
from dinsar_cli.errors import ExitCode

MEANINGS: Final = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "unexpected",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.NO_DATA: "the data cannot give a map",
    ExitCode.CREDENTIALS: "credentials",
    ExitCode.NETWORK: "network",
    ExitCode.ENGINE: "engine",
    ExitCode.RESOURCES: "disk or memory",
    ExitCode.OUT_OF_BOUND: "outside a stated bound",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Exit codes in words."""

VARIABLES: Final = {
    "DINSAR_CACHE": "folder for what several runs can share",
    "DINSAR_NETWORK_TIMEOUT": "seconds without a byte after which a connection is given up",
    "EARTHDATA_TOKEN, EARTHDATA_USERNAME, EARTHDATA_PASSWORD": "the account for downloads",
    "NETRC": "the file in which it is kept",
    "HTTPS_PROXY, REQUESTS_CA_BUNDLE": "proxy, and certificates of your own network",
    "ISCE_HOME": "where ISCE2 is",
    "NO_COLOR": "when it is set, nothing is coloured",
}
"""Variables of the environment that the program heeds."""

_WIDTH: Final = 72
_KEPT: Final = "\b"
"""Of click: what follows keeps its lines."""


def manual_pages(root: click.Context) -> dict[str, str]:
    """Return the pages of a program and of each of its commands, by the names of their files."""
    commands = _commands(root)
    pages = {"dinsar.1": _page(root, [f"dinsar-{name}" for name in commands])}
    for name, command in commands.items():
        pages[f"dinsar-{name}.1"] = _page(click.Context(command, info_name=name, parent=root), ["dinsar"])
    return pages


def _commands(context: click.Context) -> dict[str, click.Command]:
    """Return the commands of a program; none of a command."""
    group = context.command
    names = group.list_commands(context) if isinstance(group, click.Group) else []
    found = ((name, group.get_command(context, name)) for name in names if isinstance(group, click.Group))
    return {name: command for name, command in found if command is not None}


def _page(context: click.Context, others: list[str]) -> str:
    command, title = context.command, context.command_path.replace(" ", "-")
    day = datetime.now(UTC).date()
    short = command.get_short_help_str(limit=200).rstrip(".")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{_plain(title.upper())}" "1" "{day}" "dinsar {_plain(__version__)}" "Sentinel-1 displacement maps"',
        ".SH NAME",
        f"{_plain(title)} \\- {_plain(short)}",
        ".SH SYNOPSIS",
        f".B {_plain(context.command_path)}",
        _plain(usage),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    if commands := _commands(context):
        shorts = ((name, one.get_short_help_str(limit=200)) for name, one in commands.items())
        lines += [".SH COMMANDS", *_list(shorts)]
    lines += [".SH OPTIONS", *_options(context)]
    if command.epilog:
        lines += [".SH EXAMPLES", *_paragraphs(re.sub(r"\bExamples?:\n", "", command.epilog))]
    lines += [".SH EXIT STATUS", *_list((str(int(code)), text) for code, text in MEANINGS.items())]
    lines += [".SH ENVIRONMENT", *_list(iter(VARIABLES.items()))]
    see = [f".BR {_plain(one)} (1)" for one in others]
    return "\n".join([*lines, ".SH SEE ALSO", *(f"{one} ," for one in see[:-1]), see[-1], ""])


def _options(context: click.Context) -> Iterator[str]:
    options = (one for one in context.command.get_params(context) if isinstance(one, click.Option))
    records = (one.get_help_record(context) for one in options)
    return _list(record for record in records if record is not None)


def _list(items: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, text in items:
        yield from (".TP", f".B {_plain(name)}", *_lines(" ".join(text.split())))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a text as click writes help: paragraphs, of which some keep their lines."""
    for number, part in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if number:
            yield ".PP"
        if part.lstrip().startswith(_KEPT):
            kept = [line for line in part.replace(_KEPT, "").split("\n") if line.strip()]
            yield from (".nf", *(_plain(line) for line in kept), ".fi")
        else:
            yield from _lines(" ".join(part.split()))


def _lines(text: str) -> list[str]:
    """Return each sentence in lines of its own, as is usual in this language."""
    sentences = re.split(r"(?<=[a-z)\]]\.) +(?=[A-Z])", text)
    return [_plain(line) for one in sentences for line in textwrap.wrap(one, _WIDTH, break_on_hyphens=False)]


def _plain(text: str) -> str:
    """Write text so that nothing in it is a command."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").rstrip()
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown
