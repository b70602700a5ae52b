"""Which bursts a region needs, and when bursts are fetched rather than scenes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import MultiPolygon, box

from dinsar_cli.catalog.burst_plan import BurstPlan, choose_bursts, choose_download, common_polarization
from dinsar_cli.catalog.bursts import CatalogBurst, read_burst
from dinsar_cli.catalog.stacks import CatalogAcquisition
from dinsar_cli.errors import NoDataError, UsageError
from support.burst_inputs import made_up_bursts, made_up_pass

REFERENCE, SECONDARY = made_up_pass(), made_up_pass(12)
NINE = list(range(10, 19))


def plan(
    area: Any,
    first: list[int] = NINE,
    second: list[int] = NINE,
    *,
    least: int = 1,
    swaths: tuple[str, ...] = ("IW1",),
) -> BurstPlan:
    """Plan with bursts of some numbers at two dates."""
    found = [
        [burst for swath in swaths for burst in made_up_bursts(one, numbers, swath)]
        for one, numbers in ((REFERENCE, first), (SECONDARY, second))
    ]
    return choose_bursts([REFERENCE, SECONDARY], found, area, least)


def numbers(of: BurstPlan) -> list[list[int]]:
    return [[burst.number for burst in one.bursts] for one in of.passes]


# --- which bursts -------------------------------------------------------------------------------------------------


def test_bursts_that_meet_the_region() -> None:
    """Bursts 12 and 13 lie between latitudes 0.4 and 0.8."""
    chosen = plan(box(0.4, 0.5, 0.6, 0.7))
    assert numbers(chosen) == [[12, 13], [12, 13]]
    assert [one.acquisition for one in chosen.passes] == [REFERENCE, SECONDARY]
    assert (chosen.count, chosen.bytes, chosen.polarization) == (4, 4 * 140_000_000, "VV")
    assert (chosen.notes, chosen.obstacle) == ((), "")


def test_a_neighbour_at_the_very_edge_comes_too() -> None:
    assert numbers(plan(box(0.4, 0.45, 0.6, 0.595)))[0] == [12, 13]
    assert numbers(plan(box(0.4, 0.45, 0.6, 0.58)))[0] == [12]


@pytest.mark.parametrize(
    ("south", "available", "expected"),
    [(0.5, NINE, [12, 13]), (1.7, NINE, [17, 18]), (0.5, [11, 12], [11, 12]), (0.5, [12], [12])],
    ids=["next", "at the end", "none after it", "none at all"],
)
def test_a_swath_gets_as_many_as_the_engine_needs(south: float, available: list[int], expected: list[int]) -> None:
    chosen = plan(box(0.4, south, 0.6, south + 0.01), available, least=2)
    assert numbers(chosen) == [expected, expected]


def test_two_parts_of_a_region_are_joined() -> None:
    apart = MultiPolygon([box(0.4, 0.05, 0.6, 0.1), box(0.4, 0.85, 0.6, 0.9)])
    assert numbers(plan(apart))[0] == [10, 11, 12, 13, 14]


def test_each_swath_has_its_own() -> None:
    chosen = plan(box(0.4, 0.5, 0.6, 0.7), swaths=("IW2", "IW1"))
    assert [(burst.swath, burst.number) for burst in chosen.passes[1].bursts] == [
        ("IW1", 12),
        ("IW1", 13),
        ("IW2", 12),
        ("IW2", 13),
    ]


def test_a_burst_of_one_date_is_left_out_and_told() -> None:
    chosen = plan(box(0.4, 0.5, 0.6, 1.3), second=[12, 14, 15, 16])
    assert numbers(chosen) == [[14, 15, 16], [14, 15, 16]]  # 12 is beyond the gap
    assert chosen.notes == ("1 of 5 bursts of IW1 over the region are not there at all dates.",)


@pytest.mark.parametrize("area", [box(3, 0, 4, 1), box(0.4, 0.05, 0.6, 0.1)], ids=["beside", "at one date only"])
def test_no_burst_is_an_obstacle(area: Any) -> None:
    chosen = plan(area, second=[17, 18])
    assert chosen.passes == ()
    assert chosen.obstacle == "No burst over the region is there at all dates."


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [
        (("VV", "VV"), "auto", "VV"),
        (("VV+VH", "VV+VH"), "auto", "VV"),
        (("VV+VH", "VV+VH"), "vh", "VH"),
        (("HH", "HH"), "auto", "HH"),
    ],
)
def test_the_polarization(there: tuple[str, str], wanted: str, expected: str) -> None:
    assert common_polarization([made_up_pass(polarization=one) for one in there], wanted) == expected


@pytest.mark.parametrize(("there", "wanted"), [(("VV", "HH"), "auto"), (("VV+VH", "VV"), "vh")])
def test_a_polarization_that_is_not_there(there: tuple[str, str], wanted: str) -> None:
    with pytest.raises(NoDataError) as raised:
        common_polarization([made_up_pass(polarization=one) for one in there], wanted)
    assert "VV" in raised.value.cause


# --- the record ---------------------------------------------------------------------------------------------------

_SCENE = REFERENCE.scenes[0].name
_PROPERTIES = {
    "fileID": "S1_110433_IW1_20230904T063736_VV_5C45-BURST",
    "polarization": "VV",
    "bytes": "147215404",
    "url": "https://sentinel1-burst.asf.alaska.edu/a.tiff",
    "additionalUrls": ["https://sentinel1-burst.asf.alaska.edu/a.xml"],
    "burst": {
        "subswath": "IW1",
        "burstIndex": 3,
        "relativeBurstID": 110433,
        "azimuthTime": "2023-09-04T06:37:36Z",
    },
}
_GEOMETRY = {"coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]], "type": "Polygon"}


def record(**changes: Any) -> CatalogBurst:
    time = {"Name": "AZIMUTH_TIME", "Values": ["2023-09-04T06:37:36.589401"]}
    umm = {"InputGranules": [f"{_SCENE}-SLC"], "AdditionalAttributes": [time]} | changes.pop("umm", {})
    details = dict(_PROPERTIES["burst"]) | changes.pop("burst", {})
    return read_burst(_PROPERTIES | {"burst": details} | changes, umm, _GEOMETRY)


def test_a_record_is_read() -> None:
    burst = record()
    assert (burst.bytes, burst.scene, burst.index, burst.number) == (147_215_404, _SCENE, 3, 110433)
    assert f"{burst.start:%H:%M:%S.%f}" == "06:37:36.589401"
    assert (burst.url[-5:], burst.metadata_url[-4:]) == (".tiff", ".xml")
    assert record(bytes=None).bytes == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://sentinel1-burst.asf.alaska.edu/a.zip"},
        {"burst": {"subswath": "EW1"}},
        {"burst": {"relativeBurstID": None}},
        {"polarization": "RH"},
        {"bytes": "many"},
        {"umm": {"InputGranules": []}},
        {"umm": {"InputGranules": ["S1A_EW"]}},
    ],
)
def test_a_wrong_record_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, UsageError)):
        record(**changes)


# --- bursts or scenes ---------------------------------------------------------------------------------------------


def sized(scene: int, count: int, burst: int = 140_000_000) -> tuple[list[CatalogAcquisition], BurstPlan]:
    """Acquisitions with scenes of a size, and a plan with some bursts of each."""
    passes = [made_up_pass(days, size=scene) for days in (0, 12)]
    found = [[replace(one, bytes=burst) for one in made_up_bursts(of, NINE)] for of in passes]
    return passes, choose_bursts(passes, found, box(0.4, 0.05, 0.6, 0.2 * count - 0.05))


@pytest.mark.parametrize(
    ("scene", "way"), [(4_000_000_000, "bursts"), (466_666_667, "bursts"), (466_666_666, "scenes"), (100, "scenes")]
)
def test_bursts_below_60_percent(scene: int, way: str) -> None:
    """Two bursts of 140 MB are 60 % of 466.67 MB."""
    choice = choose_download(*sized(scene, 2))
    assert (choice.way, choice.scene_bytes, choice.burst_bytes) == (way, 2 * scene, 560_000_000)
    assert "4 bursts are 560.0 MB" in choice.why


@pytest.mark.parametrize(("wish", "count", "size"), [("scenes", 1, 4_000_000_000), ("bursts", 9, 100)])
def test_a_wish_is_followed(wish: Any, count: int, size: int) -> None:
    choice = choose_download(*sized(size, count), wish)
    assert choice.way == wish
    assert "slc.download" in choice.why


def test_unknown_sizes_do_not_speak_against_bursts() -> None:
    for scene, burst in ((0, 140_000_000), (4_000_000_000, 0)):
        choice = choose_download(*sized(scene, 2, burst))
        assert choice.way == "bursts"
        assert 0 in (choice.scene_bytes, choice.burst_bytes)
        assert "unknown" in choice.why


def test_an_obstacle_leads_to_scenes() -> None:
    passes = sized(4_000_000_000, 2)[0]
    none = BurstPlan("VV", obstacle="The archive has none.")
    choice = choose_download(passes, none)
    assert (choice.way, choice.why) == ("scenes", "The archive has none.")
    with pytest.raises(NoDataError) as raised:
        choose_download(passes, none, "bursts")
    assert raised.value.cause == "The archive has none."
    assert choose_download(passes, none, "scenes").way == "scenes"


def test_without_a_password_auto_takes_scenes() -> None:
    passes, bursts = sized(4_000_000_000, 2)
    assert choose_download(passes, bursts, password=False).way == "scenes"
    assert choose_download(passes, bursts, "bursts", password=False).way == "bursts"  # the archive says why not
