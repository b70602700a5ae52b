"""Noise, masks, reference and ramp of whole runs, on simulated pairs whose coherence falls from north to south."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.geo.grid import grid_for, posting_for_looks
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.radar_layers import RadarOnMap, geocode_layers
from dinsar_cli.simulate import Coherence, Ramp, Scenario, SimulatedStack, Still, simulate
from support.command import run_apart
from support.gnss_inputs import noise, write_tenv3
from support.place import Dinsar, Place
from support.refusal import NO_DATA, USAGE, check_refusal
from support.topsapp.direct_run import run_topsapp
from support.topsapp.isce2_process import find_isce2

BINS = ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9))
FALLING = Coherence(repeat=1.0, floor=0.0, noise=-25.0, south=0.2)
TILT = 2e-3  # metres a kilometre east


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("options")
    scenario = Scenario(deformation=Ramp(TILT, 0.0), coherence=FALLING, lake=None, bursts=1, columns=1600, seed=41)
    made = Place.simulated(scenario, folder)
    done = run_apart(*made.command(), timeout=300)
    assert done.code == 0, done.err
    return made


def values(record: dict[str, object], name: str) -> np.ndarray:
    return read_map(Path(record["products"][name])).values


def check_sigma(products: Path, stack: SimulatedStack) -> None:
    """Error over sigma has the standard deviation 1 within a fifth, in each bin of true coherence."""
    los, sigma = (read_map(products / f"{name}.tif") for name in ("los_displacement", "los_sigma"))
    truth, coherence = (on_grid(read_map(stack.truth / f"{n}.tif"), los) for n in ("los_displacement", "coherence"))
    error = los.values - truth
    error -= np.nanmedian(error[coherence > 0.7])
    for low, high in BINS:
        counts = (coherence > low) & (coherence < high) & np.isfinite(error)
        assert counts.sum() > 1000
        assert 0.8 <= np.std(error[counts] / sigma.values[counts]) <= 1.2
    np.testing.assert_array_equal(np.isfinite(sigma.values), np.isfinite(los.values))


def test_the_embedded_engine_knows_its_noise(place: Place) -> None:
    (folder,) = place.work().glob("T*")
    check_sigma(folder / "products", place.stack)
    with rasterio.open(folder / "products" / "los_sigma.tif") as dataset:
        tags = dataset.tags()
    assert tags["unit"] == "m"
    assert "without atmosphere" in tags["description"]


def test_the_simulated_coherence_falls_southward(place: Place) -> None:
    (folder,) = place.work().glob("T*")
    found = read_map(folder / "products" / "coherence.tif")
    truth = on_grid(read_map(place.stack.truth / "coherence.tif"), found)
    known = np.isfinite(found.values) & np.isfinite(truth)
    rows = np.flatnonzero(known.any(axis=1))
    means = [np.mean(truth[row][known[row]]) for row in rows]
    assert np.all(np.diff(means) < 0)
    for low, high in BINS:  # estimates of low coherence are a little too high
        cells = known & (truth > low) & (truth < high)
        assert np.mean(found.values[cells]) == pytest.approx(np.mean(truth[cells]), abs=0.03)


def test_what_tells_nothing_is_left_out_and_nothing_is_fitted_unasked(dinsar: Dinsar, place: Place) -> None:
    record = place.run(dinsar)
    assert record["masked"].keys() == {"coherence", "water", "layover_shadow"}
    assert all(share < 0.02 for share in record["masked"].values())  # no water, gentle ground, and coherence
    assert record["ramp"] is None
    nothing = place.run(dinsar, "--mask", "none")
    assert nothing["masked"] == {}
    components = values(nothing, "connected_components")
    np.testing.assert_array_equal(np.isfinite(values(nothing, "los_displacement")), components > 0)
    assert "ramp" not in record["products"]
    assert record["los_sigma_m"]["median"] > 0


def test_a_ramp_is_taken_off_told_and_saved(dinsar: Dinsar, place: Place) -> None:
    plain = values(place.run(dinsar, "--reference-point", "none"), "los_displacement")
    record = place.run(dinsar, "--ramp", "plane", "--reference-point", "none")
    los, ramp = values(record, "los_displacement"), values(record, "ramp")
    known = np.isfinite(plain)
    np.testing.assert_allclose((los + ramp)[known], plain[known], atol=1e-7)
    truth = read_map(place.stack.truth / "los_displacement.tif").values
    assert np.nanstd(truth) > 2e-3
    assert np.ptp(ramp) == pytest.approx(np.ptp(truth[np.isfinite(truth)]), rel=0.5)
    residual = los[known & (values(record, "coherence") > 0.7)]
    assert np.std(residual) < 0.3e-3
    assert any("ramp.tif" in text for text in record["warnings"])
    journal = json.loads((Path(record["folder"]) / "run.json").read_text(encoding="utf-8"))
    kept = journal["stages"]["displacement"]["details"]["facts"]["ramp"]
    assert kept["kind"] == "plane"
    assert kept["coefficients"].keys() == {"east", "north"}
    again = place.run(dinsar)
    assert not (Path(again["folder"]) / "products" / "ramp.tif").exists()


def test_masks_leave_out_what_they_say(dinsar: Dinsar, place: Place) -> None:
    record = place.run(dinsar, "--mask-coherence", "0.6")
    los, coherence = values(record, "los_displacement"), values(record, "coherence")
    assert np.nanmin(coherence[np.isfinite(los)]) >= 0.6
    assert 0.2 < record["masked"]["coherence"] < 0.8
    assert np.isnan(values(record, "vertical_displacement")[np.isnan(los)]).all()


def middle(place: Place, share: float) -> tuple[float, float, float, float]:
    """The middle part of the scene: west, south, east, north."""
    south, north, west, east = json.loads(place.stack.summary.read_text(encoding="utf-8"))["roi_snwe"]
    x, y, wide, high = (
        (west + east) / 2,
        (south + north) / 2,
        share * (east - west) / 2,
        share * (north - south) / 2,
    )
    return x - wide, y - high, x + wide, y + high


def test_water_is_left_out_of_the_unwrapping(dinsar: Dinsar, place: Place) -> None:
    west, south, east, north = middle(place, 0.3)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    (place.folder / "lake.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    config = place.config(mask={"water": "lake.geojson"})
    record = place.run(dinsar, config)
    phase = read_map(Path(record["products"]["unwrapped_phase"]))
    x, y = (np.asarray(part) for part in (phase.transform.c, phase.transform.f))
    rows, columns = np.mgrid[: phase.values.shape[0], : phase.values.shape[1]]
    lon, lat = x + (columns + 0.5) * phase.transform.a, y + (rows + 0.5) * phase.transform.e
    cell = 2 * phase.transform.a  # at the shore the neighbours are interpolated
    inside = (lon > west + cell) & (lon < east - cell) & (lat > south + cell) & (lat < north - cell)
    assert np.isnan(phase.values[inside]).all()
    assert np.isfinite(values(record, "wrapped_phase")[inside]).all()
    assert np.isfinite(phase.values[~inside]).mean() > 0.3
    data = np.isfinite(values(record, "coherence"))
    assert record["masked"]["water"] == pytest.approx(np.mean(inside[data]), abs=0.02)  # and the shore
    flags, seen = values(record, "flags"), values(record, "visibility")
    assert (flags[inside].astype(int) & 64 > 0).all()
    assert (seen[inside] == 4).all()
    assert not (seen[data & ~inside & (np.abs(lon - x) > cell)] == 4).mean() > 0.02


def test_displacement_is_relative_to_an_area(dinsar: Dinsar, place: Place) -> None:
    west, south, east, north = middle(place, 0.4)
    area = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    record = place.run(dinsar, place.config(reference_area=area))
    los = read_map(Path(record["products"]["los_displacement"]))
    rows = (int((los.transform.f - lat) / -los.transform.e) for lat in (north, south))
    columns = (int((lon - los.transform.c) / los.transform.a) for lon in (west, east))
    (top, bottom), (left, right) = rows, columns
    assert np.nanmean(los.values[top + 1 : bottom, left + 1 : right]) == pytest.approx(0, abs=5e-5)
    assert west < record["reference_point"]["lon"] < east


def stations(place: Place, folder: Path, more: Sequence[tuple[str, tuple[float, float]]] = ()) -> Path:
    """Daily positions of five stations that move as the truth does, at once, between the dates."""
    west, south, east, north = middle(place, 0.4)
    corners = [("RABT", (west, south)), ("IFRN", (east, south)), ("TETN", (east, north)), ("MAR1", (west, north))]
    rng, first = np.random.default_rng(3), date(2023, 6, 20)
    truth = [read_map(place.stack.truth / f"{name}.tif") for name in ("east", "north", "up")]
    for name, (lon, lat) in [*corners, ("SAFI", ((west + east) / 2, (south + north) / 2)), *more]:
        step = [0.0, 0.0, 0.0]
        if name != "FARR":
            column, row = ~truth[0].transform * (lon, lat)
            step = [float(one.values[int(row), int(column)]) for one in truth]
        positions = noise(rng, 170)
        positions[(date(2023, 9, 10) - first).days :] += step
        write_tenv3(folder, name, (lon, lat), dict(enumerate(positions)), first=first)
    return folder


def test_zero_is_that_of_gnss_stations(dinsar: Dinsar, place: Place, tmp_path: Path) -> None:
    plain = place.run(dinsar)
    folder = stations(place, tmp_path / "IGS20", [("FARR", (100.0, 31.0))])
    record = place.run(
        dinsar, "--reference-gnss", folder, "--reference-gnss-model", "plane", "--event", "2023-09-10"
    )
    los = read_map(Path(record["products"]["los_displacement"]))
    error = los.values - on_grid(read_map(place.stack.truth / "los_displacement.tif"), los)
    sigma = values(record, "los_sigma")
    known = np.isfinite(error)
    assert np.abs(np.median(error[known])) < 2 * np.median(sigma[known])
    assert 0.5e-3 < np.median(sigma[known]) < 4e-3
    gnss = record["gnss"]
    assert (gnss["relative_to"], gnss["used"]) == ("5 GNSS stations in IGS20, by a plane", 5)
    assert gnss["reduced_chi_square"] < 4
    assert any("FARR: not used: outside the map" in text for text in record["warnings"])
    # a plane is between both maps, and nothing but the displacement was made again
    surface = values(plain, "los_displacement") - los.values
    rows, columns = np.nonzero(np.isfinite(surface))
    design = np.stack([np.ones(rows.size), rows, columns], axis=1)
    fitted = np.linalg.lstsq(design, surface[rows, columns], rcond=None)[0]
    np.testing.assert_allclose(design @ fitted, surface[rows, columns], atol=2e-6)
    with rasterio.open(record["products"]["los_displacement"]) as dataset:
        tags = dataset.tags()
    assert (tags["reference_point"], tags["reference"]) == ("none", gnss["relative_to"])
    page = Path(record["products"]["report"]).read_text(encoding="utf-8")
    assert "relative to 5 GNSS stations in IGS20" in page
    assert page.count('"used": true') == 5
    for name in ("RABT", "FARR", "plates move by centimetres a year"):
        assert name in page
    journal = json.loads((Path(record["folder"]) / "run.json").read_text(encoding="utf-8"))
    assert journal["stages"]["displacement"]["details"]["facts"]["gnss"] == gnss
    # what cannot work is refused before anything is made
    far = tmp_path / "far.csv"
    far.write_text("station,lon,lat,E,N,U\nA,10,45,0,0,0\n")
    check_refusal(
        dinsar(*place.command("--reference-gnss", far)), NO_DATA, "No GNSS station", "outside the map (A)"
    )


def test_wrong_areas_are_refused_before_anything_is_made(dinsar: Dinsar, place: Place) -> None:
    far = place.config(reference_area="10 40 11 41")
    check_refusal(dinsar(*place.command(far)), NO_DATA, "reference area", "outside the map")
    lost = place.config(mask={"water": "none.tif"})
    check_refusal(dinsar(*place.command(lost)), USAGE, place.folder / "none.tif")
    both = place.config(reference_area="10 40 11 41", reference_point="none")
    check_refusal(dinsar(*place.command(both)), USAGE, "reference_area")
    check_refusal(dinsar(*place.command("--ramp", "cubic")), USAGE, "ramp", "plane")
    check_refusal(dinsar(*place.command("--mask-coherence", "2")), USAGE, "mask.coherence", "0 to 1")


@pytest.mark.isce2
def test_topsapp_noise_is_known(tmp_path: Path) -> None:
    isce2 = find_isce2()[0]
    if isce2 is None:
        pytest.skip("no working ISCE2 (set ISCE_HOME, or put topsApp.py and a python3 with osgeo on PATH)")
    scenario = Scenario(coherence=FALLING, lake=None, deformation=Still(), seed=42)
    stack = simulate(scenario, tmp_path / "pair")
    work, products = tmp_path / "work", tmp_path / "products"
    for folder in (work, products):
        folder.mkdir()
    run_topsapp(isce2, scenario, stack, work)
    made = collect(work, tmp_path / "radar")
    shutil.rmtree(work)
    south, north, west, east = json.loads(stack.summary.read_text(encoding="utf-8"))["roi_snwe"]
    bounds = parse_roi(f"{west} {south} {east} {north}").bounds
    grid = grid_for(bounds, "EPSG:4326", posting_for_looks(made.range_spacing, made.azimuth_spacing, "EPSG:4326"))
    layers = MapLayers(products, grid)
    geocode_layers(RadarOnMap(made, grid, 10**9, PhaseFilter("isce2", 0.5)), layers, {}, lambda _: None)
    displacement_layers(RunConfig(), layers, made.wavelength, {})
    check_sigma(products, stack)
