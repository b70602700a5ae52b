"""From the products of all dates to unwrapped interferograms of all pairs, on one radar grid.

What is done is done by pair: after a kill the strips that are written stay, a new date brings its own pairs only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import write_text
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos.bursts.misregistration import SpectralDiversity, removed, save_misregistration
from dinsar_cli.engines.eos.bursts.overlaps import OVERLAPS_FILE, Overlaps, save_overlaps
from dinsar_cli.engines.eos.bursts.steering import squint_of
from dinsar_cli.engines.eos.costs import CROSS
from dinsar_cli.engines.eos.interferogram import StripWorker, strips
from dinsar_cli.engines.eos.many_dates import DateFiles, GroundFiles, Strip, mean_interferogram, resampled_file
from dinsar_cli.engines.eos.phase.filtering import filter_layers, strip_memory
from dinsar_cli.engines.eos.phase.unwrapping import unseen_cells, unwrap_seen
from dinsar_cli.engines.eos.slc.mosaic import LookGrid
from dinsar_cli.radar.interferogram import LAYERS, VISIBILITY, RadarFile, RadarLayer
from dinsar_cli.radar.overlaps import Misregistration
from dinsar_cli.radar.visibility import left_out
from dinsar_cli.series.graph import Pair
from dinsar_cli.stack.folders import FORMING, share
from dinsar_cli.stack.work import StackWork, each_pair, mean_coherence, note_step, steps_of

_SHARED = ("longitude", "latitude", "height", "los", "squint")
_FORM_BYTES = 40  # per sample, of two dates and their product
_STRIP_BYTES = 32_000_000  # of a pair's strip: more is not faster
_GROUND, _ALIGN = "ground", "align"  # steps
_TOGETHER = 8  # dates of which the misregistration is solved together: memory stays flat in their number


def form_pairs(work: StackWork) -> int:
    """Form the interferograms that are not there, and the geometry; give how many pairs that were."""
    pairs, grid = work.lacking("form", work.form_mark), work.look_grid
    days = _lacking_dates(work, pairs)
    ground_made = steps_of(work.folders.geometry_radar).holds(_GROUND, work.geometry_mark, verify=True)
    if pairs or days or not ground_made:
        with work.strip_workers() as found:
            workers = _registered(work, found)
            _resample_dates(work, workers, days, ground_made=ground_made)
            _measure_overlaps(work, workers, pairs)
    check_disk(work.folders.root, len(pairs) * _layer(work, work.folders.root, CROSS).size, "the interferograms")
    formed = each_pair(work, "interferograms", pairs, lambda pair: _form(work, pair, grid))
    if work.plan.config.stack.resampled == "delete":
        for day in work.plan.network.dates:
            resampled_file(work.folders.of_date(day), grid).path.unlink(missing_ok=True)
    return formed


def _registered(work: StackWork, workers: Mapping[date, StripWorker]) -> dict[date, StripWorker]:
    """Return the workers with the misregistration along the track that each date has; measure what is not known."""
    if work.plan.config.coregistration.esd == "none":
        return dict(workers)
    known = {work.plan.first: 0.0}
    lacking = []
    for day in work.plan.others:
        if steps_of(work.folders.of_date(day)).holds(_ALIGN, work.align_mark(day), verify=True):
            known[day] = _lines_off(work.misregistration(day))
        else:
            lacking.append(day)
    for start in range(0, len(lacking), _TOGETHER):
        some = lacking[start : start + _TOGETHER]
        for day, found in zip(some, _measured(work, workers, some, known), strict=True):
            save_misregistration(work.misregistration_file(day), found)
            note_step(work.folders.of_date(day), _ALIGN, work.align_mark(day), [work.misregistration_file(day)])
            known[day] = _lines_off(found)
    return {day: replace(worker, misregistration=known[day]) for day, worker in workers.items()}


def _lines_off(found: Misregistration | None) -> float:
    return found.lines if found is not None and found.removed else 0.0


def _measured(
    work: StackWork, workers: Mapping[date, StripWorker], days: Sequence[date], known: Mapping[date, float]
) -> list[Misregistration | None]:
    """Measure the misregistration of some dates, over their pairs with each other and with those that are known."""
    numbers, inputs = work.plan.numbers, next(iter(work.inputs.values()))
    pairs = [
        pair for pair in work.plan.network.pairs if set(days).intersection(pair) and set(pair) <= {*days, *known}
    ]
    pairs = pairs or [(min(known), day) for day in days]
    diversity = SpectralDiversity(
        tuple(workers.values()),
        tuple((numbers[first], numbers[second]) for first, second in pairs),
        strip_memory(inputs) // inputs.threads,
        inputs.threads,
    )
    found = diversity.measure({numbers[day]: lines for day, lines in known.items()})
    return [removed(found.get(numbers[day]), work.plan.config.coregistration.esd) for day in days]


def _resample_dates(
    work: StackWork, workers: Mapping[date, StripWorker], days: Sequence[date], *, ground_made: bool
) -> None:
    """Solve the geometry unless it is there, and resample dates."""
    first, grid = work.plan.first, work.look_grid
    some, inputs = next(iter(workers.values())), next(iter(work.inputs.values()))
    plan = strips(grid.lines, some.bytes_per_look_line, strip_memory(inputs), inputs.threads)
    ground = GroundFiles(some, work.folders.geometry_radar)
    dates = {day: DateFiles(workers.get(day, some), day == first, work.folders.of_date(day)) for day in days}
    files: dict[str, Sequence[RadarFile]] = {
        work.resample_mark(day): (one.samples, one.amplitude) for day, one in dates.items()
    }
    if not ground_made:
        files[work.geometry_mark] = ground.files
    check_disk(work.folders.root, sum(file.size for made in files.values() for file in made), "the dates")
    made = _Strips(work.folders.root / FORMING, plan, files, work.reporter)
    if not ground_made:
        made.each(work.geometry_mark, ground.make, inputs.threads)
        squint = _layer(work, ground.folder, LAYERS["squint"])
        squint_of(work.geometry_setup.mosaic, grid, work.orbits[first], squint)
        note_step(ground.folder, _GROUND, work.geometry_mark, [file.path for file in (*ground.files, squint)])
    for day, one in dates.items():
        made.each(work.resample_mark(day), partial(one.make, ground), inputs.threads)
        note_step(one.folder, "amplitude", work.resample_mark(day), [one.amplitude.path])
        note_step(one.folder, "resample", work.resample_mark(day), [one.samples.path])
    made.forget()


def _measure_overlaps(work: StackWork, workers: Mapping[date, StripWorker], pairs: Sequence[Pair]) -> None:
    """Compare bursts where they overlap, in the interferograms of some pairs."""
    if not pairs:
        return
    numbers, inputs = work.plan.numbers, next(iter(work.inputs.values()))
    counted = tuple((numbers[first], numbers[second]) for first, second in pairs)
    memory = strip_memory(inputs) // inputs.threads
    told = Overlaps(tuple(workers.values()), counted, memory, inputs.threads).measure()
    for pair, named in zip(pairs, counted, strict=True):
        save_overlaps(work.radar(pair) / OVERLAPS_FILE, told[named])


def _lacking_dates(work: StackWork, pairs: Sequence[Pair]) -> list[date]:
    """Return the dates that have to be resampled: for pairs, or because their amplitude is not there."""
    needed = {day for pair in pairs for day in pair}

    def holds(day: date, step: str) -> bool:
        return steps_of(work.folders.of_date(day)).holds(step, work.resample_mark(day), verify=True)

    return [
        day
        for day in work.plan.network.dates
        if not holds(day, "amplitude") or (day in needed and not holds(day, "resample"))
    ]


def _layer(work: StackWork, folder: Path, layer: RadarLayer) -> RadarFile:
    return RadarFile(folder, layer, work.look_grid.lines, work.look_grid.samples)


def _form(work: StackWork, pair: Pair, grid: LookGrid) -> None:
    reference, secondary = (resampled_file(work.folders.of_date(day), grid) for day in pair)
    cross = _layer(work, work.radar(pair), CROSS)
    cross.create()
    line_bytes = grid.looks.azimuth * grid.window.shape[1] * _FORM_BYTES
    for strip in strips(grid.lines, line_bytes, _STRIP_BYTES, 1):
        cross.write(strip[0], mean_interferogram(reference, secondary, grid.looks, strip))
    note_step(work.radar(pair), "form", work.form_mark(pair), [cross.path, work.radar(pair) / OVERLAPS_FILE])


class _Strips:
    """Which strips of which files are written, in a file that outlives a kill.

    Parameters
    ----------
    path : Path
    plan : sequence of (int, int)
        The strips.
    files : mapping of str to sequence of RadarFile
        What is written strip by strip, by what it depends on; created here unless some strip is there.
    reporter : Reporter
        Is told the share that is done.
    """

    def __init__(
        self, path: Path, plan: Sequence[Strip], files: Mapping[str, Sequence[RadarFile]], reporter: Reporter
    ) -> None:
        self._path, self._plan, self._reporter = path, plan, reporter
        self._done: dict[str, list[Strip]] = {name: [] for name in files}
        record: Any = read_json(path) if path.is_file() else {}
        if isinstance(record, dict) and record.get("strips") == [list(strip) for strip in plan]:
            self._done |= {name: [(a, b) for a, b in record["done"].get(name, ())] for name in files}
        for name, some in files.items():
            if not self._done[name]:
                for file in some:
                    file.create()

    def each(self, name: str, make: Callable[[Strip], None], threads: int) -> None:
        """Make the strips that are not written, several at a time."""
        left = [strip for strip in self._plan if strip not in self._done[name]]
        with ThreadPoolExecutor(threads) as pool:
            futures = {pool.submit(make, strip): strip for strip in left}
            try:
                for future in as_completed(futures):
                    future.result()
                    self._note(name, futures[future])
            finally:
                pool.shutdown(cancel_futures=True)

    def _note(self, name: str, strip: Strip) -> None:
        self._done[name].append(strip)
        write_text(self._path, json.dumps({"strips": self._plan, "done": self._done}))
        written = sum(len(strips_) for strips_ in self._done.values())
        self._reporter.progress("dates", written / (len(self._done) * len(self._plan)))

    def forget(self) -> None:
        """Remove the file: all is noted elsewhere."""
        self._path.unlink(missing_ok=True)


def filter_pairs(work: StackWork) -> int:
    """Make coherence and filtered phase of the pairs that lack them; give how many that were."""
    return each_pair(work, "filter", work.lacking("filter", work.filter_mark), lambda pair: _filter(work, pair))


def _filter(work: StackWork, pair: Pair) -> None:
    radar = work.radar(pair)
    for name in _SHARED:
        share(work.folders.geometry_radar / f"{name}.npy", radar)
    setup = work.setup(radar, pair)
    amplitude = setup.file(LAYERS["amplitude"])
    amplitude.create()
    dates = (np.load(work.folders.of_date(day) / "amplitude.npy") for day in pair)
    amplitude.write(0, np.stack(list(dates)))
    files = filter_layers(setup, lambda *_: None)
    note_step(radar, "filter", work.filter_mark(pair), [amplitude.path, *files])


def find_unseen_cells(work: StackWork) -> None:
    """Find what cells show instead of ground, once for all pairs: water is known by the coherence of all."""
    setup, folder = work.geometry_setup, work.folders.geometry_radar
    if not steps_of(folder).holds("unseen", work.unseen_mark, verify=True):
        unseen_cells(setup, mean_coherence(work))
        note_step(folder, "unseen", work.unseen_mark, [setup.file(VISIBILITY).path])


def unwrap_pairs(work: StackWork) -> int:
    """Unwrap the pairs that are not; give how many that were."""
    return each_pair(work, "unwrap", work.lacking("unwrap", work.unwrap_mark), lambda pair: _unwrap(work, pair))


def _unwrap(work: StackWork, pair: Pair) -> None:
    radar = work.radar(pair)
    shared = share(work.geometry_setup.file(VISIBILITY).path, radar)
    unseen = (np.load(shared) & left_out(work.plan.config)) > 0
    files = unwrap_seen(work.setup(radar, pair), unseen)
    note_step(radar, "unwrap", work.unwrap_mark(pair), files)
