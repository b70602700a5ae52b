"""Finding ISCE2 and running topsApp: real processes, with a stand-in for what takes minutes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dinsar_cli.engines.base import StepCost
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.process.runner import run_topsapp
from dinsar_cli.engines.topsapp.settings.execution import Manner
from dinsar_cli.engines.topsapp.settings.steps import (
    STEPS,
    forget_from,
    last_done,
    mend_state,
    next_step,
    share_done,
    time_left,
)
from dinsar_cli.errors import EngineError, NoDataError, ResourceError
from support.processes import alive, gone
from support.topsapp.isce2_process import find_isce2
from support.topsapp.stand_in import write_isce2

_PATIENCE = 60.0  # s to wait for what comes in a moment, on a busy machine


@pytest.fixture
def no_isce2(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that names no ISCE2."""
    for name in ("ISCE_HOME", "CONDA_PREFIX", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]))
    return monkeypatch


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_isce2(tmp_path / "my tools", STEPS)


@pytest.fixture
def isce2(home: Path) -> Installation:
    return Installation(home, Path(sys.executable), {})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "a run"
    folder.mkdir()
    return folder


def play(work: Path, **steps: dict[str, object]) -> None:
    (work / "script.json").write_text(json.dumps(steps))


def test_isce2_is_found_by_what_is_given(home: Path, no_isce2: object) -> None:
    for place in (home, home.parents[1]):
        found, reason = find_isce2(home=place)
        assert found is not None, reason
        assert found.home == home
        assert found.versions["version"] == "2.6.5"


def test_isce2_is_found_by_isce_home(home: Path, no_isce2: pytest.MonkeyPatch) -> None:
    no_isce2.setenv("ISCE_HOME", str(home))
    assert find_isce2()[0] is not None


def test_isce2_is_found_on_path(home: Path, no_isce2: pytest.MonkeyPatch) -> None:
    no_isce2.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(home / "applications")]))
    assert find_isce2()[0] is not None


def test_isce2_is_found_in_a_conda_environment(tmp_path: Path, no_isce2: pytest.MonkeyPatch) -> None:
    prefix = tmp_path / "conda" / "envs" / "insar"
    home = write_isce2(tmp_path, STEPS)
    site = prefix / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    site.parent.mkdir(parents=True)
    home.parent.rename(site)
    no_isce2.setenv("CONDA_EXE", str(tmp_path / "conda" / "bin" / "conda"))
    found, reason = find_isce2(conda_env="insar")
    assert found is not None, reason
    assert found.home == site / "isce"
    assert find_isce2(conda_env="other")[0] is None


def test_absent_isce2_is_told(no_isce2: object) -> None:
    found, reason = find_isce2()
    assert found is None
    assert "ISCE_HOME" in reason


def test_isce2_without_gdal_is_told(tmp_path: Path, no_isce2: object) -> None:
    found, reason = find_isce2(write_isce2(tmp_path, STEPS, osgeo=False), Path(sys.executable))
    assert found is None
    assert "osgeo" in reason


def test_environment_has_the_right_python_first(isce2: Installation, tmp_path: Path) -> None:
    environment = isce2.environment(3, tmp_path)
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["OMP_WAIT_POLICY"] == "passive"
    assert "VIRTUAL_ENV" not in environment


@dataclass
class Told:
    """What a run told while it went on."""

    progress: list[tuple[str, float, float | None]] = field(default_factory=list)
    costs: dict[str, StepCost] = field(default_factory=dict)

    @property
    def steps(self) -> list[str]:
        """Steps in the order in which they were first told of."""
        return list(dict.fromkeys(step for step, *_ in self.progress))


@dataclass
class Runs:
    """Runs of the stand-in in one folder."""

    isce2: Installation
    work: Path
    logs: Path

    def __call__(
        self, start: str = STEPS[0], end: str = STEPS[-1], timeout: float | None = None, **expected: float
    ) -> Told:
        """Run from one step to another; the told is also in `told` when it fails."""
        self.told = Told()
        costs = run_topsapp(
            self.isce2,
            self.work,
            start,
            end,
            manner=Manner(),
            logs=self.logs,
            progress=lambda *told: self.told.progress.append((told[0], told[1], told[2] if told[2:] else None)),
            on_step=self.told.costs.__setitem__,
            expected=expected,
            timeout=timeout,
        )
        assert costs == self.told.costs
        return self.told

    def log(self, name: str) -> str:
        """Text of a log."""
        return (self.logs / name).read_text()


