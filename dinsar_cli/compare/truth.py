"""A displacement map against the known truth: statistics of accuracy, and steps at the seams of bursts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError
from rasterio.crs import CRS as RasterCRS  # noqa: N811 - pyproj has another of this name
from scipy.ndimage import map_coordinates

from dinsar_cli.compare.simulated_truth import TruthFiles, dates_of, files_of_dates
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.crs import transformer
from dinsar_cli.products.one_run import DISPLACED, check_one_run
from dinsar_cli.products.reader import Product, Products, Words
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, Interferogram

Floats = NDArray[np.floating[Any]]

LOS_FILE = "los_displacement.tif"
LEAST_COHERENCE = 0.5  # of the truth, where accuracy is stated
_LEAST_PIXELS = 10
_LEAST_MOTION = 1e-3  # m of standard deviation: below it there is no sign and no gain to speak of
_SEAM_LOOKS = 50  # look cells on each side of a seam
_BLOCK_ROWS = 512
_DECIMALS = 6  # of positions in pixels
_WORDS = Words(whole="a raster", remedy="Give a GeoTIFF of displacement in metres.")


@dataclass(frozen=True)
class Map:
    """A raster of one band in memory, with NaN where it has no value.

    Attributes
    ----------
    values : ndarray
        Shape (rows, columns).
    transform : Affine
        Of the outer corners of the pixels.
    crs : str
        As WKT or authority code.
    """

    values: Floats
    transform: Affine
    crs: str


@dataclass(frozen=True)
class Statistics:
    """How far a result is from the truth, where the true coherence is above a bound.

    Attributes
    ----------
    rmse : float
        Root mean square of result minus truth, the median removed, metres.
    bias : float
        That median, metres: it depends on the reference point and says nothing about quality.
    p99 : float
        99th percentile of the absolute residual, metres.
    gain : float or None
        Slope of the regression of result over truth; None where the truth does not move.
    sign : str
        ``right``, ``wrong``, or ``no motion``.
    coverage : float
        Share of the pixels with truth that have a result.
    pixels : int
        Pixels compared.
    """

    rmse: float
    bias: float
    p99: float
    gain: float | None
    sign: str
    coverage: float
    pixels: int


@dataclass(frozen=True)
class Comparison:
    """Result and truth on the grid of the result.

    Attributes
    ----------
    statistics : Statistics
        Figures.
    result, truth : ndarray
        Metres; shape of the result.
    residual : ndarray
        Result minus truth, median removed, metres; NaN where it does not count.
    transform, crs
        Of the result.
    burst_steps, swath_steps : tuple of float
        Step of the mean residual phase across each seam, radians; NaN where a side of it has no values, empty
        where the radar layers are not at hand.
    """

    statistics: Statistics
    result: Floats
    truth: Floats
    residual: Floats
    transform: Affine
    crs: str
    burst_steps: tuple[float, ...]
    swath_steps: tuple[float, ...]


def compare(result: Path, truth: Path, least_coherence: float = LEAST_COHERENCE) -> Comparison:
    """Compare a displacement map with the known truth.

    Parameters
    ----------
    result : Path
        Folder of a run, its ``products`` folder, or a raster of displacement in metres.
    truth : Path
        Folder of a simulation, its ``truth`` folder, or a raster of true displacement in metres. Of a simulation of
        many dates the truth is that between the dates that the result has in its tags.
    least_coherence : float
        Only pixels whose true coherence is above it count; without a coherence raster all do.

    Raises
    ------
    UsageError
        When one of them is not there or not a raster, or the simulation has not the dates of the result.
    NoDataError
        When they have nothing in common.
    """
    los_file, radar = _find_result(result)
    found = read_map(los_file)
    with Products() as files:
        check_one_run(los_file.parent, files, DISPLACED)
        dates = dates_of(files[los_file].tags)
    true = _read_truth(truth, dates)
    expected = on_grid(true.displacement, found)
    counts = np.isfinite(expected)
    if true.coherence is not None:
        counts &= on_grid(true.coherence, found) > least_coherence
    statistics, residual = judge(found.values, expected, counts)
    bursts, swaths = _steps_of(radar, true, least_coherence) if radar else ((), ())
    return Comparison(statistics, found.values, expected, residual, found.transform, found.crs, bursts, swaths)


@dataclass(frozen=True)
class Truth:
    """True displacement between two dates, metres, and the true coherence, if it is known."""

    displacement: Map
    coherence: Map | None


def _read_truth(path: Path, dates: tuple[date, date] | None) -> Truth:
    """Read the truth between two dates out of the folder of a simulation, or that of a raster."""
    files = files_of_dates(path, dates) if path.is_dir() else None
    if files is None:
        file = _find_truth(path)
        files = TruthFiles(file, None, _coherence_beside(file))
    displacement = read_map(files.later)
    if files.earlier is not None:  # both are on one lattice
        before = read_map(files.earlier).values
        displacement = replace(displacement, values=displacement.values - before)
    return Truth(displacement, None if files.coherence is None else read_map(files.coherence))


def judge(result: Floats, truth: Floats, counts: NDArray[np.bool_]) -> tuple[Statistics, Floats]:
    """Return the statistics of a result against a truth on the same grid, and the residual.

    Parameters
    ----------
    result, truth : ndarray
        Metres; NaN where there is no value.
    counts : ndarray of bool
        Pixels on which accuracy is stated.

    Raises
    ------
    NoDataError
        When fewer than ten pixels have both.
    """
    known = counts & np.isfinite(result) & np.isfinite(truth)
    pixels = int(known.sum())
    if pixels < _LEAST_PIXELS:
        raise NoDataError(
            "Result and truth cannot be compared.",
            f"They have {pixels} pixels in common: they cover different places, or one of them is empty.",
            "Give a result and a truth of the same place.",
        )
    found, true = result[known].astype(np.float64), truth[known].astype(np.float64)
    difference = found - true
    bias = float(np.median(difference))
    residual = np.full(result.shape, np.nan, np.float32)
    residual[known] = difference - bias
    error = difference - bias
    motion = true - true.mean()
    moves = float(np.std(motion)) >= _LEAST_MOTION
    gain = float(motion @ found / (motion @ motion)) if moves else None
    return (
        Statistics(
            rmse=math.sqrt(float(np.mean(error**2))),
            bias=bias,
            p99=float(np.percentile(np.abs(error), 99)),
            gain=gain,
            sign="no motion" if gain is None else "right" if gain > 0 else "wrong",
            coverage=pixels / int(counts.sum()),
            pixels=pixels,
        ),
        residual,
    )


def seam_steps(
    interferogram: Interferogram, truth: Truth | Path, least_coherence: float = LEAST_COHERENCE
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the steps of the mean residual phase across the seams between bursts and between subswaths.

    Parameters
    ----------
    interferogram : Interferogram
        On the radar grid.
    truth : Truth or Path
        True displacement, or its raster; the coherence, of a raster that beside it, tells which cells count.

    Returns
    -------
    bursts, swaths : tuple of float
        Radians: 50 look cells after the seam minus 50 before it.
    """
    known = truth if isinstance(truth, Truth) else _read_truth(truth, None)
    unwrapped, longitude, latitude, components = (
        interferogram.layer(name).read() for name in ("unwrapped", "longitude", "latitude", "components")
    )
    true = sample_map(known.displacement, longitude, latitude)
    residual = unwrapped + 4 * np.pi / interferogram.wavelength * true
    residual[components != 1] = np.nan
    if known.coherence is not None:
        coherence = sample_map(known.coherence, longitude, latitude)
        residual[~(coherence > least_coherence)] = np.nan

    def mean(values: Floats) -> float:
        return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan

    n = _SEAM_LOOKS
    bursts = tuple(
        mean(residual[line : line + n, a:b]) - mean(residual[max(0, line - n) : line, a:b])
        for line, a, b in interferogram.burst_seams
    )
    swaths = tuple(
        mean(residual[:, column : column + n]) - mean(residual[:, max(0, column - n) : column])
        for column in interferogram.swath_seams
    )
    return bursts, swaths


