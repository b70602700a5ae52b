"""The map of the page that ``dinsar view`` opens, in a real browser: it moves, and tells the values of rasters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dinsar_cli.geo.grid import Grid
from support.browser import PIXEL, Page, check_value, points
from support.command import run_apart
from support.view_inputs import DEGREES, METRES, PAIR, Shown, make_products

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser


def written(folder: Path, grid: Grid = DEGREES, **tags: str) -> Shown:
    """Products with their page."""
    shown = make_products(folder, grid, **tags)
    assert run_apart("view", folder, "--no-open").code == 0
    return shown


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return written(tmp_path_factory.mktemp("degrees") / PAIR)


@pytest.fixture
def page(chrome: Chrome, shown: Shown) -> Iterator[Page]:
    opened = Page(chrome, shown.page)
    opened.to_map()
    yield opened
    assert opened.faults == []


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_values_under_the_cursor_are_those_of_the_raster(grid: Grid, chrome: Chrome, tmp_path: Path) -> None:
    shown = written(tmp_path / PAIR, grid)
    page = Page(chrome, shown.page)
    page.to_map()
    products = shown.folder / "products"
    told = 0
    bands = {
        "los_displacement": 1,
        "unwrapped_phase": 1,
        "wrapped_phase": 1,
        "los_vector.up": 3,
        "amplitude.secondary": 2,
    }
    for layer, band in bands.items():
        page.choose(layer)
        raster = products / f"{layer.partition('.')[0]}.tif"
        for x, y in points(6):
            page.point(x, y)
            told += check_value(page, raster, band)
    page.turn_wheel(40, -30, -500)
    page.point(-60, 50, drag=(90, 70))
    for x, y in points(6):
        page.point(x, y)
        told += check_value(page, products / "amplitude.tif", 2)
    assert told >= 24
    assert page.faults == []


def test_colours_are_those_of_the_values(page: Page, shown: Shown) -> None:
    """Red is toward the satellite; cells without a value show the page."""
    los = shown.arrays["los_displacement"]
    page.choose("los_displacement")
    page.press("Zoom in")
    seen = set()
    for x, y in ((round(x), round(y)) for x, y in points(12)):
        page.point(x, y)
        lon, lat = page.place
        row, column = shown.grid.index(lon, lat)
        red, _, blue, alpha = page.colour(x, y)
        if abs(los[row, column]) > 0.01 and alpha == 255 and (red, blue) != (0, 0):
            assert (red > blue) == (los[row, column] > 0)
            seen.add(red > blue)
    assert seen == {True, False}


def test_switching_layers(page: Page) -> None:
    for layer, title, note in (
        ("coherence", "Coherence", "before the filter"),
        ("connected_components", "Connected components", "not comparable"),
        ("los_displacement", "LOS displacement (cm)", "positive toward the satellite"),
    ):
        page.choose(layer)
        key = page.chrome.find_element("css selector", ".webmap-key").text
        assert key.splitlines()[0] == title
        assert note in key


def test_missing_cells_and_the_outside_have_no_value(page: Page, shown: Shown) -> None:
    size = page.run("const c = document.querySelector('.webmap-map'); return [c.clientWidth, c.clientHeight]")
    assert isinstance(size, list)
    page.point(-size[0] / 2 + 3, 0)
    assert page.value == "no data"
    assert page.place[0] < shown.grid.bounds[0]


def test_wheel_zooms_about_the_cursor(page: Page) -> None:
    page.point(100, -80)
    before = page.place
    page.point(0, 0)
    middle = page.place
    page.turn_wheel(100, -80, -300)
    page.point(100, -80)
    assert page.place == pytest.approx(before, abs=PIXEL)
    page.point(0, 0)
    assert page.place != pytest.approx(middle, abs=20 * PIXEL)
    page.press("Show all")
    page.point(0, 0)
    assert page.place == pytest.approx(middle, abs=PIXEL)


def test_dragging_and_keys_move_the_map(page: Page) -> None:
    page.press("Zoom in")
    page.press("Zoom in")
    page.point(0, 0)
    start = page.place
    page.point(0, 0, drag=(60, -40))
    assert page.place == pytest.approx(start, abs=PIXEL)  # the map follows the mouse
    page.point(0, 0)
    lon, lat = page.place
    assert lon < start[0]
    assert lat < start[1]
    from selenium.webdriver.common.keys import Keys

    page.chrome.find_element("css selector", ".webmap-map").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert page.place[0] > lon
    assert page.place[1] > lat


def test_reference_point_is_marked(page: Page, shown: Shown) -> None:
    """The dark square is where the pixel of the reference point is read."""
    lon, lat = shown.grid.lonlat(20, 30)
    page.point(0, 0)
    middle = page.place
    page.point(100, 100)
    other = page.place
    x, y = (100 * (wanted - a) / (b - a) for wanted, a, b in zip((lon, lat), middle, other, strict=True))
    assert page.colour(round(x), round(y)) == [0, 0, 0, 255]


@pytest.mark.parametrize("width", [400, 700, 1600])
def test_page_fits_the_window(width: int, chrome: Chrome, shown: Shown) -> None:
    page = Page(chrome, shown.page, width=width)
    page.to_map()
    scrolled = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.run(scrolled) == 0
    size = page.run("const c = document.querySelector('.webmap-map'); return [c.clientWidth, c.clientHeight]")
    assert isinstance(size, list)
    assert size[0] >= 0.6 * width - 40
    assert size[1] >= 280
    page.point(0, 0)
    assert check_value(page, shown.folder / "products" / "los_displacement.tif") or page.value == "no data"
    assert page.faults == []


def test_links_lead_to_the_files(page: Page, shown: Shown) -> None:
    links = page.run("return Array.from(document.querySelectorAll('.files a'), (link) => link.href)")
    files = sorted(path for path in (shown.folder / "products").iterdir() if path != shown.page)
    assert isinstance(links, list)
    assert sorted(links) == sorted(path.as_uri() for path in files)


def test_a_browser_that_is_too_old_is_told(chrome: Chrome, shown: Shown) -> None:
    made = chrome.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": "delete window.DecompressionStream"}
    )
    try:
        chrome.get(shown.page.as_uri())
        assert "too old" in chrome.find_element("id", "map").text
        assert "los_displacement.tif" in chrome.find_element("css selector", ".files").text
    finally:
        chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)


def test_the_list_of_pairs_leads_to_them(chrome: Chrome, tmp_path: Path, dinsar: Callable[..., object]) -> None:
    names = (PAIR, "T052D_20230916_20230928")
    for name in names:
        make_products(tmp_path / name)
    dinsar("view", tmp_path, "--no-open")
    chrome.get((tmp_path / "reports.html").as_uri())
    chrome.find_element("link text", names[1]).click()
    assert chrome.current_url == (tmp_path / names[1] / "products" / "report.html").as_uri()
    assert chrome.find_element("css selector", "h1").text == names[1]
