"""A stack under way: its plan, its folders, and the geometry that all dates share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.files import file_mark, fingerprint, sha256
from dinsar_cli.base.journal import RADAR, Journal, StageRecord
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.sections.map import FormatName
from dinsar_cli.engines.base import STEPS_FILE, EngineInputs
from dinsar_cli.engines.eos.area import CROP_MARGIN, both_orbits, crop, height_range
from dinsar_cli.engines.eos.bursts.misregistration import MISREGISTRATION_FILE, load_misregistration
from dinsar_cli.engines.eos.engine import package_versions
from dinsar_cli.engines.eos.interferogram import StripWorker
from dinsar_cli.engines.eos.phase import goldstein
from dinsar_cli.engines.eos.setup import Setup
from dinsar_cli.engines.eos.slc.mosaic import LookGrid, Mosaic
from dinsar_cli.engines.eos.slc.reader import SlcReader
from dinsar_cli.engines.eos.steps import PREFILTER
from dinsar_cli.engines.unseen import mask_mark
from dinsar_cli.geo.heights.terrain import Terrain
from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.radar.interferogram import LAYERS
from dinsar_cli.radar.overlaps import Misregistration
from dinsar_cli.series.graph import Pair
from dinsar_cli.stack.folders import StackFolders
from dinsar_cli.stack.plan import StackPlan
from dinsar_cli.workflow.interferogram_stages import Ground

_PAIR_BYTES = 130  # per cell, of a pair that is unwrapped or put on the map
_COMPUTING = ("eos-sar", "whirlwind-insar")


@dataclass(frozen=True)
class StackWork:
    """A stack under way.

    Attributes
    ----------
    plan : StackPlan
    folders : StackFolders
    ground : Ground
        DEM and water, on the disk.
    reporter : Reporter
    command : tuple of str
        For the record.
    """

    plan: StackPlan
    folders: StackFolders
    ground: Ground
    reporter: Reporter
    command: tuple[str, ...]

    @cached_property
    def inputs(self) -> dict[date, EngineInputs]:
        """What the engine works on to put each date on the geometry of the first."""
        return {day: self.plan.inputs(day, self.ground.dem, self.ground.water) for day in self.plan.others}

    @cached_property
    def _crops(self) -> dict[date, tuple[Mosaic, LookGrid]]:
        heights = height_range(self.ground.dem)
        return {day: crop(inputs, heights, CROP_MARGIN) for day, inputs in self.inputs.items()}

    @cached_property
    def orbits(self) -> dict[date, Orbit]:
        """Orbit of each date; their epochs lie as far apart as the dates."""
        found: dict[date, Orbit] = {}
        for day, inputs in self.inputs.items():
            found[self.plan.first], found[day] = both_orbits(inputs, self._crops[day][0].grid.epoch)
        return found

    @property
    def look_grid(self) -> LookGrid:
        """The look cells of all layers."""
        return next(iter(self._crops.values()))[1]

    @property
    def line_spacing(self) -> float:
        """Metres of ground from line to line."""
        return next(iter(self.inputs.values())).bursts[0].reference.subswath.azimuth_spacing

    @contextmanager
    def strip_workers(self) -> Iterator[dict[date, StripWorker]]:
        """Open images and terrain, and give what puts each date but the first on the geometry of the first."""
        terrain, reader = Terrain.open(self.ground.dem), SlcReader()
        first, heights = self.orbits[self.plan.first], terrain.height_range
        try:
            yield {
                day: StripWorker(mosaic, self.look_grid, first, self.orbits[day], terrain, heights, reader)
                for day, (mosaic, _) in self._crops.items()
            }
        finally:
            reader.close()
            terrain.close()

    def setup(self, folder: Path, pair: Pair | None = None) -> Setup:
        """Return what the steps of the engine share: of a pair, or of the geometry alone."""
        days = pair or (self.plan.first, self.plan.others[0])
        mosaic = next(iter(self._crops.values()))[0]
        inputs = replace(next(iter(self.inputs.values())), pair=self.plan.pair_of(days), threads=1)
        return Setup(inputs, folder, mosaic, self.look_grid, self.orbits[days[0]], self.orbits[days[1]])

    @cached_property
    def geometry_setup(self) -> Setup:
        """Return what makes the layers that all pairs share: cells lie where the first date sees them."""
        made = self.setup(self.folders.geometry_radar)
        return replace(made, reference=self.orbits[self.plan.first])

    def misregistration_file(self, day: date) -> Path:
        """Return where the misregistration of a date is noted."""
        return self.folders.of_date(day) / MISREGISTRATION_FILE

    def misregistration(self, day: date) -> Misregistration | None:
        """Return the misregistration of a date along the track against the first; None where it is not known."""
        none = self.plan.config.coregistration.esd == "none"
        return None if none else load_misregistration(self.misregistration_file(day))

    # --- what each step depends on

    @cached_property
    def geometry_mark(self) -> str:
        """Fingerprint of the radar grid and its ground."""
        bursts = [
            (burst.swath, burst.reference.burst.azimuth_time.isoformat())
            for burst in next(iter(self.inputs.values())).bursts
        ]
        window, looks = self.look_grid.window, str(self.plan.any.looks)
        dem = [self.ground.dem.name, *file_mark(self.ground.dem)[1:2]]
        place = [bursts, (window.top, window.bottom, window.left, window.right), looks, dem]
        return fingerprint([__version__, place, self.date_mark(self.plan.first)])

    def date_mark(self, day: date) -> str:
        """Fingerprint of the products and the orbit of a date."""
        scenes = [(scene.name, scene.safe.path.stat().st_mtime_ns) for scene in self.plan.acquisition(day).scenes]
        return fingerprint([scenes, self.plan.orbit(day).path.name])

    def align_mark(self, day: date) -> str:
        """Fingerprint of the misregistration of a date."""
        return fingerprint([self.geometry_mark, self.date_mark(day), self.plan.config.coregistration.esd])

    def resample_mark(self, day: date) -> str:
        """Fingerprint of the samples of a date on the geometry of the first."""
        versions = {name: package_versions().get(name) for name in _COMPUTING}
        return fingerprint([self.align_mark(day), versions])

    def form_mark(self, pair: Pair) -> str:
        """Fingerprint of the interferogram of a pair."""
        return fingerprint([*map(self.resample_mark, pair)])

    def filter_mark(self, pair: Pair) -> str:
        """Fingerprint of coherence and filtered phase."""
        return fingerprint([self.form_mark(pair), self.plan.config.filter.strength, goldstein.DESIGN])

    @cached_property
    def unseen_mark(self) -> str:
        """Fingerprint of what cells show instead of ground."""
        return fingerprint([self.geometry_mark, mask_mark(self.plan.config, self.ground.water)])

    def unwrap_mark(self, pair: Pair) -> str:
        """Fingerprint of the unwrapped phase."""
        reliability = self.plan.config.unwrap.reliability
        return fingerprint([self.filter_mark(pair), self.unseen_mark, reliability, PREFILTER])

    # --- steps and their journals

    def radar(self, pair: Pair) -> Path:
        """Return the folder of a pair's layers on the radar grid."""
        return self.folders.of_pair(pair) / RADAR

    def lacking(self, step: str, mark: Callable[[Pair], str]) -> list[Pair]:
        """Return the pairs of which a step is not done, or what it made is no longer as it was."""
        return [
            pair
            for pair in self.plan.network.pairs
            if not steps_of(self.radar(pair)).holds(step, mark(pair), verify=True)
        ]


