"""The annotation of a subswath: what was written is read, footprints are where the geometry says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.geometry import Orbit, geodetic_to_cartesian, zero_doppler
from dinsar_cli.sentinel1.annotation import read_annotation
from dinsar_cli.sentinel1.safe import open_safe
from dinsar_cli.sentinel1.subswath import Burst, Subswath, parse_time
from support.safe_factory import BURST_CYCLE, LIGHT, Product, write_safe

PRODUCTS = {
    "descending": Product(),
    "ascending": Product(anx_time=500.0),
    "southern": Product(anx_time=4000.0, longitude=77.0),
    "at the node": Product(anx_time=-3.0, bursts=3),
    "IW3": Product(swaths=("IW3",), bursts=9),
}


def read(product: Product, folder: Path, change: Callable[[str], str] | None = None) -> Subswath:
    """Annotation of the first image, read from a folder, its text changed before."""
    safe = write_safe(product, folder)
    stem = product.stem(product.swaths[0], product.polarizations[0])
    path = safe / "annotation" / f"{stem}.xml"
    if change:
        text = path.read_text()
        assert change(text) != text
        path.write_text(change(text))
    return read_annotation(open_safe(safe), f"annotation/{stem}.xml", f"measurement/{stem}.tiff")


def valid_columns(values: dict[str, list[int]]) -> Callable[[str], str]:
    """Change of an annotation: other valid samples in the first burst."""

    def change(text: str) -> str:
        for name, numbers in values.items():
            start = text.index(f"<{name} ")
            start = text.index(">", start) + 1
            text = text[:start] + " ".join(map(str, numbers)) + text[text.index("<", start) :]
        return text

    return change


def test_every_number_is_that_of_the_product(tmp_path: Path) -> None:
    product = Product(polarizations=("VH",), swaths=("IW2",), bursts=3)
    subswath = read(product, tmp_path)
    assert (subswath.name, subswath.polarization) == ("IW2", "VH")
    assert (subswath.lines_per_burst, subswath.samples) == (30, 24)
    assert subswath.azimuth_time_interval == product.line_interval
    assert subswath.range_sampling_rate == product.range_sampling_rate
    assert subswath.slant_range_time == 5.690e-3
    assert subswath.azimuth_steering_rate == 1.590368784
    assert subswath.range_bandwidth == pytest.approx(0.88 * product.range_sampling_rate)
    assert subswath.azimuth_bandwidth == pytest.approx(0.67 / product.line_interval)
    assert len(subswath.fm_rates) == len(subswath.doppler_centroids) == 5
    assert subswath.fm_rates[1].coefficients == (-2331.0, 4.5e5, 0.0)
    assert subswath.doppler_centroids[0].coefficients == (-10.0, 0.0, 0.0)
    assert [burst.index for burst in subswath.bursts] == [0, 1, 2]
    assert [burst.azimuth_time for burst in subswath.bursts] == [product.burst_start("IW2", n) for n in range(3)]
    anx = [burst.azimuth_anx_time for burst in subswath.bursts]
    assert np.diff(anx) == pytest.approx(BURST_CYCLE)


def test_derived_quantities(tmp_path: Path) -> None:
    subswath = read(Product(range_sampling_rate=64.345238e6), tmp_path)
    assert subswath.wavelength == pytest.approx(0.05546576, abs=5e-9)  # of Sentinel-1, 5.405 GHz
    assert subswath.range_spacing == pytest.approx(2.329562, abs=5e-7)  # of IW SLC
    assert subswath.starting_range == pytest.approx(5.338e-3 * LIGHT / 2)


@pytest.mark.parametrize("name", PRODUCTS)
def test_footprints_are_where_the_geometry_says(tmp_path: Path, name: str) -> None:
    """Corners are those of the samples with signal; between rows of the grid a chord of 20 km is 8 m off."""
    product = PRODUCTS[name]
    for burst in read(product, tmp_path).bursts:
        corners = np.array(burst.footprint.exterior.coords)[:4]
        expected = np.array(product.corners(product.swaths[0], burst.index))
        assert corners == pytest.approx(expected, abs=1e-4)
        assert burst.footprint.is_valid
        assert burst.outline.contains(burst.footprint)


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_orbit_sees_the_corners_when_and_where_it_should(name: str) -> None:
    """The products of these tests are true: zero-Doppler geometry gives back times and ranges of their corners."""
    product = PRODUCTS[name]
    swath, seconds = product.swaths[0], np.arange(-60.0, 61.0, 10.0)
    states = np.array([product.state(product.start + timedelta(seconds=s)) for s in seconds])
    orbit = Orbit.fit(product.start, seconds, states[:, :3])
    for sample, line in ((0, 0), (product.samples - 1, 0), (7, 29)):
        anx = product.burst_anx(swath, 0) + line * product.line_interval
        lon, lat = product.ground(anx, product.range_time(swath, sample))
        point = geodetic_to_cartesian(np.asarray(lon), np.asarray(lat), np.asarray(0.0))
        time, slant = zero_doppler(orbit, point, 0.0)
        assert float(time) == pytest.approx(anx - product.anx_time, abs=1e-7)
        assert float(slant) == pytest.approx(product.range_time(swath, sample) * LIGHT / 2, abs=1e-3)


def test_valid_samples_that_vary_from_line_to_line(tmp_path: Path) -> None:
    """What is valid in every valid line lies between the largest first and the smallest last column."""
    first, last = [2] * 30, [20] * 30
    first[:3], last[:3] = [-1] * 3, [-1] * 3
    first[29:], last[29:] = [-1], [-1]
    first[10], last[11] = 5, 17
    values = {"firstValidSample": first, "lastValidSample": last}
    burst: Burst = read(Product(), tmp_path, valid_columns(values)).bursts[0]
    assert (burst.first_valid_line, burst.last_valid_line) == (3, 28)
    assert (burst.first_valid_sample, burst.last_valid_sample) == (5, 17)


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        ([-1] * 30, [-1] * 30, "burst 0 has no samples that are valid"),
        ([12] * 30, [11] * 30, "burst 0 has no samples that are valid"),
        ([1] * 29, [20] * 29, "29 and 29 of 30 lines"),
        ([1] * 30, [20] * 31, "30 and 31 of 30 lines"),
    ],
)
def test_impossible_valid_samples(tmp_path: Path, first: list[int], last: list[int], named: str) -> None:
    values = {"firstValidSample": first, "lastValidSample": last}
    with pytest.raises(NoDataError, match=named):
        read(Product(), tmp_path, valid_columns(values))


def test_fm_rates_of_old_processors(tmp_path: Path) -> None:
    """Before IPF 2.43 the coefficients were elements of their own."""

    def old(text: str) -> str:
        name = "azimuthFmRatePolynomial"
        new = rf'<{name} count="3">-2\.331\d*e\+03 4\.5\d*e\+05 0\.0*e\+00</{name}>'
        return re.sub(new, "<c0>-2331.0</c0><c1>4.5e5</c1><c2>0</c2>", text)

    subswath = read(Product(), tmp_path / "old", old)
    assert subswath.fm_rates == read(Product(), tmp_path / "new").fm_rates


def test_doppler_from_geometry_when_the_processor_used_that(tmp_path: Path) -> None:
    subswath = read(Product(), tmp_path, lambda text: text.replace("Data Analysis", "Orbit and Attitude"))
    assert subswath.doppler_centroids[0].coefficients == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("azimuthTimeInterval", "nan"),
        ("azimuthTimeInterval", "0"),
        ("azimuthTimeInterval", "1e308"),
        ("radarFrequency", "-5e9"),
        ("rangeSamplingRate", ""),
        ("linesPerBurst", "30.5"),
        ("samplesPerBurst", "many"),
        ("azimuthTime", "yesterday"),
        ("longitude", "inf"),
        ("dataDcPolynomial", "1 2 x"),
    ],
)
def test_wrong_numbers_are_refused(tmp_path: Path, element: str, value: str) -> None:
    def change(text: str) -> str:
        return re.sub(f"<({element}[^>]*)>[^<]*</{element}>", rf"<\1>{value}</{element}>", text)

    with pytest.raises(NoDataError, match="is not a complete Sentinel-1 SLC annotation"):
        read(Product(), tmp_path, change)


ELEMENTS = (
    *("swath", "polarisation", "rangeSamplingRate", "radarFrequency", "azimuthSteeringRate", "azimuthFmRateList"),
    *("slantRangeTime", "azimuthPixelSpacing", "incidenceAngleMidSwath", "dcMethod", "swathProcParamsList"),
    *("rangeProcessing", "azimuthProcessing", "dcEstimateList", "samplesPerBurst", "burstList", "azimuthAnxTime"),
    *("firstValidSample", "lastValidSample", "geolocationGrid", "pixel", "latitude", "azimuthTime", "t0"),
)


@pytest.mark.parametrize("element", ELEMENTS)
def test_missing_elements_are_refused(tmp_path: Path, element: str) -> None:
    def change(text: str) -> str:
        return (
            text.replace(f"<{element}>", "<renamed>")
            .replace(f"</{element}>", "</renamed>")
            .replace(f"<{element} ", "<renamed ")
        )

    with pytest.raises(NoDataError, match="is not a complete Sentinel-1 SLC annotation"):
        read(Product(), tmp_path, change)


def test_times_are_utc() -> None:
    expected = datetime(2023, 9, 4, 6, 37, 36, 589401, UTC)
    assert parse_time("2023-09-04T06:37:36.589401") == expected
    assert parse_time(" UTC=2023-09-04T06:37:36.589401Z\n") == expected