@pytest.fixture
def runs(isce2: Installation, work: Path, tmp_path: Path) -> Runs:
    return Runs(isce2, work, tmp_path / "logs of a run")


def test_all_steps_in_one_process(runs: Runs, work: Path) -> None:
    told = runs(**dict.fromkeys(STEPS, 1.0))
    assert told.steps == list(STEPS)
    assert list(told.costs) == list(STEPS)
    shares = [share for _, share, _ in told.progress]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0, abs=0.01)
    assert shares[-1] < 1
    assert (work / "started").read_text().split() == [STEPS[0]]
    assert next_step(work) is None


def test_steps_can_end_before_the_last(runs: Runs, work: Path) -> None:
    assert runs(end="topo").steps[-1] == "topo"
    assert next_step(work) == "subsetoverlaps"


def test_progress_goes_on_within_a_step_but_not_past_its_end(runs: Runs, work: Path) -> None:
    play(work, topo={"sleep": 6})
    told = runs(topo=2.0, unwrap=6.0)
    topo = [(share, left) for step, share, left in told.progress if step == "topo"]
    assert len(topo) >= 4
    assert topo[0] == pytest.approx((0, 8), abs=0.1)
    assert 0 < topo[1][0] <= 2 / 8
    assert [8 * share + left for share, left in topo] == pytest.approx([8] * len(topo), abs=0.1)
    assert topo[-1] == (2 / 8, 6)


def test_each_step_has_a_log(runs: Runs, work: Path) -> None:
    play(work, topo={"say": "terrain é"}, filter={"say": "half a line\rand more"})
    runs()
    assert "terrain é" in runs.log("05_topo.log")
    assert "terrain" not in runs.log("04_verifyDEM.log") + runs.log("06_subsetoverlaps.log")
    assert "half a line\nand more\n" in runs.log("18_filter.log")
    assert len(list(runs.logs.iterdir())) == len(STEPS) + 1
    assert "Step processing" in runs.log("00_topsApp.log")
    said = [line.split(" ")[1] for line in runs.log("00_topsApp.log").splitlines()]
    assert [word for word in said if word in STEPS] == list(STEPS)


def test_log_of_a_repeated_step_starts_anew(runs: Runs, work: Path) -> None:
    play(work, filter={"say": "the first time"})
    runs()
    play(work, filter={"say": "the second time"})
    runs(start="filter")
    assert "the second time" in runs.log("18_filter.log")
    assert "the first time" not in runs.log("18_filter.log")
    assert "working" in runs.log("17_mergebursts.log")
    assert [line.split()[-1] for line in runs.log("00_topsApp.log").splitlines()].count("filter") == 2


def test_step_that_prints_much_is_read_to_the_end(runs: Runs, work: Path) -> None:
    play(work, topo={"shell": "seq 1 300000"})
    runs()
    numbers = runs.log("05_topo.log").split("Running step topo\nworking\n")[1].splitlines()
    assert numbers[:300_000] == [str(number) for number in range(1, 300_001)]


def test_costs_of_finished_steps_are_told_when_a_later_one_fails(runs: Runs, work: Path) -> None:
    play(work, topo={"sleep": 6, "take": 200}, fineoffsets={"exit": 3})
    with pytest.raises(EngineError):
        runs()
    costs = runs.told.costs
    assert list(costs) == list(STEPS[: STEPS.index("fineoffsets")])
    assert costs["topo"].seconds >= 6
    assert costs["topo"].seconds == max(one.seconds for one in costs.values())
    # Its own 200 MB count in full; what is shared with other processes changes as they come and go.
    assert costs["topo"].peak_memory > 200e6
    assert costs["topo"].peak_memory == max(one.peak_memory for one in costs.values())
    # A sample may fall into the writing of the file, and be the last one: this process is large, and they are rare.
    assert 20e6 < costs["topo"].disk - costs["verifyDEM"].disk < 1.05 * 200e6


def test_failed_step_is_named_and_gone_on_from(runs: Runs, work: Path) -> None:
    play(work, fineoffsets={"say": "ZeroDivisionError: division by zero", "exit": 3})
    with pytest.raises(EngineError) as caught:
        runs()
    assert "fineoffsets" in caught.value.problem
    assert "division by zero" in caught.value.cause
    assert str(runs.logs / "13_fineoffsets.log") in caught.value.remedy
    assert "division by zero" in runs.log("13_fineoffsets.log")
    assert next_step(work) == "fineoffsets"
    play(work)
    runs(start="fineoffsets")
    assert next_step(work) is None


