"""`dinsar network`: of products at hand, and of a test archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from dinsar_cli.series.network import read_network
from support.archive import Archive
from support.catalog_inputs import DOWN, FIRST, ROI, archive_scenes, run_online, scene
from support.command import Outcome
from support.run_inputs import write_orbit
from support.safe_factory import Product, write_safe, zip_safe

Dinsar = Callable[..., Outcome]

SHIFT = 2e-4  # degrees of longitude by which each pass lies farther east: 19 m
FLIGHTS = [
    replace(Product(polarizations=("VV", "VH")).repeated(12 * number), longitude=SHIFT * number)
    for number in range(5)
]
DAYS = [flight.start.date() for flight in FLIGHTS]


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five dates, packed and not, and one with their orbit files."""
    folder = tmp_path_factory.mktemp("products")
    for number, flight in enumerate(FLIGHTS):
        safe = write_safe(flight, folder / ("packed" if number == 1 else "slc"))
        write_state_vectors(flight, safe)
        if number == 1:
            zip_safe(safe, folder / "slc" / f"{flight.name}.zip")
        write_orbit(flight, folder / "orbits")
    return folder


def write_state_vectors(flight: Product, safe: Path) -> None:
    """Put state vectors into the annotation of a product, as real ones have them."""
    moments = [flight.start + timedelta(seconds=10 * step - 60) for step in range(17)]
    orbits = etree.Element("orbitList", count=str(len(moments)))
    for moment in moments:
        orbit = etree.SubElement(orbits, "orbit")
        etree.SubElement(orbit, "time").text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
        state = flight.state(moment)
        for name, values in (("position", state[:3]), ("velocity", state[3:])):
            vector = etree.SubElement(orbit, name)
            for axis, value in zip("xyz", values, strict=True):
                etree.SubElement(vector, axis).text = f"{value:.6f}"
    for path in safe.glob("annotation/*.xml"):
        root = etree.parse(path)
        found = root.find("generalAnnotation")
        assert found is not None
        found.append(orbits)
        path.write_bytes(etree.tostring(root))


