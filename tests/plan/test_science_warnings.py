"""Warnings about the science: when each is given, and the geometry and the relief that they rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.topsapp.engine import TopsAppEngine, mixed_versions
from dinsar_cli.geo.heights.relief import Relief, read_relief
from dinsar_cli.plan import science_warnings as cautions
from dinsar_cli.plan.science_warnings import Circumstances
from dinsar_cli.radar.geometry import LookPlanes, geodetic_to_cartesian
from dinsar_cli.radar.pair_geometry import PairGeometry, fit_orbits, pair_geometry
from dinsar_cli.sentinel1.acquisition import Acquisition, Pair, make_pair
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.scene import open_scene
from support.run_inputs import write_dem
from support.safe_factory import ORBIT_RADIUS, Product, write_safe

WAVELENGTH = 0.0555
GEOMETRY = PairGeometry(12.0, 80.0, 880e3, 39.0, WAVELENGTH)
HILLS = Relief(100.0, 500.0, 0.01)
BOUNDS = (10.0, 45.0, 10.5, 45.5)


def pair_of(folder: Path, reference: Product, secondary: Product) -> Pair:
    return make_pair([open_scene(write_safe(one, folder)) for one in (reference, secondary)])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("pair"), Product(), Product().repeated())


@pytest.fixture
def fine(pair: Pair) -> Circumstances:
    return Circumstances(pair, GEOMETRY, HILLS, 45.5, ("POEORB", "POEORB"), 56.5e6, esd=False, water_stays=False)


def one(found: list[str], *named: str) -> None:
    assert len(found) == 1, found
    assert found[0].endswith(".")
    for text in named:
        assert text in found[0]


def test_good_pair_needs_no_caution(fine: Circumstances) -> None:
    assert cautions.before(fine) == []
    assert cautions.along_track(0.004) == ""
    assert cautions.along_track(None) == ""


def test_large_motion_whose_part_along_the_track_counts() -> None:
    one([cautions.along_track(0.0071)], "7 mm", "along the track", "squint.tif")


# --- the pair ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 12])
def test_known_bad_date(tmp_path: Path, days: int, fine: Circumstances) -> None:
    reference = Product(start=datetime(2025, 4, 30, 6, 37, 36, tzinfo=UTC) - timedelta(days=days))
    found = pair_of(tmp_path, reference, reference.repeated())
    one(cautions.before(replace(fine, pair=found)), "S1A of 2025-04-30", "stripes")


def test_day_beside_the_bad_one(tmp_path: Path, fine: Circumstances) -> None:
    reference = Product(start=datetime(2025, 5, 1, 6, 37, 36, tzinfo=UTC))
    assert cautions.before(replace(fine, pair=pair_of(tmp_path, reference, reference.repeated()))) == []


@pytest.mark.parametrize(
    ("missions", "warned"),
    [(("S1C", "S1D"), True), (("S1D", "S1C"), True), (("S1C", "S1C"), False), (("S1A", "S1C"), False)],
)
def test_satellites_with_known_offsets(
    tmp_path: Path, missions: tuple[str, str], fine: Circumstances, *, warned: bool
) -> None:
    reference = Product(mission=missions[0])
    found = pair_of(tmp_path, reference, replace(reference.repeated(), mission=missions[1]))
    texts = cautions.before(replace(fine, pair=found))
    if warned:
        # 1.5 rad of 4 pi in half of 55.5 mm a cycle
        one(texts, "1.5 rad", "7 mm")
    else:
        assert texts == []


def with_ipf(acquisition: Acquisition, *versions: str) -> Acquisition:
    return Acquisition(tuple(replace(acquisition.scenes[0], ipf=version) for version in versions))


def test_topsapp_does_not_take_slices_of_two_processors(pair: Pair) -> None:
    """Its reader stops with "Trying to combine SLC products from different IPF versions"."""
    mixed = Pair(with_ipf(pair.reference, "003.71", "003.80"), pair.secondary, pair.polarization)
    engine, config = TopsAppEngine(), build_config(None, {})
    told = "003.71 and 003.80"
    assert any(told in problem for problem in engine.check(config, mixed)) or not engine.version(config)
    assert any(told in problem for problem in mixed_versions(mixed))
    assert mixed_versions(pair) == []
    assert EosEngine().check(config, mixed) == EosEngine().check(config, pair)


def test_processors_that_do_not_go_together(pair: Pair, fine: Circumstances) -> None:
    def texts(reference: tuple[str, ...], secondary: tuple[str, ...]) -> list[str]:
        both = with_ipf(pair.reference, *reference), with_ipf(pair.secondary, *secondary)
        return cautions.before(replace(fine, pair=Pair(*both, pair.polarization)))

    one(texts(("002.36",), ("003.61",)), "002.36", "subswaths")
    one(texts(("003.61",), ("002.43", "002.53")), "002.43 and 002.53")
    assert texts(("002.36",), ("002.36",)) == []
    assert texts(("002.43",), ("003.61",)) == []


def test_orbits(fine: Circumstances) -> None:
    one(cautions.before(replace(fine, orbit_kinds=("POEORB", "RESORB"))), "RESORB", "ramp")


# --- baselines --------------------------------------------------------------------------------------------------


def test_long_time(fine: Circumstances) -> None:
    at_limit, beyond = (replace(GEOMETRY, days=days) for days in (48.0, 60.0))
    assert cautions.before(replace(fine, geometry=at_limit)) == []
    one(cautions.before(replace(fine, geometry=beyond)), "60 days apart", "coherence")


def test_wide_baseline_costs_coherence(fine: Circumstances) -> None:
    """The critical baseline at mid swath is 0.0555 x 880 km x tan 39 x 56.5 MHz / c = 7.4 km."""
    assert cautions.perpendicular_baseline(replace(GEOMETRY, perpendicular_baseline=-700.0), 56.5e6) == ""
    text = cautions.perpendicular_baseline(replace(GEOMETRY, perpendicular_baseline=-1500.0), 56.5e6)
    assert "-1500 m" in text
    assert "20%" in text


def test_errors_of_the_dem_matter_with_a_wide_baseline() -> None:
    """At 80 m an error of 4 m is 0.0555 / 2 x 4 / 192 = 0.6 mm; it is 5.8 mm at ten times the baseline."""
    assert GEOMETRY.height_ambiguity == pytest.approx(192, abs=1)
    assert GEOMETRY.displacement_of(4.0) == pytest.approx(0.58e-3, rel=0.01)
    steep, wide = Relief(100.0, 1500.0, 0.0), replace(GEOMETRY, perpendicular_baseline=800.0)
    assert cautions.dem_errors(GEOMETRY, steep) == ""
    assert cautions.dem_errors(wide, HILLS) == ""  # 2 m in gentle country: 2.9 mm
    text = cautions.dem_errors(wide, steep)
    for part in ("19 m", "1400 m of relief", "4 m", "6 mm"):
        assert part in text


def test_no_baseline_has_no_ambiguity() -> None:
    still = replace(GEOMETRY, perpendicular_baseline=0.0)
    assert still.height_ambiguity == np.inf
    assert still.displacement_of(100.0) == 0


# --- area and map -----------------------------------------------------------------------------------------------


def test_water(fine: Circumstances) -> None:
    one(cautions.before(replace(fine, relief=replace(HILLS, flat=0.31))), "31%", "left out", "whole cycles")
    one(cautions.before(replace(fine, relief=replace(HILLS, flat=0.31), water_stays=True)), "31%", "is noise")
    assert cautions.before(replace(fine, relief=replace(HILLS, flat=None))) == []


def test_state_vectors_marked_as_degraded(pair: Pair, fine: Circumstances) -> None:
    """Only where the scene is: of a file of a day, a manoeuvre of the morning does not matter in the evening."""
    files = orbit_of(Product(), 0.0), orbit_of(Product().repeated(), 0.0)
    assert cautions.before(replace(fine, orbit_files=files)) == []
    far = replace(files[0], path=Path("a.EOF"), degraded=files[0].times[:5])
    assert cautions.before(replace(fine, orbit_files=(far, files[1]))) == []
    near = replace(files[1], path=Path("b.EOF"), degraded=files[1].times[29:33])
    one(cautions.before(replace(fine, orbit_files=(far, near))), "b.EOF (4 near", "DEGRADED", "2023-09-16")


@pytest.mark.parametrize("latitude", [64.0, -64.0])
def test_high_latitudes(fine: Circumstances, latitude: float) -> None:
    one(cautions.before(replace(fine, latitude=latitude)), "64 degrees", "ionosphere")
    assert "ESD" not in cautions.before(replace(fine, latitude=latitude))[0]
    one(cautions.before(replace(fine, latitude=latitude, esd=True)), "ionosphere", "ESD")
    assert cautions.before(replace(fine, esd=True)) == []


def test_gravest_comes_first(tmp_path: Path, fine: Circumstances) -> None:
    reference = Product(start=datetime(2025, 4, 30, 6, 37, 36, tzinfo=UTC), mission="S1C")
    found = pair_of(tmp_path, reference, replace(reference.repeated(), mission="S1D"))
    texts = cautions.before(replace(fine, pair=found, latitude=70.0, orbit_kinds=("RESORB", "RESORB")))
    assert [text.split()[0] for text in texts] == ["Known", "S1C", "Orbits", "The"]


# --- the geometry of a pair -------------------------------------------------------------------------------------


def orbit_of(product: Product, height: float) -> OrbitFile:
    """Orbit of a product, higher by some metres."""
    times = [product.start + timedelta(seconds=10 * step) for step in range(-30, 31)]
    states = np.array([product.state(time) for time in times]) * (1 + height / ORBIT_RADIUS)
    stamps = np.array([time.replace(tzinfo=None) for time in times], "datetime64[us]")
    return OrbitFile(
        Path("no file"), product.mission, "POEORB", times[0], times[-1], stamps, states[:, :3], states[:, 3:]
    )


@pytest.fixture
def higher() -> tuple[OrbitFile, OrbitFile]:
    """The second satellite flies 100 m above the track of the first."""
    reference = Product()
    return orbit_of(reference, 0.0), orbit_of(reference.repeated(), 100.0)


def test_perpendicular_baseline_of_a_higher_orbit(pair: Pair, higher: tuple[OrbitFile, OrbitFile]) -> None:
    """100 m upward are ``100 sin(look)`` across the line of sight, and a positive baseline right of it."""
    product, found = Product(), pair_geometry(pair, pair.common_bursts, higher, 0.0)
    middle = product.lines / 2 * product.line_interval
    start = product.burst_start("IW1", 1) + timedelta(seconds=middle)
    satellite = product.state(start)[:3]
    place = product.ground(product.burst_anx("IW1", 1) + middle, product.range_time("IW1", product.samples / 2))
    sight = satellite - geodetic_to_cartesian(*(np.array(value) for value in (*place, 0.0)))
    look = np.arccos(satellite @ sight / np.linalg.norm(satellite) / np.linalg.norm(sight))
    assert abs(found.perpendicular_baseline) == pytest.approx(100 * np.sin(look), rel=1e-4)
    assert found.slant_range == pytest.approx(np.linalg.norm(sight), rel=1e-6)
    assert found.days == pytest.approx(12, abs=1e-6)
    # on a sphere the normal turns by the angle at its centre between satellite and target
    assert np.sin(np.radians(found.incidence)) == pytest.approx(np.sin(look) * ORBIT_RADIUS / 6.371e6, rel=0.01)


def test_height_of_ambiguity_is_a_cycle_of_phase(pair: Pair, higher: tuple[OrbitFile, OrbitFile]) -> None:
    """Points at one range of the reference, so much apart in height, differ by half a wavelength in the other."""
    found = pair_geometry(pair, pair.common_bursts, higher, 0.0)
    epoch = Product().start
    reference, secondary = fit_orbits(pair, pair.common_bursts, higher, epoch)
    time = np.array([4.0])
    planes, ranges = LookPlanes.at(reference, time), np.array([[found.slant_range]])
    low, high = (
        planes.point(ranges, planes.look_for_height(ranges, np.array([[height]])))[0, 0]
        for height in (0.0, found.height_ambiguity)
    )
    other = secondary.state(time)[0][0]
    change = np.linalg.norm(high - other) - np.linalg.norm(low - other)
    assert abs(change) == pytest.approx(found.wavelength / 2, rel=0.02)


# --- relief -----------------------------------------------------------------------------------------------------


def rough(shape: tuple[int, int]) -> np.ndarray:
    """Land: hills with a roughness of 0.3 m."""
    slope = np.add.outer(np.linspace(200, 900, shape[0]), np.linspace(0, 100, shape[1]))
    return slope + np.random.default_rng(1).normal(0, 0.3, shape)


def test_relief_and_water_of_a_dem(tmp_path: Path) -> None:
    heights = rough((1800, 1800))
    heights[:, :630] = 412.3 + np.linspace(0, 0.5, 630)  # a lake on a geoid that slopes
    file = write_dem(tmp_path / "dem.tif", BOUNDS, step=1 / 3600, heights=heights)
    found = read_relief(file, BOUNDS)
    assert found.flat == pytest.approx(0.35, abs=0.05 + 1e-9)  # half a column of ten tiles
    assert (found.low, found.high) == pytest.approx((heights.min(), heights.max()), abs=15)
    dry = read_relief(file, (10.2, 45.0, 10.5, 45.5))
    assert dry.flat == 0


def test_whole_metres_do_not_tell_water(tmp_path: Path) -> None:
    heights = np.round(rough((1800, 1800)))
    heights[:, :900] = 400
    found = read_relief(write_dem(tmp_path / "dem.tif", BOUNDS, step=1 / 3600, heights=heights), BOUNDS)
    assert found.flat is None
    assert found.high > 900


def test_relief_on_another_crs(tmp_path: Path) -> None:
    """UTM zone 32: 10 to 10.5 degrees east and 45 to 45.5 north lie within 78-120 km and 4982-5040 km."""
    shape = (1000, 1000)
    file = write_dem(
        tmp_path / "dem.tif", (570e3, 4970e3, 630e3, 5050e3), step=80.0, crs="EPSG:32632", heights=rough(shape)
    )
    found = read_relief(file, BOUNDS)
    assert found.range > 500
    assert found.flat == 0


def test_small_dem_and_voids(tmp_path: Path) -> None:
    heights = np.full((5, 5), -32768.0)
    file = write_dem(tmp_path / "void.tif", BOUNDS, step=0.1, heights=heights)
    assert read_relief(file, BOUNDS) == Relief(0.0, 0.0, None)
    heights[1:4, 1:4] = [[100.2, 100.2, 100.2], [100.2, 100.2, 100.2], [100.2, 100.2, 100.2]]
    file = write_dem(tmp_path / "lake.tif", BOUNDS, step=0.1, heights=heights)
    assert read_relief(file, BOUNDS).flat == 1
