"""ISCE2's topsApp as the pipeline sees it: configured, run in the resumable form, and its outputs collected."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli.engines.base import EngineInputs, Estimate, Progress
from dinsar_cli.engines.topsapp.demfiles import write_isce_dem
from dinsar_cli.engines.topsapp.installation import Installation, find_isce2
from dinsar_cli.engines.topsapp.outputs import collect
from dinsar_cli.engines.topsapp.runner import run_topsapp
from dinsar_cli.engines.topsapp.steps import STEPS, forget_all, forget_from, next_step
from dinsar_cli.engines.topsapp.template import TopsSettings, first_step_affected, record, render
from dinsar_cli.errors import EngineError
from dinsar_cli.memory import peak_memory
from dinsar_cli.radar import Interferogram
from dinsar_cli.workspace import Journal, StageRecord, fingerprint, make_folder, write_text

if TYPE_CHECKING:
    from dinsar_cli.config import RunConfig

_WORK = "isce2"  # folder of topsApp, beside that of the radar layers
_SETTINGS = "settings.json"
_DISK_PER_SAMPLE = 100  # bytes for each sample of the bursts in use, at the peak before mergebursts
_MEMORY = 800_000_000  # bytes
_MEMORY_PER_SAMPLE = 25


class TopsAppEngine:
    """Engine ``isce2``: topsApp in a process of its own, in whatever environment it lives."""

    name = "isce2"
    remedy = "conda env create -f environment.yml, or set ISCE_HOME or isce2.home"

    def version(self, config: RunConfig) -> dict[str, str]:
        """Versions of ISCE2, its Python and its GDAL."""
        found, _ = _find(config)
        if found is None:
            return {}
        return {"ISCE2" if key == "version" else f"ISCE2's {key}": text for key, text in found.versions.items()}

    def check(self, config: RunConfig) -> list[str]:
        """Reasons why the engine cannot work here."""
        found, reason = _find(config)
        return [] if found else [reason]

    def fingerprint(self, config: RunConfig) -> dict[str, object]:
        """Options on which the interferogram depends, beside the inputs and the looks."""
        return {
            "engine": self.name,
            "version": self.version(config).get("ISCE2"),
            "strength": config.filter.strength,
        }

    def estimate(self, inputs: EngineInputs) -> Estimate:
        """Memory and disk, from the size of the bursts in use: topsApp works on whole bursts."""
        samples = sum(
            burst.reference.subswath.lines_per_burst * burst.reference.subswath.samples for burst in inputs.bursts
        )
        return Estimate(memory=_MEMORY + _MEMORY_PER_SAMPLE * samples, disk=_DISK_PER_SAMPLE * samples)

    def process(self, inputs: EngineInputs, folder: Path, progress: Progress) -> Interferogram:
        """Make the interferogram; finished steps that no change affects are not done again."""
        installation, reason = _find(inputs.config)
        if installation is None:
            raise EngineError("ISCE2 cannot be run.", f"{reason}.", self.remedy)
        work = folder.resolve().parent / _WORK
        settings = _settings(inputs, work)
        _keep_what_holds(work, settings, _inputs_mark(inputs))
        make_folder(work)
        if not settings.dem.with_suffix(settings.dem.suffix + ".xml").is_file():
            write_isce_dem(inputs.dem, work)
        for name, text in render(settings).items():
            write_text(work / name, text)
        start = next_step(work)
        if start is not None:
            _run(installation, work, start, inputs, folder, progress)
        progress("outputs", 0.99)
        return collect(
            work,
            make_folder(folder),
            looks=inputs.looks,
            dates=(inputs.pair.reference.start, inputs.pair.secondary.start),
            versions=self.version(inputs.config),
            threads=inputs.threads,
        )


def _find(config: RunConfig) -> tuple[Installation | None, str]:
    return find_isce2(config.isce2.home, config.isce2.python, config.isce2.conda_env)


def _settings(inputs: EngineInputs, work: Path) -> TopsSettings:
    """What topsApp is asked for."""
    pair = inputs.pair
    return TopsSettings(
        reference_safe=tuple(str(scene.safe.path.resolve()) for scene in pair.reference.scenes),
        secondary_safe=tuple(str(scene.safe.path.resolve()) for scene in pair.secondary.scenes),
        reference_orbit=str(inputs.reference_orbit.path.resolve()),
        secondary_orbit=str(inputs.secondary_orbit.path.resolve()),
        swaths=tuple(sorted({int(burst.swath.removeprefix("IW")) for burst in inputs.bursts})),
        polarization=pair.polarization.lower(),
        region_of_interest=inputs.bounds,
        dem=work / "dem.wgs84",
        looks=inputs.looks,
        filter_strength=inputs.config.filter.strength,
    )


def _inputs_mark(inputs: EngineInputs) -> str:
    """Fingerprint of the files that topsApp reads."""
    scenes = (*inputs.pair.reference.scenes, *inputs.pair.secondary.scenes)
    files = [
        *(scene.safe.path for scene in scenes),
        inputs.reference_orbit.path,
        inputs.secondary_orbit.path,
        inputs.dem,
    ]
    return fingerprint([(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files])


def _keep_what_holds(work: Path, settings: TopsSettings, mark: str) -> None:
    """Remove what an earlier run left from the first step on that a change affects, and note the new settings."""
    wanted: dict[str, Any] = {"inputs": mark, "settings": record(settings)}
    file = work / _SETTINGS
    old: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    if old == wanted:
        return
    if old is None or old["inputs"] != mark:
        forget_all(work)
    else:
        affected = first_step_affected(old["settings"], wanted["settings"])
        if affected is not None:
            forget_from(work, affected)
    make_folder(work)
    write_text(file, json.dumps(wanted, indent=2) + "\n")


def _run(
    installation: Installation, work: Path, start: str, inputs: EngineInputs, radar: Path, progress: Progress
) -> None:
    """Run topsApp to the unwrapped phase and note the time of each step."""
    journal = Journal.open(radar / "steps.json")
    journal.forget(STEPS[STEPS.index(start) :])
    started = time.monotonic()
    with peak_memory() as peak:
        seconds = run_topsapp(installation, work, start, STEPS[-1], inputs.threads, progress)
        spent = time.monotonic() - started
        for step, duration in seconds.items():
            journal.put(step, StageRecord(start, (), duration, peak(), {"of": spent}), [])
