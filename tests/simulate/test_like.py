"""``dinsar simulate --like``: other products stay as they are to the byte, and their new pixels show the motion."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from dinsar_cli.simulate import Mogi, Scenario, SimulatedStack, Terrain, simulate
from support.command import Outcome, run_apart
from support.refusal import NO_DATA, USAGE, check_refusal
from support.safe_factory import quietly, zip_safe

POINT = "geolocationGrid/geolocationGridPointList/geolocationGridPoint"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates in two slices, of a scene that does not move as the new pixels do."""
    scenario = Scenario(
        bursts=3,
        slices=2,
        columns=1600,
        terrain=Terrain(relief=600.0, margin=0.1),
        deformation=Mogi.from_uplift(-0.05, depth=4000.0),
        baselines=(-120.0,),
        lake=None,
        archive="safe",
        seed=7,
    )
    return simulate(scenario, tmp_path_factory.mktemp("source") / "new")


@pytest.fixture(scope="module")
def products(source: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The products of the source without their images; the later date sees one column farther and is narrower."""
    folder = tmp_path_factory.mktemp("products")
    made = []
    for date, slices in enumerate(source.products):
        for path in slices:
            copy = folder / path.name
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("*.tiff"))
            if date == 1:
                for annotation in copy.glob("annotation/*.xml"):
                    _narrow(annotation, later=25, fewer=40)
            made.append(copy)
    made[0] = zip_safe(made[0])
    return made


def _narrow(path: Path, later: int, fewer: int) -> None:
    """Let an image begin so many columns farther away, and have so many less."""
    tree = etree.parse(path)
    rate = float(tree.findtext("generalAnnotation/productInformation/rangeSamplingRate"))
    near = tree.find("imageAnnotation/imageInformation/slantRangeTime")
    near.text = f"{float(near.text) + later / rate:.15e}"
    for name in ("imageAnnotation/imageInformation/numberOfSamples", "swathTiming/samplesPerBurst"):
        element = tree.find(name)
        element.text = str(int(element.text) - fewer)
    for burst in tree.iterfind("swathTiming/burstList/burst"):
        last = burst.find("lastValidSample")
        last.text = " ".join(str(max(int(value) - fewer, -1)) for value in last.text.split())
    for point in tree.iterfind(POINT):
        time, pixel = point.find("slantRangeTime"), point.find("pixel")
        time.text = f"{float(time.text) + later / rate:.15e}"
        pixel.text = str(max(int(pixel.text) - fewer, 0))
    samples = int(tree.findtext("swathTiming/samplesPerBurst"))
    lines = int(tree.findtext("swathTiming/linesPerBurst"))
    for index, burst in enumerate(tree.iterfind("swathTiming/burstList/burst")):
        first = int(tree.find("swathTiming/burstList/burst/byteOffset").text)
        burst.find("byteOffset").text = str(first + 4 * samples * lines * index)
    tree.write(path, xml_declaration=True, encoding="UTF-8")


@pytest.fixture(scope="module")
def like(source: SimulatedStack, products: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the new scenes: a bowl that sinks, on the ground of the source."""
    folder = tmp_path_factory.mktemp("like") / "new"
    given = [part for path in products for part in ("--like", path)]
    inputs = ("--orbits", source.orbits[0].parent, "--dem", source.dem, "--dem-datum", "ellipsoid")
    motion = ("--deformation", "bowl", "--peak", "-3", "--depth", "2", "--no-lake", "--coherence", "0.9")
    made = run_apart("simulate", folder, *given, *inputs, *motion, "--folders", "-q")
    assert made.code == 0, made.err
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".tiff"
    }


def test_all_but_checksums_stays_byte_for_byte(like: Path, products: list[Path]) -> None:
    for product in products:
        name = product.name.removesuffix(".zip").removesuffix(".SAFE")
        old = _files(product.with_suffix(".SAFE"))
        new = _files(like / "slc" / f"{name}.SAFE")
        assert old.keys() == new.keys()
        assert {path for path in old if old[path] != new[path]} == {"manifest.safe"}
        pattern = rb'<checksum checksumName="MD5">[0-9a-f]{32}</checksum>|\bsize="\d+"'
        assert re.sub(pattern, b"", old["manifest.safe"]) == re.sub(pattern, b"", new["manifest.safe"])


