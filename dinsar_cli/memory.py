"""Peak memory of this process while something runs."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
