"""Records of the archive's catalogue as it really answers: scenes and bursts, baselines, and choosing a pair."""

from __future__ import annotations

import gzip
import json
import statistics
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely
from asf_search import ASFSearchResults, SBASNetwork
from asf_search.baseline.stack import get_baseline_from_stack
from asf_search.Products import S1BurstProduct, S1Product

from dinsar_cli.catalog.baselines import CATALOGUE, measure_baseline
from dinsar_cli.catalog.bursts import read_burst
from dinsar_cli.catalog.pair_choice import choose_pair, common_place
from dinsar_cli.catalog.pair_wish import EventWish, SpanWish
from dinsar_cli.catalog.scenes import CatalogScene, read_scene
from dinsar_cli.catalog.stacks import CatalogAcquisition, Stack, group_stacks
from dinsar_cli.plan.network_dates import choose_dates
from dinsar_cli.series.network import parse_rule
from dinsar_cli.series.pair_rules import small_baseline
from support.real_inputs import each

pytestmark = pytest.mark.real

SCENES = each("catalog/slc_*.json.gz")
BURSTS = each("catalog/bursts_*.json.gz")
TRACK = each("catalog/slc_track13_frame411_176_scenes.json.gz")

Records = list[dict[str, Any]]


@cache
def records(path: Path) -> Records:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return json.load(stream)


@cache
def products(path: Path) -> tuple[S1Product, ...]:
    """Products that the installed asf_search makes of the records."""
    return tuple(S1Product({"umm": one["umm"], "meta": one["meta"]}) for one in records(path))


@cache
def scenes(path: Path) -> tuple[CatalogScene, ...]:
    return tuple(read_scene(one.properties, one.umm, one.geometry) for one in products(path))


def attributes(record: dict[str, Any]) -> dict[str, str]:
    return {item["Name"]: item["Values"][0] for item in record["umm"]["AdditionalAttributes"]}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


@pytest.mark.parametrize("path", SCENES)
def test_every_scene_is_read_as_its_record_has_it(path: Path) -> None:
    found = scenes(path)
    assert len(found) == len(records(path)) == int(path.name.split("_")[-2])
    for scene, record in zip(found, records(path), strict=True):
        told, span = attributes(record), record["umm"]["TemporalExtent"]["RangeDateTime"]
        assert f"{scene.name}-SLC" == record["umm"]["GranuleUR"]
        assert (scene.start, scene.stop) == (moment(span["BeginningDateTime"]), moment(span["EndingDateTime"]))
        assert timedelta(seconds=20) < scene.stop - scene.start < timedelta(seconds=45)
        assert scene.direction == told["ASCENDING_DESCENDING"].lower()
        assert (scene.track, scene.frame) == (int(told["PATH_NUMBER"]), int(told["FRAME_NUMBER"]))
        assert scene.absolute_orbit == record["umm"]["OrbitCalculatedSpatialDomains"][0]["OrbitNumber"]
        shift, cycle = {"S1A": (73, 175), "S1B": (27, 175)}[scene.platform]
        assert (scene.absolute_orbit - shift) % cycle + 1 == scene.track
        assert scene.polarizations == tuple(told["POLARIZATION"].split("+"))
        assert (scene.bytes, scene.md5) == (int(told["BYTES"]), told["MD5SUM"])
        assert 1e9 < scene.bytes < 9e9
        assert scene.ipf == record["umm"]["PGEVersionClass"]["PGEVersion"]
        assert scene.processed == moment(told["PROCESSING_DATE"])
        assert scene.processed > scene.stop
        assert scene.url.endswith(f"/{scene.name}.zip")
        assert shapely.Polygon(scene.ring).is_valid
        centre = shapely.Point(float(told["CENTER_LON"]), float(told["CENTER_LAT"]))
        assert scene.footprint.centroid.distance(centre) < 0.2
        before, after = scene.vectors
        assert before.time < scene.start + (scene.stop - scene.start) / 2 < after.time
        for vector, end in ((before, "PRE"), (after, "POST")):
            words = told[f"SV_POSITION_{end}"].split(",")
            assert [*vector.position] == [float(word) for word in words[:3]]
            assert vector.time == moment(words[3])
            assert 7.0e6 < sum(part**2 for part in vector.position) ** 0.5 < 7.2e6
            assert 7.4e3 < sum(part**2 for part in vector.velocity) ** 0.5 < 7.7e3


