"""The dates of a network: which go together, and which are set aside with words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.stacks import group_stacks
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.plan.network_dates import NetworkDates, choose_dates
from support.catalog_inputs import DOWN, FIRST, ROI, archive_scenes, record, scene

AREA = parse_roi(ROI).geometry


def chosen(scenes: list[CatalogScene], polarization: str | None = None, *left_out: date) -> NetworkDates:
    return choose_dates(group_stacks(scenes, AREA), AREA, lambda _: None, polarization, left_out)


def dates_of(scenes: list[CatalogScene]) -> list[date]:
    return sorted({one.start.date() for one in scenes})


def archive(track: int) -> list[CatalogScene]:
    return [record(one) for one in archive_scenes() if one.path == track]


def test_the_track_that_covers_most_is_chosen_and_the_other_is_named() -> None:
    found = chosen([*archive(14), *archive(21)])
    assert found.stack.name == "T021D"
    assert list(found.days) == dates_of(archive(21))
    assert found.polarization == "VV"
    assert found.set_aside == ()
    assert "T014A, covers 63% on 6 dates: take it with --track 14 --direction ascending." in found.reason


def test_baselines_are_those_of_the_flights() -> None:
    """Each date flies 40 m to the right of the one before it."""
    found = chosen(archive(21))
    assert found.sources == {"catalogue": 6}
    for number, day in enumerate(found.days):
        expected = DOWN.perpendicular(40.0 * number) if number else 0.0
        assert found.metres[day] == pytest.approx(expected, abs=0.1)


def test_a_date_without_state_vectors_has_no_baseline_even_if_it_is_the_first() -> None:
    scenes = archive(21)
    for lacking in (0, 2):
        day = dates_of(scenes)[lacking]
        found = chosen([replace(one, vectors=()) if one.start.date() == day else one for one in scenes])
        assert [found.metres[other] is None for other in found.days] == [other == day for other in found.days]
        assert found.sources == {"catalogue": 5, "unknown": 1}
        rest = [metres for metres in found.metres.values() if metres is not None]
        assert max(rest) - min(rest) == pytest.approx(abs(DOWN.perpendicular(200.0 if lacking else 160.0)), abs=0.1)


def test_another_polarization_is_set_aside_and_named() -> None:
    scenes = archive(21)
    day = dates_of(scenes)[2]
    mixed = [replace(one, polarizations=("HH", "HV")) if one.start.date() == day else one for one in scenes]
    found = chosen(mixed)
    assert day not in found.days
    (told,) = found.set_aside
    assert f"{day}" in told
    assert "HH+HV, not VV" in told
    with pytest.raises(NoDataError) as raised:
        chosen(mixed, "HH")
    assert f"Usable are: {day}" in raised.value.cause
    assert len(raised.value.details) == 5


def test_dates_that_see_less_ground_are_set_aside_and_named() -> None:
    half = [
        record(scene(FIRST + timedelta(days=12 * cycle), shift=(0, -0.9 if cycle == 1 else 0)))
        for cycle in range(4)
    ]
    found = chosen(half)
    assert list(found.days) == [day for day in dates_of(half) if day != dates_of(half)[1]]
    assert "of the ground that 2023-01-04 sees" in found.set_aside[0]
    shared = half[1].footprint.intersection(AREA).area / AREA.area
    assert f"covers {shared:.0%}" in found.set_aside[0]
    assert shared < 0.95


def test_an_area_that_no_date_covers_whole_does_not_set_aside_what_covers_as_much() -> None:
    found = chosen(archive(14))
    assert len(found.days) == 6
    assert found.set_aside == ()


def test_of_two_passes_of_one_date_one_is_used() -> None:
    scenes = archive(21)
    twin = record(scene(FIRST + timedelta(hours=1), mission="S1C"))
    found = chosen([*scenes, twin])
    assert list(found.days) == dates_of(scenes)
    (told,) = found.set_aside
    assert told.startswith("S1C 2023-01-04")
    assert "same date as S1A 2023-01-04 03:34" in told


def test_slices_of_a_pass_are_one_date() -> None:
    found = chosen(
        [record(scene(FIRST + timedelta(days=12 * day), slice_number=n)) for day in (0, 1) for n in (0, 1)]
    )
    assert len(found.days) == 2


def test_dates_are_left_out_as_asked_for() -> None:
    scenes = archive(21)
    day = dates_of(scenes)[1]
    found = chosen(scenes, None, day)
    assert list(found.days) == [other for other in dates_of(scenes) if other != day]
    assert found.set_aside == ()
    with pytest.raises(UsageError) as raised:
        chosen(scenes, None, date(2023, 1, 17))
    assert "2023-01-16 and 2023-01-28" in raised.value.cause


def test_one_date_is_no_network() -> None:
    with pytest.raises(NoDataError) as raised:
        chosen(archive(21)[:1])
    assert "Usable are: 2023-01-04" in raised.value.cause
    assert "T021D, dates: 1 (VV/VH)" in raised.value.cause
