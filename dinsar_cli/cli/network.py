"""``dinsar network``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.options import (
    OF_MANY_DATES,
    area_options,
    cache_option,
    day_given,
    frame_and_year,
    gather_config,
    json_option,
)
from dinsar_cli.cli.parts.common import show_notes, table
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.cli.parts.given import Given
    from dinsar_cli.plan.network_dates import NetworkDates
    from dinsar_cli.series.graph import Pair
    from dinsar_cli.series.network import Network

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN = 6  # dates in a line
_TOLD = 10  # dates that are set aside


@click.command(short_help="Choose pairs of many dates.")
@area_options("slc.files", "orbits.dir", meanings=OF_MANY_DATES)
@frame_and_year
@click.option(
    "--rule",
    "rule_text",
    default="sequential:3",
    show_default=True,
    metavar="RULE",
    help="sequential:N, small-baseline:DAYS,METRES[,DEGREE], star[:DATE], all, pairs like 20230104_20230116 with "
    "commas between, or a network.json.",
)
@click.option(
    "--leave-out", "left_out", multiple=True, metavar="DATE", help="Date not to use; several times for several."
)
@click.option(
    "--expected-coherence",
    is_flag=True,
    help="Ask what coherence pairs let expect, from global maps of 2019-2020 (needs the extra coherence).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="Folder for network.json and network.png.",
)
@cache_option
@json_option
@click.option("--map", "map_file", type=_FILE, metavar="FILE.html", help="Write a map of the footprints.")
def network(
    given: Given,
    platforms: tuple[str, ...],
    frame: int | None,
    years: tuple[int, ...],
    rule_text: str,
    left_out: tuple[str, ...],
    expected_coherence: bool,
    output: Path,
    cache: Path,
    as_json: bool,
    map_file: Path | None,
    **flags: Any,
) -> None:
    r"""Choose pairs of many dates, and tell what their triangles can find. Nothing is downloaded.

    Dates are those of the archive over an area, with the filters of `dinsar search`, or of products with --slc
    (or a folder of them). They are of one track and polarization and see the same ground: others are set aside and
    named. Pairs that do not hang together are refused.

    sequential:N pairs each date with the N next ones; small-baseline takes all pairs up to so many days and metres,
    of these the shortest until a date has DEGREE (but none without which the network would fall apart); star pairs
    all with one date, by default that in the middle.

    One cycle too much in a pair shows in the triangles of pairs in which it lies. The column One cycle tells
    whether they name the pair, or could as well mean another one, or do not see it. Baselines are those of orbit
    files that are there, else of the catalogue or the annotation (to some metres), positive as in ISCE2.

    \b
    dinsar network --roi '37.0 37.0 37.4 37.4' --start 2023-01-01 --end 2023-06-30 --track 21
    dinsar network --slc PRODUCTS --orbits ORBITS --rule small-baseline:48,150 --output NETWORK
    """
    from dinsar_cli.base.files import make_folder
    from dinsar_cli.catalog.export import acquisition_record, write_result
    from dinsar_cli.catalog.pair_search import area_of, query_of
    from dinsar_cli.catalog.scenes import PLATFORMS
    from dinsar_cli.config.request import request_of
    from dinsar_cli.plan.network_archive import archive_dates
    from dinsar_cli.plan.network_drawing import draw_network
    from dinsar_cli.plan.network_local import local_dates
    from dinsar_cli.series.network import parse_rule, write_network

    rule = parse_rule(rule_text)
    days = [day_given("--leave-out", text) for text in left_out]
    request, satellites = request_of(gather_config(given, flags)), platforms or PLATFORMS
    if request.config.slc.files:
        _check_no_archive(frame, years)
        dates, roi = local_dates(request, satellites, days)
    else:
        roi = area_of(request)
        query = query_of(request.config, roi, platforms=satellites, frame=frame, years=years)
        dates = archive_dates(query, request.config, cache, days)
    show_notes((*_first(dates.set_aside), *dates.notes))  # before the rule: they may tell why it cannot be
    made = rule.network(dates.days, dates.metres, track=dates.stack.name, polarization=dates.polarization)
    notes = _in_no_pair(made, dates)
    if expected_coherence:
        from dinsar_cli.plan.mean_coherence import mean_coherence

        values, told = mean_coherence(made.pairs, roi.geometry)
        made, notes = replace(made, coherence=values), (*notes, *told)
    more = {
        "summary": _summary(made, dates),
        "acquisitions": [acquisition_record(one) for one in dates.stack.acquisitions],
        "set_aside": list(dates.set_aside),
        "notes": [*dates.notes, *notes],
    }
    files = [make_folder(output) / "network.json", output / "network.png"]
    draw_network(files[1], made)
    write_network(files[0], made, **more)
    if map_file is not None:
        from dinsar_cli.catalog.map_page import page_text

        write_result(map_file, page_text(roi, [dates.stack], (*dates.notes, *notes)))
        files.append(map_file)
    show_notes(notes)
    if as_json:
        click.echo(json.dumps(made.to_dict() | more, indent=2))
        return
    for line in (*table(_rows(made), right=frozenset({1, 2, 3, 4})), "", *_told(made, dates), *map(str, files)):
        click.echo(line)


def _check_no_archive(frame: int | None, years: tuple[int, ...]) -> None:
    if frame is not None or years:
        raise UsageError(
            "--frame and --year are for the archive.",
            "The products are given with --slc, and --start and --end choose among them.",
            "Leave --frame and --year out.",
        )


def _first(set_aside: Sequence[str]) -> tuple[str, ...]:
    """Return the first sentences of many, and how many there are."""
    more = len(set_aside) - _TOLD
    return (
        (*set_aside[:_TOLD], f"{more} more dates are set aside; network.json names all.")
        if more > 0
        else (*set_aside,)
    )


def _in_no_pair(made: Network, dates: NetworkDates) -> tuple[str, ...]:
    rest = [str(day) for day in dates.days if day not in made.dates]
    return (f"The list of pairs does not name {_several(rest)}: left out.",) if rest else ()


def _rows(made: Network) -> list[tuple[str, ...]]:
    """Return head and lines of the table."""
    rows: list[tuple[str, ...]] = [("Pair", "Days", "B_perp m", "Expected", "Triangles", "One cycle")]
    for pair, expected in made.coherence_of.items():
        metres = made.baseline_of[pair]
        rows.append((
            f"{pair[0]:%Y%m%d}_{pair[1]:%Y%m%d}",
            str((pair[1] - pair[0]).days),
            "?" if metres is None else str(round(metres)),
            "-" if expected is None else f"{expected:.2f}",
            str(made.triangle_counts[pair]),
            _one_cycle(made, pair),
        ))  # fmt: skip
    return rows


def _one_cycle(made: Network, pair: Pair) -> str:
    """Tell whether the triangles name a pair that is wrong by one cycle."""
    if not made.triangle_counts[pair]:
        return "not seen"
    others = made.mistakable.get(pair, ())
    return f"or {' or '.join(f'{one:%Y%m%d}_{other:%Y%m%d}' for one, other in others)}" if others else "named"


def _summary(made: Network, dates: NetworkDates) -> dict[str, Any]:
    """Return the figures of a network, for JSON."""
    least = made.least_connected
    return {
        "dates": len(made.dates),
        "pairs": len(made.pairs),
        "parts": len(made.parts),
        "pairs_a_date": round(2 * len(made.pairs) / len(made.dates), 2),
        "fewest_pairs": made.degrees[least[0]],
        "least_connected": [day.isoformat() for day in least],
        "triangles": made.triangle_number,
        "pairs_in_no_triangle": len(made.open_pairs),
        "pairs_named_by_triangles": len(made.named_pairs),
        "pairs_mistakable": len(made.mistakable),
        "baseline_sources": dates.sources,
        "reason": dates.reason,
    }


def _told(made: Network, dates: NetworkDates) -> list[str]:
    """Return the lines below the table."""
    facts = _summary(made, dates)
    count, least = facts["pairs"], _several(facts["least_connected"])
    names = {name: "unknown" if name == "unknown" else f"from {name}" for name in dates.sources}
    sources = ", ".join(f"{number} {names[name]}" for name, number in dates.sources.items())
    seen = f"named in {facts['pairs_named_by_triangles']} of {count}"
    seen += f", could be another's in {facts['pairs_mistakable']}, is not seen in {facts['pairs_in_no_triangle']}"
    return [
        f"{made.track} {made.polarization}: {_pairs(made)} of {facts['dates']} dates, in {facts['parts']} part",
        f"  Why:       {dates.reason}",
        f"  Pairs:     {facts['pairs_a_date']:.3g} a date in the mean, fewest {facts['fewest_pairs']} ({least})",
        f"  Triangles: {facts['triangles']}; one cycle too much is {seen}",
        f"  Baselines: {sources}",
    ]


def _pairs(made: Network) -> str:
    return f"{len(made.pairs)} pair{'s' if len(made.pairs) > 1 else ''}"


def _several(words: Sequence[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"{', '.join(words[:_SHOWN])}{more}"
