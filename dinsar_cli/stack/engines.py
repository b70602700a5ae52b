"""How the pairs of a stack are made: on the geometry of one date by the embedded engine, or by topsApp."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dinsar_cli.engines.topsapp.engine import TopsAppEngine
from dinsar_cli.errors import DinsarError
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.series.graph import Pair
from dinsar_cli.stack.forming import filter_pairs, find_unseen_cells, form_pairs, unwrap_pairs
from dinsar_cli.stack.pair_map import PairMap, SharedMap, map_geometry
from dinsar_cli.stack.record import StackReference
from dinsar_cli.stack.topsapp_pairs import BY_ALL, TopsAppPairs
from dinsar_cli.stack.work import StackWork, each_pair
from dinsar_cli.workflow.map_stages import Displaced, Geocoded
from dinsar_cli.workflow.scenes import Meter


class PairWork(Protocol):
    """A pair whose interferogram is made, on its way to a map."""

    @property
    def interferogram(self) -> Interferogram:
        """The description of its layers on the radar grid."""

    def geocode(self, files: Products) -> Geocoded:
        """Put its layers on the map, and check its phase."""

    def displace(self, geocoded: Geocoded, reference: StackReference | None) -> Displaced:
        """Make the displacement relative to the reference of the stack, with its sigma."""

    def finish(self, geocoded: Geocoded, displaced: Displaced, files: Products) -> None:
        """Draw the pair and write its report, if that is asked for."""


class StackEngine(Protocol):
    """What makes the pairs of a stack. What is done stays done; a further call makes what lacks."""

    @property
    def one_radar_grid(self) -> bool:
        """Whether a cell of the radar grid is the same ground in all pairs, on the map and beside it."""

    @property
    def shared(self) -> Mapping[str, Any]:
        """What the pairs have in common, for the record."""

    def interferograms(self) -> Mapping[Pair, DinsarError]:
        """Make the interferograms of all pairs, and give those that could not be, with the reason."""

    def geometry(self, pairs: Sequence[Pair], files: Products) -> None:
        """Put the layers of the geometry on the map; of these pairs there are interferograms."""

    def each(self, step: str, pairs: Sequence[Pair], make: Callable[[Pair], None]) -> int:
        """Do a step of some pairs; give how many they were."""

    def pair(self, days: Pair) -> AbstractContextManager[PairWork]:
        """Open a pair."""


def stack_engine(work: StackWork, cache: Path, meter: Meter, told: Collection[str] = ()) -> StackEngine:
    """Return what makes the pairs of a stack with the engine of its plan.

    Parameters
    ----------
    work : StackWork
    cache : Path
        Gets what several runs can share.
    meter : Meter
        Counts what is fetched.
    told : collection of str
        What the user is warned of already.
    """
    if work.plan.any.engine.name == TopsAppEngine.name:
        return TopsAppPairs(work, cache, meter, told)
    return OneGeometry(work)


@dataclass
class OneGeometry:
    """The embedded engine: each date is put on the geometry of the first once, and all pairs are formed there.

    Attributes
    ----------
    work : StackWork
    """

    work: StackWork
    one_radar_grid: ClassVar[bool] = True
    _shared: SharedMap | None = field(default=None, repr=False)

    @property
    def shared(self) -> Mapping[str, Any]:
        """Tell what the pairs have in common: all that is not of a date or a pair, and the geometry of one date."""
        return {"by_all_pairs": [*BY_ALL, "geometry", "resampled dates"], "geometry_of": str(self.work.plan.first)}

    def interferograms(self) -> Mapping[Pair, DinsarError]:
        """Make the interferograms of all pairs on one radar grid."""
        form_pairs(self.work)
        filter_pairs(self.work)
        find_unseen_cells(self.work)
        unwrap_pairs(self.work)
        return {}

    def geometry(self, pairs: Sequence[Pair], files: Products) -> None:
        """Put the layers that all pairs share on the map."""
        del pairs, files
        self._shared = map_geometry(self.work)

    def each(self, step: str, pairs: Sequence[Pair], make: Callable[[Pair], None]) -> int:
        """Do a step of some pairs, as many at a time as cores and memory allow."""
        return each_pair(self.work, step, pairs, make)

    @contextmanager
    def pair(self, days: Pair) -> Iterator[PairMap]:
        """Open a pair, whose layers lie on the geometry of all."""
        if self._shared is None:
            raise ValueError("the geometry comes first")
        one = PairMap(self.work, days, self._shared)
        one.begin()
        yield one
