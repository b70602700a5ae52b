"""``dinsar displacement``: maps from topsApp folders with known content, whole, moved, or geocoded only."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import xy

from dinsar_cli.engines.topsapp.results.layers import los_from_angles
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS
from support.command import Outcome
from support.refusal import NO_DATA, USAGE, check_refusal, snapshot
from support.topsapp.geocoded_folder import (
    BORDER,
    CYCLES,
    EDGE,
    LENGTH,
    NORTH,
    STEP,
    WEST,
    WIDTH,
    GeocodedContent,
    true_incidence,
    true_ionosphere,
    true_phase,
    write_geocoded_folder,
    write_geocoded_layers,
    write_notes,
)
from support.topsapp.merged_folder import (
    CELLS,
    FIRST,
    LOOKS,
    SECOND,
    WAVELENGTH,
    Content,
    latitude,
    longitude,
    write_folder,
    write_swaths,
)
from support.topsapp.merged_folder import EDGE as LOOK_EDGE

Dinsar = Callable[..., Outcome]
_NOT_MADE = {"ramp", "ionosphere_phase", "reversed_difference", "visibility"}
_OF_PHASE = 63  # flags of the checks of the phase
MADE = LAYERS.keys() - _NOT_MADE - {name for name in LAYERS if name.startswith(("correction_", "offset_"))}


@dataclass(frozen=True)
class Layer:
    """A product: values, positions of the pixel centres, tags."""

    values: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    tags: dict[str, str]
    transform: Any


def read(output: Path, name: str) -> Layer:
    """Read a product of a map in degrees."""
    with rasterio.open(output / "products" / f"{name}.tif") as dataset:
        values = dataset.read()
        rows, columns = np.indices(dataset.shape)
        x, y = (np.reshape(axis, dataset.shape) for axis in xy(dataset.transform, rows.ravel(), columns.ravel()))
        return Layer(values[0] if len(values) == 1 else values, x, y, dataset.tags(), dataset.transform)


def made(dinsar: Dinsar, *arguments: object) -> dict[str, Any]:
    """Run the command, which must succeed, and give its summary."""
    outcome = dinsar("displacement", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    summary: dict[str, Any] = json.loads(outcome.out)
    return summary


def check_look_phase(layer: Layer, sign: int, scale: float = 1.0) -> None:
    """The values are the phase of `Content` but for a constant, where a pixel has four look cells around it."""
    line, sample = look_cells(layer)
    inner = (line >= LOOK_EDGE) & (line <= CELLS[0] - 1 - LOOK_EDGE)
    inner &= (sample >= LOOK_EDGE) & (sample <= CELLS[1] - 1 - LOOK_EDGE)
    assert inner.sum() > 1000
    error = layer.values[inner] - scale * sign * (0.4 * line + 0.3 * sample - 2.0)[inner]
    constant = error.mean() if scale != 1 else 0.0
    np.testing.assert_allclose(error, constant, atol=1e-3 * abs(scale))


def look_cells(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Fractional look line and sample of map pixels, from the affine positions of `Content`."""
    origin = np.array([longitude(0, 0), latitude(0, 0)])
    along = np.array([longitude(1, 0), latitude(1, 0)]) - origin
    across = np.array([longitude(0, 1), latitude(0, 1)]) - origin
    away = np.stack([layer.longitude - origin[0], layer.latitude - origin[1]], axis=-1)
    line, sample = np.moveaxis(away @ np.linalg.inv(np.stack([along, across])), -1, 0)
    return (
        (line - (LOOKS.azimuth - 1) / 2) / LOOKS.azimuth,
        (sample - (LOOKS.range - 1) / 2) / LOOKS.range,
    )


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A folder with all layers on the radar grid."""
    return write_folder(tmp_path / "insar", Content())


@pytest.fixture
def geocoded(tmp_path: Path) -> Path:
    """A folder with nothing but geocoded layers, and the descriptions of the subswaths."""
    return write_geocoded_folder(tmp_path / "insar")


# Layers on the radar grid


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("named", ["insar", "insar/merged"])
def test_a_whole_folder_gives_the_products_of_a_run(
    tmp_path: Path, dinsar: Dinsar, named: str, *, backwards: bool
) -> None:
    folder = write_folder(tmp_path / "insar", Content(backwards=backwards))
    before = snapshot(folder)
    summary = made(dinsar, tmp_path / named, "--mask", "none")  # its coherence is that of noise
    output = folder / "displacement"
    assert summary["folder"] == str(output)
    assert {path.name for path in (output / "products").iterdir()} == {
        *(f"{name}.{kind}" for name in MADE for kind in ("tif", "qml")),
        "displacement.png",
        "report.html",
    }
    assert (summary["reference_date"], summary["secondary_date"]) == (FIRST.isoformat(), SECOND.isoformat())
    assert summary["looks"] == str(LOOKS)
    sign = -1 if backwards else 1
    check_look_phase(read(output, "unwrapped_phase"), sign)
    los = read(output, "los_displacement")
    check_look_phase(los, sign, -WAVELENGTH / (4 * math.pi))
    assert los.tags["reference_date"] == FIRST.isoformat()
    assert los.tags["wavelength_m"] == repr(WAVELENGTH)
    assert before.items() <= snapshot(folder).items()
    assert {path.parts[len(folder.parts)] for path in set(snapshot(folder)) - set(before)} == {"displacement"}


def test_a_folder_that_was_moved_gives_the_same(tmp_path: Path, dinsar: Dinsar, whole: Path) -> None:
    made(dinsar, whole, "--output", tmp_path / "before")
    shutil.move(whole, tmp_path / "archive of 2023")
    made(dinsar, tmp_path / "archive of 2023" / "merged", "--output", tmp_path / "after")
    for name in MADE:
        one, other = (read(tmp_path / when, name).values for when in ("before", "after"))
        np.testing.assert_array_equal(one, other)


def test_without_components_all_phase_is_one_and_that_is_said(dinsar: Dinsar, whole: Path) -> None:
    for path in (whole / "merged").glob("*.conncomp*"):
        path.unlink()
    summary = made(dinsar, whole)
    assert any("conncomp" in text for text in summary["warnings"])
    assert list(summary["components"]) == ["1"]
    labels = read(whole / "displacement", "connected_components").values
    phase = read(whole / "displacement", "unwrapped_phase").values
    np.testing.assert_array_equal(labels[np.isfinite(phase)], 1)


def test_without_scenes_there_is_no_amplitude_and_that_is_said(dinsar: Dinsar, whole: Path) -> None:
    (whole / "merged" / "reference.slc.full").unlink()
    summary = made(dinsar, whole)
    assert any("amplitude" in text for text in summary["warnings"])
    assert "amplitude" not in summary["products"]
    assert not (whole / "displacement" / "products" / "amplitude.tif").exists()


@pytest.mark.parametrize("backwards", [False, True])
def test_names_before_isce_2_4_are_known(tmp_path: Path, dinsar: Dinsar, *, backwards: bool) -> None:
    folder = write_folder(tmp_path / "insar", Content(backwards=backwards))
    for new, old in (("reference", "master"), ("secondary", "slave")):
        (folder / new).rename(folder / old)
        for path in (folder / "merged").glob(f"{new}.slc.full*"):
            path.rename(path.with_name(path.name.replace(new, old)))
    summary = made(dinsar, folder)
    assert summary["reference_date"] == FIRST.isoformat()
    assert "amplitude" in summary["products"]
    check_look_phase(read(folder / "displacement", "unwrapped_phase"), -1 if backwards else 1)


@pytest.mark.parametrize("backwards", [False, True])
def test_dates_come_from_the_notes_where_a_description_is_gone(
    tmp_path: Path, dinsar: Dinsar, *, backwards: bool
) -> None:
    folder = write_folder(tmp_path / "insar", Content(backwards=backwards))
    shutil.rmtree(folder / "secondary")
    times = ["2023-09-04 05:56:46.992390", "2023-09-16 05:56:47.407340"]
    if backwards:
        times.reverse()
    write_notes(folder, *times, baseline=-80.0)
    summary = made(dinsar, folder)
    exact, day = (FIRST.isoformat(), "2023-09-16") if not backwards else ("2023-09-04", SECOND.isoformat())
    assert (summary["reference_date"], summary["secondary_date"]) == (exact, day)
    assert summary["perpendicular_baseline_m"] == (80.0 if backwards else -80.0)
    check_look_phase(read(folder / "displacement", "unwrapped_phase"), -1 if backwards else 1)


def test_sigma_says_what_is_in_it(dinsar: Dinsar, whole: Path) -> None:
    summary = made(dinsar, whole)
    assert "along the track" in summary["los_sigma_m"]["includes"]
    assert "along the track" in read(whole / "displacement", "los_sigma").tags["includes"]
    report = (whole / "displacement" / "products" / "report.html").read_text(encoding="utf-8")
    assert "unknown motion along the track" in report
    path = whole / "fine_interferogram" / "IW1.xml"
    path.write_text(path.read_text(encoding="utf-8").replace("azimuthsteeringrate", "else"), encoding="utf-8")
    summary = made(dinsar, whole)
    assert "squint" not in summary["products"]
    assert not (whole / "displacement" / "products" / "squint.tif").exists()
    assert "along the track" in summary["los_sigma_m"]["excludes"]
    assert "along the track" in read(whole / "displacement", "los_sigma").tags["excludes"]


def test_the_phase_is_checked_and_a_report_written(dinsar: Dinsar, whole: Path) -> None:
    rows = slice(CELLS[0] // 2, None)  # from the middle of the first component on
    path = whole / "merged" / "filt_topophase.unw"
    bands = np.fromfile(path, "f4").reshape(CELLS[0], 2, CELLS[1])  # BIL
    bands[rows, 1] += np.where(bands[rows, 1] != 0, np.float32(2 * np.pi), 0)
    bands.tofile(path)
    summary = made(dinsar, whole)
    checks = summary["checks"]
    assert checks["residue"]["incongruent"] == 0
    flags = read(whole / "displacement", "flags").values
    known = np.isfinite(read(whole / "displacement", "unwrapped_phase").values)
    assert checks["jumps"]["beyond_half_a_cycle"] > 5
    assert checks["flagged"] == pytest.approx(np.mean(flags[known] & _OF_PHASE > 0), abs=1e-5)
    assert 0 < checks["flagged"] < 0.3
    assert any("half a cycle" in text for text in summary["warnings"])
    products = whole / "displacement" / "products"
    report = products / "report.html"
    assert summary["products"]["report"] == str(report)
    told = report.read_text(encoding="utf-8")
    assert "beyond half a cycle" in told
    assert "dinsar" in told
    assert "by more than half a cycle within a component" in told  # the warning
    report.unlink()
    assert dinsar("report", whole / "displacement").code == 0
    again = report.read_text(encoding="utf-8")
    assert "beyond half a cycle" in again
    assert "by more than half a cycle within a component" in again


# Geocoded layers


@pytest.mark.parametrize("backwards", [False, True])
def test_geocoded_layers_lie_where_topsapp_put_their_samples(
    geocoded: Path, dinsar: Dinsar, *, backwards: bool
) -> None:
    write_swaths(geocoded, Content(backwards=backwards))
    summary = made(dinsar, geocoded / "merged")
    output, content = geocoded / "displacement", GeocodedContent()
    phase = read(output, "unwrapped_phase")
    sign = -1 if backwards else 1
    assert phase.values.shape == (LENGTH, WIDTH)
    np.testing.assert_allclose(phase.longitude, content.position[0], atol=1e-9)
    np.testing.assert_allclose(phase.latitude, content.position[1], atol=1e-9)
    np.testing.assert_array_equal(np.isfinite(phase.values), content.data)
    np.testing.assert_array_equal(phase.values[content.data], sign * content.unwrapped[content.data])
    wrapped = read(output, "wrapped_phase").values[content.data]
    turn = np.exp(1j * (wrapped - sign * true_phase(*content.position)[content.data]))
    np.testing.assert_allclose(turn, 1, atol=1e-5)
    np.testing.assert_array_equal(read(output, "connected_components").values, content.labels)
    coherence = read(output, "coherence").values
    np.testing.assert_allclose(
        coherence[content.data], (0.4 + 0.005 * np.indices((LENGTH, WIDTH))[0])[content.data], atol=1e-6
    )
    assert np.isnan(coherence[~content.data]).all()
    incidence = true_incidence(content.position[0])[content.data]
    np.testing.assert_allclose(read(output, "incidence_angle").values[content.data], incidence, atol=1e-4)
    vector = read(output, "los_vector").values[:, content.data]
    np.testing.assert_allclose(vector, los_from_angles(incidence, np.full_like(incidence, -100.0)), atol=1e-6)
    np.testing.assert_array_equal(read(output, "elevation").values[:, 0], 300 + np.arange(LENGTH))
    los, vertical = (read(output, name) for name in ("los_displacement", "vertical_displacement"))
    np.testing.assert_allclose(
        vertical.values[content.data], (los.values[content.data] / np.cos(np.radians(incidence))), rtol=1e-5
    )
    assert (summary["reference_date"], summary["secondary_date"]) == (FIRST.isoformat(), SECOND.isoformat())
    assert any("half a look cell" in text for text in summary["warnings"])
    assert "half a look cell" in los.tags["accuracy"]
    assert not (output / "radar").exists()


@pytest.mark.parametrize("backwards", [False, True])
def test_the_geocoded_ionosphere_is_taken_off(geocoded: Path, dinsar: Dinsar, *, backwards: bool) -> None:
    write_swaths(geocoded, Content(backwards=backwards))
    plain = geocoded / "plain"
    made(dinsar, geocoded, "--reference-point", "none", "--output", plain)
    assert not (plain / "products" / "ionosphere_phase.tif").exists()
    summary = made(dinsar, geocoded, "--reference-point", "none", "--ionosphere")
    before, after = (read(place, "los_displacement").values for place in (plain, geocoded / "displacement"))
    content = GeocodedContent()
    feigned = -WAVELENGTH / (4 * math.pi) * (-1 if backwards else 1) * true_ionosphere(content.position[1])
    np.testing.assert_allclose((before - after)[content.data], feigned[content.data], atol=1e-6)
    layer = read(geocoded / "displacement", "correction_ionosphere").values
    np.testing.assert_allclose(layer[content.data], feigned[content.data], atol=1e-6)
    np.testing.assert_array_equal(np.isfinite(layer), content.data)
    assert summary["corrections"]["ionosphere"]["lost"] == 0
    (geocoded / "merged" / "topophase.ion.geo").unlink()
    check_refusal(dinsar("displacement", geocoded, "--ionosphere"), NO_DATA, "topophase.ion.geo", "geocode list")


def test_geocoded_phase_is_checked_as_far_as_it_goes(geocoded: Path, dinsar: Dinsar) -> None:
    checks = made(dinsar, geocoded)["checks"]
    assert checks["residue"]["cells"] == 0  # topsApp takes both phases from different places
    assert checks["jumps"]["beyond_half_a_cycle"] == 0
    assert checks["components"]["borders"] == 1
    (border,) = checks["components"]["jumps"]
    assert border["cycles"] == CYCLES
    assert (geocoded / "displacement" / "products" / "report.html").is_file()
    flags, labels = (read(geocoded / "displacement", name).values for name in ("flags", "connected_components"))
    assert set(np.unique(flags[labels == 2])) == {8}
    assert set(np.unique(flags[labels == 1])) == {0}
    assert set(np.unique(flags[labels == 0])) == {255}


def test_an_area_cuts_the_samples_and_moves_none(geocoded: Path, dinsar: Dinsar) -> None:
    first, last = 20, 50
    west, north = WEST + (first - 0.5) * STEP, NORTH - (first - 0.5) * STEP
    east, south = WEST + (last - 0.3) * STEP, NORTH - (last - 0.3) * STEP
    made(dinsar, geocoded, "--roi", f"{west} {south} {east} {north}", "--reference-point", "none")
    phase, content = read(geocoded / "displacement", "unwrapped_phase"), GeocodedContent()
    cut = (slice(first, last + 1),) * 2
    np.testing.assert_array_equal(phase.values, np.where(content.data, content.unwrapped, np.nan)[cut])
    np.testing.assert_allclose(phase.longitude, content.position[0][cut], atol=1e-9)


@pytest.mark.parametrize(
    "options", [("--posting", "0.00013"), ("--crs", "utm", "--posting", "17"), ("--crs", "EPSG:32629")]
)
def test_resampling_does_not_mix_components(geocoded: Path, dinsar: Dinsar, options: tuple[str, ...]) -> None:
    made(dinsar, geocoded, *options, "--reference-point", "none")
    products = geocoded / "displacement" / "products"
    with rasterio.open(products / "unwrapped_phase.tif") as dataset:
        phase, crs, transform = dataset.read(1), dataset.crs.to_string(), dataset.transform
    with rasterio.open(products / "connected_components.tif") as dataset:
        labels = dataset.read(1)
    grid = Grid(crs, transform.c, transform.f, transform.a, *phase.shape[::-1])
    rows, columns = np.nonzero(np.isfinite(phase))
    assert rows.size > 1000
    places = [grid.lonlat(int(row), int(column)) for row, column in zip(rows[::7], columns[::7], strict=True)]
    lon, lat = np.array(places).T
    found, label = phase[rows, columns][::7], labels[rows, columns][::7]
    assert set(np.unique(label)) == {1, 2}
    error = found - true_phase(lon, lat) - 2 * np.pi * CYCLES * (label == 2)
    inner = np.abs(lat - (NORTH - (BORDER - 0.5) * STEP)) > STEP
    margin = (EDGE + 1) * STEP
    inner &= (lon > WEST + margin) & (lon < WEST + WIDTH * STEP - margin)
    inner &= (lat < NORTH - margin) & (lat > NORTH - LENGTH * STEP + margin)
    assert inner.sum() > 100
    np.testing.assert_allclose(error[inner], 0, atol=2e-3)
    # at the border and the edges the nearest sample or fewer of them: half a sample off, and never a whole cycle
    assert np.abs(error).max() < (900 + 700) * STEP


def test_pixels_between_the_samples_have_a_reference_point(geocoded: Path, dinsar: Dinsar) -> None:
    # whole multiples of the step lie midway between the samples
    summary = made(dinsar, geocoded, "--posting", STEP)
    phase, coherence = (read(geocoded / "displacement", name) for name in ("unwrapped_phase", "coherence"))
    assert summary["reference_point"]["coherence"] > 0.5
    known = np.isfinite(phase.values)
    assert np.isfinite(coherence.values[known]).all()
    labels = read(geocoded / "displacement", "connected_components").values
    error = phase.values - true_phase(phase.longitude, phase.latitude) - 2 * np.pi * CYCLES * (labels == 2)
    assert np.median(np.abs(error[known])) < 2e-3


def test_samples_that_are_not_square_are_put_on_square_pixels(tmp_path: Path, dinsar: Dinsar) -> None:
    folder, content = tmp_path / "insar", GeocodedContent(step_x=1.5 * STEP)
    (folder / "merged").mkdir(parents=True)
    write_swaths(folder, Content())
    write_geocoded_layers(folder / "merged", content)
    made(dinsar, folder, "--reference-point", "none")
    phase = read(folder / "displacement", "unwrapped_phase")
    labels = read(folder / "displacement", "connected_components").values
    assert phase.transform.a == pytest.approx(STEP) == pytest.approx(-phase.transform.e)
    error = phase.values - true_phase(phase.longitude, phase.latitude) - 2 * np.pi * CYCLES * (labels == 2)
    assert np.nanmedian(np.abs(error)) < 2e-3


def test_the_unwrapped_phase_alone_gives_displacement(geocoded: Path, dinsar: Dinsar) -> None:
    for path in (geocoded / "merged").iterdir():
        if not path.name.startswith("filt_topophase.unw.geo"):
            path.unlink()
    summary = made(dinsar, geocoded)
    output, content = geocoded / "displacement", GeocodedContent()
    assert set(summary["products"]) == {"los_displacement", "unwrapped_phase", "flags", "map", "report"}
    assert {path.name for path in (output / "products").iterdir()} == {
        *(f"{name}.{kind}" for name in ("los_displacement", "unwrapped_phase", "flags") for kind in ("tif", "qml")),
        "displacement.png",
        "report.html",
    }
    los = read(output, "los_displacement").values
    expected = -WAVELENGTH / (4 * math.pi) * content.unwrapped
    difference = (los - expected)[content.data]
    np.testing.assert_allclose(difference, difference.mean(), atol=1e-7)
    assert summary["mean_coherence"] is None
    assert summary["looks"] is None
    assert summary["perpendicular_baseline_m"] is None
    text = " ".join(summary["warnings"])
    for name in ("los.rdr.geo", "topophase.cor.geo", "conncomp.geo", "filt_topophase.flat.geo"):
        assert name in text
    outcome = dinsar("displacement", geocoded)
    assert outcome.code == 0
    assert "coherence  " not in outcome.out


@pytest.mark.parametrize("names", [("reference", "secondary"), ("master", "slave")])  # the latter before ISCE2 2.4
def test_what_the_notes_tell_is_in_the_summary(geocoded: Path, dinsar: Dinsar, names: tuple[str, str]) -> None:
    write_notes(geocoded, "2023-09-04 05:56:46", "2023-09-16 05:56:47", baseline=-80.0, names=names)
    summary = made(dinsar, geocoded)
    assert (summary["looks"], summary["perpendicular_baseline_m"]) == ("7x2", -80.0)


def test_geocoded_layers_serve_where_the_geometry_is_gone(whole: Path, dinsar: Dinsar) -> None:
    write_geocoded_layers(whole / "merged", GeocodedContent())
    assert not any("half a look cell" in text for text in made(dinsar, whole)["warnings"])
    assert (whole / "displacement" / "products" / "amplitude.tif").exists()
    shutil.rmtree(whole / "geom_reference")
    summary = made(dinsar, whole)
    text = " ".join(summary["warnings"])
    assert "half a look cell" in text
    assert "lat_01.rdr" in text
    # nothing of the first map, which had another grid, is left
    assert not (whole / "displacement" / "products" / "amplitude.tif").exists()
    assert read(whole / "displacement", "elevation").values.shape == (LENGTH, WIDTH)


# Dates and wavelength


def test_without_any_description_dates_and_wavelength_are_asked_for(geocoded: Path, dinsar: Dinsar) -> None:
    for name in ("reference", "secondary", "fine_interferogram"):
        shutil.rmtree(geocoded / name)
    check_refusal(dinsar("displacement", geocoded), NO_DATA, "reference", "--reference-date")
    dates = ["--reference-date", "2023-09-16", "--secondary-date", "2023-09-04"]
    check_refusal(dinsar("displacement", geocoded, *dates), NO_DATA, "--wavelength")
    assert not (geocoded / "displacement").exists()
    summary = made(dinsar, geocoded, *dates, "--wavelength", WAVELENGTH, "--reference-point", "none")
    assert (summary["reference_date"], summary["secondary_date"]) == ("2023-09-04", "2023-09-16")
    content = GeocodedContent()
    los = read(geocoded / "displacement", "los_displacement").values
    np.testing.assert_allclose(
        los[content.data], WAVELENGTH / (4 * math.pi) * content.unwrapped[content.data], atol=1e-7
    )


def test_a_day_that_the_notes_leave_open_is_asked_for(geocoded: Path, dinsar: Dinsar) -> None:
    shutil.rmtree(geocoded / "secondary")
    write_notes(geocoded, "2023-09-04 05:56:46", "2023-09-16 23:30:00")
    check_refusal(dinsar("displacement", geocoded), NO_DATA, "2023-09-16 or 2023-09-17", "--secondary-date")
    assert made(dinsar, geocoded, "--secondary-date", "2023-09-17")["secondary_date"] == "2023-09-17"
    refusal = dinsar("displacement", geocoded, "--secondary-date", "2023-09-18")
    check_refusal(refusal, NO_DATA, "2023-09-16 or 2023-09-17")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--reference-date", "2023-09-05"), "2023-09-04"),
        (("--secondary-date", "2023-09-04"), "2023-09-16"),
        (("--wavelength", "0.24"), "0.0555"),
    ],
)
def test_what_contradicts_the_folder_is_refused(
    geocoded: Path, dinsar: Dinsar, options: tuple[str, str], named: str
) -> None:
    check_refusal(dinsar("displacement", geocoded, *options), USAGE, *options, named)


def test_one_date_twice_is_no_pair(geocoded: Path, dinsar: Dinsar) -> None:
    shutil.copy(geocoded / "reference" / "IW1.xml", geocoded / "secondary" / "IW1.xml")
    check_refusal(dinsar("displacement", geocoded), NO_DATA, "pair", "2023-09-04")
