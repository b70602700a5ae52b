"""What steps have cost in earlier runs on this machine, and what those of a new run will cost.

The history is a file of JSON lines, one for each finished step; `StepRecord` says what is in them. It is for this
program alone, and can be removed at any time: a machine then learns anew.

A cost is ``constant + growth``: a law says what the growth is made of (samples, look cells, ...) and what both are
where nothing is known. The history then decides. Runs of different sizes give the constant and the growth; runs of
one size scale the law as a whole.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from itertools import combinations
from pathlib import Path
from statistics import median

from dinsar_cli.base.user_files import parse_json
from dinsar_cli.engines.base import Forecast, StepCost, Work
from dinsar_cli.radar.interferogram import RadarLayer

_LINES = 5000  # of the history that count, the last ones: some 200 runs
_RUNS = 25  # of a step that count, the last ones: a machine and its programs change
_BUSY = 1.5  # processes for each core from which a machine does something else meanwhile
_SPREAD = 1.2  # ratio of the largest to the smallest run from which they tell constant and growth apart
_MEASURED_THREADS = 2  # with which the laws of parallel steps were measured


@dataclass(frozen=True)
class Term:
    """A part of a cost that grows with the work.

    Attributes
    ----------
    unit : str
        Field of `Work`.
    each : float
        Seconds, or bytes, for one of it.
    most : float
        Beyond which the part does not grow, such as memory of what works by strips.
    """

    unit: str
    each: float
    most: float = math.inf

    def of(self, work: Work) -> float:
        """Return the part for some work."""
        return min(self.each * float(getattr(work, self.unit)), self.most)


@dataclass(frozen=True)
class Law:
    """How a cost grows: a constant and some terms.

    Attributes
    ----------
    constant : float
        Seconds, or bytes.
    terms : tuple of Term
        What is added to it.
    """

    constant: float = 0.0
    terms: tuple[Term, ...] = ()

    def growth(self, work: Work) -> float:
        """Return the part that grows."""
        return sum(term.of(work) for term in self.terms)


@dataclass(frozen=True)
class StepLaws:
    """What is known of a step where it never ran.

    Attributes
    ----------
    seconds, memory, disk : Law
        As the fields of `StepCost`.
    parallel : bool
        Whether its time is divided among the threads; `seconds` is then that of two.
    """

    seconds: Law
    memory: Law
    disk: Law
    parallel: bool = False


@dataclass(frozen=True)
class Setting:
    """Where and how a run is made, as far as its cost depends on it.

    Attributes
    ----------
    engine : str
        Name of the engine; the other stages of a run also differ with what it has left in the memory.
    threads : int
        That it may use.
    methods : mapping
        By step, the name of what it does when it can do several things, such as the unwrapper.
    cores : int
        Of the machine.
    """

    engine: str
    threads: int
    methods: Mapping[str, str] = field(default_factory=dict)
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)


@dataclass(frozen=True)
class StepRecord:
    """A finished step: a line of the history.

    Attributes
    ----------
    step : str
        Its name.
    seconds : float
        Wall-clock time.
    peak_memory, disk : int
        As in `StepCost`, bytes.
    work : Work
        What there was to do.
    engine, threads, cores
        As in `Setting`.
    method : str
        What it did, when it can do several things.
    load : float
        Processes that wanted a core in the last minute of the step; 0 where the system does not tell.
    """

    step: str
    seconds: float
    peak_memory: int
    disk: int
    work: Work
    engine: str
    threads: int
    cores: int
    method: str
    load: float


def forecast(
    history: Path | None, laws: Mapping[str, StepLaws], work: Work, setting: Setting
) -> dict[str, Forecast]:
    """Tell what each step of a run will cost: as in earlier runs, scaled to its size.

    Of the earlier runs those count that are most alike: with the same method; and, when there are any, with as many
    threads, on as many cores, and while the machine did nothing else. Where all have other numbers of threads, the
    steps that use them are taken to be as much slower as there are fewer. A step that never ran here is taken to
    cost what its law says.

    Parameters
    ----------
    history : Path or None
        File of `append`; it need not exist.
    laws : mapping
        Of the steps, in order.
    work : Work
        What there is to do.
    setting : Setting
        How it will be done.

    Returns
    -------
    dict
        By step, in the order of the laws.
    """
    ran: dict[str, list[StepRecord]] = {step: [] for step in laws}
    for record in read(history) if history else ():
        if record.engine == setting.engine and record.step in ran:
            ran[record.step].append(record)
    return {
        step: _forecast(law, ran[step], work, setting, setting.methods.get(step, "")) for step, law in laws.items()
    }


def _forecast(laws: StepLaws, ran: Sequence[StepRecord], work: Work, setting: Setting, method: str) -> Forecast:
    alike = _most_alike(ran, setting, method)

    def cost(law: Law, value: Callable[[StepRecord], float], *, noisy: bool) -> float:
        points = [(law.growth(record.work), value(record)) for record in alike]
        constant, slope = fit(points, law.constant, noisy=noisy) if points else (law.constant, 1.0)
        return constant + slope * law.growth(work)

    def seconds(record: StepRecord) -> float:
        return record.seconds * (record.threads / _MEASURED_THREADS if laws.parallel else 1)

    share = _MEASURED_THREADS / setting.threads if laws.parallel else 1
    return Forecast(
        seconds=cost(laws.seconds, seconds, noisy=True) * share,
        peak_memory=round(cost(laws.memory, lambda record: record.peak_memory, noisy=True)),
        disk=round(cost(laws.disk, lambda record: record.disk, noisy=False)),
        runs=len(alike),
    )


def _most_alike(ran: Sequence[StepRecord], setting: Setting, method: str) -> Sequence[StepRecord]:
    """Return the last runs that did the same.

    On as many cores, with as many threads, undisturbed, when there are any.
    """
    same = [record for record in ran if record.method == method]
    same = [record for record in same if record.threads == setting.threads] or same
    same = [record for record in same if record.cores == setting.cores] or same
    same = [record for record in same if record.load <= _BUSY * record.cores] or same
    return same[-_RUNS:]


def fit(points: Sequence[tuple[float, float]], constant: float, *, noisy: bool) -> tuple[float, float]:
    """Fit ``cost = constant + slope * growth`` to earlier runs, neither of them negative.

    Runs of one size scale the law, by the median of their ratios to it. With several sizes the slope is the
    median of the slopes between all pairs of runs, each with the difference of their sizes as weight (Theil 1950,
    Sen 1968; weights after Jaeckel 1972), and the constant the median of what is left: up to 29 % of the runs may
    be anything, such as slow because the machine was busy.

    Parameters
    ----------
    points : sequence of (float, float)
        Growth as the law says, and cost, of each run; at least one.
    constant : float
        Of the law.
    noisy : bool
        Whether a cost differs between equal runs, as time and memory do and disk space does not. The scaled law
        then counts as one more run, of no size: two runs of similar size would else say anything of the constant.
        With three or four sizes it hardly counts any more.

    Returns
    -------
    constant : float
    slope : float
        1 where the growth is as the law says.
    """
    sizes = [size for size, _ in points]
    scale = median(cost / law if (law := constant + size) > 0 else 1.0 for size, cost in points)
    if max(sizes) <= _SPREAD * min(sizes):
        if constant + max(sizes) > 0:
            return scale * constant, scale
        return median(cost for _, cost in points), 0.0
    known = [*points, (0.0, scale * constant)] if noisy else points
    slopes = [
        ((second[1] - first[1]) / (second[0] - first[0]), abs(second[0] - first[0]))
        for first, second in combinations(known, 2)
        if first[0] != second[0]
    ]
    slope = max(0.0, weighted_median(slopes))
    rest = median(cost - slope * size for size, cost in points)
    if rest >= 0:
        return rest, slope
    return 0.0, median(cost / size for size, cost in points if size > 0)


def weighted_median(values: Iterable[tuple[float, float]]) -> float:
    """Return the value at which half of the weight is reached; the mean of two where it is reached between them.

    Parameters
    ----------
    values : iterable of (float, float)
        Values and their weights; at least one.
    """
    ordered = sorted(values)
    half, reached = sum(weight for _, weight in ordered) / 2, 0.0
    for (value, weight), (after, _) in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
        reached += weight
        if math.isclose(reached, half):
            return (value + after) / 2
        if reached > half:
            break
    return value


def layer_bytes(layers: Iterable[RadarLayer]) -> int:
    """Return the bytes of layers on the radar grid for each look cell."""
    return sum(int(re.sub(r"\D", "", layer.dtype)) // 8 * max(1, len(layer.bands)) for layer in layers)


def note(history: Path | None, step: str, cost: StepCost, work: Work, setting: Setting) -> None:
    """Add a finished step to the history, if there is one that can be written."""
    if history is not None:
        with suppress(OSError):  # a cache that cannot be written is no reason to fail
            append(history, step, cost, work, setting)


def append(history: Path, step: str, cost: StepCost, work: Work, setting: Setting) -> None:
    """Add a finished step to the history.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    record = StepRecord(
        step=step,
        seconds=round(cost.seconds, 3),
        peak_memory=cost.peak_memory,
        disk=cost.disk,
        work=work,
        engine=setting.engine,
        threads=setting.threads,
        cores=setting.cores,
        method=setting.methods.get(step, ""),
        load=round(load(), 2),
    )
    line = json.dumps(asdict(record)).encode() + b"\n"
    with history.open("ab+") as file:
        if file.tell():  # a process that was killed may have left half a line
            file.seek(-1, 2)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)


