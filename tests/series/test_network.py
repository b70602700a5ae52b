"""Networks of pairs: rules, parts, what they refuse and with which words, and their file."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.series.network import Network, pair_name, parse_rule, read_network, write_network

FIRST = date(2023, 1, 4)
Record = dict[str, Any]


def days(count: int, step: int = 12) -> list[date]:
    return [FIRST + timedelta(days=step * number) for number in range(count)]


def scattered(count: int, seed: int) -> dict[date, float]:
    """Dates some 12 days apart, of which some are missing, with baselines as in an orbital tube."""
    chooser = random.Random(seed)  # noqa: S311
    dates, day = [], FIRST
    for _ in range(count):
        dates.append(day)
        day += timedelta(days=12 * chooser.choice((1, 1, 1, 2, 5)))
    return {day: chooser.gauss(0.0, 60.0) for day in dates}


@pytest.mark.parametrize("count", [2, 3, 6, 30])
def test_rules_give_as_many_pairs_as_there_must_be(count: int) -> None:
    dates = days(count)
    for neighbours in (1, 2, 3, 40):
        n = min(neighbours, count - 1)
        made = parse_rule(f"sequential:{neighbours}").network(dates[::-1])
        assert len(made.pairs) == n * count - n * (n + 1) // 2
        assert {(dates.index(other) - dates.index(one)) for one, other in made.pairs} == set(range(1, n + 1))
    assert len(parse_rule("all").network(dates).pairs) == count * (count - 1) // 2
    for rule in ("star", f"star:{dates[-1]:%Y%m%d}", f"star:{dates[0]}"):
        made = parse_rule(rule).network(dates)
        assert len(made.pairs) == count - 1
        assert max(made.degrees.values()) == count - 1


def test_a_star_is_about_the_date_that_is_nearest_to_all() -> None:
    dates = [*days(4), FIRST + timedelta(days=400)]
    made = parse_rule("star").network(dates)
    assert max(made.degrees, key=made.degrees.__getitem__) == dates[2]


@pytest.mark.parametrize("seed", range(6))
def test_small_baselines_are_all_pairs_within_the_limits(seed: int) -> None:
    known = scattered(15, seed)
    made = parse_rule("small-baseline:200,180").network(list(known), known)
    within = {
        (one, other)
        for one, other in combinations(sorted(known), 2)
        if (other - one).days <= 200 and abs(known[other] - known[one]) <= 180
    }
    assert set(made.pairs) == within
    for pair in made.pairs:
        assert made.baseline_of[pair] == known[pair[1]] - known[pair[0]]


@pytest.mark.parametrize("seed", range(6))
def test_a_degree_takes_the_shortest_and_never_what_holds_the_network_together(seed: int) -> None:
    known = scattered(20, seed)
    rule = "small-baseline:200,180"
    whole, thinned = (parse_rule(text).network(list(known), known) for text in (rule, f"{rule},3"))
    assert set(thinned.pairs) < set(whole.pairs)
    links = {pair for pair in whole.pairs if _links(pair, whole, known)}
    assert links <= set(thinned.pairs)
    for day in known:
        around = [pair for pair in thinned.pairs if day in pair]
        needed = len(links.intersection(around))
        assert len(around) <= max(3, needed)
    for pair in set(whole.pairs) - set(thinned.pairs):
        assert any(thinned.degrees[day] >= 3 for day in pair)


def test_a_degree_is_shared_evenly() -> None:
    """With all baselines equal, the first and last date are not left with one pair while those amid are full."""
    dates = days(6)
    made = parse_rule("small-baseline:36,100,3").network(dates, dict.fromkeys(dates, 0.0))
    assert set(made.degrees.values()) <= {2, 3}


def _links(pair: tuple[date, date], whole: Network, known: dict[date, float]) -> bool:
    """Tell whether a pair is of the shortest that connect all: shorter ones leave its dates in different parts."""

    def length(one: tuple[date, date]) -> tuple[int, float]:
        return (one[1] - one[0]).days, abs(known[one[1]] - known[one[0]])

    shorter = tuple(other for other in whole.pairs if length(other) < length(pair))
    return any(len(set(pair) & set(part)) == 1 for part in Network(whole.dates, shorter).parts)


def test_two_neighbours_of_six_dates_name_five_of_nine_pairs() -> None:
    """The first and the last date are in one triangle only, with two pairs each that no other triangle sees."""
    dates = days(6)
    made = parse_rule("sequential:2").network(dates)
    assert (len(made.pairs), made.triangle_number, len(made.triangles)) == (9, 4, 4)
    assert len(made.named_pairs) == 5
    assert made.open_pairs == ()
    first, last = (dates[0], dates[1]), (dates[4], dates[5])
    assert made.mistakable[first] == ((dates[0], dates[2]),)
    assert made.mistakable[last] == ((dates[3], dates[5]),)
    assert made.least_connected == (dates[0], dates[5])
    three = parse_rule("sequential:3").network(dates)
    assert len(three.named_pairs) == len(three.pairs)


def test_two_hundred_dates_are_counted() -> None:
    dates = days(200, 6)
    everything = parse_rule("all").network(dates)
    assert everything.triangle_number == 200 * 199 * 198 // 6
    assert len(everything.named_pairs) == len(everything.pairs)
    assert len(everything.parts) == 1
    assert set(parse_rule("sequential:1").network(dates).triangle_counts.values()) == {0}


def refusal(make: Callable[[], object]) -> DinsarError:
    with pytest.raises(DinsarError) as raised:
        make()
    for part in (raised.value.problem, raised.value.cause, raised.value.remedy):
        assert len(part) > 10
        assert "\n" not in part
    return raised.value


@pytest.mark.parametrize("limits", ["24,60", "12,10", "300,5", "5,5", "24,60,3"])
@pytest.mark.parametrize("count", [5, 30, 200])
def test_small_baselines_in_parts_are_refused_with_limits_that_connect(count: int, limits: str) -> None:
    known = scattered(count, count)
    error = refusal(lambda: parse_rule(f"small-baseline:{limits}").network(list(known), known))
    assert isinstance(error, NoDataError)
    first, second = (line.partition(": ")[2].split(", ")[0] for line in error.details[:2])
    assert f"{first}" in error.cause
    assert f"{second}" in error.cause
    assert len(error.details) <= 10
    (better,) = re.findall(r"small-baseline:\S+(?=, which)", error.remedy)
    assert len(parse_rule(better).network(list(known), known).parts) == 1


def test_a_list_in_parts_is_refused_with_the_pairs_that_connect() -> None:
    dates = days(6)
    text = "20230104_20230116,20230128_20230209,20230221_20230305"
    error = refusal(lambda: parse_rule(text).network(dates))
    assert "2023-01-04, 2023-01-16; and 2023-01-28, 2023-02-09, and 1 more" in error.cause
    (more,) = re.findall(r"Add to the list: (\S+)\.", error.remedy)
    made = parse_rule(f"{text},{more}").network(dates)
    assert len(made.pairs) == 5
    assert made.rule == "list"


def test_a_list_leaves_out_the_dates_that_it_does_not_name() -> None:
    made = parse_rule("2023-01-16_2023-01-28 20230128_20230209").network(days(6))
    assert made.dates == tuple(days(6)[1:4])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("sequental:3", ("sequental:3", "sequential:N", "sequential:3")),
        ("sequential", ("sequential", "how many next dates")),
        ("sequential:0", ("sequential:0",)),
        ("sequential:2.5", ("sequential:2.5",)),
        ("small-baseline:48", ("days and metres",)),
        ("small-baseline:48,-3", ("days and metres",)),
        ("small-baseline:48,nan", ("days and metres",)),
        ("small-baseline:48,100,0", ("days and metres",)),
        ("star:2023-13-01", ("not a date",)),
        ("all:2", ("takes no value",)),
        ("", ("is not known",)),
        ("20230104_20230104", ("the same",)),
        ("20230116_20230104", ("later than its secondary",)),
        ("20230104_20230116,20230104_20230116", ("20230104_20230116", "twice")),
        ("20230104_20230116_20230128", ("two dates",)),
        ("20230104_20230230", ("two dates",)),
    ],
)
def test_rules_that_are_none_are_refused(rule: str, words: tuple[str, ...]) -> None:
    error = refusal(lambda: parse_rule(rule))
    assert isinstance(error, UsageError)
    for word in words:
        assert word in str(error)
    (example,) = re.findall(r"(?:such as|like) (\S+?)[,.]?(?:$|,? the earlier)", error.remedy)
    parse_rule(example)


@pytest.mark.parametrize(
    ("rule", "dates", "words"),
    [
        ("star:20230105", days(3), ("2023-01-05", "2023-01-04, 2023-01-16")),
        ("20230104_20230117", days(3), ("2023-01-17", "3 dates")),
        ("all", [*days(3), FIRST], ("2023-01-04", "same date")),
        ("all", days(1), ("one, 2023-01-04",)),
        ("all", [], ("none",)),
    ],
)
def test_rules_that_do_not_fit_the_dates_are_refused(rule: str, dates: list[date], words: tuple[str, ...]) -> None:
    error = refusal(lambda: parse_rule(rule).network(dates))
    for word in words:
        assert word in str(error)


def test_unknown_baselines_are_named_and_other_rules_go_on() -> None:
    dates = days(5)
    known: dict[date, float | None] = dict.fromkeys(dates, 10.0) | {dates[2]: None}
    error = refusal(lambda: parse_rule("small-baseline:48,100").network(dates, known))
    assert f"{dates[2]}" in error.cause
    (rule,) = re.findall(r"sequential:\d", error.remedy)
    made = parse_rule(rule).network(dates, known)
    assert made.baselines == (10.0, 10.0, None, 10.0, 10.0)
    assert [made.baseline_of[pair] is None for pair in made.pairs] == [dates[2] in pair for pair in made.pairs]
    refusal(lambda: parse_rule("small-baseline:48,100").network(dates))


def example() -> Network:
    dates = days(4)
    baselines = (0.0, 31.25, None, -80.5)
    pairs = ((dates[0], dates[1]), (dates[0], dates[2]), (dates[1], dates[2]), (dates[2], dates[3]))
    return Network(tuple(dates), pairs, "list", baselines, (0.5, None, 0.25, 1.0), "T021D", "VV")


def test_a_file_gives_the_network_back(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    write_network(path, example(), summary={"pairs": 4}, notes=["a note"])
    assert read_network(path) == example()
    record = json.loads(path.read_text())
    record["dates"].reverse()
    record["pairs"].reverse()
    path.write_text(json.dumps(record))
    assert read_network(path) == example()


def changed(place: str, value: object) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
        inner: Any = record
        for step in way:
            inner = inner[step]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value

    return change


@pytest.mark.parametrize(
    ("place", "value", "word"),
    [
        ("schema", ..., "'schema'"),
        ("schema", 2, "schema is 2"),
        ("dates", ..., "'dates'"),
        ("dates", {}, "must be a list"),
        ("dates", [], "no date"),
        ("dates.1", "2023-01-16", "Entry 2 of dates"),
        ("dates.1.date", "2023-02-30", "2023-02-30"),
        ("dates.1.date", 20230116, "20230116"),
        ("dates.1.date", "2023-01-04", "2023-01-04 is in it twice"),
        ("dates.1.perpendicular_baseline_m", "31", "'31'"),
        ("dates.1.perpendicular_baseline_m", True, "True"),
        ("dates.1.perpendicular_baseline_m", float("nan"), "baseline is not a number"),
        ("dates.1.baseline", 3, "unknown key 'baseline'"),
        ("pairs", None, "must be a list"),
        ("pairs.0.reference", ..., "'reference'"),
        ("pairs.0.refrence", "2023-01-04", "perhaps reference is meant"),
        ("pairs.0.secondary", "2023-01-05", "20230104_20230105 has the date 2023-01-05"),
        ("pairs.0.secondary", "2023-01-04", "of one date with itself"),
        ("pairs.0.secondary", "2023-01-28", "20230104_20230128 is in it twice"),
        ("pairs.0.reference", "2023-02-09", "later date as reference"),
        ("pairs.0.expected_coherence", 1.5, "between 0 and 1"),
        ("pairs.0.expected_coherence", [], "[]"),
        ("track", 21, "track must be text"),
        ("pairs.3", ..., "2 parts"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_entry(
    tmp_path: Path, place: str, value: object, word: str
) -> None:
    record = example().to_dict()
    changed(place, value)(record)
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(record))
    error = refusal(lambda: read_network(path))
    assert str(path) in error.problem
    assert word in error.cause


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"{", b"\x00" * 100, b"<html></html>", b"[" * 100_000])
def test_what_is_no_file_of_a_network_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "network.json"
    path.write_bytes(content)
    assert str(path) in refusal(lambda: read_network(path)).problem
    assert "absent.json" in refusal(lambda: read_network(tmp_path / "absent.json")).problem


def test_names_of_pairs_are_a_rule() -> None:
    made = example()
    again = parse_rule(",".join(map(pair_name, made.pairs))).network(made.dates)
    assert again.pairs == made.pairs
