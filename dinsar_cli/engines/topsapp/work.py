"""The working folder of topsApp: its input files, what they were made of, and what of an earlier run holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from dinsar_cli.base.files import fingerprint, make_folder, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.base import EngineInputs, StepChoice
from dinsar_cli.engines.topsapp.by_hand import edited_files, marks_of, read_own_files, read_record
from dinsar_cli.engines.topsapp.cut import columns_of, cut_products, write_cut
from dinsar_cli.engines.topsapp.results import half_turn as halfturn
from dinsar_cli.engines.topsapp.results.dem_files import write_isce_dem
from dinsar_cli.engines.topsapp.scripts.burstwise import BURSTS
from dinsar_cli.engines.topsapp.settings.columns import AllColumns, read_columns
from dinsar_cli.engines.topsapp.settings.file_names import CUT, CUT_NOTE, DEM_NAME, INPUT_FILES, NOTE
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA
from dinsar_cli.engines.topsapp.settings.steps import (
    EVERY,
    STEPS,
    forget_all,
    forget_from,
    made_by_topsapp,
    next_step,
)
from dinsar_cli.engines.topsapp.settings.template import TopsSettings, first_step_affected, record, render
from dinsar_cli.engines.unseen import mask_mark
from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.acquisition import Acquisition

_DEM_STEP = "verifyDEM"  # the first that reads it
_PHASE_SIGMA_STEP = "filter"  # likewise


@dataclass(frozen=True)
class Noted:
    """What was noted when the input files of topsApp were last written.

    Attributes
    ----------
    inputs, dem : str
        Fingerprints of the scenes and orbits that topsApp reads, and of the DEM.
    settings : dict
        Properties that it was asked for.
    mask : str
        Fingerprint of what is left out of the unwrapping.
    files : dict
        Hashes of its input files, by name.
    """

    inputs: str = ""
    dem: str = ""
    mask: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, work: Path) -> Noted:
        """Read the note; what is not there, or cannot be read, is empty: everything is then done again."""
        try:
            return cls(**read_json(work / NOTE))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, work: Path) -> None:
        """Write the note."""
        write_text(work / NOTE, json.dumps(asdict(self), indent=2) + "\n")


def settings_of(
    inputs: EngineInputs, work: Path, *, gpu: bool, given: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> TopsSettings:
    """Tell what topsApp is asked for.

    Parameters
    ----------
    inputs : EngineInputs
        The run.
    work : Path
        Working folder of topsApp.
    gpu : bool
        Whether there is a GPU that ISCE2 can use.
    given : mapping
        By date, the products that topsApp gets in place of those of the pair.
    """
    pair, options = inputs.pair, inputs.config.topsapp
    for scene in (*pair.reference.scenes, *pair.secondary.scenes):
        if not given and not scene.safe.is_as_delivered:
            raise UsageError(
                f"The scene {scene.safe.path} cannot be read by ISCE2.",
                "It looks in a file .zip for NAME.SAFE/..., and this zip calls its files otherwise.",
                "Unpack it and give the folder, or take --engine eos, which reads it as it is.",
            )
    return TopsSettings(
        reference_safe=given.get("reference") or _delivered(pair.reference),
        secondary_safe=given.get("secondary") or _delivered(pair.secondary),
        reference_orbit=str(inputs.reference_orbit.path.resolve()),
        secondary_orbit=str(inputs.secondary_orbit.path.resolve()),
        swaths=tuple(sorted({int(burst.swath.removeprefix("IW")) for burst in inputs.bursts})),
        polarization=pair.polarization.lower(),
        region_of_interest=inputs.bounds,
        dem=work / DEM_NAME,
        looks=inputs.looks,
        filter_strength=inputs.config.filter.strength,
        options=options.model_copy(update={"cut": "area" if given else "none"}),  # as it is, whatever was wished
        offsets=inputs.config.offsets if inputs.config.offsets.enabled else None,
        gpu=gpu if options.use_gpu == "auto" else options.use_gpu,
    )


def check_work(work: Path, choice: StepChoice) -> str:
    """Refuse input files that were edited by hand, unless that is meant; then give their fingerprint.

    Raises
    ------
    UsageError
        When they were edited, or belong to a topsApp that was started by hand; or when there are none to use.
    """
    if choice.own_files:
        texts = read_own_files(work)
        if "topsApp.xml" not in texts:
            raise UsageError(
                f"There is no topsApp.xml in {work}.",
                "--use-existing-xml takes the files that are there.",
                "Write them with: dinsar process --xml-only",
            )
        read_record(work)
        return fingerprint(texts)
    noted = Noted.read(work)
    if not noted.inputs and next_step(work) != STEPS[0]:
        raise UsageError(
            f"{work} is the work of a topsApp that this program has not started.",
            "What it has asked for is not known.",
            "Add --use-existing-xml to go on with it, choose another --workdir, or remove it.",
        )
    edited = edited_files(work, noted.files)
    if edited:
        raise UsageError(
            f"{' and '.join(edited)} in {work} {'were' if len(edited) > 1 else 'was'} edited by hand.",
            "It is not as this program wrote it, and would be written anew.",
            "Add --use-existing-xml to run topsApp with it as it is, or remove it.",
        )
    return ""


def columns_for(inputs: EngineInputs, work: Path) -> AllColumns:
    """Return the columns that topsApp is given, or was when its files were written that are used as they are."""
    return read_columns(work) if inputs.choice.own_files else columns_of(inputs)


def make_inputs(inputs: EngineInputs, work: Path, columns: AllColumns, *, gpu: bool) -> None:
    """Write what topsApp reads, after removing what an earlier run made with something else.

    Parameters
    ----------
    inputs : EngineInputs
        The run. Files that were edited by hand stay as they are when it says so.
    work : Path
        Working folder of topsApp; made if need be.
    columns : mapping
        What `columns_for` gave.
    gpu : bool
        Whether there is a GPU that ISCE2 can use.
    """
    turned = halfturn.is_wanted(inputs.dem)
    own = inputs.choice.own_files
    seen = halfturn.turned_inputs(inputs, work) if turned else inputs
    settings = settings_of(seen, work, gpu=gpu, given=cut_products(inputs) if columns else {})
    texts = read_own_files(work) if own else render(settings)
    wanted = Noted(
        inputs=_mark_of(_scenes_and_orbits(inputs)) + _mark_of_columns(columns),
        dem=_mark_of([inputs.dem]) + ("turned" if turned else ""),
        mask=fingerprint(mask_mark(inputs.config, inputs.water)),
        settings=read_record(work) | record(settings, unwritten_only=True) if own else record(settings),
        files=marks_of(texts),
    )
    noted = Noted.read(work)
    if noted != wanted:
        _forget_what_changed(work, noted, wanted)
        make_folder(work)
        if not own:  # an old file beside a new note would look as if somebody had edited it
            for name in INPUT_FILES:
                (work / name).unlink(missing_ok=True)
        wanted.write(work)
    if not own and (noted != wanted or (columns and not (work / CUT / CUT_NOTE).is_file())):
        write_cut(inputs, columns, work)
    if own:  # whoever edits the region chooses by it
        (work / BURSTS).unlink(missing_ok=True)
    else:
        write_text(work / BURSTS, json.dumps(burst_times(inputs), indent=1) + "\n")
    if turned:
        halfturn.write_orbits(inputs, work)
    else:
        halfturn.turn_back(work)
    if not _dem_header(work).is_file():
        write_isce_dem(inputs.dem, work, turned=turned)
    for name, text in texts.items():
        if not (work / name).is_file():
            write_text(work / name, text)


def burst_times(inputs: EngineInputs) -> list[str]:
    """Return the times of the first lines of the bursts in use on both dates.

    topsApp takes the bursts of a subswath without a gap: those between two in use are in use too.
    """
    found = list(inputs.bursts)
    for swath in {burst.swath for burst in inputs.bursts}:
        used = [burst.reference.burst.azimuth_time for burst in inputs.bursts if burst.swath == swath]
        found += [
            burst
            for burst in inputs.pair.common_bursts
            if burst.swath == swath and min(used) < burst.reference.burst.azimuth_time < max(used)
        ]
    times = {view.burst.azimuth_time for burst in found for view in (burst.reference, burst.secondary)}
    return [time.replace(tzinfo=None).isoformat(timespec="microseconds") for time in sorted(times)]


def start_again(work: Path, step: str) -> None:
    """Make a step the next one.

    Raises
    ------
    UsageError
        When a step before it is not done.
    """
    there = next_step(work)
    if there is not None and STEPS.index(there) < STEPS.index(step):
        raise UsageError(
            f"topsApp cannot start at its step {step}.",
            f"Its step {there} comes before and is not done in {work}.",
            f"Start at {there}, or leave --from out.",
        )
    forget_from(work, step)


def left_by_topsapp(work: Path, *, inputs: bool) -> tuple[Path, ...]:
    """Return the files in a working folder that a finished run does not need any more.

    Parameters
    ----------
    work : Path
        Working folder of topsApp. In one that this program has not started, nothing is ours.
    inputs : bool
        Whether the input files are wanted too; those that a person edited stay.
    """
    noted = Noted.read(work)
    if not noted.inputs:
        return ()
    return made_by_topsapp(work, keep=edited_files(work, noted.files) if inputs else (*INPUT_FILES, NOTE))


def _scenes_and_orbits(inputs: EngineInputs) -> list[Path]:
    scenes = (*inputs.pair.reference.scenes, *inputs.pair.secondary.scenes)
    return [*(scene.safe.path for scene in scenes), inputs.reference_orbit.path, inputs.secondary_orbit.path]


def _mark_of(files: list[Path]) -> str:
    return fingerprint([(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files])


def _mark_of_columns(columns: AllColumns) -> str:
    told = {f"{date} {swath}": asdict(one) for date, swaths in columns.items() for swath, one in swaths.items()}
    return fingerprint(told) if told else ""


def _delivered(acquisition: Acquisition) -> tuple[str, ...]:
    return tuple(str(scene.safe.path.resolve()) for scene in acquisition.scenes)


def _dem_header(work: Path) -> Path:
    return work / f"{DEM_NAME}.xml"


def _forget_what_changed(work: Path, noted: Noted, wanted: Noted) -> None:
    """Remove what an earlier run made, from the first step on that a change affects."""
    if not noted.inputs:
        return  # what is there was made by hand
    if noted.inputs != wanted.inputs:
        forget_all(work, keep=(*INPUT_FILES, NOTE))
        return
    steps = {first_step_affected(noted.settings, wanted.settings)}
    if PHASE_SIGMA in noted.files and noted.files[PHASE_SIGMA] != wanted.files[PHASE_SIGMA]:
        steps.add(_PHASE_SIGMA_STEP)
    if noted.mask != wanted.mask:
        steps.add(STEPS[-1])
    if noted.dem != wanted.dem:
        steps.add(_DEM_STEP)
        _dem_header(work).unlink(missing_ok=True)
    affected = next((step for step in EVERY if step in steps), None)
    if affected is not None:
        forget_from(work, affected)
