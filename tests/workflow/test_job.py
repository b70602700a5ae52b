"""From an area and two dates to the map in one command: search, choose, fetch, process, map."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.base.journal import STAGES
from dinsar_cli.compare.truth import read_map
from dinsar_cli.config.file import build_config, load_config
from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive, faults
from support.catalog_inputs import run_online
from support.fetching import wait_until
from support.job_inputs import BUCKET, CATALOGUE, PAIR, QUICK, SPAN, STORE, TILES, Job, area
from support.refusal import snapshot

pytest.importorskip("eos")

NO_DATA, CREDENTIALS, NETWORK, RESOURCES, USAGE = 3, 4, 5, 7, 2
ACCURACY = 0.3  # mm, at 7 x 2 looks
Begin = Callable[..., Job]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates of two narrow bursts."""
    scenario = Scenario(columns=900, lake=None, terrain=Terrain(relief=500.0, margin=0.05))
    return simulate(scenario, tmp_path_factory.mktemp("stack") / "new")


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Open an archive of a stack: ``begin(stack)``; with an account unless it is told otherwise."""
    with ExitStack() as open_archives:

        def opened(stack: SimulatedStack, *, account: bool = True, engine: str = "eos") -> Job:
            archive = open_archives.enter_context(Archive.from_simulation(stack.folder))
            if account:
                archive.log_in(tmp_path)
            jobs.append(Job(archive, stack, tmp_path, engine))
            return jobs[-1]

        jobs: list[Job] = []
        yield opened
        for job in jobs:
            assert job.archive.errors == []
            assert job.archive.refused == []


# --- all of it --------------------------------------------------------------------------------------------------


def test_from_catalogue_to_map_and_again(begin: Begin, stack: SimulatedStack, tmp_path: Path) -> None:
    job = begin(stack)
    done = job.run("--json", *SPAN)
    assert done.code == 0, done.err
    assert job.rmse_mm() <= ACCURACY
    record = json.loads(done.out)
    sent = {host: job.archive.sent(host) for host in (STORE, BUCKET, TILES)}
    assert sent[STORE] == job.size()
    assert job.size() < record["received_bytes"] <= sum(job.archive.sent(host) for host in job.archive.hosts)
    assert 0 < record["seconds"] < done.seconds
    for told in ("of the area on both dates", "12 days", "to fetch into", "are free"):
        assert told in done.err
    asked = [entry.host for entry in job.archive.log]
    first = [asked.index(host) for host in (CATALOGUE, "datapool.asf.alaska.edu", BUCKET, TILES)]
    assert first == sorted(first)

    # what the journal and the configuration say of the choice
    names = [slices[0].stem for slices in stack.products]
    choice = job.journal["choice"]
    assert [choice[end]["scenes"][0]["name"] for end in ("reference", "secondary")] == names
    details = job.journal["stages"]["slc"]["details"]
    assert details["received_bytes"] == job.size()
    assert [url.rpartition("/")[2] for url in details["urls"]] == [f"{name}.zip" for name in names]
    assert "Signature" not in json.dumps(job.journal)
    resolved = job.pair_folder / "dinsar.yaml"
    config = build_config(load_config(resolved), {})
    assert (config.reference, config.secondary) == tuple(names)
    assert (config.start, config.end, config.slc.files) == (None, None, [])

    # the same command, and the resolved configuration, without a network: all is done already
    job.archive.down.update(job.archive.hosts)
    job.archive.forget()
    before = (job.pair_folder / "products" / "los_displacement.tif").stat().st_mtime_ns
    again = job.run(*SPAN)
    yaml = job.bare("run", resolved)
    for outcome in (again, yaml):
        assert outcome.code == 0, outcome.err
        assert outcome.err.count("already done") == 2 + len(STAGES)
    assert "0 B fetched" in again.out
    assert job.archive.log == []
    assert (job.pair_folder / "products" / "los_displacement.tif").stat().st_mtime_ns == before
    assert job.bare("status").code == 0

    # the archive changes where the scenes come from, and nothing of the map
    job.archive.heal()
    scenes = [option for slices in stack.products for option in ("--slc", slices[0])]
    local = job.run(*scenes, "--workdir", tmp_path / "local")
    assert local.code == 0, local.err
    maps = [next(folder.rglob("los_displacement.tif")) for folder in (tmp_path / "local", job.pair_folder)]
    ours, theirs = (read_map(path).values.tobytes() for path in maps)
    assert ours == theirs


@pytest.mark.parametrize(
    ("command", "option", "value", "code", "problem"),
    [
        ("run", "--orbits", "nothere", USAGE, "nothere cannot be read"),
        ("fetch", "--orbits", ".", NO_DATA, "has no orbit files"),
        ("plan", "--dem", "nothere.tif", USAGE, "nothere.tif"),
        ("run", "--dem-datum", "egm96", USAGE, "dem.file is not given"),
        ("run", "--mask-water", "nothere.shp", USAGE, "nothere.shp is not there"),
        ("plan", "--unwrap-cut", "nothere.shp", USAGE, "nothere.shp cannot be read"),
        ("run", "--unwrap-cut", "LINESTRING (1 1, 2 2)", NO_DATA, "do not cut the map"),
        ("run", "area.yaml", "--quiet", NO_DATA, "reference area has no displacement"),
        ("run", "--reference-point", "1,1", NO_DATA, "lies outside the map"),
    ],
)
def test_what_does_not_suit_is_refused_before_the_archive_is_asked(
    begin: Begin, stack: SimulatedStack, command: str, option: str, value: str, code: int, problem: str
) -> None:
    job = begin(stack)
    (job.folder / "area.yaml").write_text("reference_area: 1 1 2 2\n")
    done = job.run(*SPAN, option, value, command=command)
    assert (done.code, job.archive.log) == (code, []), done.err
    assert problem in done.err


def test_what_does_not_suit_the_chosen_dates_is_refused_before_they_are_fetched(
    begin: Begin, stack: SimulatedStack, tmp_path: Path
) -> None:
    """An orbit of one date alone, a DEM of a part of the area, and a delay without a file."""
    job = begin(stack)
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    shutil.copy(stack.orbits[0], orbits)
    west, south, east, north = (float(value) for value in area(stack, 0.4).split())
    with rasterio.open(stack.dem) as dataset:
        window = dataset.window(west, south, east, north).round()
        profile = dataset.profile | {
            "width": window.width,
            "height": window.height,
            "transform": dataset.window_transform(window),
        }
        with rasterio.open(tmp_path / "small.tif", "w", **profile) as cut:
            cut.write(dataset.read(1, window=window), 1)
    (tmp_path / "delays").mkdir()
    config = tmp_path / "delay.yaml"
    config.write_text("corrections: {troposphere: [delays]}\n")
    for options, problem in (
        (("--orbits", orbits), "has no orbit file for"),
        (("--dem", "small.tif", "--dem-datum", "ellipsoid"), "small.tif"),
        ((config,), "corrections.troposphere"),
    ):
        done = job.run(*SPAN, *options)
        assert done.code in (USAGE, NO_DATA), done.err
        assert problem in done.err
        assert job.bodies() == 0


@pytest.mark.long
def test_slices_of_both_passes(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> None:
    scenario = Scenario(slices=2, bursts=4, columns=500, lake=None, terrain=Terrain(relief=400.0, margin=0.05))
    job = begin(simulate(scenario, tmp_path_factory.mktemp("sliced") / "new"))
    done = job.run(*SPAN)
    assert done.code == 0, done.err
    assert job.rmse_mm() <= ACCURACY
    assert job.bodies() == job.size()
    assert len(list(job.scenes.glob("*.zip"))) == 4
    job.archive.down.update(job.archive.hosts)
    assert job.bare("run", job.pair_folder / "dinsar.yaml").code == 0  # one product stands for its pass


@pytest.mark.long
def test_bursts_of_a_part_of_the_scenes(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An area in one burst of six: single bursts are fetched, and the map is that of whole scenes."""
    scenario = Scenario(swaths=(1, 2), bursts=3, columns=700, lake=None, terrain=Terrain(relief=400.0, margin=0.05))
    job = begin(simulate(scenario, tmp_path_factory.mktemp("wide") / "new"))
    done = job.run("--json", *SPAN, share=0.1)
    assert done.code == 0, done.err
    details = job.journal["stages"]["slc"]["details"]
    assert details["fetched"] == "bursts"
    assert job.bodies() == 0
    assert 0 < details["received_bytes"] < 0.6 * job.size()
    job.archive.down.update(job.archive.hosts)
    again = job.run(*SPAN, share=0.1)
    assert again.code == 0, again.err
    assert "0 B fetched" in again.out
    job.archive.heal()
    whole = job.run("--slc-download", "scenes", *SPAN, "--workdir", "whole", share=0.1)
    assert whole.code == 0, whole.err
    assert job.bodies() == job.size()
    ours, theirs = (
        read_map(folder / "products" / "los_displacement.tif").values
        for folder in (job.pair_folder, *(job.folder / "whole").glob("T*"))
    )
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.sum() > 0.99 * np.isfinite(theirs).sum() > 100
    difference = (ours - theirs)[both]
    assert np.abs(difference - np.median(difference)).max() < 1e-4


