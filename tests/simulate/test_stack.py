"""Whole stacks on disk: structure, agreement of the files with each other, and independent readers."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import etree

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate import Atmosphere, Corners, OrbitError, Scenario, SimulatedStack, Terrain, simulate
from dinsar_cli.simulate.files.eof import reported_state, write_eof
from dinsar_cli.simulate.radar.acquisition import plan
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL
from dinsar_cli.simulate.world.terrain import ARCSECOND

PRODUCT = re.compile(r"S1[A-D]_IW_SLC__1SS[VH]_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}\.(zip|SAFE)")
EOF = re.compile(r"S1[A-D]_OPER_AUX_POEORB_OPOD_\d{8}T\d{6}_V\d{8}T\d{6}_\d{8}T\d{6}\.EOF")


def annotations(safe: Path) -> list[Any]:
    return [etree.parse(path).getroot() for path in sorted(safe.glob("annotation/*.xml"))]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_names_are_those_of_the_mission(stack: SimulatedStack, sliced: SimulatedStack) -> None:
    for folder, suffix in ((stack, ".SAFE"), (sliced, ".zip")):
        for path in [path for parts in folder.products for path in parts]:
            assert PRODUCT.fullmatch(path.name)
            assert path.suffix == suffix
        for path in folder.orbits:
            assert EOF.fullmatch(path.name)
    assert [parts[0].name[:3] for parts in sliced.products] == ["S1C", "S1A", "S1C"]
    assert "__1SSH_" in sliced.products[0][0].name


def test_manifest_agrees_with_the_files(stack: SimulatedStack) -> None:
    for (safe,) in stack.products:
        root = etree.parse(safe / "manifest.safe").getroot()
        listed = set()
        for stream in root.iter("byteStream"):
            path = safe / stream.find("fileLocation").get("href")
            content = path.read_bytes()
            assert int(stream.get("size")) == len(content)
            assert stream.findtext("checksum") == hashlib.md5(content, usedforsecurity=False).hexdigest()
            listed.add(path.resolve())
        present = {path.resolve() for path in safe.rglob("*") if path.is_file()}
        assert present - listed == {(safe / "manifest.safe").resolve()}
        # Every reference inside the manifest has its target.
        identifiers = {element.get("ID") for element in root.iter() if element.get("ID")}
        for element in root.iter():
            for reference in (element.get("dmdID") or "").split():
                assert reference in identifiers
            if element.get("dataObjectID"):
                assert element.get("dataObjectID") in identifiers


def test_annotation_agrees_with_itself_and_the_pixels(stack: SimulatedStack) -> None:
    margins = set()
    for (safe,) in stack.products:
        images = sorted(safe.glob("measurement/*.tiff"))
        for root, image in zip(annotations(safe), images, strict=True):
            lines = int(root.findtext("swathTiming/linesPerBurst"))
            samples = int(root.findtext("imageAnnotation/imageInformation/numberOfSamples"))
            assert int(root.findtext("imageAnnotation/imageInformation/numberOfLines")) == 2 * lines
            raw = np.fromfile(image, dtype=np.uint8)
            for burst in root.iter("burst"):
                first = np.array(burst.findtext("firstValidSample").split(), int)
                last = np.array(burst.findtext("lastValidSample").split(), int)
                start = int(burst.findtext("byteOffset"))
                pixels = raw[start : start + lines * samples * 4].view(np.int16).reshape(lines, samples, 2)
                power = (pixels.astype(np.float64) ** 2).sum(axis=2)
                valid = (np.arange(samples) >= first[:, None]) & (np.arange(samples) <= last[:, None])
                valid &= (first >= 0)[:, None]
                assert not power[~valid].any()
                # 60 rms in each part, with a little texture.
                assert 40.0 < np.sqrt(power[valid].mean() / 2.0) < 80.0
                assert first[0] == first[-1] == -1
                lines_with_signal, columns_with_signal = (np.flatnonzero(power.any(axis=axis)) for axis in (1, 0))
                assert 0 < first[first >= 0].min() == first.max() == columns_with_signal[0]
                assert samples - 1 > last.max() == last[last >= 0].min() == columns_with_signal[-1]
                margins.add((lines_with_signal[0], lines - lines_with_signal[-1]))
    assert len(margins) > 2  # as in real products, where no two bursts are alike


def bistatic_lags(root: etree._Element) -> list[list[float]]:
    """Time of the line minus that of the point plus half of its range time, by rows of the geolocation grid."""
    bursts = [utc(burst.findtext("azimuthTime")) for burst in root.iter("burst")]
    count = int(root.findtext("swathTiming/linesPerBurst"))
    rows: dict[int, list[float]] = {}
    for point in root.iter("geolocationGridPoint"):
        burst, line = divmod(int(point.findtext("line")), count)
        ahead = (bursts[burst] - utc(point.findtext("azimuthTime"))).total_seconds() + line * LINE_INTERVAL
        lag = ahead + 0.5 * float(point.findtext("slantRangeTime"))
        rows.setdefault(int(point.findtext("line")), []).append(lag)
    assert [*rows] == [*range(0, count * len(bursts), count), count * len(bursts) - 1]
    assert {len(row) for row in rows.values()} == {21}
    return list(rows.values())


def test_annotated_times_hang_together(stack: SimulatedStack) -> None:
    starts, lags = [], []
    for (safe,) in stack.products:
        for root in annotations(safe):
            bursts = [utc(burst.findtext("azimuthTime")) for burst in root.iter("burst")]
            information = root.find("imageAnnotation/imageInformation")
            assert utc(information.findtext("productFirstLineUtcTime")) == bursts[0]
            node = utc(information.findtext("ascendingNodeTime"))
            first = root.find("swathTiming/burstList/burst")
            since = float(first.findtext("azimuthAnxTime"))
            assert (bursts[0] - node).total_seconds() == pytest.approx(since, abs=2e-6)
            lags += [lag for row in bistatic_lags(root) for lag in row]
            starts.append(bursts[0])
    # Half of the two-way time of the middle of IW2: for all lines, pixels, subswaths and dates the same.
    np.testing.assert_allclose(lags, np.mean(lags), atol=1.1e-6)
    assert np.mean(lags) == pytest.approx(5.85e-3 / 2, rel=0.01)
    offset = (starts[2] - starts[0]).total_seconds() - 12 * 86400.0
    assert offset / LINE_INTERVAL == pytest.approx(0.31, abs=1e-3)


def test_slices_are_contiguous(sliced: SimulatedStack, tmp_path: Path) -> None:
    for parts in sliced.products:
        roots = []
        for path in parts:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
                archive.extractall(tmp_path)
            roots += annotations(tmp_path / f"{path.stem}.SAFE")
        times = [utc(burst.findtext("azimuthTime")) for root in roots for burst in root.iter("burst")]
        steps = [(b - a).total_seconds() for a, b in pairwise(times)]
        assert len(times) == 4
        np.testing.assert_allclose(steps, 2.758277, atol=LINE_INTERVAL)
        identifiers = [int(burst.findtext("burstId")) for root in roots for burst in root.iter("burst")]
        assert np.diff(identifiers).tolist() == [1, 1, 1]
        assert [root.findtext("imageAnnotation/imageInformation/sliceNumber") for root in roots] == ["1", "2"]


def test_orbit_file_holds_the_orbit(stack: SimulatedStack, scenario: Scenario) -> None:
    campaign = plan(scenario)
    for path, flight in zip(stack.orbits, campaign.passes, strict=True):
        vectors = list(etree.parse(path).getroot().iter("OSV"))
        times = [utc(vector.findtext("UTC")[4:]) for vector in vectors]
        assert {(b - a).total_seconds() for a, b in pairwise(times)} == {10.0}
        epoch = flight.epoch.replace(tzinfo=UTC)
        assert (epoch - times[0]).total_seconds() > 200.0
        assert (times[-1] - epoch).total_seconds() > 200.0
        for vector, time in zip(vectors[::20], times[::20], strict=True):
            state = flight.orbit.state(np.array((time - epoch).total_seconds()))
            position = [float(vector.findtext(axis)) for axis in ("X", "Y", "Z")]
            velocity = [float(vector.findtext(axis)) for axis in ("VX", "VY", "VZ")]
            np.testing.assert_allclose(position, state.position, atol=1e-6)
            np.testing.assert_allclose(velocity, state.velocity, atol=1e-6)


def test_orbit_error_is_in_the_secondary_file_alone(tmp_path: Path) -> None:
    error = OrbitError(radial=0.05, across=-0.04, radial_rate=1e-3)
    orbit = plan(Scenario()).passes[1].orbit
    time = np.array([-100.0, 0.0, 100.0])
    true = orbit.state(time)
    position, velocity = reported_state(orbit, time, error)
    up = true.position / np.linalg.norm(true.position, axis=1)[:, None]
    np.testing.assert_allclose(np.sum((position - true.position) * up, axis=1), [-0.05, 0.05, 0.15], atol=1e-9)
    before, after = (reported_state(orbit, time + step, error)[0] for step in (-0.05, 0.05))
    np.testing.assert_allclose((after - before) / 0.1, velocity, atol=2e-5)
    files = []
    for index, options in enumerate((Scenario(), Scenario(orbit_error=error))):
        campaign = plan(options)
        (tmp_path / str(index)).mkdir()
        files.append([write_eof(campaign, flight, tmp_path / str(index)) for flight in campaign.passes])
    assert files[0][0].read_bytes() == files[1][0].read_bytes()
    assert files[0][1].read_bytes() != files[1][1].read_bytes()


def test_along_track_error_moves_the_annotated_times() -> None:
    first, second = plan(Scenario(along_track_error=0.3)).passes
    assert first.clock_error == 0.0
    # 0.3 m at 6.8 to 6.9 km/s over the ground, on whole microseconds.
    assert second.clock_error == pytest.approx(0.3 / 6850.0, rel=0.02)


def test_truth_rasters_and_summary(stack: SimulatedStack, sliced: SimulatedStack) -> None:
    import rasterio

    with rasterio.open(stack.truth / "los_displacement.tif") as source:
        los = source.read(1)
        assert source.crs.to_epsg() == 4326
        assert source.tags()["unit"] == "metre"
        assert np.isnan(source.nodata)
    parts = {}
    for name in ("east", "north", "up", "incidence", "coherence"):
        with rasterio.open(stack.truth / f"{name}.tif") as source:
            parts[name] = source.read(1)
    # The bowl moves vertically: los = up cos(incidence), and away from the satellite is negative.
    np.testing.assert_allclose(los, parts["up"] * np.cos(np.radians(parts["incidence"])), atol=1e-6)
    assert -0.04 < np.nanmin(los) < -0.030
    summary = json.loads(stack.summary.read_text())
    assert summary["los"]["20250713"]["los_min_m"] == pytest.approx(np.nanmin(los), abs=1e-6)
    assert summary["baselines_m"][0][0] == pytest.approx(60.0, abs=1e-3)
    south, north, west, east = summary["roi_snwe"]
    assert south < -33.0 < north
    assert west < 20.0 < east
    for day in ("20250713", "20250725"):
        assert (sliced.truth / f"los_displacement_{day}.tif").exists()
    for day in ("20250701", "20250713", "20250725"):
        assert (sliced.truth / f"atmosphere_{day}.tif").exists()
    with (
        rasterio.open(sliced.truth / "up_20250713.tif") as half,
        rasterio.open(sliced.truth / "up.tif") as full,
    ):
        np.testing.assert_allclose(2.0 * half.read(1), full.read(1), atol=1e-7)


def test_elevation_model_covers_the_scene(stack: SimulatedStack) -> None:
    import rasterio

    south, north, west, east = json.loads(stack.summary.read_text())["footprint_snwe"]
    with rasterio.open(stack.dem) as source:
        assert source.crs.to_epsg() == 4326
        assert source.res == pytest.approx((ARCSECOND, ARCSECOND))
        bounds = source.bounds
        assert bounds.left < west - 0.015
        assert bounds.right > east + 0.015
        assert bounds.bottom < south - 0.015
        assert bounds.top > north + 0.015
        assert np.isfinite(source.read(1)).all()


def test_gdal_opens_the_product(stack: SimulatedStack) -> None:
    import rasterio

    safe = stack.products[0][0]
    with rasterio.open(safe / "manifest.safe") as source:
        assert source.driver == "SAFE"
        assert source.tags()["MISSION_ID"] == "S1A"
        assert source.tags()["ORBIT_DIRECTION"] == "ASCENDING"
        assert any("IW2_VV:COMPLEX" in name for name in source.subdatasets)
    with rasterio.open(next(safe.glob("measurement/*iw1*.tiff"))) as image:
        assert image.dtypes == ("complex_int16",)
        assert image.block_shapes == [(1, 320)]
        assert len(image.gcps[0]) == 3 * 21


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def digest(folder: str, seed: int) -> list[str]:
        options = Scenario(columns=64, bursts=1, terrain=Terrain(margin=0.0), atmosphere=Atmosphere(), seed=seed)
        made = simulate(options, tmp_path / folder)
        files = sorted(path for path in made.folder.rglob("*") if path.is_file())
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]

    first = digest("a", 4)
    assert first == digest("b", 4)
    assert first != digest("c", 5)


def test_progress_is_reported_and_scratch_removed(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    options = Scenario(columns=64, bursts=1, terrain=Terrain(margin=0.0))
    made = simulate(options, tmp_path / "new" / "pair", lambda step, share: seen.append((step, share)))
    assert [step for step, share in seen if share == 1.0] == ["terrain", "pixels IW1", "products"]
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "dem",
        "orbits",
        "slc",
        "truth",
        "truth.json",
    ]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written"):
        simulate(Scenario(), tmp_path)


def test_corner_points_outside_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="corner point"):
        simulate(Scenario(corners=Corners(((0.0, 0.0),))), tmp_path / "new")
