"""Memory of real processes, and disk space of real folders."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dinsar_cli.engines.topsapp.process.monitor import Monitor, Peaks, disk_used, memory_used

MB = 1_000_000
HOLD = "import os, sys, time; held = os.urandom(1000) * (1000 * {size}); {then}; print('held', flush=True); {wait}"
WAIT = "sys.stdin.read()"


@contextmanager
def holding(megabytes: int, then: str = "pass", *, below_shell: bool = False) -> Iterator[int]:
    """A process that holds memory until the block ends, below a shell or not."""
    command = [sys.executable, "-c", HOLD.format(size=megabytes, then=then, wait=WAIT)]
    if below_shell:
        command = ["sh", "-c", '"$@"; true', "sh", *command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.communicate()


def test_memory_is_that_of_the_whole_tree() -> None:
    with holding(20) as small, holding(220) as large:
        alone = memory_used(large) - memory_used(small)
    assert alone == pytest.approx(200 * MB, rel=0.02)
    with holding(220, below_shell=True) as shell, holding(20) as small:
        below = memory_used(shell) - memory_used(small)
    assert below == pytest.approx(200 * MB, rel=0.05)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell shared memory")
def test_memory_that_processes_share_counts_once() -> None:
    fork = "[os.fork() or (sys.stdin.read(), os._exit(0)) for _ in range(3)]"
    with holding(20) as small, holding(220, fork) as large:
        assert memory_used(large) - memory_used(small) == pytest.approx(200 * MB, rel=0.15)


def test_memory_of_a_process_that_has_ended_is_ours() -> None:
    with holding(50) as ended:
        during = memory_used(ended)
    assert 0 < memory_used(ended) < during - 40 * MB


def test_disk_is_what_is_allocated(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "full").write_bytes(b"x" * (5 * MB))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1000 * MB)
    (tmp_path / "link").symlink_to(Path(sys.executable).parent)
    assert disk_used(tmp_path) == pytest.approx(5 * MB, rel=0.05)
    assert disk_used(tmp_path / "absent") == 0


def test_disk_of_a_thousand_files_is_that_of_du(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / str(folder)).mkdir()
        for file in range(50):
            (tmp_path / str(folder) / str(file)).write_bytes(b"x" * (137 * file))
    told = subprocess.run(["du", "-s", "--block-size=1", tmp_path], capture_output=True, text=True, check=True)
    top = tmp_path.stat().st_blocks * 512
    assert disk_used(tmp_path) + top == int(told.stdout.split()[0])


def take_until(monitor: Monitor, seen: Callable[[Peaks], bool]) -> Peaks:
    """Peaks of the time in which something was seen, however late a busy machine takes the samples."""
    until = time.monotonic() + 120
    while not seen(peaks := monitor.take()):
        assert time.monotonic() < until, peaks
        time.sleep(0.05)
    return peaks


def test_peaks_are_kept_and_start_anew(tmp_path: Path) -> None:
    with holding(5) as process, Monitor(process, tmp_path) as monitor:
        low = monitor.take()
        file = tmp_path / "file"
        file.write_bytes(b"x" * (50 * MB))
        high = take_until(monitor, lambda peaks: peaks.disk > 40 * MB)
        file.unlink()
        kept = monitor.take()  # the last sample still counts, or a new one does
        after = take_until(monitor, lambda peaks: peaks.disk < MB)
    assert high.disk - low.disk == pytest.approx(50 * MB, rel=0.05)
    assert kept.disk in (high.disk, low.disk)
    assert after.disk == pytest.approx(low.disk, abs=MB)
    assert high.memory > 5 * MB
    assert low.memory > 5 * MB


def test_a_peak_that_nobody_asked_for_is_kept() -> None:
    peaks = Peaks(3, 50).with_sample(5, 1).with_sample(2, 2)
    assert peaks == Peaks(5, 50)


def test_each_of_many_short_times_has_peaks(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / str(number)).write_bytes(b"x")
    with holding(5) as process, Monitor(process, tmp_path) as monitor:
        peaks = [monitor.take() for _ in range(400)]
    assert min(one.memory for one in peaks) > 5 * MB
    assert min(one.disk for one in peaks) == disk_used(tmp_path)