@pytest.mark.parametrize("path", BURSTS)
def test_every_burst_is_read_as_its_record_has_it(path: Path) -> None:
    found = []
    for record in records(path):
        product = S1BurstProduct({"umm": record["umm"], "meta": record["meta"]})
        burst, told = read_burst(product.properties, product.umm, product.geometry), attributes(record)
        found.append(burst)
        assert burst.name == record["umm"]["GranuleUR"]
        assert f"{burst.scene}-SLC" in record["umm"]["InputGranules"]
        assert (burst.swath, burst.polarization) == (told["SUBSWATH_NAME"], told["POLARIZATION"])
        assert (burst.index, burst.number) == (int(told["BURST_INDEX"]), int(told["BURST_ID_RELATIVE"]))
        assert burst.start == moment(told["AZIMUTH_TIME"])
        assert burst.bytes == int(told["BYTE_LENGTH"])
        assert burst.bytes == pytest.approx(
            4 * int(told["LINES_PER_BURST"]) * int(told["SAMPLES_PER_BURST"]), rel=0.01
        )
        links = {link["URL"] for link in record["umm"]["RelatedUrls"]}
        assert {burst.url, burst.metadata_url} <= links
        assert (burst.url[-5:], burst.metadata_url[-4:]) == (".tiff", ".xml")
    assert len(found) == int(path.name.split("_")[-1].split(".")[0])
    assert {f"{burst.number}_{burst.swath}" for burst in found} == {"_".join(path.name.split("_")[1:3])}
    # the same ground at all dates
    first = found[0].footprint
    assert all(burst.footprint.intersection(first).area / first.area > 0.95 for burst in found)
    assert len({burst.start.date() for burst in found}) == len(found)


def area_of(path: Path) -> shapely.Polygon:
    """A place amid the scenes."""
    return shapely.Point(scenes(path)[0].footprint.centroid).buffer(0.05)


def stack_of(path: Path) -> Stack:
    (stack,) = group_stacks(scenes(path), area_of(path))
    return stack


@pytest.mark.parametrize("path", SCENES)
def test_scenes_of_a_track_make_one_stack_with_a_pass_for_each_date(path: Path) -> None:
    stack = stack_of(path)
    found = scenes(path)
    assert (stack.track, stack.direction) == (found[0].track, found[0].direction)
    slices = [scene for one in stack.acquisitions for scene in one.scenes]
    assert len(slices) == len(set(slices))
    meeting = {scene.name for scene in found if scene.footprint.intersects(area_of(path))}
    assert {scene.name for scene in slices} == meeting
    assert len(meeting) > 0.95 * len(found)
    passes = {(scene.platform, scene.start.date()) for scene in slices}
    assert len(stack.acquisitions) == len(passes)
    starts = {"S1A": [], "S1B": []}
    for one in stack.acquisitions:
        starts[one.platform].append(one.start)
    for times in starts.values():  # a satellite comes again after whole cycles of 12 days
        for earlier, later in pairwise(times):
            cycles = (later - earlier) / timedelta(days=12)
            assert cycles == pytest.approx(round(cycles), abs=1e-3)


