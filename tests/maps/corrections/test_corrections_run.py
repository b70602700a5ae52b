"""Corrections of whole runs: a simulated pair with an atmosphere, whose delay is given as files, and tides."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import Map, on_grid, read_map
from dinsar_cli.simulate import Atmosphere, Coherence, Mogi, Scenario
from support.command import run_apart
from support.delay_inputs import write_raider_cube
from support.place import Dinsar, Place
from support.refusal import NO_DATA, USAGE, check_refusal
from support.truth import accuracy

pytest.importorskip("eos")

DAYS = ("20230904", "20230916")
MEAN_DELAY = 2.3  # m in the zenith, which the simulated one is about
SCENARIO = Scenario(
    deformation=Mogi.from_uplift(0.05, 3000.0),
    coherence=Coherence(repeat=0.95),
    lake=None,
    bursts=1,
    columns=1600,
    seed=7,
    atmosphere=Atmosphere(turbulence=0.0005, stratified=0.1),
)


def delays(place: Place) -> list[Path]:
    return [place.folder / "delays" / f"{day}.ztd.tif" for day in DAYS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("corrections")
    made = Place.simulated(SCENARIO, folder)
    write_delays(made)
    done = run_apart(*made.command(), timeout=300)
    assert done.code == 0, done.err
    return made


def write_delays(place: Place) -> None:
    """The true delays of both dates as a weather model would give them: metres in the zenith."""
    delays(place)[0].parent.mkdir()
    for path, day in zip(delays(place), DAYS, strict=True):
        with rasterio.open(place.stack.truth / f"atmosphere_{day}.tif") as file:
            slant, profile = file.read(1), file.profile
        with rasterio.open(place.stack.truth / "incidence.tif") as file:
            zenith = slant * np.cos(np.radians(file.read(1))) + MEAN_DELAY
        with rasterio.open(path, "w", **profile | {"nodata": np.nan}) as file:
            file.write(zenith.astype(np.float32), 1)


def product(record: dict[str, object], name: str) -> Map:
    return read_map(Path(record["products"][name]))


def rmse(los: Map, place: Place) -> float:
    return accuracy(los, place.stack.truth).statistics.rmse


def test_delay_files_bring_the_map_to_the_truth_and_the_other_sign_does_not(dinsar: Dinsar, place: Place) -> None:
    plain = product(place.run(dinsar), "los_displacement")
    record = place.run(dinsar, "--troposphere", delays(place)[0].parent)
    los, layer = product(record, "los_displacement"), product(record, "correction_troposphere")
    before = rmse(plain, place)
    assert before > 2e-3
    assert rmse(los, place) < 0.3e-3
    flipped = Map(los.values + 2 * layer.values, los.transform, los.crs)
    assert rmse(flipped, place) > 1.9 * before
    moved = layer.values - (plain.values - los.values)  # what was taken off, but for the reference
    assert np.nanstd(moved) < 1e-6
    true = [on_grid(read_map(place.stack.truth / f"atmosphere_{day}.tif"), los) for day in DAYS]
    wrong = layer.values - (true[0] - true[1])
    assert np.nanstd(wrong) < 0.05e-3


def write_cubes(place: Place) -> list[Path]:
    """The true delays at the ground, continued to heights above and below it."""
    heights, paths = (-100.0, 0.0, 200.0, 600.0, 1200.0), []
    for path, day, slope in zip(delays(place), DAYS, (3.0e-4, 3.4e-4), strict=True):
        with rasterio.open(path) as file:
            at_ground, a = file.read(1).astype(np.float64), file.transform
        elevation = on_grid(read_map(place.stack.dem), read_map(path))
        assert np.nanstd(elevation) > 20
        assert -150 < np.nanmin(elevation) < np.nanmax(elevation) < 1250
        total = np.stack([at_ground - slope * (height - elevation) for height in heights])
        latitude, longitude = (
            a.f + a.e * (np.arange(total.shape[1]) + 0.5),
            a.c + a.a * (np.arange(total.shape[2]) + 0.5),
        )
        folder = place.folder / "cubes"
        folder.mkdir(exist_ok=True)
        paths.append(
            write_raider_cube(folder / f"GMAO_tropo_{day}T063736_ztd.nc", total, heights, latitude, longitude)
        )
    return paths


def test_cubes_of_delay_are_taken_at_the_height_of_the_ground(dinsar: Dinsar, place: Place) -> None:
    before = rmse(product(place.run(dinsar), "los_displacement"), place)
    cubes = write_cubes(place)
    record = place.run(dinsar, "--troposphere", cubes[0].parent)
    assert before > 2e-3
    assert rmse(product(record, "los_displacement"), place) < 0.3e-3
    assert record["corrections"]["troposphere"]["lost"] == pytest.approx(0, abs=0.01)
    # the slopes of both dates differ: at one height for all they would be 0.05 mm apart for each metre of relief
    with_files = place.run(dinsar, "--troposphere", delays(place)[0].parent)
    layers = [product(one, "correction_troposphere").values for one in (record, with_files)]
    assert np.nanstd(layers[0] - layers[1]) < 0.05e-3


def test_the_size_before_and_after_is_told_saved_and_tagged(dinsar: Dinsar, place: Place) -> None:
    record = place.run(dinsar, "--troposphere", f"{delays(place)[0]},{delays(place)[1]}")
    told = record["corrections"]["troposphere"]
    layer = product(record, "correction_troposphere").values
    los = product(record, "los_displacement").values
    known = np.isfinite(los)
    assert told["std_m"] == pytest.approx(np.std(layer[known]), rel=0.02)
    assert told["los_std_after_m"] == pytest.approx(np.std(los[known]), rel=0.02)
    assert abs(told["height_correlation_before"]) > abs(told["height_correlation_after"])
    assert told["lost"] == pytest.approx(0, abs=0.01)
    assert told["files"] == [[path.name] for path in delays(place)]
    journal = json.loads((Path(record["folder"]) / "run.json").read_text(encoding="utf-8"))
    assert journal["stages"]["displacement"]["details"]["facts"]["corrections"]["troposphere"] == told
    with rasterio.open(record["products"]["los_displacement"]) as file:
        assert file.tags()["corrections"] == "troposphere"
        assert float(file.tags()["troposphere_std_m"]) == pytest.approx(told["std_m"], rel=1e-4)
    with rasterio.open(record["products"]["correction_troposphere"]) as file:
        tags = file.tags()
    assert tags["unit"] == "m"
    assert "toward the satellite" in tags["sign"]
    assert "zenith" in tags["method"]
    words = dinsar(*place.command("--troposphere", delays(place)[0].parent)[:-2]).out
    assert "corrected       troposphere: " in words


def test_the_height_term_lessens_the_error(dinsar: Dinsar, place: Place) -> None:
    before = rmse(product(place.run(dinsar), "los_displacement"), place)
    record = place.run(dinsar, "--troposphere", "height")
    assert rmse(product(record, "los_displacement"), place) < 0.75 * before
    told = record["corrections"]["troposphere"]
    figures = json.loads(place.stack.summary.read_text(encoding="utf-8"))
    earlier, later = figures["stratified_zenith_delay_m"]
    scale, height = SCENARIO.atmosphere.scale_height, told["fit_height"]
    # d/dh of -(later - earlier) exp(-h / scale) / cos(incidence)
    slope = (
        (later - earlier) * np.exp(-height / scale) / scale / np.cos(np.radians(figures["incidence_centre_deg"]))
    )
    assert told["slope_mm_per_km"] == pytest.approx(1e6 * slope, rel=0.25)
    assert any("goes with height" in text for text in record["warnings"])


def test_tides_are_taken_off_before_the_ramp(dinsar: Dinsar, place: Place) -> None:
    pytest.importorskip("pyTMD")
    plain = product(place.run(dinsar), "los_displacement").values
    record = place.run(dinsar, "--tides")
    layer, los = (product(record, name).values for name in ("correction_tides", "los_displacement"))
    assert np.nanstd(los + layer - plain) < 1e-6
    assert 5e-3 < abs(np.nanmean(layer)) < 0.3  # decimetres of tide, at two moments 12 days apart
    assert 1e-5 < np.nanstd(layer) < 5e-3
    starts = [datetime.fromisoformat(record[f"{name}_date"]) for name in ("reference", "secondary")]
    middles = [datetime.fromisoformat(text) for text in record["corrections"]["tides"]["times"]]
    for start, middle in zip(starts, middles, strict=True):  # a burst is seen for less than 3.5 s
        assert 0 < (middle - start).total_seconds() < 3.5
    again = place.run(dinsar)
    assert not (Path(again["folder"]) / "products" / "correction_tides.tif").exists()


def test_what_cannot_be_corrected_is_refused_before_anything_is_made(
    dinsar: Dinsar, place: Place, tmp_path: Path
) -> None:
    check_refusal(dinsar(*place.command("--troposphere", delays(place)[0])), NO_DATA, "2023-09-16")
    check_refusal(dinsar(*place.command("--troposphere", tmp_path / "gone.tif")), USAGE, "gone.tif")
    far = []
    for path in delays(place):
        with rasterio.open(path) as file:
            values, profile = file.read(1), file.profile
        profile["transform"] = rasterio.Affine.translation(3, 0) * profile["transform"]
        far.append(tmp_path / path.name)
        with rasterio.open(far[-1], "w", **profile) as file:
            file.write(values, 1)
    check_refusal(dinsar(*place.command("--troposphere", tmp_path)), NO_DATA, "does not cover the map")
    with rasterio.open(far[0], "w", **profile | {"transform": profile["transform"]}) as file:
        file.write(np.full_like(values, 2300), 1)
    check_refusal(dinsar(*place.command("--troposphere", tmp_path)), USAGE, "metres")
