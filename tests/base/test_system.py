"""What the system refuses is told as such: not as a damaged file, a missing package or a fault of the program."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from dinsar_cli.base.system import system_error
from dinsar_cli.errors import NoDataError, ResourceError, UsageError
from support.command import PROGRAM, run_apart
from support.nobody import NOBODY
from support.refusal import check_refusal
from support.report_inputs import PAIR, write_run
from support.run_inputs import Inputs


def raised_from(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except type(error) as found:
        return found


SHORT = [
    MemoryError(),
    MemoryError("Unable to allocate 3.00 GiB for an array"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libopenblas.so: failed to map segment from shared object"),
    ImportError("libx.so: cannot allocate memory in static TLS block"),
    RuntimeError("can't start new thread"),
    RuntimeError("std::bad_alloc"),
    raised_from(NoDataError("The DEM is damaged.", "Read failed.", "Fetch it again."), MemoryError()),
    raised_from(RuntimeError("Read failed"), RuntimeError("GDAL: out of memory allocating 100 bytes")),
]


@pytest.mark.parametrize("error", SHORT, ids=[repr(error)[:40] for error in SHORT])
def test_too_little_memory_is_told_as_such(error: BaseException) -> None:
    told = system_error(error)
    assert isinstance(told, ResourceError)
    assert told.problem == "The memory is full."
    assert len(told.cause) > 10
    assert "looks" not in told.remedy  # in most commands, and most steps of a run, they change nothing


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (errno.EACCES, UsageError, "permissions"),
        (errno.EROFS, UsageError, "permissions"),
        (errno.EPERM, UsageError, "permissions"),
        (errno.ENOSPC, ResourceError, "Free some disk"),
        (errno.EIO, ResourceError, "disk"),
        (errno.EMFILE, ResourceError, "ulimit -n"),
    ],
)
def test_files_that_the_system_refuses(number: int, kind: type, word: str) -> None:
    told = system_error(OSError(number, os.strerror(number), "/data/map.tif"))
    assert isinstance(told, kind)
    assert word in told.remedy
    assert os.strerror(number) in told.cause


@pytest.mark.parametrize(
    "error", [KeyError("a"), OSError(errno.ENOENT, "No such file"), ImportError("no module a")]
)
def test_other_faults_are_not_explained_away(error: BaseException) -> None:
    assert system_error(error) is None


def test_an_error_of_ours_stays_as_it_is() -> None:
    assert system_error(NoDataError("The DEM is damaged.", "The file ends early.", "Fetch it again.")) is None
    assert system_error(ResourceError("There is not enough memory.", "It needs 4 GB.", "Choose less.")) is None


@pytest.mark.parametrize("megabytes", [300, 1000])
def test_a_limit_of_memory_is_told_before_libraries_hang_or_crash(inputs: Inputs, megabytes: int) -> None:
    """At 300 MB OpenBLAS waited for ever, at 1000 MB a library crashed; both without a word."""
    limit = megabytes * 10**6
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit})); {PROGRAM[-1]}"
    outcome = run_apart("run", *inputs.options(), program=(sys.executable, "-c", code))
    check_refusal(outcome, 7, f"{megabytes} MB", "ulimit -v")


@pytest.mark.parametrize("command", ["report", "export"])
def test_a_read_only_folder_of_products(command: str, open_path: Path) -> None:
    folder = write_run(open_path / PAIR)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    options = ["--format", "range_change"] if command == "export" else []
    outcome = run_apart(command, folder, *options, before=NOBODY)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert outcome.code in {2, 7}, outcome.err
    assert "fault of the program" not in outcome.err
    assert str(folder) in " ".join(outcome.error)
    assert "ermission" in " ".join(outcome.error)
