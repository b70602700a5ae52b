"""Annotation and manifests of real IW SLC products: what we read of them, against lxml alone."""

from __future__ import annotations

import json
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from lxml import etree

from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.sentinel1.annotation import _GroundGrid, _subswath
from dinsar_cli.sentinel1.orbit_file import read_orbit_file, window
from dinsar_cli.sentinel1.scene import GranuleName, Scene, open_scene
from dinsar_cli.sentinel1.subswath import Subswath
from support.real_inputs import each, files

pytestmark = pytest.mark.real

ANNOTATIONS = each("annotation/*.xml")
PRODUCTS = each("safe/*.zip")
GRIDS = each("geolocation_grid/*.xml")

LIGHT = 299_792_458.0  # m/s
CYCLE = 2.758273  # s from burst to burst of one subswath in IW mode
SAMPLING = 64_345_238.1  # Hz: three halves of the instrument's clock of 42.9 MHz
WITHIN = 0.98  # share of a burst in the outline of its product


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()


def grid_rows(root: etree._Element) -> dict[int, np.ndarray]:
    """Points of each row of the geolocation grid: pixel, longitude, latitude."""
    rows: dict[int, list[list[float]]] = {}
    for point in root.xpath("//geolocationGridPoint"):
        values = [float(point.findtext(name)) for name in ("pixel", "longitude", "latitude")]
        rows.setdefault(int(point.findtext("line")), []).append(values)
    return {line: np.array(sorted(rows[line])) for line in sorted(rows)}


def grid_outline(root: etree._Element) -> shapely.Polygon:
    """Hull of all points of the geolocation grid."""
    points = np.concatenate(list(grid_rows(root).values()))
    return shapely.MultiPoint(points[:, 1:]).convex_hull


def check_numbers(found: Subswath, root: etree._Element) -> None:
    def number(name: str) -> float:
        return float(root.xpath(f"string(//{name})"))

    assert (found.name, found.polarization) == (root.xpath("string(//swath)"), root.xpath("string(//polarisation)"))
    assert found.radar_frequency == number("radarFrequency") == pytest.approx(5.405000454e9, abs=1)
    assert found.wavelength == pytest.approx(LIGHT / number("radarFrequency"), rel=1e-12)
    assert found.range_sampling_rate == number("rangeSamplingRate") == pytest.approx(SAMPLING, rel=1e-6)
    assert found.slant_range_time == number("imageInformation/slantRangeTime")
    assert 780e3 < found.starting_range < 910e3
    assert found.azimuth_time_interval == number("imageInformation/azimuthTimeInterval")
    assert found.azimuth_time_interval == pytest.approx(2.0556e-3, abs=1e-6)
    assert found.azimuth_steering_rate == number("azimuthSteeringRate")
    assert 0.9 < found.azimuth_steering_rate < 1.7
    assert found.incidence_mid_swath == number("incidenceAngleMidSwath")
    assert {"IW1": 33, "IW2": 38, "IW3": 43}[found.name] == pytest.approx(found.incidence_mid_swath, abs=2.5)
    assert (found.lines_per_burst, found.samples) == (number("linesPerBurst"), number("samplesPerBurst"))
    assert found.range_bandwidth == number("rangeProcessing/processingBandwidth")
    assert 42e6 < found.range_bandwidth < 57e6
    assert found.azimuth_bandwidth == number("azimuthProcessing/processingBandwidth")
    assert 300 < found.azimuth_bandwidth < 330
    assert len(found.fm_rates) == number("azimuthFmRateList/@count")
    assert len(found.doppler_centroids) == number("dcEstimateList/@count")
    assert all(-2450 < one.coefficients[0] < -1900 for one in found.fm_rates)  # Hz/s
    assert all(abs(one.coefficients[0]) < 200 for one in found.doppler_centroids)  # Hz


