"""The commands as Markdown, from what they tell with ``--help``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import click
from program_tables import code, plain, table

from dinsar_cli.cli import cli

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "for one pair": ("demo", "run", "plan", "fetch", "process", "init", "displacement"),
    "to find scenes": ("search", "pairs", "network"),
    "for many dates": ("stack", "timeseries", "closure", "batch"),
    "that use maps": ("view", "report", "extract", "profile", "decompose", "downslope", "compare", "export"),
    "for all else": ("simulate", "status", "clean", "login", "doctor", "completion", "man"),
}
"""Each command once, by the page on which it stands."""

_OF_ALL: Final = frozenset({"--json", "--quiet", "--debug", "--help"})
_KEPT: Final = "\b"
"""Of click: what follows keeps its lines."""


def commands(group: str) -> str:
    """Return a section for each command of a group."""
    root = click.Context(cli, info_name="dinsar")
    return "\n\n".join(_command(root, name) for name in GROUPS[group])


def _command(root: click.Context, name: str) -> str:
    command = _found(cli, root, name)
    context = click.Context(command, info_name=name, parent=root)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## {name}", f"```text\n{usage}\n```", _prose(command.help or "")]
    parts.append(_prose(command.epilog or ""))
    run = click.Context(_found(cli, root, "run"), info_name="run", parent=root)
    parts.append(_options(context, {} if name == "run" else _records(run)))
    return "\n\n".join(filter(None, parts))


def _found(group: click.Group, context: click.Context, name: str) -> click.Command:
    command = group.get_command(context, name)
    if command is None:
        raise LookupError(f"there is no command {name}")
    return command


def _records(context: click.Context) -> dict[str, str]:
    """Return what options do by how they are written, but for those that all commands have."""
    options = (one for one in context.command.get_params(context) if isinstance(one, click.Option))
    records = (one.get_help_record(context) for one in options if _OF_ALL.isdisjoint(one.opts))
    return dict(record for record in records if record is not None)


def _options(context: click.Context, of_run: Mapping[str, str]) -> str:
    """Return a table of the options; those that are as of ``dinsar run`` are named only."""
    records = _records(context)
    same = [names for names, told in records.items() if of_run.get(names) == told]
    own = [(code(names), plain(told)) for names, told in records.items() if names not in same]
    parts = [table(("option", "what it does"), own)] if own else []
    if same:
        parts.append(f"As of [run](commands_pair.md#run): {', '.join(map(code, same))}.")
    return "\n\n".join(parts)


def _prose(text: str) -> str:
    """Return the paragraphs of a help text; those whose lines click keeps as they are."""
    return "\n\n".join(map(_paragraph, re.findall(r"(?:.*\S.*\n?)+", text)))


def _paragraph(text: str) -> str:
    if _KEPT not in text:
        return plain(" ".join(text.split()))
    lines = [line.strip() for line in text.replace(_KEPT, "").split("\n") if line.strip()]
    head = lines.pop(0) if lines[0].endswith(":") else ""
    shown = "\n".join(lines)
    return f"{plain(head)}\n\n```text\n{shown}\n```"
