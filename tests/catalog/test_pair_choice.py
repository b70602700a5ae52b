"""Which pair is chosen, and why: pure rules on records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import shapely

from dinsar_cli.catalog.baselines import Baseline
from dinsar_cli.catalog.pair_choice import Choice, choose_pair
from dinsar_cli.catalog.pair_wish import DatesWish, EventWish, SpanWish, Wish, wish_of
from dinsar_cli.catalog.stacks import CatalogAcquisition, group_stacks
from dinsar_cli.config.file import build_config
from dinsar_cli.errors import NoDataError, UsageError
from support.archive import Scene
from support.catalog_inputs import FIRST, record, scene

AREA = shapely.box(37.0, 37.0, 37.4, 37.4)
WEST = (-1.4, 0.0)  # covers 63 % of the area


def on(days: float, **values: object) -> Scene:
    return scene(FIRST + timedelta(days=days), **values)  # type: ignore[arg-type]


def unknown(_reference: CatalogAcquisition, _secondary: CatalogAcquisition) -> Baseline | None:
    return None


def choose(
    scenes: list[Scene],
    wish: Wish,
    measure: Callable[[CatalogAcquisition, CatalogAcquisition], Baseline | None] = unknown,
) -> Choice:
    return choose_pair(group_stacks([record(one) for one in scenes], AREA), AREA, wish, measure)


def day(number: int) -> date:
    return (FIRST + timedelta(days=number)).date()


def test_a_span_gives_the_first_and_the_last_date_in_it() -> None:
    scenes = [on(12 * number) for number in range(8)]
    choice = choose(scenes, SpanWish(day(12), day(60)))
    assert choice.best.name == "T021D_20230116_20230305"
    assert choice.best.days == 48
    assert choice.best.polarization == "VV"
    assert (choice.candidates[0], choice.best.why_not) == (choice.best, "")
    assert choice.candidates[1].why_not == "12 days less of the span"
    assert all(one.reference.start < one.secondary.start for one in choice.candidates)
    names = [one.name for one in choice.candidates]
    assert len(names) == len(set(names))


def test_the_track_that_covers_most_goes_before_nearer_dates() -> None:
    near = [on(0, track=14, shift=WEST), on(48, track=14, shift=WEST)]
    far = [on(6), on(42)]
    choice = choose(near + far, SpanWish(day(0), day(48)))
    assert choice.best.name == "T021D_20230110_20230215"
    assert "T014D_20230104_20230221: covers 63 %" in choice.reason
    assert "covers 100 % of the area" in choice.reason
    alone = choose(near, SpanWish(day(0), day(48)))
    assert alone.best.coverage == pytest.approx(0.63, abs=0.01)
    assert "The pair covers 63 % of the area." in alone.warnings


def test_a_date_that_covers_less_is_passed_over() -> None:
    scenes = [on(0, shift=WEST), on(12), on(24), on(36, shift=WEST)]
    choice = choose(scenes, SpanWish(day(0), day(36)))
    assert choice.best.name == "T021D_20230116_20230128"


def test_coverage_that_is_nearly_equal_leaves_the_dates_to_decide() -> None:
    scenes = [on(0, shift=(-1.23, 0.0)), on(12), on(24)]
    choice = choose(scenes, SpanWish(day(0), day(24)))
    assert 0.97 < choice.best.coverage < 0.995
    assert choice.best.name == "T021D_20230104_20230128"


def test_coverage_is_that_of_both_dates_together() -> None:
    scenes = [on(0, shift=WEST), on(12, shift=(1.3, 0.0))]
    stacks = group_stacks([record(one) for one in scenes], AREA)
    (one, other) = stacks[0].acquisitions
    choice = choose(scenes, SpanWish(day(0), day(12)))
    common = one.footprint.intersection(other.footprint).intersection(AREA).area / AREA.area
    assert choice.best.coverage == pytest.approx(common)
    assert common < min(one.coverage, other.coverage)


def test_an_event_gives_the_shortest_pair_around_it() -> None:
    scenes = [on(12 * number) for number in range(6)]
    moment = FIRST + timedelta(days=30)
    choice = choose(scenes, EventWish(moment, moment, (day(0), day(60))))
    assert choice.best.name == "T021D_20230128_20230209"
    assert choice.candidates[1].why_not == "12 days longer"
    other = [on(27, track=94), on(33, track=94)]
    assert (
        choose(scenes + other, EventWish(moment, moment, (day(0), day(60)))).best.name == "T094D_20230131_20230206"
    )


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (-1, "T021D_20230104_20230116"),
        (10, "T021D_20230104_20230128"),  # while it was acquired
        (28, "T021D_20230116_20230128"),
    ],
)
def test_a_pass_on_the_day_of_the_event_counts_by_its_time(seconds: float, name: str) -> None:
    scenes = [on(0), on(12), on(24)]
    moment = FIRST + timedelta(days=12, seconds=seconds)
    choice = choose(scenes, EventWish(moment, moment, (day(0), day(24))))
    assert choice.best.name == name


def test_without_the_time_a_pass_on_the_day_of_the_event_is_not_used() -> None:
    wish = wish_of(build_config(None, {"event": "2023-01-16"}))
    choice = choose([on(0), on(12), on(24)], wish)
    assert choice.best.name == "T021D_20230104_20230128"
    assert any("S1A 2023-01-16 03:34" in warning and "time of day" in warning for warning in choice.warnings)


def test_given_dates_are_taken_in_any_order_by_day_or_product() -> None:
    scenes = [on(0), on(12), on(24)]
    names = "T021D_20230104_20230128"
    assert choose(scenes, DatesWish(day(24), day(0))).best.name == names
    assert choose(scenes, DatesWish(scenes[2].name, day(0))).best.name == names
    older = scenes[0].name.replace("ABCD", "0000")  # another processing of the same pass
    assert choose(scenes, DatesWish(older, scenes[2].name)).best.name == names


def test_equal_pairs_are_told_apart_by_expected_coherence() -> None:
    scenes = [on(0), on(12), on(0.25, track=94), on(12.25, track=94)]

    def measure(reference: CatalogAcquisition, _secondary: CatalogAcquisition) -> Baseline:
        return Baseline(2000.0 if reference.track == 21 else -10.0, 870e3, 39.0, "POEORB")

    choice = choose(scenes, DatesWish(day(0), day(12)), measure)
    assert choice.best.name == "T094D_20230104_20230116"
    assert choice.candidates[1].why_not.startswith("lower expected coherence")
    assert choice.best.quality == "good"
    assert choice.candidates[1].quality == "fair"


def test_polarizations_must_be_shared() -> None:
    scenes = [on(0, mode="1SDV"), on(12, mode="1SSH"), on(24, mode="1SSV"), on(36, mode="1SDH")]
    wish = SpanWish(day(0), day(36))
    assert choose(scenes, wish).best.name == "T021D_20230104_20230128"
    assert choose(scenes, replace(wish, polarization="HH")).best.name == "T021D_20230116_20230209"
    with pytest.raises(NoDataError, match="here with VH") as caught:
        choose(scenes, replace(wish, polarization="VH"))
    assert "T021D with 4 dates" in caught.value.cause


@pytest.mark.parametrize(
    ("scenes", "word"),
    [
        ([], "The archive has no IW SLC scene"),
        ([on(0)], "T021D with 1 date (VV/VH, covers 100 %): 2023-01-04"),
        ([on(0), scene(slice_number=1)], "T021D with 1 date"),
        ([on(0), on(12, track=14)], "T014D with 1 date"),
        ([on(0), on(0.4, mission="S1B")], "T021D with 2 dates"),
        ([on(0), on(12, direction="ASCENDING")], "T021A with 1 date"),
        ([on(0), on(200)], "2023-07-23"),
    ],
)
def test_no_pair_says_what_there_is(scenes: list[Scene], word: str) -> None:
    with pytest.raises(NoDataError) as caught:
        choose(scenes, SpanWish(day(0), day(30)))
    assert word in caught.value.cause
    assert "2023-01-04 to 2023-02-03" in caught.value.problem


def test_two_dates_that_see_different_parts_of_the_area_are_no_pair() -> None:
    scenes = [on(0, shift=(-1.6, 0.0)), on(12, shift=(1.6, 0.0))]
    assert len(group_stacks([record(one) for one in scenes], AREA)[0].acquisitions) == 2
    with pytest.raises(NoDataError, match="no Sentinel-1 pair"):
        choose(scenes, SpanWish(day(0), day(12)))


@pytest.mark.parametrize(
    ("start", "missions", "word"),
    [
        (datetime(2025, 4, 30, 3, 34, 46, tzinfo=UTC), ("S1A", "S1A"), "2025-04-30 have a known defect"),
        (datetime(2025, 4, 18, 3, 34, 46, tzinfo=UTC), ("S1A", "S1A"), "2025-04-30 have a known defect"),
        (datetime(2026, 3, 1, 3, 34, 46, tzinfo=UTC), ("S1D", "S1C"), "S1C with S1D"),
        (datetime(2015, 5, 1, 3, 34, 46, tzinfo=UTC), ("S1A", "S1A"), "out of step"),
    ],
)
def test_known_troubles_are_told(start: datetime, missions: tuple[str, str], word: str) -> None:
    scenes = [scene(start + timedelta(days=12 * number), mission=name) for number, name in enumerate(missions)]
    span = SpanWish(start.date(), (start + timedelta(days=12)).date())
    assert any(word in warning for warning in choose(scenes, span).warnings)


def test_an_ordinary_pair_has_no_warning_but_the_unknown_baseline() -> None:
    wish = SpanWish(day(0), day(12))
    known = Baseline(-50.0, 870e3, 39.0, "POEORB")
    assert choose([on(0), on(12, mission="S1C")], wish, lambda _one, _other: known).warnings == ()
    (warning,) = choose([on(0), on(12)], wish).warnings
    assert "baseline is not known" in warning
    assert choose([on(0), on(12)], wish).bursts.startswith("in step as far as the catalogue can tell")


def wish(**values: object) -> Wish:
    return wish_of(build_config(None, values))


def test_what_is_asked_for_decides_the_kind_and_the_days_to_search() -> None:
    assert wish(start="2023-01-01", end="2023-02-01", polarization="vh") == SpanWish(
        date(2023, 1, 1), date(2023, 2, 1), "VH"
    )
    event = wish(event="2023-02-06T01:17:34")
    assert isinstance(event, EventWish)
    assert event.days == (date(2022, 12, 8), date(2023, 4, 7))
    assert wish(event="2023-02-06", start="2022-01-01").days[0] == date(2022, 1, 1)
    assert wish(reference="2023-03-01", secondary="2023-02-01").days == (date(2023, 1, 20), date(2023, 3, 13))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, "there is no start and end"),
        ({"start": "2023-01-01"}, "there is no end"),
        ({"reference": "2023-01-01"}, "--secondary is missing"),
        ({"secondary": "2023-01-01", "start": "2022-01-01"}, "--reference is missing"),
        ({"reference": "2023-01-01", "secondary": "2023-01-01"}, "Both dates are of 2023-01-01"),
        ({"reference": "2023-01-01", "secondary": "2023-01-13", "event": "2023-01-05"}, "exclude each other"),
        ({"reference": "S1A_IW_SLC__whatever", "secondary": "2023-01-13"}, "not the name of a Sentinel-1 product"),
    ],
)
def test_half_a_wish_is_refused(values: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        wish(**values)