def load() -> float:
    """Return the processes that wanted a core in the last minute, on average; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def read(history: Path) -> list[StepRecord]:
    """Read the last steps of a history, the oldest first; lines that are damaged do not count."""
    try:
        with history.open(encoding="utf-8", errors="replace") as file:
            lines = deque(file, maxlen=_LINES)
    except OSError:
        return []
    return list(_records(lines))


def _records(lines: Iterable[str]) -> Iterable[StepRecord]:
    for line in lines:
        try:
            values = parse_json(line)
            values["work"] = Work(**{each.name: values["work"][each.name] for each in fields(Work)})
            record = StepRecord(**{each.name: values[each.name] for each in fields(StepRecord)})
            if _sound(record):
                yield record
        except (ValueError, TypeError, KeyError):
            continue


def _sound(record: StepRecord) -> bool:
    """Tell whether the values can be those of a step.

    Raises
    ------
    TypeError
        When one is no number.
    """
    work = asdict(record.work)
    amounts = (record.seconds, record.peak_memory, record.disk, record.load, *work.values())
    return (
        all(isinstance(name, str) for name in (record.step, record.engine, record.method))
        and all(math.isfinite(amount) and amount >= 0 for amount in amounts)
        and record.work.samples > 0
        and min(record.threads, record.cores) >= 1
    )