@pytest.fixture
def network(dinsar: Dinsar, products: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command on these products, with its results in `tmp_path`."""
    return lambda *more: dinsar("network", "--slc", products / "slc", "--output", tmp_path, *more)


def test_products_of_a_folder_make_a_network(network: Dinsar, products: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    done = network("--orbits", products / "orbits", "--rule", "sequential:2", "--map", page)
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[1][:2] == ["20230904_20230916", "12"]
    assert rows[1][-2:] == ["or", "20230904_20230928"]
    assert rows[3][-1] == "named"
    assert "T052D VV: 7 pairs of 5 dates, in 1 part" in done.out
    assert "2.8 a date in the mean, fewest 2 (2023-09-04, 2023-10-22)" in done.out
    assert "named in 3 of 7, could be another's in 4, is not seen in 0" in done.out
    assert "5 from POEORB" in done.out
    made = read_network(tmp_path / "network.json")
    assert (made.dates, made.track, made.polarization) == (tuple(DAYS), "T052D", "VV")
    assert (tmp_path / "network.png").read_bytes().startswith(b"\x89PNG")
    assert all(text in page.read_text() for text in ("T052D", *(f"S1A {day}" for day in DAYS)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.html", "network.json", "network.png"]


def test_baselines_grow_with_the_distance_of_the_orbits(network: Dinsar, products: Path) -> None:
    """Passes that are turned about the axis of the Earth by equal steps lie in line, but for their curvature."""
    found = {}
    for name, more in {"orbits": ("--orbits", products / "orbits"), "annotation": ()}.items():
        record = json.loads(network("--rule", "all", "--json", *more).out)
        found[name] = [one["perpendicular_baseline_m"] for one in record["dates"]]
    assert found["orbits"] == pytest.approx(found["annotation"], abs=0.02)
    step = found["orbits"][1]
    assert 10 < abs(step) < 22
    assert found["orbits"] == pytest.approx([step * number for number in range(5)], abs=0.03)


def test_a_network_file_is_a_rule_and_may_be_edited(network: Dinsar, products: Path, tmp_path: Path) -> None:
    assert network("--rule", "all").code == 0
    path = tmp_path / "network.json"
    record = json.loads(path.read_text())
    record["pairs"] = [one for one in record["pairs"] if one["days"] == 12]
    path.write_text(json.dumps(record))
    done = network("--rule", path, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["summary"]["pairs"] == 4
    record["pairs"][0]["secondary"] = "2023-09-05"
    path.write_text(json.dumps(record))
    edited = path.read_bytes()
    refused = network("--rule", path)
    assert refused.code == 2
    assert "20230904_20230905 has the date 2023-09-05" in refused.error[1]
    assert path.read_bytes() == edited


def test_a_date_without_an_orbit_file_is_told_and_keeps_its_baseline(
    network: Dinsar, products: Path, tmp_path: Path
) -> None:
    for flight in FLIGHTS[:2] + FLIGHTS[3:]:
        write_orbit(flight, tmp_path / "four")
    done = network("--orbits", tmp_path / "four", "--rule", "small-baseline:12,50")
    assert done.code == 0, done.err
    (line,) = done.err.splitlines()
    assert "no orbit file for the S1A scene of 2023-09-28" in line
    assert "4 from POEORB, 1 from annotation" in done.out


def test_what_does_not_go_together_is_refused_and_nothing_is_lost(
    dinsar: Dinsar, network: Dinsar, products: Path, tmp_path: Path
) -> None:
    assert network().code == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    more = tmp_path.parent / f"{tmp_path.name}-more"
    aside = write_safe(replace(FLIGHTS[0].repeated(24), track=53, unique="AAAA"), more / "track")
    far = write_safe(replace(FLIGHTS[0].repeated(72), longitude=30.0), more / "far")
    copied = write_safe(FLIGHTS[2], more / "copied")
    horizontal = write_safe(replace(FLIGHTS[0].repeated(60), polarizations=("HH",)), more / "other")

    for extra, code, words in (
        (("--slc", aside), 3, ("different tracks", "track 53 descending", aside.stem, "--track 52")),
        (("--slc", copied), 2, ("given twice", str(copied))),
        (("--slc", far), 3, (far.stem, "sees no ground")),
        (("--slc", tmp_path), 2, ("has no Sentinel-1 product", str(tmp_path))),
        (("--polarization", "HH"), 3, ("not two dates", "HH", "VV/VH")),
        (("--track", 53), 3, ("No product is left",)),
        (("--roi", "100 10 101 11"), 3, ("outside the products",)),
        (("--frame", 3), 2, ("--frame",)),
        (("--leave-out", "9-4-2023"), 2, ("'9-4-2023' is not understood", "2023-04-09 or 2023-09-04")),
        (("--rule", "small-baseline:12,1"), 3, ("5 parts", "2023-09-04; and 2023-09-16")),
        (("--rule", "20230904_20230916,20230928_20231010"), 3, ("2 parts", "20230916_20230928")),
        (("--orbits", tmp_path / "absent"), 2, ("absent",)),
    ):
        refused = network(*extra)
        assert refused.code == code, refused.err
        for word in words:
            assert word in " ".join(refused.error), refused.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    same = products / "slc" / f"{FLIGHTS[0].name}.SAFE"
    assert network("--slc", aside, "--track", 52, "--slc", same).code == 0  # as the first of them says
    west, south, east, north = FLIGHTS[0].bounds
    middle = (west + east) / 2, (south + north) / 2
    area = " ".join(f"{value + side:.4f}" for side in (-0.01, 0.01) for value in middle)
    seen = network("--slc", far, "--slc", horizontal, "--roi", area)
    assert seen.code == 0, seen.err
    assert "HH, not VV" in seen.err
    assert "does not see the area: it is set aside" in seen.err
    assert read_network(tmp_path / "network.json").dates == tuple(DAYS)


def test_a_baseline_that_is_not_known_is_told_with_its_reason(dinsar: Dinsar, tmp_path: Path) -> None:
    """The second of three products has no state vectors either."""
    for number, flight in enumerate(FLIGHTS[:3]):
        safe = write_safe(flight, tmp_path / "slc")
        if number != 1:
            write_state_vectors(flight, safe)
    options = ("network", "--slc", tmp_path / "slc", "--output", tmp_path)
    refused = dinsar(*options, "--rule", "small-baseline:24,100")
    assert refused.code == 3
    assert "not known of 2023-09-16" in refused.error[1]
    assert f"The annotation of {FLIGHTS[1].name} cannot be used" in refused.err
    done = dinsar(*options, "--rule", "sequential:3")
    assert done.code == 0
    assert "The baseline of S1A 2023-09-16 06:37 track 52 descending is not known" in done.err
    assert "2 from annotation, 1 unknown" in done.out
    assert read_network(tmp_path / "network.json").baselines[1] is None


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive(archive_scenes()) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


def test_the_archive_over_an_area_makes_a_network(archive: Archive, tmp_path: Path) -> None:
    archive.publish(scene(FIRST + timedelta(days=6), mode="1SDH", mission="S1B"))
    wanted = ("network", "--roi", ROI, "--rule", "small-baseline:24,100", "--expected-coherence", "--json")
    done = run_online(archive, tmp_path, *wanted)
    archive.refused.clear()  # with its packages at hand, the data set of coherence is asked for
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert json.loads((tmp_path / "network.json").read_text()) == record
    assert (record["track"], record["summary"]["pairs"]) == ("T021D", 9)
    assert [one["perpendicular_baseline_m"] for one in record["dates"]] == pytest.approx(
        [0.0, *(DOWN.perpendicular(40.0 * cycle) for cycle in range(1, 6))], abs=0.1
    )
    assert {one["scenes"][0]["track"] for one in record["acquisitions"]} == {21}
    aside, coherence = (line for line in done.err.splitlines() if line.startswith("Warning: "))
    assert "S1B 2023-01-10" in aside
    assert "HH+HV, not VV" in aside
    assert "The expected coherence" in coherence
    assert {one["expected_coherence"] for one in record["pairs"]} == {None}
    assert "--track 14" in record["summary"]["reason"]
    filtered = run_online(archive, tmp_path, "network", "--roi", ROI, "--track", 99, "--year", 2023)
    assert filtered.code == 3
    assert "track 21 descending" in filtered.err
