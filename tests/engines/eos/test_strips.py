"""How the embedded engine is fed must not show: strips, threads and crops give the same interferogram."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import from_bounds

from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.eos.interferogram import strips
from dinsar_cli.radar.interferogram import Interferogram
from support.pair import engine_inputs_of

LAYERS = ("wrapped", "coherence", "amplitude", "latitude", "longitude", "height", "los", "unwrapped", "components")
ROI = "-8.86 31.33 -8.80 31.39"


def nothing(*_: object) -> None:
    """Take progress and do nothing with it."""


def process(inputs: EngineInputs, folder: Path) -> Interferogram:
    folder.mkdir()
    return EosEngine().process(inputs, folder, nothing)


@pytest.fixture(scope="module")
def inputs(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineInputs:
    return engine_inputs_of(pair_folder, tmp_path_factory.mktemp("cache"), ROI)


@pytest.fixture(scope="module")
def usual(inputs: EngineInputs, tmp_path_factory: pytest.TempPathFactory) -> Interferogram:
    return process(inputs, tmp_path_factory.mktemp("usual") / "radar")


@pytest.mark.pair
def test_small_strips_on_one_thread_give_the_same(
    inputs: EngineInputs, usual: Interferogram, tmp_path: Path
) -> None:
    made = process(replace(inputs, memory=256_000_000, threads=1), tmp_path / "radar")
    for name in LAYERS:
        first, second = usual.layer(name).read(), made.layer(name).read()
        assert np.array_equal(np.isnan(first), np.isnan(second)), name
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.pair
def test_parts_that_hold_are_not_made_again(inputs: EngineInputs, tmp_path: Path) -> None:
    radar = tmp_path / "radar"
    first = process(inputs, radar)
    times = {name: first.layer(name).path.stat().st_mtime_ns for name in LAYERS}
    unwrap = inputs.config.unwrap.model_copy(update={"reliability": 1.0})
    changed = replace(inputs, config=inputs.config.model_copy(update={"unwrap": unwrap}))
    EosEngine().process(changed, radar, nothing)
    again = {name for name in LAYERS if first.layer(name).path.stat().st_mtime_ns != times[name]}
    assert again == {"unwrapped", "components"}


@pytest.mark.pair
def test_folder_and_zip_give_the_same(pair_folder: Path, usual: Interferogram, tmp_path: Path) -> None:
    import zipfile

    for archive in pair_folder.glob("*.zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path)
    inputs = engine_inputs_of(pair_folder, tmp_path / "cache", ROI, sorted(tmp_path.glob("*.SAFE")))
    made = process(inputs, tmp_path / "radar")
    for name in LAYERS:
        assert np.array_equal(usual.layer(name).read(), made.layer(name).read(), equal_nan=True), name


@pytest.mark.pair
def test_where_the_dem_ends_there_is_nothing_and_elsewhere_all_is_as_ever(
    inputs: EngineInputs, usual: Interferogram, tmp_path: Path
) -> None:
    """A DEM of the area alone: the phase of ground whose height nobody knows would be that of another height."""
    west, south, east, north = inputs.bounds
    small = tmp_path / "small.tif"
    with rasterio.open(inputs.dem) as dataset:
        window = from_bounds(*inputs.bounds, dataset.transform).round_lengths().round_offsets()
        profile = dataset.profile | {
            "width": window.width, "height": window.height, "transform": dataset.window_transform(window),
        }  # fmt: skip
        with rasterio.open(small, "w", **profile) as target:
            target.write(dataset.read(window=window))
    made = process(replace(inputs, dem=small), tmp_path / "radar")
    lon, lat = (usual.layer(name).read() for name in ("longitude", "latitude"))
    edge = 0.0008  # degrees: a look cell and a pixel of the DEM
    known = (lon > west + edge) & (lon < east - edge) & (lat > south + edge) & (lat < north - edge)
    beyond = (lon < west - edge) | (lon > east + edge) | (lat < south - edge) | (lat > north + edge)
    assert min(known.sum(), beyond.sum()) > 1000
    before, after = (np.load(one.folder / "cross.npy") for one in (usual, made))
    difference = np.abs(after - before)[known] / np.median(np.abs(before[known]))
    assert np.quantile(difference, 0.999) < 1e-3
    assert difference.max() < 0.05  # of layover another point is taken
    assert not np.nan_to_num(after[beyond]).any()
    assert np.isnan(made.layer("unwrapped").read()[beyond]).all()


def test_strips_cover_every_line_once_within_the_memory() -> None:
    plan = strips(look_lines=1000, bytes_per_line=8e6, memory=300_000_000, threads=2)
    assert [first for first, _ in plan] == [0, *(last for _, last in plan[:-1])]
    assert plan[-1][1] == 1000
    assert max(last - first for first, last in plan) * 8e6 * 2 <= 300_000_000


def test_a_strip_has_at_least_one_line() -> None:
    assert strips(3, 10**9, 1000, 4) == [(0, 1), (1, 2), (2, 3)]
