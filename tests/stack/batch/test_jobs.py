"""The file of a batch: what it expands to, and that all wrong rows are named before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli.cli.options import FLAGS
from dinsar_cli.errors import UsageError
from dinsar_cli.stack.batch.jobs import BatchJob, read_batch
from support.command import Outcome

EXAMPLES = Path(dinsar_cli.__file__).parents[1] / "examples"
NAMES = {flag.removeprefix("--").replace("-", "_"): key for key, (flag, _) in FLAGS.items()}
HEAD = "name,roi,start,end"
GOOD = "1 2 1.2 2.2,2023-01-01,2023-02-01"

Dinsar = Callable[..., Outcome]


def read(path: Path, text: str, **overrides: object) -> list[BatchJob]:
    path.write_text(text, encoding="utf-8")
    return read_batch(path, overrides, NAMES)


def refusal(path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(path, text)
    return caught.value


def test_the_places_of_the_shell_are_a_batch() -> None:
    jobs = read_batch(EXAMPLES / "places.csv", {}, NAMES)
    assert [job.name for job in jobs] == ["kahramanmaras", "atlas"]
    assert jobs[1].config.roi == "-8.6 30.9 -8.2 31.2"
    assert jobs[1].config.end == date(2023, 9, 20)


def test_columns_by_key_and_by_option(tmp_path: Path) -> None:
    """Values of a list stand between semicolons; relative paths start from the folder of the file."""
    for name in ("a.zip", "b.zip", "dem.tif"):
        (tmp_path / name).touch()
    head = "Name,slc.files,--dem,dem_datum,Check-Reversed,output.formats,troposphere,tides"
    row = "one,a.zip;b.zip,dem.tif,ellipsoid,phase,netcdf;qgis,height,true"
    config = read(tmp_path / "a.csv", f"{head}\n{row}\n\n", engine="eos")[0].config
    assert config.slc.files == [tmp_path / "a.zip", tmp_path / "b.zip"]
    assert config.dem.file == tmp_path / "dem.tif"
    assert config.output.formats == ["netcdf", "qgis"]
    assert config.corrections.troposphere == "height"
    assert config.corrections.tides is True
    assert config.engine == "eos"


def test_places_times_months_times_tracks(tmp_path: Path) -> None:
    text = """
