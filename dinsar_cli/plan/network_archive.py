"""The dates of a network from the archive: what it has over an area."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from dinsar_cli.catalog.pair_search import filtered_out, orbit_at_hand
from dinsar_cli.catalog.scenes import Query, search
from dinsar_cli.catalog.stacks import CatalogAcquisition, group_stacks
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.plan.network_dates import NetworkDates, choose_dates
from dinsar_cli.sentinel1.orbit_file import OrbitFile

_PROBLEM = "There is no Sentinel-1 network over the area."


def archive_dates(query: Query, config: RunConfig, cache: Path, left_out: Collection[date] = ()) -> NetworkDates:
    """Search the catalogue and choose the dates of a network.

    Parameters
    ----------
    query : Query
        What is looked for; scenes of another polarization are found too, and set aside by name.
    config : RunConfig
        What is asked for.
    cache : Path
        Its orbit files are used for baselines, unless the configuration names a folder of them; without one, state
        vectors of the catalogue.
    left_out : collection of date
        That the user does not want.

    Returns
    -------
    NetworkDates
        With sentences on what is wrong with the answer among its notes.

    Raises
    ------
    UsageError, NoDataError, NetworkError
        When there is nothing that goes together, or the catalogue does not answer.
    """
    notes = query.check(datetime.now(UTC).date())
    found = search(replace(query, polarization=None))
    stacks = group_stacks(found.scenes, query.roi.geometry, query.includes)
    if not stacks and query.filters:
        raise filtered_out(query, _PROBLEM)
    if not stacks:
        raise NoDataError(
            _PROBLEM,
            "The archive has no IW SLC scene of these days there.",
            "Give other dates or another area. See what there is with: dinsar search --roi ...",
        )
    given = config.orbits.dir
    folder = given or (cache / "orbits" if (cache / "orbits").is_dir() else None)
    missing: list[str] = []

    def orbit_of(acquisition: CatalogAcquisition) -> OrbitFile | None:
        orbit = orbit_at_hand(folder, acquisition)
        if orbit is None and given is not None:
            missing.append(f"{acquisition.start:%Y-%m-%d}")
        return orbit

    wanted = None if config.polarization == "auto" else config.polarization.upper()
    dates = choose_dates(stacks, query.roi.geometry, orbit_of, wanted, left_out)
    if missing:
        days = ", ".join(sorted(set(missing)))
        notes = (*notes, f"{given} has no orbit file for {days}: the state vectors of the catalogue serve.")
    return dates.noting(*notes, *found.notes)
