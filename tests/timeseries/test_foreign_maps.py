"""Series of interferograms that other programs made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from dinsar_cli.errors import DinsarError
from dinsar_cli.products.reader import Products
from dinsar_cli.timeseries.choices import Choices
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.run import make_series


def write(path: Path, values: NDArray[Any], **tags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4326", "nodata": 0.0}
    place = {"height": values.shape[0], "width": values.shape[1], "transform": from_origin(-99, 19, 0.001, 0.001)}
    with rasterio.open(path, "w", **profile, **place) as dataset:
        dataset.write(values.astype(np.float32), 1)
        dataset.update_tags(**tags)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three interferograms as HyP3 names them: phase grows by a radian from column to column and twelve days."""
    phase = np.add.outer(np.zeros(20), np.arange(30.0)) + 5
    for first, second, times in (("01", "13", 1), ("13", "25", 1), ("01", "25", 2)):
        name = f"S1AA_202309{first}T063714_202309{second}T063714_VVP012_INT80_G_ueF_1A2B"
        write(tmp_path / name / f"{name}_unw_phase.tif", times * phase)
        write(tmp_path / name / f"{name}_corr.tif", np.full(phase.shape, 0.8))
    return tmp_path


def test_positive_phase_is_motion_away(folder: Path, tmp_path: Path) -> None:
    record = make_series(folder, tmp_path / "series", Choices()).record
    assert record["dates"] == ["2023-09-01", "2023-09-13", "2023-09-25"]
    with rasterio.open(tmp_path / "series" / "velocity.tif") as dataset:
        slope = np.diff(dataset.read(1), axis=1)
    expected = -0.05546576 / (4 * np.pi) * 365.25 / 12
    np.testing.assert_allclose(slope, expected, rtol=1e-4)
    assert any("another program" in text for text in record["notes"])


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    (coherence,) = folder.glob("*/*20230913T063714_20230925*_corr.tif")
    coherence.unlink()
    with pytest.raises(DinsarError, match="has no coherence"), Products() as files:
        open_maps(folder, files)
    write(coherence, np.full((20, 31), 0.8))
    with pytest.raises(DinsarError, match="another grid"), Products() as files:
        open_maps(folder, files)
    write(coherence, np.full((20, 30), 0.8))
    write(folder / "late" / "20231001_20230901_unw.tif", np.ones((20, 30)))
    write(folder / "late" / "20231001_20230901_cc.tif", np.ones((20, 30)))
    with pytest.raises(DinsarError, match="the later date first"), Products() as files:
        open_maps(folder, files)


def test_maps_of_dinsar_come_before_what_it_exported_for_other_programs(folder: Path) -> None:
    """Exports lie beside the maps that they were made of, with another program's names."""
    (folder / "T052D_20230901_20230913").mkdir()
    (folder / "T052D_20230901_20230913" / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DinsarError) as error, Products() as files:
        open_maps(folder, files)
    assert "T052D_20230901_20230913" in f"{error.value.problem} {error.value.cause}"