@pytest.mark.isce2
def test_with_topsapp(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = simulate(Scenario(), tmp_path_factory.mktemp("whole") / "new")
    job = begin(stack, engine="isce2")
    done = job.run(*SPAN, share=0.9, timeout=600)
    assert done.code == 0, done.err
    assert job.journal["engine"]["name"] == "isce2"
    assert job.rmse_mm() <= ACCURACY


# --- before and without the map ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("run", "--dry-run"), ("plan",)])
def test_preview_fetches_and_writes_nothing(begin: Begin, stack: SimulatedStack, command: tuple[str, ...]) -> None:
    job = begin(stack, account=False)
    before = snapshot(job.folder)
    done = job.run(*command[1:], "--json", *SPAN, command=command[0])
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["pair"].endswith(PAIR)
    assert record["choice"]["reason"]
    scenes = record["scenes"]
    assert (scenes["count"], scenes["way"], scenes["there"]) == (2, "scenes", 0)
    assert scenes["bytes"] == scenes["to_fetch"] == job.size()
    assert record["bursts"] == {"count": 2, "from": "the catalogue of bursts", "IW1": 2}
    (candidate,) = record["choice"]["candidates"]
    assert candidate["perpendicular_baseline_m"] == pytest.approx(80.0, abs=3.0)
    assert record["fits"] is True
    assert record["predicted"]["seconds"] > 0
    assert snapshot(job.folder) == before
    assert {entry.host for entry in job.archive.log} == {CATALOGUE}
    text = job.run(*command[1:], *SPAN, command=command[0])
    for told in ("12 days", "2 of IW1", "to fetch into", "predicted", "interferogram"):
        assert told in text.out


def test_prediction_from_the_catalogue_is_near_that_from_the_scenes(begin: Begin, stack: SimulatedStack) -> None:
    """The catalogue has whole bursts and no geometry: within a factor of two of what the products tell."""
    job = begin(stack)
    early = json.loads(job.run("--json", *SPAN, command="plan").out)
    assert job.run(*SPAN, command="fetch").code == 0
    late = json.loads(job.run("--json", *SPAN, command="plan").out)
    assert late["choice"]["pair"] == early["choice"]["pair"] == late["pair"]
    for what in ("disk", "peak_memory"):
        assert 0.5 < early["predicted"][what] / late["predicted"][what] < 2
    assert early["grid"]["crs"] == late["grid"]["crs"]


def test_preview_without_single_bursts_in_the_catalogue(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack)
    with Archive([replace(scene, file=None) for scene in job.archive.scenes]) as archive:
        done = run_online(archive, job.folder, "plan", *job.options("--json", *SPAN), **QUICK)
    assert done.code == 0, done.err
    assert json.loads(done.out)["bursts"]["from"] == "the footprints"


def test_preview_of_what_does_not_fit(begin: Begin, stack: SimulatedStack) -> None:
    done = begin(stack).run("--dry-run", "--memory", "256MB", *SPAN)
    assert done.code == RESOURCES
    assert "It cannot run here." in done.err


def test_fetched_data_make_the_map_without_a_network(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack)
    done = job.run("--json", *SPAN, command="fetch")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert [Path(path).name for path in record["scenes"]] == [slices[0].name for slices in stack.products]
    assert [Path(path).name for path in record["orbits"]] == [path.name for path in stack.orbits]
    assert all(Path(path).is_file() for path in (*record["scenes"], *record["orbits"], record["dem"]))
    assert record["received_bytes"] > job.size()
    job.archive.down.update(job.archive.hosts)
    job.archive.forget()
    made = job.run(*SPAN)
    assert made.code == 0, made.err
    assert job.archive.log == []
    assert "0 B fetched" in made.out


# --- stopped, and again -----------------------------------------------------------------------------------------


def test_killed_while_it_fetches_and_again(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack)
    smallest = min(path.stat().st_size for slices in stack.products for path in slices)
    job.archive.fail(STORE, faults.slow(rate=smallest / 4))
    process = job.start(*SPAN)

    def half_there() -> bool:
        parts = list(job.scenes.glob("*.part"))
        return len(parts) == 2 and all(part.stat().st_size > smallest / 3 for part in parts)

    wait_until(half_there, 60)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    assert list(job.scenes.glob("*.zip")) == []
    there = sum(part.stat().st_size for part in job.scenes.glob("*.part"))
    job.archive.heal()
    job.archive.forget()
    done = job.run(*SPAN, command="fetch")
    assert done.code == 0, done.err
    assert job.size() - there <= job.bodies() < 0.8 * job.size()
    for slices in stack.products:
        assert (job.scenes / slices[0].name).read_bytes() == slices[0].read_bytes()
    assert list(job.scenes.glob("*.part*")) == []


# --- refused ----------------------------------------------------------------------------------------------------


def test_without_an_account_nothing_is_fetched(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack, account=False)
    done = job.run(*SPAN)
    assert done.code == CREDENTIALS
    assert "dinsar login" in " ".join(done.error)
    assert {entry.host for entry in job.archive.log} == {CATALOGUE}
    assert not list(job.folder.glob("T*"))


def test_dates_without_a_pair_tell_what_there_is(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack)
    done = job.run("--start", "2023-09-05", "--end", "2023-09-30")
    assert done.code == NO_DATA
    assert "2023-09-16" in " ".join(done.error)
    none = job.run("--reference", "2023-09-05", "--secondary", "2023-09-16")
    assert none.code == NO_DATA
    assert "2023-09-04" in " ".join(none.error)
    assert {entry.host for entry in job.archive.log} == {CATALOGUE}


@pytest.mark.parametrize("command", ["run", "fetch"])
def test_scenes_that_do_not_fit_on_the_disk(begin: Begin, stack: SimulatedStack, command: str) -> None:
    """By what the catalogue says, each has a thousand terabytes."""
    job = begin(stack)
    large = [replace(scene, size=10**15) for scene in job.archive.scenes]
    with Archive(large, stack.orbits) as archive:
        archive.log_in(job.folder)
        done = run_online(archive, job.folder, command, *job.options("--slc-download", "scenes", *SPAN), **QUICK)
        assert done.code == RESOURCES
        assert "free" in " ".join(done.error)
        assert {entry.host for entry in archive.log} == {CATALOGUE}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--start", "2023-09-01"), "--end"),
        (("--reference", "2023-09-04"), "--secondary"),
        (("--start", "2023-09-30", "--end", "2023-09-01"), "end"),
        (("--polarization", "vv"), "--roi 'W S E N' --start DATE --end DATE"),
    ],
)
def test_half_a_question(begin: Begin, stack: SimulatedStack, options: tuple[str, ...], named: str) -> None:
    job = begin(stack)
    done = job.run(*options)
    assert done.code == USAGE
    assert named in " ".join(done.error)
    assert job.archive.log == []