def _steps_of(radar: Path, truth: Truth, least_coherence: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    try:
        return seam_steps(Interferogram.load(radar), truth, least_coherence)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"The radar layers in {radar} cannot be read.",
            f"They are not as a run left them: {error}.",
            "Make them again with the same dinsar run, or remove that folder to do without the steps at seams.",
        ) from error


def _coherence_beside(truth_file: Path) -> Path | None:
    """Return the raster of the true coherence that belongs to one of true displacement, which may bear a date."""
    named = truth_file.with_name(truth_file.name.replace("los_displacement", "coherence"))
    paths = (named, truth_file.with_name("coherence.tif"))
    return next((path for path in paths if path != truth_file and path.is_file()), None)


def read_map(path: Path) -> Map:
    """Read the first band of a raster, NaN where it has no value.

    Raises
    ------
    UsageError
        When it is not a north-up raster of real numbers with a coordinate reference system.
    """
    with Product(path) as product:
        return map_of(product)


def map_of(product: Product) -> Map:
    """Read the first band of a raster as `read_map` does."""
    with _WORDS.about(product.path):
        transform, crs = _checked_place(product)
        return Map(product.read_floats(1), transform, crs.to_string())


def _checked_place(product: Product) -> tuple[Affine, RasterCRS]:
    """Return the transform and coordinate reference system of what is a north-up raster of real numbers."""
    path, (transform, crs, _) = product.path, product.place
    if not product.dtypes or product.is_complex:
        kind = "complex numbers" if product.dtypes else "no band of its own"
        raise UsageError(f"{path} is not a map of one quantity.", f"It has {kind}.", _WORDS.remedy)
    if crs is None:
        raise UsageError(
            f"{path} has no place on the map.",
            "It has no coordinate reference system.",
            "Give a georeferenced raster.",
        )
    if transform.b or transform.d:
        raise UsageError(
            f"{path} is not north-up.",
            "Its rows and columns are turned against the axes of its coordinate reference system.",
            "Warp it first, for example with gdalwarp.",
        )
    return transform, crs