def test_the_manifest_tells_the_truth_about_the_new_images(like: Path) -> None:
    for safe in (like / "slc").glob("*.SAFE"):
        images = sorted(safe.glob("measurement/*.tiff"))
        assert len(images) == 1
        for stream in etree.parse(safe / "manifest.safe").iterfind(".//byteStream"):
            file = safe / stream.find("fileLocation").get("href")
            if file.suffix != ".tiff":
                continue
            assert int(stream.get("size")) == file.stat().st_size
            assert stream.findtext("checksum") == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def test_pixels_lie_where_the_annotation_says(like: Path) -> None:
    """At its byte offsets, in its valid samples and nowhere else, for GDAL as for one who counts bytes."""
    for safe in (like / "slc").glob("*.SAFE"):
        (image,), (annotation,) = safe.glob("measurement/*.tiff"), safe.glob("annotation/*.xml")
        tree = etree.parse(annotation)
        lines, samples = (
            int(tree.findtext(f"swathTiming/{name}")) for name in ("linesPerBurst", "samplesPerBurst")
        )
        with quietly(), rasterio.open(image) as dataset:
            pixels, (ties, _) = dataset.read(1), dataset.gcps
            assert dataset.dtypes == ("complex_int16",)
        names = ("line", "pixel", "longitude", "latitude", "height")
        grid = [[float(point.findtext(name)) for name in names] for point in tree.iterfind(POINT)]
        assert np.array([(tie.row, tie.col, tie.x, tie.y, tie.z) for tie in ties]) == pytest.approx(np.array(grid))
        for index, burst in enumerate(tree.iterfind("swathTiming/burstList/burst")):
            part = pixels[index * lines : (index + 1) * lines]
            raw = np.fromfile(image, "<i2", 2 * lines * samples, offset=int(burst.findtext("byteOffset")))
            assert np.array_equal(raw.reshape(lines, samples, 2)[..., 0], part.real)
            first, last = (
                np.array(burst.findtext(name).split(), int)[:, None]
                for name in ("firstValidSample", "lastValidSample")
            )
            column = np.arange(samples)
            valid = (first >= 0) & (column >= first) & (column <= last)
            assert not part[~valid].any()
            assert np.mean(part[valid] == 0) < 0.01


