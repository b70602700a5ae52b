"""The dates of a network from products that are at hand: their annotation, and orbit files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import shapely

from dinsar_cli.catalog.scenes import PLATFORMS, CatalogScene, Ring
from dinsar_cli.catalog.stacks import CatalogAcquisition, Stack, group_stacks
from dinsar_cli.config.request import Request
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.roi import Roi, parse_roi
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.plan.network_dates import NetworkDates, choose_dates
from dinsar_cli.sentinel1.acquisition import Acquisition, group_acquisitions
from dinsar_cli.sentinel1.annotated_orbit import annotated_orbit
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.products import products_in
from dinsar_cli.sentinel1.scene import Scene, open_scene

_SHOWN: Final = 4


def local_dates(
    request: Request,
    platforms: Sequence[str] = PLATFORMS,
    left_out: Collection[date] = (),
    opened: Sequence[Scene] | None = None,
) -> tuple[NetworkDates, Roi]:
    """Open products and choose the dates of a network; images are not read.

    Parameters
    ----------
    request : Request
        Its configuration names products, or folders of them, and perhaps a folder of orbit files; the annotation
        serves for dates that have none. Without an area it is what all dates see.
    platforms : sequence of str
        Satellites that are wanted.
    left_out : collection of date
        That the user does not want.
    opened : sequence of Scene, optional
        The products, where somebody has opened them.

    Returns
    -------
    NetworkDates
    Roi
        The area.

    Raises
    ------
    UsageError, NoDataError
        When a product cannot be read, is given twice or is of another track than the others, or fewer than two
        dates go together.
    """
    config = request.config
    given = map(open_scene, products_in(config.slc.files)) if opened is None else opened
    scenes = [scene for scene in given if _is_wanted(scene, request, platforms)]
    if not scenes:
        raise NoDataError(
            "No product is left for a network.",
            "None of those given with --slc is of the dates, track, direction and satellites that are asked for.",
            "Leave out --start, --end, --track, --direction and --platform, or give other products.",
        )
    _check_one_track(scenes)
    passes = group_acquisitions(scenes)
    slices = [[_listed(scene) for scene in one.scenes] for one in passes]
    listed = [scene for one in slices for scene in one]
    roi = request.roi or _common_ground(slices)
    stacks = group_stacks(listed, roi.geometry)
    if not stacks:
        raise NoDataError(
            "The area lies outside the products.",
            f"None of the {len(listed)} products sees any of {_box(roi.geometry.bounds)} (west south east north).",
            "Choose an area inside, or leave --roi out to take what all dates see.",
        )
    orbits = _Orbits(config.orbits.dir, passes)
    wanted = None if config.polarization == "auto" else config.polarization.upper()
    dates = choose_dates(stacks, roi.geometry, orbits, wanted, left_out)
    return dates.noting(*_out_of_sight(passes, stacks), *orbits.notes), roi


def _is_wanted(scene: Scene, request: Request, platforms: Sequence[str]) -> bool:
    """Tell whether a product passes the filters."""
    config, day = request.config, scene.start.date()
    return (
        scene.mission in platforms
        and config.track in {None, scene.relative_orbit}
        and config.direction in {None, scene.direction}
        and (config.start is None or config.start <= day)
        and (config.end is None or day <= config.end)
    )


def _check_one_track(scenes: Sequence[Scene]) -> None:
    tracks: dict[tuple[int, str], list[str]] = {}
    for scene in sorted(scenes, key=lambda scene: scene.start):
        tracks.setdefault((scene.relative_orbit, scene.direction), []).append(scene.name)
    if len(tracks) == 1:
        return
    most = max(tracks, key=lambda track: len(tracks[track]))
    told = "; ".join(f"track {track} {way}: {_names(names)}" for (track, way), names in sorted(tracks.items()))
    raise NoDataError(
        "The products are of different tracks.",
        f"Pairs need one track and direction. {told}.",
        f"Choose with --track {most[0]} --direction {most[1]}, or leave the products of the others out.",
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _listed(scene: Scene) -> CatalogScene:
    """Return a product as the catalogue would list it."""
    return CatalogScene(
        name=scene.name,
        platform=scene.mission,
        start=scene.start,
        stop=scene.stop,
        track=scene.relative_orbit,
        frame=1,
        absolute_orbit=scene.absolute_orbit,
        direction=scene.direction,
        polarizations=tuple(sorted(scene.polarizations)),
        ring=_ring(scene),
        url=str(scene.safe.path),
        ipf=scene.ipf,
    )


def _ring(scene: Scene) -> Ring:
    """Return the outline of all bursts of a product; longitudes from -180 to 180."""
    images = dict(sorted(scene.images, reverse=True))  # one polarization of each subswath
    bursts = [burst for image in images.items() for burst in scene.subswath(*image).bursts]
    middle = middle_of(bursts[0].footprint.bounds)
    ground = shapely.union_all([beside(burst.footprint, middle) for burst in bursts]).convex_hull
    return tuple(((lon + 180) % 360 - 180, lat) for lon, lat in shapely.get_coordinates(ground).tolist())


def _common_ground(passes: Iterable[Sequence[CatalogScene]]) -> Roi:
    """Return what all passes see."""
    grounds = [(slices[0].name, shapely.union_all([scene.footprint for scene in slices])) for slices in passes]
    common = grounds[0][1]
    for name, ground in grounds:
        rest = common.intersection(ground)
        if rest.area == 0:
            raise NoDataError(
                f"{name} sees no ground of the products before it.",
                f"It covers {_box(ground.bounds)}, they {_box(common.bounds)} (west south east north).",
                "Leave it out, or give the area with --roi: dates that do not see it are then set aside.",
            )
        common = rest
    return parse_roi(common.wkt)


class _Orbits:
    """Orbits of acquisitions: from files, else from their annotation, which is noted."""

    def __init__(self, folder: Path | None, passes: Sequence[Acquisition]) -> None:
        self._manager = OrbitManager(folder) if folder else None
        self._passes = {scene.name: one for one in passes for scene in one.scenes}
        self.notes: list[str] = []

    def __call__(self, acquisition: CatalogAcquisition) -> OrbitFile | None:
        """Return the orbit of an acquisition; None when not even its annotation has one."""
        if self._manager is not None:
            try:
                return self._manager.fetch(
                    self._manager.plan(acquisition.platform, acquisition.start, acquisition.stop)
                )
            except NoDataError as error:
                self._note(f"{error.problem} Its baseline is from the annotation, good to some metres.")
        one = self._passes[acquisition.scenes[0].name]
        try:
            return annotated_orbit(one, min(one.polarizations))
        except NoDataError as error:
            self._note(f"{error.problem} {error.cause} The baseline of {acquisition.label} is not known.")
        return None

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _out_of_sight(passes: Sequence[Acquisition], stacks: Sequence[Stack]) -> Iterator[str]:
    """Tell of passes that do not meet the area at all."""
    seen = {scene.name for stack in stacks for one in stack.acquisitions for scene in one.scenes}
    for one in passes:
        if not any(scene.name in seen for scene in one.scenes):
            yield f"{one.label} does not see the area: it is set aside."


def _box(bounds: tuple[float, float, float, float]) -> str:
    return " ".join(f"{bound:.4f}" for bound in bounds)
