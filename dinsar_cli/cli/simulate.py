"""``dinsar simulate``."""

from __future__ import annotations

import json
import shlex
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from dinsar_cli.cli.options import Command, day_given, json_option, read_date, telling_options, together
from dinsar_cli.cli.parts.common import is_quiet, near, tell, tell_made, tell_next
from dinsar_cli.cli.parts.screen import ScreenReporter
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.simulate import Atmosphere, Deformation, Ionosphere, Scenario, SimulatedStack
    from dinsar_cli.workflow.simulate_like import LikeWish

_MODELS = ("mogi", "okada", "rupture", "bowl", "ramp", "none")
_LONLAT = "LON,LAT"
_TURBULENCE_MM = 3
_TURBULENT = (
    f"Atmosphere: turbulence of {_TURBULENCE_MM} mm in the zenith (standard deviation) on each date, times the "
    "factor of a bad one; --atmosphere takes 5 mm, and delay that goes with height."
)


def _scene_options(command: Command) -> Command:
    """Return the options of place, time and frame."""
    return together(
        click.option(
            "--dates", type=click.IntRange(2, 100), default=2, show_default=True, help="Number of dates.",
        ),
        click.option(
            "--start", callback=read_date, metavar="DATE", default="2023-09-04", show_default=True,
            help="First date, UTC.",
        ),
        click.option(
            "--interval", type=click.IntRange(1), default=12, show_default=True,
            help="Days between dates; one satellite comes back after 12.",
        ),
        click.option(
            "--centre", metavar=_LONLAT, default="-8.85,31.35", show_default=True, help="Of the scene.",
        ),
        click.option(
            "--direction", type=click.Choice(["ascending", "descending"]), default="descending",
            show_default=True, help="Of the flight.",
        ),
        click.option(
            "--missions", metavar="S1A[,S1C...]", default="S1A", show_default=True,
            help="One for all dates, or one for each: S1A to S1D.",
        ),
        click.option(
            "--swaths", metavar="N[,N]", default="1", show_default=True, help="Neighbours among 1,2,3.",
        ),
        click.option(
            "--bursts", type=click.IntRange(1), default=2, show_default=True, help="Of each subswath.",
        ),
        click.option(
            "--columns", type=click.IntRange(0), default=2500, show_default=True,
            help="Range samples of each subswath; 0 is the whole width.",
        ),
        click.option(
            "--slices", type=click.IntRange(1), default=1, show_default=True, help="Products of a pass.",
        ),
        click.option(
            "--polarization", type=click.Choice(["VV", "HH", "VH", "HV"], case_sensitive=False),
            default="VV", show_default=True, help="Of the images; VH and HV with --like only.",
        ),
        click.option("--folders", is_flag=True, help="Write SAFE folders instead of zips."),
    )(command)  # fmt: skip


