"""The steps of topsApp: their order, which are done in a folder, and how far a run is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import atomic_path, write_text
from dinsar_cli.engines.topsapp.scripts.burstwise import BURSTS
from dinsar_cli.engines.topsapp.settings.file_names import (
    CUT,
    CUT_NOTE,
    DEM_NAME,
    ENVIRONMENT,
    HANDED,
    HANDED_NOTE,
    INPUT_FILES,
    NOTE,
    SCRIPTS,
    TURNED,
)
from dinsar_cli.sentinel1.safe import MANIFEST

# in the order of topsApp 2.6.5, up to the one that gives the unwrapped phase
STEPS = (
    "startup",
    "preprocess",
    "computeBaselines",
    "verifyDEM",
    "topo",
    "subsetoverlaps",
    "coarseoffsets",
    "coarseresamp",
    "overlapifg",
    "prepesd",
    "esd",
    "rangecoreg",
    "fineoffsets",
    "fineresamp",
    "ion",
    "burstifg",
    "mergebursts",
    "filter",
    "unwrap",
)
OFFSETS = "denseoffsets"
"""A step on request, when all those are done."""

EVERY = (*STEPS, OFFSETS)
_STATES = "PICKLE"
_PASSED_OVER = "geocode"  # the step of topsApp before `OFFSETS`: it starts with the state of that one
_NOT_OURS = (_PASSED_OVER, "unwrap2stage", "filteroffsets", "geocodeoffsets")  # steps of topsApp that we do not run
_ESD = ("ESD", "esd")
_OF_TOPSAPP = ("topsProc.xml", "topsinsar.log", "isce.log")
_OF_DEM = tuple(f"{DEM_NAME}{end}" for end in ("", ".xml", ".vrt"))
_TOP_FILES = {*_OF_TOPSAPP, *_OF_DEM, BURSTS, ENVIRONMENT, HANDED_NOTE, NOTE, *INPUT_FILES}
_FOLDERS = {
    "reference", "secondary", "master", "slave", "geom_reference", "geom_master", "coarse_offsets", "coarse_coreg",
    "coarse_interferogram", "fine_offsets", "fine_coreg", "fine_interferogram", "overlaps", "merged", "ion",
    TURNED, HANDED, CUT, *_ESD,
}  # fmt: skip
_SUFFIXES = {
    ".slc", ".int", ".cor", ".off", ".rdr", ".full", ".flat", ".unw", ".conncomp", ".amp", ".msk", ".bil", ".bip",
    ".bin", ".ion", ".esd", ".EOF", ".tiff", ".part",
}  # fmt: skip
_HEADERS = (".xml", ".vrt", ".hdr")
_SUBSWATH = re.compile(r"\w*IW\d|s1[a-d]-iw\d-slc-.*")
_FILES_IN_FOLDERS = (
    HANDED_NOTE,
    CUT_NOTE,
    MANIFEST,
    "ESDmisregistration.png",
    "rangeMisregistration.jpg",
    "warning.txt",
)
_STOP = b"."  # the last byte of every whole pickle
_NUMPY_SCALAR = re.compile(r"np\.\w+\(([^()]*)\)")


def last_done(folder: Path) -> str | None:
    """Return the last step of which topsApp left a whole state, with all those before it.

    Parameters
    ----------
    folder : Path
        Working folder of topsApp. Its states are written in place: a kill can leave half of one.
    """
    done = None
    for step in STEPS:
        if not _whole(folder / _STATES / step):
            break
        done = step
    return done


def next_step(folder: Path) -> str | None:
    """Return the first step that is still to be done; None when all are."""
    done = last_done(folder)
    if done is None:
        return STEPS[0]
    index = STEPS.index(done) + 1
    return STEPS[index] if index < len(STEPS) else None


def is_done(folder: Path, step: str) -> bool:
    """Tell whether topsApp left a whole state of a step."""
    return _whole(folder / _STATES / step)


def pass_over_geocode(folder: Path) -> None:
    """Let topsApp start at `OFFSETS`, with the state that it left after the last of `STEPS`."""
    for suffix in ("", ".xml"):
        shutil.copyfile(folder / _STATES / f"{STEPS[-1]}{suffix}", folder / _STATES / f"{_PASSED_OVER}{suffix}")


def take_state(folder: Path, before: str, step: str) -> None:
    """Let a step count as done that changes nothing of the state that topsApp left after the one before it."""
    for suffix in (".xml", ""):  # the pickle last: by it the step counts as done
        with atomic_path(folder / _STATES / f"{step}{suffix}") as part:
            shutil.copyfile(folder / _STATES / f"{before}{suffix}", part)


def forget_from(folder: Path, step: str) -> None:
    """Remove the states of a step and of those after it, so that they are done again.

    The step esd appends to the files of an earlier one: they go too.
    """
    if EVERY.index(step) <= STEPS.index("esd"):
        remove([path for path in made_by_topsapp(folder) if path.relative_to(folder).parts[0] in _ESD], folder)
    for name in (*_from(step), _PASSED_OVER):
        for path in (folder / _STATES / name, folder / _STATES / f"{name}.xml"):
            path.unlink(missing_ok=True)


def made_by_topsapp(folder: Path, keep: Collection[str] = ()) -> tuple[Path, ...]:
    """Return the files in a working folder that topsApp made, or dinsar for it, in the order of their removal.

    The states come first: without them nothing counts as done, even when the removal is cut short. What a person
    put there, or made there with topsApp's `geocode`, and what is behind a link, is not among them.

    Parameters
    ----------
    folder : Path
        Working folder of topsApp.
    keep : collection of str
        Names in it that are not to be removed.
    """
    found = [path for path in files_below(folder) if path.relative_to(folder).parts[0] not in keep]
    own = (path for path in found if _is_own(path.relative_to(folder)))
    return tuple(sorted(own, key=lambda path: (path.parent.name != _STATES, path)))


def _is_own(path: Path) -> bool:
    """Tell whether topsApp, or dinsar for it, writes a file of that name into the working folder."""
    top = path.parts[0]
    if len(path.parts) == 1:
        return top.removesuffix(".part") in _TOP_FILES
    if top == _STATES:
        return path.name.removesuffix(".part").removesuffix(".xml") in (*EVERY, *_NOT_OURS)
    if top == SCRIPTS:
        return path.suffix == ".sh" and path.name.startswith(("run_", "go_on_"))
    if top not in _FOLDERS:
        return False
    if path.suffix in _HEADERS:  # of a file of ours, or the description of a subswath: IW1.xml
        return Path(path.stem).suffix in _SUFFIXES or _SUBSWATH.fullmatch(path.stem) is not None
    return path.suffix in _SUFFIXES or path.name in _FILES_IN_FOLDERS


def forget_all(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove what topsApp made in a folder, and its inputs but for some names."""
    remove(made_by_topsapp(folder, keep), folder)


