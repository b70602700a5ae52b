"""The scenes of a run: what the plan covers, and which files it proves to be whole."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from shapely import Polygon, box, union_all
from shapely.affinity import translate

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.managers.slc import SlcManager
from support.refusal import cut
from support.safe_factory import Product, write_safe, write_zip

WIDE = Product(swaths=("IW1", "IW2"), bursts=3)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("scenes")
    return [write_zip(product, folder) for product in (WIDE, WIDE.repeated())]


def footprint(product: Product, swath: str, index: int) -> Polygon:
    return Polygon(product.corners(swath, index))


def whole(product: Product, swath: str, index: int) -> Polygon:
    """A burst with its invalid lines and samples: what an engine works on."""
    return Polygon(product.whole_corners(swath, index))


def test_without_an_area_all_common_bursts_are_used(scenes: list[Path]) -> None:
    plan = SlcManager(scenes).plan(None, "auto")
    assert len(plan.bursts) == 6
    assert plan.coverage == 1.0
    everything = union_all([footprint(WIDE, swath, n) for swath in WIDE.swaths for n in range(3)])
    assert plan.bounds == pytest.approx(everything.bounds, abs=1e-4)
    bursts = union_all([whole(WIDE, swath, n) for swath in WIDE.swaths for n in range(3)])
    assert plan.burst_bounds == pytest.approx(bursts.bounds, abs=1e-4)


def test_an_area_in_one_burst(scenes: list[Path]) -> None:
    middle = footprint(WIDE, "IW2", 1).centroid
    area = box(middle.x - 0.05, middle.y - 0.02, middle.x + 0.05, middle.y + 0.02)
    plan = SlcManager(scenes).plan(area, "auto")
    assert [(burst.swath, burst.reference.burst.index) for burst in plan.bursts] == [("IW2", 1)]
    assert plan.bounds == area.bounds
    assert plan.burst_bounds == pytest.approx(whole(WIDE, "IW2", 1).bounds, abs=1e-4)
    assert plan.coverage == pytest.approx(1.0)


def test_coverage_is_the_share_of_the_area_that_is_seen(scenes: list[Path]) -> None:
    """A box with its middle on the near edge of the scene, which is nearly a meridian here: half of it is seen."""
    (lon, lat), (end, last) = WIDE.corners("IW1", 1)[0], WIDE.corners("IW1", 1)[3]
    x, y = (lon + end) / 2, (lat + last) / 2
    plan = SlcManager(scenes).plan(box(x - 0.05, y - 0.02, x + 0.05, y + 0.02), "auto")
    assert plan.coverage == pytest.approx(0.5, abs=0.01)
    assert plan.bounds[2] < x + 0.01


def test_planning_writes_nothing_and_reads_no_image(tmp_path: Path) -> None:
    paths = [write_safe(product, tmp_path) for product in (WIDE, WIDE.repeated())]
    for image in tmp_path.rglob("*.tiff"):
        image.write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    manager = SlcManager(paths)
    plan = manager.plan(None, "auto")
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(NoDataError, match=r"The image measurement/.*cannot be used"):
        manager.fetch(plan)


def test_no_scenes() -> None:
    with pytest.raises(UsageError, match="No scenes"):
        SlcManager([]).plan(None, "auto")


# --- across 180 degrees -------------------------------------------------------------------------------------------

ACROSS = replace(WIDE, longitude=-176.0)
"""IW1 reaches from 179.1 to -179.9, IW2 from 178.2 to 179.1."""


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("across")
    return [write_zip(product, folder) for product in (ACROSS, ACROSS.repeated())]


def moved(swath: str, index: int) -> Polygon:
    """Footprint of a burst with longitudes that run on beyond 180, from the same product elsewhere."""
    return translate(footprint(WIDE, swath, index), 184.0)


def test_a_subswath_across_180_does_not_matter_to_an_area_in_another(across: list[Path]) -> None:
    area = moved("IW2", 1).centroid.buffer(0.03)
    plan = SlcManager(across).plan(area, "auto")
    assert [(burst.swath, burst.reference.burst.index) for burst in plan.bursts] == [("IW2", 1)]
    assert plan.coverage == pytest.approx(1.0)
    bursts = translate(whole(WIDE, "IW2", 1), 184.0)
    assert plan.burst_bounds == pytest.approx(bursts.bounds, abs=1e-4)


@pytest.mark.parametrize(("side", "turn"), [("east", 0.0), ("west", -360.0)])
def test_an_area_on_either_side_takes_bursts_as_they_reach_over(across: list[Path], side: str, turn: float) -> None:
    middle = moved("IW1", 1)
    longitude = {"east": 179.8, "west": -179.96}[side]
    area = box(longitude - 0.02, middle.centroid.y - 0.02, longitude + 0.02, middle.centroid.y + 0.02)
    plan = SlcManager(across).plan(area, "auto")
    assert [(burst.swath, burst.reference.burst.index) for burst in plan.bursts] == [("IW1", 1)]
    assert plan.coverage == pytest.approx(1.0)
    assert plan.bounds == area.bounds
    bursts = translate(whole(WIDE, "IW1", 1), 184.0 + turn)
    assert plan.burst_bounds == pytest.approx(bursts.bounds, abs=1e-4)


def test_all_of_a_scene_across_180_is_refused_and_the_two_areas_are_all_of_it(across: list[Path]) -> None:
    with pytest.raises(UsageError, match="What both dates see lies across the antimeridian") as caught:
        SlcManager(across).plan(None, "auto")
    sides = [parse_roi(text).geometry for text in re.findall(r"--roi '(.+?)'", caught.value.remedy)]
    plans = [SlcManager(across).plan(side, "auto") for side in sides]
    whole = union_all([moved(swath, n) for swath in ACROSS.swaths for n in range(3)])
    assert sum(plan.area.area for plan in plans) == pytest.approx(whole.area, rel=1e-3)
    assert [plan.bounds[2] for plan in plans[:1]] == [180.0]
    assert [plan.bounds[0] for plan in plans[1:]] == [-180.0]


def test_a_scene_beyond_180_is_not_across_it(tmp_path: Path) -> None:
    beyond = replace(WIDE, longitude=-174.0)
    plan = SlcManager([write_zip(product, tmp_path) for product in (beyond, beyond.repeated())]).plan(None, "auto")
    west, south, east, north = WIDE.bounds
    assert plan.bounds == pytest.approx((west - 174, south, east - 174, north), abs=1e-4)


# --- fetch ------------------------------------------------------------------------------------------------------


def test_zips_are_the_files_of_a_run(scenes: list[Path]) -> None:
    manager = SlcManager(scenes[::-1])
    assert manager.fetch(manager.plan(None, "auto")) == tuple(scenes)  # in the order of time


def test_of_folders_only_what_is_read_counts(tmp_path: Path) -> None:
    product = replace(WIDE, polarizations=("VV", "VH"))
    safes = [write_safe(one, tmp_path) for one in (product, product.repeated())]
    manager = SlcManager(safes)
    plan = manager.plan(footprint(product, "IW2", 1).centroid.buffer(0.02), "vh")
    files = manager.fetch(plan)
    names = sorted(file.relative_to(tmp_path).parts[1] for file in files)
    assert names == ["annotation"] * 2 + ["manifest.safe"] * 2 + ["measurement"] * 2
    stems = {file.stem for file in files if file.name != "manifest.safe"}
    assert stems == {one.stem("IW2", "VH") for one in (product, product.repeated())}


def test_damage_outside_the_area_does_not_matter(tmp_path: Path) -> None:
    slices = [WIDE, WIDE.following()]
    safes = [write_safe(one, tmp_path) for product in slices for one in (product, product.repeated())]
    for damaged in (
        *(tmp_path / safes[0].name).glob("measurement/*-iw1-*.tiff"),  # another subswath
        *(tmp_path / safes[2].name).glob("measurement/*.tiff"),  # another slice
    ):
        cut(damaged, 0.5)
    manager = SlcManager(safes)
    manager.fetch(manager.plan(footprint(WIDE, "IW2", 1).centroid.buffer(0.02), "auto"))
    with pytest.raises(NoDataError, match="-iw1-"):
        manager.fetch(manager.plan(footprint(WIDE, "IW1", 1).centroid.buffer(0.02), "auto"))
    with pytest.raises(NoDataError, match=slices[1].stem("IW2", "VV")):
        manager.fetch(manager.plan(footprint(slices[1], "IW2", 1).centroid.buffer(0.02), "auto"))


def test_one_missing_sample_is_found(tmp_path: Path) -> None:
    """The pixels of a plain TIFF are its last bytes or nearly: without the last one it is too short."""
    safes = [write_safe(one, tmp_path) for one in (WIDE, WIDE.repeated())]
    manager = SlcManager(safes)
    plan = manager.plan(None, "auto")
    manager.fetch(plan)
    image = next(iter(safes[1].glob("measurement/*-iw2-*.tiff")))
    needed = 3 * 30 * 24 * 4
    image.write_bytes(image.read_bytes()[: needed - 1])
    with pytest.raises(NoDataError, match=f"It has {needed - 1} bytes, .* need {needed}"):
        manager.fetch(plan)


def test_a_compressed_image_is_read_to_its_end(tmp_path: Path) -> None:
    import numpy as np
    import rasterio

    safes = [write_safe(one, tmp_path) for one in (WIDE, WIDE.repeated())]
    image = next(iter(safes[1].glob("measurement/*-iw2-*.tiff")))
    pixels = np.random.default_rng(1).normal(0, 50, (90, 24)) + 0j
    profile = {
        "driver": "GTiff",
        "dtype": "complex64",
        "count": 1,
        "height": 90,
        "width": 24,
        "compress": "deflate",
    }
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(image, "w", **profile) as dataset:
        dataset.write(pixels.astype(np.complex64), 1)
    manager = SlcManager(safes)
    plan = manager.plan(None, "auto")
    manager.fetch(plan)
    cut(image, 0.8)
    with pytest.raises(NoDataError, match="cannot be read"):
        manager.fetch(plan)