def _signal_options(command: Command) -> Command:
    """Return the options of what is on the ground, in the air and in the orbit."""
    return together(
        click.option(
            "--deformation", type=click.Choice(_MODELS), default="mogi", show_default=True,
            help="Point source, fault (Okada 1985), fault that breaks the surface, Gaussian bowl, ramp, or no "
            "motion.",
        ),
        click.option(
            "--peak", type=float, default=10.0, show_default=True, metavar="CM",
            help="Uplift of mogi and bowl (negative sinks), slip of okada and rupture; cm a kilometre of ramp.",
        ),
        click.option(
            "--depth", type=click.FloatRange(min=0, min_open=True), default=3.0, show_default=True,
            metavar="KM",
            help="Of mogi; radius of bowl; upper edge of okada; lower edge and half of the length of rupture.",
        ),
        click.option("--velocity", is_flag=True, help="The motion goes on: --peak is that of a year."),
        click.option(
            "--baseline", multiple=True, metavar="M[,M...]",
            help="Perpendicular, of all later dates or of each: with commas between, or several times.  "
            "[default: 80]",
        ),
        click.option(
            "--burst-offset", type=float, default=0.31, show_default=True, metavar="LINES",
            help="By which the bursts of each date start later.",
        ),
        click.option(
            "--along-track-error", type=float, default=0.0, show_default=True, metavar="M",
            help="Of the annotated times of the later dates.",
        ),
        click.option(
            "--orbit-error", type=(float, float), default=(0.0, 0.0), metavar="UP RIGHT",
            help="Metres by which the orbit files of the later dates are wrong.",
        ),
        click.option(
            "--relief", type=click.FloatRange(0), default=900.0, show_default=True, metavar="M",
            help="Highest minus lowest ground.",
        ),
        click.option(
            "--coherence", type=click.FloatRange(0, 1), default=0.8, show_default=True,
            help="Of two dates 12 days apart.",
        ),
        click.option(
            "--coherence-south", type=click.FloatRange(0, 1), show_default="the same",
            help="At the southern edge; it changes evenly from --coherence at the northern edge.",
        ),
        click.option("--lake/--no-lake", default=True, show_default=True, help="A decorrelated lake."),
        click.option("--atmosphere", is_flag=True, help="Turbulent and height-correlated delay."),
        click.option(
            "--bad-date", multiple=True, metavar="DATE,FACTOR",
            help="A date whose turbulence is FACTOR times that of the others; several times for several. Without "
            "--atmosphere all dates then have turbulence of 3 mm in the zenith and nothing that goes with height.",
        ),
        click.option(
            "--ionosphere", type=(float, float), default=(0.0, 0.0), metavar="EAST NORTH",
            help="TECU a kilometre by which the electrons of the later dates grow.",
        ),
        click.option("--corner", multiple=True, metavar=_LONLAT, help="A bright point on the ground."),
        click.option("--seed", type=int, default=1, show_default=True, help="Of everything random."),
    )(command)  # fmt: skip


def _like_options(command: Command) -> Command:
    """Return the options of pixels behind real products."""
    path = click.Path(path_type=Path)
    return together(
        click.option(
            "--like", type=path, multiple=True, metavar="SAFE",
            help="A real product (folder or zip; images are not needed) of which the annotation gets simulated "
            "pixels; twice, for two dates.",
        ),
        click.option("--orbits", type=path, metavar="DIR", help="With --like: orbit files of both dates."),
        click.option("--roi", metavar="ROI", help="With --like: area whose bursts get pixels.  [default: all]"),
        click.option("--dem", type=path, metavar="FILE", help="With --like: the ground.  [default: made]"),
        click.option(
            "--dem-datum", metavar="DATUM", help="With --dem: ellipsoid, egm96 or egm2008, if it does not say."
        ),
    )(command)  # fmt: skip


