"""Two whole products as the archive has them, but for the images: planned, refused, and simulated behind."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from lxml.builder import ElementMaker
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from dinsar_cli.compare.truth import read_map
from support.command import Outcome
from support.refusal import NO_DATA, check_refusal
from support.safe_factory import xml_text
from support.truth import accuracy

pytestmark = pytest.mark.real

ROI = "-8.5 31.7 -8.4 31.74"  # within the first burst of IW1
Vectors = list[tuple[datetime, list[float]]]
_E = ElementMaker()
_STATE = ("position/x", "position/y", "position/z", "velocity/x", "velocity/y", "velocity/z")


@dataclass(frozen=True)
class RealPair:
    """Zips of two dates, their annotation of IW1 VV, and orbit files with the state vectors of all annotation."""

    zips: tuple[Path, Path]
    annotations: tuple[etree._Element, etree._Element]
    vectors: tuple[Vectors, Vectors]
    orbits: Path

    def options(self, flag: str) -> list[object]:
        """Products and orbits as options of a command."""
        return [flag, self.zips[0], flag, self.zips[1], "--orbits", self.orbits]


@pytest.fixture(scope="module")
def pair(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RealPair:
    first, second = sorted((real_data / "safe").glob("*.zip"))
    roots = [_annotations(path) for path in (first, second)]
    orbits = tmp_path_factory.mktemp("orbits")
    vectors = tuple(_vectors(images) for images in roots)
    for one in vectors:
        _write_orbit(one, orbits)
    return RealPair((first, second), (roots[0][0], roots[1][0]), (vectors[0], vectors[1]), orbits)


def _annotations(path: Path) -> list[etree._Element]:
    """Annotation of IW1 to IW3, VV."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if re.search("/annotation/s1a-iw.-slc-vv-", name))
        return [etree.fromstring(archive.read(name)) for name in names]


def _vectors(roots: list[etree._Element]) -> Vectors:
    found = {
        datetime.fromisoformat(vector.findtext("time")): [float(vector.findtext(name)) for name in _STATE]
        for root in roots
        for vector in root.iterfind("generalAnnotation/orbitList/orbit")
    }
    return sorted(found.items())


def _write_orbit(vectors: Vectors, folder: Path) -> None:
    """Write state vectors as a precise-orbit file."""
    first, last = vectors[0][0], vectors[-1][0]
    name = f"S1A_OPER_AUX_POEORB_OPOD_20240101T000000_V{first:%Y%m%dT%H%M%S}_{last:%Y%m%dT%H%M%S}"
    header = _E.Earth_Explorer_Header(
        _E.Fixed_Header(
            _E.Mission("Sentinel-1A"),
            _E.File_Type("AUX_POEORB"),
            _E.Validity_Period(
                _E.Validity_Start(f"UTC={first:%Y-%m-%dT%H:%M:%S}"),
                _E.Validity_Stop(f"UTC={last:%Y-%m-%dT%H:%M:%S}"),
            ),
        ),
        _E.Variable_Header(_E.Ref_Frame("EARTH_FIXED"), _E.Time_Reference("UTC")),
    )
    block = _E.List_of_OSVs(
        *(
            _E.OSV(
                _E.UTC(f"UTC={time:%Y-%m-%dT%H:%M:%S.%f}"),
                *(
                    _E(tag, f"{value:.6f}")
                    for tag, value in zip(("X", "Y", "Z", "VX", "VY", "VZ"), state, strict=True)
                ),
            )
            for time, state in vectors
        )
    )
    (folder / f"{name}.EOF").write_bytes(xml_text(_E.Earth_Explorer_File(header, _E.Data_Block(block))))


def _number(root: etree._Element, path: str) -> float:
    return float(root.findtext(path))


