"""Input that is damaged at random, given to whatever reads it: it is read, or refused by a `DinsarError`."""

from __future__ import annotations

import json
import signal
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import FrameType

import numpy as np

from dinsar_cli.base.journal import Journal, read_journal
from dinsar_cli.compare.truth import read_map
from dinsar_cli.config.file import build_config, load_config
from dinsar_cli.errors import DinsarError
from dinsar_cli.geo.polygons import read_file
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.gnss.table import read_table
from dinsar_cli.gnss.tenv3 import read_motion
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.net.netrc import read_netrc
from dinsar_cli.sentinel1.orbit_file import read_orbit_file
from dinsar_cli.sentinel1.scene import open_scene
from support.faults.tally import SmallRun, Tally, pair_folder
from support.safe_factory import quietly

_PATIENCE = 20  # s: nothing that small takes longer to read
_SPECIAL = (
    b"\0", b"\xff\xfe", b"nan", b"-1e999", b"9" * 5000, b"<" * 200, b"[" * 2000, b"&a;", b"*a ", b"\r\n",
    "ü".encode(), b"../../", b"{}", b"null", b"-", b"1e400", b"</x>", b'"',
)  # fmt: skip


class TooSlowError(Exception):
    """A reader did not come to an end."""


@dataclass(frozen=True)
class Reader:
    """What reads a kind of file.

    Attributes
    ----------
    file : Path
        A good one.
    read : callable
        Takes the path of a damaged one, at a place where its neighbours are.
    """

    file: Path
    read: Callable[[Path], object]


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """Damage some bytes, in one to three places."""
    for _ in range(int(random.integers(1, 4))):
        at, length = int(random.integers(len(data) + 1)), int(10 ** random.uniform(0, 3.5))
        piece = data[at : at + length]
        way = int(random.integers(7))
        if way == 0 and at < len(data):  # a bit
            data = data[:at] + bytes([data[at] ^ (1 << int(random.integers(8)))]) + data[at + 1 :]
        elif way == 1:  # lost
            data = data[:at] + data[at + length :]
        elif way == 2:  # twice
            data = data[:at] + piece + data[at:]
        elif way == 3:  # elsewhere too
            other = int(random.integers(len(data) + 1))
            data = data[:other] + piece + data[other + length :]
        elif way == 4:  # cut off
            data = data[:at]
        elif way == 5:  # a digit
            digits = [n for n in range(at, min(at + 2000, len(data))) if 48 <= data[n] < 58]
            if digits:
                n = digits[int(random.integers(len(digits)))]
                data = data[:n] + bytes([48 + int(random.integers(10))]) + data[n + 1 :]
        else:
            data = data[:at] + _SPECIAL[int(random.integers(len(_SPECIAL)))] + data[at:]
    return data


def mutate_all(run: SmallRun, times: int, random: np.random.Generator, tally: Tally) -> None:
    """Give damaged files to all readers, some times in all."""
    readers = _readers(run)
    for number in range(times):
        kind = list(readers)[number % len(readers)]
        reader = readers[kind]
        good = reader.file.read_bytes()
        try:
            reader.file.write_bytes(mutate(good, random))
            tally.count(f"mutated {kind}", _wrong(reader))
        finally:
            reader.file.write_bytes(good)


