"""Look cells that show no ground: layover, shadow and water, found before the phase is unwrapped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from dinsar_cli.base.files import file_mark
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.roi_text import is_roi_file
from dinsar_cli.config.sections.map import MaskConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.areas import read_water
from dinsar_cli.geo.heights.terrain import LEVEL, Terrain, WaterRaster
from dinsar_cli.geo.lines import read_lines
from dinsar_cli.radar.interferogram import RadarFile
from dinsar_cli.radar.visibility import CUT, WATER, RadarCells, cut_cells, left_out, visibility

Floats = NDArray[np.floating[Any]]
Kinds = NDArray[np.uint8]

_PART = 50.0  # m on the ground: larger look cells are divided
_POINTS = 300_000  # on the ground that are worked on at a time by a thread, some 200 bytes each
_DEGREE = 111_320.0  # m, of latitude
_GIVEN = 2  # kind of water that a file has
_LEAST_CUT = 2  # cells
CUT_OPTION = "unwrap.cut"


def _nobody(share: float) -> None:
    """Take the share that is done, and do nothing."""


@dataclass(frozen=True)
class UnseenInputs:
    """What tells which cells show no ground.

    Attributes
    ----------
    cells : RadarCells
        Where the look cells are.
    dem : Path
        Heights above the ellipsoid, EPSG:4326.
    water : Path or None
        Kinds of ground on the pixels of the DEM; None where nobody made them.
    config : RunConfig
        What is left out, with a file of water that takes the place of the former, and lines that are cut.
    threads : int
        Cores to use.
    turn : float
        Degrees that longitudes by the orbit lack: topsApp's Earth may be turned.
    """

    cells: RadarCells
    dem: Path
    water: Path | None
    config: RunConfig
    threads: int
    turn: float = 0.0


def mask_mark(config: RunConfig, water: Path | None = None) -> list[object]:
    """Return what the cells that are left out depend on, beside orbit and DEM."""
    mask, cut = config.mask, config.unwrap.cut
    files = [] if mask.water_file is None else [file_mark(mask.water_file)]
    if water is not None:  # its name says of what it is made: wherever the cache lies, it is the same
        files.append([water.name, *file_mark(water)[1:2]])
    lines = [] if cut is None else [cut, *([file_mark(Path(cut))] if is_roi_file(cut) else ())]
    return [str(mask.water), mask.layover_shadow, *files, *lines]


def nothing_left(mask: MaskConfig) -> NoDataError:
    """Return the refusal of an area in which no cell shows the ground."""
    return NoDataError(
        "The mask leaves nothing to unwrap.",
        f"All of the area is water ({mask.water_file or 'by the DEM'}), layover or shadow.",
        "Give another file with mask.water, set mask to none (--mask none), or choose another area.",
    )


def find_unseen(
    inputs: UnseenInputs,
    target: RadarFile,
    noise: Callable[[], NDArray[np.bool_]],
    progress: Callable[[float], None] = _nobody,
) -> NDArray[np.bool_]:
    """Write for each look cell what it shows instead of ground, see `dinsar_cli.radar.visibility`.

    Parameters
    ----------
    inputs : UnseenInputs
        Where the cells are, and the ground.
    target : RadarFile
        The layer to write.
    noise : callable
        Gives the cells whose coherence tells nothing: level ground is water only there.
    progress : callable, optional
        Takes the share that is done.

    Returns
    -------
    ndarray of bool
        Cells that are left out of the unwrapping; shape (lines, samples).

    Raises
    ------
    UsageError
        When the file with the water, or that of the lines, cannot be read.
    NoDataError
        When no line goes through the cells.
    """
    cells = inputs.cells
    seen = np.zeros((cells.lines, cells.samples), np.uint8)
    with ExitStack() as stack:
        terrain = stack.enter_context(closing(Terrain.open(inputs.dem)))
        water = _water_of(inputs, stack)
        azimuth, ground_range = cells.size
        parts = _parts(azimuth), _parts(ground_range)
        spacing = abs(terrain.dataset.transform.e) * _DEGREE
        height = max(1, int(_POINTS / (cells.samples * ground_range / spacing * parts[0])))

        def ground(longitude: Floats, latitude: Floats) -> tuple[Floats, Kinds]:
            longitude = near(longitude + inputs.turn, terrain.middle)
            bounds = longitude.min(), latitude.min(), longitude.max(), latitude.max()
            return terrain.window(bounds)(longitude, latitude), water(longitude, latitude)

        def block(first: int) -> Kinds:
            last = min(first + height, cells.lines)
            lines, kinds = visibility(cells.block(first, last), ground, terrain.height_range, spacing, parts)
            seen[first:last] = lines
            return kinds

        starts = range(0, cells.lines, height)
        made = []
        with ThreadPoolExecutor(inputs.threads) as pool:
            for kinds in pool.map(block, starts):
                made.append(kinds)
                progress(len(made) / len(starts))
        seen[_cut(inputs, terrain)] |= CUT
    seen |= _wet(np.concatenate(made), noise)
    target.create()
    target.write(0, seen)
    unseen: NDArray[np.bool_] = (seen & left_out(inputs.config)) > 0
    return unseen


def _cut(inputs: UnseenInputs, terrain: Terrain) -> NDArray[np.bool_]:
    """Tell through which cells the lines go across which phase may jump."""
    text, cells = inputs.config.unwrap.cut, inputs.cells
    if text is None:
        return np.zeros((cells.lines, cells.samples), bool)
    bounds = terrain.dataset.bounds
    lines = read_lines(text, CUT_OPTION).within(tuple(bounds))
    points = lines.points(min(cells.size) / 4)
    heights = terrain.window(lines.bounds) if points else None
    placed = [(lon - inputs.turn, lat, heights(lon, lat)) for lon, lat in points if heights is not None]
    cut = cut_cells(cells, placed)
    if np.count_nonzero(cut) < _LEAST_CUT:
        raise NoDataError(
            f"{CUT_OPTION} does not go through the interferogram.",
            f"{np.count_nonzero(cut)} of its look cells lie on it, and a cut has {_LEAST_CUT} or more.",
            "Give lines on the ground that both dates see, longer than two look cells.",
        )
    return cut


def _wet(kinds: Kinds, noise: Callable[[], NDArray[np.bool_]]) -> Kinds:
    """Return `WATER` where there is some: known as such, or level ground most of which has no coherence."""
    wet = (kinds > 0) & (kinds != LEVEL)
    pieces, count = label(kinds == LEVEL)
    if count:
        silent = noise()
        inside = pieces > 0
        most = (
            np.bincount(pieces[inside], silent[inside], count + 1)
            > np.bincount(pieces[inside], None, count + 1) / 2
        )
        wet |= inside & (silent | most[pieces])
    return np.where(wet, np.uint8(WATER), np.uint8(0))


def _water_of(inputs: UnseenInputs, stack: ExitStack) -> Callable[[Floats, Floats], Kinds]:
    """Return what tells the kind of ground at longitudes and latitudes."""
    if inputs.config.mask.water_file is not None:
        area = read_water(inputs.config.mask.water_file)
        return lambda longitude, latitude: np.where(area.covers(longitude, latitude), np.uint8(_GIVEN), np.uint8(0))
    if inputs.water is not None:
        return stack.enter_context(closing(WaterRaster.open(inputs.water)))
    return lambda longitude, _: np.zeros(longitude.shape, np.uint8)


def _parts(size: float) -> int:
    return max(1, round(size / _PART))
