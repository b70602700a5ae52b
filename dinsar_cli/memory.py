"""Memory of this process: its peak while something runs, and the bound of GDAL's cache."""

from __future__ import annotations

import ctypes
import platform
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

RASTER_CACHE_BYTES = 64 * 1024**2
_M_ARENA_MAX = -8  # of mallopt(3)
_CLEAR_REFS = Path("/proc/self/clear_refs")
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

    GDAL takes the size when it first reads a block, and keeps it for the life of the process.
    """
    import rasterio

    with rasterio.Env(GDAL_CACHEMAX=RASTER_CACHE_BYTES):
        yield


def share_one_heap() -> None:
    """Let all threads allocate from one heap.

    glibc gives each thread a heap of its own, and memory that is freed in one is not used by the others: strips
    worked on by several threads would then hold twice what they need. Other C libraries are left alone.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
