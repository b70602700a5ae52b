"""The scenes of a run that has an area and dates, but no files: chosen in the catalogue, fetched into the cache.

A choice whose scenes were fetched is noted in the cache. The same question then has the same answer without a
network, unless there may be newer scenes by now.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.files import alone_in, fingerprint, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.catalog.baselines import CATALOGUE
from dinsar_cli.catalog.burst_fetch import fetch_bursts, products_there
from dinsar_cli.catalog.burst_plan import BurstPlan, Way, choose_download, plan_bursts
from dinsar_cli.catalog.export import choice_record
from dinsar_cli.catalog.pair_choice import Choice
from dinsar_cli.catalog.pair_search import area_of, find_pair
from dinsar_cli.catalog.pair_wish import DatesWish, Wish, wish_of
from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.errors import CredentialsError, NetworkError
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.roi import Roi
from dinsar_cli.net.credentials import find_credentials
from dinsar_cli.net.download import Source, Transfer, fetch_all, look_for
from dinsar_cli.sentinel1.safe import MANIFEST

logger = logging.getLogger(__name__)

FOLDER: Final = "slc"
"""Folder of the scenes in the cache."""

BURSTS: Final = "bursts"
"""Folder in the cache of the products that are made of single bursts."""

_NOTES: Final = ".choices"
_PUBLISHED: Final = timedelta(days=3)  # after which the archive has the scenes of a day
_VERSION: Final = 2  # of the notes
_SOURCES: Final = {CATALOGUE: "the catalogue"}


@dataclass(frozen=True)
class ArchiveScene:
    """A product to fetch.

    Attributes
    ----------
    name : str
        Without ending.
    url : str
        Where the archive has it.
    bytes : int
        Its size; 0 when the catalogue does not tell.
    md5 : str
        Empty when the catalogue does not tell.
    """

    name: str
    url: str
    bytes: int
    md5: str

    def source(self, cache: Path) -> Source:
        """Return the download of it."""
        path = cache / FOLDER / f"{self.name}.zip"
        return Source(self.url, path, self.bytes or None, self.md5 or None, login=True)


@dataclass(frozen=True)
class Cached:
    """What of a chosen pair is in the cache.

    Attributes
    ----------
    products : tuple of Path or None
        Each product; None for one that has to be fetched.
    missing : int
        Bytes to fetch, of what the catalogue tells the size of.
    """

    products: tuple[Path | None, ...]
    missing: int

    @property
    def files(self) -> tuple[Path, ...]:
        """The products that are there."""
        return tuple(path for path in self.products if path is not None)

    @property
    def is_complete(self) -> bool:
        """Whether nothing has to be fetched."""
        return None not in self.products


@dataclass(frozen=True)
class ScenePlan:
    """The chosen pair, before anything of it is fetched.

    Attributes
    ----------
    reference, secondary : tuple of ArchiveScene
        Slices of both dates, in the order of time.
    record : dict
        The choice with the other candidates, as `dinsar pairs --json` gives it.
    searched : datetime
        When the catalogue was asked (UTC).
    notes : tuple of str
        What was wrong with the answer of the catalogue.
    marks : tuple of str
        Fingerprints of the questions to which it is the answer.
    remembered : bool
        Whether it comes from the cache, and the catalogue was not asked.
    choice : Choice or None
        Records of the catalogue; None when it was not asked.
    bursts : BurstPlan or None
        Bursts that the area needs, when the catalogue was asked for them.
    way : str
        What is fetched: ``scenes``, or ``bursts``, which become products of their own.
    why_way : str
        Why, as a sentence; empty when there was nothing to decide.
    made : tuple of str
        Products made of bursts by an earlier run, relative to the cache.
    """

    reference: tuple[ArchiveScene, ...]
    secondary: tuple[ArchiveScene, ...]
    record: dict[str, Any]
    searched: datetime
    notes: tuple[str, ...]
    marks: tuple[str, ...]
    remembered: bool = False
    choice: Choice | None = None
    bursts: BurstPlan | None = None
    way: Way = "scenes"
    why_way: str = ""
    made: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Folder name of the pair: ``T154D_20230904_20230916``."""
        return str(self.record["pair"])

    @property
    def scenes(self) -> tuple[ArchiveScene, ...]:
        """All products."""
        return (*self.reference, *self.secondary)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should keep in mind."""
        return tuple(dict.fromkeys((*self.notes, *self.record["warnings"])))

    @property
    def bytes(self) -> int:
        """Size of all that is fetched when nothing is there, as far as the catalogue tells."""
        if self.way == "bursts" and self.bursts is not None:
            return self.bursts.bytes
        return sum(scene.bytes for scene in self.scenes)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it comes from."""
        if self.way == "bursts" and self.bursts is not None:
            return tuple(burst.url for one in self.bursts.passes for burst in one.bursts)
        return tuple(scene.url for scene in self.scenes)

    def sources(self, cache: Path) -> tuple[Source, ...]:
        """Return the downloads of the whole scenes."""
        return tuple(scene.source(cache) for scene in self.scenes)

    def cached(self, cache: Path) -> Cached:
        """Tell what of it is in the cache."""
        if self.way == "scenes":
            files = [look_for(source) for source in self.sources(cache)]
            products = tuple(file.source.target if file.there else None for file in files)
            return Cached(products, sum(file.need for file in files))
        if self.bursts is not None:
            products = products_there(self.bursts, cache / BURSTS)
            passes = zip(self.bursts.passes, products, strict=True)
            return Cached(products, sum(one.bytes for one, path in passes if path is None))
        paths = (cache / name for name in self.made)
        return Cached(tuple(path if (path / MANIFEST).is_file() else None for path in paths), 0)

    @property
    def baselines(self) -> str:
        """Baselines of the pair and what coherence they let expect, in words."""
        best = self.record["candidates"][0]
        length, height = best["perpendicular_baseline_m"], best["height_ambiguity_m"]
        baseline = "perpendicular baseline not known" if length is None else f"{length:.0f} m perpendicular"
        source = "" if length is None else f" (from {_SOURCES.get(best['baseline_source'], 'orbit files')})"
        ambiguity = "" if height is None else f", {height:.0f} m of height for a cycle of phase"
        expected = f"expected coherence {best['expected_coherence']:.2f} ({best['expected_quality']})"
        return f"{best['temporal_baseline_days']} days, {baseline}{source}{ambiguity}, {expected}"

    def pinned(self, config: RunConfig) -> RunConfig:
        """Return the configuration with the chosen products instead of the question."""
        ends = {"reference": self.reference[0].name, "secondary": self.secondary[0].name}
        return config.model_copy(update=ends | dict.fromkeys(("start", "end", "event")))


