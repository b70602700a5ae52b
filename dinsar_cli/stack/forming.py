"""From the products of all dates to unwrapped interferograms of all pairs, on one radar grid.

What is done is done by pair: after a kill the strips that are written stay, a new date brings its own pairs only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import fingerprint, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos.costs import CROSS
from dinsar_cli.engines.eos.filtering import filter_layers, strip_memory
from dinsar_cli.engines.eos.interferogram import strips
from dinsar_cli.engines.eos.many_dates import DatesLayers, DatesWorker, form_dates
from dinsar_cli.engines.eos.reader import SlcReader
from dinsar_cli.engines.eos.steering import OVERLAPS_FILE, Overlaps, save_overlaps, squint_of
from dinsar_cli.engines.eos.unwrapping import unseen_cells, unwrap_seen
from dinsar_cli.geo.terrain import Terrain
from dinsar_cli.radar.interferogram import LAYERS, VISIBILITY, RadarFile, RadarLayer
from dinsar_cli.radar.visibility import left_out
from dinsar_cli.series.graph import Pair
from dinsar_cli.stack.folders import FORMING, share
from dinsar_cli.stack.work import StackWork, each_pair, mean_coherence, note_step, steps_of

AMPLITUDE = RadarLayer(
    "amplitude", "float32", (), "DN", "root mean square amplitude of the look cell on one date, uncalibrated"
)
_GROUND = ("longitude", "latitude", "height", "los")
_SHARED = (*_GROUND, "squint")


def form_pairs(work: StackWork) -> int:
    """Form the interferograms that are not there, and the geometry; give how many pairs that were."""
    pairs = work.lacking("form", work.form_mark)
    folders, first = work.folders, work.plan.first
    ground = not steps_of(folders.geometry_radar).holds("ground", work.geometry_mark, verify=True)
    if not pairs and not ground:
        return 0
    pairs = pairs or list(work.plan.network.pairs[:1])
    numbers, grid = work.plan.numbers, work.look_grid
    days = sorted({day for pair in pairs for day in pair})

    def file(folder: Path, layer: RadarLayer) -> RadarFile:
        return RadarFile(folder, layer, grid.lines, grid.samples)

    layers = DatesLayers(
        {(numbers[a], numbers[b]): file(work.radar((a, b)), CROSS) for a, b in pairs},
        {numbers[day]: file(folders.of_date(day), AMPLITUDE) for day in days},
        {name: file(folders.geometry_radar, LAYERS[name]) for name in _GROUND} if ground else {},
    )
    check_disk(folders.root, sum(layer.size for layer in layers.files), "the interferograms")
    terrain, reader = Terrain.open(work.ground.dem), SlcReader()
    try:
        worker = DatesWorker(work.strip_workers(terrain, reader), tuple(layers.cross))
        inputs = next(iter(work.inputs.values()))
        plan = strips(grid.lines, worker.bytes_per_look_line, strip_memory(inputs), inputs.threads)
        mark = fingerprint([[work.form_mark(pair) for pair in pairs], ground, plan])
        made = _Strips(folders.root / FORMING, mark, lambda share_: work.reporter.progress("dates", share_))
        if not made.done:
            for layer in layers.files:
                layer.create()
        form_dates(worker, made.left(plan), layers, inputs.threads, lambda strip: made.note(strip, len(plan)))
        memory = strip_memory(inputs) // inputs.threads
        overlaps = Overlaps(worker.workers, worker.pairs, memory, inputs.threads).measure()
        if ground:
            squint = file(folders.geometry_radar, LAYERS["squint"])
            setup = work.geometry_setup
            squint_of(setup.mosaic, grid, work.orbits[first], squint)
            paths = [layer.path for layer in (*layers.ground.values(), squint)]
            note_step(folders.geometry_radar, "ground", work.geometry_mark, paths)
    finally:
        reader.close()
        terrain.close()
    for day in days:
        note_step(folders.of_date(day), "form", work.date_mark(day), [folders.of_date(day) / "amplitude.npy"])
    for pair in pairs:
        told = work.radar(pair) / OVERLAPS_FILE
        save_overlaps(told, overlaps[numbers[pair[0]], numbers[pair[1]]])
        note_step(work.radar(pair), "form", work.form_mark(pair), [work.radar(pair) / "cross.npy", told])
    made.forget()
    return len(pairs)


class _Strips:
    """Which strips are written, in a file that outlives a kill.

    Parameters
    ----------
    path : Path
    mark : str
        What the strips depend on; those of another one do not count.
    progress : callable
        Takes the share that is done.
    """

    def __init__(self, path: Path, mark: str, progress: Callable[[float], None]) -> None:
        self._path, self._mark, self._progress, self._lock = path, mark, progress, Lock()
        record: Any = read_json(path) if path.is_file() else {}
        same = isinstance(record, dict) and record.get("mark") == mark
        self.done = {(int(a), int(b)) for a, b in record["done"]} if same else set()

    def left(self, plan: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the strips that are not written."""
        return [strip for strip in plan if strip not in self.done]

    def note(self, strip: tuple[int, int], total: int) -> None:
        """Note that one is written."""
        with self._lock:
            self.done.add(strip)
            write_text(self._path, json.dumps({"mark": self._mark, "done": sorted(self.done)}))
        self._progress(len(self.done) / total)

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
    unseen = (np.load(shared) & left_out(work.plan.config.mask)) > 0
    files = unwrap_seen(work.setup(radar, pair), unseen)
    note_step(radar, "unwrap", work.unwrap_mark(pair), files)