@click.command(short_help="Write Sentinel-1 scenes with known displacement.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@_scene_options
@_signal_options
@_like_options
@json_option
@telling_options
@click.pass_context
def simulate(context: click.Context, /, folder: Path, as_json: bool, **options: Any) -> None:
    """Write Sentinel-1 IW SLC scenes with known displacement into a new FOLDER.

    It gets the products of every date in slc/, orbit files, a DEM with ellipsoidal heights, the true displacement
    in truth/ and all parameters in truth.json. Any processor of Sentinel-1 can read them.

    With --like the pixels are put behind the annotation of real products: would this pair, with its own baseline,
    bursts and relief, show the displacement? Place, dates and frame are then those of the products, and --centre is
    where the deformation is.
    """
    from dinsar_cli import simulate as simulation
    from dinsar_cli.workflow.simulate_like import simulate_behind

    given = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    _check_given(given, like=bool(options["like"]))
    scenario = _scenario(options, given)
    if options["bad_date"] and not options["atmosphere"]:
        tell(_TURBULENT)
    with ScreenReporter(quiet=is_quiet()) as reporter:
        reporter.start("simulate")
        if options["like"]:
            stack = simulate_behind(_like(options, given), scenario, folder, reporter.progress)
        else:
            stack = simulation.simulate(scenario, folder, reporter.progress)
    if as_json:
        click.echo(json.dumps(_record(stack), indent=2))
        return
    tell_made(*(path for slices in stack.products for path in slices), *stack.orbits, stack.dem, stack.summary)
    tell_next(_next_command(stack))


_FRAME: Final = (
    "dates", "start", "interval", "direction", "missions", "bursts", "columns", "slices", "baseline",
    "burst_offset", "along_track_error", "orbit_error",
)  # fmt: skip


def _check_given(given: set[str], *, like: bool) -> None:
    """Refuse options that make no sense together."""
    if not like:
        alone = sorted(given & {"orbits", "roi", "dem", "dem_datum"})
        if alone:
            raise UsageError(
                f"{_flags(alone)} cannot be used without --like.",
                "A scene of its own has its own orbits, place and ground.",
                "Add --like A.SAFE --like B.SAFE, or leave it out.",
            )
        return
    taken = sorted(given & set(_FRAME))
    if taken:
        raise UsageError(
            f"{_flags(taken)} cannot be used with --like.",
            "Place, dates, frame, baseline and timing are those of the products.",
            "Leave it out.",
        )
    if "orbits" not in given:
        raise UsageError(
            "--orbits is missing.",
            "The geometry of the simulated pixels is that of the orbit files of both dates.",
            "Give the folder with them: --orbits DIR",
        )
    if {"dem", "relief"} <= given:
        raise UsageError(
            "--relief cannot be used with --dem.", "The relief is that of the DEM.", "Leave one of them out."
        )


def _flags(names: Sequence[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _like(options: dict[str, Any], given: set[str]) -> LikeWish:
    """Return the products, orbits and DEM of the options of the command."""
    from dinsar_cli.workflow.simulate_like import LikeWish

    return LikeWish(
        products=options["like"],
        orbits=options["orbits"],
        roi=options["roi"],
        polarization=options["polarization"] if "polarization" in given else "auto",
        swaths=_swaths(options["swaths"]) if "swaths" in given else (),
        dem=options["dem"],
        dem_datum=options["dem_datum"],
    )


def _record(stack: SimulatedStack) -> dict[str, Any]:
    return {
        "products": [[str(path) for path in slices] for slices in stack.products],
        "orbits": [str(path) for path in stack.orbits],
        "dem": str(stack.dem),
        "truth": str(stack.truth),
        "summary": str(stack.summary),
        "roi": stack.roi,
    }


def _next_command(stack: SimulatedStack) -> str:
    command, scenes = "run" if len(stack.products) == 2 else "stack", near(stack.products[0][0].parent)
    inputs = ["--orbits", near(stack.orbits[0].parent), "--dem", near(stack.dem), "--dem-datum", "ellipsoid"]
    return shlex.join(["dinsar", command, scenes, *inputs, *(["--roi", stack.roi] if stack.roi else [])])


def _scenario(options: dict[str, Any], given: set[str]) -> Scenario:
    """Return the scenario of the options of the command."""
    from dinsar_cli.simulate import Coherence, Corners, Lake, OrbitError, Scenario, Terrain

    up, right = options["orbit_error"]
    coherence, south = options["coherence"], options["coherence_south"]
    floor = min(0.3, coherence, coherence if south is None else south)
    centre, like = _lonlat("--centre", options["centre"]), bool(options["like"])
    return Scenario(
        centre=centre,
        source=centre if like and "centre" in given else None,
        dates=_dates(options["start"], options["dates"], options["interval"]),
        direction=options["direction"],
        missions=tuple(name.strip().upper() for name in options["missions"].split(",")),
        swaths=(1,) if like else _swaths(options["swaths"]),
        bursts=options["bursts"],
        columns=options["columns"] or None,
        slices=options["slices"],
        polarization="VV" if like else options["polarization"],
        baselines=_baselines(options["baseline"]),
        burst_offset=options["burst_offset"],
        along_track_error=options["along_track_error"],
        orbit_error=OrbitError(radial=up, across=right),
        deformation=_deformation(options["deformation"], options["peak"] / 100, options["depth"] * 1000),
        motion="velocity" if options["velocity"] else "step",
        terrain=Terrain(relief=options["relief"]),
        coherence=Coherence(repeat=coherence, floor=floor, south=south),
        lake=Lake() if options["lake"] else None,
        atmosphere=_atmosphere(options["bad_date"], full=options["atmosphere"]),
        ionosphere=_ionosphere(*options["ionosphere"]),
        corners=Corners(tuple(_lonlat("--corner", corner) for corner in options["corner"])),
        archive="safe" if options["folders"] else "zip",
        seed=options["seed"],
    )


def _deformation(model: str, peak: float, depth: float) -> Deformation:
    from dinsar_cli.simulate import GaussianBowl, Mogi, Ramp, RectangularDislocation, Rupture, Still

    models: dict[str, Deformation] = {
        "mogi": Mogi.from_uplift(peak, depth=depth),
        "okada": RectangularDislocation(slip=peak, depth=depth),
        "rupture": Rupture(slip=peak, depth=depth, length=2 * depth, bend=depth / 3),
        "bowl": GaussianBowl(peak=peak, radius=depth),
        "ramp": Ramp(east_per_km=peak, north_per_km=peak),
        "none": Still(),
    }
    return models[model]


def _baselines(texts: Sequence[str]) -> tuple[float, ...]:
    """Return the baselines of the later dates, metres, from options of one or of several."""
    try:
        return tuple(float(part) for text in texts for part in text.split(",")) or (80.0,)
    except ValueError as error:
        raise UsageError(
            f"--baseline {' '.join(texts)} is not understood.",
            "It is a number of metres, or one for each later date with commas between.",
            "For example: --baseline 40,-60,110",
        ) from error


def _atmosphere(bad_dates: Sequence[str], *, full: bool) -> Atmosphere | None:
    """Return the air of all dates: asked for, or as much as bad dates need to stand out."""
    from dinsar_cli.simulate import Atmosphere

    factors = tuple(_bad_date(text) for text in bad_dates)
    if full:
        return Atmosphere(factors=factors)
    return Atmosphere(turbulence=_TURBULENCE_MM / 1000, stratified=0.0, factors=factors) if factors else None


def _bad_date(text: str) -> tuple[date, float]:
    day, comma, factor = text.rpartition(",")
    try:
        return day_given("--bad-date", day if comma else text), float(factor)
    except ValueError as error:
        raise UsageError(
            f"--bad-date {text} is not understood.",
            "It is a date and how many times the turbulence of the others it has.",
            "For example: --bad-date 2023-09-16,5",
        ) from error


def _ionosphere(east: float, north: float) -> Ionosphere | None:
    from dinsar_cli.simulate import Ionosphere

    return Ionosphere(east_per_km=east, north_per_km=north) if east or north else None


def _dates(start: date, count: int, interval: int) -> tuple[date, ...]:
    try:
        return tuple(start + timedelta(days=interval * index) for index in range(count))
    except OverflowError as error:
        raise UsageError(
            f"{count} dates from {start:%Y-%m-%d} on, every {interval} days, cannot be simulated.",
            "The last of them lies after the year 9999.",
            "Correct --start, --dates or --interval.",
        ) from error


def _lonlat(option: str, text: str) -> tuple[float, float]:
    try:
        longitude, latitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"{option} {text} is not a point.",
            "It is longitude,latitude in degrees.",
            f"For example: {option} -8.85,31.35",
        ) from error
    return longitude, latitude


def _swaths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--swaths {text} is not understood.", "Subswaths are numbers from 1 to 3.", "For example: --swaths 1,2"
        ) from error