def with_files(config: RunConfig, files: Sequence[Path]) -> RunConfig:
    """Return a configuration with products as local files."""
    update = {"files": [path.absolute() for path in files]}
    return config.model_copy(update={"slc": config.slc.model_copy(update=update)})


def is_wanted(config: RunConfig) -> bool:
    """Tell whether scenes are to come from the archive: none are given, but something that tells which."""
    asked = (config.start, config.end, config.event, config.reference, config.secondary)
    return not config.slc.files and any(one is not None for one in asked)


# --- choosing ---------------------------------------------------------------------------------------------------


def plan_scenes(request: Request, cache: Path) -> ScenePlan:
    """Choose the pair that is asked for. Nothing is written, and nothing but the catalogue is asked.

    Parameters
    ----------
    request : Request
        With ``roi``, and ``start`` and ``end``, or ``event``, or ``reference`` and ``secondary``.
    cache : Path
        Where scenes and orbit files may be.

    Raises
    ------
    UsageError
        When something is missing in the question.
    NoDataError
        When there is no such pair, where the message says what there is; or it lies beside the grid of a raster.
    NetworkError
        When the catalogue does not answer, and the scenes of an earlier answer are not in the cache.
    """
    config = request.config
    wish, area = wish_of(config), area_of(request)
    known = _remembered(_mark(config, wish, area), cache)
    if known is not None and _is_final(known, wish):
        return known
    try:
        choice, notes = find_pair(config, area, cache)
    except NetworkError as error:
        if known is None:
            raise
        logger.info("the catalogue does not answer: %s", error.cause)
        told = f"The catalogue does not answer: the pair is that of {known.searched:%Y-%m-%d}."
        return replace(known, notes=(*known.notes, told))
    middle, best = middle_of(area.bounds), choice.best
    reference, secondary = (beside(one.footprint, middle) for one in (best.reference, best.secondary))
    request.check_meets_grid(
        reference.intersection(secondary).intersection(area.geometry), "What both dates see of the area"
    )
    return _with_way(_planned(config, area, choice, notes), config, area, cache)


def _planned(config: RunConfig, area: Roi, choice: Choice, notes: tuple[str, ...]) -> ScenePlan:
    best = choice.best
    reference, secondary = (
        tuple(to_fetch(scene) for scene in one.scenes) for one in (best.reference, best.secondary)
    )
    record, now = choice_record(choice, notes), datetime.now(UTC)
    plan = ScenePlan(reference, secondary, record, now, notes, (), choice=choice)
    asked = (config, plan.pinned(config))
    return replace(plan, marks=tuple(dict.fromkeys(_mark(one, wish_of(one), area) for one in asked)))


def _with_way(plan: ScenePlan, config: RunConfig, area: Roi, cache: Path) -> ScenePlan:
    """Decide whether whole scenes or the bursts of the area are fetched."""
    wish = config.slc.download
    if plan.choice is None or wish == "scenes" or (wish == "auto" and plan.cached(cache).is_complete):
        return plan
    best = plan.choice.best
    dates = (best.reference, best.secondary)
    least = 2 if config.topsapp.do_esd else 1
    found = plan_bursts(dates, area.geometry, best.polarization, least=least)
    download = choose_download(dates, found, wish, password=password_known())
    notes = (*plan.notes, *found.notes) if download.way == "bursts" else plan.notes
    return replace(plan, bursts=found, way=download.way, why_way=download.why, notes=notes)


