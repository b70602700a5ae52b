"""A result against a truth: figures on analytic arrays, grids of all kinds, and input that cannot be compared."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform
from scipy.io import netcdf_file

from dinsar_cli.compare.truth import (
    Comparison,
    Map,
    compare,
    describe,
    judge,
    on_grid,
    read_map,
    sample_map,
    seam_steps,
    table,
)
from dinsar_cli.compare.truth_picture import comparison_picture
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, Interferogram
from support.command import Outcome
from support.radar_inputs import written_interferogram
from support.refusal import NO_DATA, USAGE, check_refusal
from support.safe_factory import quietly

SHAPE = (300, 400)
NOISE = 0.3e-3  # m
EVERYWHERE = np.ones(SHAPE, bool)


def uplift() -> np.ndarray:
    """A dome of 8 cm."""
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 0.08 * np.exp(-0.5 * ((row - 150.0) ** 2 + (column - 180.0) ** 2) / 60.0**2)


def noise(seed: int = 1) -> np.ndarray:
    return NOISE * np.random.default_rng(seed).standard_normal(SHAPE)


# The statistics


def test_known_noise_gives_its_rmse() -> None:
    found, residual = judge(uplift() + noise(), uplift(), EVERYWHERE)
    # The standard error of a standard deviation is sigma / sqrt(2 n); five of them.
    assert found.rmse == pytest.approx(NOISE, abs=5 * NOISE / math.sqrt(2 * EVERYWHERE.size))
    assert found.p99 == pytest.approx(2.576 * NOISE, rel=0.02)  # of |x|, x normal
    assert found.gain == pytest.approx(1, abs=5 * NOISE / math.sqrt(EVERYWHERE.size) / uplift().std())
    assert (found.sign, found.coverage, found.pixels) == ("right", 1.0, EVERYWHERE.size)
    np.testing.assert_allclose(residual, noise(), atol=1e-5)


def test_constant_is_a_bias_and_no_error() -> None:
    plain, _ = judge(uplift() + noise(), uplift(), EVERYWHERE)
    moved, _ = judge(uplift() + noise() - 1.25, uplift(), EVERYWHERE)
    assert moved.bias - plain.bias == pytest.approx(-1.25)
    assert replace(moved, bias=plain.bias).rmse == pytest.approx(plain.rmse)


def test_outliers_move_the_rmse_and_not_the_bias() -> None:
    result = uplift()
    result.flat[::100] += 0.028  # an error of half a wavelength in every hundredth pixel
    found, _ = judge(result, uplift(), EVERYWHERE)
    assert found.bias == pytest.approx(0, abs=1e-9)
    assert found.rmse == pytest.approx(0.0028)


@pytest.mark.parametrize(
    ("factor", "sign"),
    [(0.9, "right"), (1.05, "right"), (-1.0, "wrong"), (-0.9, "wrong")],
)
def test_gain_and_sign_are_those_of_the_result(factor: float, sign: str) -> None:
    found, _ = judge(factor * uplift() + noise() + 0.02, uplift(), EVERYWHERE)
    assert found.gain == pytest.approx(factor, abs=1e-3)
    assert found.sign == sign


def test_the_gain_of_a_large_map_in_single_precision() -> None:
    """Maps are float32 and may have many millions of pixels, of which few move."""
    truth = np.zeros((2850, 2850), np.float32)
    truth[:60] = np.linspace(-0.06, 0.0, 2850, dtype=np.float32)
    found, _ = judge(np.float32(0.9) * truth, truth, np.ones(truth.shape, bool))
    assert found.gain == pytest.approx(0.9, abs=1e-6)


def test_a_truth_that_does_not_move_has_no_gain_and_no_sign() -> None:
    found, _ = judge(noise(), np.zeros(SHAPE), EVERYWHERE)
    assert (found.gain, found.sign) == (None, "no motion")
    assert found.rmse == pytest.approx(NOISE, rel=0.02)


def test_coverage_is_the_share_of_counted_pixels_with_a_result() -> None:
    result, counts = uplift() + noise(), EVERYWHERE.copy()
    counts[:100] = False
    result[:150] = np.nan  # 50 of the 200 rows that count
    result[:100] = 9.0  # where nothing counts, nothing matters
    found, residual = judge(result, uplift(), counts)
    assert found.coverage == 0.75
    assert found.pixels == 150 * SHAPE[1]
    assert found.rmse < 2 * NOISE
    np.testing.assert_array_equal(np.isfinite(residual), counts & np.isfinite(result))


def test_infinity_is_no_result() -> None:
    result = uplift()
    result[:30] = np.inf
    found, _ = judge(result, uplift(), EVERYWHERE)
    assert (found.rmse, found.coverage) == (0.0, 0.9)


def test_fewer_than_ten_pixels_are_refused() -> None:
    counts = np.zeros(SHAPE, bool)
    counts.flat[:9] = True
    with pytest.raises(NoDataError, match="9 pixels in common"):
        judge(uplift(), uplift(), counts)
    counts.flat[:10] = True
    assert judge(uplift(), uplift(), counts)[0].pixels == 10


# Grids


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A field that bilinear interpolation meets exactly: millimetres for each kilometre."""
    return 0.02 + 2e-6 * (x - 600_000) - 3e-6 * (y - 3_470_000)


