"""``dinsar timeseries``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.options import day_given, folder_argument, json_option, telling_options
from dinsar_cli.cli.parts.common import near, table, tell, tell_made
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.timeseries.choices import Choices
    from dinsar_cli.timeseries.mintpy.second_opinion import Question, SecondOpinion

_FOLDER = click.Path(path_type=Path, file_okay=False)


class CoherentPairs(click.ParamType):  # type: ignore[type-arg]
    """Pairs: all, a number of them, or a share."""

    name = "pairs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, float]:
        """Return number and share, of which one is zero."""
        text = str(value).strip().lower()
        try:
            share = 1.0 if text == "all" else float(text[:-1]) / 100 if text.endswith("%") else float(text)
            number = 0 if text == "all" or not text.isdigit() else int(text)
        except ValueError:
            share, number = -1.0, 0
        if number:
            return number, 0.0
        if not 0 < share <= 1:
            self.fail(
                f"{value} is neither all, nor a number of pairs like 5, nor a share like 0.8 or 80%.", param, ctx
            )
        return 0, share


@click.command(
    short_help="Velocity and displacement of every date from many pairs.",
    epilog="""\b
Examples:
  dinsar timeseries STACK
  dinsar timeseries STACK --drop-dates auto
  dinsar timeseries STACK --step 2023-09-08 --seasonal
  dinsar timeseries STACK --with mintpy""",
)
@folder_argument(several=False)
@click.option("--output", type=_FOLDER, metavar="FOLDER", help="Folder for the files.  [default: FOLDER/series]")
@click.option("--no-repair", is_flag=True, help="Leave whole cycles by which triangles do not close as they are.")
@click.option(
    "--drop-dates",
    "drop",
    multiple=True,
    metavar="auto|DATE",
    help="Leave a date out, or with auto those that are much noisier than the others; may be repeated.",
)
@click.option(
    "--min-pairs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pairs that each date must have in a cell.",
)
@click.option(
    "--coherent-in",
    type=CoherentPairs(),
    metavar="all|N|SHARE",
    help="Pairs in which a cell must be coherent: all, a number, or a share like 0.8 or 80%.",
)
@click.option(
    "--least-coherence",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="From which on a cell is coherent for --coherent-in.",
)
@click.option(
    "--reference-window",
    "window",
    type=click.IntRange(min=0),
    metavar="CELLS",
    default=25,
    show_default=True,
    help="Side of the square around the reference whose calm, coherent cells are averaged; 0: as in the pairs.",
)
@click.option("--seasonal", is_flag=True, help="Solve for a period of a year beside the velocity.")
@click.option("--step", "steps", multiple=True, metavar="DATE", help="Solve for a jump at a date; may be repeated.")
@click.option("--netcdf", is_flag=True, help="Write series.nc too: all dates in one file, by the CF conventions.")
@click.option(
    "--with",
    "second",
    type=click.Choice(["mintpy"]),
    help="Let MintPy solve the same maps too, in its own environment, and compare: STACK/series/mintpy.",
)
@click.option(
    "--mintpy-python",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Python that has MintPy.",
)
@click.option("--mintpy-env", metavar="NAME", help="Conda environment that has MintPy.")
@click.option(
    "--mintpy-option",
    "mintpy_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of MintPy, such as networkInversion.weightFunc=no; may be repeated.",
)
@json_option
@telling_options
def timeseries(
    folders: tuple[Path, ...],
    output: Path | None,
    no_repair: bool,
    drop: tuple[str, ...],
    min_pairs: int,
    coherent_in: tuple[int, float] | None,
    least_coherence: float,
    window: int,
    seasonal: bool,
    steps: tuple[str, ...],
    netcdf: bool,
    second: str | None,
    mintpy_python: Path | None,
    mintpy_env: str | None,
    mintpy_options: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make velocity and displacement of every date from the maps of many pairs.

    FOLDER is that of dinsar stack, or one with the folders of runs on one grid; by default the current one. Cells
    whose triangles do not close by whole cycles are repaired where the cycles have one explanation. Dates count by
    how much their delay varies over the map; the sigma of the velocity has that, and decorrelation, in it.
    """
    from dinsar_cli.timeseries.choices import Choices, CoherentIn
    from dinsar_cli.timeseries.run import make_series

    (folder,) = folders
    dates = tuple(day_given("--drop-dates", text) for text in drop if text.lower() != "auto")
    choices = Choices(
        repair=not no_repair,
        drop=tuple(sorted(set(dates))),
        drop_noisy=len(dates) < len(drop),
        least_pairs=min_pairs,
        coherent_in=CoherentIn(*(coherent_in or (0, 0.0)), least_coherence),
        window=window,
        seasonal=seasonal,
        steps=tuple(sorted({day_given("--step", text) for text in steps})),
        netcdf=netcdf,
    )
    # MintPy is found before anything takes long
    ask = _question(second, mintpy_python, mintpy_env, mintpy_options, choices)
    made = make_series(folder, output or folder / "series", choices)
    record = made.record
    opinion = None
    if ask is not None:
        opinion = ask.put(folder, made, lambda step: tell(f"MintPy: {step}"))
    if as_json:
        told = {} if opinion is None else {"mintpy": opinion.record}
        click.echo(json.dumps({"folder": str(made.folder.resolve())} | record | told, indent=2))
        return
    tell_made(*record["notes"])
    quality = record["date_quality"]
    rows = [("Date", "Delay mm", "")]
    for day, told in quality.items():
        state = "left out" if day in record["dropped"] else "noisy" if told["noisy"] else ""
        rows.append((day, f"{1e3 * told['delay_sigma_m']:.1f}", state))
    if quality:
        tell_made(*table(rows, right=frozenset({1})))
    low, high = (f"{1e3 * value:+.1f}" for value in record["velocity_range_m_per_year"])
    sigma = 1e3 * record["median_velocity_sigma_m_per_year"]
    tell_made(f"velocity {low} to {high} mm/yr toward the satellite, sigma {sigma:.1f}, in {record['cells']} cells")
    tell_made(near(made.folder / "series.html"))
    if opinion is not None:
        _tell(opinion, record["notes"])
    elif (made.folder / "mintpy" / "mintpy.json").is_file():
        tell(f"{made.folder / 'mintpy'} is of an earlier call; it is made again with --with mintpy")


