"""Memory of this process: its peak while something runs, and the bound of GDAL's cache."""

from __future__ import annotations

import ctypes
import platform
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio

RASTER_CACHE_BYTES = 64 * 1024**2
_M_ARENA_MAX = -8  # of mallopt(3)
_CLEAR_REFS = Path("/proc/self/clear_refs")
_NO_LIMIT = 2**60  # what version 1 of the control groups writes for none is more
_STATUS = Path("/proc/self/status")


@contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """Give a function that tells the peak resident memory since the start of the block, in bytes.

    On Linux the kernel's high-water mark is set back first; elsewhere the mark is that of the whole process.
    """
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        yield _peak_of_process
        return
    yield _high_water_mark


def _high_water_mark() -> int:
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _peak_of_process() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def bounded_raster_cache() -> Iterator[None]:
    """Keep GDAL's cache of raster blocks small, so that it does not grow with the images that are read.

    GDAL takes the size when it first reads a block, and keeps it for the life of the process. In this thread it
    inflates the blocks of a large read with all cores.
    """
    with rasterio.Env(GDAL_CACHEMAX=RASTER_CACHE_BYTES, GDAL_NUM_THREADS="ALL_CPUS"):
        yield


def memory_limit(groups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return the bytes that the control groups of this process allow it: those of a container or of a batch job.

    Parameters
    ----------
    groups, membership : Path
        Where Linux shows the groups, and which ones a process is in.

    Returns
    -------
    int or None
        The least of the limits of the group and those above it; None where there is none.
    """
    try:
        lines = membership.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    limits = []
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers not in ("", "memory"):
            continue
        root, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        group = root / path.lstrip("/")
        for place in (group, *group.parents):
            if place.is_relative_to(root):
                limits += _limit_in(place / name)
    return min(limits, default=None)


def _limit_in(file: Path) -> list[int]:
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return []
    return [int(text)] if text.isdecimal() and int(text) < _NO_LIMIT else []


def share_one_heap() -> None:
    """Let all threads allocate from one heap.

    glibc gives each thread a heap of its own, and memory that is freed in one is not used by the others: strips
    worked on by several threads would then hold twice what they need. Other C libraries are left alone.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