def utm_map(step: float, shape: tuple[int, int], west: float, north: float) -> Map:
    row, column = np.mgrid[: shape[0], : shape[1]] + 0.5
    return Map(plane(west + column * step, north - row * step), from_origin(west, north, step, step), "EPSG:32629")


@pytest.mark.parametrize("step", [20.0, 45.0, 90.0, 137.5])
def test_other_posting_of_a_plane_is_exact(step: float) -> None:
    source = utm_map(90.0, (200, 150), 600_000, 3_480_000)
    target = utm_map(step, (40, 50), 602_345.6, 3_478_901.2)
    np.testing.assert_allclose(on_grid(source, target), target.values, atol=1e-8)


def test_other_reference_system_meets_the_field_at_the_same_ground() -> None:
    source = utm_map(90.0, (300, 300), 590_000, 3_490_000)
    step = 0.0004
    target = Map(np.zeros((250, 240)), from_origin(-7.94, 31.45, step, step), "EPSG:4326")
    row, column = np.mgrid[:250, :240] + 0.5
    longitude, latitude = -7.94 + column * step, 31.45 - row * step
    x, y = (
        np.reshape(part, row.shape)
        for part in transform("EPSG:4326", "EPSG:32629", longitude.ravel(), latitude.ravel())
    )
    found = on_grid(source, target)
    inside = np.isfinite(found)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(found[inside], plane(x, y)[inside], atol=1e-8)
    np.testing.assert_allclose(sample_map(source, longitude, latitude)[inside], found[inside], atol=1e-8)


def test_half_a_pixel_is_seen() -> None:
    source = utm_map(90.0, (200, 150), 600_000, 3_480_000)
    moved = replace(source, transform=source.transform @ rasterio.Affine.translation(0.5, 0.0))
    np.testing.assert_allclose(on_grid(moved, source)[:, 1:] - source.values[:, 1:], -2e-6 * 45, atol=1e-8)


def test_outside_there_is_nothing() -> None:
    source = utm_map(90.0, (10, 10), 600_000, 3_480_000)
    wide = on_grid(source, utm_map(90.0, (14, 14), 599_820, 3_480_180))
    known = np.isfinite(wide)
    assert not known[:2].any()
    assert not known[-2:].any()
    assert known.sum() == 10 * 10
    far = replace(source, transform=from_origin(100_000, 100, 90, 90))
    assert np.isnan(on_grid(source, far)).all()


def test_positions_that_are_unknown_have_no_value() -> None:
    source = Map(np.ones((5, 5)), from_origin(10, 50, 0.1, 0.1), "EPSG:4326")
    found = sample_map(source, np.array([10.2, np.nan, np.inf]), np.array([49.8, 49.8, np.nan]))
    np.testing.assert_array_equal(np.isfinite(found), [True, False, False])


# Files


