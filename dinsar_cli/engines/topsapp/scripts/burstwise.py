"""Runs topsApp on several bursts at a time: ``burstwise.py NUMBER METHOD topsApp.py topsApp.xml --start=...``.

It is run as a script by the Python of ISCE2 in place of ``topsApp.py``, which it then runs unchanged. topsApp takes
one burst after the other, and shares the samples of each line among its threads: some forty times a line they start
and wait. Here the steps that do the same for each burst are done by NUMBER processes, each with its share of the
bursts, which is faster with the same cores; what they make is the same to the byte.

A step is a function of ISCE2 that calls others for each burst, its works. It is run in each of the processes, where
the works of other bursts are left out, until its last work is done; and then once more here, where each work only
gives the result that a process has found: so all that the step does beside them, ISCE2 itself does here. A process
that fails ends topsApp in the way in which it ended. The first process prints as it goes; what the others print
follows when all are done, so that lines which belong together stay together.

METHOD is that by which the step topo takes heights from the DEM. topsApp asks for BIQUINTIC, a spline through 36
heights for each of several tries at each sample; it is half of the time of the step. BICUBIC, which topozero offers
too, gives heights that differ by centimetres, and a phase that differs by less than a hundredth of a radian.

By itself topsApp takes every burst whose box of latitudes and longitudes, for heights of -500 to 9000 m, meets the
box of the region: bursts lie askew, so that it takes up to three for an area in one. Where there is a file `BURSTS`
in its working folder, it takes those named in it.

Its unwrapper takes no mask. Where there are copies of the interferogram and its coherence in the folder ``merged``,
named `COPY` and their names, it reads them: cells that show no ground are zero there.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import runpy
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, Any, NoReturn

BURSTS = "bursts.json"
"""File with the times of the first lines of the bursts in use, of both dates, as their annotation has them."""

COPY = "ground_"
"""What the name of a file in the folder ``merged`` begins with that the unwrapper reads in place of another."""

_STDOUT, _STDERR = 1, 2
_STEPS = "isceobj.TopsProc."  # followed by the name of a module, whose function of the same name is a step
_FAILED = 1


class _AllDone(BaseException):
    """A process has done all its works; ISCE2 catches exceptions of other kinds."""


@dataclass(frozen=True)
class Work:
    """What a step does for each burst, by calling a function.

    Attributes
    ----------
    place : str
        Module of the function, or module and class.
    name : str
        Of the function.
    result : callable
        Takes what the call was given and what it gave, and gives what is to be told of that; it can be pickled.
    retold : callable
        Takes what the call is given and what was told, does to its arguments what the function does, and gives what
        it gives.
    untold : object
        What is told of a burst that another process does.
    """

    place: str
    name: str
    result: Callable[[tuple[Any, ...], Any], Any] = lambda _arguments, _given: None
    retold: Callable[[tuple[Any, ...], Any], Any] = lambda _arguments, _told: None
    untold: Any = None

    def owner(self) -> Any:
        """Return the module or class whose attribute the function is."""
        try:
            return importlib.import_module(self.place)
        except ModuleNotFoundError:
            module, _, name = self.place.rpartition(".")
            return getattr(importlib.import_module(module), name)


_BOUNDS = ("minimumLatitude", "maximumLatitude", "minimumLongitude", "maximumLongitude")


def _bounds_of(arguments: tuple[Any, ...], _: Any) -> list[float]:
    return [getattr(arguments[0], name) for name in _BOUNDS]


def _set_bounds(arguments: tuple[Any, ...], told: list[float]) -> None:
    for name, value in zip(_BOUNDS, told, strict=True):
        setattr(arguments[0], name, value)


def _resampled(arguments: tuple[Any, ...], _: Any) -> Any:
    image = importlib.import_module("isceobj").createSlcImage()
    image.filename = arguments[3]
    return image


def _interferogram(arguments: tuple[Any, ...], size: Any) -> Any:
    """Return an image as ``runBurstIfg.multiply`` gives it."""
    image = importlib.import_module("isceobj").createIntImage()
    image.setFilename(arguments[2])
    if size is not None:
        image.setWidth(size[0])
        image.setLength(size[1])
    image.setAccessMode("READ")
    return image


def _size(_: tuple[Any, ...], image: Any) -> tuple[int, int]:
    return image.getWidth(), image.getLength()


def _as_told(_: tuple[Any, ...], told: Any) -> Any:
    return told


def _as_given(_: tuple[Any, ...], given: Any) -> Any:
    return tuple(float(value) for value in given)


# Factory of a step in isceobj.TopsProc, its module, and its works
STEPS: Mapping[str, tuple[str, tuple[Work, ...]]] = {
    "createTopo": (
        "runTopo",
        (Work("zerodop.topozero.Topozero.Topo", "topo", _bounds_of, _set_bounds, [0.0] * len(_BOUNDS)),),
    ),
    "createFineOffsets": ("runFineOffsets", (Work(f"{_STEPS}runFineOffsets", "runGeo2rdrCPU"),)),
    "createFineResamp": (
        "runFineResamp",
        (
            Work(f"{_STEPS}runFineResamp", "resampSecondaryCPU", retold=_resampled),
            Work(f"{_STEPS}runFineResamp", "getValidLines", _as_given, _as_told, (0.0,) * 4),
        ),
    ),
    "createBurstIfg": (
        "runBurstIfg",
        (
            Work(f"{_STEPS}runBurstIfg", "multiply", _size, _interferogram),
            Work(f"{_STEPS}runBurstIfg", "computeCoherence"),
        ),
    ),
}


def main(number: int, method: str, program: str, arguments: list[str]) -> None:
    """Run topsApp with some steps done by several processes, and heights interpolated by a method."""
    try:
        _prepare(number, method)
    except (ImportError, AttributeError) as error:  # of an ISCE2 that is not as we know it, or broken
        sys.stderr.write(f"bursts are taken one at a time: {error}\n")
    _lend_asfarray()
    _choose_bursts()
    _lend_copies()
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(program)  # noqa: PTH120 (as Python does it for a script)
    runpy.run_path(program, run_name="__main__")


def _prepare(number: int, method: str) -> None:
    """Put our steps into the place of ISCE2's."""
    importlib.import_module("isce")  # makes the others importable
    topozero = importlib.import_module("zerodop.topozero.Topozero").Topo
    topo = topozero.topo
    package = importlib.import_module("isceobj.TopsProc")
    steps = {
        factory: (getattr(importlib.import_module(_STEPS + module), module), works)
        for factory, (module, works) in STEPS.items()
    }
    for work in (work for _, works in steps.values() for work in works):
        getattr(work.owner(), work.name)

    def topo_with_method(self: Any, *arguments: Any, **options: Any) -> Any:
        self.demInterpolationMethod = method
        return topo(self, *arguments, **options)

    topozero.topo = topo_with_method
    for factory, (step, works) in steps.items():
        setattr(package, factory, _factory(step, works, number))