def _wrong(reader: Reader) -> str:
    """Tell what is wrong with how a file is read."""
    try:
        with _alarm(), quietly():
            reader.read(reader.file)
    except DinsarError as error:
        texts = (error.problem, error.cause, error.remedy)
        return "" if all(len(text) > 3 for text in texts) else f"says too little: {texts}"
    except TooSlowError:
        return "does not end"
    except Exception:  # noqa: BLE001 (whatever it is, it is a failure)
        return traceback.format_exc(limit=-3).replace("\n", " | ")
    return ""


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(_PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _readers(run: SmallRun) -> dict[str, Reader]:
    folder = run.folder / "mutated"
    folder.mkdir(exist_ok=True)
    inputs = run.folder / "inputs"
    whole = pair_folder(run.copy("mutated-run"))
    safe = _unpacked(next(inputs.glob("*.zip")), folder)
    scene = {
        "manifest": safe / "manifest.safe",
        "annotation": next(safe.glob("annotation/*.xml")),
        "measurement": next(safe.glob("measurement/*.tiff")),
    }
    made = {name: _write(folder / name, text) for name, text in _TEXTS.items()}
    bounds = (-8.3, 31.1, -8.1, 31.2)
    return {
        **{kind: Reader(path, lambda _: _read_scene(safe)) for kind, path in scene.items()},
        "zipped product": Reader(
            _copied(next(inputs.glob("*.zip")), folder / next(inputs.glob("*.zip")).name), _read_scene
        ),
        "orbit file": Reader(_copied(next((inputs / "orbits").glob("*.EOF")), folder), read_orbit_file),
        "DEM": Reader(
            _copied(inputs / "dem.tif", folder),
            lambda path: DemManager(path, "ellipsoid", 0.01, folder / "cache").plan(bounds),
        ),
        "configuration": Reader(made["dinsar.yaml"], lambda path: build_config(load_config(path), {})),
        "GeoJSON": Reader(made["area.geojson"], lambda path: read_file(path, "roi")),
        "KML": Reader(made["area.kml"], lambda path: read_file(path, "roi")),
        "area in text": Reader(
            made["area.txt"], lambda path: parse_roi(path.read_text("utf-8", "surrogateescape"))
        ),
        "netrc": Reader(made["netrc"], read_netrc),
        "table of stations": Reader(made["stations.csv"], read_table),
        "tenv3": Reader(made["AAAA.tenv3"], lambda path: read_motion(path, (date(2023, 9, 4), date(2023, 9, 16)))),
        "run.json": Reader(whole / "run.json", lambda path: (read_journal(path), Journal.open(path))),
        "product": Reader(whole / "products" / "los_displacement.tif", read_map),
    }


def _read_scene(path: Path) -> None:
    scene = open_scene(path)
    for image in scene.images:
        scene.subswath(*image)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _copied(path: Path, target: Path) -> Path:
    target = target / path.name if target.is_dir() else target
    target.write_bytes(path.read_bytes())
    return target


def _unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    (safe,) = folder.glob("*.SAFE")
    return safe


_RING = [[-8.3, 31.1], [-8.1, 31.1], [-8.1, 31.2], [-8.3, 31.2], [-8.3, 31.1]]
_TEXTS = {
    "dinsar.yaml": "roi: -8.3 31.1 -8.1 31.2\nstart: 2023-09-01\nend: 2023-09-30\nlooks: 7x2\ndem:\n  buffer: 0.2\n"
    "mask:\n  coherence: 0.3\noutput:\n  formats: [kmz, netcdf]\n",
    "area.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [_RING]}}
            ],
        }
    ),
    "area.kml": '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><Polygon>'
    "<outerBoundaryIs><LinearRing><coordinates>"
    + " ".join(f"{x},{y},0" for x, y in _RING)
    + "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>",
    "area.txt": "POLYGON ((" + ", ".join(f"{x} {y}" for x, y in _RING) + "))",
    "netrc": "machine urs.earthdata.nasa.gov login somebody password secret\n",
    "stations.csv": "station,lon,lat,east,north,up\nAAAA,-8.2,31.15,0.010,-0.020,0.030\nBBBB,-8.25,31.12,0,0,0\n",
    "AAAA.tenv3": "site YYMMMDD yyyy.yyyy __MJD week d reflon _e0(m) __east(m) ____n0(m) _north(m) u0(m) ____up(m) "
    "_ant(m) sig_e(m) sig_n(m) sig_u(m) __corr_en __corr_eu __corr_nu _latitude(deg) _longitude(deg) __height(m)\n"
    + "".join(
        f"AAAA 23SEP{day:02d} 2023.{6700 + 27 * day} {60187 + day} 2277 1 -8.2 100 0.1234 3444000 0.2345 500 "
        "0.3456 0.0083 0.0008 0.0009 0.003 0 0 0 31.15 -8.2 500.3\n"
        for day in range(1, 25)
    ),
}
