"""Records of the catalogue, and what a query asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import shapely

from dinsar_cli.catalog.scenes import CatalogScene, Query, read_scene
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.roi import parse_roi
from support.catalog_inputs import ROI, record, scene


def product(item: dict[str, Any]) -> Any:
    from asf_search.Products import S1Product

    return S1Product(item)


def read(item: dict[str, Any]) -> CatalogScene:
    made = product(item)
    return read_scene(made.properties, made.umm, made.geometry)


@pytest.mark.parametrize(
    "made",
    [
        scene(),
        scene(mode="1SSV", mission="S1D", track=175),
        scene(direction="ASCENDING", mode="1SDH", slice_number=3),
        replace(scene(), vectors=None, ascending_node=None),
    ],
)
def test_a_record_holds_what_the_catalogue_says(made: Any) -> None:
    assert read(made.granule()) == record(made)


def test_times_keep_their_fractions() -> None:
    item = scene().granule()
    item["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"] = "2023-01-04T03:34:46.987Z"
    assert read(item).start == datetime(2023, 1, 4, 3, 34, 46, 987000, tzinfo=UTC)


@pytest.mark.parametrize("missing", ["PATH_NUMBER", "FRAME_NUMBER", "ASCENDING_DESCENDING", "POLARIZATION"])
def test_track_and_frame_are_never_made_up(missing: str) -> None:
    item = scene().granule()
    kept = [one for one in item["umm"]["AdditionalAttributes"] if one["Name"] != missing]
    assert len(kept) == len(item["umm"]["AdditionalAttributes"]) - 1
    item["umm"]["AdditionalAttributes"] = kept
    with pytest.raises((TypeError, ValueError, KeyError)):
        read(item)


def test_track_is_the_one_of_the_record_not_of_the_orbit_number() -> None:
    made = scene(track=99)
    assert (made.absolute_orbit - 73) % 175 + 1 != 99
    assert read(made.granule()).track == 99


def test_a_footprint_across_the_antimeridian_is_in_two_parts() -> None:
    ring = ((179.0, 10.0), (-179.5, 10.0), (-179.5, 11.0), (179.0, 11.0), (179.0, 10.0))
    footprint = replace(record(scene()), ring=ring).footprint
    assert footprint.geom_type == "MultiPolygon"
    assert footprint.area == pytest.approx(1.5)
    assert footprint.intersects(shapely.box(179.5, 10.2, 179.8, 10.4))
    assert footprint.intersects(shapely.box(-179.9, 10.2, -179.8, 10.4))
    assert not footprint.intersects(shapely.box(0, 10.2, 1, 10.4))


def query(**values: Any) -> Query:
    return Query(parse_roi(ROI), **values)


def test_the_end_includes_its_day_and_years_narrow_the_span() -> None:
    asked = query(start=date(2023, 1, 4), end=date(2023, 1, 16))
    inside = [datetime(2023, 1, 4, tzinfo=UTC), datetime(2023, 1, 16, 23, 59, 59, 999999, tzinfo=UTC)]
    outside = [datetime(2023, 1, 3, 23, 59, 59, tzinfo=UTC), datetime(2023, 1, 17, tzinfo=UTC)]
    assert [asked.includes(moment) for moment in inside + outside] == [True, True, False, False]
    years = query(years=(2018, 2020))
    assert years.span == (date(2018, 1, 1), date(2020, 12, 31))
    assert [years.includes(datetime(year, 6, 1, tzinfo=UTC)) for year in range(2017, 2022)] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert query(start=date(2020, 5, 1), years=(2018, 2020)).span == (date(2020, 5, 1), date(2020, 12, 31))
    assert query().span == (None, None)
    assert query().includes(datetime(1999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"start": date(2024, 1, 2)}, "future"),
        ({"end": date(2013, 12, 31)}, "before the first satellite"),
        ({"start": date(2020, 1, 1), "end": date(2020, 12, 31), "years": (2018,)}, "No day is left"),
        ({"years": (2025,)}, "future"),
    ],
)
def test_days_without_any_scene_are_refused(values: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        query(**values).check(today=date(2024, 1, 1))


def test_an_end_in_the_future_is_told() -> None:
    (note,) = query(end=date(2024, 1, 2)).check(today=date(2024, 1, 1))
    assert "2024-01-02 is in the future" in note
    assert query(end=date(2024, 1, 1)).check(today=date(2024, 1, 1)) == ()
    assert query(years=(2024,)).check(today=date(2024, 1, 1)) == ()
