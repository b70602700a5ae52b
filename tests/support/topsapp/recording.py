"""A recording of topsApp: what it is of, how its rasters are packed, and the file that holds it.

A recording has *takes*: a whole run, and shorter ones that differ from it. It keeps every line of the output and
the name and size of every file; of the files themselves, it keeps the text and a window of the rasters that
``dinsar_cli.engines.topsapp.results.collect`` reads.
"""

from __future__ import annotations

import json
import lzma
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from dinsar_cli.simulate import Scenario

FOLDER = Path(__file__).with_name("recordings")
# ISCE2 needs 2,000 columns for the carrier of TOPS; two bursts have a seam; folders are written faster than zips.
# The source of the deformation lies beside the area: over its top the filter of topsApp flattens the map by half a
# millimetre and more, and that is not what is to be tested.
SCENARIO = Scenario(columns=2000, archive="safe", lake=None, source=(-8.895, 31.355))
# West, south, east, north, across the seam: the part that is kept
ROI = (-8.8600, 31.3460, -8.8400, 31.3640)
LOOKS = "7x2"
STRENGTH, OTHER_STRENGTH = 0.5, 0.4

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LZMA = 9


@dataclass(frozen=True)
class Rows:
    """The part of a raw raster that is kept: equal rows at equal distances, with their samples packed.

    Attributes
    ----------
    offset, stride : int
        Of the first row in the file, and from row to row, bytes.
    lines, bands, samples : int
        Numbers; a row is a line of a band.
    kind : str
        Unsigned integer that a sample is taken for; a complex one is two.
    orders : (int, int)
        How often neighbours are subtracted along the samples and along the lines before packing.
    """

    offset: int
    stride: int
    lines: int
    bands: int
    samples: int
    kind: str
    orders: tuple[int, int]


@dataclass(frozen=True)
class Take:
    """A run of topsApp from a step on.

    Attributes
    ----------
    name : str
    settings : mapping
        Properties of topsApp.xml and its parts, without folders.
    start : str
        First step.
    lines : sequence of (float, str, str)
        Seconds since the start, step and text of each line of the output; the step is empty before the first.
    files : sequence of (str, str, int)
        Step, path and size of each file that was made.
    code : int or None
        With which it ended, where that is not 0 or the steps were not all done.
    killed : bool
        It was ended by SIGKILL.
    missing : str or None
        File that was removed before: the circumstance in which it failed.
    before : str or None
        Take with the steps before its start.
    texts : mapping
        Text files by path.
    rows : mapping
        Parts of raw rasters by path.
    """

    name: str
    settings: Mapping[str, str]
    start: str
    lines: Sequence[tuple[float, str, str]]
    files: Sequence[tuple[str, str, int]]
    code: int | None = None
    killed: bool = False
    missing: str | None = None
    before: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)

    @property
    def played(self) -> list[str]:
        """Steps in their order."""
        return list(dict.fromkeys(step for _, step, _ in self.lines if step))


@dataclass(frozen=True)
class Recording:
    """Takes, and what they are of.

    Attributes
    ----------
    versions : mapping
        Of ISCE2, its Python and its GDAL.
    scenario : str
        What was simulated.
    steps : tuple of str
        All steps up to the last one that was recorded.
    dem_size : int
        Bytes of the DEM in ISCE2's format.
    takes : tuple of Take
        The whole run first.
    blobs : mapping
        Packed samples by take and path.
    """

    versions: Mapping[str, str]
    scenario: str
    steps: tuple[str, ...]
    dem_size: int
    takes: tuple[Take, ...]
    blobs: Mapping[tuple[str, str], bytes]

    def take(self, name: str) -> Take:
        """The take of a name."""
        return next(take for take in self.takes if take.name == name)

    def samples(self, take: Take, path: str) -> np.ndarray:
        """Kept samples of a raster as unsigned integers, shape (lines, bands, samples)."""
        return unpack(self.blobs[take.name, path], take.rows[path])

    def save(self, path: Path) -> None:
        """Write the file; the same recording gives the same bytes."""
        facts = asdict(self)
        del facts["blobs"]
        with zipfile.ZipFile(path, "w") as file:
            _add(file, "recording.json", (json.dumps(facts, indent=0) + "\n").encode())
            for (take, name), blob in self.blobs.items():
                _add(file, f"{take}/{name}", blob)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read the file."""
        with zipfile.ZipFile(path) as file:
            facts = json.loads(file.read("recording.json"))
            takes = tuple(
                Take(**(take | {"rows": {name: Rows(**rows) for name, rows in take["rows"].items()}}))
                for take in facts.pop("takes")
            )
            blobs = {(take.name, name): file.read(f"{take.name}/{name}") for take in takes for name in take.rows}
        return cls(takes=takes, blobs=blobs, **facts)


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_LZMA)


def pack(values: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """Turn samples into bytes that compress well, and say how.

    Parameters
    ----------
    values : ndarray
        Unsigned integers, shape (lines, bands, samples). Smooth floating-point numbers have smooth bit patterns.

    Returns
    -------
    packed : bytes
        Differences, all first bytes, then all second ones, and so on.
    orders : (int, int)
        Number of differences along samples and lines.
    """
    found = {orders: _shuffled(_differences(values, orders)) for orders in product(range(3), range(3))}
    orders = min(found, key=lambda key: len(lzma.compress(found[key])))
    return found[orders], orders


def _differences(values: np.ndarray, orders: tuple[int, int]) -> np.ndarray:
    """Differences of neighbours modulo the range of the integers, the first one kept."""
    for axis, order in ((2, orders[0]), (0, orders[1])):
        for _ in range(order):
            values = np.diff(values, axis=axis, prepend=np.zeros_like(np.take(values, [0], axis)))
    return values


def _shuffled(values: np.ndarray) -> bytes:
    width = values.dtype.itemsize
    return np.ascontiguousarray(np.ascontiguousarray(values).view("u1").reshape(-1, width).T).tobytes()


def unpack(packed: bytes, rows: Rows) -> np.ndarray:
    """Undo `pack`."""
    kind = np.dtype(rows.kind)
    raw = np.frombuffer(packed, "u1").reshape(kind.itemsize, -1).T
    values = np.ascontiguousarray(raw).view(kind).reshape(rows.lines, rows.bands, -1)
    for axis, order in ((0, rows.orders[1]), (2, rows.orders[0])):
        for _ in range(order):
            values = np.cumsum(values, axis=axis, dtype=kind)
    return values
