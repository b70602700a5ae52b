"""``dinsar status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.journal import PRODUCTS, RUN_FILE, STAGES, Journal, runs_in
from dinsar_cli.cli.options import folder_argument, given_folders, json_option, old_workdir_option, telling_options
from dinsar_cli.errors import ExitCode, NoDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dinsar_cli.base.journal import StageRecord

_LEAST_SECONDS = 0.1  # of a step that gets a line of its own
_OF_STACK = {
    **dict.fromkeys(("slc", "orbits", "dem"), "done for the whole stack"),
    **dict.fromkeys(("products", "report"), "not done (dinsar stack --reports)"),
}
"""What is told of stages that a pair of a stack need not have."""


@click.command(short_help="Show what is done in a folder.")
@folder_argument(several=True)
@old_workdir_option
@click.option("--verify", is_flag=True, help="Compare the content of inputs and products with their SHA-256.")
@json_option
@telling_options
def status(folders: tuple[Path, ...], workdir: Path | None, verify: bool, as_json: bool) -> int:
    """Show which stages of each pair in a folder are done, and whether their files are still the same.

    FOLDER is that of a pair, or one with several pairs; by default the current one.
    """
    found = [pair for folder in given_folders(folders, workdir) for pair in pair_folders(folder)]
    records = {folder.resolve().name: describe(folder, verify=verify) for folder in found}
    if as_json:
        click.echo(json.dumps(records, indent=2))
    else:
        for name, record in records.items():
            _print(name, record)
    changed = any(stage["changed"] for record in records.values() for stage in record["stages"].values())
    return ExitCode.OUT_OF_BOUND if verify and changed else ExitCode.OK


def pair_folders(workdir: Path) -> list[Path]:
    """Return the folders of pairs in a working folder, or the working folder itself when it is one.

    Raises
    ------
    NoDataError
        When there is none.
    """
    inside = workdir.resolve()
    if inside.name == PRODUCTS and (inside.parent / RUN_FILE).is_file():
        return [inside.parent]
    folders = [workdir] if (workdir / RUN_FILE).is_file() else runs_in(workdir)
    if not folders:
        raise NoDataError(
            f"There is no run in {workdir.resolve()}.",
            f"Neither it nor a folder in it has a {RUN_FILE}.",
            "Give the folder of your runs, or start one with: dinsar run",
        )
    return folders


def describe(folder: Path, *, verify: bool) -> dict[str, Any]:
    """Tell what is done in the folder of a pair."""
    journal = Journal.open(folder / RUN_FILE)
    stages = {}
    for name in STAGES:
        stage = journal.stages.get(name)
        stages[name] = {
            "done": stage is not None,
            "seconds": round(stage.seconds, 2) if stage else None,
            "peak_memory": stage.peak_memory if stage else None,
            "disk": _disk(stage) if stage else None,
            "predicted": stage.details.get("predicted") if stage else None,
            "steps": stage.details.get("steps", {}) if stage else {},
            "changed": journal.changed(stage, verify=verify) if stage else [],
        }
    return {
        "folder": str(folder),
        "pair": journal.header.get("pair"),
        "engine": journal.header.get("engine", {}).get("name"),
        "stack": journal.header.get("stack"),
        "stages": stages,
        "warnings": journal.header.get("warnings", []),
    }


def _disk(stage: StageRecord) -> int:
    """Return the bytes that a stage took: what the engine had at most, of other stages the files that they made."""
    return int(stage.details.get("disk") or sum(file.size for file in stage.files))


def _print(name: str, record: Mapping[str, Any]) -> None:
    """Show the stages, and in brackets what was predicted of them."""
    click.echo(f"{name}  (engine {record['engine']})")
    for stage, state in record["stages"].items():
        if not state["done"]:
            text = _OF_STACK[stage] if record["stack"] and stage in _OF_STACK else "not done"
        elif state["changed"]:
            text = f"changed or missing: {', '.join(state['changed'])}"
        else:
            text = f"done  {_costs(state, state['predicted'])}"
        click.echo(f"  {stage:<13} {text}".rstrip())
        predicted = (state["predicted"] or {}).get("steps", {})
        for step, costs in state["steps"].items():
            if costs["seconds"] >= _LEAST_SECONDS:
                click.echo(f"    {step:<17} {_costs(costs, predicted.get(step))}".rstrip())
    if any(state["predicted"] for state in record["stages"].values()):
        click.echo("  time, memory, disk space; in brackets what was predicted")


def _costs(real: Mapping[str, Any], predicted: Mapping[str, Any] | None) -> str:
    def both(key: str, show: Callable[[float], str]) -> str:
        return f"{show(real[key]):>9} {f'({show(predicted[key])})' if predicted else '':<11}"

    return (
        both("seconds", lambda value: f"{value:.1f} s")
        + both("peak_memory", human_bytes)
        + both("disk", human_bytes)
    )
