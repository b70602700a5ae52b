"""Known motion along the track, which the turning beam of TOPS puts into the map: taken off, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import compare
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.motion import motion_los
from dinsar_cli.simulate import Coherence, RectangularDislocation, Scenario, Terrain
from support.command import run_apart
from support.place import Dinsar, Place
from support.refusal import NO_DATA, USAGE, check_refusal

pytest.importorskip("eos")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A fault that slips by 2 m along its strike, which is nearly the track."""
    fault = RectangularDislocation(strike=10.0, dip=90.0, rake=0.0, slip=2.0, depth=2500.0)
    scenario = Scenario(
        deformation=fault,
        coherence=Coherence(repeat=0.9),
        terrain=Terrain(relief=500.0),
        lake=None,
        columns=1200,
        seed=4,
    )
    return Place.simulated(scenario, tmp_path_factory.mktemp("motion"))


def files(place: Place) -> list[str]:
    return [str(place.stack.truth / f"{name}.tif") for name in ("east", "north")]


def test_known_motion_is_taken_off(dinsar: Dinsar, place: Place) -> None:
    record = place.run(dinsar, "--motion", ",".join(files(place)))
    assert not record["checks"]["misregistration"]["removed"]  # motion that is not the same all over is none
    after = compare(Path(record["folder"]), place.stack.truth).statistics
    told = record["corrections"]["motion"]
    with rasterio.open(record["products"]["correction_motion"]) as file:
        assert np.nanstd(file.read(1)) == pytest.approx(told["std_m"], rel=0.2)
    record = place.run(dinsar)
    before = compare(Path(record["folder"]), place.stack.truth).statistics
    assert told["std_m"] > 2e-4
    assert before.rmse > 2 * after.rmse
    assert after.rmse < 0.15e-3
    assert not (Path(record["folder"]) / "products" / "correction_motion.tif").exists()


def test_sign_and_size(tmp_path: Path) -> None:
    """A satellite that flies north, and looks ahead, sees ground that moves north go away from it.

    It looks to the right, so that it is to the west of the ground.
    """
    grid = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 10.0, 8, 8)
    profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "float64"}
    paths = [tmp_path / "east.tif", tmp_path / "north.tif"]
    for path, metres in zip(paths, (0.3, 2.0), strict=True):
        with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as file:
            file.write(np.full(grid.shape, metres), 1)
    vector = np.stack([np.full(grid.shape, value) for value in (-0.6, 0.0, 0.8)])
    squint = np.full(grid.shape, 0.01)
    np.testing.assert_allclose(motion_los(grid, vector, squint, paths), -0.02)
    np.testing.assert_allclose(motion_los(grid, vector, squint, paths, removed=0.5), -0.015)


def test_motion_that_does_not_serve_is_refused(dinsar: Dinsar, place: Place, tmp_path: Path) -> None:
    east, north = files(place)
    check_refusal(dinsar(*place.command("--motion", east)), USAGE, "corrections.motion", "two files")
    check_refusal(dinsar(*place.command("--motion", f"{east},{tmp_path / 'gone.tif'}")), USAGE, "gone.tif")
    with rasterio.open(east) as file:
        values, profile = file.read(1), file.profile
    for name, factor, shift in (("millimetres", 1000.0, 0.0), ("elsewhere", 1.0, 3e5)):
        moved = profile | {"transform": rasterio.Affine.translation(shift, 0) * profile["transform"]}
        with rasterio.open(tmp_path / f"{name}.tif", "w", **moved) as file:
            file.write(values * factor, 1)
    with rasterio.open(tmp_path / "heights.tif", "w", **profile | {"dtype": "int16", "nodata": -32768}) as file:
        file.write(np.full(values.shape, 1200, np.int16), 1)
    millimetres, elsewhere, heights = (tmp_path / f"{name}.tif" for name in ("millimetres", "elsewhere", "heights"))
    check_refusal(dinsar(*place.command("--motion", f"{heights},{north}")), USAGE, "heights.tif", "1200")
    check_refusal(dinsar(*place.command("--motion", f"{millimetres},{north}")), USAGE, "millimetres.tif", "metres")
    check_refusal(dinsar(*place.command("--motion", f"{elsewhere},{north}")), NO_DATA, "elsewhere.tif")
    slc = place.stack.orbits[0].parents[1] / "slc"
    for name, given in (("motion", [east, north]), ("ionosphere", True)):
        config = place.config(corrections={name: given})
        check_refusal(run_apart("stack", config, slc), USAGE, name, "stack")
