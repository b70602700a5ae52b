"""AUX_CAL files: the antenna pattern that ISCE2 needs for scenes of one old processor version."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.acquisition import Acquisition, Pair

OLD_PROCESSOR = "002.36"
"""Did not take the phase of the elevation antenna pattern out; all later versions do."""

_FOLDER = re.compile(r"(S1[A-Z])_AUX_CAL_V(\d{8}T\d{6})_G(\d{8}T\d{6})\.SAFE")


def check_aux_cal(pair: Pair, folder: Path | None, *, isce2: bool) -> str:
    """Make sure that ISCE2 can correct the antenna pattern of scenes of the old processor.

    The phase of the pattern is the same in both dates when both are of that version: it drops out of the
    interferogram. With one of another version it stays in, as steps between the subswaths.

    Parameters
    ----------
    pair : Pair
        Both dates.
    folder : Path or None
        ``topsapp.auxiliary_data_directory``.
    isce2 : bool
        Whether the engine is ISCE2; another one corrects nothing.

    Returns
    -------
    str
        What the user should know; empty for nothing.

    Raises
    ------
    NoDataError
        If the correction is needed and ISCE2 would not find what it takes.
    """
    old = [one for one in (pair.reference, pair.secondary) if _is_old(one)]
    if not old:
        return ""
    unserved = [one for one in old if folder is None or not isce2 or not _serves(folder, one)]
    if len(unserved) != 1:
        return ""
    names = ", ".join(scene.name for scene in unserved[0].scenes)
    if not isce2:
        return (
            f"{names} is of IPF {OLD_PROCESSOR}, which left the phase of the antenna pattern in: expect steps "
            "between the subswaths. ISCE2 can correct it with an AUX_CAL file."
        )
    where = "topsapp.auxiliary_data_directory is not set" if folder is None else f"{folder} has none that serves"
    raise NoDataError(
        f"{names} needs an AUX_CAL file.",
        f"IPF {OLD_PROCESSOR} left the phase of the antenna pattern in, and the other date has it corrected: "
        f"without the file the map would have steps between the subswaths; {where}.",
        "Get S1A_AUX_CAL from https://sar-mpc.eu (IPF auxiliary files), unpack its .SAFE folders side by side, and "
        "give that folder as topsapp.auxiliary_data_directory. Or take another date, or --engine eos, which leaves "
        "the steps in.",
    )


def _is_old(acquisition: Acquisition) -> bool:
    return any(OLD_PROCESSOR in scene.ipf for scene in acquisition.scenes)


def _serves(folder: Path, acquisition: Acquisition) -> bool:
    """Tell whether ISCE2 finds a file.

    Valid before the acquisition and made after it, in a folder beside the others.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return False
    for name in names:
        match = _FOLDER.fullmatch(name)
        if match is None or match[1] != acquisition.mission:
            continue
        valid, made = (datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for text in match.groups()[1:])
        content = folder / name / "data" / f"{acquisition.mission.lower()}-aux-cal.xml"
        if valid <= acquisition.start and made >= acquisition.stop and content.is_file():
            return True
    return False
