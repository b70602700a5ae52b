"""``dinsar timeseries --with mintpy``: the same maps solved by MintPy, and how far both are from each other."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import UsageError
from dinsar_cli.formats.mintpy import CONFIGURATION, MintPySet, check_place, is_set
from dinsar_cli.products.layers import Layer, write_cog
from dinsar_cli.products.reader import Product, Products
from dinsar_cli.series.velocity import Model
from dinsar_cli.timeseries.choices import Choices
from dinsar_cli.timeseries.layers import TEMPORAL_COHERENCE, VELOCITY, VELOCITY_SIGMA, displacement_layer
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.maps.pair_maps import PairMaps, tags_of
from dinsar_cli.timeseries.mintpy.comparison import Row, compare_velocities
from dinsar_cli.timeseries.mintpy.installation import MintPy
from dinsar_cli.timeseries.mintpy.process import read_results, run_steps
from dinsar_cli.timeseries.mintpy.stack_set import StackSet, plan_set
from dinsar_cli.timeseries.reference import relative_to_one_place
from dinsar_cli.timeseries.run import Series
from dinsar_cli.timeseries.sample import without_empty

Floats = NDArray[np.floating[Any]]

FOLDER: Final = "mintpy"
RECORD: Final = "mintpy.json"
LOG: Final = "mintpy.log"
_RUN: Final = "run"
_STEPS: Final = (("--end", "reference_point"), ("--start", "correct_unwrap_error", "--end", "velocity"))
"""Without quick_overview, which finds nothing that the rest needs, and fails where all triangles close."""
_DIFFERENCE: Final = Layer(
    "velocity_difference",
    "Velocity of dinsar minus that of MintPy, of the same maps and relative to the same place",
    "m/year",
    ("difference",),
)
_PREFIX: Final = "mintpy."
_HEIGHT_OFF: Final = (
    "MintPy took off what it finds to be errors of the height, which is not done here; to compare like with like: "
    "--mintpy-option topographicResidual=no"
)


@dataclass(frozen=True)
class SecondOpinion:
    """What MintPy found.

    Attributes
    ----------
    folder : Path
    record : dict
        As in ``mintpy.json``.
    rows : list of Row
        The comparison.
    """

    folder: Path
    record: dict[str, Any]
    rows: list[Row] = field(default_factory=list)


def options_of(mintpy: MintPy, given: Sequence[str], choices: Choices) -> dict[str, str]:
    """Return the keys of MintPy that are set otherwise than is usual, without ``mintpy.``.

    What is solved for beside the velocity, and how many pairs each date must have, is that of the own series.

    Parameters
    ----------
    mintpy : MintPy
    given : sequence of str
        ``KEY=VALUE``, with or without ``mintpy.``.
    choices : Choices

    Raises
    ------
    UsageError
        When MintPy has no such key: it would not notice.
    """
    options: dict[str, str] = {}
    if choices.seasonal:
        options["timeFunc.periodic"] = "1"
    if choices.steps:
        options["timeFunc.stepDate"] = ",".join(f"{day:%Y%m%d}" for day in choices.steps)
    if choices.least_pairs > 1:
        options["networkInversion.minRedundancy"] = str(choices.least_pairs)
    for text in given:
        key, equals, value = (part.strip() for part in text.partition("="))
        key = key.removeprefix(_PREFIX)
        if not (equals and key and value):
            raise UsageError(
                f"--mintpy-option {text!r} cannot be read.",
                "It is a key of MintPy and its value.",
                "Write it as KEY=VALUE, such as networkInversion.weightFunc=no.",
            )
        if f"{_PREFIX}{key}" not in mintpy.keys:
            near = get_close_matches(f"{_PREFIX}{key}", sorted(mintpy.keys), 1)
            hint = f" The nearest is {near[0].removeprefix(_PREFIX)}." if near else ""
            raise UsageError(
                f"MintPy {mintpy.version} has no key {key}.",
                "It would take no notice of it.",
                f"See its smallbaselineApp.cfg for the keys.{hint}",
            )
        options[key] = value
    return options


@dataclass(frozen=True)
class Question:
    """What MintPy is asked, and by which choices the own series is made.

    Attributes
    ----------
    mintpy : MintPy
    options : mapping of str to str
        Keys of MintPy, see `options_of`.
    choices : Choices
    """

    mintpy: MintPy
    options: Mapping[str, str]
    choices: Choices

    def put(self, folder: Path, series: Series, on_step: Callable[[str], None]) -> SecondOpinion:
        """Let MintPy solve the maps of a series, and compare.

        Parameters
        ----------
        folder : Path
            Of the stack, or with the maps.
        series : Series
            What was made of it.
        on_step : callable
            Takes the name of each step of MintPy as it starts.

        Raises
        ------
        DinsarError
            When MintPy cannot solve them, or fails.
        """
        started = time.monotonic()
        check_place(series.folder, "--output FOLDER")
        output = make_folder(series.folder / FOLDER)
        dropped = [date.fromisoformat(day) for day in series.record["dropped"]]
        with Products() as files, bounded_raster_cache():
            maps = without_empty(open_maps(folder, files)).without(dropped)
            maps = relative_to_one_place(maps, self.choices.window)
            planned = plan_set(maps, dict(self.options), whole=False)
            self._run(maps, planned, output, on_step)
            scratch = Path(tempfile.mkdtemp(prefix=".read_", dir=output))
            try:
                read_results(self.mintpy, output / _RUN, scratch, output / LOG)
                rows, facts = _hand_over(scratch, output, series.folder, maps, planned, self.choices)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        record = {
            "schema_version": 1,
            "mintpy": self.mintpy.version,
            "python": str(self.mintpy.python),
            "configuration": f"{_RUN}/{CONFIGURATION}",
            "options": dict(self.options),
            "dates": [day.isoformat() for day in maps.dates],
            "pairs": len(maps.pairs),
            **facts,
            "notes": [*planned.made.notes, *_on_height(planned.made)],
            "comparison": [row.to_dict() for row in rows],
            "seconds": round(time.monotonic() - started, 1),
        }
        write_text(output / RECORD, json.dumps(record, indent=2) + "\n")
        return SecondOpinion(output, record, rows)

    def _run(self, maps: PairMaps, planned: StackSet, output: Path, on_step: Callable[[str], None]) -> None:
        """Write the maps for MintPy, and run it."""
        cells = maps.grid.width * maps.grid.height
        check_disk(output, cells * (24 * len(maps.pairs) + 16 * len(maps.dates)), "the run of MintPy")
        run, log = _fresh(output / _RUN), output / LOG
        planned.write(run)
        log.write_bytes(b"")
        for steps in _STEPS:
            run_steps(self.mintpy, run, steps, log, on_step)


def _on_height(made: MintPySet) -> tuple[str, ...]:
    """Tell that MintPy took something off that the own series has not taken off."""
    if made.setting("topographicResidual") == "no":
        return ()
    return (_HEIGHT_OFF,)


def _fresh(folder: Path) -> Path:
    """Return an empty folder; only one that was such a run before is emptied."""
    old = folder.with_name(f".{folder.name}_before")  # so that what is half removed is not taken for another's
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        if not is_set(folder):
            raise UsageError(
                f"{folder} is in the way.",
                f"What is in it is not of dinsar: it has no {CONFIGURATION} that says so.",
                "Remove or rename it, or choose another --output.",
            )
        folder.rename(old)
        shutil.rmtree(old)
    return make_folder(folder)


def _hand_over(
    scratch: Path, output: Path, own: Path, maps: PairMaps, planned: StackSet, choices: Choices
) -> tuple[list[Row], dict[str, Any]]:
    """Write what MintPy found, relative to the same place as the own series, and compare it with that.

    MintPy's zero is one cell; that of the maps may be a window, an area, or beside them: what the own series has in
    that cell is added to all of its.
    """
    days = [date.fromisoformat(day) for day in json.loads((scratch / "dates.json").read_text())["dates"]]
    series = np.load(scratch / "series.npy", mmap_mode="r")
    found = {
        name: np.load(scratch / f"{name}.npy") for name in ("velocity", "velocity_sigma", "temporal_coherence")
    }
    cell = planned.row, planned.column
    alike, shifts = _alike(own, maps, choices, cell)
    given = _read(own / "velocity.tif")
    shift = float(alike[cell])
    tags = tags_of(maps) | {"solved_by": "MintPy"}
    velocity = found["velocity"] + np.float32(shift)
    velocity[cell] = shift
    for layer, values in (
        (VELOCITY, velocity),
        (VELOCITY_SIGMA, found["velocity_sigma"]),
        (TEMPORAL_COHERENCE, found["temporal_coherence"]),
        (_DIFFERENCE, given - velocity),
    ):
        write_cog(output / f"{layer.name}.tif", values.astype(np.float32), maps.grid, layer, tags)
    for path in output.glob("displacement_????????.tif"):  # of an earlier call
        path.unlink()
    for number, day in enumerate(days):
        layer = displacement_layer(day, days[0])
        moved = series[number] - series[0] + np.float32(shifts[day])
        moved[cell] = shifts[day]
        write_cog(output / f"{layer.name}.tif", moved.astype(np.float32), maps.grid, layer, tags)
    rows = compare_velocities(given, alike, velocity, _mean_coherence(maps), _read_flags(own))
    place = planned.made.place
    facts = {
        "zero": {"row": cell[0], "column": cell[1], "is": "" if place is None else place.words},
        "velocity_added_m_per_year": shift,
        "cells": int(np.isfinite(velocity).sum()),
    }
    return rows, facts


def _alike(own: Path, maps: PairMaps, choices: Choices, cell: tuple[int, int]) -> tuple[Floats, dict[date, float]]:
    """Return the own velocity with dates that all count alike, and the own displacement of dates in a cell."""
    model = Model.of(maps.dates, seasonal=choices.seasonal, steps=choices.steps)
    total, at_cell = np.zeros(maps.grid.shape), {}
    for day, factor in zip(maps.dates, model.functional("velocity"), strict=True):
        moved = _read(own / f"displacement_{day:%Y%m%d}.tif")
        total += factor * moved
        at_cell[day] = float(np.nan_to_num(moved[cell]))
    total[cell] = np.nan_to_num(total[cell])
    return total, at_cell


def _read(path: Path) -> Floats:
    with Product(path) as product:
        return product.read_floats(1)


def _read_flags(own: Path) -> NDArray[np.integer[Any]]:
    with Product(own / "series_flags.tif") as product:
        return product.read(1)


def _mean_coherence(maps: PairMaps) -> Floats:
    mean = np.zeros(maps.grid.shape, np.float32)
    for rows in maps.parts():
        mean[rows] = np.nan_to_num(maps.coherence(rows)).mean(axis=0)
    return mean
