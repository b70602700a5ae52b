"""The table of known failures, on real output of ISCE2 2.6.5 and on what others reported."""

from __future__ import annotations

import gzip
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dinsar_cli.engines.topsapp.process.diagnose import (
    CURES,
    Diagnosis,
    Entry,
    FileCondition,
    dem_too_small,
    diagnose,
    explain,
    table,
    watch,
)
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.errors import EngineError, ExitCode, NoDataError, ResourceError, UsageError

FAILURES = Path(__file__).with_name("failures")
PROVOKED: list[dict[str, Any]] = tomllib.loads((FAILURES / "failures.toml").read_text(encoding="utf-8"))["failure"]
HEALTHY = sorted(FAILURES.glob("healthy*.log.gz"))
BY_ID = {entry.id: entry for entry in table()}

# What the threads of these entries quote, and lines of other output for the general ones: step, exit code, output.
REPORTED = {
    "mission_unknown": ("preprocess", 0, "Setting IPF version to :  003.91\nEncountered unknown mission id S1C\n"),
    "image_too_small": ("preprocess", 1, "RuntimeError: Image file is too small\n"),
    "no_bursts": (
        "topo",
        1,
        "IndexError: too many indices for array: array is 1-dimensional, but 2 were indexed\n",
    ),
    "image_sizes_differ": (
        "mergebursts",
        1,
        "ERROR 1: Input and output dataset sizes or band counts do not\nmatch",
    ),
    "properties_differ": (
        "startup",
        1,
        'Error. The attribute corresponding to the key "commonburststartsecondaryindex" is not present in',
    ),
    "killed": ("topo", -9, " Processing line:         1001\n"),
    "crashed": ("filter", -11, "GDAL open (R): merged/filt_topophase.flat.vrt\nAPI open (WR): merged/phsig.cor\n"),
    "processor": ("topo", -4, "Running step topo\n"),
    "numpy_too_new": ("fineresamp", 1, "AttributeError: module 'numpy' has no attribute 'int'.\n"),
    "library_broken": (
        "startup",
        1,
        "ImportError: /lib/libgdal.so.30: undefined symbol: GEOSMakeValidWithParams_r\n",
    ),
    "helper_missing": ("mergebursts", 1, "sh: 1: gdal_translate: not found\n"),
    "helper_failed": ("unwrap", 1, "Exception: error when running:\nimageMath.py -e='a' --a=tmp.unw\n"),
    "gdal_error": ("fineoffsets", 1, "ERROR 4: Unable to open /data/pair/dem.wgs84.No such file or directory\n"),
}


def all_matches(log: str, step: str, code: int, folder: Path | None = None) -> set[str]:
    """Names of all entries that fit, one found after the other by ignoring those before."""
    found: set[str] = set()
    while (diagnosis := diagnose(log, step, code, folder, ignore=found)) is not None:
        found.add(diagnosis.id)
    return found


def special(names: set[str]) -> set[str]:
    return {name for name in names if not BY_ID[name].general}


