"""East and up displacement from an ascending and a descending map; east, north and up with motion along a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.compare.common_grid import common_grid, no_overlap, resample
from dinsar_cli.compare.los_map import LosMap, read_los_map
from dinsar_cli.compare.motion.azimuth_offsets import AlongTrack, read_along_track
from dinsar_cli.compare.motion.east_north_up import EastNorthUp, along_track
from dinsar_cli.compare.motion.east_north_up import solve as solve_three
from dinsar_cli.compare.motion.east_up import LARGEST_CONDITION, EastUp, angle_between, condition, solve
from dinsar_cli.compare.truth import map_of
from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.areas import on_grid, read_polygons
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.sigma import along_track as unknown_along_track
from dinsar_cli.maps.zero.far_field import far_field_of_map
from dinsar_cli.maps.zero.reference import NOISE_TAGS, calm_of, reference_variance
from dinsar_cli.products.reader import Product
from dinsar_cli.radar.displacement import ReferencePoint, choose_reference, los_sigma, reference_at, reference_over

Floats: TypeAlias = NDArray[np.floating[Any]]

ASSUMPTION = "the ground did not move north or south"
_LARGEST_OFFSET = 12  # days between the starts or the ends of the pairs: a cycle of one satellite


@dataclass(frozen=True)
class Look:
    """One of the two maps on the common grid.

    Attributes
    ----------
    map : LosMap
        As it was read.
    component : int
        Its connected component that is used.
    left_out : float
        Share of its displacement that lies in other components.
    los, vector : ndarray
        Displacement relative to the common reference, and directions.
    sigma : ndarray or None
        Noise of the displacement.
    sigma_source : str
        Where that comes from; empty when it is not known.
    reference : ReferencePoint
        The common reference in this map.
    """

    map: LosMap
    component: int
    left_out: float
    los: Floats
    vector: Floats
    sigma: Floats | None
    sigma_source: str
    reference: ReferencePoint


@dataclass(frozen=True)
class Decomposition:
    """East and up displacement, and what they were made from.

    Attributes
    ----------
    ascending, descending : Look
        The two maps.
    grid : Grid
        Of the motion.
    motion : EastUp or EastNorthUp
        What was found.
    reference : LonLat
        Where both maps are zero; the middle of an area.
    reference_kind : str
        How it was found, for people.
    warnings : tuple of str
        What to keep in mind.
    along : tuple of AlongTrack
        Motion along the tracks that is used; without it that to the north is taken as zero.
    """

    ascending: Look
    descending: Look
    grid: Grid
    motion: EastUp | EastNorthUp
    reference: LonLat
    reference_kind: str
    warnings: tuple[str, ...]
    along: tuple[AlongTrack, ...] = ()


def decompose(
    first: Path,
    second: Path,
    reference_point: LonLat | Literal["auto", "none"] = "auto",
    reference_area: str | None = None,
    stated_sigma: float | None = None,
    azimuth_offsets: Sequence[str] = (),
    azimuth_sigmas: Sequence[str] = (),
) -> Decomposition:
    """Separate east and up displacement, and with motion along a track that to the north too.

    Parameters
    ----------
    first, second : Path
        An ascending and a descending result in any order: folders of pairs or of products.
    reference_point : LonLat or {'auto'}
        Where both are made zero; ``auto`` takes that of the ascending map, else that of the descending
        one, else the best place that both have.
    reference_area : str, optional
        Polygon whose mean is made zero instead, as for `dinsar_cli.geo.areas.read_polygons`.
    stated_sigma : float, optional
        Metres: noise of a map that has no ``los_sigma.tif``.
    azimuth_offsets, azimuth_sigmas : sequence of str, optional
        Motion along the tracks, and its noise, as for `read_along_track`.

    Raises
    ------
    UsageError
        When one is no displacement map, or an option is wrong.
    NoDataError
        When they see the ground from the same side, have no place in common, or nothing at the reference.
    """
    if reference_point == "none":
        raise UsageError(
            "--reference-point none cannot be used here.",
            "Two maps can only be combined when both are relative to the same place.",
            "Give a place as LON,LAT, or leave it out.",
        )
    # both maps, and the grid on which they meet
    maps = _sorted_looks(read_los_map(first), read_los_map(second))
    grid = common_grid(maps[0].grid, maps[1].grid)
    # of each the component that has the reference: its displacement on that grid
    wanted = _wanted(maps, reference_point, reference_area)
    cut = tuple(
        resample(np.where(one.of_component(label), one.los, np.nan), one.grid, grid)
        for one, label in zip(maps, wanted.labels, strict=True)
    )
    both = np.isfinite(cut[0]) & np.isfinite(cut[1])
    if not both.any():
        raise no_overlap(maps[0].grid, maps[1].grid)
    # both relative to the same place, with their standard deviations
    references = _references(wanted, maps, grid, cut, both)
    ascending, descending = (
        _look(one, label, grid, los, reference, stated_sigma)
        for one, label, los, reference in zip(maps, wanted.labels, cut, references, strict=True)
    )
    sigma = None
    if ascending.sigma is not None and descending.sigma is not None:
        sigma = (ascending.sigma, descending.sigma)
    along = read_along_track(azimuth_offsets, azimuth_sigmas, maps, grid, references[0])
    motion: EastUp | EastNorthUp
    if along:
        # each line of sight and each track is an equation for three unknowns
        motion = _three_dimensions(ascending, descending, along)
    else:
        # two lines of sight, two unknowns in each cell
        motion = solve((ascending.los, descending.los), (ascending.vector, descending.vector), sigma)
    if not np.isfinite(motion.east).any():
        raise NoDataError(
            f"There is no {'east, north' if along else 'east'} and up motion.",
            f"Where both maps have displacement {'and there are offsets ' * bool(along)}their directions are not "
            "known, or too nearly the same.",
            "Give two maps whose los_vector.tif covers their displacement.",
        )
    place = LonLat(*grid.lonlat(references[0].row, references[0].column))
    warnings = (*_date_warnings(*maps), *_look_warnings(ascending, descending))
    return Decomposition(ascending, descending, grid, motion, place, wanted.kind, warnings, along)


def _three_dimensions(ascending: Look, descending: Look, along: Sequence[AlongTrack]) -> EastNorthUp:
    """Return the motion by two lines of sight and what is known along the tracks."""
    looks = {"ascending": ascending, "descending": descending}
    sigmas = [look.sigma for look in looks.values() if look.sigma is not None]
    if len(sigmas) < len(looks):
        names = " and ".join(look.map.name for look in looks.values() if look.sigma is None)
        raise UsageError(
            f"The noise of {names} is not known.",
            "There is no los_sigma.tif, and phase and offsets are weighed by their noise.",
            "State it with --sigma.",
        )
    return solve_three(
        [*(look.los for look in looks.values()), *(one.motion for one in along)],
        [*(look.vector for look in looks.values()), *(along_track(looks[one.side].vector) for one in along)],
        [*sigmas, *(one.sigma for one in along)],
    )


def _sorted_looks(first: LosMap, second: LosMap) -> tuple[LosMap, LosMap]:
    """Ascending and descending map: a satellite that looks to the right flies north to the west of what it sees."""
    directions = [np.nanmedian(one.vector.reshape(3, -1), axis=1) for one in (first, second)]
    east = [float(direction[0]) for direction in directions]
    number = float(condition(*directions))
    if east[0] * east[1] >= 0 or not number <= LARGEST_CONDITION:
        side = "west" if east[0] < 0 else "east"
        where = f"both from the {side}" if east[0] * east[1] > 0 else "along nearly the same line"
        raise NoDataError(
            f"{first.name} and {second.name} cannot tell east from up.",
            f"They see the ground {where}: {angle_between(*directions):.1f} degrees lie between the two "
            f"directions, and the condition number of the equations is {number:.1f}, of which at most "
            f"{LARGEST_CONDITION:g} is of use.",
            "Give one map of an ascending and one of a descending track.",
        )
    return (first, second) if east[0] < 0 else (second, first)


@dataclass(frozen=True)
class _Wanted:
    """The reference to use, and the component of each map that it selects.

    Of a point that is not a must, another place is taken where it has no displacement in both.
    """

    point: LonLat | None
    area: str | None
    labels: tuple[int, int]
    kind: str
    must: bool = True


def _wanted(maps: tuple[LosMap, LosMap], point: LonLat | Literal["auto", "none"], area: str | None) -> _Wanted:
    if area is not None:
        polygons = read_polygons(area, "--reference-area")
        labels = [one.components[on_grid(polygons, one.grid) & np.isfinite(one.los)] for one in maps]
        counts = [np.bincount(found[found > 0].astype(np.intp), minlength=1) for found in labels]
        for one, count in zip(maps, counts, strict=True):
            if not count.any():
                raise _nothing_at("reference area", one)
        return _Wanted(None, area, (int(np.argmax(counts[0])), int(np.argmax(counts[1]))), "mean of an area")
    if isinstance(point, LonLat):
        found_labels = [_label_at(one, point) for one in maps]
        for one, label in zip(maps, found_labels, strict=True):
            if label == 0:
                raise _nothing_at(f"reference point {point}", one)
        return _Wanted(point, None, (found_labels[0], found_labels[1]), "given")
    for one, name in zip(maps, ("ascending", "descending"), strict=True):
        if one.reference is None:
            continue
        place = LonLat(*one.reference)
        pair = (_label_at(maps[0], place), _label_at(maps[1], place))
        if all(pair):
            return _Wanted(place, None, pair, f"that of the {name} map", must=False)
    return _Wanted(None, None, (1, 1), "chosen where both are coherent", must=False)


def _label_at(one: LosMap, place: LonLat) -> int:
    """Return the component with displacement at a place; 0 where there is none."""
    row, column = one.grid.index(place.lon, place.lat)
    there = one.grid.holds(row, column) and np.isfinite(one.los[row, column])
    return int(one.components[row, column]) if there else 0


def _nothing_at(what: str, one: LosMap) -> NoDataError:
    return NoDataError(
        f"The {what} has no displacement in {one.name}.",
        "It lies outside that map, or the phase could not be unwrapped reliably there.",
        "Choose a place on coherent ground that both maps have, or leave it out.",
    )


def _references(
    wanted: _Wanted, maps: tuple[LosMap, LosMap], grid: Grid, los: tuple[Floats, ...], both: NDArray[np.bool_]
) -> tuple[ReferencePoint, ReferencePoint]:
    """Return the same reference cells in both maps, cells that both have."""
    labels = both.astype(np.uint16)
    coherence = [
        np.ones(grid.shape, np.float32) if one.coherence is None else resample(one.coherence, one.grid, grid)
        for one in maps
    ]
    if wanted.area is not None:
        area = on_grid(read_polygons(wanted.area, "--reference-area"), grid)
        found = [reference_over(d, c, labels, area) for d, c in zip(los, coherence, strict=True)]
    else:
        row, column = (-1, -1) if wanted.point is None else grid.index(wanted.point.lon, wanted.point.lat)
        window: dict[str, int] = {}
        if not wanted.must and not (grid.holds(row, column) and both[row, column]):
            lower = np.minimum(*coherence)
            far = far_field_of_map(los[0], lower, labels, grid)
            best = choose_reference(los[0], lower, labels, calm_of(far, grid, los[0], labels, raw=False).away)
            row, column, window = best.row, best.column, {"window": best.window}
        found = [reference_at(d, c, labels, row, column, **window) for d, c in zip(los, coherence, strict=True)]
    one, other = (
        point if source.coherence is not None else replace(point, coherence=None)
        for point, source in zip(found, maps, strict=True)
    )
    return one, other


def _look(
    source: LosMap, label: int, grid: Grid, los: Floats, reference: ReferencePoint, stated: float | None
) -> Look:
    vector = resample(source.vector, source.grid, grid)
    vector = vector / np.linalg.norm(vector, axis=0)
    sigma, origin = _sigma(source, grid, reference, stated)
    known = np.isfinite(source.los)
    return Look(
        map=source,
        component=label,
        left_out=1 - float(np.count_nonzero(source.of_component(label)) / np.count_nonzero(known)),
        los=los - np.float32(reference.value),
        vector=vector,
        sigma=None if sigma is None else np.where(np.isfinite(los), sigma, np.nan),
        sigma_source=origin,
        reference=reference,
    )


def _sigma(
    source: LosMap, grid: Grid, reference: ReferencePoint, stated: float | None
) -> tuple[Floats | None, str]:
    """Return the noise of a map relative to the common reference, and where it comes from.

    Interpolated as it is: the noise of neighbouring cells is not independent after the phase filter, so that the
    mean of several has little less of it.
    """
    if source.sigma is None:
        return (None, "") if stated is None else (np.full(grid.shape, stated, np.float32), "as stated")
    file = source.folder / "phase_sigma.tif"
    if file.is_file():
        with Product(file) as product:
            phase, noise = map_of(product).values, product.tags
        if set(NOISE_TAGS) <= set(noise) and "wavelength_m" in noise and phase.shape == source.grid.shape:
            variance = reference_variance(reference, grid, noise)
            there = los_sigma(resample(phase, source.grid, grid), variance, float(noise["wavelength_m"]))
            unknown = unknown_along_track(
                MapLayers(source.folder, source.grid), source.los - reference.value, reference
            )
            if unknown is None:
                return there, "phase_sigma.tif and the reference"
            more = np.nan_to_num(resample(unknown, source.grid, grid))
            return np.hypot(there, more), "phase_sigma.tif, the reference, and squint.tif"
    return resample(source.sigma, source.grid, grid), "los_sigma.tif, with the noise of its own reference"


def _date_warnings(ascending: LosMap, descending: LosMap) -> list[str]:
    if ascending.dates is None or descending.dates is None:
        return ["The dates of a map are not known: both must show the same motion."]
    (a, b), (c, d) = ((date.fromisoformat(day) for day in one.dates or ()) for one in (ascending, descending))
    shared, whole = (min(b, d) - max(a, c)).days, (max(b, d) - min(a, c)).days
    if shared <= 0:
        return ["The two pairs have no day in common: they show different motion, and east and up mix it."]
    start, end = abs((c - a).days), abs((d - b).days)
    if max(start, end) > _LARGEST_OFFSET:
        text = (
            f"The two pairs start {start} and end {end} days apart and share {shared} of {whole} days: "
            f"motion in the {whole - shared} others is seen by one of them alone."
        )
        return [text]
    return []


def _look_warnings(ascending: Look, descending: Look) -> list[str]:
    warnings = [
        f"{look.left_out:.0%} of {look.map.name} lie in other connected components than the reference and are left "
        "out: whole cycles are unknown there."
        for look in (ascending, descending)
        if look.left_out >= 0.005
    ]
    unknown = [look.map.name for look in (ascending, descending) if look.sigma is None]
    if unknown:
        names = " and ".join(unknown)
        warnings.append(f"There are no errors: los_sigma.tif is missing in {names}. State the noise with --sigma.")
    untold = [look.map.name for look in (ascending, descending) if "sign" not in look.map.tags]
    if untold:
        warnings.append(
            f"{' and '.join(untold)}: no tags tell unit and sign; metres toward the satellite are taken."
        )
    return warnings
