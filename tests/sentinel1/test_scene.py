"""Granule names, scenes, slices, pairs and common bursts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from shapely import box

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.acquisition import Pair, bursts_in, group_acquisitions, make_pair
from dinsar_cli.sentinel1.scene import GranuleName, Scene, open_scene
from support.safe_factory import BURST_CYCLE, ORBIT_PERIOD, Product, write_safe, zip_safe

NAME = "S1A_IW_SLC__1SDV_20230206T033446_20230206T033513_047106_05A6B8_0F1D"
FIRST = Product()


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., list[Scene]]:
    """Write products and open them: as folders, each in a place of its own."""

    def write(*products: Product) -> list[Scene]:
        return [open_scene(write_safe(product, tmp_path / str(number))) for number, product in enumerate(products)]

    return write


@pytest.fixture
def paired(opened: Callable[..., list[Scene]]) -> Callable[..., Pair]:
    def pair(*products: Product) -> Pair:
        return make_pair(opened(*products))

    return pair


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mission", ["S1A", "S1B", "S1C", "S1D"])
@pytest.mark.parametrize(
    ("code", "polarizations"),
    [
        ("SH", ("HH",)),
        ("SV", ("VV",)),
        ("DH", ("HH", "HV")),
        ("DV", ("VV", "VH")),
        ("HH", ("HH",)),
        ("HV", ("HV",)),
        ("VV", ("VV",)),
        ("VH", ("VH",)),
    ],
)
def test_every_part_of_a_name(mission: str, code: str, polarizations: tuple[str, ...]) -> None:
    name = NAME.replace("S1A", mission).replace("1SDV", f"1S{code}")
    expected = GranuleName(
        mission=mission,
        mode="IW",
        type="SLC",
        polarizations=polarizations,
        start=datetime(2023, 2, 6, 3, 34, 46, tzinfo=UTC),
        stop=datetime(2023, 2, 6, 3, 35, 13, tzinfo=UTC),
        absolute_orbit=47106,
        datatake="05A6B8",
        unique="0F1D",
    )
    assert GranuleName.parse(name) == expected


@pytest.mark.parametrize("form", ["{}.zip", "{}.SAFE", "{}.SAFE.zip", "/data/{}.zip", "{}.SAFE/"])
def test_names_with_folders_and_endings(form: str) -> None:
    assert GranuleName.parse(form.format(NAME)) == GranuleName.parse(NAME)


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        ("S1B_EW_GRDM_1SDH_20200101T000000_20200101T000100_019621_025123_ABCD", "EW", "GRD"),
        ("S1A_S3_SLC__1SSV_20200101T000000_20200101T000100_030621_038123_ABCD", "S3", "SLC"),
        ("S1A_WV_OCN__2SSV_20200101T000000_20200101T000100_030621_038123_ABCD", "WV", "OCN"),
        ("S1A_IW_RAW__0SDV_20200101T000000_20200101T000100_030621_038123_ABCD", "IW", "RAW"),
    ],
)
def test_names_of_other_products(name: str, mode: str, kind: str) -> None:
    granule = GranuleName.parse(name)
    assert (granule.mode, granule.type) == (mode, kind)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "scene.zip",
        NAME.replace("S1A", "S2A"),
        NAME.replace("S1A", "S1E"),
        NAME.replace("DV", "XX"),
        NAME.replace("IW", "XW"),
        NAME.lower(),
        NAME[:-1],
        f"{NAME}_",
        NAME.replace("T033446", "T033466"),
        NAME.replace("20230206T033513", "20230231T033513"),
        f"{NAME}.tif",
    ],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a Sentinel-1 product"):
        GranuleName.parse(name)


# --- scenes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mission", ["S1A", "S1B", "S1C", "S1D"])
def test_every_fact_of_a_scene(opened: Callable[..., list[Scene]], mission: str) -> None:
    product = replace(FIRST, mission=mission, polarizations=("VV", "VH"), swaths=("IW1", "IW2", "IW3"))
    (scene,) = opened(product)
    assert (scene.name, scene.mission, scene.direction) == (product.name, mission, "descending")
    assert (scene.relative_orbit, scene.absolute_orbit, scene.ipf) == (52, 50174, "003.61")
    assert (scene.start, scene.stop) == (product.start, product.stop)
    assert scene.polarizations == {"VV", "VH"}
    assert set(scene.images) == {(swath, pol) for swath in ("IW1", "IW2", "IW3") for pol in ("VV", "VH")}
    subswath = scene.subswath("IW3", "VH")
    assert (subswath.name, subswath.polarization) == ("IW3", "VH")
    assert scene.subswath("IW3", "VH") is subswath  # read once


def test_folder_zip_and_manifest_give_the_same_scene(tmp_path: Path) -> None:
    safe = write_safe(replace(FIRST, swaths=("IW1", "IW2")), tmp_path)
    folder, manifest, zipped = (open_scene(path) for path in (safe, safe / "manifest.safe", zip_safe(safe)))
    assert folder == manifest
    assert replace(zipped, safe=folder.safe) == folder
    for swath in ("IW1", "IW2"):
        one, other = folder.subswath(swath, "VV"), zipped.subswath(swath, "VV")
        assert one.bursts == other.bursts
        assert replace(other, measurement=one.measurement) == one
        assert other.measurement.startswith("/vsizip/")


def test_an_unknown_processor_is_no_obstacle(tmp_path: Path) -> None:
    safe = write_safe(FIRST, tmp_path)
    manifest = safe / "manifest.safe"
    manifest.write_text(manifest.read_text().replace("Sentinel-1 IPF", "somebody else's"))
    assert open_scene(safe).ipf == "unknown"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("<safe:number>A", "<safe:number>E", "'S1E'"),
        ("<s1:pass>DESCENDING", "<s1:pass>SIDEWAYS", "'sideways'"),
        ('<safe:relativeOrbitNumber type="start">52', '<safe:relativeOrbitNumber type="start">', "int"),
        ("<safe:startTime>2023", "<safe:startTime>MMXXIII", "MMXXIII"),
        ("safe:stopTime", "safe:haltTime", "safe:stopTime is missing"),
        ("s1sarl1:productType", "s1sarl1:kind", "s1sarl1:productType is missing"),
    ],
)
def test_manifests_that_cannot_be(tmp_path: Path, old: str, new: str, named: str) -> None:
    safe = write_safe(FIRST, tmp_path)
    manifest = safe / "manifest.safe"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new))
    with pytest.raises(NoDataError, match=rf"The manifest of .*\n.*{named}"):
        open_scene(safe)


# --- slices -----------------------------------------------------------------------------------------------------


def times(scenes: Iterable[Scene]) -> list[datetime]:
    return [scene.start for scene in scenes]


def test_slices_of_a_pass_are_joined_in_the_order_of_time(opened: Callable[..., list[Scene]]) -> None:
    products = [FIRST, FIRST.following(2), FIRST.following(4)]
    scenes = opened(products[2], products[0], products[1])
    (acquisition,) = group_acquisitions(scenes)
    assert times(acquisition.scenes) == [product.start for product in products]
    assert (acquisition.start, acquisition.stop) == (products[0].start, products[2].stop)
    (bursts,) = acquisition.bursts("VV").values()
    starts = [(view.burst.azimuth_time - FIRST.start).total_seconds() for view in bursts]
    assert starts == pytest.approx([n * BURST_CYCLE for n in range(6)], abs=1e-5)
    assert [view.burst.index for view in bursts] == [0, 1, 0, 1, 0, 1]
    assert len({id(view.subswath) for view in bursts}) == 3


@pytest.mark.parametrize("microsecond", [0, 233_444, 483_444, 589_401])
def test_a_burst_that_two_slices_share_is_used_once(opened: Callable[..., list[Scene]], microsecond: int) -> None:
    """Also when both tell its time a little differently, whatever the fraction of the second."""
    long = replace(FIRST, bursts=3, swaths=("IW1", "IW2"), start=FIRST.start.replace(microsecond=microsecond))
    overlapping = long.following(2)  # its first burst is the last one of the other
    jittered = replace(overlapping, start=overlapping.start + timedelta(microseconds=3))
    (acquisition,) = group_acquisitions(opened(long, jittered))
    for bursts in acquisition.bursts("VV").values():
        gaps = [
            (after.burst.azimuth_time - before.burst.azimuth_time).total_seconds()
            for before, after in pairwise(bursts)
        ]
        assert gaps == pytest.approx([BURST_CYCLE] * 4, abs=1e-5)
        assert [view.burst.index for view in bursts] == [0, 1, 2, 1, 2]


def test_both_satellites_and_all_dates_are_told_apart(opened: Callable[..., list[Scene]]) -> None:
    other = replace(FIRST, mission="S1C", start=FIRST.start + timedelta(minutes=30))
    acquisitions = group_acquisitions(opened(FIRST.repeated(), other, FIRST.following(), FIRST))
    assert [(a.mission, len(a.scenes), a.start.day) for a in acquisitions] == [
        ("S1A", 2, 4),
        ("S1C", 1, 4),
        ("S1A", 1, 16),
    ]


def test_slices_must_touch(opened: Callable[..., list[Scene]]) -> None:
    far = replace(FIRST, start=FIRST.start + timedelta(seconds=25))
    with pytest.raises(NoDataError, match=r"Slices are missing between .*\n.* 19 s apart"):
        group_acquisitions(opened(FIRST, far))


def test_only_polarizations_of_all_slices_count(opened: Callable[..., list[Scene]]) -> None:
    scenes = opened(replace(FIRST, polarizations=("VV", "VH")), FIRST.following(), FIRST.repeated())
    assert group_acquisitions(scenes)[0].polarizations == {"VV"}
    with pytest.raises(NoDataError, match="Polarization VH is not in both"):
        make_pair(scenes, "vh")


def test_the_same_slice_twice(opened: Callable[..., list[Scene]]) -> None:
    reprocessed = replace(FIRST, unique="FFFF")
    with pytest.raises(UsageError, match="given twice"):
        group_acquisitions(opened(FIRST, FIRST.following(), reprocessed))


# --- pairs ------------------------------------------------------------------------------------------------------


def test_the_earlier_date_is_the_reference_whatever_the_order(paired: Callable[..., Pair]) -> None:
    later = FIRST.repeated()
    for products in ((FIRST, later), (later, FIRST)):
        pair = paired(*(replace(p, unique=f"000{n}") for n, p in enumerate(products)))
        assert (pair.reference.start, pair.secondary.start) == (FIRST.start, later.start)
        assert pair.name == "T052D_20230904_20230916"


def test_two_satellites_make_a_pair(paired: Callable[..., Pair]) -> None:
    pair = paired(FIRST, replace(FIRST.repeated(6), mission="S1B"))
    assert (pair.reference.mission, pair.secondary.mission) == ("S1A", "S1B")
    assert len(pair.common_bursts) == 2


def test_two_satellites_on_one_day_do_not(paired: Callable[..., Pair]) -> None:
    with pytest.raises(NoDataError, match="of the same day"):
        paired(FIRST, replace(FIRST, mission="S1C", start=FIRST.start + timedelta(seconds=40)))


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        (("VV", "VH"), ("VV", "VH"), "VV"),
        (("HH", "HV"), ("HH",), "HH"),
        (("VV", "VH"), ("VH",), "VH"),
        (("HV",), ("HH", "HV"), "HV"),
    ],
)
def test_the_best_common_polarization(
    paired: Callable[..., Pair], first: tuple[str, ...], second: tuple[str, ...], chosen: str
) -> None:
    pair = paired(replace(FIRST, polarizations=first), replace(FIRST.repeated(), polarizations=second))
    assert pair.polarization == chosen
    assert {burst.reference.subswath.polarization for burst in pair.common_bursts} == {chosen}


# --- bursts -----------------------------------------------------------------------------------------------------


def matches(pair: Pair) -> list[tuple[str, int, int]]:
    return [(b.swath, b.reference.burst.index, b.secondary.burst.index) for b in pair.common_bursts]


@pytest.mark.parametrize("step", [0.0, 0.005, -0.005, 0.3, -0.3])
def test_bursts_match_by_their_place_in_the_orbit(paired: Callable[..., Pair], step: float) -> None:
    """By the time after the ascending node, for the dates of a repeat cycle differ by a fraction of a second."""
    product = replace(FIRST, swaths=("IW1", "IW2"), bursts=3)
    pair = paired(product, product.repeated(step=step))
    assert matches(pair) == [(swath, n, n) for swath in ("IW1", "IW2") for n in range(3)]


@pytest.mark.parametrize("step", [0.4, -0.4, BURST_CYCLE / 2])
def test_bursts_out_of_step_do_not_match(paired: Callable[..., Pair], step: float) -> None:
    with pytest.raises(NoDataError, match=f"{abs(step):.2f} s apart along the orbit"):
        _ = paired(FIRST, FIRST.repeated(step=step)).common_bursts


def test_frames_that_overlap_in_part(paired: Callable[..., Pair]) -> None:
    """The second date starts two bursts later, and one of its subswaths is missing."""
    product = replace(FIRST, bursts=4, swaths=("IW1", "IW2"))
    later = replace(product.following(2), swaths=("IW2",)).repeated()
    assert matches(paired(product, later)) == [("IW2", 2, 0), ("IW2", 3, 1)]


def test_frames_cut_differently_into_slices(paired: Callable[..., Pair]) -> None:
    whole = replace(FIRST, bursts=4)
    parts = [p.repeated() for p in (replace(FIRST, bursts=1), replace(FIRST.following(1), bursts=3))]
    assert matches(paired(whole, *parts)) == [("IW1", 0, 0), ("IW1", 1, 0), ("IW1", 2, 1), ("IW1", 3, 2)]


def test_bursts_match_across_the_ascending_node(paired: Callable[..., Pair]) -> None:
    """One product counts on beyond a whole orbit, the other begins again from zero at the node."""
    before = replace(FIRST, bursts=4, anx_time=ORBIT_PERIOD - BURST_CYCLE)
    after = replace(before.repeated(), bursts=3, anx_time=0.002)
    after = replace(after, start=after.start + timedelta(seconds=BURST_CYCLE))
    pair = paired(before, after)
    assert matches(pair) == [("IW1", 1, 0), ("IW1", 2, 1), ("IW1", 3, 2)]
    for burst in pair.common_bursts:
        shape, other = burst.reference.burst.footprint, burst.secondary.burst.footprint
        assert shape.symmetric_difference(other).area < 0.01 * shape.area  # 0.002 s are 14 m


def test_bursts_that_meet_an_area(paired: Callable[..., Pair]) -> None:
    product = replace(FIRST, swaths=("IW1", "IW2"), bursts=4, lines=33)
    bursts = paired(product, product.repeated()).common_bursts

    def names(*bounds: float) -> list[tuple[str, int]]:
        return [(b.swath, b.reference.burst.index) for b in bursts_in(bursts, box(*bounds))]

    everything = product.bounds
    assert len(names(*everything)) == 8
    for burst in bursts:
        middle = burst.reference.burst.footprint.centroid
        small = (middle.x - 1e-3, middle.y - 1e-3, middle.x + 1e-3, middle.y + 1e-3)
        assert names(*small) == [(burst.swath, burst.reference.burst.index)]
    # neighbours overlap by the 0.24 s that the signal of a burst is longer than the cycle: 1.6 km
    near = product.ground(product.anx_time + BURST_CYCLE + 0.2, product.range_time("IW1", 12))
    assert names(near[0] - 1e-4, near[1] - 1e-4, near[0] + 1e-4, near[1] + 1e-4) == [("IW1", 0), ("IW1", 1)]
    assert names(everything[2] + 0.1, 0, everything[2] + 1, 1) == []


@pytest.mark.pair
def test_the_simulated_pair(pair_folder: Path) -> None:
    """Figures that its description gives."""
    truth = json.loads((pair_folder / "truth.json").read_text())
    pair = make_pair([open_scene(path) for path in sorted(pair_folder.glob("*.zip"), reverse=True)])
    names = [acquisition.scenes[0].name for acquisition in (pair.reference, pair.secondary)]
    assert names == [truth["reference"].removesuffix(".zip"), truth["secondary"].removesuffix(".zip")]
    assert [burst.swath for burst in pair.common_bursts] == ["IW1", "IW1"]
    subswath = pair.common_bursts[0].reference.subswath
    assert subswath.wavelength == pytest.approx(truth["wavelength_m"], abs=1e-9)
    assert subswath.samples == truth["samples"]
    granule = GranuleName.parse(names[0])
    assert (granule.start, granule.stop) == (
        pair.reference.start.replace(microsecond=0),
        pair.reference.stop.replace(microsecond=0),
    )
