"""The geocoder against mappings whose inverse is known exactly."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from dinsar_cli.geo.crs import GEOGRAPHIC
from dinsar_cli.geo.grid import Grid, grid_for
from dinsar_cli.maps.geocode import Method, radar_coordinates, sample

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class AffinePass:
    """A radar grid that is an affine image of the map: longitude, latitude = origin + A (row, col)."""

    lon: float
    lat: float
    matrix: tuple[tuple[float, float], tuple[float, float]]

    def forward(self, rows: int, cols: int) -> tuple[F64, F64]:
        row, col = np.meshgrid(np.arange(rows, dtype=float), np.arange(cols, dtype=float), indexing="ij")
        (a, b), (c, d) = self.matrix
        return self.lat + c * row + d * col, self.lon + a * row + b * col

    def inverse(self, lat: F64, lon: F64) -> tuple[F64, F64]:
        row, col = np.linalg.solve(
            np.array(self.matrix), np.stack([(lon - self.lon).ravel(), (lat - self.lat).ravel()])
        )
        return row.reshape(lat.shape), col.reshape(lat.shape)


# Heading 193 and 347 degrees, near range on either side, and one that is mirrored and strongly sheared.
PASSES = {
    "descending": AffinePass(-8.0, 31.5, ((-1.9e-4, -8.1e-4), (-8.6e-4, 1.6e-4))),
    "ascending": AffinePass(-8.9, 31.1, ((-1.9e-4, 8.1e-4), (8.6e-4, 1.6e-4))),
    "mirrored": AffinePass(-8.9, 31.5, ((-1.9e-4, 8.1e-4), (-8.6e-4, 1.6e-4))),
    "sheared": AffinePass(-8.9, 31.1, ((2.5e-4, 8.1e-4), (2.0e-4, 0.5e-4))),
    "north up": AffinePass(-8.9, 31.5, ((0.0, 1 / 1200), (-1 / 1200, 0.0))),
}


def _centres(grid: Grid) -> tuple[F64, F64]:
    x, y = np.meshgrid(grid.x_centres, grid.y_centres)
    if grid.crs == GEOGRAPHIC:
        return y, x
    lon, lat = Transformer.from_crs(grid.crs, GEOGRAPHIC, always_xy=True).transform(x, y)
    return lat, lon


def _grid_around(lat: F64, lon: F64, crs: str = GEOGRAPHIC, posting: float = 1 / 1200) -> Grid:
    box = (np.nanmin(lon), np.nanmin(lat), np.nanmax(lon), np.nanmax(lat))
    return grid_for((float(box[0]), float(box[1]), float(box[2]), float(box[3])), crs, posting)


def _inside(row: F64, col: F64, rows: int, cols: int, margin: float) -> NDArray[np.bool_]:
    """Return where a position lies within the outer cell centres, by `margin` cells."""
    in_rows = (row >= margin) & (row <= rows - 1 - margin)
    inside: NDArray[np.bool_] = in_rows & (col >= margin) & (col <= cols - 1 - margin)
    return inside


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("posting", [1 / 1200, 1 / 7200, 1 / 300])
def test_affine_geometry_is_inverted_exactly(name: str, posting: float) -> None:
    rows, cols = 97, 61
    lat, lon = PASSES[name].forward(rows, cols)
    grid = _grid_around(lat, lon, posting=posting)
    row, col = radar_coordinates(lat, lon, grid)
    true_row, true_col = PASSES[name].inverse(*_centres(grid))
    inside = _inside(true_row, true_col, rows, cols, 0.0)
    assert inside.sum() > 50
    assert row.dtype == col.dtype == np.float32
    assert row.shape == grid.shape
    np.testing.assert_allclose(row[inside], true_row[inside], atol=1e-5)
    np.testing.assert_allclose(col[inside], true_col[inside], atol=1e-5)
    outside = ~_inside(true_row, true_col, rows, cols, -1e-5)
    assert np.isnan(row[outside]).all()
    assert np.isnan(col[outside]).all()


@pytest.mark.parametrize("crs", [GEOGRAPHIC, "utm"])
@pytest.mark.parametrize("side", ["east", "west"])
def test_the_turn_of_longitudes_does_not_matter(side: str, crs: str) -> None:
    """Over 180 degrees cells that run on, are cut there, or lie a turn away have one place on either side."""
    over = AffinePass(180.02, 31.5, PASSES["descending"].matrix)
    lat, lon = over.forward(97, 61)
    middle = (lat.min() + lat.max()) / 2
    west, east = {"east": (179.98, 180.0), "west": (-180.0, -179.99)}[side]
    grid = grid_for((west, middle - 0.01, east, middle), crs, 1 / 1200 if crs == GEOGRAPHIC else 90.0)
    turns = (lon, (lon + 180) % 360 - 180, lon - 360, lon + 360)
    places = [radar_coordinates(lat, longitude, grid) for longitude in turns]
    assert np.isfinite(places[0][0]).mean() > 0.9
    for place in places:
        np.testing.assert_allclose(place[0], places[0][0], atol=1e-4)
        np.testing.assert_allclose(place[1], places[0][1], atol=1e-4)
    latitude, longitude = _centres(grid)
    row, col = over.inverse(latitude, np.where(longitude < 0, longitude + 360, longitude))
    if crs == GEOGRAPHIC:
        np.testing.assert_allclose(places[0][0], row, atol=1e-4)
        np.testing.assert_allclose(places[0][1], col, atol=1e-4)


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:5514", (14.4, 50.1)),
        ("EPSG:3413", (-40.0, 70.0)),
        ("EPSG:6677", (139.8, 35.7)),
        ("EPSG:27700", (-1, 52)),
    ],
)
def test_cells_of_national_grids_lie_where_pyproj_has_them(crs: str, place: tuple[float, float]) -> None:
    """Whatever the turn and the order of the axes; the straight edges of triangles cost a thousandth of a cell."""
    passing = AffinePass(*place, PASSES["descending"].matrix)
    lat, lon = passing.forward(97, 61)
    grid = _grid_around(lat, lon, crs, 60.0)
    row, col = radar_coordinates(lat, lon, grid)
    x, y = np.meshgrid(grid.x_centres, grid.y_centres)
    longitude, latitude = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    true_row, true_col = passing.inverse(latitude, longitude)
    inside = _inside(true_row, true_col, 97, 61, 0.1)
    assert inside.sum() > 1000
    np.testing.assert_allclose(row[inside], true_row[inside], atol=2e-3)
    np.testing.assert_allclose(col[inside], true_col[inside], atol=2e-3)


def test_centres_that_coincide_with_cells_and_edges_are_kept() -> None:
    """Every pixel centre lies on a corner, or on an edge, of a triangle: none may be lost to rounding."""
    for oversampling in (1, 2, 3):
        posting = 1 / 1200 / oversampling
        grid = Grid(GEOGRAPHIC, -8.9, 31.5, posting, 40 * oversampling + 1, 30 * oversampling + 1)
        lon, lat = np.meshgrid(grid.x_centres[::oversampling], grid.y_centres[::oversampling])
        row, col = radar_coordinates(lat, lon, grid)
        expected = np.meshgrid(np.arange(grid.width) / oversampling, np.arange(grid.height) / oversampling)
        np.testing.assert_allclose(col, expected[0], atol=2e-6)
        np.testing.assert_allclose(row, expected[1], atol=2e-6)


def _curved(rows: int, cols: int) -> tuple[F64, F64]:
    """Return a smooth curved geometry: a descending pass, bent by 15 cells over the scene."""
    row, col = np.meshgrid(np.arange(rows, dtype=float), np.arange(cols, dtype=float), indexing="ij")
    return _curved_forward(row, col)


def _curved_forward(row: F64, col: F64) -> tuple[F64, F64]:
    bend_row = row + 1e-5 * col**2 + 2e-6 * row * col
    bend_col = col - 1e-5 * row**2 + 1e-6 * col**2
    return 31.5 - 8.6e-4 * bend_row + 1.6e-4 * bend_col, -8.0 - 1.9e-4 * bend_row - 8.1e-4 * bend_col


def _curved_inverse(lat: F64, lon: F64) -> tuple[F64, F64]:
    """Return the root of `_curved_forward`: fixed-point iteration, contraction below 0.1, to rounding."""
    matrix = np.array([[-8.6e-4, 1.6e-4], [-1.9e-4, -8.1e-4]])
    row, col = np.zeros_like(lat), np.zeros_like(lat)
    for _ in range(40):
        at_lat, at_lon = _curved_forward(row, col)
        step = np.linalg.solve(matrix, np.stack([(lat - at_lat).ravel(), (lon - at_lon).ravel()]))
        row, col = row + step[0].reshape(lat.shape), col + step[1].reshape(lat.shape)
    return row, col


@pytest.mark.parametrize(("crs", "posting"), [(GEOGRAPHIC, 1 / 1200), ("utm", 90.0)])
def test_curved_geometry_to_a_thousandth_of_a_cell(crs: str, posting: float) -> None:
    rows, cols = 400, 300
    lat, lon = _curved(rows, cols)
    grid = _grid_around(lat, lon, crs, posting)
    row, col = radar_coordinates(lat, lon, grid)
    true_row, true_col = _curved_inverse(*_centres(grid))
    inside = _inside(true_row, true_col, rows, cols, 1e-3)
    assert inside.sum() > 80_000
    np.testing.assert_allclose(row[inside], true_row[inside], atol=1e-3)
    np.testing.assert_allclose(col[inside], true_col[inside], atol=1e-3)
    # Half a cell beyond the outer centres there is no value.
    assert np.isnan(row[~_inside(true_row, true_col, rows, cols, -0.5)]).all()


@pytest.mark.parametrize("memory_bytes", [1, 300_000, 5_000_000])
def test_blocks_do_not_change_the_result(memory_bytes: int) -> None:
    generator = np.random.default_rng(1)
    lat, lon = _curved(120, 90)
    lat += generator.normal(0, 6e-4, lat.shape)  # of the size of a cell: folds everywhere
    lon += generator.normal(0, 6e-4, lat.shape)
    lat[generator.random(lat.shape) < 0.02] = np.nan
    grid = _grid_around(lat, lon)
    expected = radar_coordinates(lat, lon, grid)
    result = radar_coordinates(lat, lon, grid, memory_bytes=memory_bytes)
    np.testing.assert_array_equal(result[0], expected[0])
    np.testing.assert_array_equal(result[1], expected[1])


@pytest.mark.parametrize("flip", [1, -1])
def test_fold_takes_the_sheet_of_the_usual_orientation(flip: int) -> None:
    """Layover: columns advance 50 cells, run back over 10 columns by 20 cells, and advance again."""
    unit = 1 / 1200
    position = np.concatenate([np.arange(51.0), 50 - 2 * np.arange(1.0, 11), 30 + np.arange(1.0, 61)])
    rows = 20
    lon = np.tile(-8.9 + unit * flip * position, (rows, 1))
    lat = np.tile((31.5 - unit * np.arange(rows))[:, np.newaxis], (1, position.size))
    grid = _grid_around(lat, lon)
    _, col = radar_coordinates(lat, lon, grid)
    at = (grid.x_centres + 8.9) / unit * flip
    inside = (at >= 0) & (at <= 90)
    # Where the sheets overlap (30..50) the folded one, columns 50..60, never wins; of the others the later does.
    expected = np.where(at < 30, at, at + 30)
    expected = np.broadcast_to(expected[inside], (grid.height, int(inside.sum())))
    covered = np.isfinite(col[:, inside])
    assert covered[1:-1].all()
    np.testing.assert_allclose(col[:, inside][covered], expected[covered], atol=1e-4)


def test_folded_sheet_is_used_where_there_is_no_other() -> None:
    """A strip that only folded triangles cover gets their coordinates rather than a hole."""
    unit = 1 / 1200
    position = np.concatenate([np.arange(40.0), 60 - np.arange(11.0), 90 + np.arange(30.0)])
    lon = np.tile(-8.9 + unit * position, (10, 1))
    lat = np.tile((31.5 - unit * np.arange(10))[:, np.newaxis], (1, position.size))
    lon[:, 39] = lon[:, 51] = np.nan  # cut the bridges between the pieces
    grid = Grid(GEOGRAPHIC, -8.9 + 50.1 * unit, 31.5, unit, 9, 8)
    _, col = radar_coordinates(lat, lon, grid)
    np.testing.assert_allclose(col, np.broadcast_to(40 + 60 - (50.6 + np.arange(9)), (8, 9)), atol=1e-4)


def test_invalid_cells_leave_holes_of_their_own_size() -> None:
    geometry = PASSES["descending"]
    rows, cols = 60, 50
    lat, lon = geometry.forward(rows, cols)
    lat[20:23, 30:34] = np.nan
    lon[40, 10] = np.inf
    grid = _grid_around(lat, np.where(np.isfinite(lon), lon, np.nan))
    row, col = radar_coordinates(lat, lon, grid)
    true_row, true_col = geometry.inverse(*_centres(grid))
    inside = _inside(true_row, true_col, rows, cols, 1e-4)
    near = np.zeros(grid.shape, dtype=bool)
    for r0, r1, c0, c1 in ((19, 23, 29, 34), (39, 41, 9, 11)):
        near |= (true_row > r0) & (true_row < r1) & (true_col > c0) & (true_col < c1)
    assert np.isfinite(row[inside & ~near]).all()
    core = (true_row >= 20) & (true_row <= 22) & (true_col >= 30) & (true_col <= 33)
    assert core.sum() > 3
    assert np.isnan(row[core]).all()
    found = np.isfinite(row)
    np.testing.assert_allclose(row[found], true_row[found], atol=1e-5)
    np.testing.assert_allclose(col[found], true_col[found], atol=1e-5)


def test_radar_grid_elsewhere_gives_an_empty_map() -> None:
    lat, lon = PASSES["ascending"].forward(10, 10)
    row, col = radar_coordinates(lat, lon, Grid(GEOGRAPHIC, 40.0, 10.0, 0.001, 5, 6))
    assert np.isnan(row).all()
    assert np.isnan(col).all()
    row, _ = radar_coordinates(
        np.full((4, 4), np.nan), np.full((4, 4), np.nan), Grid(GEOGRAPHIC, 0.0, 1.0, 0.1, 3, 2)
    )
    assert np.isnan(row).all()


@pytest.mark.parametrize(
    ("first", "second"), [((4, 4), (4, 5)), ((1, 5), (1, 5)), ((4,), (4,)), ((2, 3, 3), (2, 3, 3))]
)
def test_wrong_shapes_are_refused(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="latitude and longitude"):
        radar_coordinates(np.zeros(first), np.zeros(second), Grid(GEOGRAPHIC, 0.0, 1.0, 0.1, 3, 2))


def test_memory_is_bounded_for_files_larger_than_the_bound(tmp_path: Path) -> None:
    lat, lon = PASSES["descending"].forward(1200, 700)
    np.save(tmp_path / "lat.npy", lat)
    np.save(tmp_path / "lon.npy", lon)
    grid = _grid_around(lat, lon, posting=1 / 2400)
    bound = 12 * 2**20
    lat_file = np.load(tmp_path / "lat.npy", mmap_mode="r")
    lon_file = np.load(tmp_path / "lon.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        row, col = radar_coordinates(lat_file, lon_file, grid, memory_bytes=bound)
        peak = tracemalloc.get_traced_memory()[1]
        assert peak - (row.nbytes + col.nbytes) * 9 / 8 < bound
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        values = sample(lat_file, row, col, "linear", memory_bytes=bound)
        assert tracemalloc.get_traced_memory()[1] - before - values.nbytes < bound
    finally:
        tracemalloc.stop()


def _positions(rows: int, cols: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    generator = np.random.default_rng(7)
    row = generator.uniform(0, rows - 1, (33, 47)).astype(np.float32)
    col = generator.uniform(0, cols - 1, (33, 47)).astype(np.float32)
    row[0, :4] = (0, rows - 1, 0, rows - 1)
    col[0, :4] = (0, cols - 1, cols - 1, 0)
    row[5, 5] = col[5, 5] = np.nan
    return row, col


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
def test_linear_field_is_reproduced(dtype: str, tolerance: float) -> None:
    row, col = _positions(50, 40)
    r, c = np.meshgrid(np.arange(50.0), np.arange(40.0), indexing="ij")
    value = sample((100 + 3 * r - 2 * c).astype(dtype), row, col, "linear")
    expected = 100 + 3 * row.astype(float) - 2 * col.astype(float)
    assert value.dtype == dtype
    assert np.isnan(value[5, 5])
    known = np.isfinite(row)
    np.testing.assert_allclose(value[known], expected[known], rtol=tolerance)


def test_bands_and_complex_numbers() -> None:
    row, col = _positions(20, 30)
    r, c = np.meshgrid(np.arange(20.0), np.arange(30.0), indexing="ij")
    bands = np.stack([r + 1, c + 1, r * c])
    values = sample(bands, row, col, "linear", memory_bytes=1)
    assert values.shape == (3, *row.shape)
    known = np.isfinite(row)
    np.testing.assert_allclose(values[0][known], row[known].astype(float) + 1, rtol=1e-12)
    # A product is what bilinear interpolation also reproduces.
    np.testing.assert_allclose(values[2][known], row[known].astype(float) * col[known], atol=1e-9)
    mixed = sample((r + 1j * c).astype(np.complex64), row, col, "linear")
    assert mixed.dtype == np.complex64
    np.testing.assert_allclose(mixed[known], row[known] + 1j * col[known], atol=1e-5)
    assert np.isnan(mixed[5, 5])


def test_wrapped_phase_as_complex_crosses_the_branch_cut() -> None:
    """At +-pi the mean of two angles would be 0; the mean of two complex numbers is pi."""
    layer = np.exp(1j * np.array([[3.1, -3.1], [3.1, -3.1]]))
    at = np.full((1, 1), 0.5, dtype=np.float32)
    assert abs(np.angle(sample(layer, at, at, "linear"))[0, 0]) == pytest.approx(np.pi, abs=1e-6)


def test_missing_neighbours_hand_their_weight_on_until_half_is_gone() -> None:
    layer = np.array([[1.0, 5.0], [np.nan, np.inf]])

    def at(row: float, col: float) -> float:
        positions = np.array([[[row]], [[col]]], dtype=np.float32)
        return float(sample(layer, positions[0], positions[1], "linear")[0, 0])

    assert at(0.25, 0.5) == pytest.approx(3.0)
    assert at(0.25, 0.25) == pytest.approx(2.0)
    assert at(0.5, 0.5) == pytest.approx(3.0)
    assert np.isnan(at(0.6, 0.5))
    assert at(0.0, 0.0) == 1.0


def test_nearest_keeps_labels() -> None:
    labels = np.arange(1, 13, dtype=np.uint16).reshape(3, 4)
    row = np.array([[0.0, 0.49, 0.5, 2.0, np.nan]], dtype=np.float32)
    col = np.array([[0.0, 0.49, 2.6, 3.0, 1.0]], dtype=np.float32)
    result = sample(labels, row, col, "nearest")
    assert result.dtype == np.uint16
    assert result.tolist() == [[1, 1, 8, 12, 0]]
    assert np.isnan(sample(labels.astype(float), row, col, "nearest")[0, 4])


def test_the_whole_way_of_a_layer() -> None:
    """A layer that is a function of position on the ground has that value on the map."""
    lat, lon = _curved(200, 150)
    grid = _grid_around(lat, lon, "utm", 85.0)
    row, col = radar_coordinates(lat, lon, grid)
    value = sample(np.stack([lat, lon]), row, col, "linear")
    known = np.isfinite(row)
    true_lat, true_lon = _centres(grid)
    # 1e-7 degree is a centimetre, a ten-thousandth of a cell.
    np.testing.assert_allclose(value[0][known], true_lat[known], atol=1e-7)
    np.testing.assert_allclose(value[1][known], true_lon[known], atol=1e-7)


@pytest.mark.parametrize(
    ("layer", "method", "message"),
    [
        (np.zeros((3, 3), dtype=np.uint16), "linear", "nearest"),
        (np.zeros(3), "linear", "layer"),
        (np.zeros((0, 3)), "linear", "layer"),
        (np.zeros((3, 3)), "cubic", "method"),
    ],
)
def test_what_sample_refuses(layer: NDArray[np.float64], method: Method, message: str) -> None:
    at = np.zeros((2, 2), dtype=np.float32)
    with pytest.raises(ValueError, match=message):
        sample(layer, at, at, method)
    with pytest.raises(ValueError, match="row and col"):
        sample(np.zeros((3, 3)), at, at[:1], "linear")
