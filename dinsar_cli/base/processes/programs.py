"""Short runs of other programs, to find out what they are."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_to_end(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str] | OSError:
    """Run a program and take what it prints; one that does not end in time is one that cannot be run."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return OSError(errno.ETIMEDOUT, f"it did not end within {seconds:.0f} s")
    except OSError as error:
        return error