@pytest.mark.parametrize("path", SCENES)
def test_baselines_are_those_of_asf_search(path: Path) -> None:
    """Its own are whole metres with the other sign, and of scenes that begin elsewhere it only extrapolates."""
    frames: dict[int, list[int]] = {}
    for number, scene in enumerate(scenes(path)):
        frames.setdefault(scene.frame, []).append(number)
    differences = []
    for numbers in frames.values():
        made, found = ([made[number] for number in numbers] for made in (products(path), scenes(path)))
        stack, warnings = get_baseline_from_stack(made[0], ASFSearchResults(made))
        assert warnings == []
        theirs = {one.properties["sceneName"]: one.properties["perpendicularBaseline"] for one in stack}
        reference, centre = CatalogAcquisition((found[0],), 1.0), found[0].footprint.centroid
        for scene in found[1:]:
            ours = measure_baseline(reference, CatalogAcquisition((scene,), 1.0), (centre.x, centre.y))
            assert ours is not None, scene.name
            assert ours.source == CATALOGUE
            assert abs(ours.perpendicular) < 400  # the orbital tube is some 200 m wide
            assert 30 < ours.incidence < 46
            differences.append(-theirs[scene.name] - ours.perpendicular)
    assert len(differences) == len(scenes(path)) - len(frames)
    assert max(map(abs, differences)) < 12
    assert abs(statistics.median(differences)) < 3


@pytest.mark.parametrize("path", TRACK)
def test_small_baselines_are_the_pairs_of_asf_search(path: Path) -> None:
    """Given the oldest first: of the newest first it takes all pairs, however long. It rounds to whole metres."""
    stack = stack_of(path).only(lambda one: one.start.year == 2018)
    dates = choose_dates([stack], area_of(path), lambda _: None)
    names = [scene.name for one in dates.stack.acquisitions for scene in one.scenes]
    listed = {one.properties["sceneName"]: one for one in products(path)}
    days, metres = 36, 120
    theirs = SBASNetwork.from_search_results(
        ASFSearchResults([listed[name] for name in names]),
        perpendicular_baseline=metres,
        inseason_temporal_baseline=days,
        bridge_year_threshold=0,
    )
    found = {(one.ref_time.date(), one.sec_time.date()): one.perpendicular_baseline for one in theirs.subset_stack}
    ours = set(small_baseline(dates.days, dates.metres, days, metres))
    assert len(ours & found.keys()) > 50
    for reference, secondary in ours ^ found.keys():  # only those at the limit, and of which it loses the baseline
        mine = abs(dates.metres[secondary] - dates.metres[reference])
        assert abs(mine - metres) < 12 or found.get((reference, secondary)) is None
    network = parse_rule("sequential:3").network(dates.days, dates.metres)
    assert len(network.named_pairs) == len(network.pairs) == 3 * len(dates.days) - 6


@pytest.mark.parametrize("path", TRACK)
def test_a_pair_over_a_span_and_around_an_event_makes_sense(path: Path) -> None:
    stack = stack_of(path)
    area = area_of(path)

    def measure(reference: CatalogAcquisition, secondary: CatalogAcquisition) -> Any:
        return measure_baseline(reference, secondary, common_place(reference, secondary, area))

    days = sorted(one.start for one in stack.acquisitions)
    wish = SpanWish(date(2018, 5, 1), date(2018, 10, 1), "VV")
    best = choose_pair([stack], area, wish, measure).best
    inside = [day for day in days if date(2018, 5, 1) <= day.date() <= date(2018, 10, 1)]
    assert (best.reference.start, best.secondary.start) == (inside[0], inside[-1])
    assert best.coverage == pytest.approx(1)

    event = datetime(2019, 8, 1, 12, tzinfo=UTC)
    wish = EventWish(event, event, (date(2019, 6, 1), date(2019, 10, 1)), "VV")
    best = choose_pair([stack], area, wish, measure).best
    before, after = max(day for day in days if day < event), min(day for day in days if day > event)
    assert (best.reference.start, best.secondary.start) == (before, after)
    assert best.baseline is not None
    assert best.days == 12
    assert best.baseline.height_ambiguity is None or best.baseline.height_ambiguity > 40
