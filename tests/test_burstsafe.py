"""Single bursts from the archive, put together: the same pixels, annotation and maps as whole scenes give."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree
from shapely.geometry import box

from archive import Archive, faults
from archive.bursts import Burst
from burst_inputs import Fetched, as_files, fetch, start
from command import Outcome
from dinsar_cli.acquisition import make_pair
from dinsar_cli.annotation import Subswath
from dinsar_cli.burstsafe import BurstFile, UnfitFileError, assemble_safe
from dinsar_cli.errors import NoDataError
from dinsar_cli.scene import GranuleName, Scene, open_scene
from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from fetching import wait_until
from safe_factory import quietly

Dinsar = Callable[..., Outcome]

EXTRACTOR = "sentinel1-burst.asf.alaska.edu"
SCENARIO = Scenario(
    centre=(-8.85, 31.35),
    swaths=(1, 2),
    bursts=6,
    columns=400,
    slices=2,
    lake=None,
    baselines=(80.0,),
    terrain=Terrain(relief=500.0, margin=0.05),
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates of two slices, each of two subswaths with three bursts."""
    return simulate(SCENARIO, tmp_path_factory.mktemp("simulated") / "new")


@pytest.fixture(scope="module")
def served(simulated: SimulatedStack) -> Iterator[Archive]:
    with Archive.from_simulation(simulated.folder) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


@pytest.fixture
def archive(served: Archive) -> Archive:
    served.rules.clear()
    served.forget()
    return served


def over_the_seam(archive: Archive, swath: str = "IW1") -> str:
    """Region from the last burst of the first slice to the first of the second: in the middle of both."""
    first, second = (scene.name for scene in sorted(archive.scenes, key=lambda scene: scene.start)[:2])
    ends = [find(archive, first, swath, 2), find(archive, second, swath, 0)]
    (west, south), (east, north) = (
        np.min([middle(end) for end in ends], 0),
        np.max([middle(end) for end in ends], 0),
    )
    return f"{west} {south} {east} {north}"


def find(archive: Archive, scene: str, swath: str, index: int) -> Burst:
    wanted = (scene, swath, index)
    (found,) = (b for b in archive.extractor.bursts if (b.scene.name, b.swath, b.index) == wanted)
    return found


def middle(burst: Burst) -> np.ndarray:
    return np.mean(burst.ring[:-1], axis=0)


def bursts_meeting(archive: Archive, roi: str) -> list[Burst]:
    """Bursts whose outline meets a region: what the archive says itself."""
    area = box(*map(float, roi.split()))
    return [burst for burst in archive.extractor.bursts if box(*_bounds(burst)).intersects(area)]


def _bounds(burst: Burst) -> tuple[float, float, float, float]:
    corners = np.array(burst.ring)
    return (*corners.min(0), *corners.max(0))


@dataclass(frozen=True)
class Delivery:
    """Bursts that came once, and what the service had to send for them."""

    archive: Archive
    folder: Path
    roi: str
    fetched: Fetched
    sent: int
    statuses: dict[str, list[int]]

    @property
    def scenes(self) -> list[Scene]:
        return [open_scene(path) for path in self.fetched.products]


