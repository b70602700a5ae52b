"""``dinsar view``: which program shows the products, and what stands in the page that it opens."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.drawing.viewers import has_display
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_products
from dinsar_cli.report.page_layers import MOST_CELLS, shown_shape
from support.command import Outcome, run_apart
from support.page_inputs import EVIL, METRES_TO
from support.refusal import NO_DATA, RESOURCES, USAGE, check_refusal, cut, snapshot
from support.view_inputs import DEGREES, METRES, PAIR, Shown, finish, make_products
from support.web_map_values import values_of


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return make_products(tmp_path / "work" / PAIR)


def data_of(page: Path) -> dict[str, Any]:
    """What the script of a page gets."""
    (text,) = re.findall(
        r'<script type="application/json" id="map-data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    data: dict[str, Any] = json.loads(text)
    return data


# --- the page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_page_holds_the_rasters(grid: Grid, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    shown = make_products(tmp_path / PAIR, grid)
    outcome = dinsar("view", shown.folder, "--no-open")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{shown.page}\n", "")
    layers = data_of(shown.page)["layers"]
    assert layers[0]["name"] == "los_displacement"
    bands = {name: layer.bands for name, layer in LAYERS.items()}
    wanted = {n if len(b) == 1 else f"{n}.{band}" for n, b in bands.items() for band in b}
    assert {layer["name"] for layer in layers} == wanted
    for layer in layers:
        product, _, band = layer["name"].partition(".")
        with rasterio.open(shown.folder / "products" / f"{product}.tif") as file:
            raster = file.read(bands[product].index(band) + 1 if band else 1, masked=True)
        raster = raster.astype(float).filled(np.nan)
        if product != "elevation":
            raster *= METRES_TO.get(layer["unit"], 1.0)
        half_step = 0.5 / 10 ** layer["decimals"] + 1e-6
        np.testing.assert_allclose(values_of(layer, grid.shape, layers), raster, atol=half_step, rtol=1e-6)


def test_page_says_what_it_shows(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    finish(shown.folder, warnings=("The lake may be wrong.",))
    (shown.folder / "products" / "displacement.png").write_bytes(b"a picture")
    dinsar("view", shown.folder, "--no-open")
    text = html.unescape(shown.page.read_text(encoding="utf-8"))
    for words in (
        PAIR,
        "from 2023-09-04 to 2023-09-16",
        "positive toward the satellite",
        "2023-09-04 06:37:14 UTC",
        "80.01 m",
        "The lake may be wrong.",
    ):
        assert words in text
    lon, lat = shown.grid.lonlat(20, 30)
    assert f"{lon:.5f}, {lat:.5f} (lon, lat)" in text
    np.testing.assert_allclose(data_of(shown.page)["reference"], (lon, lat), atol=1e-6)
    links = {link for link in re.findall(r'href="([^"]*)"', text) if "." in link}
    assert links == {f"./{path.name}" for path in (shown.folder / "products").iterdir() if path != shown.page}


def test_page_without_reference_point_or_tags(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    none = make_products(tmp_path / "none", point="none")
    dinsar("view", none.folder, "--no-open")
    assert data_of(none.page)["reference"] is None
    assert "a constant in it is unknown" in none.page.read_text(encoding="utf-8")
    bare = tmp_path / "bare"
    bare.mkdir()
    write_products(bare, {"los_displacement": none.arrays["los_displacement"]}, none.grid, {})
    assert dinsar("view", bare, "--no-open").code == 0
    assert [layer["name"] for layer in data_of(bare / "report.html")["layers"]] == ["los_displacement"]


def test_page_has_no_external_address(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    dinsar("view", shown.folder, "--no-open")
    text = shown.page.read_text(encoding="utf-8")
    text = re.sub(r'src="data:image/png;base64,[A-Za-z0-9+/=]*"', "", text)
    text = re.sub(r'"data": ?"[A-Za-z0-9+/=]*"', "", text)
    assert not re.search(r"(?i)https?:|ftp:|//[a-z0-9-]+\.[a-z]|@import|\burl\(|src=", text)
    assert "default-src 'none'" in text


def test_names_and_tags_are_text(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    shown = make_products(tmp_path / EVIL.replace("/", ""), looks=EVIL, reference_date=EVIL, version=EVIL)
    finish(shown.folder, warnings=(EVIL,))
    (shown.folder / "products" / "a&<b> #?%41.txt").write_text("text")
    dinsar("view", shown.folder, "--no-open")
    text = shown.page.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img src=x" not in text
    assert EVIL in html.unescape(text)
    assert 'href="./a%26%3Cb%3E%20%23%3F%2541.txt"' in text


def test_data_in_the_page_cannot_end_its_script(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    dinsar("view", shown.folder, "--no-open")
    text = shown.page.read_text(encoding="utf-8")
    data = text.partition('id="map-data">')[2].partition("</script>")[0]
    assert not set("<>&'") & set(data)


def test_large_maps_are_shown_with_fewer_cells(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    grid = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 30.0, 2200, 1400)
    assert shown_shape(Grid("EPSG:4326", 0, 0, 0.1, 1000, 750)) == (750, 1000)
    rows, columns = shape = shown_shape(grid)
    assert 0.99 * MOST_CELLS <= rows * columns <= MOST_CELLS
    row, column = np.indices(grid.shape, dtype=np.float32)
    labels = np.where((row // 70 + column // 90) % 2, 2, 5).astype(np.uint16)
    layers = {"los_displacement": row / 1e5, "elevation": row + 2 * column, "connected_components": labels}
    write_products(tmp_path, layers, grid, {})
    dinsar("view", tmp_path, "--no-open")
    page = tmp_path / "report.html"
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert f"The map has 2200 x 1400 pixels and is shown here with {columns} x {rows} cells" in text
    _, components, elevation = data_of(page)["layers"]
    # The mean of a ramp over a cell is the ramp at its middle; half a unit is rounding, the rest GDAL's weights.
    y, x = (np.indices(shape) + 0.5) * np.array([1400 / rows, 2200 / columns])[:, None, None] - 0.5
    assert np.abs(values_of(elevation, shape) - (y + 2 * x)).max() <= 2
    assert set(np.unique(values_of(components, shape))) == {2, 5}


# --- which products ---------------------------------------------------------------------------------------------


def test_several_pairs_are_listed(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    other = make_products(shown.folder.parent / "T052D_20230916_20230928")
    broken = shown.folder.parent / "T052D_20230928_20231010"
    broken.mkdir()
    finish(broken, stages=("slc", "orbits"))
    outcome = dinsar("view", shown.folder.parent, "--no-open")
    overview = shown.folder.parent / "reports.html"
    assert outcome.out.splitlines() == [str(shown.page), str(other.page), str(overview)]
    assert "Warning" in outcome.err
    assert f"{broken.name}: Not done: dem, process, geocode, displacement, products, report." in outcome.err
    for name in (PAIR, other.folder.name):
        assert f'href="./{name}/products/report.html"' in overview.read_text(encoding="utf-8")


@pytest.mark.parametrize("below", ["", "products", "."])
def test_folders_of_a_pair(below: str, shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    assert dinsar("view", shown.folder / below, "--no-open").out == f"{shown.page}\n"


def test_products_that_were_copied(shown: Shown, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    shutil.copytree(shown.folder / "products", tmp_path / "copied")
    page = tmp_path / "copied" / "report.html"
    assert dinsar("view", tmp_path / "copied", "--no-open").out == f"{page}\n"
    assert "report.html<" not in page.read_text(encoding="utf-8")


def test_a_page_is_written_where_it_is_not_there_or_old(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    shown.page.write_text("that of the run", encoding="utf-8")
    assert dinsar("view", shown.folder, "--no-open").out == f"{shown.page}\n"
    assert shown.page.read_text(encoding="utf-8") == "that of the run"
    os.utime(shown.page, (1, 1))  # of another map, before a run that was stopped made this one
    dinsar("view", shown.folder, "--no-open")
    assert "Ground displacement" in shown.page.read_text(encoding="utf-8")
    assert "report.html<" not in shown.page.read_text(encoding="utf-8")


def test_the_folder_is_the_current_one_unless_given(shown: Shown) -> None:
    outcome = run_apart("view", "--no-open", before=("env", "-C", str(shown.folder.parent)))
    assert outcome.out == f"{shown.page}\n"


# --- what is refused --------------------------------------------------------------------------------------------


def refuse(outcome: Outcome, code: int, *named: object) -> None:
    check_refusal(outcome, code, *named)


def test_folder_without_products(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    refuse(dinsar("view", tmp_path), NO_DATA, tmp_path, "dinsar run")
    refuse(dinsar("view", tmp_path / "none"), USAGE, tmp_path / "none", "folder of a run")
    (tmp_path / "file").write_text("a file")
    refuse(dinsar("view", tmp_path / "file"), USAGE, "file")


def test_unfinished_run(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    """What an earlier run left is not shown: it may be another map than the one that was asked for."""
    finish(shown.folder, stages=("slc", "orbits", "dem", "process"))
    refuse(
        dinsar("view", shown.folder), NO_DATA, PAIR, "Not done: geocode, displacement, products, report.", "again"
    )
    finish(shown.folder)
    (shown.folder / "products" / "los_displacement.tif").unlink()
    refuse(dinsar("view", shown.folder), NO_DATA, "los_displacement.tif", "again")


def test_products_that_cannot_be_read(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    raster = shown.folder / "products" / "coherence.tif"
    cut(raster, 0.7)
    before = snapshot(shown.folder)
    refuse(dinsar("view", shown.folder, "--no-open"), USAGE, raster, "dinsar run")
    raster.write_text("not a raster")
    refuse(dinsar("view", shown.folder, "--no-open"), USAGE, raster, "dinsar run")
    raster.unlink()
    finer = Grid(DEGREES.crs, DEGREES.west, DEGREES.north, DEGREES.posting / 2, 60, 90)
    write_products(raster.parent, {"coherence": shown.arrays["coherence"]}, finer, {})
    refuse(dinsar("view", shown.folder, "--no-open"), USAGE, raster, "another grid")
    assert {path for path in snapshot(shown.folder) if path.name != "lock"} == set(before)


def test_journal_that_is_not_one(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    (shown.folder / "run.json").write_text("{")
    refuse(dinsar("view", shown.folder), USAGE, shown.folder / "run.json")


def test_page_that_cannot_be_written(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    shown.page.mkdir()
    refuse(dinsar("view", shown.folder, "--no-open"), RESOURCES, shown.page)
    assert not list(shown.folder.rglob("*.part"))


def test_options_that_contradict_each_other(shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    refuse(dinsar("view", shown.folder, "--with", "true", "--no-open"), USAGE, "--with", "--no-open")


@pytest.mark.parametrize("program", ["no-such-viewer", "no-such-viewer --fast", "it's", ""])
def test_program_that_is_not_there(program: str, shown: Shown, dinsar: Callable[..., Outcome]) -> None:
    refuse(dinsar("view", shown.folder, "--with", program), USAGE, "--with")


@pytest.mark.parametrize(
    ("platform", "environment", "there"),
    [
        ("linux", {}, False),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "1 2 3 4"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "1 2 3 4"}, False),
        ("win32", {}, True),
    ],
)
def test_where_a_window_can_open(platform: str, environment: dict[str, str], there: bool) -> None:
    assert has_display(environment, platform) is there


# --- the viewers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Desktop:
    """A machine with a display, on which programs can be put."""

    folder: Path

    def put(self, name: str, script: str) -> Path:
        """Put a program there."""
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    def recorder(self, name: str) -> Path:
        """Put a program there that writes its arguments into a file, and lives on until it is asked for them."""
        told = self.folder / f"{name}.told"
        wait = f'for _ in $(seq 600); do [ -e "{told}.asked" ] && break; sleep 0.1; done'
        quiet = "exec > /dev/null 2>&1"  # or whoever reads the output of the command would wait for it too
        self.put(name, f'{quiet}; printf "%s\\n" "$@" > "{told}.part"; {wait}; mv "{told}.part" "{told}"')
        return told

    def view(self, *arguments: object, display: str | None = ":7", **variables: str) -> Outcome:
        """Run ``dinsar view`` there."""
        gone = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION")
        variables |= {"PATH": f"{self.folder}:/usr/bin:/bin"} | ({"DISPLAY": display} if display else {})
        options = [option for name in gone for option in ("-u", name)]
        settings = [f"{name}={value}" for name, value in variables.items()]
        return run_apart("view", *arguments, before=("env", *options, *settings))


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    if shutil.which("qgis", path="/usr/bin:/bin") or os.name != "posix":
        pytest.skip("QGIS itself is where the tests put a program of its name")
    (tmp_path / "bin").mkdir()
    return Desktop(tmp_path / "bin")


def arguments_of(told: Path) -> list[str]:
    """What a program was given; it ends now."""
    told.with_name(f"{told.name}.asked").touch()
    until = time.monotonic() + 60
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return told.read_text(encoding="utf-8").splitlines()


def test_qgis_gets_the_rasters_with_displacement_on_top(shown: Shown, desktop: Desktop) -> None:
    told = desktop.recorder("qgis")
    outcome = desktop.view(shown.folder)
    assert outcome.code == 0
    assert not told.exists()  # it still runs, and ends well although this program has ended
    assert str(desktop.folder / "qgis") in outcome.err
    assert arguments_of(told) == [str(shown.folder / "products" / f"{name}.tif") for name in reversed(LAYERS)]
    assert arguments_of(told)[-1].endswith("/los_displacement.tif")
    assert not shown.page.exists()


def test_qgis_gets_the_displacement_of_several_pairs(shown: Shown, desktop: Desktop) -> None:
    told = desktop.recorder("qgis")
    other = make_products(shown.folder.parent / "T052D_20230916_20230928")
    assert desktop.view(shown.folder.parent).code == 0
    wanted = [pair.folder / "products" / "los_displacement.tif" for pair in (shown, other)]
    assert arguments_of(told) == [str(path) for path in wanted]


def test_qgis_that_fails_is_told_and_the_page_opens(shown: Shown, desktop: Desktop) -> None:
    desktop.put("qgis", "echo 'could not connect to display' >&2; exit 134")
    browser = desktop.recorder("browser")
    outcome = desktop.view(shown.folder, BROWSER=f"{desktop.folder / 'browser'} %s &")
    assert (outcome.code, outcome.out) == (0, f"{shown.page}\n")
    for words in ("Warning", str(desktop.folder / "qgis"), "exit code 134", "could not connect to display"):
        assert words in outcome.err
    assert arguments_of(browser) == [shown.page.as_uri()]


def test_page_is_opened_in_the_browser_even_with_qgis(shown: Shown, desktop: Desktop) -> None:
    told, browser = desktop.recorder("qgis"), desktop.recorder("browser")
    outcome = desktop.view(shown.folder, "--page", BROWSER=f"{desktop.folder / 'browser'} %s &")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{shown.page}\n", "")
    assert arguments_of(browser) == [shown.page.as_uri()]
    assert not told.with_name("qgis.told.part").exists()


@pytest.mark.parametrize("display", [None, ""])
def test_without_a_display_the_page_is_written_and_explained(
    display: str | None, shown: Shown, desktop: Desktop
) -> None:
    told, browser = desktop.recorder("qgis"), desktop.recorder("browser")
    outcome = desktop.view(shown.folder, display=display, BROWSER=f"{desktop.folder / 'browser'} %s &")
    assert (outcome.code, outcome.out) == (0, f"{shown.page}\n")
    assert "Open the file in a web browser" in outcome.err
    assert shown.page.is_file()
    for program in (told, browser):
        assert not program.with_name(f"{program.name}.part").exists()


def test_a_program_of_ones_own(shown: Shown, desktop: Desktop) -> None:
    told = desktop.recorder("my viewer")
    assert desktop.view(shown.folder, "--with", "my viewer").code == 0
    assert arguments_of(told)[-1] == str(shown.folder / "products" / "los_displacement.tif")
    told = desktop.recorder("other")
    assert desktop.view(shown.folder, "--page", "--with", "other --new 'a b'").code == 0
    assert arguments_of(told) == ["--new", "a b", str(shown.page)]


def test_a_program_that_fails(shown: Shown, desktop: Desktop) -> None:
    desktop.put("viewer", "echo 'no such driver' >&2; exit 3")
    refuse(desktop.view(shown.folder, "--with", "viewer"), USAGE, "viewer", "exit code 3", "no such driver")
    desktop.put("strange", "").write_bytes(b"\x7fELF no program")
    refuse(desktop.view(shown.folder, "--with", "strange"), USAGE, "strange", "cannot be started")
