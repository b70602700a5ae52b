"""The scenes of a run that has an area and dates, but no files: chosen in the catalogue, fetched into the cache.

A choice whose scenes were fetched is noted in the cache. The same question then has the same answer without a
network, unless there may be newer scenes by now.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dinsar_cli.baselines import CATALOGUE
from dinsar_cli.catalog import PLATFORMS, Query, search
from dinsar_cli.catalogexport import choice_record
from dinsar_cli.download import Source, Transfer, bytes_there, fetch_all, is_there
from dinsar_cli.errors import NetworkError, NoDataError, UsageError
from dinsar_cli.managers.orbit import OrbitManager
from dinsar_cli.pairs import Choice, choose_pair, common_place
from dinsar_cli.pairwish import DatesWish, Wish, wish_of
from dinsar_cli.roi import Roi, parse_roi
from dinsar_cli.stacks import group_stacks
from dinsar_cli.workspace import fingerprint, human_bytes, write_text

if TYPE_CHECKING:
    from dinsar_cli.baselines import Baseline
    from dinsar_cli.catalog import CatalogScene
    from dinsar_cli.config import RunConfig
    from dinsar_cli.orbitfile import OrbitFile
    from dinsar_cli.stacks import CatalogAcquisition

logger = logging.getLogger(__name__)

FOLDER: Final = "slc"
"""Folder of the scenes in the cache."""

_NOTES: Final = ".choices"
_PUBLISHED: Final = timedelta(days=3)  # after which the archive has the scenes of a day
_VERSION: Final = 1  # of the notes
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
        """The download of it."""
        path = cache / FOLDER / f"{self.name}.zip"
        return Source(self.url, path, self.bytes or None, self.md5 or None, login=True)


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
    """

    reference: tuple[ArchiveScene, ...]
    secondary: tuple[ArchiveScene, ...]
    record: dict[str, Any]
    searched: datetime
    notes: tuple[str, ...]
    marks: tuple[str, ...]
    remembered: bool = False
    choice: Choice | None = None

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

    def sources(self, cache: Path) -> tuple[Source, ...]:
        """The downloads."""
        return tuple(scene.source(cache) for scene in self.scenes)

    def is_there(self, cache: Path) -> bool:
        """Whether all products are in the cache."""
        return all(is_there(source) for source in self.sources(cache))

    def there(self, cache: Path) -> int:
        """Bytes that need not be fetched."""
        return sum(bytes_there(source) for source in self.sources(cache))

    def missing(self, cache: Path) -> int:
        """Bytes to fetch, of the products whose size the catalogue tells."""
        return sum(max(source.size - bytes_there(source), 0) for source in self.sources(cache) if source.size)

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
        """The configuration with the chosen products instead of the question."""
        ends = {"reference": self.reference[0].name, "secondary": self.secondary[0].name}
        return config.model_copy(update=ends | dict.fromkeys(("start", "end", "event")))

    def with_files(self, config: RunConfig, cache: Path) -> RunConfig:
        """The configuration with the products as local files."""
        files = [source.target.absolute() for source in self.sources(cache)]
        return config.model_copy(update={"slc": config.slc.model_copy(update={"files": files})})


def is_wanted(config: RunConfig) -> bool:
    """Whether scenes are to come from the archive: none are given, but something that tells which."""
    asked = (config.start, config.end, config.event, config.reference, config.secondary)
    return not config.slc.files and any(one is not None for one in asked)


# --- choosing ---------------------------------------------------------------------------------------------------


def plan_scenes(config: RunConfig, cache: Path) -> ScenePlan:
    """Choose the pair that a configuration asks for. Nothing is written, and nothing but the catalogue is asked.

    Parameters
    ----------
    config : RunConfig
        With ``roi``, and ``start`` and ``end``, or ``event``, or ``reference`` and ``secondary``.
    cache : Path
        Where scenes and orbit files may be.

    Raises
    ------
    UsageError
        When something is missing in the question.
    NoDataError
        When there is no such pair; the message says what there is.
    NetworkError
        When the catalogue does not answer, and the scenes of an earlier answer are not in the cache.
    """
    wish, area = wish_of(config), area_of(config)
    known = _remembered(_mark(config, wish, area), cache)
    if known is not None and _is_final(known, wish):
        return known
    try:
        choice, notes = find_pair(config, area, cache)
    except NetworkError as error:
        if known is None:
            raise
        logger.warning("the catalogue does not answer: %s", error.cause)
        told = f"The catalogue does not answer: the pair is that of {known.searched:%Y-%m-%d}."
        return replace(known, notes=(*known.notes, told))
    return _planned(config, area, choice, notes)


def area_of(config: RunConfig) -> Roi:
    """Area in which scenes are looked for.

    Raises
    ------
    UsageError
        When there is none.
    """
    if config.roi is None:
        raise UsageError(
            "--roi is missing.",
            "Scenes are searched over an area.",
            "Give --roi 'W S E N' in degrees, WKT, or a file with the outline; or local products with --slc.",
        )
    return parse_roi(config.roi)


