"""The page of ``dinsar view`` in a real browser: it loads, moves, and tells the values of the rasters."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from command import run_apart
from dinsar_cli.geo.grid import Grid
from test_view import EVIL, METRES_TO
from view_inputs import DEGREES, METRES, PAIR, Shown, finish, make_products

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

_PLACE = re.compile(r"([\d.]+)° ([NS]), ([\d.]+)° ([EW])")
_PIXEL = 1.3e-4  # degrees: of the screen, when all of the map is shown
_ROUNDED = 0.5e-5  # degrees: the place is shown to five decimals


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no Chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={profile}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


class Page:
    """The page of a pair, open in a browser."""

    def __init__(
        self, chrome: Chrome, path: Path, width: int = 1200, height: int = 900, scheme: str = "light"
    ) -> None:
        self.chrome = chrome
        chrome.get_log("browser")  # what is there is of another page
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.prefer(scheme)
        chrome.get(path.as_uri())
        self.wait_for("los_displacement")

    def prefer(self, scheme: str, medium: str = "") -> None:
        """Set the preferred colours, and the medium."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})

    def run(self, script: str, *arguments: object) -> object:
        """Value of a script."""
        return self.chrome.execute_script(script, *arguments)

    def wait_for(self, layer: str) -> None:
        """Wait until a layer is drawn."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.chrome, 20).until(
            lambda _: self.run("return document.getElementById('map').dataset.layer") == layer
        )

    def choose(self, layer: str) -> None:
        """Choose a layer as a user does."""
        self.chrome.find_element("css selector", f".webmap-layers input[value='{layer}']").click()
        self.wait_for(layer)

    def to_map(self) -> None:
        """Scroll so that the map is in the middle of the window."""
        self.run("document.querySelector('.webmap-map').scrollIntoView({block: 'center'})")

    def press(self, label: str) -> None:
        """Press a button of the map."""
        self.chrome.find_element("css selector", f".webmap-buttons [title='{label}']").click()

    def point(self, x: float, y: float, *, drag: tuple[int, int] | None = None) -> None:
        """Put the mouse at pixels from the middle of the map, and drag it from there."""
        from selenium.webdriver import ActionChains

        canvas = self.chrome.find_element("css selector", ".webmap-map")
        actions = ActionChains(self.chrome, duration=50).move_to_element_with_offset(canvas, round(x), round(y))
        if drag is not None:
            actions.click_and_hold().move_by_offset(*drag).release()
        actions.perform()

    def turn_wheel(self, x: int, y: int, pixels: int) -> None:
        """Turn the wheel at pixels from the middle of the map."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

        canvas = self.chrome.find_element("css selector", ".webmap-map")
        ActionChains(self.chrome).scroll_from_origin(ScrollOrigin.from_element(canvas, x, y), 0, pixels).perform()

    @property
    def value(self) -> str:
        """Value that is shown."""
        return self.chrome.find_element("css selector", ".webmap-value b").text

    @property
    def place(self) -> tuple[float, float]:
        """Longitude and latitude that are shown."""
        found = _PLACE.fullmatch(self.chrome.find_element("css selector", ".webmap-value span").text)
        assert found
        lat, north, lon, east = found.groups()
        return float(lon) * (1 if east == "E" else -1), float(lat) * (1 if north == "N" else -1)

    @property
    def faults(self) -> list[str]:
        """What the console of the browser has to complain about."""
        return [entry["message"] for entry in self.chrome.get_log("browser")]

    def colour(self, x: int, y: int) -> list[int]:
        """Colour of the map at pixels from its middle: red, green, blue, alpha."""
        script = (
            "const map = document.querySelector('.webmap-map');"
            "const pixel = new OffscreenCanvas(1, 1).getContext('2d');"
            "pixel.drawImage(map, -map.width / 2 - arguments[0], -map.height / 2 - arguments[1]);"
            "return Array.from(pixel.getImageData(0, 0, 1, 1).data)"
        )
        colour = self.run(script, x, y)
        assert isinstance(colour, list)
        return colour

    def background(self, selector: str) -> tuple[int, ...]:
        """Background colour of an element."""
        text = self.run("return getComputedStyle(document.querySelector(arguments[0])).backgroundColor", selector)
        return tuple(int(number) for number in re.findall(r"\d+", str(text))[:3])


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
    yield opened
    assert opened.faults == []


