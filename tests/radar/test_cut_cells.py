"""Look cells on a line: where they lie, and that no path leads through."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from dinsar_cli.radar.geometry import LookPlanes, cartesian_to_geodetic
from dinsar_cli.radar.visibility import RadarCells, cut_cells
from support.look_cells import equator_cells


def on_ground(
    cells: RadarCells, row: np.ndarray, column: np.ndarray, height: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitude, latitude and height of positions in cells."""
    planes = LookPlanes.at(cells.orbit, cells.first_time + row * cells.time_step)
    slant_range = (cells.near_range + column * cells.range_step)[:, None]
    look = planes.look_for_height(slant_range, np.full((row.size, 1), height))
    longitude, latitude, _ = cartesian_to_geodetic(planes.point(slant_range, look))
    return longitude[:, 0], latitude[:, 0], np.full(row.size, height)


@pytest.mark.parametrize("height", [0.0, 1500.0])
@pytest.mark.parametrize("ends", [((-5, 10), (50, 33)), ((20, -3), (24, 70)), ((39, 0), (0, 59))])
def test_a_line_over_all_of_the_cells_parts_them(ends: tuple[tuple[int, int], ...], height: float) -> None:
    """By whatever heights the ground has, the cells are those of the line, and corners lead nowhere."""
    cells = equator_cells(40, 60)
    row, column = np.linspace(*np.array(ends, float), 200).T
    cut = cut_cells(cells, [on_ground(cells, row, column, height)])
    for structure in (None, np.ones((3, 3))):  # along sides, and along corners too
        assert label(~cut, structure)[1] == 2
    lines, samples = np.nonzero(cut)
    line = np.array(ends, float)
    along = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    off = np.abs((lines - line[0, 0]) * along[1] - (samples - line[0, 1]) * along[0])
    assert off.max() < 1.5  # cells: the corner that is filled


def test_ground_that_is_not_known_has_no_line() -> None:
    cells = equator_cells(40, 60)
    row, column = np.linspace((5.0, 5.0), (35.0, 55.0), 100).T
    longitude, latitude, height = on_ground(cells, row, column)
    height[40:60] = np.nan
    cut = cut_cells(cells, [(longitude, latitude, height)])
    assert not cut[18:22].any()  # neither joined over the gap
    assert cut[:16].any()
    assert cut[24:].any()
    assert not cut_cells(cells, [(longitude, latitude, np.full(100, np.nan))]).any()
