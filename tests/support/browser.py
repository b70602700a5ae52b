"""A page in a real browser: loaded, moved, and read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from support.page_inputs import METRES_TO

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


_PLACE = re.compile(r"([\d.]+)° ([NS]), ([\d.]+)° ([EW])")
PIXEL = 1.3e-4  # degrees: of the screen, when all of the map is shown
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
        self.to_map()

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