def check_bursts(found: Subswath, root: etree._Element) -> None:
    bursts = root.xpath("//swathTiming/burstList/burst")
    assert len(found.bursts) == len(bursts) == int(root.xpath("string(//burstList/@count)"))
    first_line = moment(root.xpath("string(//productFirstLineUtcTime)"))
    last_line = moment(root.xpath("string(//productLastLineUtcTime)"))
    assert abs(seconds(found.bursts[0].azimuth_time, first_line)) < found.azimuth_time_interval
    duration = timedelta(seconds=(found.lines_per_burst - 1) * found.azimuth_time_interval)
    assert abs(seconds(found.bursts[-1].azimuth_time + duration, last_line)) < 2 * found.azimuth_time_interval
    for index, (burst, element) in enumerate(zip(found.bursts, bursts, strict=True)):
        assert burst.index == index
        assert burst.azimuth_time == moment(element.findtext("azimuthTime"))
        assert burst.azimuth_anx_time == float(element.findtext("azimuthAnxTime"))
        first, last = (np.array(element.findtext(f"{name}ValidSample").split(), int) for name in ("first", "last"))
        assert first.size == last.size == found.lines_per_burst
        lines = np.flatnonzero(first >= 0)
        inside = slice(burst.first_valid_line, burst.last_valid_line + 1)
        assert (lines[0], lines[-1]) == (burst.first_valid_line, burst.last_valid_line)
        assert (first[inside] >= 0).all()  # no hole
        assert (burst.first_valid_sample, burst.last_valid_sample) == (first[lines].max(), last[lines].min())
        assert 0.85 < lines.size / found.lines_per_burst <= 1
        assert 0.85 < (burst.last_valid_sample - burst.first_valid_sample) / found.samples < 1
    steps = [seconds(b.azimuth_time, a.azimuth_time) for a, b in pairwise(found.bursts)]
    assert steps == pytest.approx([CYCLE] * (len(bursts) - 1), abs=15e-3)


def grid_reach(found: Subswath, root: etree._Element) -> list[float]:
    """Share of each burst that lies before the last row of the grid.

    In products of old processors and of single bursts that row is where the next burst would begin, and the last
    one is a fifth longer.
    """
    end = max(moment(element.text) for element in root.xpath("//geolocationGridPoint/azimuthTime"))
    duration = (found.lines_per_burst - 1) * found.azimuth_time_interval
    return [min(1.0, seconds(end, burst.azimuth_time) / duration) for burst in found.bursts]


def check_places(found: Subswath, root: etree._Element, outline: shapely.Polygon, reach: list[float]) -> None:
    """Hold footprints against an outline, and against the rows of the grid."""
    rows = grid_rows(root)
    assert {len(row) for row in rows.values()} == {21}
    assert len(rows) * 21 == int(root.xpath("string(//geolocationGridPointList/@count)"))
    for burst, share in zip(found.bursts, reach, strict=True):
        shape = burst.outline
        assert shape.is_valid
        assert shape.contains(burst.footprint)  # of the samples with signal
        assert shape.intersection(outline).area / shape.area == pytest.approx(share, abs=1 - WITHIN), burst
        corners = np.array(shape.exterior.coords)[:4]  # near and far of the first line, far and near of the last
        line = burst.index * found.lines_per_burst
        if line in rows:  # the grid has a row at the first line of each burst
            for corner, point in ((corners[0], rows[line][0]), (corners[1], rows[line][-1])):
                assert corner == pytest.approx(point[1:], abs=2e-3)


@pytest.mark.parametrize("path", ANNOTATIONS)
def test_annotation_is_read_as_it_is(path: Path) -> None:
    root = etree.parse(str(path)).getroot()
    found = _subswath(root, "")
    check_numbers(found, root)
    check_bursts(found, root)
    reach = grid_reach(found, root)
    assert reach[:-1] == [1.0] * (len(reach) - 1)
    assert reach[-1] > 0.8
    check_places(found, root, grid_outline(root), reach)


@pytest.mark.parametrize("path", GRIDS)
def test_rows_of_a_grid_are_told_by_their_lines(path: Path) -> None:
    root = etree.parse(str(path)).getroot()
    grid, rows = _GroundGrid.read(root), list(grid_rows(root).values())
    assert len(grid.rows) == len(rows) == 2
    for ours, row in zip(grid.rows, rows, strict=True):
        assert np.array([(one.longitude, one.latitude) for one in ours]) == pytest.approx(row[:, 1:], abs=1e-12)
    times = [moment(element.text) for element in root.xpath("//azimuthTime")]
    outline = grid.outline(times[0], times[-1], *grid.columns)
    hull = shapely.MultiPoint(np.concatenate(rows)[:, 1:]).convex_hull
    assert outline.intersection(hull).area / outline.union(hull).area > 0.98


# Whole products without their images


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """The products by name; images, which they came without, are there and empty."""
    made = {}
    for path in files("safe/*.zip"):
        copy = tmp_path_factory.mktemp("safe") / path.name.replace(".SAFE.noimages", "")
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        with zipfile.ZipFile(copy, "a") as archive:
            for name in archive.namelist():
                folder, _, file = name.rpartition("/")
                if folder.endswith(".SAFE/annotation") and file:
                    image = f"{folder.removesuffix('annotation')}measurement/{file.removesuffix('.xml')}.tiff"
                    archive.writestr(image, b"")
        made[path.name] = open_scene(copy)
    return made


