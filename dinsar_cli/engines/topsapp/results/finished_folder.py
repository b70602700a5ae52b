"""The folder of a finished topsApp run: what is in it, and whether it is what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.half_turn import is_turned
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile, isce_release
from dinsar_cli.engines.topsapp.results.metadata import PairFacts
from dinsar_cli.engines.topsapp.results.names import date_names
from dinsar_cli.engines.topsapp.results.swaths import IsceBurst, IsceSwath, first_start, has_swaths, read_swaths
from dinsar_cli.engines.topsapp.settings.columns import read_columns
from dinsar_cli.engines.topsapp.settings.file_names import SCENES
from dinsar_cli.errors import EngineError

_BYTES_PER_SAMPLE = 64  # of the full resolution, at the peak
_SAME_ACQUISITION = timedelta(hours=1)


class LooksError(EngineError):
    """The looks of a run are others than those that are wanted, or cannot be told."""


@dataclass(frozen=True)
class FinishedRun:
    """The folder in which topsApp ran up to ``unwrap``.

    Attributes
    ----------
    folder : Path
        It has ``merged``, ``fine_interferogram``, ``reference`` and ``secondary``.
    looks : Looks
        In range and azimuth.
    lines, samples : int
        Size of the look grid.
    merged_swaths, reference_swaths, secondary_swaths : tuple of IsceSwath
        Bursts that were merged (with the reference's orbit), and those of both dates as topsApp has them. Those
        of a date may be missing (empty) where its time is known otherwise.
    reference_start, secondary_start : datetime
        First line of topsApp's reference and secondary.
    own : bool
        dinsar configured it, so that nothing may be missing.
    turned : bool
        Its longitudes and state vectors are those of a turned Earth
        (`dinsar_cli.engines.topsapp.results.half_turn`).
    """

    folder: Path
    looks: Looks
    lines: int
    samples: int
    merged_swaths: tuple[IsceSwath, ...]
    reference_swaths: tuple[IsceSwath, ...]
    secondary_swaths: tuple[IsceSwath, ...]
    reference_start: datetime
    secondary_start: datetime
    own: bool
    turned: bool

    @classmethod
    def open(cls, folder: Path, looks: Looks | None = None, pair: PairFacts | None = None) -> FinishedRun:
        """Read what describes a run.

        Parameters
        ----------
        folder : Path
            Where topsApp ran.
        looks : Looks, optional
            Those that the run must have; found from the sizes of its layers if not given.
        pair : PairFacts, optional
            What is known of the dates; with it the descriptions of the subswaths of a date may be missing.

        Raises
        ------
        EngineError
            When something is missing, or has other looks.
        """
        merged = folder / "merged"
        looked, whole = IsceFile.open(merged / "filt_topophase.flat"), _full(merged, "lat.rdr")
        found = looks or _find_looks(whole, looked)
        if (whole.length // found.azimuth, whole.width // found.range) != (looked.length, looked.width):
            raise LooksError(
                f"{looked.path} does not have {found} looks.",
                f"It has {looked.length} lines x {looked.width} samples, made of {whole.length} x {whole.width}.",
                "Run topsApp again from mergebursts with these looks.",
            )
        columns = read_columns(folder).get(SCENES[0], {})
        merged_swaths = read_swaths(folder / "fine_interferogram", columns)
        names = date_names(folder)
        if pair is None:
            dates = [read_swaths(folder / name) for name in names]
            starts = [first_start(swaths) for swaths in dates]
        else:
            dates = [read_swaths(folder / name) if has_swaths(folder / name) else () for name in names]
            starts = [pair.reference.time, pair.secondary.time]
        return cls(
            folder=folder,
            looks=found,
            lines=looked.length,
            samples=looked.width,
            merged_swaths=merged_swaths,
            reference_swaths=dates[0],
            secondary_swaths=dates[1],
            reference_start=starts[0],
            secondary_start=starts[1],
            own=pair is None,
            turned=is_turned(folder),
        )

    @property
    def backwards(self) -> bool:
        """Whether topsApp's reference is the later date, so that its phase has the other sign."""
        return self.reference_start > self.secondary_start

    @property
    def in_order(self) -> tuple[tuple[IsceSwath, ...], tuple[IsceSwath, ...]]:
        """Subswaths of the earlier and of the later date."""
        pair = self.reference_swaths, self.secondary_swaths
        return (pair[1], pair[0]) if self.backwards else pair

    @property
    def starts(self) -> tuple[datetime, datetime]:
        """First line of the earlier and of the later date."""
        starts = self.reference_start, self.secondary_start
        return min(starts), max(starts)

    @property
    def middle_burst(self) -> IsceBurst:
        """A merged burst in the middle."""
        bursts = self.merged_swaths[len(self.merged_swaths) // 2].bursts
        return bursts[len(bursts) // 2]

    @property
    def later_on_top(self) -> bool:
        """Whether overlaps are taken from the later burst: so it is in virtual files, and not in copied ones."""
        one_look = (self.looks.range, self.looks.azimuth) == (1, 1)
        copied = self.folder / "merged" / ("topophase.flat" if one_look else "topophase.flat.full")
        return not copied.is_file()

    def merged(self, name: str) -> IsceFile:
        """Return a merged layer with looks.

        Raises
        ------
        EngineError
            When it is missing, or not of the look grid.
        """
        file = IsceFile.open(self.folder / "merged" / name)
        if (file.length, file.width) != (self.lines, self.samples):
            raise EngineError(
                f"{file.path} does not fit the interferogram.",
                f"It has {file.length} lines x {file.width} samples, not {self.lines} x {self.samples}.",
                "They are of different runs: run topsApp again from mergebursts.",
            )
        return file

    @property
    def components(self) -> IsceFile | None:
        """Connected components; None where somebody else's unwrapper did not tell them."""
        name = "filt_topophase.unw.conncomp"
        missing = not (self.folder / "merged" / name).is_file()
        return None if missing and not self.own else self.merged(name)

    def full(self, name: str) -> IsceFile:
        """Return a merged layer of the full resolution."""
        return _full(self.folder / "merged", name)

    def strips(self, memory: int) -> Iterator[tuple[int, int]]:
        """Yield the first and last look line of blocks whose working arrays fit into a number of bytes."""
        per_line = self.samples * self.looks.range * self.looks.azimuth * _BYTES_PER_SAMPLE
        height = max(1, memory // per_line)
        for first in range(0, self.lines, height):
            yield first, min(first + height, self.lines)

    def check_dates(self, dates: tuple[datetime, datetime]) -> None:
        """Make sure that the run is of a pair.

        Parameters
        ----------
        dates : (datetime, datetime)
            Sensing starts, the earlier one first.

        Raises
        ------
        EngineError
            When it is of another.
        """
        if any(abs(given - found) > _SAME_ACQUISITION for given, found in zip(dates, self.starts, strict=True)):
            there, wanted = (
                " and ".join(f"{date:%Y-%m-%d %H:%M}" for date in pair) for pair in (self.starts, dates)
            )
            raise EngineError(
                f"{self.folder} is the work of another pair.",
                f"It has {there}, not {wanted}.",
                "Choose another work folder, or remove this one.",
            )

    def isce_version(self) -> str:
        """Return the release of ISCE2 that wrote the interferogram; ``unknown`` where its header does not tell."""
        return isce_release(self.folder / "merged" / "filt_topophase.flat")


def _full(merged: Path, name: str) -> IsceFile:
    """Return a merged layer of the full resolution: with one look it has no ``.full`` in its name."""
    header = merged / f"{name}.full.xml"
    return IsceFile.open(merged / (f"{name}.full" if header.is_file() else name))


def _find_looks(whole: IsceFile, looked: IsceFile) -> Looks:
    """Return the only looks that make one size of the other."""
    return Looks(
        _find_factor(whole.width, looked.width, whole.path, "range"),
        _find_factor(whole.length, looked.length, whole.path, "azimuth"),
    )


def _find_factor(whole: int, cells: int, path: Path, direction: str) -> int:
    fitting = [n for n in range(max(1, whole // (cells + 1)), whole // cells + 1) if whole // n == cells]
    if len(fitting) != 1:
        candidates = " or ".join(map(str, fitting)) or "no number of"
        raise LooksError(
            f"The {direction} looks of {path.parent} cannot be told.",
            f"{whole} samples make {cells} look cells with {candidates} looks.",
            "Give the looks of the run.",
        )
    return fitting[0]
