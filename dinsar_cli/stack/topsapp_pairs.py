"""Pairs of a stack that topsApp makes, one after another, each as a run of its own on the grid of the stack.

What they share depends on no pair: scenes and orbit files, the bursts that all dates have, DEM, water, grid and
reference. Geometry is that of each pair's reference date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from dinsar_cli.base.journal import RUN_FILE, Journal
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import StepChoice
from dinsar_cli.engines.topsapp.engine import WORK
from dinsar_cli.engines.topsapp.shared_topo import hand_on
from dinsar_cli.errors import DinsarError
from dinsar_cli.maps.corrections.apply import check_corrections
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name
from dinsar_cli.stack.folders import share
from dinsar_cli.stack.pair_map import report_if_asked, shared_zero
from dinsar_cli.stack.record import StackReference
from dinsar_cli.stack.work import StackWork, formats_of_pairs
from dinsar_cli.workflow.interferogram_stages import make_interferogram, prepare_inputs
from dinsar_cli.workflow.leftovers import Removal
from dinsar_cli.workflow.map_stages import Displaced, Geocoded, displace, geocode
from dinsar_cli.workflow.pipeline import tidy
from dinsar_cli.workflow.run_state import DamagedFilesError, Session, held
from dinsar_cli.workflow.scenes import Meter, Supplies

_OF_GEOMETRY: Final = ("elevation", "los_vector", "incidence_angle", "squint")
BY_ALL: Final = ("area", "grid", "looks", "bursts", "scenes", "orbit files", "DEM", "water", "reference")


_NOT_OF_STACK: Final = (
    re.compile(r",? or try it with --force"),
    re.compile(r"Add --use-existing-xml [^,]*, (or )?"),
)
"""Parts of remedies with options that a run has and a stack has not."""


@dataclass
class TopsAppPairs:
    """Makes the pairs of a stack with topsApp.

    Attributes
    ----------
    work : StackWork
    cache : Path
        Gets what several runs can share.
    meter : Meter
        Counts what is fetched.
    told : collection of str
        What the user is warned of already: it is not told of each pair.
    """

    work: StackWork
    cache: Path
    meter: Meter
    told: Collection[str] = ()
    one_radar_grid: ClassVar[bool] = False
    _geometry_of: Pair | None = field(default=None, repr=False)

    @property
    def shared(self) -> Mapping[str, Any]:
        """Tell what the pairs have in common, and of which one the layers of the geometry are that lie beside."""
        of = None if self._geometry_of is None else pair_name(self._geometry_of)
        return {"by_all_pairs": list(BY_ALL), "by_pairs_of_one_reference_date": ["topo"], "geometry_of": of}

    def interferograms(self) -> Mapping[Pair, DinsarError]:
        """Run topsApp for the pairs that lack it; one that fails is told, and the others go on."""
        failed: dict[Pair, DinsarError] = {}

        def make(pair: Pair) -> None:
            try:
                with in_words_of_stack(), self.pair(pair) as one:
                    self._hand_geometry_on(pair)
                    one.let_go()
            except DamagedFilesError:
                raise
            except DinsarError as error:
                failed[pair] = error
                self.work.reporter.warn(f"{pair_name(pair)}: {error.problem} {error.cause} {error.remedy}")

        self.each("topsApp", self.work.plan.network.pairs, make)
        return failed

    def geometry(self, pairs: Sequence[Pair], files: Products) -> None:
        """Put the geometry of the first pair beside the pairs: each of them has its own, which differs little."""
        first = min(pairs)
        with self.pair(first) as one:
            made = one.geocode(files).layers.folder
        for name in _OF_GEOMETRY:
            share(made / f"{name}.tif", self.work.folders.geometry_products)
        self._geometry_of = first

    def each(self, step: str, pairs: Sequence[Pair], make: Callable[[Pair], None]) -> int:
        """Do a step of some pairs, one after another: topsApp and what follows it use all cores."""
        for number, pair in enumerate(pairs):
            self.work.reporter.progress(step, number / len(pairs))
            try:
                make(pair)
            except DamagedFilesError as error:
                self.work.reporter.warn(f"{pair_name(pair)}: {error.problem} {error.cause} It is made again.")
                make(pair)
        return len(pairs)

    @contextmanager
    def pair(self, days: Pair) -> Iterator[TopsAppPair]:
        """Hold a pair whose interferogram is there: it is made, or what lacks of it, unless an earlier call did."""
        work, folder = self.work, self.work.folders.of_pair(days)
        plan = work.plan.run_plan(days)
        dates = (plan.slc.pair.reference.start.isoformat(), plan.slc.pair.secondary.start.isoformat())
        check_corrections(plan.config, plan.grid, plan.engine.name, dates)
        reporter = _PairReporter(work.reporter, pair_name(days), self._done(days), self.told)
        supplies = Supplies(Request(plan.config, plan.roi), plan.config)
        more = {"stack": str(work.folders.root.resolve())}
        with (
            held(
                plan,
                folder,
                self.cache,
                reporter,
                work.command,
                supplies,
                self.meter,
                formats_of_pairs(plan.config),
                StepChoice(),
                more,
                force=False,
            ) as session,
            Removal(plan.config, plan.engine, session.radar) as removal,
        ):
            made = make_interferogram(session, prepare_inputs(session))
            if made is None:
                raise ValueError("a map needs all steps of the engine")
            yield TopsAppPair(session, made, removal)

    def _hand_geometry_on(self, days: Pair) -> None:
        """Let the next pair with the same reference that is not made use the geometry that topsApp has computed."""
        pairs, folders = self.work.plan.network.pairs, self.work.folders
        for other in pairs[pairs.index(days) + 1 :]:
            if other[0] == days[0] and "process" not in Journal.open(folders.of_pair(other) / RUN_FILE).stages:
                hand_on(folders.of_pair(days) / WORK, folders.of_pair(other) / WORK)
                return

    def _done(self, days: Pair) -> tuple[int, int]:
        """Return how many pairs are before one, and how many there are."""
        pairs = self.work.plan.network.pairs
        return pairs.index(days), len(pairs)


@dataclass
class TopsAppPair:
    """A pair that topsApp has made, on its way to a map.

    Attributes
    ----------
    session : Session
    interferogram : Interferogram
    removal : Removal
        Of what the configuration does not keep.
    """

    session: Session
    interferogram: Interferogram
    removal: Removal

    def let_go(self) -> None:
        """Remove the work of topsApp, unless it is kept: its layers on the radar grid are made."""
        self.removal.begin()

    def geocode(self, files: Products) -> Geocoded:
        """Put the layers of the pair on the map, and check its phase."""
        return geocode(self.session, self.interferogram, files)

    def displace(self, geocoded: Geocoded, reference: StackReference | None) -> Displaced:
        """Make the displacement relative to the reference of the stack, with its sigma."""
        zero = shared_zero(reference, self.interferogram, geocoded)
        return displace(self.session, self.interferogram, geocoded, zero)

    def finish(self, geocoded: Geocoded, displaced: Displaced, files: Products) -> None:
        """Draw the pair and write its report, if that is asked for, and remove what is not kept."""
        report_if_asked(self.session, self.interferogram, geocoded, displaced, files)
        tidy(self.session, self.removal)


@contextmanager
def in_words_of_stack() -> Iterator[None]:
    """Let errors of parts that a run has too name the options of ``dinsar stack`` as the remedy."""
    try:
        yield
    except DinsarError as error:
        remedy = error.remedy.replace("--workdir", "--output")
        for option in _NOT_OF_STACK:
            remedy = option.sub("", remedy)
        error.remedy = remedy[:1].upper() + remedy[1:]
        raise


class _PairReporter:
    """Tells of a pair within the stages of its stack.

    Parameters
    ----------
    reporter : Reporter
        Of the stack.
    name : str
        Of the pair.
    done : (int, int)
        Pairs before it, and all pairs.
    told : collection of str
        Warnings that are not of this pair alone.
    """

    def __init__(self, reporter: Reporter, name: str, done: tuple[int, int], told: Collection[str]) -> None:
        self._reporter, self._name, self._done, self._told = reporter, name, done, told

    def note(self, text: str) -> None:
        """Keep a fact to the journal of the pair."""

    def warn(self, text: str) -> None:
        """Tell a fact that the user should keep in mind, and of which pair it is."""
        if text not in self._told:
            self._reporter.warn(f"{self._name}: {text}")

    def start(self, stage: str) -> None:
        """Say nothing: the stages are those of the stack."""

    def progress(self, step: str, share: float, left: float | None = None, /) -> None:
        """Tell the step, and how much of all pairs is done."""
        del left  # of this pair alone
        before, pairs = self._done
        self._reporter.progress(f"{self._name} {step}", (before + share) / pairs)

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Say nothing."""
