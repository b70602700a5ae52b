"""The embedded engine as the pipeline sees it: its three resumable parts around the pure steps."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from functools import cache as once
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import fingerprint, sha256
from dinsar_cli.base.journal import Journal, StageRecord
from dinsar_cli.base.memory import peak_memory, share_one_heap
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import (
    STEPS_FILE,
    EngineInputs,
    Estimate,
    Forecast,
    Ground,
    Progress,
    RoughInputs,
    SceneInputs,
    StepChoice,
    Work,
    step_costs,
)
from dinsar_cli.engines.costs import Setting, forecast, layer_bytes, note
from dinsar_cli.engines.eos.area import CROP_MARGIN, both_orbits, crop, height_range
from dinsar_cli.engines.eos.bursts.misregistration import (
    MISREGISTRATION_FILE,
    SpectralDiversity,
    removed,
    save_misregistration,
)
from dinsar_cli.engines.eos.bursts.overlaps import OVERLAPS_FILE, Overlaps, save_overlaps
from dinsar_cli.engines.eos.bursts.steering import squint_of
from dinsar_cli.engines.eos.costs import CROSS, LAWS, STRIP_BYTES_PER_THREAD
from dinsar_cli.engines.eos.interferogram import StripWorker, form_all, strips
from dinsar_cli.engines.eos.phase import goldstein
from dinsar_cli.engines.eos.phase.filtering import filter_layers, strip_memory
from dinsar_cli.engines.eos.phase.ionosphere import (
    SPLIT_FILE,
    SUB_BANDS,
    band_distance,
    save_split,
    write_ionosphere,
)
from dinsar_cli.engines.eos.phase.unwrapping import unwrap_conjugate, unwrap_layers
from dinsar_cli.engines.eos.setup import IONOSPHERE_FILE, Setup, describe
from dinsar_cli.engines.eos.slc.mosaic import LookGrid
from dinsar_cli.engines.eos.slc.reader import SlcReader
from dinsar_cli.engines.eos.steps import PREFILTER
from dinsar_cli.engines.unseen import mask_mark
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.areas import clipped, surroundings
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.terrain import Terrain
from dinsar_cli.installation import install_command
from dinsar_cli.radar.interferogram import IONOSPHERE, LAYERS, Interferogram
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair, extent_of

_PACKAGES = ("eos-sar", "whirlwind-insar", "numpy", "opencv-python-headless", "rasterio")
_ROUGH_MARGIN = 1.3  # a box on the map in its bounds on the radar grid


class EosEngine:
    """Engine ``eos``: eos-sar and whirlwind inside this process."""

    name = "eos"
    remedy = f"{install_command('embedded')} (it needs a C compiler)"
    steps: tuple[str, ...] = ("form", "filter", "unwrap")

    def version(self, config: RunConfig) -> dict[str, str]:
        """Return the versions of the packages that compute."""
        del config  # they are those of this Python
        return package_versions()

    def check(self, config: RunConfig, pair: Pair | None = None) -> list[str]:
        """Return the reasons why the engine cannot work here; it reads the scenes of every satellite."""
        del pair
        missing = [package for package in _PACKAGES[:2] if package not in self.version(config)]
        return [f"the package {package} is not installed" for package in missing]

    def advice(self, config: RunConfig, pair: Pair | None = None) -> str:
        """Tell how to get it, when it is not there."""
        return self.remedy if self.check(config, pair) else ""

    def cautions(self, pair: Pair) -> list[str]:
        """Nothing."""
        del pair
        return []

    def place(self, config: RunConfig) -> str:
        """Nowhere else: it is in this Python."""
        del config
        return ""

    def fingerprint(self, config: RunConfig) -> dict[str, object]:
        """Return the options on which the interferogram depends, beside the inputs and the looks."""
        return {
            "engine": self.name,
            "versions": {name: package_versions().get(name) for name in _PACKAGES[:2]},
            "esd": config.coregistration.esd,
            "ionosphere": config.corrections.ionosphere,
            "strength": config.filter.strength,
            "reliability": config.unwrap.reliability,
            "mask": mask_mark(config),
        }

    def ground(self, scene: SceneInputs) -> Ground:
        """Return the area, and what is around it as far as a DEM reaches: where it ends the map is empty."""
        return self.rough_ground(scene.bounds, extent_of(scene.bursts, middle_of(scene.bounds)), scene.config)

    def rough_ground(self, bounds: Bounds, bursts: Bounds, config: RunConfig) -> Ground:
        """Return the same: it depends on nothing else."""
        del config
        return Ground(clipped(surroundings(bounds, math.inf), bursts), clipped(bounds, bursts))

    def estimate(self, inputs: EngineInputs) -> Estimate:
        """Return the seconds, memory and disk, from the size of the part that is processed."""
        work = _work(inputs, crop(inputs, inputs.heights, CROP_MARGIN)[1])
        return _estimated(forecast(inputs.history, LAWS, work, _setting(inputs)), work)

    def outlook(self, rough: RoughInputs) -> Estimate:
        """Return the same for the part of the bursts that lies about the area."""
        part = min(1.0, _ROUGH_MARGIN * rough.share)
        strips = min(STRIP_BYTES_PER_THREAD * rough.threads, rough.memory // 2)
        work = replace(
            rough.work,
            samples=rough.work.samples * part,
            cells=rough.work.cells * part,
            buffer=strips / 1e6,
        )
        return _estimated(forecast(rough.history, LAWS, work, Setting(self.name, rough.threads)), work)

    def check_options(self, config: RunConfig, bursts: Sequence[CommonBurst]) -> None:
        """Nothing: the ranges of its keys say it all."""

    def check_work(self, folder: Path, choice: StepChoice) -> str:
        """Refuse what only an engine with input files of its own can do."""
        del folder
        if choice.own_files:
            raise _no_files()
        return ""

    def prepare(self, inputs: EngineInputs, folder: Path, *, scripts: bool) -> list[Path]:
        """Refuse: this engine reads no files that a person could edit."""
        del inputs, folder, scripts
        raise _no_files()

    def process(self, inputs: EngineInputs, folder: Path, progress: Progress) -> Interferogram | None:
        """Make the interferogram; parts whose options and files hold are not made again."""
        import cv2

        share_one_heap()
        cv2.setNumThreads(1)  # strips are the unit of parallel work
        mosaic, grid = crop(inputs, height_range(inputs.dem), CROP_MARGIN)
        setup = Setup(inputs, folder, mosaic, grid, *both_orbits(inputs, mosaic.grid.epoch))
        work = _work(inputs, grid)
        journal = Journal.open(folder / STEPS_FILE)
        options = {
            "form": [
                _inputs_mark(inputs),
                astuple(grid.window),
                package_versions(),
                inputs.config.coregistration.esd,
                *(["split"] if inputs.config.corrections.ionosphere else []),
            ],
            "filter": [inputs.config.filter.strength, goldstein.DESIGN],
            "unwrap": [inputs.config.unwrap.reliability, PREFILTER, mask_mark(inputs.config, inputs.water)],
        }
        mark = ""
        for name, part in zip(self.steps, (_form, filter_layers, _unwrap), strict=True):
            mark = fingerprint([mark, options[name]])
            # what an earlier process left is proved by its content: it goes into the map
            if name == inputs.choice.first or not journal.holds(name, mark, verify=True):
                journal.forget(self.steps[self.steps.index(name) :])
                started = time.monotonic()
                with peak_memory() as peak:
                    files = part(setup, progress)
                    record = StageRecord(mark, (), time.monotonic() - started, peak())
                    journal.put(name, record, files, hash_of=sha256)
                note(inputs.history, name, step_costs(folder)[name], work, _setting(inputs))
            if name == inputs.choice.last:
                break
        return describe(setup, package_versions()) if name == self.steps[-1] else None

    def unwrap_conjugate(self, inputs: EngineInputs, folder: Path) -> NDArray[np.float32]:
        """Filter and unwrap the conjugate of the interferogram in a folder, as the interferogram was."""
        mosaic, grid = crop(inputs, height_range(inputs.dem), CROP_MARGIN)
        return unwrap_conjugate(Setup(inputs, folder, mosaic, grid, *both_orbits(inputs, mosaic.grid.epoch)))

    def leftovers(self, folder: Path, *, inputs: bool = False) -> tuple[Path, ...]:
        """Nothing: there is little beside the layers, and it spares most of the work when the filter changes."""
        del folder, inputs
        return ()


def _no_files() -> UsageError:
    return UsageError(
        "The engine eos has no input files to write or edit.",
        "It works in this process; files such as topsApp.xml are those of the engine isce2.",
        "Add --engine isce2.",
    )


_version_of = once(version)


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that compute."""
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = _version_of(package)
    return found