def _lend_asfarray() -> None:
    """Give numpy 2 the function that it lost, and that the step ion of every ISCE2 up to 2.6.5 calls."""
    with suppress(ImportError):
        numpy = importlib.import_module("numpy")
        if not hasattr(numpy, "asfarray"):
            numpy.asfarray = lambda values, dtype=float: numpy.asarray(values, dtype)  # type: ignore[attr-defined]


def _lend_copies() -> None:
    """Let the unwrapper read copies of interferogram and coherence, where they are there."""
    try:
        package: Any = importlib.import_module("isceobj.TopsProc")
        create = package.createUnwrapper
    except (ImportError, AttributeError) as error:  # of an ISCE2 that is not as we know it
        sys.stderr.write(f"all cells are unwrapped: {error}\n")
        return

    def create_on_copies(topsapp: Any, *arguments: Any, **options: Any) -> Callable[[], None]:
        unwrap = create(topsapp, *arguments, **options)
        return lambda: lend_copies(unwrap, topsapp._insar)  # noqa: SLF001 (the name that topsApp gives it)

    package.createUnwrapper = create_on_copies


_READ_BY_UNWRAPPER = ("filtFilename", "coherenceFilename")


def lend_copies(unwrap: Callable[[], None], process: Any) -> None:
    """Unwrap with the names of interferogram and coherence being those of copies that are there.

    Parameters
    ----------
    unwrap : callable
        The step.
    process : object
        ISCE2's record of the process, that has the names, and ``mergedDirname``; it is given back as it was.
    """
    names = {name: getattr(process, name) for name in _READ_BY_UNWRAPPER}
    try:
        for name, file in names.items():
            if os.path.isfile(os.path.join(process.mergedDirname, COPY + file)):  # noqa: PTH113, PTH118
                print(f"the unwrapper reads {COPY}{file}")  # noqa: T201 (the log of topsApp)
                setattr(process, name, COPY + file)
        unwrap()
    finally:
        for name, file in names.items():
            setattr(process, name, file)