def values_near(raster: Path, band: int, lon: float, lat: float) -> set[float]:
    """Values of a raster where the place may be that was rounded to this one: mostly one."""
    with rasterio.open(raster) as file:
        move = Transformer.from_crs("EPSG:4326", file.crs, always_xy=True).transform
        corners = [(lon + dx, lat + dy) for dx in (-_ROUNDED, _ROUNDED) for dy in (-_ROUNDED, _ROUNDED)]
        points = [move(*corner) for corner in corners]
        return {float(value[band - 1]) for value in file.sample(points)}


def check_value(page: Page, raster: Path, band: int = 1) -> bool:
    """The value under the cursor is that of the raster at the place that is shown; and whether there is one."""
    wanted = values_near(raster, band, *page.place)
    if page.value == "no data":
        assert any(np.isnan(value) for value in wanted)
        return False
    number, _, unit = page.value.replace("\u2212", "-").replace("\u00a0", " ").rstrip("°").partition(" ")
    decimals = len(number.partition(".")[2])
    factor = METRES_TO.get(unit, 1.0)
    nearest = min(abs(value * factor - float(number)) for value in wanted if np.isfinite(value))
    assert nearest <= 0.5 / 10**decimals + 1e-5
    return True


def points(count: int, reach: float = 150) -> list[tuple[float, float]]:
    return [(x, y) for x, y in np.random.default_rng(5).uniform(-reach, reach, (count, 2))]


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_values_under_the_cursor_are_those_of_the_raster(grid: Grid, chrome: Chrome, tmp_path: Path) -> None:
    shown = written(tmp_path / PAIR, grid)
    page = Page(chrome, shown.page)
    products = shown.folder / "products"
    told = 0
    for layer, band in (("los_displacement", 1), ("elevation", 1), ("coherence", 1), ("amplitude.secondary", 2)):
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
    assert page.place == pytest.approx(before, abs=_PIXEL)
    page.point(0, 0)
    assert page.place != pytest.approx(middle, abs=20 * _PIXEL)
    page.press("Show all")
    page.point(0, 0)
    assert page.place == pytest.approx(middle, abs=_PIXEL)


def test_dragging_and_keys_move_the_map(page: Page) -> None:
    page.press("Zoom in")
    page.press("Zoom in")
    page.point(0, 0)
    start = page.place
    page.point(0, 0, drag=(60, -40))
    assert page.place == pytest.approx(start, abs=_PIXEL)  # the map follows the mouse
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


def test_dark_and_print(page: Page) -> None:
    assert min(page.background("body")) > 200
    page.prefer("dark")
    assert max(page.background("body")) < 60
    assert max(page.background(".webmap-map")) < 80
    page.prefer("dark", "print")
    assert min(page.background("body")) > 200
    assert page.run("return getComputedStyle(document.querySelector('.webmap-buttons')).display") == "none"


@pytest.mark.parametrize("width", [400, 700, 1600])
def test_page_fits_the_window(width: int, chrome: Chrome, shown: Shown) -> None:
    page = Page(chrome, shown.page, width=width)
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
    files = sorted((shown.folder / "products").iterdir())
    assert isinstance(links, list)
    assert sorted(links) == sorted(path.as_uri() for path in files)


def test_page_fetches_nothing(page: Page) -> None:
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def test_names_that_look_like_html_stay_text(chrome: Chrome, tmp_path: Path) -> None:
    folder = tmp_path / EVIL.replace("/", "")
    make_products(folder, looks=EVIL, reference_date=EVIL)
    finish(folder, warnings=(EVIL,))
    assert run_apart("view", folder, "--no-open").code == 0
    page = Page(chrome, folder / "view.html")
    assert page.run("return document.images.length") == 0
    assert page.chrome.find_element("css selector", "h1").text == folder.name
    assert page.chrome.find_element("css selector", ".warning").text == EVIL
    assert page.faults == []


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


def test_pairs_lead_to_each_other(chrome: Chrome, tmp_path: Path, dinsar: Callable[..., object]) -> None:
    names = (PAIR, "T052D_20230916_20230928")
    for name in names:
        make_products(tmp_path / name)
    dinsar("view", tmp_path, "--no-open")
    page = Page(chrome, tmp_path / names[0] / "view.html")
    chrome.find_element("link text", names[1]).click()
    page.wait_for("los_displacement")
    assert chrome.find_element("css selector", "h1").text == names[1]
    assert page.faults == []
