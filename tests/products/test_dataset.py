"""Products as a dataset: values, places, units and signs as in the files, read late; and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli import open_products
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats import product_facts, write_formats
from dinsar_cli.installation import install_command
from dinsar_cli.products.layers import LAYERS, write_products
from support.look_inputs import METRES as LOOK_METRES
from support.look_inputs import ascending_sight, descending_sight, write_look
from support.safe_factory import quietly
from support.view_inputs import DEGREES, METRES, arrays_on, make_products

xr = pytest.importorskip("xarray")
pytest.importorskip("rioxarray")

UNITS = {"m": "m", "rad": "radian", "1": "1", "degree": "degree", "dB": "1"}


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "utm"])
def test_every_layer_is_there_with_its_place_unit_and_sign(tmp_path: Path, grid) -> None:
    made = make_products(tmp_path / "T052D_20230904_20230916", grid)
    with open_products(made.folder) as dataset:
        np.testing.assert_allclose(dataset.x, grid.x_centres, rtol=0, atol=grid.posting * 1e-6)
        np.testing.assert_allclose(dataset.y, grid.y_centres, rtol=0, atol=grid.posting * 1e-6)
        assert dataset.rio.crs.to_string() == grid.crs
        assert dataset.x.attrs["units"] == ("degrees_east" if grid.is_geographic else "metre")
        count = 0
        for name, layer in LAYERS.items():
            values = np.atleast_3d(made.arrays[name].T).T
            for number, band in enumerate(layer.bands):
                found = dataset[name if len(layer.bands) == 1 else f"{name}_{band}"]
                count += 1
                np.testing.assert_array_equal(found, values[number])
                assert found.dims == ("y", "x")
                assert found.dtype == layer.dtype
                assert found.attrs["units"] == UNITS[layer.unit]
                assert layer.description in found.attrs["long_name"]
                assert found.attrs.get("sign", "") == layer.sign
                assert found.rio.crs.to_string() == grid.crs
                assert tuple(found.rio.transform())[:6] == pytest.approx(tuple(grid.transform)[:6], rel=1e-12)
        assert len(dataset.data_vars) == count
        assert dataset.attrs["reference_date"].startswith("2023-09-04")
        assert dataset.attrs["perpendicular_baseline_m"] == "80.01"


def test_values_are_read_when_they_are_used_and_files_are_let_go(tmp_path: Path) -> None:
    made = make_products(tmp_path / "T052D_20230904_20230916")
    dataset = open_products(made.folder / "products")
    assert not any(
        variable._in_memory for variable in dataset.data_vars.values() for variable in [variable.variable]
    )
    piece = dataset.coherence[10:20, 10:20].load()
    np.testing.assert_array_equal(piece, made.arrays["coherence"][10:20, 10:20])
    assert not dataset.coherence.variable._in_memory
    dataset.close()
    np.testing.assert_array_equal(piece, made.arrays["coherence"][10:20, 10:20])


def test_netcdf_of_the_run_has_the_same_names_and_values(tmp_path: Path) -> None:
    made = make_products(tmp_path / "T052D_20230904_20230916", wavelength_m="0.0554657")
    folder = made.folder / "products"
    write_formats(product_facts(folder, made.folder.name, {}), ["netcdf"])
    with (
        open_products(made.folder) as dataset,
        xr.open_dataset(folder / "displacement.nc", engine="h5netcdf", decode_coords="all") as written,
    ):
        assert set(dataset.data_vars) == set(written.data_vars) - {"time_bounds"}
        for name in dataset.data_vars:
            np.testing.assert_array_equal(dataset[name], written[name])
            assert dataset[name].attrs["long_name"] == written[name].attrs["long_name"]
            assert dataset[name].attrs["units"] == written[name].attrs["units"]


def test_decomposition_opens_too(tmp_path: Path) -> None:
    from dinsar_cli.compare.decompose import decompose
    from dinsar_cli.compare.decompose_files import write_decomposition

    ascending = write_look(tmp_path / "T147A", LOOK_METRES, ascending_sight(LOOK_METRES))
    descending = write_look(tmp_path / "T052D", LOOK_METRES, descending_sight(LOOK_METRES))
    write_decomposition(decompose(ascending, descending), tmp_path / "both")
    with open_products(tmp_path / "both") as dataset, rasterio.open(tmp_path / "both" / "east.tif") as file:
        assert {"east", "up"} <= set(dataset.data_vars)
        assert dataset.east.attrs["units"] == "m"
        assert dataset.east.attrs["sign"].startswith("positive east")
        assert "north" in dataset.attrs["assumption"]
        np.testing.assert_array_equal(dataset.east, file.read(1))


def test_saved_part_can_be_read_again(tmp_path: Path) -> None:
    made = make_products(tmp_path / "T052D_20230904_20230916", METRES)
    with open_products(made.folder) as dataset:
        dataset[["los_displacement", "coherence"]].to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "part.nc", engine="h5netcdf", decode_coords="all") as again:
        np.testing.assert_array_equal(again.los_displacement, made.arrays["los_displacement"])
        assert again.rio.crs.to_string() == METRES.crs


# What is refused


def refused(kind: type[Exception], folder: Path) -> str:
    with pytest.raises(kind) as caught:
        open_products(folder)
    assert len(str(caught.value).splitlines()) == 3
    return str(caught.value)


def test_folder_without_products(tmp_path: Path) -> None:
    assert "no folder" in refused(UsageError, tmp_path / "nowhere")
    assert "no products" in refused(NoDataError, tmp_path)
    (tmp_path / "run.json").write_text("{}")
    assert "not finished" in refused(NoDataError, tmp_path)


def test_folder_of_several_pairs_names_them(tmp_path: Path) -> None:
    for name in ("T052D_20230904_20230916", "T052D_20230916_20230928"):
        make_products(tmp_path / name)
    text = refused(UsageError, tmp_path)
    assert "T052D_20230904_20230916, T052D_20230916_20230928" in text


def test_broken_file_other_grid_and_lost_projection_are_named(tmp_path: Path) -> None:
    made = make_products(tmp_path / "T052D_20230904_20230916")
    coherence = made.folder / "products" / "coherence.tif"
    whole = coherence.read_bytes()
    coherence.write_bytes(b"II*\0")
    assert "coherence.tif cannot be read" in refused(UsageError, made.folder)
    write_products(coherence.parent, {"coherence": arrays_on(METRES)["coherence"]}, METRES, {})
    assert "another grid" in refused(UsageError, made.folder)
    coherence.write_bytes(whole)
    profile = {"driver": "GTiff", "width": 60, "height": 90, "count": 1, "dtype": "float32"}
    with quietly(), rasterio.open(coherence.parent / "ramp.tif", "w", **profile) as file:
        file.write(np.zeros((90, 60), np.float32), 1)
    assert "ramp.tif has no place on the map" in refused(UsageError, made.folder)


def test_map_without_tags_opens_with_a_warning_and_claims_no_unit(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 60, "height": 90, "count": 1, "dtype": "float32", "crs": METRES.crs}
    with rasterio.open(tmp_path / "los_displacement.tif", "w", transform=METRES.transform, **profile) as file:
        file.write(np.full((90, 60), 0.1, np.float32), 1)
    with pytest.warns(UserWarning, match="unit and sign are not known"):
        dataset = open_products(tmp_path)
    assert set(dataset.los_displacement.attrs) & {"units", "sign", "long_name"} == set()
    dataset.close()


def test_missing_package_is_named_with_the_command(tmp_path: Path) -> None:
    """In a Python in which rioxarray cannot be found."""
    code = (
        "import sys; sys.modules['rioxarray'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'rioxarray' else find(name, *rest)\n"
        "from dinsar_cli import DinsarError, open_products\n"
        f"try: open_products({str(tmp_path)!r})\nexcept DinsarError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "rioxarray" in done.stdout
    assert f"Install it with: {install_command('notebook')}" in done.stdout