def manifest_of(path: Path) -> etree._Element:
    with zipfile.ZipFile(path) as archive:
        return etree.fromstring(
            archive.read(next(name for name in archive.namelist() if name.endswith("manifest.safe")))
        )


@pytest.mark.parametrize("path", PRODUCTS)
def test_a_product_is_what_its_manifest_and_name_say(path: Path, scenes: dict[str, Scene]) -> None:
    scene, manifest = scenes[path.name], manifest_of(path)
    name = GranuleName.parse(path.name.removesuffix(".SAFE.noimages.zip"))
    assert (scene.name, scene.mission) == (path.name.removesuffix(".SAFE.noimages.zip"), name.mission)
    assert (scene.start, scene.stop) == tuple(
        moment(manifest.findtext(f".//{{*}}{tag}").removesuffix("Z")) for tag in ("startTime", "stopTime")
    )
    assert 0 <= seconds(scene.start, name.start) < 1
    assert scene.absolute_orbit == name.absolute_orbit == int(manifest.findtext(".//{*}orbitNumber"))
    assert scene.relative_orbit == (scene.absolute_orbit - 73) % 175 + 1  # of Sentinel-1A before 2026
    assert scene.direction == manifest.findtext(".//{*}pass").lower()
    assert scene.ipf == manifest.find(".//{*}software[@name='Sentinel-1 IPF']").get("version")
    assert set(scene.images) == {(f"IW{n}", polarization) for n in (1, 2, 3) for polarization in ("VV", "VH")}


@pytest.mark.parametrize("path", PRODUCTS)
def test_all_bursts_of_a_product_lie_in_its_footprint(path: Path, scenes: dict[str, Scene]) -> None:
    scene = scenes[path.name]
    pairs = [pair.split(",") for pair in manifest_of(path).findtext(".//{*}coordinates").split()]
    outline = shapely.Polygon([(float(longitude), float(latitude)) for latitude, longitude in pairs])
    bursts = []
    for (swath, polarization), (annotation, _) in scene.images.items():
        found, root = scene.subswath(swath, polarization), scene.safe.xml(annotation)
        check_numbers(found, root)
        check_bursts(found, root)
        check_places(found, root, outline, [1.0] * 9)
        for burst in found.bursts:
            assert scene.start - timedelta(seconds=1) < burst.azimuth_time < scene.stop
        bursts += [burst.outline for burst in found.bursts]
    assert len(bursts) == 6 * 9
    together = shapely.union_all(bursts)
    # its corners are those of the subswath that begins first and of the one that ends last
    assert outline.intersection(together).area / outline.area > 0.9


def test_bursts_of_both_dates_see_the_same_ground(scenes: dict[str, Scene]) -> None:
    if len(scenes) < 2:
        pytest.skip("there is no pair")
    first, second = scenes.values()
    for key in first.images:
        for one, other in zip(first.subswath(*key).bursts, second.subswath(*key).bursts, strict=True):
            common = one.footprint.intersection(other.footprint).area
            assert common / one.footprint.area > 0.98
            assert one.azimuth_anx_time == pytest.approx(other.azimuth_anx_time, abs=0.05)


@pytest.mark.pair
def test_orbits_in_the_products_are_those_of_the_orbit_files(
    real_data: Path, pair_folder: Path, scenes: dict[str, Scene]
) -> None:
    # whoever simulated that pair moved the orbit of its second date to the side, and says by how much
    shift = json.loads((pair_folder / "truth.json").read_text(encoding="utf-8"))["extra_baseline_m"]
    orbits = [read_orbit_file(path) for path in sorted((pair_folder / "orbits").glob("*.EOF"))]
    for scene, moved in zip(scenes.values(), (0.0, shift), strict=True):
        orbit = next(one for one in orbits if one.start < scene.start and scene.stop < one.stop)
        assert orbit.mission == scene.mission
        near = window(orbit, scene.start, scene.stop, 120)
        origin = np.datetime64(scene.start.replace(tzinfo=None), "us")
        fitted = Orbit.fit(scene.start, (near.times - origin) / np.timedelta64(1, "us") * 1e-6, near.position)
        vectors = scene.safe.xml(scene.images["IW2", "VV"][0]).xpath("//orbitList/orbit")
        assert len(vectors) >= 10
        for vector in vectors:
            at = seconds(moment(vector.findtext("time")), scene.start)
            position, velocity = fitted.state(np.array(at))[:2]
            theirs, speed = (
                [float(vector.findtext(f"{k}/{axis}")) for axis in "xyz"] for k in ("position", "velocity")
            )
            assert np.linalg.norm(position - theirs) == pytest.approx(moved, abs=0.1)
            assert np.linalg.norm(velocity - speed) < 0.01
