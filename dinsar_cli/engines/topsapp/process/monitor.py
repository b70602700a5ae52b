"""What a run takes from the machine while it runs: memory of its processes, and disk space of its folder."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_PERIOD = 1.0  # s between samples
_REST = 20  # times as long as a sample took, none is taken: they use 5 % of a core at most
_BLOCK = 512  # bytes of the unit of st_blocks, on every system


@dataclass(frozen=True)
class Peaks:
    """The largest values of some time.

    Attributes
    ----------
    memory : int
        Of this process, and of another one with all that it started, bytes.
    disk : int
        Bytes on disk of a folder.
    """

    memory: int = 0
    disk: int = 0

    def with_sample(self, memory: int, disk: int) -> Peaks:
        """Return the larger of these and a sample."""
        return Peaks(max(self.memory, memory), max(self.disk, disk))


class Monitor:
    """Samples memory and disk each second in a thread, for as long as its block lasts.

    A peak that is shorter than the time between two samples may be missed. When a sample takes long, because the
    folder or the processes are large, the next ones come later.

    Parameters
    ----------
    process : int
        Process whose memory counts with that of all its descendants, beside the memory of this process.
    folder : Path
        Folder whose disk space counts.
    """

    def __init__(self, process: int, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)
        self._last = self._peaks = Peaks()
        self._rested = 0.0  # when the next sample may be taken
        self._cost = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def take(self) -> Peaks:
        """Give the peaks since the last call, and start anew.

        A sample is taken first, so that also a short time has one; right after another sample that one counts.
        """
        with self._lock:
            if time.monotonic() >= self._rested:
                self._sample()
            peaks, self._peaks = self._peaks, self._last
        return peaks

    def _watch(self) -> None:
        while not self._stopped.wait(max(_PERIOD, _REST * self._cost)):
            with self._lock:
                self._sample()

    def _sample(self) -> None:
        started = time.monotonic()
        memory, disk = memory_used(self._process), disk_used(self._folder)
        ended = time.monotonic()
        self._cost = ended - started
        self._rested = ended + _REST * self._cost
        self._last = Peaks(memory, disk)
        self._peaks = self._peaks.with_sample(memory, disk)


def memory_used(root: int) -> int:
    """Return the memory of this process, and of another one with all its descendants, in bytes.

    On Linux it is the proportional set size (PSS): memory that several of them share counts once, and memory that
    they share with others counts in part. Elsewhere it is the resident set size (RSS).
    """
    processes = [psutil.Process()]
    with suppress(psutil.Error):
        top = psutil.Process(root)
        processes += [top, *top.children(recursive=True)]
    return sum(_resident(process) for process in {process.pid: process for process in processes}.values())


def _resident(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:  # of a program that may do more than we
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        pass
    return 0


def disk_used(folder: Path) -> int:
    """Return bytes that a folder with all that is in it takes on the disk.

    Allocated blocks, not the lengths of files.

    What vanishes meanwhile, or cannot be read, does not count; links are not followed.
    """
    total, folders = 0, [os.fspath(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return total
