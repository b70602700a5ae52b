"""``dinsar search``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import area_options, frame_and_year, gather_area, json_option
from dinsar_cli.cli.parts.common import show_notes, table
from dinsar_cli.errors import NoDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.catalog.scenes import Query
    from dinsar_cli.catalog.stacks import Stack
    from dinsar_cli.cli.parts.given import Given

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Find Sentinel-1 scenes over an area.")
@area_options()
@frame_and_year
@json_option
@click.option("--geojson", "geojson_file", type=_FILE, metavar="FILE", help="Write the footprints as GeoJSON.")
@click.option("--map", "map_file", type=_FILE, metavar="FILE.html", help="Write a map of the footprints.")
@click.option("--workdir", hidden=True, expose_value=False, help="Has no effect: a search leaves nothing behind.")
def search(
    given: Given,
    platforms: tuple[str, ...],
    frame: int | None,
    years: tuple[int, ...],
    as_json: bool,
    geojson_file: Path | None,
    map_file: Path | None,
    **flags: str | None,
) -> None:
    r"""Find Sentinel-1 IW SLC scenes over an area, in the archive of ASF. No account is needed.

    Without dates the whole archive is searched. The table has one line for each track and direction; its column
    Area is the share of the area that at least two dates cover. The option --json gives every scene.

    \b
    dinsar search --roi '37.0 37.0 37.4 37.4' --start 2023-01-20 --end 2023-02-20
    dinsar search --roi area.geojson --year 2023 --direction descending --map map.html
    """
    from dinsar_cli.catalog.export import geojson, search_record, write_result
    from dinsar_cli.catalog.pair_search import filtered_out, query_of
    from dinsar_cli.catalog.scenes import PLATFORMS

    config, roi = gather_area(given, flags)
    query = query_of(config, roi, platforms=platforms or PLATFORMS, frame=frame, years=years)
    stacks, notes = _find_stacks(query)
    show_notes(notes)
    if not stacks and query.filters:
        raise filtered_out(query, "No Sentinel-1 IW SLC scene was found.")
    if not stacks:
        raise NoDataError(
            "No Sentinel-1 IW SLC scene was found.",
            f"The archive has none over longitude, latitude {_box(roi.bounds)} that meets what was asked for.",
            "Give other dates, a larger area or fewer filters.",
        )
    if geojson_file is not None:
        write_result(geojson_file, json.dumps(geojson(stacks)))
    if map_file is not None:
        from dinsar_cli.catalog.map_page import page_text

        write_result(map_file, page_text(roi, stacks, notes))
    if as_json:
        click.echo(json.dumps(search_record(roi, stacks, notes), indent=2))
        return
    for line in table(_rows(stacks), right=frozenset({3, 6, 8})):
        click.echo(line)
    acquisitions = sum(len(stack.acquisitions) for stack in stacks)
    scenes = sum(len(one.scenes) for stack in stacks for one in stack.acquisitions)
    click.echo(f"{scenes} scenes, {acquisitions} acquisitions, {len(stacks)} tracks")
    for path in (geojson_file, map_file):
        if path is not None:
            click.echo(str(path))


def _find_stacks(query: Query) -> tuple[tuple[Stack, ...], tuple[str, ...]]:
    """Search, and group what was found; with sentences on what the user should know."""
    from dinsar_cli.catalog.scenes import search
    from dinsar_cli.catalog.stacks import group_stacks

    notes = query.check(datetime.now(UTC).date())
    found = search(query)
    return group_stacks(found.scenes, query.roi.geometry, query.includes), (*notes, *found.notes)


def _box(bounds: tuple[float, float, float, float]) -> str:
    west, south, east, north = bounds
    return f"{west:.10g} {south:.10g} to {east:.10g} {north:.10g}"


def _rows(stacks: Sequence[Stack]) -> list[tuple[str, ...]]:
    """Head and lines of the table."""
    rows: list[tuple[str, ...]] = [
        ("Track", "Direction", "Frames", "Dates", "First", "Last", "Area", "Polarizations", "GB")
    ]
    for stack in stacks:
        frames = stack.frames
        rows.append((
            stack.name,
            stack.direction,
            f"{frames[0]}" if len(frames) == 1 else f"{frames[0]}-{frames[-1]}",
            str(len(stack.acquisitions)),
            f"{stack.acquisitions[0].start:%Y-%m-%d}",
            f"{stack.acquisitions[-1].start:%Y-%m-%d}",
            f"{100 * stack.coverage:.0f} %",
            "+".join(stack.polarizations),
            f"{stack.bytes / 1e9:.1f}",
        ))  # fmt: skip
    return rows