def write(path: Path, values: np.ndarray, crs: str | None = "EPSG:4326", **profile: object) -> Path:
    """Write a raster around 8.85 W, 31.35 N."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, object] = {"driver": "GTiff", "dtype": values.dtype.name, "count": 1, "crs": crs}
    options |= {"height": values.shape[0], "width": values.shape[1]}
    options |= {"transform": from_origin(-8.95, 31.45, 0.0005, 0.0005)} if crs else {}
    with quietly(), rasterio.open(path, "w", **(options | profile)) as dataset:
        dataset.write(values, 1)
    return path


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return write(tmp_path / "result" / "los_displacement.tif", (uplift() + noise() + 0.01).astype(np.float32))


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write(tmp_path / "truth" / "los_displacement.tif", uplift().astype(np.float32))


def test_nodata_of_a_file_is_no_value(tmp_path: Path) -> None:
    values = np.full((4, 5), 7, np.int16)
    values[1, 2] = -9999
    found = read_map(write(tmp_path / "a.tif", values, nodata=-9999))
    assert np.isnan(found.values[1, 2])
    assert np.nansum(found.values) == 7 * 19


@pytest.mark.parametrize("whole", [False, True])
def test_rasters_and_folders_give_the_same(result: Path, truth: Path, whole: bool) -> None:
    found = compare(result.parent, truth.parent.parent) if whole else compare(result, truth)
    assert found.statistics.rmse == pytest.approx(NOISE, rel=0.02)
    assert found.statistics.bias == pytest.approx(0.01, abs=1e-5)
    assert (found.burst_steps, found.swath_steps) == ((), ())
    assert found.crs == "EPSG:4326"


def test_folder_of_a_run_is_one_with_products(tmp_path: Path, truth: Path) -> None:
    write(tmp_path / "T1" / "products" / "los_displacement.tif", uplift().astype(np.float32))
    assert compare(tmp_path / "T1", truth).statistics.rmse < 1e-6
    assert compare(tmp_path / "T1" / "products", truth).statistics.rmse < 1e-6


def test_only_coherent_ground_counts(result: Path, truth: Path) -> None:
    coherence = np.full(SHAPE, 0.8, np.float32)
    coherence[:, 300:] = 0.3
    write(truth.with_name("coherence.tif"), coherence)
    # Bilinear between 0.8 and 0.3 at the same positions: no pixel lies between.
    assert compare(result, truth).statistics.pixels == SHAPE[0] * 300
    assert compare(result, truth, 0.2).statistics.pixels == SHAPE[0] * 400
    with pytest.raises(NoDataError, match="0 pixels"):
        compare(result, truth, 0.9)


def test_truth_of_a_date_goes_with_the_coherence_of_that_date(result: Path, truth: Path) -> None:
    dated = truth.rename(truth.with_name("los_displacement_20230916.tif"))
    write(truth.with_name("coherence.tif"), np.full(SHAPE, 0.1, np.float32))
    with pytest.raises(NoDataError):
        compare(result, dated)
    write(truth.with_name("coherence_20230916.tif"), np.full(SHAPE, 0.9, np.float32))
    assert compare(result, dated).statistics.pixels == EVERYWHERE.size


DAYS = ("20230904", "20230916", "20231010")
SHARES = dict(zip(DAYS, (0.0, 0.3, 1.0), strict=True))
"""Of the uplift that are there on each day."""


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """What a simulation of three dates leaves of its truth; ground is coherent for 24 days."""
    folder = tmp_path / "scene"
    for day in DAYS[1:]:
        write(folder / "truth" / f"los_displacement_{day}.tif", (SHARES[day] * uplift()).astype(np.float32))
        coherence = 0.9 if day == DAYS[1] else 0.6
        write(folder / "truth" / f"coherence_{day}.tif", np.full(SHAPE, coherence, np.float32))
    write(folder / "truth" / "los_displacement.tif", uplift().astype(np.float32))
    passes = [{"date": f"{day[:4]}-{day[4:6]}-{day[6:]}"} for day in DAYS]
    (folder / "truth.json").write_text(json.dumps({"passes": passes}), encoding="utf-8")
    return folder


def map_between(folder: Path, first: str, second: str) -> Path:
    moved = (SHARES.get(second, 1.0) - SHARES.get(first, 0.0)) * uplift() + noise()
    path = write(folder / "products" / "los_displacement.tif", moved.astype(np.float32))
    with rasterio.open(path, "r+") as dataset:
        times = {"reference_date": first, "secondary_date": second}
        dataset.update_tags(**{key: f"{d[:4]}-{d[4:6]}-{d[6:]}T06:37:15+00:00" for key, d in times.items()})
    return folder


@pytest.mark.parametrize("inside", ["", "truth"])
@pytest.mark.parametrize("dates", [(DAYS[0], DAYS[1]), (DAYS[0], DAYS[2]), (DAYS[1], DAYS[2])])
def test_truth_is_that_between_the_dates_of_the_map(
    dates: tuple[str, str], inside: str, scene: Path, tmp_path: Path
) -> None:
    found = compare(map_between(tmp_path / "pair", *dates), scene / inside).statistics
    assert found.rmse == pytest.approx(NOISE, rel=0.02)
    assert found.gain == pytest.approx(1.0, abs=0.01)


def test_coherence_is_that_of_as_many_days(scene: Path, tmp_path: Path) -> None:
    """From the second to the third date are 24 days: those of 12 days do not tell, those of 36 are the next."""
    with pytest.raises(NoDataError):
        compare(map_between(tmp_path / "late", *DAYS[1:]), scene, 0.8)
    assert compare(map_between(tmp_path / "early", *DAYS[:2]), scene, 0.8).statistics.pixels == EVERYWHERE.size


def test_dates_that_a_simulation_has_not_are_refused(
    scene: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    pair = map_between(tmp_path / "pair", DAYS[1], "20230928")
    outcome = dinsar("compare", pair, scene)
    check_refusal(outcome, USAGE, "2023-09-16 to 2023-09-28", "2023-09-04, 2023-09-16, 2023-10-10")
    assert dinsar("compare", pair, scene / "truth" / "los_displacement.tif").code == 0


def bad(tmp_path: Path, kind: str) -> Path:
    """A file that is no map."""
    path = tmp_path / f"{kind.replace(' ', '_')}.tif"
    values = uplift().astype(np.float32)
    if kind == "no raster":
        path.write_text("displacement: 8 cm")
    elif kind == "cut":
        whole = write(path, values).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "no reference system":
        write(path, values, crs=None)
    elif kind == "complex":
        write(path, values.astype(np.complex64))
    elif kind == "no band":
        with netcdf_file(path, "w") as file:  # with two variables it is a container of two rasters
            file.createDimension("x", 5)
            for name in ("displacement", "coherence"):
                file.createVariable(name, "f4", ("x", "x"))[:] = 0
    elif kind == "turned":
        write(path, values, transform=from_origin(0, 0, 0.001, 0.001) @ rasterio.Affine.rotation(30))
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("no raster", "not a raster"),
        ("cut", "not a raster"),
        ("no reference system", "no coordinate reference system"),
        ("complex", "complex"),
        ("no band", "no band"),
        ("turned", "turned"),
    ],
)
@pytest.mark.parametrize("side", ["result", "truth"])
def test_file_that_is_no_map_is_named(
    kind: str, words: str, side: str, tmp_path: Path, result: Path, truth: Path
) -> None:
    wrong = bad(tmp_path, kind)
    with pytest.raises(UsageError) as caught:
        compare(*((wrong, truth) if side == "result" else (result, wrong)))
    assert str(wrong) in caught.value.problem
    assert words in caught.value.cause


def test_folder_without_a_map_is_named(tmp_path: Path, truth: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="is no result") as caught:
        compare(tmp_path / "empty", truth)
    assert "los_displacement.tif" in caught.value.cause
    with pytest.raises(UsageError, match="is no truth"):
        compare(truth, tmp_path / "empty")


@pytest.mark.parametrize("case", ["elsewhere", "all NaN", "one pixel"])
def test_maps_with_nothing_in_common_are_refused(case: str, tmp_path: Path, truth: Path) -> None:
    values, options = np.zeros(SHAPE, np.float32), {}
    if case == "elsewhere":
        options = {"transform": from_origin(100, 10, 0.0005, 0.0005)}
    elif case == "all NaN":
        values[:] = np.nan
    else:
        values = values[:1, :1]
    with pytest.raises(NoDataError) as caught:
        compare(write(tmp_path / "other.tif", values, **options), truth)
    assert f"{int(case == 'one pixel')} pixels in common" in caught.value.cause


def test_reference_systems_that_cannot_meet_are_refused(tmp_path: Path, truth: Path) -> None:
    local = CRS.from_wkt('LOCAL_CS["of a workshop",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    other = write(tmp_path / "local.tif", uplift().astype(np.float32), crs=local)
    with pytest.raises(UsageError, match="cannot be brought together"):
        compare(other, truth)


# Seams


def radar(folder: Path, step: float) -> Interferogram:
    """An interferogram of nothing but a step at line 60 and half of it at sample 50."""
    lines, samples = 120, 100
    folder.mkdir(parents=True)
    phase = np.zeros((lines, samples))
    phase[60:] += step
    phase[:, 50:] += step / 2
    line, sample = np.mgrid[:lines, :samples]
    layers = {
        "unwrapped": phase,
        "longitude": -8.94 + sample * 0.001,
        "latitude": 31.44 - line * 0.001,
        "components": np.ones((lines, samples)),
    }
    made = written_interferogram(folder, layers, burst_seams=((60, 0, 100),), swath_seams=(50,))
    (folder / DESCRIPTION_FILE).write_text(json.dumps(made.to_dict()))
    return made


def test_steps_at_seams_are_measured(tmp_path: Path) -> None:
    still = write(tmp_path / "truth" / "los_displacement.tif", np.zeros(SHAPE, np.float32))
    bursts, swaths = seam_steps(radar(tmp_path / "radar", 0.3), still)
    assert bursts == pytest.approx((0.3,))
    assert swaths == pytest.approx((0.15,))


def test_true_motion_is_no_step(tmp_path: Path) -> None:
    cliff = np.zeros(SHAPE, np.float32)
    cliff[139:] = -0.3 * 0.0555 / (4 * math.pi)  # where line 60 lies, by 1.5 rows of the map each
    cliff_file = write(tmp_path / "truth" / "los_displacement.tif", cliff)
    bursts, _ = seam_steps(radar(tmp_path / "radar", 0.3), cliff_file)
    assert bursts == pytest.approx((0.0,), abs=0.02)  # the cliff lies within one line


def test_seam_beside_nothing_is_null_in_json(tmp_path: Path) -> None:
    products = write(tmp_path / "run" / "products" / "los_displacement.tif", uplift().astype(np.float32))
    made = radar(tmp_path / "run" / "radar", 0.0)
    components = np.ones((made.lines, made.samples), np.uint16)
    components[60:] = 0
    made.layer("components").write(0, components)
    truth = write(tmp_path / "truth" / "los_displacement.tif", uplift().astype(np.float32))
    found = compare(products.parent.parent, truth)
    assert math.isnan(found.burst_steps[0])
    record = json.loads(json.dumps(describe(found), allow_nan=False))
    assert record["burst_steps_rad"] == [None]
    assert any("between bursts" in line for line in table(found))


@pytest.mark.parametrize("damage", ["layer missing", "layer cut", "description cut"])
def test_damaged_radar_layers_are_named(damage: str, tmp_path: Path, truth: Path) -> None:
    write(tmp_path / "run" / "products" / "los_displacement.tif", uplift().astype(np.float32))
    folder = radar(tmp_path / "run" / "radar", 0.0).folder
    file = folder / (DESCRIPTION_FILE if damage == "description cut" else "unwrapped.npy")
    if damage == "layer missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UsageError, match="radar layers") as caught:
        compare(tmp_path / "run", truth)
    assert str(folder) in caught.value.problem


# The command


def test_command_prints_the_figures_and_draws_them(
    dinsar: Callable[..., Outcome], result: Path, truth: Path
) -> None:
    done = dinsar("compare", result, truth)
    assert done.code == 0
    assert float(re.search(r"^RMSE +([0-9.]+) mm", done.out).group(1)) == pytest.approx(0.3, abs=0.002)
    assert "gain        1.0000" in done.out
    assert "100.0%" in done.out
    picture = result.with_name("comparison.png")
    assert done.out.splitlines()[-1] == str(picture)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_command_gives_json(dinsar: Callable[..., Outcome], result: Path, truth: Path, tmp_path: Path) -> None:
    done = dinsar("compare", result, truth, "--json", "--picture", tmp_path / "here.png")
    record = json.loads(done.out)
    assert record["rmse"] == pytest.approx(NOISE, rel=0.02)
    assert record["sign"] == "right"
    assert record["coverage"] == 1
    assert record["picture"] == str(tmp_path / "here.png")
    assert (tmp_path / "here.png").is_file()
    assert not result.with_name("comparison.png").exists()


@pytest.mark.parametrize(("bound", "code"), [("0.31", 0), ("0.29", 8)])
def test_command_ends_with_8_above_the_bound(
    bound: str, code: int, dinsar: Callable[..., Outcome], result: Path, truth: Path
) -> None:
    done = dinsar("compare", result, truth, "--max-rmse", bound)
    assert done.code == code
    assert "RMSE" in done.out  # the figures are there all the same
    assert ("above 0.29 mm" in done.err) == (code == 8)


def test_command_counts_what_is_coherent_enough(dinsar: Callable[..., Outcome], result: Path, truth: Path) -> None:
    write(truth.with_name("coherence.tif"), np.full(SHAPE, 0.6, np.float32))
    assert dinsar("compare", result, truth, "--min-coherence", 0.5).code == 0
    check_refusal(dinsar("compare", result, truth, "--min-coherence", 0.7), NO_DATA, "0 pixels")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--min-coherence", "1.5"], "--min-coherence"),
        (["--max-rmse", "-1"], "--max-rmse"),
        (["--picture", "nowhere/a.png"], "nowhere"),
        (["--picture", "."], "folder"),
    ],
)
def test_command_refuses_what_cannot_be(
    options: list[str], named: str, dinsar: Callable[..., Outcome], result: Path, truth: Path
) -> None:
    check_refusal(dinsar("compare", result, truth, *options), USAGE, named)


def test_command_refuses_what_is_no_map(dinsar: Callable[..., Outcome], result: Path, tmp_path: Path) -> None:
    for kind in ("missing", "no raster", "no reference system", "complex"):
        wrong = bad(tmp_path, kind)
        check_refusal(dinsar("compare", result, wrong), USAGE, wrong)
        check_refusal(dinsar("compare", wrong, result), USAGE, wrong)


# The picture


def comparison(result: np.ndarray, truth: np.ndarray, crs: str = "EPSG:4326") -> Comparison:
    statistics, residual = judge(result, truth, np.isfinite(truth))
    grid = from_origin(-8.95, 31.45, 0.0005, 0.0005)
    return Comparison(statistics, result.astype(np.float32), truth.astype(np.float32), residual, grid, crs, (), ())


def few() -> np.ndarray:
    """Ten pixels of a map so large that the picture takes every third one, and none of these."""
    truth = np.full((3010, 4003), np.nan)
    truth[1:40:4, 1] = 0.01
    return truth


@pytest.mark.parametrize(
    ("result", "truth"),
    [
        pytest.param(uplift(), uplift(), id="no residual"),
        pytest.param(np.zeros(SHAPE), np.zeros(SHAPE), id="nothing at all"),
        pytest.param(np.full(SHAPE, 0.05) + 1e-9 * noise(), np.full(SHAPE, 0.05), id="constant"),
        pytest.param(1e4 * uplift(), uplift(), id="absurd"),
        pytest.param(few(), few(), id="few pixels of many"),
        pytest.param(np.zeros((1, 10)), np.zeros((1, 10)), id="one row"),
        pytest.param(uplift()[:, :10], np.where(np.eye(300, 10) > 0, 0.01, np.nan), id="ten pixels"),
    ],
)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32629"])
def test_picture_of_anything_is_drawn(result: np.ndarray, truth: np.ndarray, crs: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    comparison_picture(path, comparison(result, truth, crs), "Anything")
    with quietly(), rasterio.open(path) as picture:
        pixels = picture.read()
    assert pixels.shape[1] > 500
    assert pixels.std() > 5
    assert list(tmp_path.iterdir()) == [path]
