"""`dinsar search` and `dinsar pairs` against a test archive, as programs that see nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive, faults
from support.archive.faults import Fault
from support.catalog_inputs import DOWN, FIRST, ROI, archive_scenes, record, run_online, scene
from support.command import Outcome

CMR = "cmr.earthdata.nasa.gov"
QUICK = "DINSAR_NETWORK_TIMEOUT"  # seconds; a sixtieth is the first pause


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive(archive_scenes()) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


def test_search_lists_the_stacks(archive: Archive, tmp_path: Path) -> None:
    done = run_online(archive, tmp_path, "search", "--roi", ROI)
    assert done.code == 0, done.err
    assert done.err == ""
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[1:3] == [
        ["T021D", "descending", "470", "6", "2023-01-04", "2023-03-05", "100", "%", "VV+VH", "24.0"],
        ["T014A", "ascending", "470", "6", "2023-01-05", "2023-03-06", "63", "%", "VV+VH", "24.0"],
    ]
    assert done.out.splitlines()[3] == "12 scenes, 12 acquisitions, 2 tracks"
    assert {entry.host for entry in archive.log} == {CMR}
    assert all("authorization" not in entry.request.headers for entry in archive.log)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "home"]
    assert list((tmp_path / "cache").rglob("*")) == []


def test_json_has_every_scene_as_the_catalogue_has_it(archive: Archive, tmp_path: Path) -> None:
    done = run_online(archive, tmp_path, "search", "--roi", ROI, "--track", "21", "--json")
    (stack,) = json.loads(done.out)["stacks"]
    listed = [one for acquisition in stack["acquisitions"] for one in acquisition["scenes"]]
    expected = sorted(
        (one for one in archive.scenes if one.path == 21 and one.frame == 470), key=lambda one: one.start
    )
    assert [one["name"] for one in listed] == [one.name for one in expected]
    assert [one["url"] for one in listed] == [one.url for one in expected]
    assert {one["md5"] for one in listed} == {expected[0].md5}
    assert stack["bytes"] == 6 * 4_000_000_000


@pytest.mark.parametrize(
    ("options", "dates"),
    [
        (("--start", "2023-01-16", "--end", "2023-01-28", "--track", 21), ["2023-01-16", "2023-01-28"]),
        (("--start", "2023-01-17", "--direction", "asc", "--end", "2023-01-17"), ["2023-01-17"]),
        (("--direction", "ascending", "--platform", "sentinel-1b", "--platform", "S1D"), ["2023-07-04"]),
        (("--year", 2024), ["2024-01-11"]),
        (("--year", 2024, "--year", 2022), ["2022-12-11", "2024-01-11"]),
        (("--polarization", "hh"), ["2022-12-11"]),
        (("--frame", 999, "--start", "2023-01-01"), ["2024-01-11"]),
    ],
)
def test_filters(archive: Archive, tmp_path: Path, options: tuple[object, ...], dates: list[str]) -> None:
    base = scene()
    archive.publish(scene(FIRST.replace(month=7), track=87, direction="ASCENDING", mission="S1B"))
    archive.publish(scene(FIRST.replace(year=2022, month=12, day=11), track=21, mode="1SDH"))
    later = scene(FIRST.replace(year=2024, day=11), track=21)
    archive.publish(type(base)(**{**vars(later), "frame": 999}))
    done = run_online(archive, tmp_path, "search", "--roi", ROI, "--json", *options)
    assert done.code == 0, done.err
    found = [one["start"][:10] for stack in json.loads(done.out)["stacks"] for one in stack["acquisitions"]]
    assert sorted(found) == dates


def test_more_than_a_page_of_scenes_comes_whole(tmp_path: Path) -> None:
    base = scene()
    scenes = [base, *(base.repeated(2.0 * number) for number in range(1, 620))]
    with Archive(scenes) as archive:
        done = run_online(archive, tmp_path, "search", "--roi", ROI, "--json")
        assert len(archive.requests(CMR)) == 3
    (stack,) = json.loads(done.out)["stacks"]
    names = [one["scenes"][0]["name"] for one in stack["acquisitions"]]
    assert names == [one.name for one in scenes]


def test_geojson_and_map_are_written_and_ask_for_nothing(archive: Archive, tmp_path: Path) -> None:
    files = ("--geojson", "a.geojson", "--map", "a.html")
    done = run_online(archive, tmp_path, "search", "--roi", ROI, *files)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-2:] == ["a.geojson", "a.html"]
    collection = json.loads((tmp_path / "a.geojson").read_text())
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == 12
    feature = next(one for one in collection["features"] if one["properties"]["track"] == 21)
    assert sorted(feature["geometry"]["coordinates"][0]) == sorted(map(list, record(scene()).ring))
    page = (tmp_path / "a.html").read_text()
    assert "default-src 'none'" in page
    assert [word for word in page.split() if "//" in word and "w3.org/2000/svg" not in word] == []
    assert page.count('class="footprint"') == 2  # six dates of each of two places
    for text in ("T021D", "T014A", "2023-01-04", "S1A 2023-03-06"):
        assert text in page


def test_a_config_file_says_what_to_look_for_and_flags_win(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"roi: {ROI}\nstart: 2023-01-01\nend: 2023-01-20\ntrack: 14\n")
    done = run_online(archive, tmp_path, "pairs", "a.yaml", "--track", "21", "--json")
    assert json.loads(done.out)["pair"] == "T021D_20230104_20230116"


def test_pairs_chooses_and_says_why(archive: Archive, tmp_path: Path) -> None:
    done = run_online(archive, tmp_path, "pairs", "--roi", ROI, "--start", "2023-01-05", "--end", "2023-02-21")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "Chosen: T021D_20230116_20230221" in done.out
    row = next(line.split() for line in done.out.splitlines() if line.startswith("T021D_20230116_20230221"))
    assert row[3:5] == ["VV", "36"]
    assert int(row[5]) == round(DOWN.perpendicular(160.0) - DOWN.perpendicular(40.0))
    assert row[-1] == "chosen"
    assert "The best of another track, T014A_20230105_20230210: covers 63 %" in done.out
    assert "from the catalogue's state vectors" in done.out
    assert done.out.count("_IW_SLC__1SDV_") == 2
    chosen = json.loads(
        run_online(archive, tmp_path, "pairs", "--roi", ROI, "--event", "2023-02-06T01:17:34Z", "--json").out
    )
    assert chosen["pair"] == "T021D_20230128_20230209"
    assert chosen["candidates"][0]["baseline_source"] == "catalogue"
    assert chosen["candidates"][0]["perpendicular_baseline_m"] == pytest.approx(
        DOWN.perpendicular(120.0) - DOWN.perpendicular(80.0), abs=0.1
    )


def test_pairs_without_a_pair_is_exit_3_with_what_there_is(archive: Archive, tmp_path: Path) -> None:
    one = run_online(archive, tmp_path, "pairs", "--roi", ROI, "--start", "2023-01-04", "--end", "2023-01-05")
    assert one.code == 3
    assert "T021D with 1 date (VV/VH, covers 100 %): 2023-01-04; T014A with 1 date" in one.error[1]
    none = run_online(
        archive, tmp_path, "pairs", "--roi", "-60 -10 -59 -9", "--start", "2023-01-04", "--end", "2023-03-05"
    )
    assert none.code == 3
    assert "The archive has no IW SLC scene" in none.error[1]
    assert none.out == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("search",), "--roi is missing"),
        (("search", "--roi", ROI, "--start", "2099-01-01"), "in the future"),
        (("search", "--roi", ROI, "--start", "2023-02-01", "--end", "2023-01-01"), "wrong at end"),
        (("search", "--roi", ROI, "--platform", "S1E"), "is no satellite"),
        (("search", "--roi", ROI, "--year", "2013"), "2013"),
        (("search", "--roi", ROI, "--map", "absent/a.html"), "absent/a.html cannot be written"),
        (("pairs", "--roi", ROI), "not said which dates"),
        (("pairs", "--roi", ROI, "--reference", "2023-01-04"), "--secondary is missing"),
    ],
)
def test_wrong_options_are_refused(archive: Archive, tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    done = run_online(archive, tmp_path, *arguments)
    assert done.code == 2, done.err
    assert word in done.error[0]
    assert "map" in " ".join(arguments) or archive.log == []


def test_an_end_in_the_future_is_told(archive: Archive, tmp_path: Path) -> None:
    done = run_online(archive, tmp_path, "search", "--roi", ROI, "--end", "2099-01-01")
    assert done.code == 0
    assert "Warning: The end 2099-01-01 is in the future" in done.err


def test_an_entry_in_netrc_is_not_sent(archive: Archive, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("default login somebody password secret\n")
    done = run_online(archive, tmp_path, "search", "--roi", ROI, EARTHDATA_TOKEN=archive.accounts.token)
    assert done.code == 0, done.err
    assert all("authorization" not in entry.request.headers for entry in archive.log)


def test_a_record_that_is_not_complete_is_told_of(archive: Archive, tmp_path: Path) -> None:
    item = archive.catalogue.granules[0].umm["umm"]
    item["AdditionalAttributes"] = [one for one in item["AdditionalAttributes"] if one["Name"] != "FRAME_NUMBER"]
    done = run_online(archive, tmp_path, "search", "--roi", ROI)
    assert done.code == 0, done.err
    assert "11 scenes" in done.out
    (line,) = done.err.splitlines()
    assert f"The record of {archive.scenes[0].name} is left out" in line


def failed(archive: Archive, folder: Path, seconds: float = 6.0, **environment: str) -> Outcome:
    return run_online(archive, folder, "search", "--roi", ROI, **{QUICK: str(seconds)}, **environment)


@pytest.mark.parametrize(
    ("fault", "attempts", "cause"),
    [
        (faults.status(400, "Polygon is wrong"), 1, "400 (Bad Request): Polygon is wrong"),
        (faults.status(401), 1, "401 (Unauthorized): status 401. The search needs no account"),
        (faults.status(403), 1, "403 (Forbidden)"),
        (faults.status(404), 1, "404 (Not Found)"),
        (faults.status(429), 4, "429 (Too Many Requests)"),
        (faults.status(429, retry_after=3600), 1, "429 (Too Many Requests)"),
        (faults.status(500), 4, "500 (Internal Server Error)"),
        (faults.status(503), 4, "503 (Service Unavailable)"),
        (faults.bad_gateway(), 4, "502 (Bad Gateway) with a web page ('502 Bad Gateway')"),
        (faults.not_json(), 4, "answers with a web page where a list of scenes is due"),
        (faults.login_page(), 4, "a web page ('Earthdata Login')"),
        (faults.cut(3000), 4, "The connection broke"),
        (faults.early_close(0), 4, "an empty body"),
        (faults.stall(3000), 2, "silent for 2 s"),
        (faults.silent(), 2, "silent for 2 s"),
        (faults.short_page(3), 4, "fewer scenes than it says it has, twice"),
        (faults.unresolved(), 0, "The proxy does not connect to it: Tunnel connection failed: 502"),
        (faults.refused(), 0, "The connection broke: Connection reset by peer"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_failing_archive_is_exit_5_after_some_tries(
    archive: Archive, tmp_path: Path, fault: Fault, attempts: int, cause: str
) -> None:
    archive.fail(CMR, fault)
    done = failed(archive, tmp_path)
    assert done.code == 5, done.err
    assert done.error[0] == f"The catalogue of Sentinel-1 scenes ({CMR}) cannot be searched."
    assert cause in done.error[1]
    assert len(archive.requests(CMR)) == attempts
    assert done.out == ""
    assert "Traceback" not in done.err
    assert {entry.host for entry in archive.log} <= {CMR}  # nothing is reported to anybody


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (faults.status(503), 2),
        (faults.status(503, retry_after=1), 1),
        (faults.bad_gateway(), 3),
        (faults.cut(3000), 1),
        (faults.stall(100), 1),
        (faults.not_json(), 1),
        (faults.short_page(3), 1),
        (faults.refused(), 2),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_passing_fault_is_overcome(archive: Archive, tmp_path: Path, fault: Fault, times: int) -> None:
    rule = archive.fail(CMR, fault, times=times)
    done = failed(archive, tmp_path)
    assert done.code == 0, done.err
    assert rule.struck == times
    told = 0 if fault.name == "short page" else times
    assert done.err.count("Trying again in") == len(done.err.splitlines()) == told
    assert done.out.endswith("12 scenes, 12 acquisitions, 2 tracks\n")


def test_nothing_found_is_exit_3(archive: Archive, tmp_path: Path) -> None:
    archive.fail(CMR, faults.no_results())
    done = failed(archive, tmp_path)
    assert done.code == 3
    assert "37 37 to 37.4 37.4" in done.error[1]


def test_a_proxy_that_is_not_there(archive: Archive, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = failed(archive, tmp_path, HTTPS_PROXY=address, https_proxy=address)
    assert done.code == 5
    assert "The proxy does not connect to it: Connection refused" in done.error[1]
    wrong = failed(archive, tmp_path, HTTPS_PROXY="http://:99999x", https_proxy="http://:99999x")
    assert "proxy setting is wrong" in wrong.error[1]
    strange = failed(archive, tmp_path, REQUESTS_CA_BUNDLE=str(tmp_path / "absent.pem"))
    assert "absent.pem" in strange.error[1]
    assert (wrong.code, strange.code) == (5, 5)


def test_a_certificate_of_somebody_else_is_not_accepted(archive: Archive, tmp_path: Path) -> None:
    with Archive() as other:
        done = failed(archive, tmp_path, REQUESTS_CA_BUNDLE=str(other.ca_file))
    assert done.code == 5
    assert "certificate is not accepted" in done.error[1]
    assert "(1 attempt in" in done.error[1]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(columns=100, lake=None, terrain=Terrain(relief=500.0, margin=0.02))
    return simulate(scenario, tmp_path_factory.mktemp("simulated") / "new")


def test_orbit_files_that_are_at_hand_give_the_baseline(simulated: SimulatedStack, tmp_path: Path) -> None:
    """Of simulated scenes, whose orbits are 80 m apart; in the catalogue are the state vectors of the products."""
    with Archive.from_simulation(simulated.folder) as archive:
        days = sorted(one.start.date() for one in archive.scenes)
        where = ("--roi", "-8.86 31.34 -8.84 31.36", "--start", days[0], "--end", days[-1], "--json")
        without = json.loads(run_online(archive, tmp_path, "pairs", *where).out)["candidates"][0]
        folder = simulated.folder / "orbits"
        with_them = json.loads(run_online(archive, tmp_path, "pairs", *where, "--orbits", folder).out)[
            "candidates"
        ][0]
        cache = tmp_path / "cache" / "dinsar"
        cache.mkdir()
        (cache / "orbits").symlink_to(folder)
        cached = json.loads(run_online(archive, tmp_path, "pairs", *where).out)["candidates"][0]
        assert archive.refused == []
    assert (without["baseline_source"], with_them["baseline_source"]) == ("catalogue", "POEORB")
    assert cached == with_them
    assert abs(with_them["perpendicular_baseline_m"]) == pytest.approx(80.0, rel=0.02)
    assert without["perpendicular_baseline_m"] == pytest.approx(with_them["perpendicular_baseline_m"], abs=1.0)


def test_filters_that_leave_nothing_are_named_with_what_is_there(archive: Archive, tmp_path: Path) -> None:
    days = ("--start", "2023-01-16", "--end", "2023-01-28")
    for command in ("search", "pairs"):
        done = run_online(archive, tmp_path, command, "--roi", ROI, *days, "--track", 52, "--direction", "asc")
        assert done.code == 3, done.err
        assert "track 52, ascending" in done.err
        assert "track 21 descending with 2 dates" in done.err
