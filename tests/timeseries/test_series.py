"""Velocity and displacement of dates from maps of pairs: right, with true sigmas, and words for what cannot be."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.errors import DinsarError
from dinsar_cli.series.velocity import years
from dinsar_cli.timeseries.closure_table import find_closure
from support.command import run_here
from support.series_maps import DAYS, GRID, sequential, write_maps


def test_velocity_is_right_and_off_as_much_as_its_sigma_says(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(3), delays=(3e-3,) * 6)
    record = maps.make()
    error = maps.read("velocity") - maps.velocity
    # all is relative to one cell, whose own delay is in every difference
    scatter = error.std() / np.sqrt(np.mean(maps.read("velocity_sigma") ** 2))
    assert 0.7 < scatter < 1.4
    assert record["cells"] == GRID.width * GRID.height
    assert not any(told["noisy"] for told in record["date_quality"].values())
    assert not maps.read("displacement_20230904").any()
    moved = maps.read("displacement_20231103")
    assert np.polyfit(maps.velocity.ravel(), moved.ravel(), 1)[0] == pytest.approx(60 / 365.25, rel=0.1)
    assert maps.read("temporal_coherence").min() > 0.8
    assert (maps.series / "series.html").stat().st_size > 10_000


def test_without_atmosphere_and_noise_all_is_exact(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(2), sigma=1e-7)
    maps.make()
    np.testing.assert_allclose(maps.read("velocity"), maps.velocity, atol=1e-5)
    for number, day in enumerate(DAYS):
        moved = maps.read(f"displacement_{day:%Y%m%d}")
        np.testing.assert_allclose(moved, maps.velocity * years(DAYS)[number], atol=1e-6)


def test_one_file_has_all_dates_with_their_times(tmp_path: Path) -> None:
    """As xarray and GDAL read it."""
    xarray = pytest.importorskip("xarray")
    maps = write_maps(tmp_path, sequential(1))
    maps.make(netcdf=True)
    with xarray.open_dataset(maps.series / "series.nc", engine="h5netcdf") as dataset:
        assert [str(time)[:10] for time in dataset["time"].values] == [str(day) for day in DAYS]
        for number, day in enumerate(DAYS):
            np.testing.assert_array_equal(dataset["displacement"][number], maps.read(f"displacement_{day:%Y%m%d}"))
        np.testing.assert_array_equal(dataset["velocity"], maps.read("velocity"))
        assert dataset["velocity"].attrs["units"] == "m year-1"
        np.testing.assert_allclose(dataset["lon"], GRID.x_centres)


def test_wrong_cycles_are_flagged_and_taken_off(tmp_path: Path) -> None:
    blob = np.zeros(GRID.shape)
    blob[10:20, 5:15] = 1
    other = np.roll(blob, 5, axis=1)
    maps = write_maps(tmp_path, sequential(3), wrong={(4, 1): blob, (7, -1): other})
    record = maps.make()
    touched = (blob + other) > 0
    flags = maps.read("series_flags")
    assert (flags[touched] == 3).all()
    assert not flags[~touched].any()
    assert np.abs(maps.read("velocity") - maps.velocity).max() < 0.03
    assert record["closure"]["cells_repaired"] == touched.sum()
    maps.make(repair=False)
    assert np.abs(maps.read("velocity") - maps.velocity)[touched].max() > 0.03
    assert (maps.read("series_flags")[touched] == 1).all()


def test_cycles_with_several_explanations_are_left_and_told(tmp_path: Path) -> None:
    blob = np.zeros(GRID.shape)
    blob[10:20, 5:15] = 1
    pairs = sequential(2)
    maps = write_maps(tmp_path, pairs, wrong={(pairs.index((DAYS[0], DAYS[1])), 1): blob})
    maps.make()
    assert (maps.read("series_flags")[blob > 0] == 1 + 4).all()
    found, _ = find_closure(maps.folder, maps.series)
    assert found.ambiguous == found.flagged == blob.sum()
    with (maps.series / "closure.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(found.triangles) == 4
    assert float(table[0]["share_wrong"]) == pytest.approx(blob.sum() / blob.size, abs=1e-5)
    with rasterio.open(maps.series / "closure_cycles.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), blob)


def test_a_noisy_date_is_named_and_velocity_is_better_without_it(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(3), delays=(2e-3, 2e-3, 2e-3, 2e-3, 15e-3, 2e-3))
    record = maps.make()
    assert [day for day, told in record["date_quality"].items() if told["noisy"]] == [str(DAYS[4])]
    with (maps.series / "date_quality.csv").open(encoding="utf-8") as file:
        assert [row["noisy"] for row in csv.DictReader(file)] == ["False"] * 4 + ["True", "False"]
    weighted = (maps.read("velocity") - maps.velocity).std()
    record = maps.make(drop_noisy=True)
    assert record["dropped"] == [str(DAYS[4])]
    assert str(DAYS[4]) not in record["dates"]
    assert not (maps.series / f"displacement_{DAYS[4]:%Y%m%d}.tif").exists()
    dropped = (maps.read("velocity") - maps.velocity).std()
    # with equal weights the noisy date alone would make it off by its delay times its place in the fit of a line
    time = years(DAYS) - years(DAYS).mean()
    assert max(weighted, dropped) < 0.7 * 15e-3 * abs(time[4]) / np.sum(time**2)


def test_maps_of_different_zero_are_made_one(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(2))
    for number, path in enumerate(sorted(tmp_path.glob("pairs/*/products/los_displacement.tif"))):
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            dataset.write(dataset.read(1) + np.float32(number * 0.0123), 1)
            dataset.update_tags(reference_point=f"{number},0")
    record = maps.make()
    assert any("different places" in text for text in record["notes"])
    error = maps.read("velocity") - maps.velocity
    assert error.std() < 0.01
    assert record["closure"]["cells_open"] == 0


def test_a_jump_and_a_season_are_solved_beside_the_velocity(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(3))
    record = maps.make(steps=(DAYS[3],))
    assert record["steps"] == [str(DAYS[3])]
    assert np.abs(maps.read(f"step_{DAYS[3]:%Y%m%d}")).mean() < 3e-3
    with pytest.raises(DinsarError, match="do not tell"):
        maps.make(seasonal=True, steps=DAYS[1:5])


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    maps = write_maps(tmp_path / "stack", sequential(1))
    with pytest.raises(DinsarError, match="do not hang together") as without:
        maps.make(drop=(DAYS[2],))
    assert "sequential:3" in str(without.value.remedy)
    with pytest.raises(DinsarError, match="is no date"):
        maps.make(drop=(date(2020, 1, 1),))
    with pytest.raises(DinsarError, match="--min-pairs 2: some date is in 1 pairs"):
        maps.make(least_pairs=2)
    assert not maps.series.exists()
    first = next(iter(sorted(tmp_path.glob("stack/pairs/*"))))
    with rasterio.open(first / "products" / "coherence.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.transform = rasterio.Affine(0.001, 0, -8.9005, 0, -0.001, 31.5)
    with pytest.raises(DinsarError, match="lies on another grid"):
        maps.make()
    (first / "products" / "los_sigma.tif").unlink()
    with pytest.raises(DinsarError, match=r"has no los_sigma\.tif"):
        maps.make()
    for path in sorted(tmp_path.glob("stack/pairs/*"))[1:]:
        shutil.rmtree(path)
    with pytest.raises(DinsarError):
        maps.make()


def test_other_looks_are_refused(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(2))
    path = sorted(tmp_path.glob("pairs/*/products/los_displacement.tif"))[2]
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.update_tags(looks="7x2")
    with pytest.raises(DinsarError, match="another looks"):
        maps.make()


def test_cells_that_no_chain_of_pairs_joins_are_told(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(1))
    for path in sorted(tmp_path.glob("pairs/*/products/los_displacement.tif"))[:1]:
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            values = dataset.read(1)
            values[:, 20:30] = np.nan
            dataset.write(values, 1)
    maps.make()
    assert np.isnan(maps.read("velocity")[:, 20:30]).all()
    assert (maps.read("series_flags")[:, 20:30] == 8).all()
    assert np.isfinite(maps.read("velocity")[:, :20]).all()
    for path in tmp_path.glob("pairs/*/products/los_displacement.tif"):
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            dataset.write(np.full(GRID.shape, np.nan, np.float32), 1)
    with pytest.raises(DinsarError, match="No cell has a value"):
        maps.make()


def test_the_command_tells_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_maps(tmp_path, sequential(2))
    done = run_here(capsys, "timeseries", tmp_path, "--drop-dates", "auto", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["dates"] == [str(day) for day in DAYS]
    done = run_here(capsys, "timeseries", tmp_path)
    assert "mm/yr toward the satellite" in done.out
    assert "cancels exactly" in done.out
    done = run_here(capsys, "closure", tmp_path)
    assert done.code == 0
    assert "20230904_20230916_20230928" in done.out
    done = run_here(capsys, "timeseries", tmp_path, "--drop-dates", "04/09/2023")
    assert done.code == 2
    assert "2023-09-04" in done.err
