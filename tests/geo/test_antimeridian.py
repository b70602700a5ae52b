"""On which side of 180 degrees things lie, and the one refusal of areas on both sides."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, box

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import beside, crosses, near, no_crossing
from dinsar_cli.geo.roi import parse_roi


def test_longitudes_move_by_whole_turns_only_and_as_near_as_they_can() -> None:
    generator = np.random.default_rng(1)
    longitude, middle = generator.uniform(-720, 720, 2000), generator.uniform(-180, 180, 2000)
    for one, other in zip(longitude, middle, strict=True):
        moved = near(float(one), float(other))
        assert abs(moved - other) <= 180.0
        turns = (moved - one) / 360.0
        assert turns == pytest.approx(round(turns), abs=1e-12)
    inside = generator.uniform(-90, 90, 2000)
    np.testing.assert_array_equal(near(inside, 20.0), inside)  # not a bit of them changes
    assert np.isnan(near(np.array([np.nan]), 0.0)).all()


def test_a_half_open_range_has_each_meridian_once() -> None:
    assert near(180.0, 0.0) == -180.0
    assert near(-180.0, 0.0) == -180.0
    assert near(-180.0, 0.1) == 180.0


def test_a_footprint_cut_at_180_is_whole_again_on_either_side() -> None:
    cut = MultiPolygon([box(179, 10, 180, 11), box(-180, 10, -179.5, 11)])
    east, west = beside(cut, 179.5), beside(cut, -179.8)
    assert east.equals(box(179, 10, 180.5, 11))
    assert west.equals(box(-181, 10, -179.5, 11))
    assert beside(east, -170.0).equals(west)
    assert beside(box(10, 0, 11, 1), 12.0).equals(box(10, 0, 11, 1))


@pytest.mark.parametrize(("bounds", "wanted"), [
    ((179.0, 0.0, 180.0, 1.0), False), ((-180.0, 0.0, -179.0, 1.0), False), ((179.0, 0.0, 180.1, 1.0), True),
    ((-180.1, 0.0, -179.0, 1.0), True),
])  # fmt: skip
def test_what_ends_at_180_is_on_one_side(bounds: tuple[float, float, float, float], wanted: bool) -> None:
    assert crosses(bounds) is wanted


BOTH_SIDES = ("179.2 -17 -179.5 -16", "179.2 -17 180.5 -16", "-180.8 -17 -179.5 -16")


@pytest.mark.parametrize("text", BOTH_SIDES)
def test_the_two_areas_of_the_remedy_are_the_area(text: str) -> None:
    """However it is written: 0.8 degrees on one side and 0.5 on the other."""
    with pytest.raises(UsageError, match="antimeridian") as caught:
        parse_roi(text)
    east, west = (parse_roi(part) for part in re.findall(r"--roi '(.+?)'", caught.value.remedy))
    assert (east.bounds, west.bounds) == ((179.2, -17, 180, -16), (-180, -17, -179.5, -16))


@pytest.mark.parametrize(("text", "meant"), [
    ("180 -17 -179 -16", "-180 -17 -179 -16"), ("179 -17 -180 -16", "179 -17 180 -16"),
    ("190 -17 191 -16", "-170 -17 -169 -16"),
])  # fmt: skip
def test_a_box_on_one_side_in_other_words_is_given_in_the_right_ones(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match="not a box") as caught:
        parse_roi(text)
    (shown,) = re.findall(r"--roi '(.+?)'", caught.value.remedy)
    assert shown == meant
    assert parse_roi(shown).bounds == tuple(map(float, meant.split()))


def test_all_ways_to_ask_for_one_area_are_refused_alike(tmp_path: Path) -> None:
    ring = "179.2 -17,-179.5 -17,-179.5 -16,179.2 -16,179.2 -17"
    file = tmp_path / "area.geojson"
    file.write_text(shapely.to_geojson(shapely.from_wkt(f"POLYGON(({ring}))")))
    said = set()
    for text in (*BOTH_SIDES, f"POLYGON(({ring}))", str(file)):
        with pytest.raises(UsageError) as caught:
            parse_roi(text)
        said.add((caught.value.cause, caught.value.remedy))
    footprint = no_crossing("What both dates see", (179.2, -17.0, 180.5, -16.0))
    assert said == {(footprint.cause, footprint.remedy)}


@pytest.mark.skipif("DINSAR_TEST_DATA" not in os.environ, reason="DINSAR_TEST_DATA names no folder of real data")
def test_a_real_kml_file_across_180_gives_two_areas() -> None:
    with pytest.raises(UsageError, match="antimeridian") as caught:
        parse_roi(str(Path(os.environ["DINSAR_TEST_DATA"]) / "roi" / "antimeridian.kml"))
    east, west = (parse_roi(part) for part in re.findall(r"--roi '(.+?)'", caught.value.remedy))
    assert east.bounds[2] == 180.0
    assert west.bounds[0] == -180.0