def write_raster(path: Path, *, size: int) -> Path:
    """A raster of 4 x 5 floats with its ISCE header, of as many bytes as asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    values = {"width": 5, "length": 4, "number_bands": 1, "scheme": "BIL", "byte_order": "l", "data_type": "FLOAT"}
    properties = "".join(
        f'<property name="{name}"><value>{value}</value></property>' for name, value in values.items()
    )
    path.with_name(f"{path.name}.xml").write_text(f"<imageFile>{properties}</imageFile>")
    return path


# Failures that show only in the files that are left
SHORT = {"dem_short": "dem.wgs84", "geometry_short": "geom_reference/IW1/lat_01.rdr"}


# Failures that the output alone shows as another one
EMPTY = {"phase_sigma_empty": ("merged/phsig.cor", "unwrap_input_short")}


@pytest.mark.parametrize("failure", PROVOKED, ids=lambda failure: failure["log"])
def test_provoked_failure_gives_its_entry_and_no_other(failure: dict[str, Any], tmp_path: Path) -> None:
    log = (FAILURES / failure["log"]).read_text(encoding="utf-8")
    if failure["id"] in SHORT:
        assert diagnose(log, failure["step"], failure["code"], tmp_path) is None
        write_raster(tmp_path / SHORT[failure["id"]], size=79)
    if failure["id"] in EMPTY:
        path, without = EMPTY[failure["id"]]
        alone = diagnose(log, failure["step"], failure["code"], tmp_path)
        assert alone is not None
        assert alone.id == without
        write_raster(tmp_path / path, size=0)
    found = diagnose(log, failure["step"], failure["code"], tmp_path)
    assert found is not None
    assert found.id == failure["id"]
    others = all_matches(log, failure["step"], failure["code"], tmp_path)
    assert special(others) <= {failure["id"]}


@pytest.mark.parametrize("name", REPORTED)
def test_reported_failure_gives_its_entry_and_no_other(name: str) -> None:
    step, code, log = REPORTED[name]
    found = diagnose(log, step, code)
    assert found is not None
    assert found.id == name
    assert special(all_matches(log, step, code)) <= {name}


def test_each_entry_has_a_proof() -> None:
    provoked = {failure["id"] for failure in PROVOKED}
    assert len(table()) >= 30
    assert len(provoked) >= 14
    assert provoked | set(REPORTED) == set(BY_ID)
    for entry in table():
        if entry.id not in provoked:
            assert "https://github.com/" in entry.source or entry.general, entry.id


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.name)
def test_healthy_output_matches_nothing(path: Path) -> None:
    log = gzip.decompress(path.read_bytes()).decode()
    assert len(log) > 10_000
    for step in (None, *STEPS):
        assert diagnose(log, step, 0) is None
        assert not any(watch(line, step) for line in log.splitlines())


def test_healthy_files_match_nothing(tmp_path: Path) -> None:
    for name in SHORT.values():
        write_raster(tmp_path / name, size=80)
    log = gzip.decompress(HEALTHY[0].read_bytes()).decode()
    assert diagnose(log, "topo", 0, tmp_path) is None


def test_there_are_healthy_runs_of_several_kinds() -> None:
    assert len(HEALTHY) >= 3
    assert sum(path.stat().st_size for path in HEALTHY) < 200_000


@pytest.mark.parametrize("entry", table(), ids=lambda entry: entry.id)
def test_entry_is_complete(entry: Entry) -> None:
    for text in (entry.cause, entry.remedy):
        assert text.endswith("."), text
        assert text[0].isupper() or text.startswith("topsApp "), text
        assert len(text) < 250, text
    assert entry.source.startswith(("provoked", "https://github.com/"))
    assert re.fullmatch(r"(provoked)?[; ]*(https://github\.com/[\w-]+/[\w-]+/issues/\d+ ?)*", entry.source)
    assert set(entry.steps) <= set(STEPS)
    assert entry.cure in ("", *CURES)


def test_entries_that_cannot_be_are_refused() -> None:
    words = {"cause": "A.", "remedy": "B.", "source": "provoked"}
    with pytest.raises(ValueError, match="kind"):
        Entry(id="x", kind="wrong", log="x", **words)
    with pytest.raises(ValueError, match="cure"):
        Entry(id="x", kind="data", log="x", cure="prayer", **words)
    with pytest.raises(ValueError, match="nothing"):
        Entry(id="x", kind="data", **words)
    with pytest.raises(ValueError, match="nothing"):
        Entry(id="x", kind="data", codes=(3,), stops=True, **words)


# --- stopping ---


@pytest.mark.parametrize(
    ("step", "line", "name"),
    [
        (
            "computeBaselines",
            "No swaths contain any burst overlaps ... cannot continue for interferometry applications",
            "no_burst_overlap",
        ),
        ("preprocess", "Could not extract swath 2 from ['/data/S1A.zip']", "swath_not_read"),
        (
            "preprocess",
            "Generated error:  No suitable orbit file found. If you want to process anyway - unset the orbitdir",
            "orbit_missing",
        ),
        (
            "preprocess",
            "Generated error:  No annotation xml file found in zip file: /data/S1A.zip",
            "no_annotation",
        ),
    ],
)
def test_what_topsapp_only_prints_stops_the_run(step: str, line: str, name: str) -> None:
    for ending in ("", "\n", "\r\n"):
        found = watch(line + ending, step)
        assert found is not None
        assert found.id == name
        assert found.said == line
    assert watch(line, step, ignore={name}) is None


@pytest.mark.parametrize("failure", PROVOKED, ids=lambda failure: failure["log"])
def test_runs_are_stopped_by_the_entries_that_say_so(failure: dict[str, Any]) -> None:
    lines = (FAILURES / failure["log"]).read_text(encoding="utf-8").splitlines()
    stopped = [found.id for line in lines if (found := watch(line, failure["step"])) is not None]
    wanted = {failure["id"]} if BY_ID[failure["id"]].stops else set()
    assert special(set(stopped)) == {name for name in wanted if not BY_ID[name].general}
    assert wanted <= set(stopped)


def test_the_reason_comes_before_its_consequences() -> None:
    log = (
        "Could not extract swath 1 from ['/data/S1A.zip']\n"
        "Generated error:  File is not a zip file\n"
        "Skipping processing for swath number IW-1\n"
        "No swaths contain any burst overlaps ... cannot continue for interferometry applications\n"
        "IndexError: too many indices for array: array is 1-dimensional, but 2 were indexed\n"
    )
    found = diagnose(log, None, 1)
    assert found is not None
    assert found.id == "zip_damaged"


def test_the_last_of_several_errors_counts() -> None:
    log = "EOFError: Ran out of input\n(tried again)\nOSError: [Errno 28] No space left on device\n"
    found = diagnose(log, "unwrap", 1)
    assert found is not None
    assert found.id == "disk_full"


def test_a_step_counts_where_it_is_known() -> None:
    log = "xml.etree.ElementTree.ParseError: unclosed token: line 14, column 64\n"
    assert [found.id for step in ("startup", "verifyDEM") if (found := diagnose(log, step, 1))] == [
        "input_not_xml",
        "dem_header_damaged",
    ]
    assert diagnose(log, "unwrap", 1) is None


# --- the DEM against the bursts, and files ---

BURSTS = "topo.Overall bounding box = [{south}, {north}, {west}, {east}]\n"
DEM = """ DEM parameters:
 Dimensions:         2065        2766
 Top Left:   -9.1176388888888891        31.745138888888889
 Spacing:    2.7777777777777778E-004  -2.7777777777777778E-004
 Lon:   -9.1176388888888891       -8.5443055555555549
 Lat:    30.977083333333333        31.745138888888889