def steps_of(folder: Path) -> Journal:
    """Return the journal of the steps in a folder of layers."""
    return Journal.open(folder / STEPS_FILE)


def note_step(folder: Path, step: str, mark: str, files: Iterable[Path]) -> None:
    """Note that a step in a folder is done; what followed it there is forgotten."""
    journal = steps_of(folder)
    names = list(journal.stages)
    if step in names:
        journal.forget(names[names.index(step) :])
    journal.put(step, StageRecord(mark), files, hash_of=sha256)


def mean_coherence(work: StackWork) -> NDArray[np.float32]:
    """Return the mean coherence of all pairs; shape (lines, samples)."""
    total = np.zeros((work.look_grid.lines, work.look_grid.samples), np.float64)
    for pair in work.plan.network.pairs:
        total += np.nan_to_num(work.setup(work.radar(pair)).file(LAYERS["coherence"]).read())
    return (total / len(work.plan.network.pairs)).astype(np.float32)


def each_pair(work: StackWork, step: str, pairs: Sequence[Pair], make: Callable[[Pair], None]) -> int:
    """Do a step of some pairs, as many at a time as cores and memory allow; give how many they were.

    The first one goes alone: it makes the tables of noise and of the unwrapper that all need, seconds of work that
    several at a time would each do.
    """
    grid, some = work.look_grid, work.plan.any
    cells = max(grid.lines * grid.samples, some.grid.width * some.grid.height)
    fitting = max(1, int(some.memory / 2 / (_PAIR_BYTES * cells)))
    for pair in pairs[:1]:
        make(pair)
    with ThreadPoolExecutor(min(some.threads, fitting)) as pool:
        futures = [pool.submit(make, pair) for pair in pairs[1:]]
        try:
            for done, future in enumerate(futures, 2):
                future.result()
                work.reporter.progress(step, done / len(pairs))
        finally:
            pool.shutdown(cancel_futures=True)
    return len(pairs)


def formats_of_pairs(config: RunConfig) -> tuple[FormatName, ...]:
    """Return the further formats that each pair gets: what MintPy loads is one folder of all pairs, made after."""
    return tuple(name for name in config.output.beside if name != "mintpy")
