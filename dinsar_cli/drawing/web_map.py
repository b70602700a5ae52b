"""Raster layers inside an HTML page: what ``templates/webmap.js`` shows on a canvas, as JSON.

A layer travels as whole numbers of its last decimal, so the value under the cursor is the raster's, rounded to the
decimals that are shown. Numbers of neighbours are alike, hence the differences along the rows; small differences of
both signs become small numbers (zigzag); low and high bytes apart deflate better. Of a layer that goes with another
one, as unwrapped phase with displacement, only what the other does not tell travels.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.uint16]

NO_DATA = 0
"""Code of cells without a value."""

_MOST_CODES = 65_535
_COLOURS = 256
_COMPRESSION = 4  # 6 saves 1 to 5 % and takes two to four times as long
_SHARES = (2.0, 98.0)  # percentiles between which a scale that is not given spans
_SYMMETRIC_SHARE = 99.5
_DEGREE = 6  # of the polynomials for longitude and latitude: exact to 1 m over 400 km of a UTM zone
_NODES = 12  # of the lattice that they are fitted to, each way
_FITTED_ROWS = 4  # every so many are looked at for how two layers go together
_SMALL_SHARE = 90.0  # percentile of the steps up to which they count for that


@dataclass(frozen=True)
class Style:
    """How a layer is shown.

    Attributes
    ----------
    title : str
        Its name in the list of layers.
    colours : str
        A colour map of Matplotlib: a perceptual one, or a list of colours for labels.
    unit : str
        Unit of the values; empty for a ratio or a label.
    decimals : int
        Of the values as they are stored and shown.
    limits : (float, float), optional
        Ends of the colour scale; None takes them from the values.
    symmetric : bool
        Whether limits from the values lie around zero.
    labels : bool
        Whether the values are numbers of things, each with a colour of its own.
    """

    title: str
    colours: str
    unit: str = ""
    decimals: int = 2
    limits: tuple[float, float] | None = None
    symmetric: bool = False
    labels: bool = False


@dataclass(frozen=True)
class Band:
    """A layer before it is embedded.

    Attributes
    ----------
    name : str
        Names the layer in the page.
    values : ndarray
        Shape (rows, columns), in the unit of the style; NaN where there is none.
    style : Style
        How it is shown. Decimals are dropped where the values would not fit into 16 bits with them.
    note : str
        A sentence about it.
    like : str
        Name of an earlier layer that it goes with; empty for none.
    """

    name: str
    values: Floats
    style: Style
    note: str = ""
    like: str = ""


class Likeness(TypedDict):
    """Layer of which ``floor(factor * code + 0.5)`` is to be added to the codes of another."""

    layer: str
    factor: float


class EmbeddedLayer(TypedDict):
    """A layer as JSON. Its values are ``(code + first) / 10**decimals``, where code is not `NO_DATA`."""

    name: str
    title: str
    note: str
    unit: str
    decimals: int
    first: int
    extremes: tuple[float, float] | None
    limits: tuple[float, float]
    labels: bool
    colours: str
    like: Likeness | None
    data: str


class LonLatTerms(TypedDict):
    """Polynomials for longitude and latitude in ``u = (x - middle[0]) / half[0]``, and v from y alike.

    The coefficient of ``u**i * v**j`` stands in the order of i, then j, for i + j up to the degree.
    """

    degree: int
    middle: tuple[float, float]
    half: tuple[float, float]
    lon: list[float]
    lat: list[float]


class EmbeddedGrid(TypedDict):
    """The grid of all layers as JSON; ``step`` is a cell's size and ``metres`` its unit's length, in x and y."""

    crs: str
    west: float
    north: float
    step: tuple[float, float]
    shape: tuple[int, int]
    metres: tuple[float, float]
    lonlat: LonLatTerms | None


def embed_layers(bands: Iterable[Band]) -> list[EmbeddedLayer]:
    """Return the layers of a page, all of one shape, in their order."""
    made: list[EmbeddedLayer] = []
    known: dict[str, Codes] = {}
    for band in bands:
        layer, codes = _embed(band, known)
        made.append(layer)
        known[band.name] = codes
    return made


def embed_layer(band: Band) -> EmbeddedLayer:
    """Return a layer of its own for the page."""
    return _embed(band, {})[0]


def _embed(band: Band, known: Mapping[str, Codes]) -> tuple[EmbeddedLayer, Codes]:
    """Return a layer, and its codes; of those with which it may go, the codes are known."""
    values, style = band.values, band.style
    finite = values[np.isfinite(values)]
    codes, first, decimals = quantise(values, style.decimals)
    other = known.get(band.like)
    factor = 0.0 if other is None else _slope(codes, other)
    rest = codes if other is None or not factor else codes - _expected(other, factor)
    layer: EmbeddedLayer = {
        "name": band.name,
        "title": style.title,
        "note": band.note,
        "unit": style.unit,
        "decimals": decimals,
        "first": first,
        "extremes": (float(finite.min()), float(finite.max())) if finite.size else None,
        "limits": style.limits or scale_limits(finite, symmetric=style.symmetric),
        "labels": style.labels,
        "colours": colour_table(style.colours),
        "like": {"layer": band.like, "factor": factor} if factor else None,
        "data": pack(rest),
    }
    return layer, codes


def _slope(codes: Codes, other: Codes) -> float:
    """Return the factor with which the steps of another layer along the rows leave least of those of a layer."""
    one, two = codes[::_FITTED_ROWS].astype(np.float64), other[::_FITTED_ROWS].astype(np.float64)
    known = (one != NO_DATA) & (two != NO_DATA)
    both = known[:, 1:] & known[:, :-1]
    steps, base = np.diff(one, axis=1)[both], np.diff(two, axis=1)[both]
    if steps.size:  # edges, as of wrapped phase, go with nothing
        small = np.abs(steps) <= np.percentile(np.abs(steps), _SMALL_SHARE)
        steps, base = steps[small], base[small]
    size = float(base @ base)
    return float(steps @ base) / size if size else 0.0


def _expected(other: Codes, factor: float) -> Codes:
    """Return what another layer lets expect of the codes, modulo 2**16; nothing where it has no value."""
    return np.floor(factor * other + 0.5).astype(np.int64).astype(np.uint16)


def quantise(values: Floats, decimals: int) -> tuple[NDArray[np.uint16], int, int]:
    """Round values to a number of decimals, or to as many as fit.

    Parameters
    ----------
    values : ndarray
        Any shape; values that are not finite become `NO_DATA`.
    decimals : int
        Wanted; negative ones round to tens, hundreds and so on.

    Returns
    -------
    codes : ndarray of uint16
        The shape of `values`.
    first : int
        The rounded values are ``(codes + first) / 10**decimals``.
    decimals : int
        Those that were kept.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(values.shape, np.uint16), 0, decimals
    exact = values.astype(np.float64)
    low, high = float(exact[known].min()), float(exact[known].max())
    while (high - low) * 10.0**decimals > _MOST_CODES - 2:
        decimals -= 1
    whole = np.rint(exact * 10.0**decimals)
    first = round(low * 10.0**decimals) - 1
    return np.where(known, whole - first, NO_DATA).astype(np.uint16), first, decimals


