"""The report in a real browser: it loads, moves, tells the values of the rasters, and fits window and paper."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matplotlib.image import imread
from pyproj import Geod

from dinsar_cli.products.folder import find_products
from dinsar_cli.report.page import write_report
from support.browser import Page, check_value, points, values_near
from support.page_inputs import EVIL
from support.report_inputs import PAIR, clean_case, cycle_jump, write_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

PIXEL = 1.2e-3  # degrees: of the screen, when all of the map is shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    case = clean_case()
    cycle_jump(case)
    made = write_run(tmp_path_factory.mktemp("run") / PAIR, case)
    (pair,), _ = find_products(made)
    write_report(pair)
    return made


@pytest.fixture
def page(chrome: Chrome, folder: Path) -> Iterator[Page]:
    opened = Page(chrome, folder / "products" / "report.html")
    opened.to_map()
    yield opened
    assert opened.faults == []
    assert (
        opened.run(
            "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"
        )
        == 0
    )


def test_values_under_the_cursor_are_those_of_the_raster(page: Page, folder: Path) -> None:
    told = 0
    for layer, band in (
        ("los_displacement", 1),
        ("los_sigma", 1),
        ("coherence", 1),
        ("wrapped_phase", 1),
        ("connected_components", 1),
        ("amplitude.secondary", 2),
        ("elevation", 1),
    ):
        page.choose(layer)
        for x, y in points(4, 140):
            page.point(x, y)
            told += check_value(page, folder / "products" / f"{layer.partition('.')[0]}.tif", band)
    assert told >= 24


def test_opens_quickly_and_the_map_moves(chrome: Chrome, folder: Path) -> None:
    """Opening takes less than three seconds of the page's thread, however busy the machine is."""
    chrome.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    page = Page(chrome, folder / "products" / "report.html")
    told = chrome.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    spent = {metric["name"]: metric["value"] for metric in told}
    chrome.execute_cdp_cmd("Performance.disable", {})
    assert 0 < spent["TaskDuration"] < 3
    page.to_map()
    page.point(0, 0)
    start = page.place
    page.turn_wheel(0, 0, -400)
    page.point(0, 0, drag=(80, -60))
    page.point(0, 0)
    assert page.place[0] < start[0] - PIXEL
    assert page.place[1] < start[1] - PIXEL
    page.press("Show all")
    page.point(0, 0)
    assert page.place == pytest.approx(start, abs=2 * PIXEL)
    assert page.faults == []


def test_opacity_shows_the_relief(page: Page) -> None:
    page.point(300, 0)
    script = (
        "const slider = document.querySelector('.webmap-opacity input'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'))"
    )
    page.run(script, 100)
    coloured = [page.colour(x, 30) for x in range(-60, 60, 10)]
    page.run(script, 0)
    grey = [page.colour(x, 30) for x in range(-60, 60, 10)]
    assert all(red == green == blue for red, green, blue, _ in grey)
    assert len({tuple(one) for one in grey}) > 3
    assert grey != coloured
    assert any(red != blue for red, _, blue, _ in coloured)


def test_a_profile_is_saved_as_table_and_picture(page: Page, folder: Path, tmp_path: Path) -> None:
    """The table has the values of the raster at its places; the picture shows the curve."""
    page.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.choose("coherence")
    page.press("Draw a line for a profile")
    page.point(-100, 40, drag=(160, 40))
    raster = folder / "products" / "coherence.tif"
    for kind in ("CSV", "PNG"):
        page.chrome.find_element("xpath", f"//button[text()='Save as {kind}']").click()
    table, picture = (downloaded(tmp_path / f"profile_coherence.{ending}") for ending in ("csv", "png"))
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["distance_m", "lon", "lat", "coherence"]
    distance = [float(row["distance_m"]) for row in rows]
    assert distance[0] == 0
    assert distance == sorted(distance)
    ends = [(float(row["lon"]), float(row["lat"])) for row in (rows[0], rows[-1])]
    metres = Geod(ellps="WGS84").line_length(*zip(*ends, strict=True))
    assert metres == pytest.approx(distance[-1], rel=0.01)
    told = 0
    for row in rows[1:-1:5]:
        wanted = values_near(raster, 1, float(row["lon"]), float(row["lat"]))
        if row["coherence"]:
            decimals = len(row["coherence"].partition(".")[2])
            assert min(abs(value - float(row["coherence"])) for value in wanted) <= 0.5 / 10**decimals + 1e-6
            told += 1
    assert told > 5
    pixels = imread(picture)
    assert pixels.shape[:2] == (2 * (210 + 28), 2 * 900)
    blue = (pixels[..., 2] > pixels[..., 0] + 0.2) & (pixels[..., 3] == 1)  # the curve has the accent of the page
    assert blue[:, 140:].any(axis=0).mean() > 0.8
    assert page.faults == []