def _choose_bursts() -> None:
    """Let the reader of products keep the bursts that are named, in place of those that meet a box."""
    try:
        with open(BURSTS, encoding="utf-8") as file:  # noqa: PTH123 (in the working folder of topsApp)
            wanted = frozenset(json.load(file))
        reader = importlib.import_module("isceobj.Sensor.TOPS.Sentinel1").Sentinel1
        new_list = importlib.import_module("iscesys.Component").createTraitSeq
        reader.crop  # noqa: B018 (an ISCE2 without it is not as we know it)
    except FileNotFoundError:
        return
    except (ImportError, AttributeError) as error:
        sys.stderr.write(f"bursts are chosen by the box of the region: {error}\n")
        return

    def crop(self: Any, _region: Any) -> None:
        keep_bursts(self, wanted, new_list("burst"))

    reader.crop = crop


def keep_bursts(reader: Any, wanted: Collection[str], kept: Any) -> None:
    """Leave out the bursts of an image that are not named, as ``Sentinel1.crop`` of ISCE2 leaves out those outside.

    Parameters
    ----------
    reader : object
        ISCE2's reader of an image, that has read its annotation.
    wanted : collection of str
        Times of the first lines, as ``2023-09-04T06:37:31.079898``.
    kept : list
        Empty list of the kind that ISCE2 keeps bursts in.
    """
    bursts = list(reader.product.bursts)
    numbers = [n for n, one in enumerate(bursts) if one.sensingStart.isoformat(timespec="microseconds") in wanted]
    for number in numbers:
        kept.append(bursts[number])
    reader.product.bursts = kept
    reader.product.numberOfBursts = len(numbers)
    if reader._tiffSrc:  # noqa: SLF001 (its lists for each burst)
        reader._tiffSrc = [reader._tiffSrc[number] for number in numbers]  # noqa: SLF001
    reader._elevationAngleVsTau = [reader._elevationAngleVsTau[number] for number in numbers]  # noqa: SLF001
    print(f"bursts in use: {len(numbers)} of {len(bursts)}")  # noqa: T201 (the log of topsApp)


def _factory(step: Callable[[Any], None], works: tuple[Work, ...], number: int) -> Callable[..., Any]:
    """Stands for a factory of ISCE2: takes topsApp, and gives a function that does the step."""

    def create(topsapp: Any, *_: Any, **__: Any) -> Callable[[], None]:
        return lambda: do_apart(step, topsapp, works, number, _bursts(topsapp))

    return create


def _bursts(topsapp: Any) -> int:
    """Return the bursts of all subswaths in use."""
    process = topsapp._insar  # noqa: SLF001 (the name that topsApp gives it)
    return sum(int(process.numberOfCommonBursts[swath - 1]) for swath in process.getValidSwathList(topsapp.swaths))


@dataclass(frozen=True)
class _Child:
    """A process: the pipe of its results, and the file to which it prints, if that is not our output."""

    told: IO[bytes]
    said: IO[bytes] | None

    def repeat(self) -> None:
        """Print what it has printed."""
        if self.said is None:
            return
        sys.stdout.flush()
        self.said.seek(0)
        with os.fdopen(os.dup(_STDOUT), "wb") as output:
            shutil.copyfileobj(self.said, output)


