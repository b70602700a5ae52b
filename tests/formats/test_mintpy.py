"""The set for MintPy, loaded by MintPy itself, in a Python of its own that has it and GDAL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dinsar_cli.formats import write_formats
from support.format_inputs import AZIMUTH, INCIDENCE, MARK, VALUE, WAVELENGTH, Made


@pytest.fixture(scope="module")
def mintpy() -> str:
    """Python that has MintPy and GDAL: that of ``DINSAR_MINTPY_PYTHON``, or this one."""
    python = os.environ.get("DINSAR_MINTPY_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", "import mintpy, osgeo.gdal_array"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip("MintPy with GDAL is not there (set DINSAR_MINTPY_PYTHON)")
    return python


def test_mintpy_loads_the_set(made: Made, mintpy: str, tmp_path: Path) -> None:
    (files,) = write_formats(made.facts, ["mintpy"]).values()
    folder = files[0].parent
    done = subprocess.run(
        [mintpy, "-m", "mintpy.cli.smallbaselineApp", files[0].name, "--dostep", "load_data"],
        cwd=folder,
        env=os.environ | {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    with h5py.File(folder / "inputs" / "ifgramStack.h5") as stack:
        phase, metadata = stack["unwrapPhase"][0], dict(stack.attrs)
        assert stack["date"][0].tolist() == [b"20230904", b"20230916"]
        assert stack["bperp"][0] == pytest.approx(-79.3)
        coherence = np.nan_to_num(made.arrays["coherence"])
        np.testing.assert_allclose(np.nan_to_num(stack["coherence"][0]), coherence, atol=1e-6)
        np.testing.assert_array_equal(stack["connectComponent"][0], made.arrays["connected_components"])
    assert phase[MARK] == pytest.approx(-4 * np.pi / WAVELENGTH * VALUE, rel=1e-6)
    west, north = float(metadata["X_FIRST"]), float(metadata["Y_FIRST"])
    row, column = MARK
    centre = west + (column + 0.5) * float(metadata["X_STEP"]), north + (row + 0.5) * float(metadata["Y_STEP"])
    assert centre == pytest.approx(made.centre, abs=made.grid.posting / 1000)
    assert metadata["ORBIT_DIRECTION"] == "DESCENDING"
    assert float(metadata["WAVELENGTH"]) == pytest.approx(WAVELENGTH, rel=1e-5)
    with h5py.File(folder / "inputs" / "geometryGeo.h5") as geometry:
        assert geometry["incidenceAngle"][MARK] == pytest.approx(INCIDENCE, abs=1e-4)
        # MintPy: from north, counterclockwise, of the direction to the satellite
        assert geometry["azimuthAngle"][MARK] % 360 == pytest.approx(-AZIMUTH % 360, abs=1e-3)
        np.testing.assert_allclose(geometry["height"][MARK], made.arrays["elevation"][MARK], rtol=1e-6)
