"""``dinsar decompose``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import near, tell_made, warn
from dinsar_cli.config.file import build_config

if TYPE_CHECKING:
    from dinsar_cli.compare.motion.decompose import Decomposition

_PATH = click.Path(path_type=Path)


@click.command(
    short_help="East, up and north from an ascending and a descending map.",
    epilog="""\b
Example:
  dinsar decompose T052D_20230904_20230916 T147A_20230905_20230917""",
)
@click.argument("first", metavar="ASC", type=_PATH)
@click.argument("second", metavar="DESC", type=_PATH)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("decomposition"),
    show_default=True,
    metavar="FOLDER",
    help="Folder for the maps.",
)
@click.option(
    "--reference-point",
    metavar="POINT",
    help="LON,LAT at which both are made zero.  [default: that of the ascending map, else of the other]",
)
@click.option("--reference-area", metavar="AREA", help="Polygon whose mean is made zero in both: as --roi.")
@click.option(
    "--sigma",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MM",
    help="Noise of a map that has no los_sigma.tif.",
)
@click.option(
    "--azimuth-offsets",
    multiple=True,
    metavar="[asc:|desc:]FILE",
    help="GeoTIFF of motion along the track, metres, positive along the flight: then motion to the north is told "
    "too. For one or both tracks.",
)
@click.option(
    "--azimuth-sigma",
    multiple=True,
    metavar="[asc:|desc:]METRES|FILE",
    help="Noise of the azimuth offsets.",
)
@json_option
@telling_options
def decompose(
    first: Path,
    second: Path,
    output: Path,
    reference_point: str | None,
    reference_area: str | None,
    sigma: float | None,
    azimuth_offsets: tuple[str, ...],
    azimuth_sigma: tuple[str, ...],
    as_json: bool,
) -> None:
    """Separate east and up displacement by an ascending and a descending map of the same motion.

    ASC and DESC are folders of pairs or of their products, in any order. Both are put on one grid and made relative
    to the same place. Motion to the north is taken as zero, because two lines of sight cannot tell it; how much of
    it would be taken for east and up is told. With motion along a track (--azimuth-offsets) all three are solved
    for, weighted by their noise, where there are offsets.
    """
    from dinsar_cli.compare.motion.decompose import decompose as separate
    from dinsar_cli.compare.motion.decompose_files import describe, write_decomposition

    config = build_config(None, {"reference_point": reference_point, "reference_area": reference_area})
    stated = None if sigma is None else sigma / 1e3
    found = separate(
        first, second, config.reference_point, config.reference_area, stated, azimuth_offsets, azimuth_sigma
    )
    files = write_decomposition(found, output)
    for warning in found.warnings:
        warn(warning)
    if as_json:
        named = {name: str(path) for name, path in files.items()}
        click.echo(json.dumps(describe(found) | {"files": named}, indent=2))
        return
    _print(found)
    tell_made(*(near(path) for path in files.values()))


def _print(found: Decomposition) -> None:
    from dinsar_cli.compare.motion.decompose_files import describe

    record = describe(found)
    for name in ("ascending", "descending"):
        look = record[name]
        dates = "dates unknown" if look["dates"] is None else " to ".join(look["dates"])
        click.echo(f"{name:<12}{look['name']}: {dates}")
    for name in ("east", "north", "up"):
        if name not in record:
            continue
        part = record[name]
        sigma = "" if part["median_sigma_m"] is None else f", noise {part['median_sigma_m'] * 1e3:.2f} mm (median)"
        click.echo(
            f"  {name:<14}{part['p2_m'] * 100:+.2f} to {part['p98_m'] * 100:+.2f} cm (96 % of the map){sigma}"
        )
    reference = record["reference"]
    click.echo(
        f"  relative to   {reference['longitude']:.5f}, {reference['latitude']:.5f} in both maps "
        f"({reference['kind']}, {reference['cells']} cells)"
    )
    click.echo(f"  directions    {record['geometry']['angle_degree']:.0f} degrees apart")
    if "north" in record:
        click.echo(
            f"  solved        {record['share_of_both_maps']:.0%} of what both maps have: where there are offsets, "
            f"and the condition is {record['condition']['largest']:g} or better "
            f"(median {record['condition']['median']:.1f})"
        )
        return
    north = record["north_sensitivity"]
    click.echo(
        "  assumption    no motion to the north: each cm of it would be taken for "
        f"{north['east']:+.2f} cm of east and {north['up']:+.2f} cm of up"
    )