def pack(codes: NDArray[np.uint16]) -> str:
    """Return the deflated differences of codes along the rows, as base64 text.

    Parameters
    ----------
    codes : ndarray of uint16
        Shape (rows, columns).
    """
    steps = np.diff(codes, axis=1, prepend=np.uint16(0)).view(np.int16)  # modulo 2**16
    zigzag = ((steps << 1) ^ (steps >> 15)).view(np.uint16).ravel()
    planes = np.concatenate([zigzag & 0xFF, zigzag >> 8]).astype(np.uint8)
    return base64.b64encode(zlib.compress(planes.tobytes(), _COMPRESSION)).decode("ascii")


def scale_limits(finite: Floats, *, symmetric: bool) -> tuple[float, float]:
    """Return the ends of a colour scale in round numbers, without the largest outliers.

    Parameters
    ----------
    finite : ndarray
        The values, without NaN; may be empty.
    symmetric : bool
        Around zero, to the 99.5th percentile of the absolute values; else from the 2nd to the 98th percentile.
    """
    if not finite.size:
        return (-1.0, 1.0) if symmetric else (0.0, 1.0)
    if symmetric:
        high = float(np.percentile(np.abs(finite), _SYMMETRIC_SHARE))
        low = -high
    else:
        low, high = (float(value) for value in np.percentile(finite, _SHARES))
    if not high > low:
        return low - 0.5, high + 0.5
    exponent = math.floor(math.log10(high if symmetric else high - low)) - 1  # of the second digit
    digit = 10.0**exponent
    return (
        round(math.floor(low / digit + 1e-6) * digit, -exponent),
        round(math.ceil(high / digit - 1e-6) * digit, -exponent),
    )


@lru_cache
def colour_table(name: str) -> str:
    """Return the colours of a colour map of Matplotlib, red, green and blue as bytes, as base64 text.

    Parameters
    ----------
    name : str
        A continuous map gives 256 colours, a list such as ``tab10`` those that it has.
    """
    import matplotlib as mpl

    colours = mpl.colormaps[name]
    count = min(colours.N, _COLOURS)
    table = colours(np.linspace(0, 1, count), bytes=True)[:, :3]
    return base64.b64encode(table.astype(np.uint8).tobytes()).decode("ascii")


def embed_grid(grid: Grid, shape: tuple[int, int]) -> EmbeddedGrid:
    """Return a map grid for the page, whose layers may have fewer cells than the grid.

    Parameters
    ----------
    grid : Grid
        The grid of the rasters.
    shape : (int, int)
        Rows and columns of the embedded layers; they cover the same area.
    """
    rows, columns = shape
    return {
        "crs": grid.title,
        "west": grid.west,
        "north": grid.north,
        "step": (grid.posting * grid.width / columns, grid.posting * grid.height / rows),
        "shape": shape,
        "metres": grid.metres_per_unit,
        "lonlat": None if grid.is_geographic else lonlat_terms(grid),
    }


def lonlat_terms(grid: Grid) -> LonLatTerms:
    """Give polynomials that give longitude and latitude on a projected grid, fitted to a lattice of exact ones."""
    west, south, east, north = grid.bounds
    middle = ((west + east) / 2, (south + north) / 2)
    half = ((east - west) / 2, (north - south) / 2)
    # Chebyshev nodes keep the error as small at the edges as inside.
    nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    u, v = (axis.ravel() for axis in np.meshgrid(nodes, nodes))
    lonlat = grid.to_lonlat(middle[0] + half[0] * u, middle[1] + half[1] * v)
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    terms = np.stack([u**i * v**j for i, j in powers], axis=1)
    lon, lat = (np.linalg.lstsq(terms, values, rcond=None)[0].tolist() for values in lonlat)
    return {"degree": _DEGREE, "middle": middle, "half": half, "lon": lon, "lat": lat}
