"""The page of footprints: what is drawn where, and in a real browser that it works."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import shapely

from dinsar_cli.catalog.map_page import page_text
from dinsar_cli.catalog.stacks import group_stacks
from dinsar_cli.geo.roi import parse_roi
from support.catalog_inputs import ROI, archive_scenes, record, scene


def page(roi: str = ROI, notes: tuple[str, ...] = ()) -> str:
    area = parse_roi(roi)
    return page_text(area, group_stacks(map(record, archive_scenes()), area.geometry), notes)


def drawn(text: str, kind: str) -> list[shapely.Polygon]:
    """Outlines of a page, from the drawing back to degrees."""
    frame = {
        key: float(re.findall(f'data-{key}="([^"]+)"', text)[0]) for key in ("west", "north", "scale", "squeeze")
    }
    outlines = []
    for path in re.findall(rf'<path class="{kind}" d="M([^"]+)Z"', text):
        points = [tuple(map(float, point.split())) for point in path.split("L")]
        lonlat = [
            (x / frame["scale"] / frame["squeeze"] + frame["west"], frame["north"] - y / frame["scale"])
            for x, y in points
        ]
        outlines.append(shapely.Polygon(lonlat))
    return outlines


def test_footprints_and_area_are_drawn_where_they_are() -> None:
    text = page()
    (area,) = drawn(text, "area")
    assert area.symmetric_difference(parse_roi(ROI).geometry).area < 1e-4
    footprints = drawn(text, "footprint")
    assert len(footprints) == 2
    assert any(one.symmetric_difference(record(scene()).footprint).area < 1e-2 for one in footprints)
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)[0])
    assert width == 1000
    assert 300 < height < 1500


def test_what_comes_from_outside_is_text() -> None:
    assert "<b>" not in page(notes=("a <b> note",))
    assert "a &lt;b&gt; note" in page(notes=("a <b> note",))


@pytest.fixture
def chrome(tmp_path: Path) -> Any:
    webdriver = pytest.importorskip("selenium.webdriver")
    program = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no Chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.mark.browser
def test_the_page_works_in_a_browser(chrome: Any, tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    path.write_text(page(), encoding="utf-8")
    for width, scheme in ((1200, "light"), (400, "dark")):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        chrome.get(path.as_uri())
        assert chrome.execute_script("return document.getElementById('map').dataset.ready") == "yes"
        assert chrome.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert chrome.execute_script("return document.querySelectorAll('.graticule').length") >= 3
        before = chrome.execute_script("return document.querySelector('svg').getAttribute('viewBox')")
        chrome.execute_script("document.querySelector('[data-zoom=\"0.5\"]').click()")
        after = chrome.execute_script("return document.querySelector('svg').getAttribute('viewBox')")
        assert float(after.split()[2]) == pytest.approx(float(before.split()[2]) / 2)
        chrome.execute_script("document.querySelector('[data-zoom=\"0\"]').click()")
        assert chrome.execute_script("return document.querySelector('svg').getAttribute('viewBox')") == before
        chrome.execute_script("document.querySelector('input[value=T014A]').click()")
        shown = "return getComputedStyle(document.querySelector(`[data-stack=${arguments[0]}]`)).display"
        assert chrome.execute_script(shown, "T014A") == "none"
        assert chrome.execute_script(shown, "T021D") != "none"
    assert chrome.get_log("browser") == []
