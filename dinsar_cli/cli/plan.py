"""``dinsar plan``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.disk import free_disk, human_bytes
from dinsar_cli.cli.options import gather_config, json_option, run_options
from dinsar_cli.cli.parts.common import duration, is_quiet, warn
from dinsar_cli.cli.parts.screen import STAGE_TITLES
from dinsar_cli.errors import ExitCode

if TYPE_CHECKING:
    from dinsar_cli.catalog.scene_choice import Cached, ScenePlan
    from dinsar_cli.cli.parts.given import Given
    from dinsar_cli.config.model import RunConfig
    from dinsar_cli.config.request import Request
    from dinsar_cli.errors import DinsarError
    from dinsar_cli.geo.grid import Grid
    from dinsar_cli.plan.catalog_plan import Outlook
    from dinsar_cli.plan.cost_forecast import Prediction
    from dinsar_cli.plan.plan import RunPlan

_MARKS = {"used": "#", "outside": "o", "one date": "-"}
_LEAST_SECONDS = 0.05  # of a step that gets a line of its own


@click.command(short_help="Show what a run would do and need.")
@run_options
@json_option
def plan(
    given: Given,
    workdir: Path,
    cache: Path,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> int:
    r"""Show what `dinsar run` with the same options would do, and what it would need, and write nothing.

    Time, memory and disk space are learnt from earlier runs on this machine, which are noted in the cache; steps
    that never ran here cost what they cost elsewhere. The exit code is 7 when the run cannot fit.

    Of scenes that are still in the archive it tells which pair is chosen, how many bytes there are to fetch, and
    what the run will need by the catalogue of bursts.

    \b
    dinsar plan --roi '37.0 37.0 37.4 37.4' --start 2023-01-20 --end 2023-02-20
    dinsar plan --slc A.zip --slc B.zip --orbits ORBITS --dem DEM.tif --dem-datum ellipsoid
    dinsar plan dinsar.yaml --looks 7x2
    """
    del verbose
    return show_plan(gather_config(given, flags), workdir, cache, as_json=as_json)


def show_plan(config: RunConfig, workdir: Path, cache: Path, *, as_json: bool) -> int:
    """Show what a run would do, and give the exit code."""
    from dinsar_cli.base.memory import bounded_raster_cache
    from dinsar_cli.catalog.scene_choice import is_wanted, plan_scenes, with_files
    from dinsar_cli.config.request import request_of
    from dinsar_cli.managers.slc import given_products
    from dinsar_cli.maps.zero.reference import check_areas
    from dinsar_cli.plan.cost_forecast import HISTORY, predict, shortage
    from dinsar_cli.plan.early_check import check_given
    from dinsar_cli.plan.plan import plan_run

    request = request_of(given_products(config)[0])
    if is_wanted(config):
        check_given(request, cache)
    chosen = plan_scenes(request, cache) if is_wanted(config) else None
    cached = chosen.cached(cache) if chosen is not None else None
    if chosen is not None and cached is not None:
        if not cached.is_complete:
            return _show_outlook(request, chosen, cached, workdir, cache, as_json=as_json)
        request = replace(request, config=with_files(config, cached.files))
    with bounded_raster_cache():
        made = plan_run(request, cache)
        check_areas(made.config, made.grid)
        prediction = predict(made, cache / HISTORY)
        short = shortage(made, prediction, workdir / made.slc.pair.name, cache / HISTORY)
    record = _record(made, prediction, short, workdir, cache)
    if chosen is not None:
        record |= {"choice": chosen.record, "warnings": [*chosen.warnings, *record["warnings"]]}
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        if not is_quiet():
            for line in _choice_lines(chosen, cached, cache) if chosen and cached else ():
                click.echo(line)
            _print(made, record)
        for text in record["warnings"]:
            warn(text)
        if short is not None:
            click.secho(f"It cannot run here. {short.problem} {short.cause} {short.remedy}", fg="red", err=True)
    return ExitCode.OK if short is None else short.exit_code


def _record(
    made: RunPlan, prediction: Prediction, short: DinsarError | None, workdir: Path, cache: Path
) -> dict[str, Any]:
    """Return everything that the command tells, for JSON."""
    pair, geometry, relief = made.slc.pair, made.geometry, made.relief
    ambiguity = geometry.height_ambiguity
    return {
        "pair": pair.name,
        "reference": _date(made, 0),
        "secondary": _date(made, 1),
        "polarization": pair.polarization,
        "engine": {"name": made.engine.name, "versions": made.engine.version(made.config)},
        "bursts": burst_map(made),
        "coverage": round(made.slc.coverage, 4),
        "looks": str(made.looks),
        "cell_m": [round(size, 1) for size in made.cell],
        "grid": made.grid.to_dict(),
        "days": round(geometry.days, 2),
        "perpendicular_baseline_m": round(geometry.perpendicular_baseline, 2),
        "height_ambiguity_m": None if math.isinf(ambiguity) else round(ambiguity, 1),
        "incidence_deg": round(geometry.incidence, 2),
        "relief_m": [round(relief.low, 1), round(relief.high, 1)],
        "flat_share": None if relief.flat is None else round(relief.flat, 3),
        "dem": made.dem.summary,
        "predicted": prediction.to_dict(),
        "here": _what_is_here(made.threads, made.memory, workdir, cache),
        "fits": short is None,
        "notes": list(made.notes),
        "warnings": list(made.warnings),
    }


def _date(made: RunPlan, number: int) -> dict[str, Any]:
    acquisition = (made.slc.pair.reference, made.slc.pair.secondary)[number]
    return {
        "start": acquisition.start.isoformat(),
        "mission": acquisition.mission,
        "scenes": [scene.name for scene in acquisition.scenes],
        "orbit": made.orbits[number].path.name,
        "orbit_kind": made.orbits[number].kind,
    }


def burst_map(made: RunPlan) -> dict[str, list[str]]:
    """Tell what is done with each burst of either date, by subswath and in the order of time.

    ``used``; ``outside`` the area; or seen on ``one date`` only. How much later the second date is at one place is
    told by a common burst: the slices of the two dates need not start together.
    """
    pair = made.slc.pair
    used = {id(burst.reference.burst) for burst in made.slc.bursts}
    common = {id(view.burst) for burst in pair.common_bursts for view in (burst.reference, burst.secondary)}
    reference, secondary = (one.bursts(pair.polarization) for one in (pair.reference, pair.secondary))
    same = pair.common_bursts[0]
    later = same.secondary.burst.azimuth_time - same.reference.burst.azimuth_time
    found: dict[str, list[str]] = {}
    for swath in sorted({*reference, *secondary}):
        seen = [(view.burst.azimuth_time, view.burst) for view in reference.get(swath, ())]
        seen += [
            (view.burst.azimuth_time - later, view.burst)
            for view in secondary.get(swath, ())
            if id(view.burst) not in common
        ]
        found[swath] = [
            "used" if id(burst) in used else "outside" if id(burst) in common else "one date"
            for _, burst in sorted(seen, key=lambda one: one[0])
        ]
    return found


def _print(made: RunPlan, record: dict[str, Any]) -> None:
    for line in (*_facts(made, record), "", *_drawing(record["bursts"]), "", *_cost_table(record)):
        click.echo(line)


def _facts(made: RunPlan, record: dict[str, Any]) -> list[str]:
    geometry, grid = made.geometry, made.grid
    reference, secondary = record["reference"], record["secondary"]
    ambiguity = record["height_ambiguity_m"]
    unit = "degrees" if grid.is_geographic else "m"
    rows = {
        "reference": f"{reference['start'][:19]} {reference['mission']}, {reference['orbit_kind']}",
        "secondary": f"{secondary['start'][:19]} {secondary['mission']}, {secondary['orbit_kind']}",
        "engine": made.notes[0].removeprefix("engine "),
        "polarization": record["polarization"],
        "looks": f"{record['looks']}, cells of {made.cell[0]:.0f} m x {made.cell[1]:.0f} m on the ground",
        "map": f"{grid.width} x {grid.height} cells of {grid.posting:.6g} {unit}, {_system(grid)}",
        "overlap": _overlap(record),
        "baseline": f"{geometry.perpendicular_baseline:+.0f} m perpendicular, {geometry.days:.0f} days",
        "ambiguity": "none" if ambiguity is None else f"{ambiguity:.0f} m of height for a cycle of phase",
        "relief": f"{made.relief.low:.0f} to {made.relief.high:.0f} m in the DEM",
    }
    return [made.slc.pair.name, *(f"  {name:<13} {text}" for name, text in rows.items())]


def _system(grid: Grid) -> str:
    """EPSG:27700 (OSGB36 / British National Grid), which is known to 2 m."""
    known = grid.known_to
    return f"{grid.title}, which is known to {known:g} m" if known else grid.title


def _overlap(record: dict[str, Any]) -> str:
    marks = [mark for swath in record["bursts"].values() for mark in swath]
    common = len(marks) - marks.count("one date")
    return f"{common} of {len(marks)} bursts on both dates, {record['coverage']:.1%} of the area"


def _drawing(bursts: dict[str, list[str]]) -> list[str]:
    """Return the subswaths as columns, bursts as rows from the first to the last in time."""
    rows = max(len(marks) for marks in bursts.values())
    lines = [f"  bursts  {'  '.join(bursts)}"]
    for row in range(rows):
        marks = [_MARKS[marks[row]] if row < len(marks) else " " for marks in bursts.values()]
        lines.append(f"  {row + 1:>6}   {'    '.join(marks)}".rstrip())
    counts = {kind: sum(marks.count(kind) for marks in bursts.values()) for kind in _MARKS}
    names = {"used": "in use", "outside": "outside the area", "one date": "on one date only"}
    lines.append("  " + ", ".join(f"{_MARKS[kind]} {names[kind]} ({n})" for kind, n in counts.items() if n))
    return lines


# --- of scenes that are still in the archive --------------------------------------------------------------------


def _show_outlook(
    request: Request, chosen: ScenePlan, cached: Cached, workdir: Path, cache: Path, *, as_json: bool
) -> int:
    """Show the chosen pair and what its run will need, and give the exit code."""
    from dinsar_cli.plan.catalog_plan import look_ahead

    outlook = look_ahead(request, chosen, cache)
    record = _outlook_record(outlook, chosen, cached, workdir, cache)
    if as_json:
        click.echo(json.dumps(record, indent=2))
    else:
        lines = (*_choice_lines(chosen, cached, cache), *_outlook_facts(outlook, record), "", *_cost_table(record))
        for line in lines if not is_quiet() else ():
            click.echo(line)
        for text in record["warnings"]:
            warn(text)
        for text in record["lacking"]:
            click.secho(f"It cannot run here. {text}", fg="red", err=True)
    return ExitCode.OK if record["fits"] else ExitCode.RESOURCES


def _choice_lines(chosen: ScenePlan, cached: Cached, cache: Path) -> Iterator[str]:
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
    title, _, text = told_bytes(chosen, cached, cache, free_disk(cache)).partition(": ")
    yield f"  {title:<13} {text}"


def _outlook_record(
    outlook: Outlook, chosen: ScenePlan, cached: Cached, workdir: Path, cache: Path
) -> dict[str, Any]:
    """Return everything that is told, for JSON."""
    from dinsar_cli.plan.grid_cautions import grid_cautions

    here = _what_is_here(outlook.threads, outlook.memory, workdir, cache)
    missing, lacking = cached.missing, list(_lacking(outlook, cached.missing, workdir, cache))
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
        "warnings": [*chosen.warnings, *outlook.dem.warnings, *grid_cautions(outlook.grid)],
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


def _outlook_facts(outlook: Outlook, record: dict[str, Any]) -> Iterator[str]:
    grid, bursts = outlook.grid, record["bursts"]
    unit = "degrees" if grid.is_geographic else "m"
    swaths = ", ".join(f"{number} of {name}" for name, number in outlook.bursts.swaths.items())
    rows = {
        "engine": outlook.engine,
        "in use": f"{bursts['count']} bursts by {bursts['from']}{f': {swaths}' if swaths else ''}",
        "looks": f"{outlook.looks}, cells of about {outlook.cell[0]:.0f} m x {outlook.cell[1]:.0f} m on the ground",
        "map": f"about {grid.width} x {grid.height} cells of {grid.posting:.6g} {unit}, {_system(grid)}",
        "DEM": outlook.dem.summary,
    }
    for name, text in rows.items():
        yield f"  {name:<13} {text}"


# --- what a run costs -------------------------------------------------------------------------------------------


def _what_is_here(threads: int, memory: int, workdir: Path, cache: Path) -> dict[str, Any]:
    """Tell what the machine has for a run, and what is free of it, for JSON."""
    import psutil

    from dinsar_cli.engines.costs import load

    return {
        "threads": threads,
        "memory_free": psutil.virtual_memory().available,
        "memory_allowed": memory,
        "disk_free": free_disk(workdir),
        "cache_free": free_disk(cache),
        "load": round(load(), 2),
    }


def _cost_table(record: dict[str, Any]) -> list[str]:
    """Return the costs of the stages and steps, and what there is."""
    predicted, here = record["predicted"], record["here"]
    lines = [_line("predicted", "time", "memory", "disk", "from")]
    for name, stage in predicted["stages"].items():
        lines.append(_cost(STAGE_TITLES[name], stage))
        if name == "process":
            steps = predicted["steps"].items()
            lines += [_cost(f"  {step}", cost) for step, cost in steps if cost["seconds"] >= _LEAST_SECONDS]
    memory, disk = (human_bytes(predicted[name]) for name in ("peak_memory", "disk"))
    left = f"{human_bytes(predicted['disk_left'])} of disk stay"
    lines.append(_line("all", duration(predicted["seconds"]), memory, disk, left))
    memory, disk, free = (human_bytes(here[name]) for name in ("memory_allowed", "disk_free", "memory_free"))
    lines.append(_line("here", "", memory, disk, f"{here['threads']} threads; {free} of memory are free"))
    if here["load"] > here["threads"] / 2:
        lines.append(f"  The machine is busy (load {here['load']:.1f}): times are those of an idle one.")
    return lines


def _cost(name: str, cost: dict[str, Any]) -> str:
    runs = cost["runs"]
    source = f"{runs} run{'s' if runs > 1 else ''} here" if runs else "other machines"
    memory, disk = human_bytes(cost["peak_memory"]), human_bytes(cost["disk"])
    return _line(name, duration(cost["seconds"]), memory, disk, source)


def _line(name: str, time: str, memory: str, disk: str, rest: str) -> str:
    return f"  {name:<18} {time:>10} {memory:>10} {disk:>10}  {rest}"
