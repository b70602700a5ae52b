"""The scenes of a stack from the archive: its dates are found, the bursts of the area are fetched, each once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dinsar_cli.catalog.burst_fetch import fetch_bursts
from dinsar_cli.catalog.burst_plan import choose_download, plan_bursts
from dinsar_cli.catalog.pair_search import area_of, query_of
from dinsar_cli.catalog.scene_choice import BURSTS, password_known, to_fetch
from dinsar_cli.config.request import Request
from dinsar_cli.net.download import fetch_all
from dinsar_cli.plan.network_archive import archive_dates
from dinsar_cli.plan.network_dates import day_of
from dinsar_cli.series.network import Rule
from dinsar_cli.workflow.scenes import Meter


def fetch_dates(request: Request, rule: Rule, cache: Path, meter: Meter) -> tuple[Request, tuple[str, ...]]:
    """Find the dates of an area in the archive, and fetch those that are in the network.

    Parameters
    ----------
    request : Request
        With an area and days, and without products.
    rule : Rule
        That tells which dates are in a pair.
    cache : Path
        Gets the products.
    meter : Meter
        Counts what comes.

    Returns
    -------
    request : Request
        With the products.
    notes : tuple of str
        What the user is told.

    Raises
    ------
    DinsarError
        When there are no two dates, their pairs would not hang together, or the archive does not give them.
    """
    config, area = request.config, area_of(request)
    dates = archive_dates(query_of(config, area), config, cache)
    network = rule.network(dates.days, dates.metres)
    wanted = [one for one in dates.stack.acquisitions if day_of(one) in network.dates]
    bursts = plan_bursts(wanted, area.geometry, dates.polarization)
    way = choose_download(tuple(wanted), bursts, config.slc.download, password=password_known())
    if way.way == "bursts":
        files = fetch_bursts(bursts, cache / BURSTS, progress=meter.told("bursts"))
    else:
        sources = [to_fetch(scene).source(cache) for one in wanted for scene in one.scenes]
        files = tuple(fetch_all(sources, progress=meter.told("scenes")))
    slc = config.slc.model_copy(update={"files": list(files)})
    chosen = {"slc": slc, "start": None, "end": None, "track": None, "direction": None}
    notes = (dates.reason, way.why, *dates.notes, *(f"set aside: {text}" for text in dates.set_aside))
    return replace(request, config=config.model_copy(update=chosen)), tuple(filter(None, notes))