"""
INSIDE = {"south": 31.2, "north": 31.5, "west": -8.9, "east": -8.7}


@pytest.mark.parametrize(("edge", "value"), [("south", 30.9), ("north", 31.8), ("west", -9.2), ("east", -8.5)])
def test_bursts_beyond_each_edge_of_the_dem(edge: str, value: float) -> None:
    assert not dem_too_small(DEM + BURSTS.format(**INSIDE))
    assert dem_too_small(DEM + BURSTS.format(**(INSIDE | {edge: value})))


def test_extents_that_cannot_be_read_say_nothing() -> None:
    assert not dem_too_small(DEM)
    assert not dem_too_small(BURSTS.format(**INSIDE))
    assert not dem_too_small(DEM.replace("31.745138888888889\n", "****************\n") + BURSTS.format(**INSIDE))


def test_conditions_on_files(tmp_path: Path) -> None:
    raster = write_raster(tmp_path / "a" / "x.rdr", size=80)
    states = ("missing", "empty", "short")
    assert [FileCondition("a/*.rdr", state).holds(tmp_path) for state in states] == [False, False, False]
    raster.write_bytes(b"")
    assert [FileCondition("a/*.rdr", state).holds(tmp_path) for state in states] == [False, True, True]
    raster.write_bytes(bytes(79))
    assert [FileCondition("a/*.rdr", state).holds(tmp_path) for state in states] == [False, False, True]
    assert [FileCondition("b/*.rdr", state).holds(tmp_path) for state in states] == [True, False, False]


@pytest.mark.parametrize(
    ("lines", "few"), [(7, True), (99, True), (214, True), (264, True), (265, False), (1425, False)]
)
def test_an_empty_phase_sigma_is_of_few_lines_or_of_a_crash(tmp_path: Path, lines: int, *, few: bool) -> None:
    """ICU's step ``icu.F`` of ISCE2 2.6.5 takes no patch of 264 lines or less, and of more it does."""
    write_raster(tmp_path / "merged" / "phsig.cor", size=0)
    log = f"File merged/phsig.cor wrong size ({lines}x131 array expected)\n"
    found = diagnose(log, "unwrap", 1, tmp_path)
    assert found is not None
    assert found.id == ("phase_sigma_empty" if few else "unwrap_input_short")
    assert found.cure == "step_back"