def _inputs_mark(inputs: EngineInputs) -> object:
    dem = inputs.dem.stat()
    bursts = [
        (view.subswath.measurement, view.burst.index, view.burst.azimuth_time)
        for burst in inputs.bursts
        for view in (burst.reference, burst.secondary)
    ]
    scenes = [
        (scene.name, scene.safe.path.stat().st_mtime_ns)
        for acquisition in (inputs.pair.reference, inputs.pair.secondary)
        for scene in acquisition.scenes
    ]
    orbits = [orbit.path.name for orbit in (inputs.reference_orbit, inputs.secondary_orbit)]
    return [bursts, scenes, orbits, inputs.dem.name, dem.st_size, dem.st_mtime_ns, inputs.bounds, str(inputs.looks)]


def _work(inputs: EngineInputs, grid: LookGrid) -> Work:
    """Tell how much there is to do in the part that is processed."""
    lines, samples = grid.window.shape
    return replace(
        inputs.work,
        samples=lines * samples / 1e6,
        cells=grid.lines * grid.samples / 1e6,
        buffer=strip_memory(inputs) / 1e6,
    )


def _estimated(steps: dict[str, Forecast], work: Work) -> Estimate:
    """Estimate of the steps; without the intermediates, the layers go too."""
    whole, layers = steps["unwrap"].disk, round(1e6 * work.cells * layer_bytes(LAYERS.values()))
    return Estimate(steps, {"keep": whole, "geocoded": whole, "delete": max(0, whole - layers)})


