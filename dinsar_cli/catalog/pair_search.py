"""The pair that a configuration asks for, searched in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dinsar_cli.catalog.baselines import Baseline, measure_baseline
from dinsar_cli.catalog.pair_choice import Choice, choose_pair, common_place
from dinsar_cli.catalog.pair_wish import wish_of
from dinsar_cli.catalog.scenes import PLATFORMS, Query, search
from dinsar_cli.catalog.stacks import CatalogAcquisition, Stack, group_stacks
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.roi import Roi
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.sentinel1.orbit_file import OrbitFile

_SHOWN = 6  # tracks that a message names


def area_of(request: Request) -> Roi:
    """Return the area in which scenes are looked for.

    Raises
    ------
    UsageError
        When there is none.
    """
    if request.roi is None:
        raise UsageError(
            "--roi is missing.",
            "Scenes are searched over an area.",
            "Give --roi 'W S E N' in degrees, WKT, or a file with the outline; or local products with --slc.",
        )
    return request.roi


def query_of(
    config: RunConfig,
    roi: Roi,
    *,
    platforms: tuple[str, ...] = PLATFORMS,
    frame: int | None = None,
    years: tuple[int, ...] = (),
) -> Query:
    """Return what is looked for: the area, days and filters of a configuration, and of the command line.

    Parameters
    ----------
    config : RunConfig
    roi : Roi
        Its area.
    platforms : tuple of str
        ``S1A`` to ``S1D``.
    frame : int, optional
        As the archive numbers them.
    years : tuple of int
        Years of acquisition; empty for all.
    """
    return Query(
        roi=roi,
        start=config.start,
        end=config.end,
        years=years,
        track=config.track,
        frame=frame,
        direction=config.direction,
        platforms=platforms,
        polarization=None if config.polarization == "auto" else config.polarization.upper(),
    )


def find_pair(
    config: RunConfig, roi: Roi, cache: Path, platforms: tuple[str, ...] = PLATFORMS
) -> tuple[Choice, tuple[str, ...]]:
    """Search the catalogue and choose a pair; with sentences on what is wrong with the answer.

    Parameters
    ----------
    config : RunConfig
        What is asked for.
    roi : Roi
        Its area.
    cache : Path
        Its orbit files are used for baselines, unless the configuration names a folder of them.
    platforms : tuple of str
        ``S1A`` to ``S1D``.

    Raises
    ------
    UsageError, NoDataError, NetworkError
        When the question lacks something, there is no such pair, or the catalogue does not answer.
    """
    wish, today = wish_of(config), datetime.now(UTC).date()
    first, last = wish.days
    if config.end is None:  # days after an event may not be there yet
        last = max(first, min(last, today))
    query = Query(
        roi=roi,
        start=first,
        end=last,
        track=config.track,
        direction=config.direction,
        platforms=platforms,
        polarization=wish.polarization or None,
    )
    notes = query.check(today)
    found = search(query)
    stacks = group_stacks(found.scenes, roi.geometry, query.includes)
    orbits = config.orbits.dir or cache / "orbits"
    measure = _measure(roi, orbits if config.orbits.dir or orbits.is_dir() else None)
    if not stacks and query.filters:
        raise filtered_out(query, f"There is no Sentinel-1 pair over the area {wish.asked}.")
    try:
        return choose_pair(stacks, roi.geometry, wish, measure), (*notes, *found.notes)
    except NoDataError as error:
        if not query.filters:
            raise
        asked = f"Looked at were scenes with these filters: {', '.join(query.filters)}."
        raise NoDataError(error.problem, f"{error.cause} {asked}", f"{error.remedy} Or drop a filter.") from error


def filtered_out(query: Query, problem: str) -> NoDataError:
    """Return the error on a search of which the filters leave nothing: what there is without them.

    Parameters
    ----------
    query : Query
        With filters.
    problem : str
        What cannot be done.

    Raises
    ------
    NetworkError
        When the archive does not answer.
    """
    stacks = group_stacks(search(query.unfiltered).scenes, query.roi.geometry, query.includes)
    asked = ", ".join(query.filters)
    if not stacks:
        cause = f"Neither with these filters ({asked}) nor without is there an IW SLC scene of these days."
        return NoDataError(
            problem, cause, "Give other dates, or look at what there is with: dinsar search --roi ..."
        )
    shown = "; ".join(_told(stack) for stack in stacks[:_SHOWN])
    more = f"; and {len(stacks) - _SHOWN} more tracks" if len(stacks) > _SHOWN else ""
    cause = f"No scene of these days meets the filters ({asked}). Without them there is: {shown}{more}."
    return NoDataError(problem, cause, "Leave the filters out, or give those of a track that is there.")


def _told(stack: Stack) -> str:
    days = [f"{one.start:%Y-%m-%d}" for one in stack.acquisitions]
    count = f"{len(days)} date{'s' if len(days) > 1 else ''}"
    span = " to ".join(dict.fromkeys((days[0], days[-1])))
    words = f"track {stack.track} {stack.direction}"
    return f"{words} with {count} ({'/'.join(stack.polarizations)}, {'/'.join(stack.platforms)}): {span}"


def _measure(roi: Roi, folder: Path | None) -> Callable[[CatalogAcquisition, CatalogAcquisition], Baseline | None]:
    """Tell how baselines are measured: with the orbit files of a folder where they serve."""
    known: dict[CatalogAcquisition, OrbitFile | None] = {}

    def orbit(acquisition: CatalogAcquisition) -> OrbitFile | None:
        if acquisition not in known:
            known[acquisition] = orbit_at_hand(folder, acquisition)
        return known[acquisition]

    def measure(reference: CatalogAcquisition, secondary: CatalogAcquisition) -> Baseline | None:
        place = common_place(reference, secondary, roi.geometry)
        return measure_baseline(reference, secondary, place, (orbit(reference), orbit(secondary)))

    return measure


def orbit_at_hand(folder: Path | None, acquisition: CatalogAcquisition) -> OrbitFile | None:
    """Return the orbit file that serves an acquisition, if there is one."""
    if folder is None:
        return None
    manager = OrbitManager(folder)
    try:
        return manager.fetch(manager.plan(acquisition.platform, acquisition.start, acquisition.stop))
    except NoDataError:
        return None