defaults: {engine: eos, looks: 7x2, compute: {threads: 1}}
jobs:
- {name: own, roi: 1 2 1.2 2.2, event: 2023-02-06T01:17:34, resolution: 40}
places: {a: 1 2 1.2 2.2, b: [5, 5, 5.2, 5.2]}
months: 2023-12..2024-02
tracks: [14, 121]
"""
    jobs = {job.name: job.config for job in read(tmp_path / "a.yaml", text)}
    assert len(jobs) == 1 + 2 * 3 * 2
    leap = jobs["b_2024-02_T014"]
    assert (leap.start, leap.end, leap.track, leap.roi) == (date(2024, 2, 1), date(2024, 2, 29), 14, "5 5 5.2 5.2")
    assert all(str(config.looks) == "7x2" and config.compute.threads == 1 for config in list(jobs.values())[1:])
    assert jobs["own"].resolution == 40  # in place of the looks in defaults


@pytest.mark.parametrize(
    ("times", "names"),
    [
        ("events: [2023-02-06T01:17:34, 2023-09-08]", ["a_20230206", "a_20230908"]),
        ("events: {quake: 2023-02-06T01:17:34}", ["a_quake"]),
        ("pairs: [[2023-01-04, 2023-01-16]]", ["a_20230104_20230116"]),
        ("months: [2023-01, 2023-04..2023-05]", ["a_2023-01", "a_2023-04", "a_2023-05"]),
    ],
)
def test_names_of_what_is_expanded(tmp_path: Path, times: str, names: list[str]) -> None:
    assert [job.name for job in read(tmp_path / "a.yml", f"places: {{a: 1 2 1.2 2.2}}\n{times}\n")] == names


def test_threads_and_memory_do_not_change_what_a_run_makes(tmp_path: Path) -> None:
    first, other, same = read(tmp_path / "a.csv", f"{HEAD},looks,threads\na,{GOOD},,\nb,{GOOD},7x2,\nc,{GOOD},,2\n")
    assert first.mark == same.mark != other.mark


def test_all_wrong_rows_are_named_at_once(tmp_path: Path, dinsar: Dinsar) -> None:
    rows = [
        f"a,{GOOD},",
        f"A,{GOOD},",
        "c,1 2 1.2 2.2,2023-03-01,2023-02-01,7",
        f"../d,{GOOD},",
        f",{GOOD},",
        "f,,2023-01-01,2023-02-01,",
        "g,1 2 1.2 2.2,,,",
        f"h,{GOOD},7x2,9",
        "i,7 2 1.2 2.2,2023-01-01,2023-02-01,",
        f"logs,{GOOD},",
    ]
    file = tmp_path / "a.csv"
    file.write_text("\n".join([f"{HEAD},looks", *rows]), encoding="utf-8")
    outcome = dinsar("batch", file, "--workdir", tmp_path / "work", "--cache", tmp_path / "cache", "--dry-run")
    assert outcome.code == 2
    assert "9 of its rows are wrong, of 10" in outcome.error[0]
    told = [line.removeprefix("  | ") for line in outcome.err.splitlines() if line.startswith("  | ")]
    assert [line.partition(":")[0].partition(" (")[0] for line in told] == [f"line {n}" for n in range(3, 12)]
    reasons = ("line 2 too", "before the start", "cannot be that", "no name", "an area", "an event", "6 cells", "7")
    for line, words in zip(told, (*reasons, "logs"), strict=True):
        assert words in line
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "It is empty"),
        (f"{HEAD}\n", "no runs"),
        ("name;roi;start;end\n", "commas are needed"),
        ("name,roi,strat,end\n", "Did you mean start?"),
        ("name,roi,roi,start\n", "more than one column for roi"),
        ("roi,start,end\n", "no column 'name'"),
        ("name,west,south,east\n", "all of west, south, east and north"),
        ('name,roi\na,"1 2\n', "is not CSV"),
        ("<html><body>Login</body></html>\n", "is a web page"),
    ],
)
def test_csv_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    error = refusal(tmp_path / "a.csv", text)
    assert words in f"{error.cause} {error.remedy}", error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("defaults: {lookz: 7x2}\njobs: [{name: a}]\n", "Did you mean looks?"),
        ("default: {looks: 7x2}\n", "unknown keys: default"),
        ("defaults: [1]\n", "no mapping"),
        ("jobs: {a: 1}\n", "no list"),
        ("jobs: [1]\n", "no mapping"),
        ("", "no runs"),
        ("places: {a: 1 2 3 4}\n", "without events, months or pairs"),
        ("places: {a: 1 2 3 4}\nmonths: 2023-01\npairs: [[2023-01-01, 2023-02-01]]\n", "months and pairs"),
        ("places: {a: 1 2 3 4}\nmonths: 2023-13\n", "2023-13"),
        ("places: {a: 1 2 3 4}\nmonths: 2023-05..2023-01\n", "is refused"),
        ("places: {a: 1 2 3 4}\npairs: [2023-01-01]\n", "is refused"),
        ("places: {a: 1 2 3 4}\nevents: [yesterday]\n", "is refused"),
        ("jobs: [\n", "Line 2"),
    ],
)
def test_yaml_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    error = refusal(tmp_path / "a.yaml", text)
    assert words in f"{error.cause} {error.remedy} {error.details}", error


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.long)])
def test_many_rows(tmp_path: Path, count: int) -> None:
    """All are checked, and all wrong ones named."""
    rows = [f"p{number},{GOOD}" for number in range(count)]
    assert len(read(tmp_path / "a.csv", "\n".join([HEAD, *rows]))) == count
    wrong = refusal(tmp_path / "b.csv", "\n".join([HEAD, *(row.replace("2023-02", "2023-99") for row in rows)]))
    assert f"{count} of its rows are wrong" in wrong.problem
    assert wrong.details[-1].endswith(f"line {count + 1}")


def test_dry_run_writes_nothing(tmp_path: Path, dinsar: Dinsar) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"{HEAD}\na,{GOOD}\nb,{GOOD}\n", encoding="utf-8")
    outcome = dinsar(
        "batch", file, "--workdir", tmp_path / "work", "--cache", tmp_path / "cache", "--dry-run", "--json",
        "--workers", "2", "--threads", "1", "--memory", "1GB", "--looks", "7x2",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert (told["workers"], told["threads"], told["memory"]) == (2, 1, 10**9)
    assert [job["name"] for job in told["jobs"]] == ["a", "b"]
    assert told["jobs"][0]["config"]["looks"] == "7x2"
    assert list(tmp_path.iterdir()) == [file]
