"""Layers inside a page: what a reader of the page gets back is the raster."""

from __future__ import annotations

import base64
import json
import math

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from dinsar_cli.drawing.web_map import (
    Band,
    Style,
    colour_table,
    embed_grid,
    embed_layer,
    embed_layers,
    lonlat_terms,
    pack,
    quantise,
    scale_limits,
)
from dinsar_cli.geo.grid import Grid
from support.web_map_values import unpack, values_of


def test_codes_come_back_whatever_they_are() -> None:
    generator = np.random.default_rng(1)
    codes = generator.integers(0, 65536, (40, 50)).astype(np.uint16)
    codes[0, :4] = 0, 65535, 0, 32768
    np.testing.assert_array_equal(unpack(pack(codes), codes.shape), codes)


@pytest.mark.parametrize("decimals", [0, 1, 2])
@pytest.mark.parametrize("middle", [-500.0, 0.0, 7.3])
def test_values_come_back_rounded_to_their_decimals(decimals: int, middle: float) -> None:
    values = np.random.default_rng(2).normal(middle, 20, (30, 40))
    values[3, 5:9] = np.nan, np.inf, -np.inf, np.nan
    layer = json.loads(json.dumps(embed_layer(Band("a", values, Style("A", "viridis", "mm", decimals)))))
    assert layer["decimals"] == decimals
    back = values_of(layer, values.shape)
    known = np.isfinite(values)
    np.testing.assert_array_equal(np.isfinite(back), known)
    np.testing.assert_allclose(back[known], np.round(values[known], decimals), atol=1e-9)
    assert layer["extremes"] == [values[known].min(), values[known].max()]


def test_decimals_are_dropped_when_the_range_is_too_large() -> None:
    values = np.array([[-2e5, 0.0, 123_456.0, 3e5]])
    codes, first, decimals = quantise(values, 2)
    assert decimals == -1  # 5e5 in steps of ten are 50,000 codes, in steps of one too many
    back = (codes.astype(int) + first) / 10.0**decimals
    np.testing.assert_allclose(back, values, atol=5)
    assert codes.min() >= 1


def test_the_whole_range_of_codes_holds_without_a_wrap() -> None:
    values = np.arange(65_534, dtype=float)[None]
    codes, first, decimals = quantise(values, 0)
    assert decimals == 0
    np.testing.assert_array_equal(codes.astype(int) + first, values)


@pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.zeros((2, 3)), np.full((2, 3), -4.5)])
def test_layers_without_a_range(values: NDArray[np.float64]) -> None:
    layer = json.loads(json.dumps(embed_layer(Band("a", values, Style("A", "viridis"))), allow_nan=False))
    np.testing.assert_allclose(values_of(layer, (2, 3)), values)
    low, high = layer["limits"]
    assert low < high


def test_layers_that_go_together_come_back_and_take_little() -> None:
    """Phase in cycles of a displacement, and wrapped: each is told by the one before, to the last decimal."""
    row, column = np.mgrid[:60, :80]
    noise = np.random.default_rng(5).normal(0, 1, row.shape)
    los = 40 * np.exp(-((row - 30) ** 2 + (column - 40) ** 2) / 300) + noise
    los[7, 9:20] = np.nan
    phase = -0.227 * los + 0.5
    phase[30, 3:6] = np.nan
    wrapped = np.angle(np.exp(1j * phase))
    wrapped[31, 3:6] = np.nan
    all_values = {"los": los, "phase": phase, "wrapped": wrapped}
    likes = {"los": "", "phase": "los", "wrapped": "phase"}
    bands = [Band(name, all_values[name], Style(name, "viridis"), like=likes[name]) for name in likes]
    layers = json.loads(json.dumps(embed_layers(bands)))
    for layer, band in zip(layers, bands, strict=True):
        alone = json.loads(json.dumps(embed_layer(band)))
        assert alone["like"] is None
        np.testing.assert_array_equal(values_of(layer, los.shape, layers), values_of(alone, los.shape))
        assert (layer["like"] or {"layer": ""})["layer"] == band.like
        assert len(layer["data"]) < 0.6 * len(alone["data"]) or not band.like
    assert layers[1]["like"]["factor"] == pytest.approx(-0.227, rel=0.01)
    assert layers[2]["like"]["factor"] == pytest.approx(1, abs=0.01)


def test_a_layer_that_goes_with_nothing_that_is_there() -> None:
    values = np.arange(6.0).reshape(2, 3)
    style = Style("A", "viridis")
    empty = Band("empty", np.full((2, 3), np.nan), style)
    for like in ("empty", "none"):
        layers = embed_layers([empty, Band("a", values, style, like=like)])
        assert layers[1]["like"] is None
        np.testing.assert_array_equal(values_of(json.loads(json.dumps(layers[1])), (2, 3)), values)


def test_scales_are_round_and_leave_outliers_out() -> None:
    values = np.linspace(-3.14, 7.77, 10_001)
    assert scale_limits(values, symmetric=True) == (-7.8, 7.8)
    assert scale_limits(values, symmetric=False) == (-3.0, 8.0)  # 2nd and 98th percentile: -2.92 and 7.55
    values[0] = 1e6
    assert scale_limits(values, symmetric=True) == (-7.8, 7.8)


def test_colours_are_those_of_matplotlib() -> None:
    table = np.frombuffer(base64.b64decode(colour_table("RdBu_r")), np.uint8).reshape(-1, 3)
    assert table.shape == (256, 3)
    for place, index in ((0.0, 0), (0.5, 128), (1.0, 255)):
        wanted = np.array(mpl.colormaps["RdBu_r"](place, bytes=True)[:3], int)
        assert np.abs(table[index] - wanted).max() <= 3
    labels = np.frombuffer(base64.b64decode(colour_table("tab10")), np.uint8).reshape(-1, 3)
    assert len(np.unique(labels, axis=0)) == 10


@pytest.mark.parametrize(
    ("crs", "north"), [("EPSG:32629", 3_600_000.0), ("EPSG:32733", 9_000_000.0), ("EPSG:32633", 7_500_000.0)]
)
def test_longitude_and_latitude_on_a_utm_grid_are_exact_to_a_metre(crs: str, north: float) -> None:
    grid = Grid(crs, 300_000.0, north, 100.0, 4000, 4000)
    terms = lonlat_terms(grid)
    generator = np.random.default_rng(4)
    west, south, east, top = grid.bounds
    x, y = generator.uniform(west, east, 500), generator.uniform(south, top, 500)
    u, v = (x - terms["middle"][0]) / terms["half"][0], (y - terms["middle"][1]) / terms["half"][1]
    powers = [u**i * v**j for i in range(terms["degree"] + 1) for j in range(terms["degree"] + 1 - i)]
    lon, lat = (sum(c * p for c, p in zip(terms[axis], powers, strict=True)) for axis in ("lon", "lat"))
    true_lon, true_lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    metres = 111_320 * np.hypot((lon - true_lon) * np.cos(np.radians(true_lat)), lat - true_lat)
    assert metres.max() <= 1.0


def test_grid_with_fewer_cells_covers_the_same_area() -> None:
    grid = Grid("EPSG:4326", 10.0, 50.0, 0.01, 300, 200)
    made = embed_grid(grid, (67, 100))
    assert made["lonlat"] is None
    assert math.isclose(made["step"][0] * 100, 3.0)
    assert math.isclose(made["step"][1] * 67, 2.0)
    # A degree at 49 N: 111.2 km northward and 73.2 km eastward (tables of the WGS84 ellipsoid).
    assert made["metres"] == pytest.approx((73_170, 111_210), rel=1e-3)