def _question(
    second: str | None, python: Path | None, conda_env: str | None, options: Sequence[str], choices: Choices
) -> Question | None:
    """Return what MintPy is to be asked, if it is."""
    from dinsar_cli.timeseries.mintpy.installation import find_mintpy
    from dinsar_cli.timeseries.mintpy.second_opinion import Question, options_of

    if second is not None:
        found = find_mintpy(python, conda_env)
        return Question(found, options_of(found, options, choices), choices)
    if python or conda_env or options:
        raise UsageError(
            "MintPy is told of, and not asked.",
            "--mintpy-python, --mintpy-env and --mintpy-option are for its run.",
            "Add --with mintpy, or leave them out.",
        )
    return None


def _tell(opinion: SecondOpinion, told: Sequence[str]) -> None:
    """Print how far the velocity is from MintPy's, with the notes that are not told yet."""
    record = opinion.record
    tell_made(f"MintPy {record['mintpy']}: its zero is {record['zero']['is']}")
    for note in record["notes"]:
        if note not in told:
            tell_made(note)
    rows = [("Coherence", "Cells", "Bias mm/yr", "RMS mm/yr", "Gain", "RMS, dates alike")]
    for row in opinion.rows:
        gain = "" if row.given.gain is None else f"{row.given.gain:.4f}"
        figures = (f"{1e3 * row.given.bias:+.3f}", f"{1e3 * row.given.rms:.3f}", gain, f"{1e3 * row.alike.rms:.3f}")
        rows.append((row.name, str(row.given.cells), *figures))
    tell_made(*table(rows, right=frozenset(range(1, 6))), near(opinion.folder / "velocity_difference.tif"))
