"""The phase sigma of topsApp (``merged/phsig.cor``), which tells its unwrapper how good the phase is, of few lines.

topsApp's step ``filter`` lets ICU make it, in patches of 3700 look lines that overlap by 264: ``AZIMUTH_OVERLAP``,
200, and two windows of 32. ``icu.F`` finds no patch in an interferogram of no more lines than overlap: the file
stays empty, and snaphu stops at it. One burst with seven looks has 214. A settings file of ISCE2 in the working
folder makes patches overlap by 6 lines, which are all that the edges of two patches lack: what larger
interferograms get is the same to the byte.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dinsar_cli.engines.topsapp.iscefile import IsceFile
from dinsar_cli.errors import EngineError
from dinsar_cli.templates import template_text

if TYPE_CHECKING:
    from lxml import etree

PHASE_SIGMA = "topsapp_filter_icu.xml"
"""Settings file, by whose name ISCE2 finds it; it is the template of that name."""

OVERLAP = 264
"""Look lines that leave the phase sigma empty, and less, where ISCE2 has no such file."""

_LAYER, _INTERFEROGRAM = "phsig.cor", "filt_topophase.flat"


def settings_text() -> str:
    """Text of the settings file."""
    return template_text(PHASE_SIGMA)


def shell_command() -> str:
    """Command for a shell that writes the settings file into the folder where it is run."""
    from lxml import etree

    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    root: etree._Element = etree.fromstring(settings_text().encode(), parser)
    return f"echo '{etree.tostring(root, encoding='unicode')}' > {PHASE_SIGMA}"


def lines_without(merged: Path) -> int | None:
    """Look lines of an interferogram whose phase sigma is empty because they are so few.

    Parameters
    ----------
    merged : Path
        Folder ``merged`` of topsApp.

    Returns
    -------
    int or None
        None where the phase sigma is not empty, or not for that reason.
    """
    layer = merged / _LAYER
    if not layer.is_file() or layer.stat().st_size > 0:
        return None
    try:
        lines = IsceFile.open(merged / _INTERFEROGRAM).length
    except EngineError:
        return None
    return lines if lines <= OVERLAP else None
