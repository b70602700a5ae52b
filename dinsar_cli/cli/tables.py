"""Show what a run costs, and what this machine has for it, in ``dinsar plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.cli.common import STAGE_TITLES, duration

_LEAST_SECONDS = 0.05  # of a step that gets a line of its own


def what_is_here(threads: int, memory: int, workdir: Path, cache: Path) -> dict[str, Any]:
    """Tell what the machine has for a run, and what is free of it, for JSON."""
    import psutil

    from dinsar_cli.base.disk import free_disk
    from dinsar_cli.engines.costs import load

    return {
        "threads": threads,
        "memory_free": psutil.virtual_memory().available,
        "memory_allowed": memory,
        "disk_free": free_disk(workdir),
        "cache_free": free_disk(cache),
        "load": round(load(), 2),
    }


def cost_table(record: dict[str, Any]) -> list[str]:
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
