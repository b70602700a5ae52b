"""The phase sigma of topsApp (``merged/phsig.cor``), which tells its unwrapper how good the phase is, of few lines.

topsApp's step ``filter`` lets ICU make it, in patches of 3700 look lines that overlap by 264: ``AZIMUTH_OVERLAP``,
200, and two windows of 32. ``icu.F`` finds no patch in an interferogram of no more lines than overlap: the file
stays empty, and snaphu stops at it. One burst with seven looks has 214. A settings file of ISCE2 in the working
folder makes patches overlap by 6 lines, which are all that the edges of two patches lack: what larger
interferograms get is the same to the byte.
"""

from __future__ import annotations

from lxml import etree

from dinsar_cli.base.templates import template_text

PHASE_SIGMA = "topsapp_filter_icu.xml"
"""Settings file, by whose name ISCE2 finds it; it is the template of that name."""


def settings_text() -> str:
    """Return the text of the settings file."""
    return template_text(PHASE_SIGMA)


def shell_command() -> str:
    """Return the command for a shell that writes the settings file into the folder where it is run."""
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    root: etree._Element = etree.fromstring(settings_text().encode(), parser)
    return f"echo '{etree.tostring(root, encoding='unicode')}' > {PHASE_SIGMA}"
