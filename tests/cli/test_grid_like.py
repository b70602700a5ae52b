"""``--grid-like``: maps of several pairs on the grid of one raster, and what cannot give one is refused at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from dinsar_cli.config.file import build_config
from dinsar_cli.config.request import request_of
from dinsar_cli.geo.grid_file import read_grid
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.plan.plan import RunPlan, plan_run
from support.command import Outcome
from support.refusal import NO_DATA, USAGE, Refusal, check_refusal
from support.run_inputs import Inputs, write_inputs

Dinsar = Callable[..., Outcome]


def blank(
    path: Path, west: float, north: float, step: float, shape: tuple[int, int], crs: str = "EPSG:4326"
) -> Path:
    """Write a raster without content: only its place counts."""
    transform = Affine(step, 0, west, 0, -step, north)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": shape[0], "width": shape[1]}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile):
        return path


def places(products: Path) -> set[tuple[Affine, tuple[int, int], str]]:
    """Transform, shape and system of all layers in a folder."""
    found = set()
    for path in products.glob("*.tif"):
        with rasterio.open(path) as dataset:
            found.add((dataset.transform, dataset.shape, dataset.crs.to_string()))
    return found


@pytest.fixture(scope="module")
def later(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Another pair of the same track, 24 days later, that lies a little aside."""
    product = inputs.reference.repeated(24, step=0.05)
    return write_inputs(tmp_path_factory.mktemp("later"), replace(product, longitude=product.longitude + 0.01))


@pytest.fixture
def like(inputs: Inputs, tmp_path: Path) -> Path:
    """A raster over most of the scenes, whose origin is no multiple of its posting: nothing else can tell it."""
    west, _, _, north = SlcManager(inputs.scenes).plan(None, "auto").bounds
    return blank(tmp_path / "like.tif", west + 0.0203, north - 0.0107, 0.0037, (40, 70))


def test_different_pairs_get_one_grid(inputs: Inputs, later: Inputs, like: Path, tmp_path: Path) -> None:
    """Also with other looks, and over another area: cell by cell they are the same places."""
    pytest.importorskip("eos")
    grid = read_grid(like)
    west, south, east, north = grid.bounds
    part = f"{west} {south} {(west + east) / 2} {(south + north) / 2}"

    def planned(given: Inputs, **more: object) -> RunPlan:
        values = {"slc.files": [str(path) for path in given.scenes], "orbits.dir": str(given.orbits)}
        values |= {"dem.file": str(given.dem), "dem.datum": "ellipsoid", "looks": "1x1", "engine": "eos"}
        return plan_run(request_of(build_config(None, values | more)), tmp_path / "cache")

    plans = [
        planned(given, **{"grid.like": str(like)} | more)
        for given in (inputs, later)
        for more in ({}, {"looks": "2x1"}, {"roi": part})
    ]
    assert {plan.grid for plan in plans} == {grid}
    assert len({plan.slc.bounds for plan in plans}) > 1
    # the ground of the raster is the area, where none is given
    assert plans[0].roi is not None
    assert plans[0].roi.bounds == pytest.approx(grid.bounds)
    assert planned(inputs).grid != grid


@pytest.mark.long
def test_maps_of_different_pairs_lie_on_one_grid(
    inputs: Inputs, later: Inputs, like: Path, dinsar: Dinsar, tmp_path: Path
) -> None:
    pytest.importorskip("eos")

    def products(given: Inputs, name: str, grid_like: Path) -> Path:
        folders = ("--workdir", tmp_path / name, "--cache", tmp_path / "cache", "--grid-like", grid_like)
        done = dinsar("run", *given.options(engine="eos"), *folders, "-q")
        assert done.code == 0, done.err
        (folder,) = (tmp_path / name).glob("T*")
        return folder / "products"

    with rasterio.open(like) as dataset:
        wanted = {(dataset.transform, dataset.shape, "EPSG:4326")}
    first = products(inputs, "first", like)
    # the map of the first pair tells the grid to the second
    second = products(later, "later", first / "los_displacement.tif")
    assert places(first) == places(second) == wanted
    for folder in (first, second):
        with rasterio.open(folder / "wrapped_phase.tif") as dataset:
            assert np.isfinite(dataset.read(1)).mean() > 0.2