def password_known() -> bool:
    """Tell whether the account has a password here; without any account, that is for the download to say."""
    try:
        return bool(find_credentials().password)
    except CredentialsError:
        return True


def to_fetch(scene: CatalogScene) -> ArchiveScene:
    """Return what is needed of a record of the catalogue to fetch its product."""
    return ArchiveScene(scene.name, scene.url, scene.bytes, scene.md5)


# --- what earlier runs have chosen ------------------------------------------------------------------------------


def _mark(config: RunConfig, wish: Wish, area: Roi) -> str:
    """Return the fingerprint of a question to the catalogue."""
    found = [type(wish).__name__, asdict(wish), area.wkt, config.track, config.direction]
    return fingerprint([*found, config.slc.download, config.topsapp.do_esd])


def _is_final(plan: ScenePlan, wish: Wish) -> bool:
    """Tell whether no later search can find a better pair: its dates were given, or their time was over."""
    if isinstance(wish, DatesWish):
        return True
    return plan.searched.date() >= wish.days[1] + _PUBLISHED


def _note_path(cache: Path, mark: str) -> Path:
    return cache / FOLDER / _NOTES / f"{mark}.json"


def _remembered(mark: str, cache: Path) -> ScenePlan | None:
    """Return the answer that an earlier run got, when all of its scenes are in the cache."""
    try:
        note = read_json(_note_path(cache, mark))
        plan = _from_note(note)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return plan if plan.cached(cache).is_complete else None


def _from_note(note: Mapping[str, Any]) -> ScenePlan:
    if note["version"] != _VERSION:
        raise ValueError("a note of another version")
    reference, secondary = (
        tuple(ArchiveScene(**scene) for scene in note[end]) for end in ("reference", "secondary")
    )
    return ScenePlan(
        reference,
        secondary,
        dict(note["record"]),
        datetime.fromisoformat(note["searched"]),
        (),
        tuple(note["marks"]),
        remembered=True,
        way="bursts" if note["made"] else "scenes",
        made=tuple(note["made"]),
    )


def _remember(plan: ScenePlan, products: Sequence[Path], cache: Path) -> None:
    """Note a choice whose products are in the cache."""
    made = [path.relative_to(cache).as_posix() for path in products] if plan.way == "bursts" else []
    for mark in plan.marks:
        path = _note_path(cache, mark)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {name: [asdict(scene) for scene in getattr(plan, name)] for name in ("reference", "secondary")}
        rest = {"record": plan.record, "searched": plan.searched.isoformat(), "marks": plan.marks, "made": made}
        with alone_in(path.parent) as ending:  # runs that ask for the same may end at the same time
            write_text(path, json.dumps({"version": _VERSION} | known | rest, indent=2) + "\n", ending)


# --- fetching ---------------------------------------------------------------------------------------------------


def fetch_scenes(
    plan: ScenePlan, cached: Cached, cache: Path, progress: Callable[[Transfer], None] | None = None
) -> tuple[Path, ...]:
    """Get the chosen products into the cache; those that are there are left alone.

    Parameters
    ----------
    plan : ScenePlan
    cached : Cached
        What of it is there.
    cache : Path
    progress : callable, optional
        As that of `dinsar_cli.net.download.fetch_all`.

    Returns
    -------
    tuple of Path
        Zips, compared with size and MD5 of the catalogue, or SAFE folders made of bursts.

    Raises
    ------
    DinsarError
        As `dinsar_cli.net.download.fetch_all`; lack of space or of an account before the first byte.
    """
    if cached.is_complete:
        products = cached.files
    elif plan.way == "bursts" and plan.bursts is not None:
        products = fetch_bursts(plan.bursts, cache / BURSTS, progress=progress)
    else:
        products = tuple(fetch_all(plan.sources(cache), progress=progress))
    if not plan.remembered:
        _remember(plan, products, cache)
    return products


def told_bytes(plan: ScenePlan, cached: Cached, cache: Path, free: int) -> str:
    """Say how much there is to fetch, and what room there is for it."""
    products, missing = cached.products, cached.missing
    count, folder = len(products), cache / (FOLDER if plan.way == "scenes" else BURSTS)
    if cached.is_complete:
        return f"{plan.way}: all {count} products are in {folder}"
    what = (
        f"{count} products" if plan.way == "scenes" or plan.bursts is None else f"{plan.bursts.count} of both dates"
    )
    unknown = "" if plan.bytes else " (the catalogue does not tell all sizes)"
    there = plan.bytes - missing
    already = f", {human_bytes(there)} are there" if there > 0 else ""
    return (
        f"{plan.way}: {what}, {human_bytes(missing)}{unknown} to fetch into {folder}{already}; "
        f"{human_bytes(free)} are free"
    )
