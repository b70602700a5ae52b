"""Scenes grouped into acquisitions and stacks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import shapely

from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.stacks import group_stacks
from support.catalog_inputs import FIRST, record, scene

AREA = shapely.box(37.0, 37.0, 37.4, 37.4)
LONG = shapely.box(37.0, 33.4, 37.4, 37.4)  # three slices of the descending track


def slices(*numbers: int) -> list[CatalogScene]:
    return [record(scene(slice_number=number)) for number in numbers]


def test_slices_of_a_pass_are_one_acquisition_and_only_those_that_meet_the_area() -> None:
    (stack,) = group_stacks(slices(0, 1, 2), LONG)
    (one,) = stack.acquisitions
    assert [made.name for made in one.scenes] == [made.name for made in slices(0, 1, 2)]
    assert one.stop - one.start == timedelta(seconds=77)
    assert stack.frames == (470, 475, 480)
    (narrow,) = group_stacks(slices(0, 1, 2), AREA)
    assert [made.frame for made in narrow.acquisitions[0].scenes] == [470]
    assert narrow.coverage == 1.0


def test_what_lies_between_slices_that_meet_the_area_stays() -> None:
    ends = shapely.MultiPolygon([AREA, shapely.box(37.0, 33.8, 37.4, 34.2)])
    inner = replace(slices(1)[0], ring=((50.0, 0.0), (51.0, 0.0), (51.0, 1.0), (50.0, 1.0), (50.0, 0.0)))
    (stack,) = group_stacks([slices(0)[0], inner, slices(2)[0]], ends)
    assert len(stack.acquisitions[0].scenes) == 3
    assert stack.acquisitions[0].coverage == pytest.approx(1.0)


def test_a_missing_slice_leaves_the_part_that_covers_most() -> None:
    area = shapely.MultiPolygon([AREA, shapely.box(37.0, 33.9, 37.2, 34.1)])
    (stack,) = group_stacks(slices(0, 2), area)
    (one,) = stack.acquisitions
    assert [made.frame for made in one.scenes] == [470]
    assert one.coverage == pytest.approx(0.16 / (0.16 + 0.04))
    (note,) = one.notes
    assert "slices are missing" in note
    assert "1 beyond the gap" in note


def test_the_newest_processing_wins() -> None:
    old = slices(0)[0]
    assert old.processed is not None
    new = replace(
        old,
        name=old.name.replace("ABCD", "0001"),
        processed=old.processed + timedelta(days=400),
        start=old.start + timedelta(seconds=1),
    )
    undated = replace(old, name=old.name.replace("ABCD", "FFFF"), processed=None)
    for order in ([old, new, undated], [undated, new, old], [new, old, undated]):
        (stack,) = group_stacks([*order, *slices(1)], LONG)
        assert [made.name for made in stack.acquisitions[0].scenes] == [new.name, slices(1)[0].name]


def test_tracks_directions_and_satellites_are_kept_apart() -> None:
    scenes = [
        record(scene()),
        record(scene(FIRST + timedelta(days=6), mission="S1B")),
        record(scene(FIRST + timedelta(days=1), track=14, direction="ASCENDING", shift=(-1.4, 0.0))),
        record(scene(FIRST + timedelta(days=2), track=94)),
        record(scene(FIRST + timedelta(days=14), track=94)),
    ]
    stacks = group_stacks(scenes, AREA)
    assert [stack.name for stack in stacks] == ["T021D", "T094D", "T014A"]
    assert [len(stack.acquisitions) for stack in stacks] == [2, 2, 1]
    assert stacks[0].platforms == ("S1A", "S1B")
    assert stacks[0].bytes == 8_000_000_000
    for order in itertools.permutations(scenes):
        assert group_stacks(order, AREA) == stacks


def test_coverage_of_a_stack_is_what_a_pair_can_have() -> None:
    whole = record(scene())
    half = record(scene(FIRST + timedelta(days=12), shift=(-1.4, 0.0)))
    (stack,) = group_stacks([whole, half], AREA)
    by_hand = half.footprint.intersection(AREA).area / AREA.area
    assert 0.2 < by_hand < 0.9
    assert stack.coverage == pytest.approx(by_hand)
    (alone,) = group_stacks([whole], AREA)
    assert alone.coverage == 1.0


def test_a_pass_across_midnight_is_of_the_day_on_which_it_starts() -> None:
    late = FIRST.replace(hour=23, minute=59, second=40)
    scenes = [record(scene(late, slice_number=number)) for number in (0, 1, 2)]
    assert scenes[2].start.day == late.day + 1
    (stack,) = group_stacks(scenes, LONG, lambda start: start.date() == late.date())
    assert len(stack.acquisitions[0].scenes) == 3
    assert group_stacks(scenes, LONG, lambda start: start.date() > late.date()) == ()


def test_polarizations_are_those_of_all_slices_and_versions_are_told() -> None:
    other = record(scene(slice_number=1, mode="1SSV"))
    (stack,) = group_stacks([*slices(0), replace(other, ipf="002.36")], LONG)
    (one,) = stack.acquisitions
    assert one.polarizations == {"VV"}
    assert stack.polarizations == ("VV",)
    assert any("002.36 and 003.61" in note for note in one.notes)


def test_what_only_touches_the_area_is_left_out() -> None:
    footprint = shapely.box(36.0, 37.0, 37.0, 37.4)
    beside = replace(record(scene()), ring=tuple(footprint.exterior.coords))
    assert beside.footprint.intersects(AREA)
    assert group_stacks([beside], AREA) == ()
    assert group_stacks([], AREA) == ()
