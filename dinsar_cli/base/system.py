"""What the system refuses to a program (memory, disk, permission), told as an error that a person can act on."""

from __future__ import annotations

import errno
import re
import resource
from collections.abc import Iterator

from dinsar_cli.errors import DinsarError, ResourceError, UsageError

_ADDRESS_SPACE = 1_400_000_000  # bytes; below it NumPy's and OpenCV's libraries were seen to hang and to crash
_KEPT = "What is done is kept; the same command goes on from there."
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_BROKEN = {errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
# numpy and Python, GDAL, C++, the loader of shared libraries, OpenCV, threads, HDF5
_NO_MEMORY = re.compile(
    r"unable to allocate|cannot allocate|can ?not be allocated|allocation (?:of .{1,60} )?failed|out of memory"
    r"|bad_alloc|failed to map segment|insufficient memory|not enough memory|can't start new thread"
    r"|memory allocation|memory exhausted",
    re.IGNORECASE,
)


def system_error(error: BaseException) -> DinsarError | None:
    """Return the error to show when the system has refused something in the middle of the work, else None.

    Parameters
    ----------
    error : BaseException
        With its causes: a library that could not get memory may tell something else, such as a damaged file.
    """
    if isinstance(error, ResourceError):
        return None
    for one in _causes(error):
        if is_short_of_memory(one):
            text = str(one).strip().rstrip(".") or "A part of the program could not get the memory that it needs"
            return ResourceError(
                "The memory is full.",
                f"{text}.",
                f"End other programs, take a smaller area or a machine with more memory, or lift the limit "
                f"(ulimit -v). {_KEPT}",
            )
    return None if isinstance(error, DinsarError) or not isinstance(error, OSError) else _of_files(error)


def check_address_space() -> None:
    """Refuse a limit of the address space under which libraries hang or crash while they are loaded.

    Raises
    ------
    ResourceError
        When ``ulimit -v`` allows less than they need to compute.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < _ADDRESS_SPACE:
        raise ResourceError(
            "There is not enough memory to compute.",
            f"This process may use {allowed / 1e6:.0f} MB of addresses (ulimit -v); "
            f"the libraries that it needs take {_ADDRESS_SPACE / 1e6:.0f} MB.",
            "Lift the limit: ulimit -v unlimited, or ask for more memory where the job was started.",
        )


def is_short_of_memory(error: BaseException) -> bool:
    """Tell whether an error, whatever its kind, says that memory could not be had."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return not isinstance(error, DinsarError) and _NO_MEMORY.search(str(error)) is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it was raised from, that which is nearest first."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__


def _of_files(error: OSError) -> DinsarError | None:
    what = error.filename or "A file"
    if error.errno in _FULL:
        return ResourceError("A file cannot be written.", f"{error}.", f"Free some disk space. {_KEPT}")
    if error.errno in _REFUSED:
        return UsageError(
            f"{what} cannot be used.",
            f"The system does not let dinsar read, write or change it: {error.strerror}.",
            f"Change its permissions and those of its folder, or choose other folders. {_KEPT}",
        )
    if error.errno in _BROKEN:
        return ResourceError(
            f"{what} cannot be read or written.",
            f"The disk or the network file system fails: {error.strerror}.",
            f"Look after the disk, or choose folders on another one. {_KEPT}",
        )
    if error.errno in _TOO_MANY:
        return ResourceError(
            "Too many files are open.",
            f"The system allows no more: {error.strerror}.",
            f"Raise the limit (ulimit -n 4096). {_KEPT}",
        )
    return None