def test_failure_before_the_first_step_names_its_log(runs: Runs, work: Path) -> None:
    (work / "script.json").write_text("{")
    with pytest.raises(EngineError) as caught:
        runs()
    assert "JSONDecodeError" in caught.value.cause
    assert "00_topsApp.log" in caught.value.remedy
    assert "JSONDecodeError" in runs.log("00_topsApp.log")


def test_killed_by_the_system_is_memory(runs: Runs, work: Path) -> None:
    play(work, unwrap={"say": "Solving", "kill": True})
    with pytest.raises(ResourceError, match="killed in its step unwrap"):
        runs()
    assert last_done(work) == "filter"
    assert "Solving" in runs.log("19_unwrap.log")


def test_what_topsapp_only_prints_stops_it(runs: Runs, work: Path) -> None:
    play(work, preprocess={"say": "No swaths contain any burst overlaps ... cannot continue", "sleep": 60})
    with pytest.raises(NoDataError, match="preprocess"):
        runs()
    assert last_done(work) == "startup"
    assert gone(pid_in(work / "pid"))


def test_step_that_went_wrong_is_forgotten_when_topsapp_is_quicker(runs: Runs, work: Path) -> None:
    """It goes on, and fails somewhere else before anybody could stop it."""
    play(work, preprocess={"say": "Generated error:  No annotation xml file found"}, topo={"exit": 1})
    with pytest.raises(NoDataError, match="preprocess"):
        runs()
    assert last_done(work) == "startup"


def test_end_without_the_last_step_is_a_failure(runs: Runs, work: Path) -> None:
    play(work, topo={"exit": 0})
    with pytest.raises(EngineError, match="topo"):
        runs()


@pytest.mark.parametrize("deaf", [False, True])
def test_timeout_ends_topsapp_and_its_helpers(deaf: bool, runs: Runs, work: Path) -> None:
    play(work, preprocess={"sleep": 1}, topo={"deaf": deaf, "shell": HELPER, "sleep": 120})
    with pytest.raises(EngineError) as caught:
        runs(timeout=12)
    assert "step topo" in caught.value.problem
    assert re.search(r"taken ([1-9]|1[01])(\.\d+)? seconds", caught.value.cause)
    assert "isce2.timeout" in caught.value.remedy
    assert "goes on at the step topo" in caught.value.remedy
    assert "05_topo.log" in caught.value.remedy
    assert gone(pid_in(work / "pid"))
    assert gone(pid_in(work / "helper"))
    assert next_step(work) == "topo"


def test_run_within_the_timeout_is_left_alone(runs: Runs, work: Path) -> None:
    runs(timeout=60)
    assert next_step(work) is None


def test_helper_that_topsapp_leaves_behind_is_ended(runs: Runs, work: Path) -> None:
    play(work, unwrap={"shell": "sleep 900 & echo $! > helper"})
    started = time.monotonic()
    runs()
    assert time.monotonic() - started < 300
    assert gone(pid_in(work / "helper"))


# a program of the shell that stays, in the foreground, as those that topsApp calls
HELPER = "sh -c 'echo $$ > helper; exec sleep 300'"


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return int(file.read_text())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_topsapp_and_its_helpers_end_with_us(how: signal.Signals, home: Path, work: Path) -> None:
    play(work, topo={"shell": HELPER, "sleep": 120})
    program = f"""
import signal
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.settings.execution import Manner
from dinsar_cli.engines.topsapp.process.runner import run_topsapp
run_topsapp(Installation(Path({str(home)!r}), Path({sys.executable!r}), {{}}), Path({str(work)!r}),
    "startup", "unwrap", manner=Manner(), logs=Path({str(work)!r}) / "logs", on_step=lambda *_: None, expected={{}},
    timeout=None, progress=lambda step, *_: print(step, flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as ours:
        assert ours.stdout is not None
        for line in ours.stdout:
            if line.strip() == "topo":
                break
        theirs, helper = pid_in(work / "pid"), pid_in(work / "helper")
        assert alive(theirs)
        assert alive(helper)
        ours.send_signal(how)
        ours.stdout.read()
    assert gone(theirs)
    assert gone(helper)
    assert next_step(work) == "topo"


def test_topsapp_ends_with_us_when_somebody_else_holds_our_files(home: Path, work: Path) -> None:
    """A process that we have forked, as multiprocessing does, has all that we have open."""
    play(work, topo={"shell": HELPER, "sleep": 120})
    program = f"""