def test_dates_without_an_area(begin: Begin, stack: SimulatedStack) -> None:
    job = begin(stack)
    done = job.bare("run", *SPAN)
    assert done.code == USAGE
    assert "--roi" in " ".join(done.error)
    assert job.archive.log == []


# --- choices ----------------------------------------------------------------------------------------------------


def test_flags_win_over_the_chosen_products_in_a_file(begin: Begin, stack: SimulatedStack, tmp_path: Path) -> None:
    """Dates on the command line are a new question, whatever products the file names."""
    job = begin(stack)
    file = tmp_path / "job.yaml"
    names = [slices[0].stem for slices in stack.products]
    file.write_text(f"roi: {area(stack, 0.6)}\nreference: {names[0]}\nsecondary: {names[1]}\nengine: eos\n")
    assert job.bare("run", file, "--dry-run").code == 0
    other = job.bare("run", file, "--dry-run", "--start", "2024-01-01", "--end", "2024-03-01")
    assert other.code == NO_DATA
    assert "2024" in other.error[0]


@pytest.mark.long
def test_a_span_that_is_not_over_is_asked_again(begin: Begin, stack: SimulatedStack) -> None:
    """There may be a later scene by then; without a network, the pair is that of last time."""
    job = begin(stack)
    later = datetime.now(UTC).date() + timedelta(days=365)
    span = ("--start", "2023-09-01", "--end", f"{later}")
    assert job.run(*span, command="fetch").code == 0
    job.archive.forget()
    assert job.run(*span, command="fetch").code == 0
    assert {entry.host for entry in job.archive.log} == {CATALOGUE}
    job.archive.down.update(job.archive.hosts)
    offline = job.run(*span, command="fetch")
    assert offline.code == 0, offline.err
    assert "The catalogue does not answer" in offline.err
    shutil.rmtree(job.scenes)
    gone = job.run(*span, command="fetch")
    assert gone.code == NETWORK
