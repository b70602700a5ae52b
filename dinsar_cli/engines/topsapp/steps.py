"""The steps of topsApp: their order, what they cost, and which are done in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

# in the order of topsApp 2.6.5, up to the one that gives the unwrapped phase; with the share of the time that each
# takes in a pair of the usual kind
SHARES = {
    "startup": 0.01,
    "preprocess": 0.02,
    "computeBaselines": 0.01,
    "verifyDEM": 0.01,
    "topo": 0.44,
    "subsetoverlaps": 0.01,
    "coarseoffsets": 0.01,
    "coarseresamp": 0.01,
    "overlapifg": 0.01,
    "prepesd": 0.01,
    "esd": 0.01,
    "rangecoreg": 0.01,
    "fineoffsets": 0.11,
    "fineresamp": 0.08,
    "ion": 0.01,
    "burstifg": 0.06,
    "mergebursts": 0.05,
    "filter": 0.03,
    "unwrap": 0.10,
}
STEPS = tuple(SHARES)
_STATES = "PICKLE"
_STOP = b"."  # the last byte of every whole pickle


def last_done(folder: Path) -> str | None:
    """Last step of which topsApp left a whole state, with all those before it.

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
    """First step that is still to be done; None when all are."""
    done = last_done(folder)
    if done is None:
        return STEPS[0]
    index = STEPS.index(done) + 1
    return STEPS[index] if index < len(STEPS) else None


def forget_from(folder: Path, step: str) -> None:
    """Remove the states of a step and of those after it, so that they are done again.

    The step esd appends to the files of an earlier one: they go too.
    """
    if STEPS.index(step) <= STEPS.index("esd") and (folder / "esd").exists():
        shutil.rmtree(folder / "esd")
    for name in _from(step):
        for path in (folder / _STATES / name, folder / _STATES / f"{name}.xml"):
            path.unlink(missing_ok=True)


def forget_all(folder: Path) -> None:
    """Remove everything that topsApp made in a folder."""
    if folder.exists():
        shutil.rmtree(folder)


def share_before(step: str) -> float:
    """Share of the whole time that the steps before one take."""
    total = sum(SHARES.values())
    return sum(SHARES[name] for name in STEPS[: STEPS.index(step)]) / total


def _from(step: str) -> Iterable[str]:
    return STEPS[STEPS.index(step) :]


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == _STOP
    except OSError:
        return False