@pytest.fixture(scope="module")
def delivery(served: Archive, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    folder = tmp_path_factory.mktemp("delivery")
    served.log_in(folder)
    roi = over_the_seam(served)
    served.forget()
    fetched = fetch(served, folder, roi)
    statuses: dict[str, list[int]] = {}
    for entry in served.requests(EXTRACTOR, r"\.(tiff|xml)$"):
        if not entry.target.startswith("/login"):
            statuses.setdefault(entry.target, []).append(entry.status)
    return Delivery(served, folder, roi, fetched, served.sent(EXTRACTOR), statuses)


# --- what is fetched --------------------------------------------------------------------------------------------


def test_only_the_bursts_of_the_region_are_fetched(delivery: Delivery) -> None:
    wanted = {burst.name for burst in bursts_meeting(delivery.archive, delivery.roi)}
    assert {name for names in delivery.fetched.result["bursts"] for name in names} == wanted
    assert 4 < len(wanted) < len(delivery.archive.extractor.bursts)
    images = {target for target in delivery.statuses if target.endswith(".tiff")}
    assert len(images) == len(wanted)
    assert len(delivery.statuses) - len(images) == 4  # one document for each slice of each date


def test_little_more_than_the_bursts_comes(delivery: Delivery) -> None:
    """The documents are the rest; beside bursts of whole width, 60 times these, they are nothing."""
    pixels = sum(burst.size for burst in bursts_meeting(delivery.archive, delivery.roi))
    assert delivery.fetched.result["bytes"] == pixels
    assert pixels < delivery.sent < 1.2 * pixels


def test_the_service_is_waited_for(delivery: Delivery) -> None:
    for statuses in delivery.statuses.values():
        assert [status for status in statuses if status != 302] == [202, 200]


def test_nothing_is_left_beside_the_products(delivery: Delivery) -> None:
    for product in delivery.fetched.products:
        visible = [path for path in product.parent.iterdir() if not path.name.startswith(".")]
        assert visible == [product]


def test_what_is_there_is_not_fetched_again(delivery: Delivery, archive: Archive) -> None:
    again = fetch(archive, delivery.folder, delivery.roi)
    assert again.products == delivery.fetched.products
    assert again.result["there"] == [True, True]
    assert archive.requests(EXTRACTOR) == []


def test_scenes_come_when_bursts_are_most_of_them(delivery: Delivery, archive: Archive) -> None:
    """The whole region in both ways, then a corner of it."""
    whole = "-9.2 30.5 -8.5 32.2"
    choice = fetch(archive, delivery.folder, whole, download="auto").result["choice"]
    assert (choice["way"], choice["scene_bytes"]) == ("scenes", sum(scene.size for scene in archive.scenes))
    assert choice["burst_bytes"] == sum(burst.size for burst in archive.extractor.bursts)
    assert "not less than 60%" in choice["why"]
    choice = fetch(archive, delivery.folder, delivery.roi, download="auto").result["choice"]
    assert (choice["way"], choice["burst_bytes"]) == ("bursts", delivery.fetched.result["bytes"])


def test_a_token_alone_opens_scenes_only(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    env = {"EARTHDATA_TOKEN": archive.accounts.token}
    choice = fetch(archive, tmp_path, delivery.roi, download="auto", env=env).result["choice"]
    assert choice["way"] == "scenes"
    assert "only a token is known" in choice["why"]
    found = fetch(archive, tmp_path, delivery.roi, env=env).result
    assert (found["error"], found["code"]) == ("CredentialsError", 4)
    assert "single bursts want user and password" in found["text"]


@pytest.mark.parametrize("fault", [faults.cut(1_000_000), faults.status(503, retry_after=1)], ids=["cut", "503"])
def test_a_download_that_breaks_goes_on(
    delivery: Delivery, archive: Archive, tmp_path: Path, fault: faults.Fault
) -> None:
    archive.log_in(tmp_path)
    archive.fail(EXTRACTOR, fault, r"IW1/VV/2\.tiff$", times=3)
    again = fetch(archive, tmp_path, delivery.roi, timeout=6.0)
    assert len(archive.rules) == 1
    for ours, theirs in zip(again.products, delivery.fetched.products, strict=True):
        assert ours.name == theirs.name  # its number is that of the manifest, which has the MD5 of all files


def test_a_killed_download_goes_on(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    archive.log_in(tmp_path)
    rule = archive.fail(EXTRACTOR, faults.slow(200_000), r"IW2/VV/2\.tiff$")
    process = start(archive, tmp_path, delivery.roi)
    bursts = tmp_path / "bursts"
    wait_until(lambda: any(path.stat().st_size for path in bursts.rglob("*IW2*.tiff.part")))
    wait_until(lambda: len(list(bursts.rglob(".verified/*.tiff.json"))) >= 4)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(bursts.rglob("*.SAFE"))
    complete = {path.name.removesuffix(".json") for path in bursts.rglob(".verified/*.tiff.json")}
    begun = {path.name.removesuffix(".part") for path in bursts.rglob("*.tiff.part") if path.stat().st_size}
    archive.rules.remove(rule)
    archive.forget()
    again = fetch(archive, tmp_path, delivery.roi)
    assert [path.name for path in again.products] == [path.name for path in delivery.fetched.products]
    names = {burst.target: f"{burst.name}.tiff" for burst in archive.extractor.bursts}
    asked: dict[str, set[int]] = {}
    for entry in archive.requests(EXTRACTOR, r"^/S1A.*\.tiff$"):
        asked.setdefault(names[entry.target.removesuffix(".tiff")], set()).add(entry.status)
    assert begun
    assert not asked.keys() & complete
    assert all(206 in asked[name] for name in begun)


def test_two_at_once_make_it_once(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    archive.log_in(tmp_path)
    processes = [start(archive, tmp_path, delivery.roi) for _ in range(2)]
    outcomes = [process.communicate(timeout=120) for process in processes]
    results = [json.loads(out.splitlines()[-1]) for out, _ in outcomes]
    assert results[0]["products"] == results[1]["products"]
    assert sum("waiting for it" in log for _, log in outcomes) == 1
    sent = [entry.target for entry in archive.requests(EXTRACTOR, r"^/S1A.*\.tiff$") if entry.status == 200]
    assert len(sent) == len(set(sent)) == sum(map(len, results[0]["bursts"]))


# --- the product ------------------------------------------------------------------------------------------------


def sources_of(delivery: Delivery, scene: Scene) -> list[tuple[str, list[tuple[Subswath, int]]]]:
    """Subswaths of an assembled product: for each of its bursts, the subswath of the whole scene and its index."""
    names = next(names for names in delivery.fetched.result["bursts"] if f"_{scene.start:%Y%m%d}T" in names[0])
    of = {burst.name: burst for burst in delivery.archive.extractor.bursts}
    found = []
    for swath in ("IW1", "IW2"):
        bursts = sorted((of[name] for name in names if of[name].swath == swath), key=lambda burst: burst.time)
        assert bursts
        found.append((swath, [(whole(burst), burst.index) for burst in bursts]))
    return found


def whole(burst: Burst) -> Subswath:
    assert burst.scene.file is not None
    return open_scene(burst.scene.file).subswath(burst.swath, burst.polarization)


def pixels(subswath: Subswath, index: int) -> np.ndarray:
    lines = subswath.lines_per_burst
    with quietly(), rasterio.open(subswath.measurement) as image:
        data: np.ndarray = image.read(1, window=((index * lines, (index + 1) * lines), (0, subswath.samples)))
    return data


def test_every_pixel_is_that_of_the_scene(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            assert len(ours.bursts) == len(bursts)
            for index, (subswath, position) in enumerate(bursts):
                np.testing.assert_array_equal(pixels(ours, index), pixels(subswath, position))


def test_the_annotation_is_that_of_the_scenes(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            slices = [subswath for subswath, _ in bursts]
            lists = {name: getattr(ours, name) for name in ("fm_rates", "doppler_centroids", "bursts")}
            assert ours == replace(slices[0], measurement=ours.measurement, **lists)
            for name in ("fm_rates", "doppler_centroids"):
                joined = {one for subswath in slices for one in getattr(subswath, name)}
                assert set(lists[name]) <= joined
                times = [one.azimuth_time for one in lists[name]]
                assert times == sorted(set(times))
            for index, (subswath, position) in enumerate(bursts):
                burst, theirs = ours.bursts[index], subswath.bursts[position]
                assert burst == replace(theirs, index=index, footprint=burst.footprint)
                assert burst.footprint.hausdorff_distance(theirs.footprint) < 1e-7  # degrees: 1 cm


def test_each_burst_keeps_its_doppler(delivery: Delivery) -> None:
    """The polynomials nearest to a burst, also beside the seam of two slices, are those of its own slice."""
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            for index, (subswath, position) in enumerate(bursts):
                for name in ("fm_rates", "doppler_centroids"):
                    assert nearest(ours, index, name) == nearest(subswath, position, name)


def nearest(subswath: Subswath, index: int, name: str) -> object:
    half = (subswath.lines_per_burst - 1) / 2 * subswath.azimuth_time_interval
    start = subswath.bursts[index].azimuth_time
    return min(getattr(subswath, name), key=lambda one: abs((one.azimuth_time - start).total_seconds() - half))


def test_bytes_are_where_the_annotation_says(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for (swath, polarization), (annotation, measurement) in scene.images.items():
            offsets = [int(node.text or "") for node in scene.safe.xml(annotation).iterfind(".//burst/byteOffset")]
            content = scene.safe.read(measurement)
            ours = scene.subswath(swath, polarization)
            for index, offset in enumerate(offsets):
                size = 4 * ours.lines_per_burst * ours.samples
                raw = np.frombuffer(content[offset : offset + size], "<i2").astype(np.float32)
                np.testing.assert_array_equal(raw.view(np.complex64), pixels(ours, index).ravel())


def test_the_grid_counts_lines_from_the_first_burst(delivery: Delivery) -> None:
    """A row of points at the start of each burst and one at the last line, at their times."""
    for scene in delivery.scenes:
        for (swath, polarization), (annotation, _) in scene.images.items():
            ours, root = scene.subswath(swath, polarization), scene.safe.xml(annotation)
            rows = {
                int(point.findtext("line", "")): point.findtext("azimuthTime", "")
                for point in root.iterfind(".//geolocationGridPoint")
            }
            starts = {
                index * ours.lines_per_burst: f"{burst.azimuth_time:%Y-%m-%dT%H:%M:%S.%f}"
                for index, burst in enumerate(ours.bursts)
            }
            assert starts.items() <= rows.items()
            assert min(rows) == 0
            assert (
                ours.lines_per_burst * len(ours.bursts) - 1 <= max(rows) <= ours.lines_per_burst * len(ours.bursts)
            )
            info = root.find("imageAnnotation/imageInformation")
            assert info is not None
            assert int(info.findtext("numberOfLines", "")) == ours.lines_per_burst * len(ours.bursts)
            counted = [node for node in root.iter() if node.get("count") and len(node)]
            assert all(int(node.get("count", "")) == len(node) for node in counted)


def scene_stop(subswath: Subswath) -> datetime:
    """Time of the last line."""
    duration = timedelta(seconds=(subswath.lines_per_burst - 1) * subswath.azimuth_time_interval)
    return subswath.bursts[-1].azimuth_time + duration


def test_the_manifest_tells_what_there_is(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        manifest = scene.safe.xml("manifest.safe")
        listed = set()
        for stream in manifest.iterfind("dataObjectSection/dataObject/byteStream"):
            location, check = stream.find("fileLocation"), stream.findtext("checksum")
            assert location is not None
            member = (location.get("href") or "").removeprefix("./")
            content = scene.safe.read(member)
            assert stream.get("size") == str(len(content))
            assert check == hashlib.md5(content, usedforsecurity=False).hexdigest()
            listed.add(member)
        assert listed == scene.safe.members - {"manifest.safe"}
        identifiers = {node.get("ID") for node in manifest.iter("metadataObject", "dataObject")}
        pointed = {node.get("dataObjectID") for node in manifest.iter("dataObjectPointer")}
        described = {node.get("dmdID") for node in manifest.iterfind(".//{*}contentUnit[@repID][@dmdID]")}
        assert pointed | described <= identifiers
        name = GranuleName.parse(scene.name)
        assert (name.start, name.stop) == (scene.start.replace(microsecond=0), scene.stop.replace(microsecond=0))
        assert name.polarizations == ("VV",)


def test_it_is_as_the_schema_wants_it(delivery: Delivery, pair_folder: Path, tmp_path: Path) -> None:
    """The schemas are those of a real product."""
    with zipfile.ZipFile(next(iter(pair_folder.glob("S1A*.zip")))) as real:
        for member in real.namelist():
            if member.endswith(".xsd"):
                (tmp_path / Path(member).name).write_bytes(real.read(member))
    schema = etree.XMLSchema(etree.parse(tmp_path / "s1-level-1-product.xsd"))
    for scene in delivery.scenes:
        for annotation, _ in scene.images.values():
            schema.assertValid(scene.safe.xml(annotation))


def test_they_make_the_pair_that_the_scenes_make(delivery: Delivery, simulated: SimulatedStack) -> None:
    ours = make_pair(delivery.scenes)
    theirs = make_pair([open_scene(path) for products in simulated.products for path in products])
    assert ours.name == theirs.name
    starts = [
        {(one.swath, one.reference.burst.azimuth_time) for one in pair.common_bursts} for pair in (ours, theirs)
    ]
    assert starts[0] < starts[1]
    assert len(starts[0]) == len(ours.common_bursts) == len(delivery.fetched.result["bursts"][0])


# --- the map ----------------------------------------------------------------------------------------------------


def displacement(
    dinsar: Dinsar, stack: SimulatedStack, scenes: list[Path], roi: str, folder: Path, *options: str
) -> np.ndarray:
    made = dinsar(
        "run",
        *(part for path in scenes for part in ("--slc", path)),
        *("--orbits", stack.orbits[0].parent, "--dem", stack.dem, "--dem-datum", "ellipsoid"),
        *("--roi", roi, "--reference-point", "none", "--workdir", folder, "--cache", folder / "cache"),
        *options,
    )
    assert made.code == 0, made.err
    (path,) = folder.rglob("los_displacement.tif")
    with rasterio.open(path) as dataset:
        data: np.ndarray = dataset.read(1)
    return data


def test_the_map_is_that_of_the_scenes(
    dinsar: Dinsar, delivery: Delivery, simulated: SimulatedStack, tmp_path: Path
) -> None:
    scenes = [path for products in simulated.products for path in products]
    options = ("--engine", "eos", "--looks", "7x2")
    theirs = displacement(dinsar, simulated, scenes, delivery.roi, tmp_path / "scenes", *options)
    ours = displacement(dinsar, simulated, delivery.fetched.products, delivery.roi, tmp_path / "bursts", *options)
    assert np.isfinite(theirs).sum() > 1000
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert np.sqrt(np.nanmean((ours - theirs) ** 2)) <= 1e-6  # m


@pytest.mark.isce2
def test_topsapp_makes_the_map_of_the_scenes(dinsar: Dinsar, tmp_path: Path) -> None:
    """Two neighbours of four bursts, which lie in two slices."""
    if "ISCE_HOME" not in os.environ:
        pytest.skip("no ISCE2 (set ISCE_HOME)")
    scenario = replace(SCENARIO, swaths=(1,), bursts=4, columns=2500)
    stack = simulate(scenario, tmp_path / "new")
    scenes = [path for products in stack.products for path in products]
    with Archive.from_simulation(stack.folder) as archive:
        first = sorted(archive.scenes, key=lambda scene: scene.start)
        ends = [find(archive, first[0].name, "IW1", 1), find(archive, first[1].name, "IW1", 0)]
        (west, south), (east, north) = np.sort([middle(end) for end in ends], axis=0)
        roi = f"{west} {south} {east} {north}"
        archive.log_in(tmp_path)
        fetched = fetch(archive, tmp_path, roi)
    assert [len(names) for names in fetched.result["bursts"]] == [2, 2]
    options = ("--engine", "isce2", "--looks", "7x2")
    maps = []
    for name, products in (("bursts", fetched.products), ("scenes", scenes)):
        maps.append(displacement(dinsar, stack, products, roi, tmp_path / name, *options))
        shutil.rmtree(tmp_path / name)  # half a gigabyte that pytest would keep
    ours, theirs = maps
    assert np.isfinite(theirs).sum() > 1000
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert np.sqrt(np.nanmean((ours - theirs) ** 2)) <= 1e-6  # m


# --- files that are not what they should be ----------------------------------------------------------------------


@pytest.fixture
def files(archive: Archive, tmp_path: Path) -> list[BurstFile]:
    """The last burst of a slice and the first of the next."""
    first, second = (scene.name for scene in sorted(archive.scenes, key=lambda scene: scene.start)[:2])
    return as_files([find(archive, first, "IW1", 2), find(archive, second, "IW1", 0)], tmp_path)


def test_the_order_of_the_files_does_not_matter(files: list[BurstFile], tmp_path: Path) -> None:
    product = assemble_safe(files, tmp_path / "a")
    assert assemble_safe(files[::-1], tmp_path / "b").name == product.name
    assert assemble_safe(files, tmp_path / "a") == product
    assert [path.name for path in (tmp_path / "a").iterdir()] == [product.name]


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("image", b"<html>", "no TIFF"),
        ("image", None, "cut or damaged"),
        ("metadata", b"<burst><metadata>", "cannot be read as XML"),
        ("metadata", b"<burst/>", "no manifest"),
    ],
)
def test_an_unfit_file_is_named(
    files: list[BurstFile], tmp_path: Path, name: str, content: bytes | None, cause: str
) -> None:
    path: Path = getattr(files[1], name)
    path.write_bytes(path.read_bytes()[:1_000_000] if content is None else content)
    with pytest.raises(UnfitFileError) as raised:
        assemble_safe(files, tmp_path / "made")
    assert raised.value.path == path
    assert str(path) in raised.value.problem
    assert cause in raised.value.cause
    assert not list((tmp_path / "made").glob("*"))


def test_a_burst_of_another_size_is_refused(archive: Archive, files: list[BurstFile], tmp_path: Path) -> None:
    other = next(burst for burst in archive.extractor.bursts if burst.swath == "IW2")
    assert other.samples * other.lines != 0
    files[0].image.write_bytes(other.tiff())
    with pytest.raises(UnfitFileError, match="is not the file") as raised:
        assemble_safe(files, tmp_path / "made")
    assert f"{other.lines} x {other.samples}" in raised.value.cause


def test_an_index_that_the_scene_lacks_is_refused(files: list[BurstFile], tmp_path: Path) -> None:
    with pytest.raises(UnfitFileError) as raised:
        assemble_safe([replace(files[0], index=3)], tmp_path)
    assert "has 3 bursts in IW1" in raised.value.cause


def test_a_gap_is_refused(archive: Archive, tmp_path: Path) -> None:
    scene = archive.scenes[0].name
    gap = as_files([find(archive, scene, "IW1", 0), find(archive, scene, "IW1", 2)], tmp_path)
    with pytest.raises(NoDataError) as raised:
        assemble_safe(gap, tmp_path / "made")
    assert "gap after burst 0" in raised.value.cause


@pytest.mark.parametrize(
    ("element", "value"), [("slantRangeTime", "5.7e-03"), ("azimuthTimeInterval", "2.1e-03"), ("burstList", None)]
)
def test_slices_that_do_not_fit_are_refused(
    files: list[BurstFile], tmp_path: Path, element: str, value: str | None
) -> None:
    document = etree.parse(files[1].metadata)
    for node in list(document.iter(element)):
        parent = node.getparent()
        if value is None and parent is not None:
            parent.remove(node)
        elif parent is not None and parent.tag == "imageInformation":
            node.text = value
    document.write(files[1].metadata)
    with pytest.raises(NoDataError) as raised:
        assemble_safe(files, tmp_path / "made")
    assert (element if value else "has 0 bursts") in raised.value.cause
    assert not list((tmp_path / "made").glob("*"))


def test_a_narrower_slice_is_filled_up(archive: Archive, files: list[BurstFile], tmp_path: Path) -> None:
    """One slice has 3 lines and 10 samples fewer: nothing moves, and nothing becomes valid."""
    document = etree.parse(files[1].metadata)
    lines, samples = shrink(document, "IW1", lines=3, samples=10)
    document.write(files[1].metadata)
    with quietly(), rasterio.open(files[1].image) as image:
        data, profile = image.read(1)[:lines, :samples], image.profile
    with quietly(), rasterio.open(files[1].image, "w", **profile | {"height": lines, "width": samples}) as image:
        image.write(data, 1)
    ours = open_scene(assemble_safe(files, tmp_path / "made")).subswath("IW1", "VV")
    assert (ours.lines_per_burst, ours.samples) == (lines + 3, samples + 10)
    filled = pixels(ours, 1)
    np.testing.assert_array_equal(filled[:lines, :samples], data)
    assert not filled[lines:].any()
    assert not filled[:, samples:].any()
    assert ours.bursts[1].last_valid_line < lines
    assert ours.bursts[1].last_valid_sample < samples


def shrink(document: etree._ElementTree, swath: str, lines: int, samples: int) -> tuple[int, int]:
    """Make the bursts of a subswath smaller in their annotation; gives the lines and samples that are left."""
    (product,) = (one for one in document.iterfind("metadata/product") if one.findtext("swath") == swath)
    timing = product.find("content/swathTiming")
    assert timing is not None
    left = []
    for name, fewer in (("linesPerBurst", lines), ("samplesPerBurst", samples)):
        node = timing.find(name)
        assert node is not None
        node.text = str(int(node.text or "") - fewer)
        left.append(int(node.text))
    for name in ("firstValidSample", "lastValidSample"):
        for node in timing.iter(name):
            values = [min(int(value), left[1] - 1) for value in (node.text or "").split()[: left[0]]]
            node.text = " ".join(map(str, values))
            node.set("count", str(left[0]))
    for node in product.iterfind("content/geolocationGrid/geolocationGridPointList/geolocationGridPoint/line"):
        row = int(node.text or "")
        burst, line = divmod(row, left[0] + lines)
        node.text = str(burst * left[0] + min(line, left[0] - 1))
    return left[0], left[1]