def do_apart(step: Callable[[Any], None], topsapp: Any, works: tuple[Work, ...], number: int, bursts: int) -> None:
    """Do a step with a number of processes.

    Parameters
    ----------
    step : callable
        Takes topsApp, and calls each of the works once for each burst, in the same order.
    topsapp : object
        The application.
    works : tuple of Work
        What it calls.
    number : int
        Of processes; with one, the step is done here and as it is.
    bursts : int
        How many there are.
    """
    number = min(number, bursts)
    if number < 2:
        step(topsapp)
        return
    children: dict[int, _Child] = {}
    sys.stdout.flush()
    sys.stderr.flush()
    results: dict[tuple[str, int], Any] = {}
    with ExitStack() as files:
        for index in range(number):
            reader, writer = os.pipe()
            # in the working folder, which has room for far more
            said = files.enter_context(tempfile.TemporaryFile(dir=".")) if index else None
            child = os.fork()
            if child == 0:
                os.close(reader)
                for other in children.values():
                    other.told.close()
                if said is not None:
                    os.dup2(said.fileno(), _STDOUT)
                    os.dup2(said.fileno(), _STDERR)
                _do_share(step, topsapp, works, range(index, bursts, number), writer)
            os.close(writer)
            children[child] = _Child(os.fdopen(reader, "rb"), said)
        for told in _outcomes(children):
            results |= told
        for one in children.values():
            one.repeat()
    real = [getattr(work.owner(), work.name) for work in works]
    try:
        for work in works:
            setattr(work.owner(), work.name, _retelling(work, results))
        step(topsapp)
    finally:  # other steps may do the same
        for work, function in zip(works, real, strict=True):
            setattr(work.owner(), work.name, function)


def _do_share(
    step: Callable[[Any], None], topsapp: Any, works: tuple[Work, ...], share: range, writer: int
) -> NoReturn:
    """Be the process that does the works of some of the bursts, tell their results, and end."""
    results: dict[tuple[str, int], Any] = {}
    for work in works:
        setattr(work.owner(), work.name, _sharing(work, share, len(share) * len(works), results))
    topsapp._insar.saveProduct = lambda *_: None  # noqa: SLF001 (products are written when all is known)
    with suppress(_AllDone):
        step(topsapp)
    with os.fdopen(writer, "wb") as file:
        pickle.dump(results, file)
    sys.exit(0)  # through all that is to be done at an end, such as writing what Fortran has printed


def _sharing(work: Work, share: range, most: int, results: dict[tuple[str, int], Any]) -> Callable[..., Any]:
    """Return the function of a work, for the bursts of this process only; the last of all works ends the step."""
    real, calls = getattr(work.owner(), work.name), [0]

    def call(*arguments: Any, **options: Any) -> Any:
        burst, calls[0] = calls[0], calls[0] + 1
        if burst not in share:
            return work.retold(arguments, work.untold)
        given = real(*arguments, **options)
        results[work.name, burst] = work.result(arguments, given)
        if len(results) == most:
            raise _AllDone
        return given

    return call


def _retelling(work: Work, results: Mapping[tuple[str, int], Any]) -> Callable[..., Any]:
    """Stands for the function of a work where all its results are known."""
    calls = [0]

    def call(*arguments: Any, **_: Any) -> Any:
        burst, calls[0] = calls[0], calls[0] + 1
        return work.retold(arguments, results[work.name, burst])

    return call


def _outcomes(children: Mapping[int, _Child]) -> Iterable[dict[tuple[str, int], Any]]:
    """Tell what each process told (less than a pipe holds).

    When one fails, all end, and this one in the same way.
    """
    waiting = dict(children)
    while waiting:
        child, status = os.wait()
        if child not in waiting:
            continue
        ended = waiting.pop(child)
        with ended.told as file:
            told = file.read()
        if status or not told:
            _stop(waiting)
            ended.repeat()
            _end_like(status)
        yield pickle.loads(told)  # noqa: S301 (of our own process)


def _stop(children: Iterable[int]) -> None:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _end_like(status: int) -> NoReturn:
    """Return the end as a process has ended."""
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status) or _FAILED)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
