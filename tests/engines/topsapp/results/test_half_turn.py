"""ISCE2 beside 180 degrees: it is given an Earth turned by half a turn, and what it made is turned back."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.dem_files import read_isce_dem_header
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.layers import create_layers, write_geometry
from dinsar_cli.engines.topsapp.settings.steps import made_by_topsapp
from dinsar_cli.engines.topsapp.work import make_inputs
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.radar.geometry import geodetic_to_cartesian
from dinsar_cli.sentinel1.orbit_file import OrbitFile, read_orbit_file
from support.pair import pair_config, prepared
from support.run_inputs import write_dem, write_orbit
from support.safe_factory import Product, write_zip
from support.topsapp.merged_folder import LOOKS, Content, centres, longitude, write_folder

ACROSS = Product(swaths=("IW1", "IW2"), longitude=-176.0)
"""IW1 reaches from 179.1 to -179.9, IW2 from 178.2 to 179.1."""
AREAS = {"east": "179.7 30.85 179.9 31.05", "west": "-179.98 30.95 -179.92 31.05", "far": "178.3 30.75 178.6 30.95"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    for product in (ACROSS, ACROSS.repeated()):
        write_zip(product, folder)
        write_orbit(product, folder / "orbits")
    (folder / "dem").mkdir()
    write_dem(folder / "dem" / "dem.tif", (178.0, 30.3, 180.5, 31.6))
    return folder


def inputs_for(pair: Path, cache: Path, area: str, buffer: float = 0.1) -> EngineInputs:
    config = pair_config(pair, roi=AREAS[area], engine="eos", looks="1x1", dem__buffer=buffer)
    return prepared(plan_run(request_of(config), cache), cache)


def orbit_of(work: Path, date: str) -> OrbitFile:
    """The orbit file that topsApp is told to read."""
    (path,) = re.findall(r">\s*(\S+\.EOF)\s*<", (work / f"{date}.xml").read_text())
    return read_orbit_file(Path(path))


def region_of(work: Path) -> list[float]:
    (numbers,) = re.findall(r'"region of interest">\s*(?:<value>)?\[?([^\]<]+)', (work / "topsApp.xml").read_text())
    return [float(number) for number in numbers.split(",")]


@pytest.mark.parametrize(("area", "turn"), [("east", -180.0), ("west", 180.0)])
def test_orbits_dem_and_region_are_half_a_turn_away(pair: Path, tmp_path: Path, area: str, turn: float) -> None:
    """No distance changes: a place seen from the state vectors is as far as before, to the last digit."""
    inputs, work = inputs_for(pair, tmp_path, area), tmp_path / "isce2"
    make_inputs(inputs, work, {}, gpu=False)
    west, _, east, _ = inputs.bounds
    assert region_of(work)[2:] == pytest.approx([west + turn, east + turn], abs=1e-9)
    header = read_isce_dem_header(work / "dem.wgs84.xml")
    assert -3.0 < header.first_lon < 0 < header.first_lon + header.width * header.delta_lon < 3.0
    place = np.array(179.93), np.array(31.0), np.array(250.0)
    real, turned = geodetic_to_cartesian(*place), geodetic_to_cartesian(place[0] - 180, *place[1:])
    for date, orbit in (("reference", inputs.reference_orbit), ("secondary", inputs.secondary_orbit)):
        whole, given = read_orbit_file(orbit.path), orbit_of(work, date)
        np.testing.assert_array_equal(given.position, whole.position * [-1, -1, 1])
        np.testing.assert_array_equal(given.velocity, whole.velocity * [-1, -1, 1])
        np.testing.assert_allclose(
            np.linalg.norm(given.position - turned, axis=1),
            np.linalg.norm(whole.position - real, axis=1),
            atol=1e-6,
        )


def test_away_from_180_the_earth_is_as_it_is(pair: Path, tmp_path: Path) -> None:
    """The subswath in use does not reach it; and the files of an area that does are gone with the next one."""
    work = tmp_path / "isce2"
    make_inputs(inputs_for(pair, tmp_path, "east"), work, {}, gpu=False)
    (work / "PICKLE").mkdir()
    far = inputs_for(pair, tmp_path, "far")
    make_inputs(far, work, {}, gpu=False)
    assert region_of(work)[2:] == pytest.approx([178.3, 178.6])
    assert read_isce_dem_header(work / "dem.wgs84.xml").first_lon == pytest.approx(178.1, abs=0.1)
    assert orbit_of(work, "reference").path == far.reference_orbit.path
    assert not (work / "turned").exists()
    assert not (work / "PICKLE").exists() or not list((work / "PICKLE").iterdir())


def test_the_turned_files_are_there_again_after_the_work_was_removed(pair: Path, tmp_path: Path) -> None:
    inputs, work = inputs_for(pair, tmp_path, "east"), tmp_path / "isce2"
    make_inputs(inputs, work, {}, gpu=False)
    turned = [path for path in made_by_topsapp(work) if path.parent.name == "turned"]
    assert turned
    for path in turned:
        path.unlink()
    make_inputs(inputs, work, {}, gpu=False)
    assert orbit_of(work, "reference").mission == "S1A"


def test_positions_are_turned_back_and_the_geometry_is_that_of_topsapps_earth(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "work", Content(baseline=120.0))
    plain = collect(folder, tmp_path / "plain", looks=LOOKS)
    (folder / "turned").mkdir()
    turned = collect(folder, tmp_path / "turned", looks=LOOKS)
    np.testing.assert_allclose(
        turned.layer("longitude").read(), plain.layer("longitude").read() + 180.0, atol=1e-9, rtol=0
    )
    baseline = plain.perpendicular_baseline
    assert turned.perpendicular_baseline == pytest.approx(baseline, abs=1e-6)
    assert replace(turned, folder=plain.folder, perpendicular_baseline=baseline) == plain


def test_longitudes_of_a_run_of_somebody_else_run_on_over_180(tmp_path: Path) -> None:
    """Its file jumps from 180 to -180 inside look cells, whose mean would be anywhere."""
    folder = write_folder(tmp_path / "work", Content())
    shift = 188.9 + 0.003
    for path in sorted((folder / "geom_reference").glob("lon_*.rdr")):
        values = np.fromfile(path, "<f8") + shift
        assert values.min() < 180 < values.max()
        np.where(values > 180, values - 360, values).astype("<f8").tofile(path)
    run = FinishedRun.open(folder, LOOKS)
    (tmp_path / "radar").mkdir()
    layers = create_layers(run, tmp_path / "radar")
    write_geometry(run, layers, lambda: run.strips(50_000))  # several of them
    found = layers["longitude"].read()
    away = found - (longitude(*centres()) + shift)
    assert np.ptp(away) == pytest.approx(0, abs=1e-9)
    assert away[0, 0] in (pytest.approx(0, abs=1e-9), pytest.approx(-360, abs=1e-9))
