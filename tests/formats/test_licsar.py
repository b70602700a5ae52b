"""LiCSAR's layout: by its own files, and read by kite and LiCSBAS, each in a Python of its own that has GDAL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats import ProductFacts, check_products, check_together, product_facts, write_formats
from dinsar_cli.formats import write_together as write
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_cog
from support.command import Outcome
from support.format_inputs import AZIMUTH, INCIDENCE, MARK, RECORD, TAGS, VALUE, WAVELENGTH, Made, make
from support.refusal import check_refusal
from support.view_inputs import DEGREES

DATES = ("20230904", "20230916")
PAIR = "_".join(DATES)
DAYS = ("2023-09-04", "2023-09-16", "2023-09-28")
Dinsar = Callable[..., Outcome]

_KITE = """
import json, sys
import numpy as np
from kite import Scene
scene = Scene.import_data(sys.argv[1])
np.savez(sys.argv[2], los=np.flipud(scene.displacement), phi=np.flipud(scene.phi), theta=np.flipud(scene.theta),
         west=scene.frame.llLon, south=scene.frame.llLat, east=scene.frame.dE, north=scene.frame.dN)
"""


def program(variable: str, modules: str) -> str:
    """Python that a variable names, or this one, when it has some modules."""
    python = os.environ.get(variable, sys.executable)
    found = subprocess.run([python, "-c", f"import {modules}"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"a Python with {modules} is not there (set {variable})")
    return python


def run(command: Sequence[object], folder: Path, **more: str) -> None:
    home = {"HOME": str(folder), "MPLCONFIGDIR": str(folder), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | home | more,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def values_of(path: Path) -> NDArray[np.floating]:
    with rasterio.open(path) as file:
        assert file.crs == "EPSG:4326"
        return file.read(1, masked=True).astype(np.float64).filled(np.nan)


def at_mark(path: Path, made: Made) -> float:
    """Value where the marked pixel is."""
    x, y = made.grid.to_lonlat(*(np.array([part]) for part in made.centre))
    with rasterio.open(path) as file:
        return float(next(file.sample([(x[0], y[0])]))[0])


def test_phase_is_positive_away_and_direction_is_in_both_places(made: Made) -> None:
    """On a grid of UTM the marked pixel, 5 m, is mixed with its neighbours: most of it is left."""
    check_products(made.facts, ["licsar"])
    (files,) = write_formats(made.facts, ["licsar"]).values()
    root = files[0].parent
    assert (files[0].name, root.name) == ("metadata.txt", "GEOC")
    toward = -at_mark(root / PAIR / f"{PAIR}.geo.unw.tif", made) * WAVELENGTH / (4 * np.pi)
    assert toward == pytest.approx(VALUE, rel=1e-6) if made.grid.is_geographic else 0.4 * VALUE < toward < VALUE
    incidence, azimuth = np.radians(INCIDENCE), np.radians(AZIMUTH)
    east, north = np.sin(incidence) * np.sin(azimuth), np.sin(incidence) * np.cos(azimuth)
    for folder in (root, root / PAIR):  # LiCSBAS takes the first, kite the other, and each wants exactly one
        for letter, expected in zip("ENU", (east, north, np.cos(incidence)), strict=True):
            (path,) = folder.glob(f"*.geo.{letter}.tif")
            assert at_mark(path, made) == pytest.approx(expected, abs=1e-6)
    assert len(list(root.glob("*.geo.hgt.tif"))) == len(list(root.glob("*.geo.mli.tif"))) == 1
    lines = dict(line.split("=") for line in (root / "metadata.txt").read_text().splitlines())
    assert lines["master"] == DATES[0]
    assert lines["center_time"] == "06:37:36.500000"
    assert float(lines["heading"]) == pytest.approx(AZIMUTH + 90 - 360, abs=1e-3)
    assert float(lines["avg_incidence_angle"]) == pytest.approx(INCIDENCE, abs=1e-3)


def test_coherence_is_a_byte_and_zero_is_no_data(tmp_path: Path) -> None:
    made = make(tmp_path / "products", DEGREES)
    los = made.arrays["los_displacement"].copy()
    los[30, 30] = 0.0  # as at the reference point
    write_cog(made.facts.rasters["los_displacement"], los, DEGREES, LAYERS["los_displacement"], TAGS)
    root = write_formats(made.facts, ["licsar"])["licsar"][0].parent
    with rasterio.open(root / PAIR / f"{PAIR}.geo.cc.tif") as file:
        assert file.dtypes == ("uint8",)
        coherence = file.read(1)
    expected = np.rint(np.nan_to_num(made.arrays["coherence"]) * 255)
    np.testing.assert_array_equal(coherence, expected)
    phase = values_of(root / PAIR / f"{PAIR}.geo.unw.tif")
    np.testing.assert_array_equal(np.isnan(phase), np.isnan(los))
    assert abs(phase[30, 30]) < 1e-9


@pytest.mark.parametrize(
    "grid",
    [
        Grid("EPSG:32629", 500_000.0, 3_500_000.0, 90.0, 60, 90),
        Grid("EPSG:5514", -750_000.0, -1_040_010.0, 90.0, 60, 90),
    ],
    ids=["utm", "krovak"],
)
def test_metres_meet_the_map_on_smooth_ground(grid: Grid, tmp_path: Path) -> None:
    """A plane survives bilinear resampling within a hundredth of what it changes from pixel to pixel."""
    made = make(tmp_path / "products", grid)
    row, column = np.mgrid[: grid.height, : grid.width]
    plane = (0.001 * row + 0.002 * column).astype(np.float32)
    write_cog(made.facts.rasters["los_displacement"], plane, grid, LAYERS["los_displacement"], TAGS)
    root = write_formats(made.facts, ["licsar"])["licsar"][0].parent
    with rasterio.open(root / PAIR / f"{PAIR}.geo.unw.tif") as file:
        toward = -file.read(1, masked=True).astype(np.float64).filled(np.nan) * WAVELENGTH / (4 * np.pi)
        rows, columns = np.nonzero(np.isfinite(toward))
        x, y = file.xy(rows, columns)
    places = np.array([grid.from_lonlat(*place) for place in zip(x[::97], y[::97], strict=True)])
    at_column, at_row = (places[:, 0] - grid.west) / 90 - 0.5, (grid.north - places[:, 1]) / 90 - 0.5
    inside = (at_row > 0) & (at_row < grid.height - 1) & (at_column > 0) & (at_column < grid.width - 1)
    assert inside.sum() > 50
    expected = 0.001 * at_row + 0.002 * at_column
    np.testing.assert_allclose(toward[rows, columns][::97][inside], expected[inside], atol=2e-5)


def test_without_a_direction_nothing_is_written(tmp_path: Path) -> None:
    made = make(tmp_path / "products", DEGREES)
    made.facts.rasters["los_vector"].unlink()
    facts = product_facts(made.facts.folder, made.facts.name, RECORD)
    with pytest.raises(NoDataError, match="licsar") as refused:
        check_products(facts, ["licsar"])
    assert "los_vector" in refused.value.cause


def stack_on(folder: Path, grid: Grid = DEGREES) -> list[Made]:
    """Maps of three dates that close: 1-2, 2-3 and 1-3."""
    parts = []
    for first, second in (*pairwise(DAYS), (DAYS[0], DAYS[2])):
        name = f"T052D_{first.replace('-', '')}_{second.replace('-', '')}"
        made = make(folder / name / "products", grid)
        tags = TAGS | {"reference_date": f"{first}T06:37:36", "secondary_date": f"{second}T06:37:36"}
        y, x = np.mgrid[: grid.height, : grid.width]
        bowl = 0.02 * np.exp(-((x - 30) ** 2 + (y - 45) ** 2) / 200)
        los = (bowl * {DAYS[1]: 1, DAYS[2]: 3}[second] - bowl * (first == DAYS[1])).astype(np.float32)
        for layer in made.facts.rasters:
            values = los if layer == "los_displacement" else made.arrays[layer]
            baseline = {PAIR: 40, "20230916_20230928": -65, "20230904_20230928": -25}[name[6:]]
            text = tags | {"perpendicular_baseline_m": f"{baseline}"}
            write_cog(made.facts.rasters[layer], values, grid, LAYERS[layer], text)
        facts = product_facts(made.facts.folder, name, RECORD)
        parts.append(Made(facts, made.arrays | {"los_displacement": los}))
    return parts


def test_many_dates_are_one_set(tmp_path: Path) -> None:
    every = [made.facts for made in stack_on(tmp_path)]
    check_together(every, ["licsar"], tmp_path, again=False)
    files = write(every, ["licsar"], tmp_path)["licsar"]
    root = tmp_path / "GEOC"
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [
        "20230904_20230916",
        "20230904_20230928",
        "20230916_20230928",
    ]
    assert {path.suffix for path in files} == {".tif", ".txt", ""}
    assert (root / "baselines").read_text().splitlines() == [
        "20230904 20230916 40.00 12",
        "20230904 20230928 -25.00 24",
    ]
    with pytest.raises(UsageError, match="cannot be written into") as refused:
        check_together(every, ["licsar"], tmp_path, again=False)
    assert "GEOC is there already" in refused.value.cause
    # again with less: the pair that is gone does not stay
    write(every[:1], ["licsar"], tmp_path)
    assert [path.name for path in root.iterdir() if path.is_dir()] == [PAIR]


def test_other_grids_dates_and_tracks_are_refused(tmp_path: Path) -> None:
    one = make(tmp_path / "a" / "T052D_20230904_20230916" / "products", DEGREES).facts
    elsewhere = Grid("EPSG:4326", DEGREES.west, DEGREES.north, DEGREES.posting, DEGREES.width - 1, DEGREES.height)
    other = make(tmp_path / "b" / "T052D_20230904_20230928" / "products", elsewhere).facts
    with pytest.raises(UsageError) as refused:
        check_together([one, other], ["licsar"], tmp_path, again=False)
    assert "another grid" in refused.value.cause
    assert f"--grid-like {one.rasters['los_displacement']}" in refused.value.remedy
    twice = make(tmp_path / "c" / "T052D_20230904_20230916" / "products", DEGREES)
    with pytest.raises(UsageError) as refused:
        check_together([one, twice.facts], ["licsar"], tmp_path, again=False)
    assert "same dates" in refused.value.cause
    tags = TAGS | {"secondary_date": "2023-09-28T06:37:37"}
    for layer, path in twice.facts.rasters.items():
        values = twice.arrays[layer] * ([[[-1]], [[1]], [[1]]] if layer == "los_vector" else 1)
        write_cog(path, values.astype(LAYERS[layer].dtype), DEGREES, LAYERS[layer], tags)
    turned = product_facts(twice.facts.folder, "T125A_20230904_20230928", RECORD)
    with pytest.raises(UsageError) as refused:
        check_together([one, turned], ["licsar"], tmp_path, again=False)
    assert "another direction" in refused.value.cause


def test_the_command_puts_all_maps_into_one_set(dinsar: Dinsar, tmp_path: Path) -> None:
    """With --into there, of a stack also in its own folder, where the set is made again as its maps are."""
    stack = tmp_path / "stack"
    stack_on(stack / "pairs")
    (stack / "stack.json").write_text("{}")
    for folder in (stack / "pairs").iterdir():
        record = {"schema_version": 1, **RECORD, "stages": {"displacement": {"fingerprint": "a", "files": []}}}
        (folder / "run.json").write_text(json.dumps(record))
    out = tmp_path / "out"
    outcome = dinsar("export", stack, "--format", "licsar", "--format", "range_change", "--into", out)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[0] == str(out / "GEOC" / "metadata.txt")
    assert len(list(out.glob("GEOC/*_*/*.geo.unw.tif"))) == len(list(out.glob("T052D_*/range_change.tif"))) == 3
    check_refusal(dinsar("export", stack, "--format", "licsar", "--into", out), 2, "GEOC is there already")
    for _ in range(2):
        outcome = dinsar("export", stack, "--format", "licsar")
        assert outcome.code == 0, outcome.err
        assert outcome.out.splitlines() == [str(stack / "GEOC" / "metadata.txt")]


def test_kite_reads_displacement_and_direction(made: Made, tmp_path: Path) -> None:
    """Its wavelength is a constant of its own, which differs in the eighth digit."""
    python = program("DINSAR_KITE_PYTHON", "kite, osgeo.gdal_array")
    root = write_formats(made.facts, ["licsar"])["licsar"][0].parent
    phase = root / PAIR / f"{PAIR}.geo.unw.tif"
    run([python, "-c", _KITE, phase, tmp_path / "read.npz"], tmp_path)
    read = np.load(tmp_path / "read.npz")
    ours = -values_of(phase) * WAVELENGTH / (4 * np.pi)
    np.testing.assert_allclose(read["los"], ours, rtol=1e-6, atol=1e-8)
    if made.grid.is_geographic:
        np.testing.assert_allclose(read["los"], made.arrays["los_displacement"], rtol=1e-6, atol=1e-8)
        place = read["west"], read["south"] + made.grid.height * read["north"], read["east"]
        assert place == pytest.approx((made.grid.west, made.grid.north, made.grid.posting), abs=1e-9)
    # kite: phi counterclockwise from east, theta above the horizon, both of the direction to the satellite
    row, column = (size // 2 for size in read["phi"].shape)
    assert np.degrees(read["phi"][row, column]) == pytest.approx(90 - AZIMUTH, abs=1e-3)
    assert np.degrees(read["theta"][row, column]) == pytest.approx(90 - INCIDENCE, abs=1e-3)


@pytest.fixture
def licsbas() -> tuple[str, Path]:
    """Python with GDAL and what LiCSBAS needs, and the folder of LiCSBAS."""
    folder = os.environ.get("DINSAR_LICSBAS")
    if not folder or not (Path(folder) / "bin" / "LiCSBAS02_ml_prep.py").is_file():
        pytest.skip("LiCSBAS is not there (set DINSAR_LICSBAS to its folder)")
    return program("DINSAR_LICSBAS_PYTHON", "osgeo.gdal_array, h5py, statsmodels, astropy"), Path(folder)


@pytest.mark.long
def test_licsbas_makes_its_series_of_a_stack(licsbas: tuple[str, Path], tmp_path: Path) -> None:
    """From its preparation to the displacement of dates, which is ours in millimetres."""
    import h5py

    python, folder = licsbas
    pairs = stack_on(tmp_path / "maps")
    write([made.facts for made in pairs], ["licsar"], tmp_path)
    paths = {"PYTHONPATH": str(folder / "LiCSBAS_lib"), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for step in (
        ("LiCSBAS02_ml_prep.py", "-i", "GEOC", "-o", "GEOCml1"),
        ("LiCSBAS11_check_unw.py", "-d", "GEOCml1", "-t", "TS"),
        ("LiCSBAS12_loop_closure.py", "-d", "GEOCml1", "-t", "TS"),
        ("LiCSBAS13_sb_inv.py", "-d", "GEOCml1", "-t", "TS", "--n_unw_r_thre", "0.5"),
    ):
        run([python, folder / "bin" / step[0], *step[1:]], tmp_path, **paths)
    for made in pairs:
        dates = made.facts.name[6:]
        phase = np.fromfile(tmp_path / "GEOCml1" / dates / f"{dates}.unw", np.float32).reshape(DEGREES.shape)
        toward = -phase * WAVELENGTH / (4 * np.pi)
        np.testing.assert_allclose(toward, made.arrays["los_displacement"], rtol=1e-6, atol=1e-8)
        coherence = np.fromfile(tmp_path / "GEOCml1" / dates / f"{dates}.cc", np.uint8).reshape(DEGREES.shape)
        np.testing.assert_array_equal(coherence, np.rint(np.nan_to_num(made.arrays["coherence"]) * 255))
    with h5py.File(tmp_path / "TS" / "cum.h5") as series:
        assert series["imdates"][:].tolist() == [20230904, 20230916, 20230928]
        np.testing.assert_allclose(series["bperp"][:], [0, 40, -25])
        moved = series["cum"][2] - series["cum"][0]
        corner = float(series["corner_lon"][()]), float(series["corner_lat"][()])
        up = series["U.geo"][MARK]
    expected = pairs[2].arrays["los_displacement"] * 1000
    rest = moved - expected
    assert np.isfinite(moved).mean() > 0.9
    assert np.nanmax(rest) - np.nanmin(rest) < 1e-3  # mm; its zero is its own
    assert corner == pytest.approx((DEGREES.west + DEGREES.posting / 2, DEGREES.north - DEGREES.posting / 2))
    assert up == pytest.approx(np.cos(np.radians(INCIDENCE)), abs=1e-6)


def test_what_an_earlier_set_left_goes_and_other_files_stay(made: Made) -> None:
    facts: ProductFacts = made.facts
    root = write_formats(facts, ["licsar"])["licsar"][0].parent
    own = root / PAIR / "notes.txt"
    own.write_text("mine")
    old = root / "20200101_20200113"
    old.mkdir()
    (old / "20200101_20200113.geo.unw.tif").write_bytes(b"old")
    write_formats(facts, ["licsar"])
    assert own.read_text() == "mine"
    assert not old.exists()