def test_the_map_shows_the_new_motion(like: Path, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    scenes = [part for safe in sorted((like / "slc").glob("*.SAFE")) for part in ("--slc", safe)]
    inputs = ("--orbits", like / "orbits", "--dem", like / "dem" / "dem.tif", "--dem-datum", "ellipsoid")
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache")
    made = dinsar("run", *scenes, *inputs, *work, "--engine", "eos", "--looks", "7x2", "-q")
    assert made.code == 0, made.err
    (pair,) = tmp_path.glob("T*")
    outcome = dinsar("compare", pair, like, "--json")
    assert outcome.code == 0, outcome.err
    figures = json.loads(outcome.out)
    assert figures["rmse"] < 0.3e-3
    assert 0.99 < figures["gain"] < 1.01
    assert figures["coverage"] > 0.97
    assert np.abs(figures["burst_steps_rad"]).max() < 0.03


def test_an_area_limits_the_bursts_that_get_pixels(
    source: SimulatedStack, products: list[Path], dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    """Images without pixels are not written; the map of the area is made without them."""
    tree = etree.parse(next(products[1].glob("annotation/*.xml")))
    points = [[float(p.findtext(name)) for name in ("line", "longitude", "latitude")] for p in tree.iterfind(POINT)]
    line, lon, lat = np.array(points).T
    inside = lon[line == line.max()].mean(), lat[line == line.max()].mean() + 0.02
    roi = f"{inside[0] - 0.01} {inside[1] - 0.005} {inside[0] + 0.01} {inside[1] + 0.005}"
    given = [part for path in products for part in ("--like", path)]
    orbits = ("--orbits", source.orbits[0].parent)
    made = dinsar("simulate", tmp_path / "new", *given, *orbits, "--roi", roi, "--folders", "--json", "-q")
    assert made.code == 0, made.err
    images = sorted((tmp_path / "new").rglob("*.tiff"))
    assert len(images) == 2  # of the second slice of both dates
    for image in images:
        annotation = etree.parse(image.parent.parent / "annotation" / image.with_suffix(".xml").name)
        lines = int(annotation.findtext("swathTiming/linesPerBurst"))
        with quietly(), rasterio.open(image) as dataset:
            pixels = dataset.read(1)
        filled = [bool(part.any()) for part in np.split(pixels, len(pixels) // lines)]
        assert filled == [False] * (len(filled) - 1) + [True]
    scenes = [part for safe in (tmp_path / "new" / "slc").glob("*.SAFE") for part in ("--slc", safe)]
    inputs = ("--orbits", tmp_path / "new" / "orbits", "--dem", tmp_path / "new" / "dem" / "dem.tif")
    work = ("--workdir", tmp_path / "work", "--cache", tmp_path / "cache", "--roi", roi, "--dem-datum", "ellipsoid")
    assert dinsar("run", *scenes, *inputs, *work, "--engine", "eos", "-q").code == 0
    inputs = ("--orbits", source.orbits[0].parent, "--dem", source.dem, "--dem-datum", "ellipsoid")
    more = dinsar("run", *scenes, *inputs, *work[:4], "--engine", "eos", "-q")
    check_refusal(more, NO_DATA, "is not a complete Sentinel-1 product", "its image measurement/")


def test_the_command_for_some_subswaths_has_their_area(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """It is printed to be pasted: the area that it names has their bursts and no others."""
    from dinsar_cli.geo.roi import parse_roi
    from dinsar_cli.managers.slc import SlcManager

    two = simulate(Scenario(swaths=(1, 2), bursts=1, columns=600, terrain=Terrain(margin=0.05)), tmp_path / "two")
    files = [path for slices in two.products for path in slices]
    given = [part for path in files for part in ("--like", path)]
    options = ("--orbits", two.orbits[0].parent, "--swaths", "2", "--folders", "--json", "-q")
    made = dinsar("simulate", tmp_path / "new", *given, *options)
    assert made.code == 0, made.err
    area = parse_roi(json.loads(made.out)["roi"]).geometry
    assert {burst.swath for burst in SlcManager(files).plan(None, "auto").bursts} == {"IW1", "IW2"}
    assert {burst.swath for burst in SlcManager(files).plan(area, "auto").bursts} == {"IW2"}


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (("--bursts", 2), "--bursts cannot be used with --like"),
        (("--baseline", 50), "--baseline cannot be used with --like"),
        (("--relief", 50, "--dem", "dem.tif"), "--relief cannot be used with --dem"),
        (("--swaths", "2"), "No burst of subswaths 2 is in use"),
        (("--roi", "10 10 11 11"), "The area lies outside the scenes"),
        (("--polarization", "VH"), "Polarization VH is not in both acquisitions"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    source: SimulatedStack,
    products: list[Path],
    dinsar: Callable[..., Outcome],
    tmp_path: Path,
    extra: tuple[object, ...],
    named: str,
) -> None:
    given = [part for path in products for part in ("--like", path)]
    orbits = ("--orbits", source.orbits[0].parent)
    outcome = dinsar("simulate", tmp_path / "new", *given, *orbits, *extra)
    check_refusal(outcome, outcome.code, named)
    assert outcome.code in {USAGE, NO_DATA}
    assert not (tmp_path / "new").exists()


def test_what_is_missing_is_named(
    source: SimulatedStack, products: list[Path], dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    given = [part for path in products for part in ("--like", path)]
    check_refusal(dinsar("simulate", tmp_path / "new", *given), USAGE, "--orbits is missing")
    orbits = ("--orbits", source.orbits[0].parent)
    check_refusal(dinsar("simulate", tmp_path / "new", *orbits), USAGE, "--orbits cannot be used without --like")
    one = dinsar("simulate", tmp_path / "new", *given[:2], *orbits)
    check_refusal(one, NO_DATA, "A displacement needs two dates")
    cross = dinsar("simulate", tmp_path / "new", "--polarization", "VH")
    check_refusal(cross, USAGE, "polarization = VH cannot be simulated")
    assert not (tmp_path / "new").exists()


def test_a_dem_that_is_too_small_is_refused(
    source: SimulatedStack, products: list[Path], dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    with rasterio.open(source.dem) as dataset:
        part = dataset.read(1)[: dataset.height // 2]
        profile = dataset.profile | {"height": part.shape[0]}
    with rasterio.open(tmp_path / "half.tif", "w", **profile) as dataset:
        dataset.write(part, 1)
    given = [part for path in products for part in ("--like", path)]
    inputs = ("--orbits", source.orbits[0].parent, "--dem", tmp_path / "half.tif", "--dem-datum", "ellipsoid")
    check_refusal(dinsar("simulate", tmp_path / "new", *given, *inputs), NO_DATA, "does not cover")
    assert not (tmp_path / "new").exists()
