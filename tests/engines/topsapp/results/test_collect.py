"""The outputs of topsApp as the interferogram that every engine hands over."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.results.layers import cell_mean, congruent, los_from_angles
from dinsar_cli.engines.topsapp.results.swaths import read_swaths, seams
from dinsar_cli.errors import EngineError
from dinsar_cli.radar.geometry import geodetic_to_cartesian
from dinsar_cli.radar.interferogram import LAYERS, Interferogram
from support.topsapp.merged_folder import (
    AZIMUTH_BANDWIDTH,
    CELLS,
    FIRST,
    LENGTH,
    LINE_INTERVAL,
    LOOKS,
    POLYNOMIALS,
    RANGE_BANDWIDTH,
    RANGE_SPACING,
    SECOND,
    STEERING,
    WAVELENGTH,
    WIDTH,
    Content,
    angles,
    burst,
    centres,
    full_indices,
    height,
    latitude,
    longitude,
    satellite,
    write_folder,
    write_raster,
    write_swath,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "work", Content())


@pytest.mark.parametrize("scheme", ["BIL", "BIP", "BSQ"])
@pytest.mark.parametrize("order", ["l", "b"])
@pytest.mark.parametrize("kind", ["f4", "f8", "c8", "u1"])
def test_a_band_is_read_by_lines_whatever_the_layout(tmp_path: Path, scheme: str, order: str, kind: str) -> None:
    bands = [(np.arange(60).reshape(12, 5) + 100 * band).astype(kind) for band in range(2)]
    write_raster(tmp_path / "image", bands, scheme, order)
    file = IsceFile.open(tmp_path / "image")
    for number, band in enumerate(bands, 1):
        block = file.read(number, 3, 9)
        assert block.dtype == np.dtype(kind)
        np.testing.assert_array_equal(block, band[3:9])
        np.testing.assert_array_equal(file.read(number), band)


def test_a_virtual_layer_is_put_together_from_its_bursts(folder: Path) -> None:
    with IsceFile.open(folder / "merged" / "los.rdr.full") as file:
        assert file.virtual is not None
        expected = angles(*full_indices())
        for band in (1, 2):
            block = file.read(band, 20, 40)
            np.testing.assert_array_equal(block, expected[band - 1][20:40].astype("f4"))


def test_the_mean_of_a_look_cell_leaves_out_what_fills_no_cell() -> None:
    values = np.arange(4 * 8, dtype=float).reshape(4, 8)
    expected = [[values[r : r + 2, c : c + 3].mean() for c in (0, 3)] for r in (0, 2)]
    np.testing.assert_allclose(cell_mean(values, Looks(3, 2)), expected)


@pytest.mark.parametrize(
    ("azimuth", "direction"),
    [
        (0.0, (0, 1)),
        (90.0, (-1, 0)),
        (-270.0, (-1, 0)),
        (-90.0, (1, 0)),
        (-180.0, (0, -1)),
        (-225.0, (-(0.5**0.5), -(0.5**0.5))),
    ],
)
def test_azimuth_counts_from_north_anticlockwise(azimuth: float, direction: tuple[float, float]) -> None:
    vector = los_from_angles(np.array(30.0), np.array(azimuth))
    np.testing.assert_allclose(vector, [0.5 * direction[0], 0.5 * direction[1], 0.75**0.5], atol=1e-12)


def test_congruence_is_exact_and_its_correction_known() -> None:
    wrapped = np.array([3.0, -3.0, 0.5])
    phase, correction = congruent(wrapped + 2 * np.pi * np.array([4, -7, 0]) + 0.01, wrapped)
    np.testing.assert_allclose(phase, wrapped + 2 * np.pi * np.array([4, -7, 0]), atol=1e-12)
    np.testing.assert_allclose(correction, -0.01, atol=1e-12)


@pytest.mark.parametrize("backwards", [False, True])
def test_phase_is_positive_away_from_the_satellite_whichever_date_was_the_reference(
    tmp_path: Path, backwards: bool
) -> None:
    content = Content(backwards=backwards)
    result = collect(write_folder(tmp_path / "work", content), tmp_path / "radar", looks=LOOKS)
    wrapped, unwrapped = result.layer("wrapped").read(), result.layer("unwrapped").read()
    expected = -content.phase if backwards else content.phase
    np.testing.assert_array_equal(np.isfinite(unwrapped), content.data)
    np.testing.assert_array_equal(np.isfinite(wrapped), content.data)
    np.testing.assert_allclose(unwrapped[content.data], expected[content.data], atol=1e-5)
    cycles = (unwrapped - np.angle(wrapped))[content.data] / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.round(cycles), atol=1e-6)
    assert np.ptp(np.round(cycles)) >= 2
    assert (result.reference_date, result.secondary_date) == (FIRST.isoformat(), SECOND.isoformat())
    # the images keep their dates: the reference of topsApp has 30 + sample / 2
    first, second = result.layer("amplitude").read()
    assert (first < second).all() != backwards


def test_every_layer_is_what_it_says(folder: Path, tmp_path: Path) -> None:
    result = collect(folder, tmp_path / "radar")
    content, (line, sample) = Content(), centres()
    assert (result.lines, result.samples, result.looks) == (*CELLS, (LOOKS.range, LOOKS.azimuth))
    coherence = result.layer("coherence").read()
    np.testing.assert_allclose(
        coherence[content.data], (0.3 + 0.01 * np.indices(CELLS)[1])[content.data], atol=1e-6
    )
    assert np.isnan(coherence[~content.data]).all()
    components = result.layer("components").read()
    np.testing.assert_array_equal(components, np.where(content.data, np.where(np.indices(CELLS)[0] < 20, 1, 2), 0))
    for name, function, tolerance in (
        ("latitude", latitude, 1e-12),
        ("longitude", longitude, 1e-12),
        ("height", height, 1e-4),
    ):
        np.testing.assert_allclose(result.layer(name).read(), function(line, sample), atol=tolerance, rtol=0)
    np.testing.assert_allclose(
        result.layer("amplitude").read(),
        [np.sqrt((mean + 0.5 * sample) ** 2 + 0.25 * (LOOKS.range**2 - 1) / 12) for mean in (30.0, 40.0)],
        rtol=1e-5,
    )
    assert Interferogram.load(tmp_path / "radar") == result


def test_directions_are_averaged_and_not_angles_where_the_azimuth_wraps(folder: Path, tmp_path: Path) -> None:
    los = collect(folder, tmp_path / "radar").layer("los").read()
    # 90 degrees is due west, where ISCE2 goes over to -270: angles average to nonsense there
    assert {1, -1} == set(np.sign(angles(*full_indices())[1]).ravel())
    np.testing.assert_allclose(los, los_from_angles(*angles(*centres())), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(los, axis=0), 1, atol=1e-6)


def test_los_with_looks_serves_where_the_full_resolution_is_gone(folder: Path, tmp_path: Path) -> None:
    incidence, azimuth = np.full(CELLS, 40.0, "f4"), np.full(CELLS, -100.0, "f4")
    write_raster(folder / "merged" / "los.rdr", [incidence, azimuth])
    (folder / "merged" / "los.rdr.full.vrt").unlink()
    los = collect(folder, tmp_path / "radar").layer("los").read()
    np.testing.assert_allclose(los[:, 7, 5], los_from_angles(np.array(40.0), np.array(-100.0)), atol=1e-6)


def test_position_is_unknown_where_no_burst_reaches(folder: Path, tmp_path: Path) -> None:
    for part in ("lat", "lon", "hgt", "los"):
        path = folder / "geom_reference" / f"{part}_01.rdr"
        np.zeros_like(np.fromfile(path, "u1")).tofile(path)
    result = collect(folder, tmp_path / "radar")
    for name in ("latitude", "longitude", "height", "los"):
        values = result.layer(name).read()
        assert np.isnan(values[..., :14, :]).all(), name
        assert np.isfinite(values[..., 14:, :]).all(), name


def test_description_follows_from_the_bursts(folder: Path, tmp_path: Path) -> None:
    result = collect(folder, tmp_path / "radar")
    share = RANGE_BANDWIDTH / (299792458.0 / (2 * RANGE_SPACING)) * AZIMUTH_BANDWIDTH * LINE_INTERVAL
    assert result.wavelength == WAVELENGTH
    assert result.effective_looks == pytest.approx(6 * share)
    # weights 1/3, 2/3, 1, 2/3, 1/3 in both directions
    assert result.coherence_looks == pytest.approx((9 / (19 / 9)) ** 2 * share)
    line, sample = centres()
    middle = CELLS[0] // 2, CELLS[1] // 2
    incidence = math.radians(angles(line, sample)[0][middle])
    assert result.range_spacing == pytest.approx(LOOKS.range * RANGE_SPACING / math.sin(incidence), rel=1e-5)
    point = np.asarray([f(line, sample)[middle] for f in (longitude, latitude, height)])
    ground = np.linalg.norm(geodetic_to_cartesian(*point))
    speed = 7450.0 * ground / 7_071_000.0
    assert result.azimuth_spacing == pytest.approx(LOOKS.azimuth * LINE_INTERVAL * speed, rel=1e-4)
    assert result.versions == {"ISCE2": "2.6.5"}
    assert result.burst_seams == (((28 + 2) // 2, 4 // 3, 44 // 3),)
    assert result.swath_seams == ()


@pytest.mark.parametrize("backwards", [False, True])
def test_bursts_tell_their_step_over_the_lines_that_both_see(tmp_path: Path, backwards: bool) -> None:
    """Fringes are in both; 0.7 rad more in the later burst are the step, in the sign of the map.

    Lines 30 and 31 of the grid are those that both see.
    """
    work = write_folder(tmp_path / "work", Content(backwards=backwards))
    line, sample = np.mgrid[:33, :45]
    for number, (first, step) in enumerate(((0, 0.0), (28, 0.7)), 1):
        wave = np.exp(1j * (0.3 * (first + line) + 0.2 * sample + step)).astype("c8")
        path = work / "fine_interferogram" / "IW1" / f"burst_{number:02d}.int"
        path.parent.mkdir(exist_ok=True)
        write_raster(path, [wave], "BIP")
    result = collect(work, tmp_path / "radar")
    [overlap] = result.burst_overlaps
    assert overlap is not None
    assert overlap.phase == pytest.approx(-0.7 if backwards else 0.7, abs=1e-5)
    assert Interferogram.load(tmp_path / "radar") == result
    assert overlap.doppler is not None
    assert overlap.lines == pytest.approx(overlap.phase / (2 * np.pi * overlap.doppler * LINE_INTERVAL))


def test_bursts_tell_nothing_where_their_interferograms_are_gone(folder: Path, tmp_path: Path) -> None:
    assert collect(folder, tmp_path / "radar").burst_overlaps == (None,)


def test_baseline_of_a_higher_orbit_is_its_part_across_the_look(tmp_path: Path) -> None:
    line, sample = (index[CELLS[0] // 2, CELLS[1] // 2] for index in centres())
    point = geodetic_to_cartesian(longitude(line, sample), latitude(line, sample), height(line, sample))
    position = np.array(satellite(0.0))
    look = (point - position) / np.linalg.norm(point - position)
    up = position / np.linalg.norm(position)
    across = 100.0 * math.sqrt(1 - (look @ up) ** 2)
    # the satellite goes south and looks to its right, west: the secondary is above, cross(look, up) points south
    south = np.array(satellite(1.0)) - position
    sign = np.sign(np.cross(look, up) @ south)
    for backwards in (False, True):
        work = write_folder(tmp_path / f"work{backwards}", Content(backwards=backwards))
        result = collect(work, tmp_path / f"radar{backwards}")
        assert result.perpendicular_baseline == pytest.approx(sign * across, rel=1e-3)


def test_seams_of_subswaths_are_at_the_near_edge_of_the_farther_one(tmp_path: Path) -> None:
    far, later = 8e5 + 100 * RANGE_SPACING, FIRST + timedelta(seconds=10 * LINE_INTERVAL)
    step = timedelta(seconds=50 * LINE_INTERVAL)
    near_valid, far_valid = (4, 52, 6, 120), (3, 53, 8, 90)
    write_swath(tmp_path / "IW1.xml", [burst(FIRST + n * step, 8e5, near_valid) for n in range(2)])
    # burst 10 comes before burst 2 in the order of names
    write_swath(tmp_path / "IW2.xml", [burst(later + n * step, far, far_valid) for n in range(11)])
    swaths = read_swaths(tmp_path)
    burst_seams, swath_seams = seams(swaths, Looks(2, 1), later_on_top=True)
    assert swath_seams == ((100 + 8) // 2,)
    assert burst_seams[0] == (50 + 4, 6 // 2, (100 + 8) // 2)
    assert burst_seams[1:] == tuple((10 + 50 * n + 3, 108 // 2, 198 // 2) for n in range(1, 11))
    copied, _ = seams(swaths[:1], Looks(2, 1), later_on_top=False)
    assert copied == ((4 + 52, 6 // 2, 126 // 2),)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_squint_follows_from_the_descriptions(tmp_path: Path, backwards: bool) -> None:
    work = write_folder(tmp_path / "work", Content(backwards=backwards))
    found = collect(work, tmp_path / "radar").layer("squint").read()
    line, sample = centres()
    first = np.where(line < 30 - 1, 0, 28)  # from line 30 on, which the cell at 29.5 has, the later one is on top
    since = (line - first - 16) * LINE_INTERVAL
    fm_rate, centroid = (c0 + c1 * sample * 2 * RANGE_SPACING / 299792458 for c0, c1 in POLYNOMIALS.values())
    middle = 45 / 2 * 2 * RANGE_SPACING / 299792458
    steering = 2 * 7450.0 / WAVELENGTH * STEERING
    delay = -centroid / fm_rate + (20.0 - 9e3 * middle) / (-2200.0 + 4e5 * middle)
    frequency = centroid + fm_rate * steering / (fm_rate - steering) * (since - delay)
    point = geodetic_to_cartesian(longitude(32, 22), latitude(32, 22), np.array(500.0))
    expected = WAVELENGTH * frequency / (2 * 7450.0 * np.linalg.norm(point) / np.linalg.norm(satellite(0)))
    known = (line > 2) & (line < 57) & (sample > 4) & (sample < 43)
    np.testing.assert_allclose(found[known], expected[known], rtol=3e-3)
    assert np.isnan(found[line > 59]).all()


def test_without_the_steering_the_squint_is_not_known(tmp_path: Path) -> None:
    work = write_folder(tmp_path / "work", Content())
    path = work / "fine_interferogram" / "IW1.xml"
    path.write_text(path.read_text(encoding="utf-8").replace("azimuthsteeringrate", "else"), encoding="utf-8")
    made = collect(work, tmp_path / "radar")
    assert np.isnan(made.layer("squint").read()).all()
    assert np.isfinite(made.layer("unwrapped").read()).any()


def test_neither_strips_nor_threads_change_anything(folder: Path, tmp_path: Path) -> None:
    run = FinishedRun.open(folder, LOOKS)
    line = CELLS[1] * LOOKS.range * LOOKS.azimuth * 64
    assert list(run.strips(1)) == [(n, n + 1) for n in range(CELLS[0])]
    assert list(run.strips(20 * line)) == [(0, 20), (20, CELLS[0])]
    whole = collect(folder, tmp_path / "whole", threads=1)
    cut = collect(folder, tmp_path / "cut", threads=4, memory=3 * 4 * line)
    for name in LAYERS:
        np.testing.assert_array_equal(whole.layer(name).read(), cut.layer(name).read())


def test_without_images_there_is_no_amplitude_but_the_rest(folder: Path, tmp_path: Path) -> None:
    (folder / "merged" / "secondary.slc.full").unlink()
    result = collect(folder, tmp_path / "radar")
    assert np.isnan(result.layer("amplitude").read()).all()
    assert np.isfinite(result.layer("unwrapped").read()).any()


@pytest.mark.parametrize(
    "missing",
    [
        "merged/filt_topophase.flat",
        "merged/filt_topophase.unw",
        "merged/filt_topophase.unw.conncomp",
        "merged/filt_topophase.unw.xml",
        "merged/topophase.cor",
        "merged/lat.rdr.full.vrt",
        "geom_reference/lon_02.rdr",
        "fine_interferogram/IW1.xml",
        "secondary/IW1.xml",
    ],
)
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(EngineError) as refused:
        collect(folder, tmp_path / "radar")
    assert Path(missing).name.split(".")[0].split("_0")[0].removesuffix("IW1") in str(refused.value)
    assert str(folder) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 3


def test_a_truncated_file_is_refused(folder: Path, tmp_path: Path) -> None:
    path = folder / "merged" / "filt_topophase.unw"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EngineError, match="too short"):
        collect(folder, tmp_path / "radar")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<value>BIL</value>", "<value>BILL</value>", "BILL"),
        ("<value>FLOAT</value>", "<value>HALF</value>", "HALF"),
        (f"<value>{CELLS[1]}</value>", "<value>-3</value>", "-3"),
        (f"<value>{CELLS[1]}</value>", "<value>many</value>", "many"),
        ('name="scheme"', 'name="schema"', "scheme"),
        ("</imageFile>", "", "XML"),
    ],
)
def test_a_damaged_header_is_refused(folder: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    header = folder / "merged" / "filt_topophase.unw.xml"
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    with pytest.raises(EngineError, match=r"filt_topophase\.unw\.xml") as refused:
        collect(folder, tmp_path / "radar")
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["sensingstart", "radarwavelength", "position"])
def test_a_damaged_description_of_bursts_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    path = folder / "fine_interferogram" / "IW1.xml"
    path.write_text(path.read_text().replace(f'name="{name}"', 'name="other"'))
    with pytest.raises(EngineError, match=name):
        collect(folder, tmp_path / "radar")


def test_layers_of_different_runs_are_refused(folder: Path, tmp_path: Path) -> None:
    shape = CELLS[0] - 1, CELLS[1]
    write_raster(folder / "merged" / "topophase.cor", [np.ones(shape, "f4")] * 2)
    with pytest.raises(EngineError, match=r"topophase\.cor does not fit"):
        collect(folder, tmp_path / "radar")


def test_an_unwrapped_phase_of_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    content = Content()
    other = np.where(content.data, 0.9 * content.phase + 0.3, 0).astype("f4")
    write_raster(folder / "merged" / "filt_topophase.unw", [np.ones(CELLS, "f4"), other])
    with pytest.raises(EngineError, match="is not the unwrapped phase of"):
        collect(folder, tmp_path / "radar")


def test_an_empty_unwrapped_phase_is_refused(folder: Path, tmp_path: Path) -> None:
    write_raster(folder / "merged" / "filt_topophase.unw", [np.zeros(CELLS, "f4")] * 2)
    with pytest.raises(EngineError, match="is empty"):
        collect(folder, tmp_path / "radar")


def test_other_looks_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"does not have 7x2 looks") as refused:
        collect(folder, tmp_path / "radar", looks=Looks(7, 2))
    assert f"{LENGTH} x {WIDTH}" in str(refused.value)


def test_the_work_of_another_pair_is_refused(folder: Path, tmp_path: Path) -> None:
    near = timedelta(seconds=20)
    result = collect(folder, tmp_path / "radar", dates=(SECOND - near, FIRST - near))
    assert result.reference_date == (FIRST - near).isoformat()
    with pytest.raises(EngineError, match="another pair") as refused:
        collect(folder, tmp_path / "radar", dates=(FIRST, SECOND + timedelta(days=12)))
    assert "2023-09-28" in str(refused.value)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_ionosphere_has_the_sign_of_the_interferogram(tmp_path: Path, backwards: bool) -> None:
    content = Content(backwards=backwards)
    work, target = write_folder(tmp_path / "work", content), tmp_path / "radar"
    plain = collect(work, target, looks=LOOKS)
    assert not plain.ionosphere.path.exists()
    with pytest.raises(EngineError, match=r"topophase\.ion"):
        collect(work, target, looks=LOOKS, ionosphere=True)
    phase = np.linspace(-2, 3, CELLS[0] * CELLS[1]).reshape(CELLS).astype("f4")
    write_raster(work / "merged" / "topophase.ion", [phase], "BIP")
    result = collect(work, target, looks=LOOKS, ionosphere=True)
    expected = np.where(content.data, -phase if backwards else phase, np.nan)
    np.testing.assert_allclose(result.ionosphere.read(), expected)
    assert result.ionosphere.path in result.files
    assert result.ionosphere.path not in collect(work, target, looks=LOOKS).files  # nothing of an earlier run stays
