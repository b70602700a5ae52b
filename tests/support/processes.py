"""Whether processes that a program started are gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

PATIENCE: Final = 60.0
"""Seconds that a process may take to end on a busy machine."""


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it may end while it is looked at
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int) -> bool:
    """Tell whether a process ends, which is waited for."""
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)
