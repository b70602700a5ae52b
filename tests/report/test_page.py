"""The report of a run: its verdicts see what is wrong, its numbers are those of the map, its text is safe."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.base.files import sha256
from dinsar_cli.base.journal import RUN_FILE, Journal, StageRecord
from dinsar_cli.drawing.svg_charts import round_ticks
from dinsar_cli.products.folder import find_products
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.measures import (
    cycle_jumps,
    dem_gap,
    height_trend,
    noise_share,
    orbit_error,
    other_components,
    outside_share,
    water_share,
)
from dinsar_cli.report.page import write_report
from dinsar_cli.report.pictures import hillshade
from dinsar_cli.report.summary import summary_sentence
from dinsar_cli.report.verdicts import RULES, judge
from support.command import Outcome
from support.page_inputs import EVIL
from support.refusal import check_refusal
from support.report_inputs import CENTRE, DEFECTS, GRID, PAIR, PEAK, clean_case, write_run
from support.web_map_values import values_of


def text_of(page: Path) -> str:
    return html.unescape(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("clean") / PAIR)


def evidence_of(folder: Path) -> Evidence:
    (pair,), _ = find_products(folder)
    return gather(pair)


def test_clean_run_warns_of_nothing(clean: Path, dinsar: Callable[..., Outcome]) -> None:
    evidence = evidence_of(clean)
    assert [v.rule.key for v in evidence.verdicts] == list(RULES)
    unknown = {"phase_step", "residue", "reversed"}  # no run noted them
    assert {v.rule.key for v in evidence.verdicts if v.good is not True} == unknown
    assert all(v.reason for v in evidence.verdicts if v.good is None)
    outcome = dinsar("report", clean)
    page = clean / "products" / "report.html"
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{page.resolve()}\n", "")
    assert "No check warns." in text_of(page)
    assert "data-verdict" not in text_of(page)


@pytest.mark.parametrize("key", DEFECTS)
def test_seeded_defect_is_told_in_words(key: str, tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    case = clean_case()
    DEFECTS[key](case)
    folder = write_run(tmp_path / PAIR, case)
    outcome = dinsar("report", folder)
    assert outcome.code == 0
    text = text_of(folder / "products" / "report.html")
    seen = set(re.findall(r'data-verdict="(\w+)"', text))
    also = {"orbit": {"ramp"}}.get(key, set())  # a tilt is a ramp too
    assert seen == {key} | also
    assert RULES[key].bad in text
    assert RULES[key].remedy in text
    assert f"Warning: {PAIR}: {RULES[key].bad}" in outcome.err
    verdict = next(v for v in evidence_of(folder).verdicts if v.rule.key == key)
    assert verdict.number in text
    assert verdict.limit in text


def test_summary_has_the_numbers_of_the_map(clean: Path) -> None:
    evidence = evidence_of(clean)
    highest = evidence.range.highest
    assert highest is not None
    assert highest.value == pytest.approx(PEAK, abs=0.003)  # the noise at the reference is 1 mm
    assert (highest.lon, highest.lat) == pytest.approx(GRID.lonlat(*CENTRE), abs=6 * GRID.posting)
    assert evidence.far.found
    assert evidence.scatter == pytest.approx(0.001, rel=0.1)  # the noise that was put in
    sentence = summary_sentence(evidence).replace("\u00a0", " ")
    assert re.match(r"Up to [56]\.\d cm toward the satellite at 31\.2\d+° N, 8\.8\d+° W", sentence)
    assert "scatter of calm ground 1.0 mm" in sentence
    assert "1-3 cm of atmosphere" in sentence


def test_page_has_everything(clean: Path) -> None:
    (pair,), _ = find_products(clean)
    text = text_of(write_report(pair).path)
    for words in (
        "Wrapped fringes",
        "Amplitude of both dates",
        "Histogram of the coherence",
        "Steps at the seams",
        "Residual plane and height",
        "Unwrapping",
        "Baseline and geometry",
        "To paste",
        "measured by differential interferometry with two Sentinel-1 images (relative orbit 52, descending",
        "7 x 2 looks (range x azimuth)",
        "What each step cost",
        "tides, before m",
        "0.0123",
        "S1A_IW_SLC__1SDV_20230904T063714",
        "dinsar run --roi '-9 31 -8 32'",
        "looks: 7x2",
        "Copernicus WorldDEM-30",
        "eos-sar: Apache-2.0",
        "Contains modified Copernicus Sentinel data 2023.",
        "glo_30, egm2008",
    ):
        assert words in text, words
    data = json.loads(re.search(r'id="map-data">(.*?)</script>', (clean / "products/report.html").read_text())[1])
    assert {layer["name"] for layer in data["layers"]} >= {"los_displacement", "los_sigma", "elevation"}
    los = next(layer for layer in data["layers"] if layer["name"] == "los_displacement")
    np.testing.assert_allclose(values_of(los, GRID.shape), 100 * evidence_of(clean).los, atol=0.0051)
    np.testing.assert_allclose(sorted({x for x, _ in data["roi"][0]}), (-8.95, -8.75))


def test_a_file_of_somebody_else_is_no_page_to_replace(
    clean: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    theirs = tmp_path / "thesis.html"
    theirs.write_text("<title>Years of work</title>")
    check_refusal(dinsar("report", clean, "--output", theirs), 2, theirs, "--output")
    assert theirs.read_text() == "<title>Years of work</title>"
    for _ in range(2):  # its own it writes again
        assert dinsar("report", clean, "--output", tmp_path / "all.html").code == 0


def test_page_has_no_external_address(clean: Path) -> None:
    (pair,), _ = find_products(clean)
    text = write_report(pair).path.read_text(encoding="utf-8")
    loaded = re.findall(r"""(?i)(?:src|href|srcset)\s*=\s*["']?([^"'\s>]+)""", text)
    assert all(address.startswith(("data:image/png", "./")) for address in loaded), loaded[:5]
    assert not re.search(r"(?i)https?:|ftp:|@import|\burl\(", text)
    assert "default-src 'none'" in text


def test_html_in_metadata_stays_text(tmp_path: Path) -> None:
    folder = write_run(tmp_path / PAIR, command=["dinsar", EVIL], dinsar=EVIL, engine={"name": EVIL})
    (folder / "dinsar.yaml").write_text(f"roi: null # {EVIL}\n", encoding="utf-8")
    (pair,), _ = find_products(folder)
    raw = write_report(pair).path.read_text(encoding="utf-8")
    assert "<img src=x" not in raw
    assert "<script>alert" not in raw
    assert EVIL in html.unescape(raw)


def test_rasters_alone_are_enough(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    """Of a folder with the displacement alone most is not known, and that is said."""
    folder = write_run(tmp_path / PAIR)
    bare = tmp_path / "bare"
    bare.mkdir()
    (folder / "products" / "los_displacement.tif").rename(bare / "los_displacement.tif")
    outcome = dinsar("report", bare)
    assert (outcome.code, outcome.err) == (0, "")
    text = text_of(bare / "report.html")
    assert "not known" in text
    assert "No check warns." in text


def test_overview_of_several_runs(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    bad = clean_case()
    DEFECTS["ramp"](bad)
    write_run(tmp_path / PAIR)
    write_run(tmp_path / "T052D_20230916_20230928", bad)
    outcome = dinsar("report", tmp_path / PAIR, tmp_path / "T052D_20230916_20230928")
    assert outcome.out.splitlines()[-1] == str((tmp_path / "reports.html").resolve())
    raw = (tmp_path / "reports.html").read_text(encoding="utf-8")
    text = html.unescape(raw)
    assert raw.count("data:image/png") == 2
    links = re.findall(r'<h2><a href="([^"]+)"', raw)
    assert all((tmp_path / link).is_file() for link in links)
    assert len(links) == 2
    assert text.count("No check warns.") == 1
    assert RULES["ramp"].bad in text


def test_run_whose_report_is_written_again_is_whole(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    folder = write_run(tmp_path / PAIR)
    journal = Journal.open(folder / RUN_FILE)
    page = folder / "products" / "report.html"
    page.write_text("an old one", encoding="utf-8")
    journal.put("report", StageRecord("mark"), [page], hash_of=sha256)
    assert dinsar("report", folder).code == 0
    again = Journal.open(folder / RUN_FILE)
    assert again.changed(again.stages["report"], verify=True) == []
    assert "No check warns." in text_of(page)


def test_folder_without_a_map_is_refused(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    outcome = dinsar("report", tmp_path)
    assert outcome.code == 3
    assert outcome.error[0].startswith("There are no products")


def test_cycle_jumps_count_the_outline() -> None:
    """A block of 10 x 20 that is a cycle off has an outline of 60 pairs; noise without coherence does not count."""
    phase = np.add.outer(np.linspace(0, 30, 100), np.linspace(0, 20, 100))
    wrapped = np.angle(np.exp(1j * phase))
    ones, coherence = np.ones((100, 100), int), np.full((100, 100), 0.8)
    assert cycle_jumps(phase, wrapped, coherence, ones) == (0, 10_000)
    phase[40:50, 30:50] += 2 * np.pi
    assert cycle_jumps(phase, wrapped, coherence, ones)[0] == 60
    parts = ones.copy()
    parts[40:50, 30:50] = 2
    assert cycle_jumps(phase, wrapped, coherence, parts)[0] == 0
    assert cycle_jumps(phase, wrapped, coherence * 0.5, ones) == (0, 0)


def test_orbit_error_is_that_of_the_baseline() -> None:
    """dr = B_h sin(look) - B_v cos(look): its slope over the look angle is the error across the line of sight."""
    incidence = np.broadcast_to(np.linspace(32, 42, 200), (100, 200))
    look = np.arcsin(0.902 * np.sin(np.radians(incidence)))
    horizontal, vertical = 0.4, 0.3
    change = horizontal * np.sin(look) - vertical * np.cos(look)
    error, angles = orbit_error(change, incidence, np.ones(incidence.shape, bool))
    middle = float(np.mean(look))
    assert error == pytest.approx(horizontal * math.cos(middle) + vertical * math.sin(middle), rel=0.02)
    assert angles == pytest.approx(0.96 * (look.max() - look.min()), rel=0.05)


def test_height_trend_is_the_slope() -> None:
    generator = np.random.default_rng(2)
    elevation = generator.uniform(200, 1800, (80, 80))
    trend = height_trend(1e-5 * elevation + generator.normal(0, 1e-3, (80, 80)), elevation, np.ones((80, 80), bool))
    assert trend is not None
    assert trend.slope == pytest.approx(1e-5, rel=0.05)
    assert trend.size == pytest.approx(1e-5 * 1600 * 0.96, rel=0.05)
    flat = height_trend(generator.normal(0, 1e-3, (80, 80)), elevation, np.ones((80, 80), bool))
    assert flat is not None
    assert flat.size == 0


def test_shares() -> None:
    coherence = np.array([[0.1, 0.2, 0.5, np.nan]])
    assert noise_share(coherence) == pytest.approx(2 / 3)
    water = np.where(coherence < 0.3, 4.0, 0.0)
    assert noise_share(coherence, water) == 0
    assert noise_share(coherence, np.full(coherence.shape, 255.0)) == pytest.approx(2 / 3)  # nobody looked
    los, parts = np.array([[1.0, 1.0, 1.0, np.nan]]), np.array([[1, 1, 2, 3]])
    assert other_components(los, parts) == pytest.approx(1 / 3)
    elevation = np.array([[1.0, np.nan, 2.0, np.nan]])
    assert dem_gap(elevation, np.array([[True, True, True, False]])) == pytest.approx(1 / 3)
    assert outside_share((0, 0, 2, 2), (1, -1, 5, 5)) == pytest.approx(0.5)
    assert outside_share((0, 0, 2, 2), (-1, -1, 5, 5)) == 0
    assert outside_share((0, 0, 2, 2), (3, 3, 5, 5)) == 1
    # low coherence over hills that are bright is no water
    generator = np.random.default_rng(1)
    hills, bright = generator.normal(0, 50, (30, 30)), np.full((30, 30), 40.0)
    assert water_share(np.zeros((30, 30)), np.full((30, 30), 0.1), hills, bright) == 0
    assert water_share(np.zeros((30, 30)), np.full((30, 30), 0.1), np.full((30, 30), 5.0), bright) == 1
    assert water_share(np.zeros((30, 30)), np.full((30, 30), 0.9), np.full((30, 30), 5.0), bright) == 0


def test_verdict_says_number_and_limit() -> None:
    assert judge("ramp", 0.031).good is False
    assert judge("ramp", 0.03).good is True
    assert judge("ramp", math.nan).good is None
    assert judge("ramp", 0.05, threshold=0.06).good is True
    assert judge("ramp", 0.031, threshold=0.01).limit == "3.0\u00a0cm"
    warning = judge("ramp", 0.084).warning
    assert "8.4\u00a0cm, limit 3.0\u00a0cm" in warning
    assert judge("ramp", 0.01).warning == ""


def test_hillshade_is_bright_where_the_sun_is() -> None:
    """The sun is in the north-west: a slope that faces it is brighter than one that faces away."""
    row, column = np.mgrid[:20, :20]
    faces_northwest = 10.0 * (row + column)  # rises to the south-east
    bright, dark = hillshade(faces_northwest, (30.0, 30.0)), hillshade(-faces_northwest, (30.0, 30.0))
    flat = hillshade(np.zeros((20, 20)), (30.0, 30.0))
    assert bright[10, 10] > flat[10, 10] > dark[10, 10]
    assert flat[10, 10] == pytest.approx(math.sin(math.radians(45)))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-0.31, 0.31, [-0.2, 0, 0.2]), (5, 5, [5]), (0, 1234, [0, 500, 1000])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert round_ticks(low, high) == ticks
