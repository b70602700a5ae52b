"""The pair that a configuration asks for, searched in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dinsar_cli.catalog.baselines import Baseline, measure_baseline
from dinsar_cli.catalog.pair_choice import Choice, choose_pair, common_place
from dinsar_cli.catalog.pair_wish import wish_of
from dinsar_cli.catalog.scenes import PLATFORMS, Query, search
from dinsar_cli.catalog.stacks import CatalogAcquisition, group_stacks
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.roi import Roi
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.sentinel1.orbit_file import OrbitFile


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
    return choose_pair(stacks, roi.geometry, wish, measure), (*notes, *found.notes)


def _measure(roi: Roi, folder: Path | None) -> Callable[[CatalogAcquisition, CatalogAcquisition], Baseline | None]:
    """Tell how baselines are measured: with the orbit files of a folder where they serve."""
    known: dict[CatalogAcquisition, OrbitFile | None] = {}

    def orbit(acquisition: CatalogAcquisition) -> OrbitFile | None:
        if acquisition not in known:
            known[acquisition] = _orbit_at_hand(folder, acquisition)
        return known[acquisition]

    def measure(reference: CatalogAcquisition, secondary: CatalogAcquisition) -> Baseline | None:
        place = common_place(reference, secondary, roi.geometry)
        return measure_baseline(reference, secondary, place, (orbit(reference), orbit(secondary)))

    return measure


def _orbit_at_hand(folder: Path | None, acquisition: CatalogAcquisition) -> OrbitFile | None:
    """Return the orbit file that serves an acquisition, if there is one."""
    if folder is None:
        return None
    manager = OrbitManager(folder)
    try:
        return manager.fetch(manager.plan(acquisition.platform, acquisition.start, acquisition.stop))
    except NoDataError:
        return None
