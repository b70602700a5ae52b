"""Where the beam of TOPS looked, and how large motion along the track may be: against analytic truths."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.sigma import along_track, parts, sigma_tags
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.displacement import ReferencePoint
from dinsar_cli.radar.interferogram import LAYERS, RadarFile
from dinsar_cli.radar.squint import (
    NEIGHBOURHOOD,
    LookCells,
    RangePolynomial,
    SteeredBurst,
    along_track_share,
    motion_size,
    squint_sigma,
    write_squint,
)
from dinsar_cli.simulate import Coherence, Mogi, Scenario, SimulatedStack, simulate
from dinsar_cli.simulate.radar.carrier import Carrier, Polynomial
from dinsar_cli.simulate.world.instrument import SPEED_OF_LIGHT
from dinsar_cli.simulate.world.instrument import WAVELENGTH as OF_MISSION
from support.command import run_apart
from support.products import read_product

BINS = ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9))
FALLING = Coherence(repeat=1.0, floor=0.0, noise=-25.0, south=0.2)
STEEP = Scenario(deformation=Mogi.from_uplift(0.15, 1500.0), coherence=FALLING, lake=None, columns=2500, seed=54)
WAVELENGTH, SPEED = 0.0555, 6800.0


def burst(**other: object) -> SteeredBurst:
    """A burst of 1501 lines with a constant FM rate and no centroid: k_t = -2200 x 7600 / -9800 = 1706 Hz/s."""
    values: dict[str, object] = {
        "top": 0,
        "bottom": 1501,
        "left": 0,
        "right": 100,
        "middle": 750.0,
        "line_interval": 2e-3,
        "near_time": 5e-3,
        "sample_interval": 1.6e-8,
        "swath_middle": 5.1e-3,
        "fm_rate": RangePolynomial(5e-3, (-2200.0,)),
        "centroid": RangePolynomial(5e-3, (0.0,)),
        "steering": 7600.0,
    }
    return SteeredBurst(**(values | other))  # type: ignore[arg-type]


def test_the_frequency_grows_from_back_to_ahead_over_a_burst() -> None:
    line = np.array([0.0, 750.0, 1500.0])
    rate = 2200 * 7600 / 9800
    np.testing.assert_allclose(burst().frequency(line, np.zeros(1)), [-1.5 * rate, 0, 1.5 * rate])


def test_the_frequency_is_the_slope_of_the_carrier() -> None:
    coefficients = ((-2250.0, 4e5, -7e7), (30.0, -9e3, 0.0))
    carrier = Carrier(Polynomial(5e-3, coefficients[0]), Polynomial(5e-3, coefficients[1]), 1.6, 7590.0, 5.1e-3)
    ours = burst(
        fm_rate=RangePolynomial(5e-3, coefficients[0]),
        centroid=RangePolynomial(5e-3, coefficients[1]),
        steering=2 * 7590.0 / OF_MISSION * np.radians(1.6),
    )
    line, step = np.linspace(0, 1500, 7), 1e-4
    for sample in (0.0, 5000.0):
        slant_range = np.array((5e-3 + sample * 1.6e-8) * SPEED_OF_LIGHT / 2)
        ahead, back = (carrier.phase((line - 750 + sign * step) * 2e-3, slant_range) for sign in (0.5, -0.5))
        slope = (ahead - back) / (2 * np.pi * step * 2e-3)
        np.testing.assert_allclose(ours.frequency(line, np.array(sample)), slope, atol=0.05)


def test_cells_have_the_squint_of_their_burst_and_the_last_one_is_on_top(tmp_path: Path) -> None:
    layer = RadarFile(tmp_path, LAYERS["squint"], 8, 5)
    later = burst(top=900, bottom=2000, middle=1650.0, left=40, right=1000)
    write_squint(layer, [burst(bottom=1500), later], LookCells(100, 0, 200, 20), WAVELENGTH, SPEED)
    found = layer.read()
    line = 100 + (np.arange(8) + 0.5) * 200 - 0.5
    rate = 2200 * 7600 / 9800 * 2e-3 * WAVELENGTH / 2 / SPEED
    np.testing.assert_allclose(found[:7, 0], (line[:7] - 750) * rate, rtol=1e-5)
    np.testing.assert_allclose(found[4:, 3], (line[4:] - 1650) * rate, rtol=1e-5)
    np.testing.assert_allclose(found[:4, 3], (line[:4] - 750) * rate, rtol=1e-5)
    assert np.isnan(found[7, 0])  # from line 1500 on there is no burst
    write_squint(layer, [], LookCells(0, 0, 200, 20), WAVELENGTH, SPEED)
    assert np.isnan(layer.read()).all()


NORTH, EAST = np.mgrid[-120e3:120e3:500, -120e3:120e3:500]


@pytest.mark.parametrize("incidence", [0.0, 34.0, 45.0])
@pytest.mark.parametrize("depth", [1500.0, 4000.0])
def test_a_point_source_moves_along_the_track_as_the_share_says(depth: float, incidence: float) -> None:
    e, n, u = Mogi(depth).displacement(EAST, NORTH)
    heading, angle = np.radians(192.0), np.radians(incidence)
    along = e * np.sin(heading) + n * np.cos(heading)
    right = e * np.cos(heading) - n * np.sin(heading)
    los = u * np.cos(angle) - right * np.sin(angle)
    measured = np.sqrt(np.mean(along**2) / np.mean(los**2))
    assert float(along_track_share(np.cos(angle))) == pytest.approx(measured, rel=0.01)


@pytest.mark.parametrize("depth", [1500.0, 4000.0])
def test_the_expected_square_is_halfway_between_a_point_source_and_consolidation(depth: float) -> None:
    e, n, u = Mogi(depth).displacement(EAST, NORTH)
    heading, angle = np.radians(-12.0), np.radians(39.0)
    right = e * np.cos(heading) - n * np.sin(heading)
    los = u * np.cos(angle) - right * np.sin(angle)
    size = motion_size(los, np.full(los.shape, np.cos(angle)), (500.0, 500.0))
    over_source, over_consolidation = np.mean((e * np.sin(heading) + n * np.cos(heading)) ** 2), 0.0
    assert np.mean(size**2) == pytest.approx((over_source + over_consolidation) / 2, rel=0.02)


def test_several_sources_move_sideways_as_much_as_up() -> None:
    e, n, u = np.add(Mogi(3e3).displacement(EAST, NORTH), Mogi(2e3, -2e6).displacement(EAST - 7e3, NORTH + 5e3))
    assert np.mean(e**2 + n**2) == pytest.approx(np.mean(u**2), rel=0.01)


def test_the_size_is_that_of_the_neighbourhood_and_knows_holes() -> None:
    los = np.zeros((61, 61))
    los[:, 40:] = 0.2
    los[5, 5] = np.nan
    step = NEIGHBOURHOOD / 10
    share = float(along_track_share(np.array(0.8))) / np.sqrt(2)
    size = motion_size(los, np.full(los.shape, 0.8), (step, step))
    assert np.isnan(size[5, 5])
    np.testing.assert_allclose(size[30, [20, 55]], [0.0, 0.2 * share], atol=1e-9)
    np.testing.assert_allclose(size[30, 40] / share, 0.2 * np.sqrt(6 / 11))
    assert size[3, 3] == 0


def test_what_is_not_known_adds_nothing() -> None:
    los, up = np.full((9, 9), 0.5), np.full((9, 9), 1.0)
    squint = np.full((9, 9), -0.01)
    squint[0] = np.nan
    found = squint_sigma(squint, los, up, (100.0, 100.0))
    np.testing.assert_allclose(found[1:], 0.01 * 0.5 / 2)
    np.testing.assert_allclose(found[0], 0)


def test_motion_is_relative_to_the_reference_or_to_the_median(tmp_path: Path) -> None:
    grid = Grid("EPSG:32629", 5e5, 3.4e6, 100.0, 40, 30)
    los = np.full(grid.shape, 0.3, np.float32)
    assert along_track(MapLayers(tmp_path, grid), los, None) is None
    layers = {"squint": np.full(grid.shape, 0.01), "incidence_angle": np.zeros(grid.shape)}
    write_products(tmp_path, layers, grid, {})
    np.testing.assert_allclose(along_track(MapLayers(tmp_path, grid), los, None), 0, atol=1e-9)
    point = ReferencePoint(1, 1, 11, 0.0, 0.0, 1, 0.9)
    np.testing.assert_allclose(along_track(MapLayers(tmp_path, grid), los, point), 0.003 / 2, rtol=1e-5)


def test_the_tags_say_what_is_in_and_what_is_not() -> None:
    known, unknown = sigma_tags(np.zeros(1)), sigma_tags(None)
    assert "along the track" in known["includes"]
    assert "consolidate" in known["includes"]
    assert "along the track" not in known["excludes"]
    assert "along the track" in unknown["excludes"]
    assert "not known" in unknown["excludes"]
    for tags in (known, unknown):
        assert "atmosphere" in tags["excludes"]
    assert parts(along_track=True)[0] in known["includes"]


# Whole runs over a steep point source


def make(stack: SimulatedStack, folder: Path, engine: str, looks: str) -> dict[str, object]:
    """The summary of a run."""
    scenes = [option for date in stack.products for path in date for option in ("--slc", path)]
    inputs = ["--orbits", stack.orbits[0].parent, "--dem", stack.dem, "--dem-datum", "ellipsoid"]
    folders = ["--workdir", folder / f"{engine}_{looks}", "--cache", folder / "cache"]
    command = ["run", *scenes, *inputs, "--looks", looks, "--engine", engine, *folders, "--json", "-q"]
    done = run_apart(*command, timeout=600)
    assert done.code == 0, done.err
    record: dict[str, object] = json.loads(done.out)
    return record


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedStack, Path]:
    folder = tmp_path_factory.mktemp("steep")
    return simulate(STEEP, folder / "pair"), folder


def check_steep(stack: SimulatedStack, record: dict[str, object]) -> None:
    """Error over sigma has the standard deviation 1 within a fifth."""
    products = Path(str(record["folder"])) / "products"
    los, sigma = (read_map(products / f"{name}.tif") for name in ("los_displacement", "los_sigma"))
    names = ("los_displacement", "coherence")
    truth, coherence = (on_grid(read_map(stack.truth / f"{name}.tif"), los) for name in names)
    error = los.values - truth
    error -= np.nanmedian(error[coherence > 0.7])
    for bounds in BINS:
        cells = (coherence > bounds[0]) & (coherence < bounds[1]) & np.isfinite(error)
        assert cells.sum() > 1000
        assert 0.8 <= np.std(error[cells] / sigma.values[cells]) <= 1.2
    summary = record["los_sigma_m"]
    assert isinstance(summary, dict)
    assert "along the track" in summary["includes"]


@pytest.mark.long
@pytest.mark.parametrize("looks", ["7x2", "19x7"])
def test_sigma_holds_over_a_steep_source(steep: tuple[SimulatedStack, Path], looks: str) -> None:
    stack, folder = steep
    check_steep(stack, make(stack, folder, "eos", looks))


@dataclass(frozen=True)
class Northward:
    """All ground moves north: most of it along the track."""

    metres: float

    def displacement(self, east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        zero = np.zeros_like(east + north)
        return zero, zero + self.metres, zero


def check_leak(stack: SimulatedStack, record: dict[str, object]) -> None:
    """The error is minus the squint times the motion along the flight."""
    products = Path(str(record["folder"])) / "products"
    los, squint = (read_map(products / f"{name}.tif") for name in ("los_displacement", "squint"))
    truth = on_grid(read_map(stack.truth / "los_displacement.tif"), los)
    vector = read_product(products, "los_vector")
    forward = -vector[0] / np.hypot(vector[0], vector[1])  # its north part: the satellite is at the left
    error, leak = los.values - truth, -squint.values * NORTHWARD.metres * forward
    known = np.isfinite(error) & np.isfinite(leak)
    slope, _ = np.polyfit(leak[known], error[known], 1)
    assert np.ptp(leak[known]) > 8e-3
    assert slope == pytest.approx(1, abs=0.03)
    assert np.std((error - leak)[known]) < 0.25 * np.std(error[known])


NORTHWARD = Northward(0.5)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["eos", pytest.param("isce2", marks=pytest.mark.isce2)])
def test_the_squint_is_the_share_of_motion_along_the_track(tmp_path: Path, engine: str) -> None:
    coherence = Coherence(repeat=0.9)
    scenario = Scenario(deformation=NORTHWARD, coherence=coherence, lake=None, columns=2000, seed=61)
    stack = simulate(scenario, tmp_path / "pair")
    check_leak(stack, make(stack, tmp_path, engine, "7x2"))


@pytest.mark.isce2
@pytest.mark.parametrize("looks", ["7x2", "19x7"])
def test_sigma_of_topsapp_holds_over_a_steep_source(steep: tuple[SimulatedStack, Path], looks: str) -> None:
    stack, folder = steep
    check_steep(stack, make(stack, folder, "isce2", looks))
