"""What a run will do and need whose scenes are still in the archive: the part of ``dinsar plan`` for that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.disk import free_disk, human_bytes
from dinsar_cli.cli.tables import cost_table, what_is_here
from dinsar_cli.errors import ExitCode

if TYPE_CHECKING:
    from dinsar_cli.catalog.scene_choice import ScenePlan
    from dinsar_cli.config.model import RunConfig
    from dinsar_cli.plan.catalog_plan import Outlook


def show_outlook(
    config: RunConfig, chosen: ScenePlan, workdir: Path, cache: Path, *, as_json: bool, quiet: bool
) -> int:
    """Show the chosen pair and what its run will need, and give the exit code."""
    from dinsar_cli.plan.catalog_plan import look_ahead

    outlook = look_ahead(config, chosen, cache)
    record = _record(outlook, chosen, workdir, cache)
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        lines = (*choice_lines(chosen, cache), *_facts(outlook, record), "", *cost_table(record))
        for line in lines if not quiet else ():
            click.echo(line)
        for text in record["warnings"]:
            click.secho(f"Warning: {text}", fg="yellow", err=True)
        for text in record["lacking"]:
            click.secho(f"It cannot run here. {text}", fg="red", err=True)
    return ExitCode.OK if record["fits"] else ExitCode.RESOURCES


def choice_lines(chosen: ScenePlan, cache: Path) -> Iterator[str]:
    """Yield the lines on the chosen pair: which, why, and what of it is still to be fetched."""
    from dinsar_cli.catalog.scene_choice import told_bytes

    yield f"Chosen: {chosen.name}"
    rows = {"why": chosen.record["reason"], "pair": chosen.baselines, "bursts": chosen.record["bursts"]}
    if chosen.remembered:
        rows["from"] = f"the cache; the catalogue was asked on {chosen.searched:%Y-%m-%d}"
    for name, text in rows.items():
        yield f"  {name:<13} {text}"
    for title, scenes in (("reference", chosen.reference), ("secondary", chosen.secondary)):
        for scene in scenes:
            yield f"  {title:<13} {scene.name}  {human_bytes(scene.bytes)}"
    if chosen.why_way:
        yield f"  {'to fetch':<13} {chosen.way}: {chosen.why_way}"
    title, _, text = told_bytes(chosen, cache, free_disk(cache)).partition(": ")
    yield f"  {title:<13} {text}"


def _record(outlook: Outlook, chosen: ScenePlan, workdir: Path, cache: Path) -> dict[str, Any]:
    """Return everything that is told, for JSON."""
    here = what_is_here(outlook.threads, outlook.memory, workdir, cache)
    missing, lacking = chosen.missing(cache), list(_lacking(outlook, chosen.missing(cache), workdir, cache))
    return {
        "pair": chosen.name,
        "choice": chosen.record,
        "scenes": {
            "count": len(chosen.scenes),
            "bytes": sum(scene.bytes for scene in chosen.scenes),
            "way": chosen.way,
            "why": chosen.why_way,
            "there": chosen.bytes - missing,
            "to_fetch": missing,
        },
        "bursts": {"count": len(outlook.bursts.megasamples), "from": outlook.bursts.source} | outlook.bursts.swaths,
        "engine": outlook.engine,
        "looks": str(outlook.looks),
        "cell_m": [round(size, 1) for size in outlook.cell],
        "grid": outlook.grid.to_dict(),
        "dem": outlook.dem.summary,
        "predicted": outlook.prediction.to_dict(),
        "here": here,
        "fits": not lacking,
        "lacking": lacking,
        "warnings": [*chosen.warnings, *outlook.dem.warnings],
    }


def _lacking(outlook: Outlook, missing: int, workdir: Path, cache: Path) -> Iterator[str]:
    """Tell what there is too little of."""
    needed, room = outlook.prediction.memory, outlook.memory
    if needed > room:
        yield f"It needs about {human_bytes(needed)} of memory; {human_bytes(room)} may be used."
    disk, free = outlook.prediction.disk, free_disk(workdir)
    if disk > free:
        yield f"It needs about {human_bytes(disk)} in {workdir.absolute()}, where {human_bytes(free)} are free."
    if missing > free_disk(cache):
        yield f"The scenes need {human_bytes(missing)} in {cache}, where {human_bytes(free_disk(cache))} are free."


def _facts(outlook: Outlook, record: dict[str, Any]) -> Iterator[str]:
    grid, bursts = outlook.grid, record["bursts"]
    unit = "degrees" if grid.is_geographic else "m"
    swaths = ", ".join(f"{number} of {name}" for name, number in outlook.bursts.swaths.items())
    rows = {
        "engine": outlook.engine,
        "in use": f"{bursts['count']} bursts by {bursts['from']}{f': {swaths}' if swaths else ''}",
        "looks": f"{outlook.looks}, cells of about {outlook.cell[0]:.0f} m x {outlook.cell[1]:.0f} m on the ground",
        "map": f"about {grid.width} x {grid.height} cells of {grid.posting:.6g} {unit}, {grid.crs}",
        "DEM": outlook.dem.summary,
    }
    for name, text in rows.items():
        yield f"  {name:<13} {text}"
