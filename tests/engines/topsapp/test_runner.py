"""Finding ISCE2 and running topsApp: real processes, with a stand-in for what takes minutes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from dinsar_cli.engines.topsapp.installation import Installation, find_isce2
from dinsar_cli.engines.topsapp.runner import run_topsapp
from dinsar_cli.engines.topsapp.steps import STEPS, forget_from, last_done, next_step, share_before
from dinsar_cli.errors import EngineError, ResourceError
from stand_in import write_isce2


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


def nothing(*_: object) -> None:
    """Take progress and do nothing with it."""


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
    site = prefix / "lib" / "python3.12" / "site-packages"
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


def test_all_steps_in_one_process(isce2: Installation, work: Path) -> None:
    told: list[tuple[str, float]] = []
    seconds = run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, lambda step, share: told.append((step, share)))
    assert list(seconds) == list(STEPS)
    assert [step for step, _ in told] == list(STEPS)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    assert (work / "started").read_text().split() == [STEPS[0]]
    assert next_step(work) is None


def test_failed_step_is_named_and_gone_on_from(isce2: Installation, work: Path) -> None:
    play(work, fineoffsets={"say": "ZeroDivisionError: division by zero", "exit": 3})
    with pytest.raises(EngineError) as caught:
        run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)
    assert "fineoffsets" in caught.value.problem
    assert "division by zero" in caught.value.cause
    assert "topsApp.out" in caught.value.remedy
    assert next_step(work) == "fineoffsets"
    play(work)
    run_topsapp(isce2, work, "fineoffsets", STEPS[-1], 1, nothing)
    assert next_step(work) is None


def test_killed_by_the_system_is_memory(isce2: Installation, work: Path) -> None:
    play(work, unwrap={"kill": True})
    with pytest.raises(ResourceError, match="killed in its step unwrap"):
        run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)
    assert last_done(work) == "filter"


def test_what_topsapp_only_prints_stops_it(isce2: Installation, work: Path) -> None:
    play(work, preprocess={"say": "No swaths contain any burst overlaps ... cannot continue", "sleep": 60})
    started = time.monotonic()
    with pytest.raises(EngineError, match="preprocess"):
        run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)
    assert time.monotonic() - started < 20
    assert not alive(int((work / "pid").read_text()))


def test_end_without_the_last_step_is_a_failure(isce2: Installation, work: Path) -> None:
    play(work, topo={"exit": 0})
    with pytest.raises(EngineError, match="topo"):
        run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_topsapp_ends_with_us(how: signal.Signals, home: Path, work: Path) -> None:
    play(work, topo={"sleep": 120})
    program = f"""
import signal
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
from dinsar_cli.engines.topsapp.installation import Installation
from dinsar_cli.engines.topsapp.runner import run_topsapp
run_topsapp(Installation(Path({str(home)!r}), Path({sys.executable!r}), {{}}), Path({str(work)!r}),
    "startup", "unwrap", 1, lambda step, share: print(step, flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as ours:
        assert ours.stdout is not None
        for line in ours.stdout:
            if line.strip() == "topo":
                break
        theirs = int((work / "pid").read_text())
        assert alive(theirs)
        ours.send_signal(how)
        ours.stdout.read()
    deadline = time.monotonic() + 10
    while alive(theirs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(theirs)
    assert next_step(work) == "topo"


def test_half_written_state_is_done_again(isce2: Installation, work: Path) -> None:
    run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)
    state = work / "PICKLE" / "mergebursts"
    state.write_bytes(state.read_bytes()[:-3])
    assert next_step(work) == "mergebursts"
    (work / "PICKLE" / "topo").write_bytes(b"")
    assert next_step(work) == "topo"


def test_forgotten_steps_are_done_again(isce2: Installation, work: Path) -> None:
    run_topsapp(isce2, work, STEPS[0], STEPS[-1], 1, nothing)
    forget_from(work, "filter")
    assert next_step(work) == "filter"
    assert last_done(work) == "mergebursts"


def test_shares_grow_from_nothing_to_all() -> None:
    shares = [share_before(step) for step in STEPS]
    assert shares[0] == 0
    assert all(a < b < 1 for a, b in pairwise(shares))