def _setting(inputs: EngineInputs) -> Setting:
    return Setting(EosEngine.name, inputs.threads)


def _unwrap(setup: Setup, progress: Progress) -> list[Path]:
    """Unwrapped phase and components, and the phase of the ionosphere where it is asked for."""
    files = unwrap_layers(setup, progress)
    for path in (setup.file(IONOSPHERE).path, setup.folder / IONOSPHERE_FILE):
        path.unlink(missing_ok=True)
    return [*files, *write_ionosphere(setup)] if setup.inputs.config.corrections.ionosphere else files


def _registered(worker: StripWorker, setup: Setup, told: Path) -> StripWorker:
    """Measure the misregistration along the track, note it in a file, and return the worker without it."""
    wish, threads, found = setup.inputs.config.coregistration.esd, setup.inputs.threads, None
    if wish != "none":
        memory = strip_memory(setup.inputs) // threads
        found = removed(SpectralDiversity((worker,), ((0, 1),), memory, threads).measure({0: 0.0}).get(1), wish)
    save_misregistration(told, found)
    return replace(worker, misregistration=found.lines) if found and found.removed else worker


def _form(setup: Setup, progress: Progress) -> list[Path]:
    """Interferogram, amplitudes and geometry on the look grid."""
    names = ("amplitude", "longitude", "latitude", "height", "los")
    layers = {name: setup.file(LAYERS[name]) for name in names} | {"cross": setup.file(CROSS)}
    terrain, reader = Terrain.open(setup.inputs.dem), SlcReader()
    try:
        worker = StripWorker(
            setup.mosaic,
            setup.look_grid,
            setup.reference,
            setup.secondary,
            terrain,
            terrain.height_range,
            reader,
        )
        threads = setup.inputs.threads
        memory = strip_memory(setup.inputs)
        told, found = beside = [setup.folder / name for name in (OVERLAPS_FILE, MISREGISTRATION_FILE)]
        worker = _registered(worker, setup, found)
        if setup.inputs.config.corrections.ionosphere:
            worker = replace(worker, split=band_distance(worker))
            beside.append(setup.folder / SPLIT_FILE)
            save_split(beside[-1], worker.split)
            layers["sub_bands"] = setup.file(SUB_BANDS)
        plan = strips(setup.look_grid.lines, worker.bytes_per_look_line, memory, threads)
        form_all(worker, plan, layers, threads, lambda share: progress("interferogram", share))
        (overlaps,) = Overlaps((worker,), ((0, 1),), memory // threads, threads).measure().values()
        save_overlaps(told, overlaps)
        layers["squint"] = setup.file(LAYERS["squint"])
        squint_of(setup.mosaic, setup.look_grid, setup.reference, layers["squint"])
    finally:
        reader.close()
        terrain.close()
    return [*(layer.path for layer in layers.values()), *beside]
