"""``dinsar pairs``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.options import area_options, cache_option, gather_area, json_option
from dinsar_cli.cli.parts.common import show_notes, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.catalog.baselines import Baseline
    from dinsar_cli.catalog.pair_choice import Candidate, Choice
    from dinsar_cli.cli.parts.given import Given


@click.command(short_help="Show pairs and why one is the best.")
@area_options("event", "reference", "secondary", "orbits.dir")
@cache_option
@json_option
def pairs(
    given: Given,
    platforms: tuple[str, ...],
    cache: Path,
    as_json: bool,
    **flags: str | None,
) -> None:
    r"""Show which Sentinel-1 pairs there are over an area, and why one of them is the best.

    The pair is the first acquisition from --start on and the last up to the end of --end, or the shortest around
    --event, or the one of --reference and --secondary; on the track that covers most of the area. Nothing is
    downloaded. Baselines are those of orbit files that are there, else of the catalogue (to some metres); the sign
    is that of ISCE2.

    Expected coherence is exp(-days / 40) (1 - |B| / B_critical), after Zebker and Villasenor (1992) and Rocca
    (2007): a rule to compare pairs, good from 0.5 on and fair from 0.2 on. Towns and deserts are better, forests
    worse.

    \b
    dinsar pairs --roi '37.0 37.0 37.4 37.4' --start 2023-01-20 --end 2023-02-20
    dinsar pairs --roi area.geojson --event 2023-02-06T01:17:34 --direction descending
    """
    from dinsar_cli.catalog.export import choice_record
    from dinsar_cli.catalog.pair_search import find_pair
    from dinsar_cli.catalog.scenes import PLATFORMS

    config, roi = gather_area(given, flags)
    choice, notes = find_pair(config, roi, cache, platforms or PLATFORMS)
    show_notes(notes)
    if as_json:
        click.echo(json.dumps(choice_record(choice, notes), indent=2))
        return
    show_notes(choice.warnings)
    _show(choice)


def _show(choice: Choice) -> None:
    """Print the candidates and the choice."""
    for line in table(_rows(choice.candidates), right=frozenset({3, 4, 5, 6})):
        click.echo(line)
    best = choice.best
    click.echo(f"\nChosen: {best.name}")
    click.echo(f"  Why:       {choice.reason}")
    click.echo(f"  Bursts:    {choice.bursts}")
    if best.baseline is not None:
        click.echo(f"  Baseline:  from {_source(best.baseline)}, positive as in ISCE2")
    for title, one in (("Reference", best.reference), ("Secondary", best.secondary)):
        for scene in one.scenes:
            click.echo(f"  {title}: {scene.name}  {scene.bytes / 1e9:.1f} GB")


def _source(baseline: Baseline) -> str:
    texts = {"catalogue": "the catalogue's state vectors, good to some metres"}
    return texts.get(baseline.source, f"orbit files ({baseline.source})")


def _rows(candidates: Sequence[Candidate]) -> list[tuple[Any, ...]]:
    """Head and lines of the table."""
    rows: list[tuple[Any, ...]] = [
        ("Pair", "Satellites", "Pol", "Days", "B_perp m", "H_amb m", "Area", "Expected", "Why not")
    ]
    for one in candidates:
        baseline = one.baseline
        height = baseline.height_ambiguity if baseline else None
        rows.append((
            one.name,
            f"{one.reference.platform} {one.secondary.platform}",
            one.polarization,
            str(one.days),
            f"{baseline.perpendicular:.0f}" if baseline else "?",
            f"{height:.0f}" if height else "-",
            f"{100 * one.coverage:.0f} %",
            f"{one.coherence:.2f} {one.quality}",
            one.why_not or "chosen",
        ))  # fmt: skip
    return rows