def _baseline(pair: RealPair) -> float:
    """Perpendicular baseline at the middle of the first burst, by cubics through the annotated vectors."""
    points = pair.annotations[0].findall("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    middle = points[10]  # of 21 in the first row
    lon, lat, height = (_number(middle, name) for name in ("longitude", "latitude", "height"))
    sine, radius = np.sin(np.radians(lat)), 6378137.0
    vertical = radius / np.sqrt(1 - 6.69437999014e-3 * sine**2)
    flat = (vertical + height) * np.cos(np.radians(lat))
    up = (vertical * (1 - 6.69437999014e-3) + height) * sine
    ground = np.array([flat * np.cos(np.radians(lon)), flat * np.sin(np.radians(lon)), up])
    places, speeds = [], []
    for vectors in pair.vectors:
        seconds = [(time - vectors[0][0]).total_seconds() for time, _ in vectors]
        states = np.array([state for _, state in vectors])
        orbit = CubicHermiteSpline(seconds, states[:, :3], states[:, 3:])
        along = orbit.derivative()
        time = brentq(lambda t, o=orbit, v=along: (ground - o(t)) @ v(t), seconds[0], seconds[-1])
        places.append(orbit(time))
        speeds.append(along(time))
    sight, way = ground - places[0], places[1] - places[0]
    heading = speeds[0] / np.linalg.norm(speeds[0])
    normal = np.cross(heading, sight / np.linalg.norm(sight))
    return float(way @ normal / np.linalg.norm(normal))


def _plan(pair: RealPair, dinsar: Callable[..., Outcome], tmp_path: Path, *more: object) -> dict:
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache", "--engine", "eos", "--json")
    outcome = dinsar("plan", *pair.options("--slc"), *_flat_dem(tmp_path), *work, *more)
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def _flat_dem(folder: Path) -> tuple[object, ...]:
    from support.run_inputs import write_dem

    dem = write_dem(folder / "dem.tif", (-11.5, 29.5, -7.2, 32.8), step=0.01)
    return ("--dem", dem, "--dem-datum", "ellipsoid")


def test_plan_tells_what_the_annotation_says(
    pair: RealPair, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    plan = _plan(pair, dinsar, tmp_path, "--roi", ROI)
    root = pair.annotations[0]
    assert plan["pair"] == "T052D_20230904_20230916"
    assert plan["polarization"] == "VV"
    assert plan["bursts"] == {"IW1": ["used"] + ["outside"] * 8, "IW2": ["outside"] * 9, "IW3": ["outside"] * 9}
    assert plan["coverage"] == 1.0
    assert plan["days"] == pytest.approx(12.0, abs=0.01)
    information = "imageAnnotation/imageInformation/"
    incidence = _number(root, information + "incidenceAngleMidSwath")
    assert plan["incidence_deg"] == pytest.approx(incidence, abs=3.0)  # it is that of the area, not of mid swath
    width = 19 * _number(root, information + "rangePixelSpacing") / np.sin(np.radians(incidence))
    length = 7 * _number(root, information + "azimuthPixelSpacing")
    assert plan["cell_m"] == pytest.approx([width, length], rel=0.01)
    assert plan["perpendicular_baseline_m"] == pytest.approx(_baseline(pair), abs=1.0)
    (warning,) = (text for text in plan["warnings"] if "Images" in text)
    assert warning.count("s1a-iw1-slc-vv-") == 2
    assert "iw2" not in warning


def test_all_that_both_dates_see(pair: RealPair, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """Without an area the map is that of the footprint that the manifest states."""
    plan = _plan(pair, dinsar, tmp_path)
    assert plan["bursts"] == {swath: ["used"] * 9 for swath in ("IW1", "IW2", "IW3")}
    with zipfile.ZipFile(pair.zips[0]) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/manifest.safe"))
        manifest = etree.fromstring(archive.read(name))
    text = manifest.findtext(".//{http://www.opengis.net/gml}coordinates")
    outline = np.array([[float(part) for part in corner.split(",")] for corner in text.split()])
    grid = plan["grid"]
    west, north = grid["west"], grid["north"]
    east, south = west + grid["width"] * grid["posting"], north - grid["height"] * grid["posting"]
    assert [south, north] == pytest.approx([outline[:, 0].min(), outline[:, 0].max()], abs=0.12)
    assert [west, east] == pytest.approx([outline[:, 1].min(), outline[:, 1].max()], abs=0.12)


def test_a_run_without_the_image_is_refused(pair: RealPair, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache", "--engine", "eos", "--roi", ROI)
    outcome = dinsar("run", *pair.options("--slc"), *_flat_dem(tmp_path), *work)
    check_refusal(outcome, NO_DATA, "is not a complete Sentinel-1 product", "its image measurement/s1a-iw1-slc-vv-")


def test_pixels_behind_them_show_the_motion(pair: RealPair, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """A burst of 23,055 columns with the real baseline: the bowl of 3 cm is there, to 0.3 mm and half a pixel."""
    scene, work = tmp_path / "scene", tmp_path / "work"
    motion = ("--deformation", "bowl", "--peak", "3", "--depth", "1.5", "--folders", "--roi", ROI)
    made = dinsar("simulate", scene, *pair.options("--like"), *motion, "-q")
    assert made.code == 0, made.err
    for path in pair.zips:
        _check_bytes(path, scene / "slc")
    scenes = [part for safe in sorted((scene / "slc").iterdir()) for part in ("--slc", safe)]
    inputs = ("--orbits", scene / "orbits", "--dem", scene / "dem" / "dem.tif", "--dem-datum", "ellipsoid")
    options = ("--roi", ROI, "--looks", "7x2", "--engine", "eos", "--workdir", work, "--cache", tmp_path / "cache")
    mapped = dinsar("run", *scenes, *inputs, *options, "-q")
    assert mapped.code == 0, mapped.err
    (folder,) = work.glob("T*")
    found = accuracy(read_map(folder / "products" / "los_displacement.tif"), scene / "truth")
    assert found.statistics.rmse < 0.3e-3
    assert 0.99 < found.statistics.gain < 1.01
    assert found.statistics.coverage > 0.97
    assert found.shift < 0.5


def _check_bytes(path: Path, folder: Path) -> None:
    """Every file of a product is as in the zip, but for two lines of the manifest at most."""
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        for member in members:
            old, new = archive.read(member), (folder / member).read_bytes()
            if not member.endswith("/manifest.safe"):
                assert old == new, member
                continue
            changed = [line for line in zip(old.splitlines(), new.splitlines(), strict=True) if line[0] != line[1]]
            assert len(changed) == 1  # the checksum of the one image
            assert b"<checksum" in changed[0][0]
    written = {file.relative_to(folder).as_posix() for file in (folder / Path(members[0]).parts[0]).rglob("*.*")}
    assert len(written - set(members)) == 1 + sum(Path(folder, name).is_dir() for name in written)


def test_the_orbit_files_are_those_of_the_annotation(pair: RealPair) -> None:
    """What this file writes is read with the same vectors."""
    from dinsar_cli.sentinel1.orbit_file import read_orbit_file

    for path, vectors in zip(sorted(pair.orbits.iterdir()), pair.vectors, strict=True):
        read = read_orbit_file(path)
        assert read.position == pytest.approx(np.array([state[:3] for _, state in vectors]), abs=1e-5)
        assert read.stop.replace(tzinfo=None) - vectors[-1][0] <= timedelta(seconds=1)
