"""Several bursts at a time: the same bytes as topsApp makes, and the ends of processes that fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.base import Work
from dinsar_cli.engines.topsapp.scripts import burstwise
from dinsar_cli.engines.topsapp.settings.execution import Manner, manner_of
from dinsar_cli.engines.topsapp.settings.steps import forget_from
from support.topsapp.workbench import Workbench, work_folder

BURSTS = Work(samples=6 * 3.8, bursts=6, largest=3.8, cells=1.6)
PLENTY = 64 * 10**9
# A package with steps like those of ISCE2: works that write a file for each burst, and a step that writes a list.
STEP = """
import os, sys, time

def resample(number, name):
    open(name, "w").write(f"{number} by {os.getpid()}")
    if str(number) in os.environ["FAIL"].split():
        HOW
    return name

def valid(name):
    return (float(open(name).read().split()[0]), 0.0)

def run(app):
    found = []
    for number in range(5):
        name = resample(number, f"burst_{number}")
        found.append((number, valid(name)))
    print("the step is done", flush=True)
    app._insar.saveProduct(found)
"""
PROGRAM = """
import sys, types
sys.path[:0] = [{here!r}, {folder!r}]
import step
import burstwise
works = (
    burstwise.Work("step", "resample", retold=lambda given, _: given[1]),
    burstwise.Work("step", "valid", burstwise._as_given, burstwise._as_told, (0.0, 0.0)),
)
app = types.SimpleNamespace(_insar=types.SimpleNamespace(saveProduct=lambda found: print(found)))
real = step.resample
burstwise.do_apart(step.run, app, works, {number}, 5)
assert step.resample is real
"""


def run_step(folder: Path, number: int, how: str = "pass", fail: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "step.py").write_text(STEP.replace("HOW", how))
    here = str(Path(burstwise.__file__).parent)
    program = PROGRAM.format(here=here, folder=str(folder), number=number)
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"FAIL": fail},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_works_are_shared_and_the_step_is_done_once(number: int, tmp_path: Path) -> None:
    done = run_step(tmp_path, number)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the step is done", str([(n, (float(n), 0.0)) for n in range(5)])]
    by = [(tmp_path / f"burst_{burst}").read_text().split()[2] for burst in range(5)]
    assert len(set(by)) == min(number, 5)
    assert [by.index(process) for process in by] == [burst % min(number, 5) for burst in range(5)]


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("raise OSError('no such burst')", 1),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("os.kill(os.getpid(), 11)", -signal.SIGSEGV),
        ("os._exit(7)", 7),
        ("os._exit(0)", 1),  # as Fortran's stop does: without a result it has failed
    ],
)
def test_failure_of_a_process_is_that_of_all(how: str, code: int, tmp_path: Path) -> None:
    done = run_step(tmp_path, 2, how, fail="3")
    assert done.returncode == code
    assert "the step is done" not in done.stdout
    assert ("no such burst" in done.stdout) == (code == 1 and "raise" in how)


@pytest.mark.parametrize("number", [2, 3])
def test_what_a_process_prints_stays_together(number: int, tmp_path: Path) -> None:
    how = "[(print(number, line, flush=True), time.sleep(0.02)) for line in range(4)]"
    done = run_step(tmp_path, number, how, fail="0 1 2 3 4")
    order = [burst for first in range(number) for burst in range(first, 5, number)]
    *printed, last, _ = done.stdout.splitlines()
    assert printed == [f"{burst} {line}" for burst in order for line in range(4)]
    assert last == "the step is done"


def test_slow_process_does_not_outlive_one_that_fails(tmp_path: Path) -> None:
    done = run_step(tmp_path, 2, "os._exit(7) if number else time.sleep(3600)", fail="0 1")  # within the time limit
    assert done.returncode == 7


def test_topsapp_that_is_not_as_we_know_it_runs_as_it_is(tmp_path: Path) -> None:
    program = tmp_path / "topsApp.py"
    program.write_text("import sys; print(__name__, sys.argv[1:], sys.path[0])")
    command = [sys.executable, burstwise.__file__, "2", "BICUBIC", str(program), "topsApp.xml", "--start=topo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["__main__", f"['topsApp.xml', '--start=topo'] {tmp_path}\n"]
    assert "one at a time" in done.stderr


def test_topsapp_finds_what_numpy_2_has_lost(tmp_path: Path) -> None:
    program = tmp_path / "topsApp.py"
    program.write_text("import numpy as np; print(repr(np.asfarray([1, 2])), np.asfarray([1], np.float32).dtype)")
    command = [sys.executable, burstwise.__file__, "2", "BICUBIC", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "array([1., 2.]) float32\n"


def test_cores_go_to_bursts_first() -> None:
    def manner(threads: int, memory: int = PLENTY, **options: object) -> tuple[int, int]:
        found = manner_of(TopsappConfig.model_validate(options), BURSTS, threads, memory)
        return found.bursts, found.threads

    assert manner(1) == (1, 1)
    assert manner(2) == (2, 1)
    assert manner(4) == (4, 1)
    assert manner(16) == (6, 2)
    assert manner(4, memory=250 * 10**6) == (2, 2)  # 27 bytes a sample of each of 3.8 million
    assert manner(4, memory=10**6) == (1, 4)
    assert manner(4, do_esd=True) == (4, 1)
    assert manner(16, do_esd=True) == (1, 16)  # threads that have run do not survive a fork
    assert manner(4, use_gpu=True) == (1, 4)
    assert manner_of(TopsappConfig(), replace(BURSTS, bursts=1), 4, PLENTY) == Manner(1, 4, "BICUBIC")
    assert manner_of(TopsappConfig(dem_interpolation="biquintic"), BURSTS, 1, PLENTY).interpolation == "BIQUINTIC"
    assert Manner(3, 1).apply(BURSTS).at_once == pytest.approx(3 * 3.8)


@pytest.mark.isce2
def test_real_topsapp_makes_the_same_bytes(bursts_run: tuple[Workbench, Path]) -> None:
    """All that the steps from topo to filter leave."""
    bench, pair = bursts_run
    work = work_folder(pair)
    folders = ("geom_reference", "fine_offsets", "fine_coreg", "fine_interferogram", "merged")

    def files() -> dict[str, bytes]:
        found = (path for name in folders for path in sorted((work / name).rglob("*")) if path.is_file())
        return {str(path.relative_to(work)): path.read_bytes() for path in found}

    apart = files()
    assert len(apart) > 50
    forget_from(work, "topo")
    for name in folders:
        for path in (work / name).rglob("*"):
            if path.is_file():
                path.unlink()
    done = bench.direct(work, "topo", "filter")
    assert done.returncode == 0, done.stdout[-2000:]
    one_by_one = files()
    unwrapped = {name for name in apart if "unw" in name or "phsig" in name}
    assert set(one_by_one) >= set(apart) - unwrapped
    assert [name for name in sorted(set(apart) - unwrapped) if apart[name] != one_by_one[name]] == []


@pytest.fixture
def bursts_run(real_topsapp: Workbench, tmp_path: Path) -> tuple[Workbench, Path]:
    """A run with two bursts at a time, and topsApp's own way of taking heights."""
    settings = tmp_path / "settings.yaml"
    settings.write_text("topsapp:\n  dem_interpolation: biquintic\n")
    command = real_topsapp.command(tmp_path / "work", "--threads", "2")
    command.insert(command.index("run") + 1, str(settings))
    done = subprocess.run(command, env=real_topsapp.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (pair,) = (tmp_path / "work").glob("T*_*")
    return real_topsapp, pair
