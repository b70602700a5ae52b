"""Bursts or whole scenes: which bursts of a pair a region needs, and whether they are worth it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.catalog.bursts import CatalogBurst, find_bursts
from dinsar_cli.catalog.stacks import POLARIZATIONS, CatalogAcquisition
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.net.limits import Limits

LARGEST_SHARE: Final = 0.6
"""Share of the bytes of the scenes from which bursts are not worth it: the archive has to cut each one out."""

_MARGIN: Final = 0.01  # degrees: the outlines are those of a coarse grid at mean height

Way = Literal["bursts", "scenes"]


@dataclass(frozen=True)
class PassBursts:
    """What is needed of one acquisition, by subswath and time."""

    acquisition: CatalogAcquisition
    bursts: tuple[CatalogBurst, ...]

    @property
    def bytes(self) -> int:
        """Size of all pixels."""
        return sum(burst.bytes for burst in self.bursts)


@dataclass(frozen=True)
class BurstPlan:
    """Bursts that a region needs.

    Attributes
    ----------
    polarization : str
        ``VV``, ``VH``, ``HH`` or ``HV``.
    passes : tuple of PassBursts
        The same ground of each acquisition; empty when there is an obstacle.
    notes : tuple of str
        What the user should know.
    obstacle : str
        Why bursts cannot be used; empty when they can.
    """

    polarization: str
    passes: tuple[PassBursts, ...] = ()
    notes: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def bytes(self) -> int:
        """Size of all pixels."""
        return sum(one.bytes for one in self.passes)

    @property
    def count(self) -> int:
        """Bursts of all acquisitions."""
        return sum(len(one.bursts) for one in self.passes)


@dataclass(frozen=True)
class DownloadChoice:
    """What is fetched.

    Attributes
    ----------
    way : str
        ``bursts`` or ``scenes``.
    scene_bytes, burst_bytes : int
        Size of either way; 0 when it is not known.
    why : str
        A sentence.
    """

    way: Way
    scene_bytes: int
    burst_bytes: int
    why: str


def plan_bursts(
    acquisitions: Sequence[CatalogAcquisition],
    area: Geometry,
    polarization: str = "auto",
    *,
    least: int = 1,
    limits: Limits | None = None,
) -> BurstPlan:
    """Find the bursts of some acquisitions that a region needs.

    They are the same at all dates, and follow each other without a gap in each subswath: the engines need that.

    Parameters
    ----------
    acquisitions : sequence of CatalogAcquisition
        Of one track: the dates of a pair.
    area : shapely geometry
        In degrees.
    polarization : str
        ``auto`` (VV, else HH, else cross-polarized) or the one to use, in any case.
    least : int
        Bursts that a subswath needs at least; 2 for enhanced spectral diversity.
    limits : Limits, optional
        How long to try when the archive fails; by default those of the user.

    Raises
    ------
    NetworkError
        When the archive cannot be reached or does not give complete results.
    NoDataError
        When the acquisitions do not have the polarization.
    """
    wanted = common_polarization(acquisitions, polarization)
    notes: list[str] = []
    found = [find_bursts(acquisition, wanted, notes, limits) for acquisition in acquisitions]
    for acquisition, bursts in zip(acquisitions, found, strict=True):
        if not bursts:
            obstacle = f"The archive has no single {wanted} bursts of {acquisition.label}."
            return BurstPlan(wanted, notes=tuple(notes), obstacle=obstacle)
    return choose_bursts(acquisitions, found, area, least, notes)


def common_polarization(acquisitions: Sequence[CatalogAcquisition], wanted: str = "auto") -> str:
    """Return the polarization to use: the one that is wanted, or the best that all acquisitions have.

    Raises
    ------
    NoDataError
        When they do not have it, or have none in common.
    """
    common = frozenset.intersection(*(one.polarizations for one in acquisitions))
    choice = wanted.upper() if wanted.lower() != "auto" else next((p for p in POLARIZATIONS if p in common), "")
    if choice not in common:
        there = "; ".join(f"{one.label} has {', '.join(sorted(one.polarizations))}" for one in acquisitions)
        raise NoDataError(
            f"Polarization {choice} is not in all acquisitions." if choice else "They share no polarization.",
            f"{there}.",
            f"Choose one of: {', '.join(sorted(common))}." if common else "Choose another pair.",
        )
    return choice


def choose_bursts(
    acquisitions: Sequence[CatalogAcquisition],
    found: Sequence[Sequence[CatalogBurst]],
    area: Geometry,
    least: int = 1,
    notes: Iterable[str] = (),
) -> BurstPlan:
    """Choose what a region needs from all bursts of some acquisitions.

    Parameters
    ----------
    acquisitions : sequence of CatalogAcquisition
    found : sequence of sequence of CatalogBurst
        Of each acquisition: at least one, all of one polarization.
    area : shapely geometry
        In degrees.
    least : int
        Bursts that a subswath needs at least.
    notes : iterable of str
        Sentences to which others are added.
    """
    told = list(notes)
    tables = [{(burst.swath, burst.number): burst for burst in bursts} for bursts in found]
    wanted, middle = area.buffer(_MARGIN), middle_of(area.bounds)
    meeting: dict[str, set[int]] = defaultdict(set)
    for table in tables:
        for (swath, number), burst in table.items():
            if beside(burst.footprint, middle).intersects(wanted):
                meeting[swath].add(number)
    chosen = []
    for swath, numbers in sorted(meeting.items()):
        common = set.intersection(*({number for name, number in table if name == swath} for table in tables))
        lacking = len(numbers - common)
        if lacking:
            told.append(
                f"{lacking} of {len(numbers)} bursts of {swath} over the region are not there at all dates."
            )
        chosen += [(swath, number) for number in _without_gap(numbers, common, least)]
    polarization = found[0][0].polarization
    if not chosen:
        return BurstPlan(polarization, (), tuple(told), "No burst over the region is there at all dates.")
    passes = tuple(
        PassBursts(acquisition, tuple(table[key] for key in chosen))
        for acquisition, table in zip(acquisitions, tables, strict=True)
    )
    return BurstPlan(polarization, passes, tuple(told))


def _without_gap(wanted: set[int], common: set[int], least: int) -> list[int]:
    """Give numbers that follow each other: as many as possible of those wanted, and at least some if there are."""
    runs: list[list[int]] = []
    for number in sorted(common):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    best = max(runs, key=lambda run: len(wanted.intersection(run)), default=[])
    inside = sorted(wanted.intersection(best))
    if not inside:
        return []
    first, last = best.index(inside[0]), best.index(inside[-1])
    while last - first + 1 < min(least, len(best)):
        if last + 1 < len(best):
            last += 1
        else:
            first -= 1
    return best[first : last + 1]


def choose_download(
    acquisitions: Sequence[CatalogAcquisition],
    plan: BurstPlan,
    wish: Literal["auto", "bursts", "scenes"] = "auto",
    *,
    password: bool = True,
) -> DownloadChoice:
    """Decide whether bursts or whole scenes are fetched.

    Parameters
    ----------
    acquisitions : sequence of CatalogAcquisition
        Whose scenes would be fetched.
    plan : BurstPlan
        What would be fetched instead.
    wish : str
        ``slc.download`` of the configuration.
    password : bool
        Whether user name and password of the account are known: the archive gives bursts for no token.

    Raises
    ------
    NoDataError
        When bursts are wished for and cannot be used.
    """
    scenes, bursts = sum(one.bytes for one in acquisitions), plan.bytes
    if any(scene.bytes == 0 for one in acquisitions for scene in one.scenes):
        scenes = 0  # not known
    if any(burst.bytes == 0 for one in plan.passes for burst in one.bursts):
        bursts = 0
    if wish == "scenes":
        return DownloadChoice("scenes", scenes, bursts, "Whole scenes are wished for (slc.download).")
    obstacle = plan.obstacle
    if not obstacle and not password and wish == "auto":
        obstacle = "Single bursts want user name and password of the account, and only a token is known."
    if obstacle and wish == "bursts":
        raise NoDataError(
            "Single bursts cannot be used (slc.download: bursts).", obstacle, "Set slc.download to scenes or auto."
        )
    if obstacle:
        return DownloadChoice("scenes", scenes, bursts, obstacle)
    if wish == "bursts":
        return DownloadChoice("bursts", scenes, bursts, "Single bursts are wished for (slc.download).")
    return _cheaper(scenes, bursts, plan.count)


def _cheaper(scenes: int, bursts: int, count: int) -> DownloadChoice:
    """Compare the bytes of both ways; unknown ones (0) say nothing against bursts."""
    if not scenes or not bursts:
        return DownloadChoice(
            "bursts", scenes, bursts, f"The size of {'scenes' if bursts else 'bursts'} is unknown."
        )
    share = bursts / scenes
    way: Way = "bursts" if share < LARGEST_SHARE else "scenes"
    limit = "less" if way == "bursts" else "not less"
    why = (
        f"{count} bursts are {human_bytes(bursts)}, {share:.0%} of the {human_bytes(scenes)} of whole scenes: "
        f"{limit} than {LARGEST_SHARE:.0%}."
    )
    return DownloadChoice(way, scenes, bursts, why)