def mend_state(folder: Path, step: str) -> None:
    """Make the state that topsApp loads to start at a step one that it can load.

    It writes its state as text, and numpy 2 writes the numbers in it as ``np.int64(0)``. Every version up to 2.6.5
    then stops when it loads them ("The attribute corresponding to the key commonburststartsecondaryindex is not
    present in the object"), whatever step after computeBaselines it starts at; a run without a stop loads nothing.

    Parameters
    ----------
    folder : Path
        Working folder of topsApp.
    step : str
        The step to start at.
    """
    index = EVERY.index(step)
    if index:
        _mend(folder / _STATES / f"{_PASSED_OVER if step == OFFSETS else STEPS[index - 1]}.xml")


def mend_states(folder: Path) -> None:
    """Make all states that topsApp left ones that it can load, for whoever goes on by hand: see `mend_state`."""
    for step in EVERY:
        _mend(folder / _STATES / f"{step}.xml")


def _mend(state: Path) -> None:
    if not state.is_file():
        return
    text = state.read_text(encoding="utf-8")
    mended = _NUMPY_SCALAR.sub(r"\1", text)
    if mended != text:
        write_text(state, mended)


def share_done(expected: Mapping[str, float], step: str, elapsed: float) -> float:
    """Return the share of the time of all steps that has gone by in a step; never past the end of that step.

    Parameters
    ----------
    expected : mapping
        Seconds that each step is expected to take.
    step : str
        The step that is under way.
    elapsed : float
        Seconds since it started.

    Returns
    -------
    float
        0 to 1.
    """
    total = sum(expected.get(name, 0.0) for name in EVERY)
    if total <= 0:
        return EVERY.index(step) / len(EVERY)
    done = sum(expected.get(name, 0.0) for name in EVERY[: EVERY.index(step)])
    return (done + min(elapsed, expected.get(step, 0.0))) / total


def time_left(expected: Mapping[str, float], step: str, elapsed: float, end: str) -> float:
    """Return the seconds to the end of a last step, as far as they can be told in the middle of a step."""
    later = EVERY[EVERY.index(step) + 1 : EVERY.index(end) + 1]
    return max(0.0, expected.get(step, 0.0) - elapsed) + sum(expected.get(name, 0.0) for name in later)


def _from(step: str) -> Iterable[str]:
    return EVERY[EVERY.index(step) :]


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == _STOP
    except OSError:
        return False
