"""What comes before the plan of a run: scenes on the disk, given by the user or brought from the archive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import free_disk, human_bytes
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.catalog.scene_choice import (
    Cached,
    ScenePlan,
    fetch_scenes,
    is_wanted,
    plan_scenes,
    told_bytes,
    with_files,
)
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import Engine
from dinsar_cli.engines.find import find_engine
from dinsar_cli.managers.slc import given_products
from dinsar_cli.net.client import shown
from dinsar_cli.net.download import Transfer
from dinsar_cli.plan.early_check import check_choice, check_given


@dataclass(frozen=True)
class Supplies:
    """Scenes of a run, all on the disk.

    Attributes
    ----------
    request : Request
        With the scenes as files.
    pinned : RunConfig
        The same with what the user gave, but the chosen products instead of a question: for running it again.
    record : dict or None
        How the scenes were chosen, for the journal; None when they were given.
    details : dict
        What fetching them took, for the stage ``slc``.
    """

    request: Request
    pinned: RunConfig
    record: dict[str, Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Meter:
    """Passes the state of downloads on to a reporter, and counts what has come.

    Parameters
    ----------
    reporter : Reporter

    Attributes
    ----------
    received : int
        Bytes.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.received = 0

    def told(self, what: str) -> Callable[[Transfer], None]:
        """Make what downloads call, with a word for what they are."""
        before = 0

        def tell(now: Transfer) -> None:
            nonlocal before
            # each group of downloads counts from zero
            self.received += now.received - before if now.received >= before else now.received
            before = now.received
            self._reporter.progress(what, now.done / now.total if now.total else 0.0, now.left)

        return tell


def supply(
    request: Request, cache: Path, reporter: Reporter, meter: Meter, engine: Engine | None = None
) -> Supplies:
    """Find and fetch the scenes, unless they are given.

    Parameters
    ----------
    request : Request
        What is asked for.
    cache : Path
        Gets the scenes.
    reporter : Reporter
        Is told what is chosen and how the downloads go.
    meter : Meter
        Counts them.
    engine : Engine, optional
        One that is not going to be run; None: one that works must be there before anything is fetched.

    Raises
    ------
    DinsarError
        When there is no such pair, it cannot be fetched, or something else that was given does not suit.
    """
    config = request.config
    if not is_wanted(config):
        config, taken = given_products(config)
        for text in taken:
            reporter.note(text)
        return Supplies(replace(request, config=config), config)
    engine = engine or find_engine(config)[0]
    check_given(request, cache)
    plan, cached = choose(request, cache, reporter)
    if not cached.is_complete:
        check_choice(request, plan, engine, cache)
    files, seconds, received = _fetch(plan, cached, cache, reporter, meter)
    urls = [shown(url) for url in plan.urls] if received else []
    details = {"fetched": plan.way, "urls": urls, "received_bytes": received, "download_seconds": round(seconds, 2)}
    local = replace(request, config=with_files(config, files))
    return Supplies(local, plan.pinned(config), _record(plan), details)


def choose(request: Request, cache: Path, reporter: Reporter) -> tuple[ScenePlan, Cached]:
    """Choose the scenes, and tell which, why, and what there is to fetch.

    Parameters
    ----------
    request, cache, reporter
        As for `supply`.
    """
    started = time.monotonic()
    reporter.start("search")
    plan = plan_scenes(request, cache)
    reporter.end("search", time.monotonic() - started, skipped=plan.remembered)
    reporter.note(f"pair {plan.name}: {plan.record['reason']}")
    reporter.note(plan.baselines)
    for text in plan.warnings:
        reporter.warn(text)
    cached = plan.cached(cache)
    reporter.note(told_bytes(plan, cached, cache, free_disk(cache)))
    if plan.why_way and not cached.is_complete:
        reporter.note(plan.why_way)
    return plan, cached


def _fetch(
    plan: ScenePlan, cached: Cached, cache: Path, reporter: Reporter, meter: Meter
) -> tuple[tuple[Path, ...], float, int]:
    """Fetch the scenes; the files, with seconds and bytes that it took."""
    before, started = meter.received, time.monotonic()
    reporter.start("fetch")
    files = fetch_scenes(plan, cached, cache, meter.told(plan.way))
    seconds, received = time.monotonic() - started, meter.received - before
    reporter.end("fetch", seconds, skipped=cached.is_complete)
    if received:
        reporter.note(f"{human_bytes(received)} fetched, {human_bytes(received / max(seconds, 1e-3))} a second")
    return files, seconds, received


def _record(plan: ScenePlan) -> dict[str, Any]:
    """Return the choice for the journal."""
    return plan.record | {"searched": plan.searched.isoformat(timespec="seconds")}
