"""Layers of two runs in one folder are refused by all who would read them together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio

from dinsar_cli.errors import UsageError
from dinsar_cli.products.one_run import check_one_run
from dinsar_cli.products.reader import Products
from support.command import Outcome
from support.report_inputs import PAIR, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / PAIR)


def tag(path: Path, **tags: str) -> None:
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.update_tags(**tags)


def check(folder: Path) -> None:
    with Products() as files:
        check_one_run(folder / "products", files)


def test_one_run_is_one_run(folder: Path) -> None:
    check(folder)


@pytest.mark.parametrize(
    ("layer", "tags"),
    [
        ("coherence", {"reference_date": "2020-01-01T00:00:00"}),
        ("incidence_angle", {"engine": "another"}),
        ("unwrapped_phase", {"wavelength_m": "0.031"}),
        ("los_sigma", {"reference_point": "1.0,2.0"}),
    ],
)
@pytest.mark.parametrize("command", ["report", "export"])
def test_a_layer_of_another_run_is_named(
    folder: Path, layer: str, tags: dict[str, str], command: str, dinsar: Callable[..., Outcome]
) -> None:
    tag(folder / "products" / f"{layer}.tif", **tags)
    with pytest.raises(UsageError, match=f"{layer}.tif"):
        check(folder)
    outcome = dinsar(command, folder, *(["--format", "qgis"] if command == "export" else []))
    assert outcome.code == 2
    assert "not of one run" in outcome.err
    assert f"{layer}.tif" in outcome.err
    assert "dinsar run" in outcome.err


def test_a_map_that_is_compared_is_of_one_run(folder: Path, dinsar: Callable[..., Outcome]) -> None:
    los = folder / "products" / "los_displacement.tif"
    shutil.rmtree(folder / "radar")
    assert dinsar("compare", folder, los).code == 0
    tag(folder / "products" / "los_sigma.tif", reference_date="2020-01-01T00:00:00")
    outcome = dinsar("compare", folder, los)
    assert outcome.code == 2
    assert "los_sigma.tif" in outcome.err


def test_the_point_of_layers_that_have_none_is_not_asked(folder: Path) -> None:
    tag(folder / "products" / "coherence.tif", reference_point="none")
    check(folder)


def test_layers_of_other_programs_need_no_tags(folder: Path, tmp_path: Path) -> None:
    products = folder / "products"
    with rasterio.open(products / "coherence.tif") as file:
        values, profile = file.read(), file.profile
    shutil.move(products / "coherence.tif", tmp_path / "coherence.tif")
    with rasterio.open(products / "coherence.tif", "w", **{**profile, "driver": "GTiff"}) as file:
        file.write(values)
    check(folder)
