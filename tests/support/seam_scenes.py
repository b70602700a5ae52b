"""Scenes about the seams of bursts and subswaths, made of phase alone: right ones, and ones with a known step.

Two subswaths lie side by side, each with the cut between two bursts; the second is cut a third of a burst later, as
in Sentinel-1. The ground has deformation, faults, atmosphere, and noise by its coherence; the phase filter of the
embedded engine is applied, and the phase that it leaves gets its true cycles. The band that both bursts at a cut
see is made from either, with noise of its own.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2, next_fast_len
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import gaussian_filter, zoom

from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE
from dinsar_cli.radar.overlaps import BAND, PIECE, OverlapPhase, overlap_phase, worst
from support.radar_inputs import written_interferogram

Array = NDArray[np.floating]

LINE, SAMPLE = 14.0, 3.7  # m of ground
BURST = 18_700.0  # m from cut to cut
RADIANS = 4 * math.pi / 0.0555  # per metre
INDEPENDENT = 0.6  # looks of one
LOOKS = ((7, 2), (19, 7))
_EDDY = 200.0  # m: turbulence that is smaller is below 0.1 mm
STEEP = 0.9  # rad from cell to cell: more cannot be unwrapped
GROUND = (
    "still",
    "ramp",
    "wide bowl",
    "bowl at a cut",
    "narrow bowl",
    "mine",
    "buried fault",
    "fault across",
    "fault along",
    "fault in the cut",
)
DEFECTS = ("misregistration", "burst", "subswath")


@dataclass(frozen=True)
class SeamScene:
    """What a scene is made of.

    Attributes
    ----------
    seed : int
        Of all that is random.
    looks : (int, int)
        In range and azimuth.
    ground : str
        One of `GROUND`.
    coherence : float
        Of land.
    atmosphere : float
        Root mean square over 60 km, metres.
    size : (float, float)
        Metres along the track, and across it.
    water : float
        Part of the scene without coherence.
    defect : str
        One of `DEFECTS`; empty for a right map.
    step : float
        Its largest step, radians.
    """

    seed: int
    looks: tuple[int, int]
    ground: str
    coherence: float
    atmosphere: float
    size: tuple[float, float]
    water: float
    defect: str = ""
    step: float = 0.0

    @property
    def spacing(self) -> tuple[float, float]:
        """Metres of ground from cell to cell."""
        return LINE * self.looks[1], SAMPLE * self.looks[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Look lines and samples."""
        lines, samples = (int(size / step) for size, step in zip(self.size, self.spacing, strict=True))
        return lines, samples


