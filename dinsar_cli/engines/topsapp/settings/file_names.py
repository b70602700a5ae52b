"""Names of what dinsar writes into the working folder of topsApp, so that it can tell them from those of others."""

from __future__ import annotations

from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA

SCENES = ("reference", "secondary")
INPUT_FILES = ("topsApp.xml", *(f"{scene}.xml" for scene in SCENES), PHASE_SIGMA)
NOTE = "settings.json"
"""What topsApp was asked for, and of what."""
SCRIPTS = "run_files"
"""Folder of scripts that a person runs."""
ENVIRONMENT = "environment.sh"
"""What the scripts need of the machine."""
DEM_NAME = "dem.wgs84"
HANDED = "geom_handed_on"
"""Folder of the geometry that another pair with the same reference has handed on, until it is taken."""
HANDED_NOTE = "topo.json"
"""File in it that tells of what it was computed."""
CUT = "cut"
"""Folder of products that are the columns of the area of the real ones; not there where all are used."""
CUT_NOTE = "columns.json"
"""File in it that tells which columns."""
TURNED = "turned"
"""Folder of orbit files; where it is, topsApp's Earth is turned."""
