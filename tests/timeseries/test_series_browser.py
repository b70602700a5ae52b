"""The page of a series in a real browser: the curve under the cursor, the difference of two cells, and layers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.series_maps import DAYS, GRID, Maps, sequential, write_maps

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

_NUMBER = r"([+\u2212]?[\d.]+)"


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Maps:
    blob = np.zeros(GRID.shape)
    blob[10:20, 5:15] = 1
    made = write_maps(tmp_path_factory.mktemp("stack"), sequential(3), wrong={(4, 1): blob})
    made.make()
    return made


class SeriesPage:
    """The page, open in a browser."""

    def __init__(self, chrome: Chrome, path: Path) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        self.chrome = chrome
        chrome.get_log("browser")
        chrome.get(path.as_uri())
        WebDriverWait(chrome, 20).until(lambda _: self.run("return document.documentElement.dataset.ready"))

    def run(self, script: str) -> object:
        """Value of a script."""
        return self.chrome.execute_script(script)

    def to(self, row: int, column: int, *, click: bool = False) -> str:
        """Move the mouse to a cell of the map, and return what the page tells."""
        from selenium.webdriver import ActionChains

        map_ = self.chrome.find_element("css selector", ".shown")
        self.run("document.querySelector('.shown').scrollIntoView({block: 'center'})")
        x, y = (
            size * ((cell + 0.5) / cells - 0.5)
            for size, cell, cells in (
                (map_.size["width"], column, GRID.width),
                (map_.size["height"], row, GRID.height),
            )
        )
        actions = ActionChains(self.chrome, duration=50).move_to_element_with_offset(map_, round(x), round(y))
        (actions.click() if click else actions).perform()
        return str(self.chrome.find_element("css selector", "#told").text)

    @property
    def curve(self) -> list[float]:
        """Millimetres of each date, as the points of the curve tell."""
        script = "return Array.from(document.querySelectorAll('#curve circle title'), (t) => t.textContent)"
        told = self.run(script)
        assert isinstance(told, list)
        assert [text[:10] for text in told] == [str(day) for day in DAYS]
        return [number(text[12:], rf"{_NUMBER} mm") for text in told]

    @property
    def layers(self) -> list[str]:
        """Layers that are seen: of the pictures, and of their keys."""
        script = (
            "return Array.from(document.querySelectorAll('#map [data-layer]')).filter((e) => e.offsetParent)"
            ".map((e) => e.dataset.layer)"
        )
        seen = self.run(script)
        assert isinstance(seen, list)
        return seen


def number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1].replace("\u2212", "-"))


@pytest.fixture
def page(chrome: Chrome, maps: Maps) -> SeriesPage:
    return SeriesPage(chrome, maps.series / "series.html")


def test_the_curve_is_that_of_the_cell_under_the_cursor(page: SeriesPage, maps: Maps) -> None:
    velocity, sigma = maps.read("velocity"), maps.read("velocity_sigma")
    dates = np.stack([maps.read(f"displacement_{day:%Y%m%d}") for day in DAYS])
    for row, column in ((30, 40), (3, 66), (47, 2)):
        told = page.to(row, column)
        lon, lat = GRID.lonlat(row, column)
        assert told.startswith(f"{lat:.4f}, {lon:.4f}:")
        assert number(told, rf"velocity {_NUMBER} mm") == pytest.approx(1e3 * velocity[row, column], abs=0.06)
        assert number(told, rf"deviation {_NUMBER}") == pytest.approx(1e3 * sigma[row, column], abs=0.06)
        np.testing.assert_allclose(page.curve, 1e3 * dates[:, row, column], atol=0.06)
    assert page.chrome.get_log("browser") == []


def test_a_click_compares_with_a_cell_until_the_next_one(page: SeriesPage, maps: Maps) -> None:
    velocity = maps.read("velocity")
    dates = np.stack([maps.read(f"displacement_{day:%Y%m%d}") for day in DAYS])
    page.to(30, 40, click=True)
    assert np.allclose(page.curve, 0)
    told = page.to(5, 60)
    assert "relative to {1:.4f}, {0:.4f}".format(*GRID.lonlat(30, 40)) in told
    difference = 1e3 * (velocity[5, 60] - velocity[30, 40])
    assert number(told, rf"velocity {_NUMBER} mm") == pytest.approx(difference, abs=0.11)
    np.testing.assert_allclose(page.curve, 1e3 * (dates[:, 5, 60] - dates[:, 30, 40]), atol=0.11)
    page.to(5, 60, click=True)
    np.testing.assert_allclose(page.curve, 1e3 * dates[:, 5, 60], atol=0.06)
    assert not page.chrome.find_elements("css selector", ".mark.from")


def test_each_layer_is_shown_with_its_own_key(page: SeriesPage) -> None:
    choices = page.chrome.find_elements("css selector", ".choose input")
    names = [choice.get_attribute("value") for choice in choices]
    assert names == ["velocity", "velocity_sigma", "temporal_coherence", "closure_cycles"]
    for choice, name in zip(choices, names, strict=True):
        choice.click()
        assert page.layers == [name, name]
        size = page.run(f"const i = document.querySelector('img[data-layer={name}]'); return [i.width, i.height]")
        assert isinstance(size, list)
        assert size[0] / size[1] == pytest.approx(GRID.width * np.cos(np.radians(31.475)) / GRID.height, rel=0.02)
    told = page.to(15, 10)
    assert "no value" not in told


def test_pictures_and_tables_of_dates_and_triangles_are_there(page: SeriesPage) -> None:
    script = "return Array.from(document.querySelectorAll('.drawn'), (i) => i.complete && i.naturalWidth > 300)"
    assert page.run(script) == [True, True]
    rows = "return Array.from(document.querySelectorAll('.dates'), (t) => t.rows.length - 1)"
    assert page.run(rows) == [6, 10]