@pytest.mark.parametrize("option", ["--grid-like", "plan"])
def test_what_gives_no_grid_is_refused(
    refused: Refusal, dinsar: Dinsar, inputs: Inputs, tmp_path: Path, option: str
) -> None:
    west, _, east, north = inputs.reference.bounds
    cases: dict[Path, tuple[int, str]] = {
        tmp_path / "none.tif": (USAGE, "no such file"),
        tmp_path: (USAGE, "folder"),
        inputs.scenes[0]: (USAGE, inputs.scenes[0].name),
        blank(tmp_path / "feet.tif", 6e6, 2.1e6, 90, (20, 20), "EPSG:2227"): (USAGE, "EPSG:2227"),
        blank(tmp_path / "fine.tif", west, north, 1e-6, (20, 20)): (USAGE, "1e-05"),
        blank(tmp_path / "coarse.tif", west - 2, north + 2, 2, (20, 20)): (USAGE, "degrees"),
        blank(tmp_path / "beside.tif", east + 3, north, 0.001, (20, 20)): (NO_DATA, "beside the grid"),
        blank(tmp_path / "zone.tif", 5e5, 3.4e6, 90, (20, 20), "EPSG:32650"): (NO_DATA, "beside the grid"),
    }
    for path, (code, named) in cases.items():
        if option == "plan":
            check_refusal(
                dinsar("plan", *inputs.options(grid_like=path), "--cache", tmp_path / "c"), code, named, path
            )
        else:
            refused(code, named, path, grid_like=path)


def test_a_grid_is_taken_or_made_not_both(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    west, _, _, north = inputs.reference.bounds
    like = blank(tmp_path / "like.tif", west, north, 0.001, (20, 20))
    refused(USAGE, "grid.posting", grid_like=like, posting=0.001)
    refused(USAGE, "grid.crs", grid_like=like, crs="EPSG:4326")


def test_an_area_beside_the_grid_is_refused(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    west, south, east, north = SlcManager(inputs.scenes).plan(None, "auto").bounds
    like = blank(tmp_path / "like.tif", east - 0.05, south + 0.05, 0.001, (20, 20))
    middle = (west + east) / 2
    refused(NO_DATA, "--roi", like, grid_like=like, roi=f"{west} {south} {middle} {north}")
    # area and grid meet, but where no scene is
    beside = blank(tmp_path / "beside.tif", east + 0.2, north, 0.001, (20, 20))
    refused(NO_DATA, "beside the grid", beside, grid_like=beside, roi=f"{middle} {south} {east + 0.5} {north}")


def test_a_raster_that_the_run_itself_removes_is_refused(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    west, _, _, north = inputs.reference.bounds
    pair = SlcManager(inputs.scenes).plan(None, "auto").pair.name
    products = refused.workdir / pair / "products"
    products.mkdir(parents=True, exist_ok=True)
    like = blank(products / "coherence.tif", west, north, 0.001, (200, 200))
    refused(USAGE, "makes again", like, grid_like=like)


def test_nothing_is_searched_when_there_is_no_grid(dinsar: Dinsar, tmp_path: Path) -> None:
    """Without a network: a search would end with exit code 5."""
    dates = ("--start", "2023-09-01", "--end", "2023-09-30", "--workdir", tmp_path / "w", "--cache", tmp_path / "c")
    check_refusal(dinsar("run", *dates, "--grid-like", tmp_path / "none.tif"), USAGE, "none.tif")
    like = blank(tmp_path / "like.tif", -8.9, 31.5, 0.001, (20, 20))
    outcome = dinsar("run", *dates, "--grid-like", like, "--roi", "10 45 11 46")
    check_refusal(outcome, NO_DATA, "--roi", like)


def test_the_file_of_a_configuration_names_it(dinsar: Dinsar, inputs: Inputs, like: Path, tmp_path: Path) -> None:
    """Relative to the file; and what is wrong with it is told by every command that reads it."""
    (tmp_path / "a.yaml").write_text("grid: {like: like.tif}\n")
    given = inputs.options(engine="eos")
    done = dinsar("plan", tmp_path / "a.yaml", *given, "--cache", tmp_path / "c", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["grid"]
    with rasterio.open(like) as dataset:
        assert (found["west"], found["north"], found["posting"]) == (*dataset.bounds[::3], dataset.transform.a)
    (tmp_path / "b.yaml").write_text("grid: {like: none.tif}\n")
    check_refusal(dinsar("plan", tmp_path / "b.yaml", *given), USAGE, tmp_path / "none.tif")
    check_refusal(dinsar("search", tmp_path / "b.yaml", "--start", "2023-09-01"), USAGE, tmp_path / "none.tif")