def draw(seed: int, *, defect: bool, least: float = 0.3, most: float = 3.0) -> SeamScene:
    """Choose a scene at random; the sizes of steps are spread evenly."""
    rng = np.random.default_rng([seed, int(defect)])
    height, width = np.exp(rng.uniform(np.log(9e3), np.log(20e3), 2))
    scene = SeamScene(
        seed=seed,
        looks=LOOKS[seed % 2],
        ground=GROUND[seed // 2 % len(GROUND)],
        coherence=float(rng.uniform(0.3, 0.9)),
        atmosphere=float(rng.choice([0.0, 0.005, 0.01])),
        size=(float(height), float(width)),
        water=float(rng.choice([0.0, 0.0, 0.3])),
    )
    if not defect:
        return scene
    step = float(rng.uniform(least, most) * rng.choice([-1, 1]))
    return replace(scene, defect=str(rng.choice(DEFECTS)), step=step)


@dataclass(frozen=True)
class _Grid:
    """Metres from the first cut, and of ground along it; the cuts."""

    x: Array
    y: Array
    cuts: tuple[int, int]  # look lines, of the near and the far subswath
    column: int  # look sample between the subswaths

    @classmethod
    def of(cls, scene: SeamScene) -> _Grid:
        lines, samples = scene.shape
        down, right = scene.spacing
        cut, column = round(0.45 * lines), round(0.55 * samples)
        later = round(cut + BURST / 3 / down)
        x = ((np.arange(lines) + 0.5 - cut) * down)[:, None]
        y = ((np.arange(samples) + 0.5 - column) * right)[None, :]
        return cls(x, y, (cut, later), column)


def _ground(scene: SeamScene, grid: _Grid, rng: np.random.Generator) -> tuple[Array, Array]:
    """Phase of what moves along the line of sight, radians, and of motion along the track, metres."""
    phase, along = np.zeros(scene.shape), np.zeros(scene.shape)
    x, y = grid.x, grid.y
    west, east = float(y.min()), float(y.max())
    most = STEEP / max(scene.spacing)

    def bowl(width: float, far: float, long: float = 1.0, *, at_column: bool = False) -> None:
        where = (rng.uniform(-far, far), rng.uniform(west, east))
        cut_x, cut_y = where[::-1] if at_column else where
        shape = np.exp(-((x - cut_x) ** 2) / 2 / width**2 - (y - cut_y) ** 2 / 2 / (long * width) ** 2)
        peak = np.clip(rng.uniform(-25, 25), -most * width / 0.607, most * width / 0.607)
        phase[:] += peak * shape
        along[:] += 0.3 * peak / RADIANS * shape

    if scene.ground == "wide bowl":
        bowl(math.exp(rng.uniform(math.log(800), math.log(8000))), 6000.0)
    elif scene.ground == "bowl at a cut":
        width = math.exp(rng.uniform(math.log(800), math.log(6000)))
        bowl(width, 1.5 * width, rng.uniform(1, 4), at_column=bool(rng.integers(2)))
    elif scene.ground == "narrow bowl":
        width = rng.uniform(150, 800)
        bowl(width, 1.5 * width, at_column=bool(rng.integers(2)))
    elif scene.ground == "mine":
        for _ in range(8):
            width = rng.uniform(150, 800)
            bowl(width, 3 * width)
    elif scene.ground == "buried fault":
        angle, depth = rng.uniform(0, math.pi / 2), rng.uniform(800, 8000)
        across = x * math.cos(angle) - (y - rng.uniform(west, east)) * math.sin(angle)
        slip = np.clip(rng.uniform(-25, 25), -most * depth * 3, most * depth * 3)
        phase += slip * np.arctan(across / depth) / math.pi
    elif scene.ground.startswith("fault"):
        angle = rng.uniform(0.3, 1.5) if scene.ground == "fault across" else 0.0
        away = 0.0 if scene.ground == "fault in the cut" else rng.choice([-1, 1]) * rng.uniform(300, 4000)
        phase += rng.uniform(-3, 3) * ((x - away) * math.cos(angle) - y * math.sin(angle) > 0)
    if scene.ground != "still":
        phase += rng.uniform(-1, 1) * x / 2000 + rng.uniform(-1, 1) * y / 2000
    return phase, along


def _atmosphere(scene: SeamScene, rng: np.random.Generator) -> Array:
    """Turbulence with a power spectrum that falls by the power -8/3 in each direction (Hanssen 2001, 4.7)."""
    size, step = next_fast_len(math.ceil(60e3 / _EDDY)), scene.spacing
    wave = np.hypot(np.fft.fftfreq(size, _EDDY)[:, None], np.fft.fftfreq(size, _EDDY)[None, :])
    wave[0, 0] = np.inf
    field = ifft2(fft2(rng.normal(size=(size, size))) * wave ** (-11 / 6)).real
    place = [np.arange(cells) * one / _EDDY + 2 for cells, one in zip(scene.shape, step, strict=True)]
    spline = RectBivariateSpline(*map(np.arange, field.shape), field)
    return np.asarray(spline(*place) / field.std() * scene.atmosphere * RADIANS)


def _bursts(scene: SeamScene, grid: _Grid) -> Array:
    """Phase that each burst adds, over the whole scene; shape (subswath, burst, lines, samples)."""
    added = np.zeros((2, 2, *scene.shape))
    if scene.defect == "misregistration":  # falls by the step over a burst, and steps up at its end
        for swath, cut in enumerate(grid.cuts):
            start = grid.x - (cut - grid.cuts[0]) * scene.spacing[0]  # metres after the cut
            added[swath, 0] += -scene.step * (start / BURST + 0.5)
            added[swath, 1] += -scene.step * (start / BURST - 0.5)
    elif scene.defect == "burst":
        added[0, 1] += scene.step
    elif scene.defect == "subswath":
        added[1] += scene.step
    return added


def _used(grid: _Grid, shape: tuple[int, int]) -> Array:
    """Number of the burst that each cell is taken from: 2 x subswath + burst."""
    used = np.zeros(shape, int)
    used[:, grid.column :] = 2
    used[grid.cuts[0] :, : grid.column] += 1
    used[grid.cuts[1] :, grid.column :] += 1
    return used


def _seen(phase: Array, coherence: Array, looks: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Mean interferogram over looks: quadratures have variances (1 + g^2) / 2 L and (1 - g^2) / 2 L."""
    inward, across = rng.normal(size=(2, *phase.shape))
    inward *= np.sqrt((1 + coherence**2) / 2 / looks)
    across *= np.sqrt((1 - coherence**2) / 2 / looks)
    return np.asarray((coherence + inward + 1j * across) * np.exp(1j * phase))


def write_scene(folder: Path, scene: SeamScene) -> None:
    """Write the layers of a scene that seams are told from."""
    rng = np.random.default_rng([scene.seed, 7])
    grid = _Grid.of(scene)
    ground, along = _ground(scene, grid, rng)
    if scene.atmosphere:
        ground += _atmosphere(scene, rng)
    bursts = _bursts(scene, grid)
    # a burst sees motion along the track from ahead at its end and from behind at its start: 4.2 rad a metre
    bursts[:, 0] -= 2.1 * along
    bursts[:, 1] += 2.1 * along
    coherence = np.full(scene.shape, scene.coherence)
    if scene.water:
        coarse = rng.normal(size=[max(8, round(size / 500)) for size in scene.size])
        field = zoom(gaussian_filter(coarse, 2), [a / b for a, b in zip(scene.shape, coarse.shape, strict=True)])
        coherence[field < np.quantile(field, scene.water)] = 0.0
    looks = INDEPENDENT * scene.looks[0] * scene.looks[1]
    used = _used(grid, scene.shape)
    phase = ground + np.take_along_axis(bursts.reshape(4, *scene.shape), used[None], 0)[0]
    cells = _seen(phase, coherence, looks, rng)
    filtered = goldstein((cells / abs(cells)).astype(np.complex64), 0.5)
    unwrapped = phase + np.angle(filtered * np.exp(-1j * phase))
    cuts = [
        (line, left, right)
        for line, left, right in zip(grid.cuts, (0, grid.column), (grid.column, scene.shape[1]), strict=True)
        if line < scene.shape[0]
    ]
    told = _told(scene, grid, ground, bursts, coherence, looks, rng)
    layers = {"unwrapped": unwrapped.astype(np.float32), "components": (coherence > 0).astype(np.uint16)}
    made = written_interferogram(
        folder,
        layers,
        looks=scene.looks,
        azimuth_spacing=scene.spacing[0],
        range_spacing=scene.spacing[1],
        burst_seams=tuple(cuts),
        swath_seams=(grid.column,),
        burst_overlaps=told[0],
        swath_overlaps=told[1],
    )
    (folder / DESCRIPTION_FILE).write_text(json.dumps(made.to_dict()), encoding="utf-8")


def forget_overlaps(folder: Path) -> None:
    """Leave out what the bursts say in their overlaps, so that only the map tells."""
    path = folder / DESCRIPTION_FILE
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"burst_overlaps": [], "swath_overlaps": []}), encoding="utf-8")


Told = tuple[OverlapPhase | None, ...]


def _told(
    scene: SeamScene,
    grid: _Grid,
    ground: Array,
    bursts: Array,
    coherence: Array,
    looks: float,
    rng: np.random.Generator,
) -> tuple[Told, Told]:
    """Give what the bursts say at the cuts between bursts, and between the subswaths."""
    lines, samples = scene.shape
    reach = [round(BAND / step) for step in scene.spacing]

    def compare(one: tuple[int, int], other: tuple[int, int], rows: slice, columns: slice) -> OverlapPhase | None:
        part = (rows, columns)
        first, second = (
            _seen(ground[part] + bursts[burst][part], coherence[part], looks, rng) for burst in (one, other)
        )
        along = scene.spacing[1]
        if one[0] != other[0]:
            first, second, along = first.T, second.T, scene.spacing[0]
        return overlap_phase(first, second, round(PIECE / along))

    stacked = tuple(
        compare((swath, 0), (swath, 1), slice(cut - reach[0], cut + reach[0]), columns)
        for swath, (cut, columns) in enumerate(
            zip(grid.cuts, (slice(0, grid.column), slice(grid.column, samples)), strict=True)
        )
        if cut < lines
    )
    across = slice(grid.column - reach[1], grid.column + reach[1])
    first, later = grid.cuts[0], min(grid.cuts[1], lines)
    ends = [((0, 0), (1, 0), 0, first), ((0, 1), (1, 0), first, later), ((0, 1), (1, 1), later, lines)]
    beside = worst(compare(one, other, slice(a, b), across) for one, other, a, b in ends if b - a > 0)
    return stacked, (beside,)
