"""One topo for several pairs: where the samples of a reference date lie depends on no secondary date.

A pair hands the result on to the next one with the same reference: as second names of the same files, in a folder
beside, with a mark of all that it was computed from. The next one runs topsApp up to ``verifyDEM``, and takes it
where its own mark is the same; else it computes its own. topo changes nothing of topsApp's state but its log.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Final

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import fingerprint, sha256, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.topsapp.settings.file_names import HANDED, HANDED_NOTE
from dinsar_cli.engines.topsapp.settings.steps import is_done, take_state
from dinsar_cli.engines.topsapp.work import Noted

logger = logging.getLogger(__name__)

TOPO: Final = "topo"
BEFORE: Final = "verifyDEM"
_MADE: Final = "geom_reference"
_LATER: Final = "overlaps"  # folder in it of the next step, which is each pair's own
_DATA: Final = (".rdr",)
_OF_PAIR: Final = ("secondary/", "topsinsar/demFilename", "topsinsar/region of interest")
"""What topsApp is asked for that topo does not depend on; the region chooses bursts, which are in the mark."""
_BURSTS: Final = re.compile(
    r'<property name="(numberofcommonbursts|commonburststartreferenceindex)">\s*<value>(.*?)</value>', re.DOTALL
)


def hand_on(work: Path, target: Path) -> bool:
    """Let a pair use the geometry that another one has computed, if it proves to be its own; tell whether it may.

    Parameters
    ----------
    work : Path
        Working folder of topsApp that has done topo.
    target : Path
        That of the other pair. One in which topo is done gets nothing.
    """
    files = [path for path in files_below(work / _MADE) if _LATER not in path.relative_to(work / _MADE).parts]
    mark = _mark(work)
    if not files or mark is None or not is_done(work, TOPO) or is_done(target, TOPO):
        return False
    drop(target)
    try:
        for path in files:
            second = target / HANDED / path.relative_to(work / _MADE)
            second.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in _DATA:
                second.hardlink_to(path)
            else:
                shutil.copyfile(path, second)
    except OSError as error:  # the disk has no second names: a copy would be as large as the work of the pair
        logger.info("The geometry is not handed on: %s", error)
        drop(target)
        return False
    write_text(target / HANDED / HANDED_NOTE, json.dumps({"mark": mark, "from": work.parent.name}) + "\n")
    return True


def is_waiting(work: Path) -> bool:
    """Tell whether another pair has handed its geometry on to this one, which has not done topo."""
    return (work / HANDED / HANDED_NOTE).is_file() and not is_done(work, TOPO)


def take(work: Path) -> str | None:
    """Take the geometry that was handed on in the place of topo; topsApp has done `BEFORE`.

    Returns
    -------
    str or None
        Name of the pair that it is of; None where it was computed from something else, and is gone.
    """
    note = read_json(work / HANDED / HANDED_NOTE)
    if note.get("mark") != _mark(work):
        drop(work)
        return None
    remove(files_below(work / _MADE), work)
    (work / HANDED / HANDED_NOTE).rename(work / f"{HANDED_NOTE}.part")
    (work / HANDED).replace(work / _MADE)
    take_state(work, BEFORE, TOPO)
    (work / f"{HANDED_NOTE}.part").unlink()
    return str(note["from"])


def drop(work: Path) -> None:
    """Let go of what was handed on and is not used."""
    remove(files_below(work / HANDED), work)


def own_files(work: Path) -> None:
    """Make sure that topo, which writes its files in place, does not write into those of another pair."""
    shared = [path for path in files_below(work / _MADE) if path.stat().st_nlink > 1]
    remove(shared, work)


def _mark(work: Path) -> str | None:
    """Return the fingerprint of all that topo reads: bursts and orbit of the reference, DEM and options.

    None where topsApp has not come so far.
    """
    state = work / "PICKLE" / f"{BEFORE}.xml"
    if not state.is_file():
        return None
    bursts = {path.name: sha256(path) for path in sorted((work / "reference").glob("IW?.xml"))}
    chosen = sorted(_BURSTS.findall(state.read_text(encoding="utf-8")))
    noted = Noted.read(work)
    options = {key: text for key, text in noted.settings.items() if not key.startswith(_OF_PAIR)}
    return fingerprint([bursts, chosen, noted.dem, options])
