"""``dinsar downslope``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import near, tell_made


@click.command(
    short_help="Motion down the slope from a map and its heights.",
    epilog="""\b
Example:
  dinsar downslope T052D_20230904_20230916""",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder for the maps.  [default: downslope in FOLDER]",
)
@click.option(
    "--least-slope",
    type=click.FloatRange(0, 90, max_open=True),
    default=5.0,
    show_default=True,
    metavar="DEGREES",
    help="Slope below which nothing is told.",
)
@click.option(
    "--least-factor",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.3,
    show_default=True,
    metavar="0..1",
    help="Share of the motion that the line of sight must see.",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0, 10_000),
    default=200.0,
    show_default=True,
    metavar="METRES",
    help="Width of the Gaussian that smooths the heights, at half of its height; 0 does not.",
)
@click.option(
    "--beside",
    type=click.FloatRange(0, 45),
    default=5.0,
    show_default=True,
    metavar="DEGREES",
    help="By which motion may go beside the steepest slope, for the error.",
)
@json_option
@telling_options
def downslope(
    folder: Path,
    output: Path | None,
    least_slope: float,
    least_factor: float,
    smooth: float,
    beside: float,
    as_json: bool,
) -> None:
    """Tell by how much the ground moved down the slope, if it moved along the steepest one.

    FOLDER is that of a pair or of its products. Slope and aspect are those of elevation.tif, smoothed. Nothing is
    told where the ground is nearly level, where the line of sight is nearly at right angles to the slope, and of
    layover and shadow; downslope_undefined.tif has the reason. Displacement is relative to the reference of the
    map: it must be still.
    """
    from dinsar_cli.compare.motion.downslope import describe, downslope_of, write_downslope
    from dinsar_cli.compare.motion.slope import Limits

    found = downslope_of(folder, Limits(least_slope, least_factor, beside), smooth)
    files = write_downslope(found, output or _default_output(folder))
    record = describe(found)
    if as_json:
        click.echo(json.dumps(record | {"files": {name: str(path) for name, path in files.items()}}, indent=2))
        return
    motion, shares = record["downslope"], record["share_of_displacement"]
    sigma = "" if motion["median_sigma_m"] is None else f", noise {motion['median_sigma_m'] * 1e3:.2f} mm (median)"
    click.echo(f"{record['name']}: {'dates unknown' if record['dates'] is None else ' to '.join(record['dates'])}")
    click.echo(
        f"  downslope       {motion['p2_m'] * 100:+.2f} to {motion['p98_m'] * 100:+.2f} cm (96 % of it){sigma}"
    )
    click.echo(f"  defined         {shares['defined']:.1%} of the cells with displacement")
    click.echo(
        f"                  not: {shares['too_little_slope']:.0%} below {least_slope:g} degrees of slope, "
        f"{shares['seen_too_little']:.0%} seen by less than {least_factor:g}, "
        f"{shares['layover_or_shadow']:.0%} layover or shadow"
    )
    click.echo(f"  assumption      {record['assumption']}, that of heights smoothed over {smooth:g} m")
    tell_made(*(near(path) for path in files.values()))


def _default_output(folder: Path) -> Path:
    """Return the folder ``downslope`` in that of the pair, or beside the products."""
    inside = folder if folder.is_dir() else folder.parent
    return (inside.resolve().parent if inside.resolve().name == "products" else inside) / "downslope"