def find_pair(
    config: RunConfig, roi: Roi, cache: Path, platforms: tuple[str, ...] = PLATFORMS
) -> tuple[Choice, tuple[str, ...]]:
    """Search the catalogue and choose a pair; with sentences on what is wrong with the answer.

    Parameters
    ----------
    config : RunConfig
        What is asked for.
    roi : Roi
        Its area.
    cache : Path
        Its orbit files are used for baselines, unless the configuration names a folder of them.
    platforms : tuple of str
        ``S1A`` to ``S1D``.

    Raises
    ------
    UsageError, NoDataError, NetworkError
        As `plan_scenes`.
    """
    wish, today = wish_of(config), datetime.now(UTC).date()
    first, last = wish.days
    if config.end is None:  # days after an event may not be there yet
        last = max(first, min(last, today))
    query = Query(
        roi=roi,
        start=first,
        end=last,
        track=config.track,
        direction=config.direction,
        platforms=platforms,
        polarization=wish.polarization or None,
    )
    notes = query.check(today)
    found = search(query)
    stacks = group_stacks(found.scenes, roi.geometry, query.includes)
    orbits = config.orbits.dir or cache / "orbits"
    measure = _measure(roi, orbits if config.orbits.dir or orbits.is_dir() else None)
    return choose_pair(stacks, roi.geometry, wish, measure), (*notes, *found.notes)


def _measure(roi: Roi, folder: Path | None) -> Callable[[CatalogAcquisition, CatalogAcquisition], Baseline | None]:
    """How baselines are measured: with the orbit files of a folder where they serve."""
    from dinsar_cli.baselines import measure_baseline

    known: dict[CatalogAcquisition, OrbitFile | None] = {}

    def orbit(acquisition: CatalogAcquisition) -> OrbitFile | None:
        if acquisition not in known:
            known[acquisition] = _orbit_at_hand(folder, acquisition)
        return known[acquisition]

    def measure(reference: CatalogAcquisition, secondary: CatalogAcquisition) -> Baseline | None:
        place = common_place(reference, secondary, roi.geometry)
        return measure_baseline(reference, secondary, place, (orbit(reference), orbit(secondary)))

    return measure


def _orbit_at_hand(folder: Path | None, acquisition: CatalogAcquisition) -> OrbitFile | None:
    """The orbit file that serves an acquisition, if there is one."""
    if folder is None:
        return None
    manager = OrbitManager(folder)
    try:
        return manager.fetch(manager.plan(acquisition.platform, acquisition.start, acquisition.stop))
    except NoDataError:
        return None


def _planned(config: RunConfig, area: Roi, choice: Choice, notes: tuple[str, ...]) -> ScenePlan:
    best = choice.best
    reference, secondary = (
        tuple(_to_fetch(scene) for scene in one.scenes) for one in (best.reference, best.secondary)
    )
    record, now = choice_record(choice, notes), datetime.now(UTC)
    plan = ScenePlan(reference, secondary, record, now, notes, (), choice=choice)
    asked = (config, plan.pinned(config))
    return replace(plan, marks=tuple(dict.fromkeys(_mark(one, wish_of(one), area) for one in asked)))


def _to_fetch(scene: CatalogScene) -> ArchiveScene:
    return ArchiveScene(scene.name, scene.url, scene.bytes, scene.md5)


# --- what earlier runs have chosen ------------------------------------------------------------------------------


def _mark(config: RunConfig, wish: Wish, area: Roi) -> str:
    """Fingerprint of a question to the catalogue."""
    return fingerprint([type(wish).__name__, asdict(wish), area.wkt, config.track, config.direction])


def _is_final(plan: ScenePlan, wish: Wish) -> bool:
    """Whether no later search can find a better pair: its dates were given, or their time was over."""
    if isinstance(wish, DatesWish):
        return True
    return plan.searched.date() >= wish.days[1] + _PUBLISHED


def _note_path(cache: Path, mark: str) -> Path:
    return cache / FOLDER / _NOTES / f"{mark}.json"


def _remembered(mark: str, cache: Path) -> ScenePlan | None:
    """Answer that an earlier run got, when all of its scenes are in the cache."""
    try:
        note = json.loads(_note_path(cache, mark).read_text(encoding="utf-8"))
        plan = _from_note(note)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return plan if plan.is_there(cache) else None


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
    )


def _remember(plan: ScenePlan, cache: Path) -> None:
    """Note a choice whose scenes are in the cache."""
    for mark in plan.marks:
        path = _note_path(cache, mark)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {name: [asdict(scene) for scene in getattr(plan, name)] for name in ("reference", "secondary")}
        rest = {"record": plan.record, "searched": plan.searched.isoformat(), "marks": plan.marks}
        write_text(path, json.dumps({"version": _VERSION} | known | rest, indent=2) + "\n")


# --- fetching ---------------------------------------------------------------------------------------------------


def fetch_scenes(
    plan: ScenePlan, cache: Path, progress: Callable[[Transfer], None] | None = None
) -> tuple[Path, ...]:
    """Get the chosen products into the cache; those that are there are left alone.

    Parameters
    ----------
    plan : ScenePlan
    cache : Path
    progress : callable, optional
        As that of `dinsar_cli.download.fetch_all`.

    Returns
    -------
    tuple of Path
        The zips, compared with size and MD5 of the catalogue.

    Raises
    ------
    DinsarError
        As `dinsar_cli.download.fetch_all`; lack of space or of an account before the first byte.
    """
    paths = fetch_all(plan.sources(cache), progress=progress)
    if not plan.remembered:
        _remember(plan, cache)
    return tuple(paths)


def told_bytes(plan: ScenePlan, cache: Path, free: int) -> str:
    """Say how much there is to fetch, and what room there is for it."""
    count, there, missing = len(plan.scenes), plan.there(cache), plan.missing(cache)
    unknown = (
        "" if all(scene.bytes for scene in plan.scenes) else " and those whose size the catalogue does not tell"
    )
    if plan.is_there(cache):
        return f"scenes: all {count} are in {cache / FOLDER} ({human_bytes(there)})"
    cached = f", {human_bytes(there)} are there" if there else ""
    return (
        f"scenes: {count}, {human_bytes(missing)}{unknown} to fetch into {cache / FOLDER}{cached}; "
        f"{human_bytes(free)} are free"
    )