def on_grid(source: Map, target: Map) -> Floats:
    """Return the bilinear values of one map at the pixel centres of another; NaN outside and beside NaN."""
    rows, columns = target.values.shape
    out = np.empty((rows, columns), np.float32)
    a = target.transform
    for first in range(0, rows, _BLOCK_ROWS):
        row, column = np.mgrid[first : min(first + _BLOCK_ROWS, rows), :columns]
        x, y = a.c + (column + 0.5) * a.a, a.f + (row + 0.5) * a.e
        out[first : first + len(row)] = _bilinear(source, *_moved(target.crs, source.crs, x, y))
    return out


def sample_map(source: Map, longitude: Floats, latitude: Floats) -> Floats:
    """Return the bilinear values of a map at positions in degrees; NaN outside."""
    return _bilinear(source, *_moved("EPSG:4326", source.crs, longitude, latitude))


def _moved(before: str, after: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the coordinates in another reference system."""
    if before == after:
        return x, y
    try:
        return transformer(before, after).transform(x, y)
    except ProjError as error:
        raise UsageError(
            "Result and truth cannot be brought together.",
            f"There is no way from the coordinate reference system {before} to {after}: {error}.",
            "Give rasters in geographic or projected coordinates.",
        ) from error


def _bilinear(source: Map, x: Floats, y: Floats) -> Floats:
    a = source.transform
    if CRS.from_user_input(source.crs).is_geographic:
        x = near(x, a.c + a.a * source.values.shape[1] / 2)
    places = [(y - a.f) / a.e - 0.5, (x - a.c) / a.a - 0.5]
    places = [np.round(place, _DECIMALS) for place in places]  # or rounding errors cost the edges
    return map_coordinates(source.values, places, order=1, mode="constant", cval=np.nan, output=np.float64)


def _find_result(path: Path) -> tuple[Path, Path | None]:
    """Return the displacement raster of a result, and the folder of its radar layers if it has one."""
    for raster, folder in (
        (path / "products" / LOS_FILE, path),
        (path / LOS_FILE, path.parent),
        (path, path.parent.parent),
    ):
        if raster.is_file():
            radar = folder / "radar"
            return raster, radar if (radar / DESCRIPTION_FILE).is_file() else None
    raise _nothing(path, "result")


def _find_truth(path: Path) -> Path:
    for raster in (path / "truth" / LOS_FILE, path / LOS_FILE, path):
        if raster.is_file():
            return raster
    raise _nothing(path, "truth")


def _nothing(path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path} is no {what}.",
        f"It has no {LOS_FILE}." if path.is_dir() else "There is no such file or folder.",
        "Give a run's folder and a simulation's folder, or two rasters of displacement in metres.",
    )


def describe(comparison: Comparison) -> dict[str, Any]:
    """Give the figures of a comparison as JSON holds them."""

    def known(steps: tuple[float, ...]) -> list[float | None]:
        return [step if math.isfinite(step) else None for step in steps]  # JSON has no NaN

    return asdict(comparison.statistics) | {
        "burst_steps_rad": known(comparison.burst_steps),
        "swath_steps_rad": known(comparison.swath_steps),
    }


def table(comparison: Comparison) -> list[str]:
    """Give the figures of a comparison as lines for people."""
    found = comparison.statistics
    gain = "-" if found.gain is None else f"{found.gain:.4f}"
    lines = [
        f"RMSE      {found.rmse * 1e3:8.3f} mm  (99 % below {found.p99 * 1e3:.2f} mm)",
        f"bias      {found.bias * 1e3:8.3f} mm  (removed: it is that of the reference point)",
        f"gain      {gain:>8}",
        f"sign      {found.sign:>8}",
        f"coverage  {found.coverage:8.1%}     ({found.pixels:,} pixels)",
    ]
    for name, steps in (("bursts", comparison.burst_steps), ("subswaths", comparison.swath_steps)):
        if steps:
            lines.append(f"steps between {name}: {', '.join(f'{step:+.3f}' for step in steps)} rad")
    return lines