# --- long output ---


@pytest.mark.parametrize("entry", [entry for entry in table() if entry.log], ids=lambda entry: entry.id)
def test_pattern_takes_linear_time(entry: Entry) -> None:
    """A repeat without an upper bound, tried at each place of a long line, takes quadratic time."""
    assert not re.search(r"(?<!\\)[*+](?![^\[]*\])", entry.log.replace(r"\+", "").replace(" *", "")), entry.log
    assert entry.pattern is not None
    text = f"{entry.log[:40]} ERROR 1: FileNotFoundError: [Errno 2] No such file or directory: '/" * 20_000
    started = time.process_time()
    entry.pattern.search(text)
    assert time.process_time() - started < 5


def test_a_line_of_50_megabytes_is_no_trouble() -> None:
    line = "processing line: 10" * 2_700_000
    started = time.process_time()
    assert watch(line, "burstifg") is None
    assert diagnose(line, "burstifg", 0) is None
    assert time.process_time() - started < 10
    end = diagnose(f"{line}\nOut of memory\n", "unwrap", 1)
    assert end is not None
    assert end.id == "unwrap_memory"
    stop = watch(f"{line}\rNo swaths contain any burst overlaps", None)
    assert stop is not None
    assert stop.id == "no_burst_overlap"


# --- what the user reads ---


def test_unknown_failure_says_so_and_shows_its_last_20_lines() -> None:
    tail = [f"line {number}" for number in range(1, 31)]
    assert diagnose("\n".join(tail), "ion", 1) is None
    error = explain(None, "ion", 1, Path("/data/pair/logs/15_ion.log"), tail)
    assert isinstance(error, EngineError)
    assert error.problem == "topsApp failed in its step ion (code 1)."
    assert "does not know" in error.cause
    assert error.cause.endswith(tail[-1])
    assert error.details == tuple(tail[-20:])
    for part in ("dinsar doctor", "log", "run.json", "/data/pair/logs/15_ion.log"):
        assert part in error.remedy
    assert "printed nothing" in explain(None, None, -6, Path("x.log"), []).cause
    assert "SIGABRT" in explain(None, None, -6, Path("x.log"), []).problem


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("no_burst_overlap", NoDataError, ExitCode.NO_DATA),
        ("unwrap_killed", ResourceError, ExitCode.RESOURCES),
        ("orbit_missing", UsageError, ExitCode.USAGE),
        ("state_truncated", EngineError, ExitCode.ENGINE),
    ],
)
def test_error_is_of_the_kind_of_the_entry(name: str, error: type[Exception], code: ExitCode) -> None:
    explained = explain(Diagnosis(BY_ID[name], "its line"), "unwrap", 0, Path("x.log"), [])
    assert isinstance(explained, error)
    assert explained.exit_code == code
    assert explained.problem == "topsApp cannot go on in its step unwrap."
    assert explained.cause == f"{BY_ID[name].cause} It says: its line"
    assert explained.remedy == f"{BY_ID[name].remedy} Log: x.log"


def test_kill_is_named() -> None:
    found = diagnose("", "unwrap", -9)
    assert explain(found, "unwrap", -9, Path("x.log"), []).problem == "topsApp was killed in its step unwrap."
    assert explain(found, "unwrap", 137, Path("x.log"), []).problem == "topsApp was killed in its step unwrap."


def test_long_lines_are_cut_in_messages() -> None:
    error = explain(None, "topo", 1, Path("x.log"), ["x" * 10_000])
    assert len(str(error)) < 1_000