import os, threading, time
from pathlib import Path
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.settings.execution import Manner
from dinsar_cli.engines.topsapp.process.runner import run_topsapp
def told(step, *_):
    if step == "topo" and os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    print(step, flush=True)
run_topsapp(Installation(Path({str(home)!r}), Path({sys.executable!r}), {{}}), Path({str(work)!r}),
    "startup", "topo", manner=Manner(), logs=Path({str(work)!r}) / "logs", on_step=lambda *_: None, expected={{}},
    timeout=None, progress=told)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as ours:
        theirs, helper = pid_in(work / "pid"), pid_in(work / "helper")
        ours.kill()
    assert gone(theirs)
    assert gone(helper)


def test_topsapp_ends_with_its_supervisor(runs: Runs, work: Path) -> None:
    play(work, topo={"shell": "kill -9 $(ps -o ppid= -p $PPID)", "sleep": 900})
    started = time.monotonic()
    with pytest.raises(ResourceError, match="killed in its step topo"):
        runs()
    assert time.monotonic() - started < 300
    assert gone(pid_in(work / "pid"))


def test_half_written_state_is_done_again(runs: Runs, work: Path) -> None:
    runs()
    state = work / "PICKLE" / "mergebursts"
    state.write_bytes(state.read_bytes()[:-3])
    assert next_step(work) == "mergebursts"
    (work / "PICKLE" / "topo").write_bytes(b"")
    assert next_step(work) == "topo"


def test_forgotten_steps_are_done_again(runs: Runs, work: Path) -> None:
    runs()
    forget_from(work, "filter")
    assert next_step(work) == "filter"
    assert last_done(work) == "mergebursts"


def test_shares_grow_from_nothing_to_all() -> None:
    expected = {"topo": 6.0, "fineoffsets": 3.0, "unwrap": 1.0}
    assert share_done(expected, "startup", 5) == 0
    assert share_done(expected, "topo", 3) == pytest.approx(0.3)
    assert share_done(expected, "topo", 60) == share_done(expected, "coarseoffsets", 1) == pytest.approx(0.6)
    assert share_done(expected, "unwrap", 1) == pytest.approx(1)
    starts = [share_done({}, step, 0) for step in STEPS]
    assert starts[0] == 0
    assert all(a < b < 1 for a, b in pairwise(starts))


def test_time_left_is_that_of_the_steps_to_come() -> None:
    expected = {"topo": 6.0, "fineoffsets": 3.0, "unwrap": 1.0}
    assert time_left(expected, "startup", 0, "unwrap") == 10
    assert time_left(expected, "topo", 4, "unwrap") == 6
    assert time_left(expected, "topo", 40, "filter") == 3
    assert time_left(expected, "unwrap", 2, "unwrap") == 0


STATE = """<topsAppContext>
    <property name="commonburststartsecondaryindex">
        <value>[np.int64(-3), -1, np.int64(10)]</value>
        <doc>Secondary burst start index (np) for common bursts</doc>
    </property>
    <property name="mean"><value>np.float64(1.5e-07)</value></property>
</topsAppContext>
"""


def test_state_of_numpy_2_is_mended_before_it_is_loaded(runs: Runs, work: Path) -> None:
    runs(end="fineresamp")
    state = work / "PICKLE" / "fineresamp.xml"
    state.write_text(STATE)
    runs(start="ion")
    values = [value.text for value in ET.parse(state).iter("value")]
    assert values == ["[-3, -1, 10]", "1.5e-07"]
    assert "index (np) for" in state.read_text()


def test_state_that_needs_no_mending_is_not_touched(work: Path) -> None:
    (work / "PICKLE").mkdir()
    state = work / "PICKLE" / "computeBaselines.xml"
    state.write_text("<a>[0, -1, -1]</a>")
    before = state.stat()
    mend_state(work, "verifyDEM")
    mend_state(work, "startup")
    mend_state(work, "filter")
    after = state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )  # it is read, which its atime tells