def downloaded(path: Path) -> Path:
    """Wait for a file that the browser saves."""
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert path.exists()
    return path


def test_profile_along_a_drawn_line(page: Page) -> None:
    """A line over the bowl, in the middle of whose profile it is; the map stays where it is."""
    page.point(0, 0)
    before = page.place
    page.press("Draw a line for a profile")
    page.point(-100, 40, drag=(160, 40))
    chart = page.chrome.find_element("css selector", ".webmap-profile svg.chart")
    assert "km" in chart.text
    assert "cm" in chart.text
    path = page.run("return document.querySelector('.webmap-profile .curve').getAttribute('d')")
    assert isinstance(path, str)
    heights = [float(part.split()[1]) for part in path.replace("M", "L").split("L")[1:]]
    assert len(heights) > 50
    page.choose("coherence")
    assert (
        page.run("return document.querySelector('.webmap-profile title').textContent") == "Coherence along the line"
    )
    page.to_map()
    page.point(0, 0)
    assert page.place == pytest.approx(before, abs=PIXEL)
    page.point(0, 0, drag=(50, 0))  # the next drag moves the map again
    page.point(0, 0)
    assert page.place[0] < before[0] - PIXEL


def test_verdicts_are_seen(page: Page) -> None:
    (warning,) = page.chrome.find_elements("css selector", "#verdicts .warning")
    assert warning.is_displayed()
    assert warning.text.startswith("Cycle jump: parts of the map are wrong")


def test_dates_take_turns(page: Page) -> None:
    script = "return getComputedStyle(document.querySelector('.flicker figure:last-child')).opacity"
    seen = set()
    for _ in range(30):
        seen.add(page.run(script))
        time.sleep(0.1)
    assert seen == {"0", "1"}
    page.chrome.find_element("css selector", "#hold").click()
    assert {page.run(script) for _ in range(15) if not time.sleep(0.1)} == {"1"}


def test_dark_and_print(page: Page) -> None:
    assert min(page.background("body")) > 200
    page.prefer("dark")
    assert max(page.background("body")) < 60
    assert max(page.background(".citation")) < 80
    assert max(page.background(".webmap-map")) < 80
    page.prefer("dark", "print")
    assert min(page.background("body")) > 200
    assert min(page.background(".citation")) > 200
    assert page.run("return getComputedStyle(document.querySelector('.webmap-buttons')).display") == "none"
    boxes = page.run(
        "return [...document.querySelectorAll('.flicker img')].map(i => i.getBoundingClientRect().left)"
    )
    assert isinstance(boxes, list)
    assert boxes[0] < boxes[1]  # side by side


@pytest.mark.parametrize("width", [400, 800, 1600])
def test_page_fits_the_window(width: int, chrome: Chrome, folder: Path) -> None:
    page = Page(chrome, folder / "products" / "report.html", width=width)
    assert page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    wide = (
        "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, pre') &&"
        " e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"
    )
    assert page.run(wide) == 0
    assert page.faults == []


def test_html_in_metadata_stays_text(chrome: Chrome, tmp_path: Path) -> None:
    folder = write_run(tmp_path / PAIR, command=["dinsar", EVIL], dinsar=EVIL, summary={"warnings": [EVIL]})
    (pair,), _ = find_products(folder)
    page = Page(chrome, write_report(pair).path)
    assert page.run("return document.querySelectorAll('img[src=\"x\"]').length") == 0
    assert page.chrome.find_element("css selector", ".warning").text == EVIL
    assert page.faults == []
