"""The settings file by which topsApp makes a phase sigma of few look lines: what it says, and who gets it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dinsar_cli.engines.topsapp.by_hand import read_own_files
from dinsar_cli.engines.topsapp.results.foreign_folder import OVERLAP, lines_without
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA, settings_text, shell_command
from support.topsapp.merged_folder import write_raster

_WINDOWS = 2 * 32  # look lines by which ICU's patches overlap beside AZIMUTH_OVERLAP: twice NFFT of icuState.F
_ISCE = 200  # AZIMUTH_OVERLAP of mroipac/icu/Icu.py
_EDGE = 3  # lines of a patch that ph_slope.F and ph_sigma.F leave out at its end


def overlap_in(text: str) -> int:
    """AZIMUTH_OVERLAP of a settings file, which is of the component that ISCE2 looks for."""
    root = ET.fromstring(text)
    (component,) = root.iter("component")
    assert component.get("name") == Path(PHASE_SIGMA).stem
    (value,) = component.iter("property")
    assert value.get("name") == "AZIMUTH_OVERLAP"
    return int(str(value.text))


def test_patches_overlap_by_their_edges_and_no_more() -> None:
    assert overlap_in(settings_text()) + _WINDOWS == 2 * _EDGE
    assert _ISCE + _WINDOWS == OVERLAP


def test_the_command_for_a_shell_writes_the_same_settings(tmp_path: Path) -> None:
    subprocess.run(["sh", "-c", shell_command()], cwd=tmp_path, check=True)
    assert overlap_in((tmp_path / PHASE_SIGMA).read_text()) == overlap_in(settings_text())


def test_files_of_somebody_else_get_it_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "topsApp.xml").write_text("theirs")
    assert read_own_files(tmp_path) == {"topsApp.xml": "theirs", PHASE_SIGMA: settings_text()}
    (tmp_path / PHASE_SIGMA).write_text("theirs too")
    assert read_own_files(tmp_path)[PHASE_SIGMA] == "theirs too"


@pytest.mark.parametrize(("lines", "empty", "found"), [(264, True, 264), (265, True, None), (264, False, None)])
def test_an_empty_phase_sigma_is_explained_by_few_lines_only(
    tmp_path: Path, lines: int, *, empty: bool, found: int | None
) -> None:
    write_raster(tmp_path / "filt_topophase.flat", [np.ones((lines, 3), "c8")], "BIP")
    assert lines_without(tmp_path) is None  # there is none
    write_raster(tmp_path / "phsig.cor", [np.ones((lines, 3), "f4")])
    if empty:
        (tmp_path / "phsig.cor").write_bytes(b"")
    assert lines_without(tmp_path) == found
