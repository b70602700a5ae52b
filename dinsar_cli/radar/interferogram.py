"""The multilooked radar grid of an interferogram, and its layers as files.

A layer is a ``.npy`` file of shape (lines, samples) or (bands, lines, samples). It is written and read by blocks of
lines with ordinary file access, so that memory stays bounded however long the scene is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.user_files import read_json
from dinsar_cli.radar.offset_field import OFFSETS_FILE
from dinsar_cli.radar.overlaps import Misregistration, OverlapPhase

DESCRIPTION_FILE = "interferogram.json"


@dataclass(frozen=True)
class RadarLayer:
    """One layer on the look grid.

    Attributes
    ----------
    name : str
        File name without ``.npy``.
    dtype : str
        NumPy type; complex layers have the phase in radians as argument.
    bands : tuple of str
        Names of the bands; empty for a layer of two dimensions.
    unit : str
        Unit of the values.
    description : str
        What it holds, in a sentence.
    """

    name: str
    dtype: str
    bands: tuple[str, ...]
    unit: str
    description: str

    def shape(self, lines: int, samples: int) -> tuple[int, ...]:
        """Return the shape of the array for a look grid of a size."""
        return ((len(self.bands),) if self.bands else ()) + (lines, samples)


LAYERS: Mapping[str, RadarLayer] = {
    layer.name: layer
    for layer in (
        RadarLayer(
            "wrapped",
            "complex64",
            (),
            "rad",
            "filtered, flattened interferogram, reference x conj(secondary); NaN where there is no data",
        ),
        RadarLayer(
            "unwrapped",
            "float32",
            (),
            "rad",
            "unwrapped phase of `wrapped`: positive away from the satellite; NaN where there is no data",
        ),
        RadarLayer("coherence", "float32", (), "1", "coherence of the unfiltered interferogram, 0 to 1"),
        RadarLayer("components", "uint16", (), "1", "connected components of the unwrapping, 0 = none"),
        RadarLayer(
            "amplitude",
            "float32",
            ("reference", "secondary"),
            "DN",
            "root mean square amplitude of the look cell, uncalibrated",
        ),
        RadarLayer("latitude", "float64", (), "degree", "of the look-cell centre, WGS84; NaN where unknown"),
        RadarLayer("longitude", "float64", (), "degree", "of the look-cell centre, WGS84; NaN where unknown"),
        RadarLayer("height", "float32", (), "m", "of the look-cell centre above the WGS84 ellipsoid"),
        RadarLayer(
            "los",
            "float32",
            ("east", "north", "up"),
            "1",
            "unit vector from the ground to the satellite at the look-cell centre",
        ),
        RadarLayer(
            "squint",
            "float32",
            (),
            "1",
            "sine of the angle by which the beam looked ahead of zero Doppler, on the ground; NaN where unknown",
        ),
    )
}

IONOSPHERE = RadarLayer(
    "ionosphere",
    "float32",
    (),
    "rad",
    "phase of the ionosphere, in the interferogram; only there when the engine was asked for it",
)
"""A layer that not every interferogram has."""

VISIBILITY = RadarLayer(
    "visibility",
    "uint8",
    (),
    "1",
    "what a cell shows instead of ground, see `dinsar_cli.radar.visibility`; not there where nobody looked",
)
"""Likewise: what somebody else's topsApp left does not tell it."""


class Described(Protocol):
    """What maps, tags and summaries tell of a pair, whether its radar layers are there or not.

    Attributes
    ----------
    wavelength, reference_date, secondary_date, versions
        As of an `Interferogram`; a date may lack its time.
    looks : (int, int) or None
        None where they are not known.
    perpendicular_baseline : float
        NaN where it is not known.
    """

    @property
    def wavelength(self) -> float:
        """Metres."""

    @property
    def reference_date(self) -> str:
        """ISO 8601."""

    @property
    def secondary_date(self) -> str:
        """ISO 8601."""

    @property
    def looks(self) -> tuple[int, int] | None:
        """In range and azimuth."""

    @property
    def perpendicular_baseline(self) -> float:
        """Metres."""

    @property
    def versions(self) -> dict[str, str]:
        """Software that made it."""


@dataclass(frozen=True)
class Interferogram:
    """What every engine hands over: layers on the multilooked radar grid, and how they were made.

    Invariant: ``unwrapped - angle(wrapped)`` is a multiple of 2 pi within 1e-3 rad.

    Attributes
    ----------
    folder : Path
        Where the layers are: the files of `LAYERS`.
    lines, samples : int
        Size of the look grid.
    looks : (int, int)
        In range and azimuth.
    effective_looks : float
        Independent looks: looks x bandwidth / sampling in both directions.
    wavelength : float
        Metres.
    reference_date, secondary_date : str
        UTC sensing start, ISO 8601.
    burst_seams : tuple of (int, int, int)
        Look line, first and last look sample of each cut between bursts.
    swath_seams : tuple of int
        Look sample of each cut between subswaths.
    perpendicular_baseline : float
        Metres, mid swath, sign of ISCE2.
    coherence_looks : float
        Independent looks in the window of the coherence.
    range_spacing, azimuth_spacing : float
        Size of a look cell on the ground, metres, mid swath.
    versions : dict
        Software that made it.
    burst_overlaps, swath_overlaps : tuple of OverlapPhase or None
        What the two bursts at each of the seams say of the same ground, in the order of the seams; None where they
        do not tell, and empty where the engine does not. At a subswath's seam, of the two bursts that differ most.
    misregistration : Misregistration or None
        Along the track, as it was measured; None where the engine did not.
    ionosphere_noise : float or None
        Standard deviation of the phase of the ionosphere by its noise, radians; None where it is not known.
    """

    folder: Path
    lines: int
    samples: int
    looks: tuple[int, int]
    effective_looks: float
    coherence_looks: float
    wavelength: float
    reference_date: str
    secondary_date: str
    burst_seams: tuple[tuple[int, int, int], ...]
    swath_seams: tuple[int, ...]
    perpendicular_baseline: float
    range_spacing: float
    azimuth_spacing: float
    versions: dict[str, str]
    burst_overlaps: tuple[OverlapPhase | None, ...] = ()
    swath_overlaps: tuple[OverlapPhase | None, ...] = ()
    misregistration: Misregistration | None = None
    ionosphere_noise: float | None = None

    def layer(self, name: str) -> RadarFile:
        """Access to one layer."""
        return RadarFile(self.folder, LAYERS[name], self.lines, self.samples)

    @property
    def ionosphere(self) -> RadarFile:
        """Access to the phase of the ionosphere, whose file may not be there."""
        return RadarFile(self.folder, IONOSPHERE, self.lines, self.samples)

    @property
    def visibility(self) -> RadarFile:
        """Access to what cells show instead of ground, whose file may not be there."""
        return RadarFile(self.folder, VISIBILITY, self.lines, self.samples)

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the interferogram."""
        optional = (self.ionosphere.path, self.visibility.path, self.folder / OFFSETS_FILE)
        extra = [path for path in optional if path.is_file()]
        return (*(self.layer(name).path for name in LAYERS), *extra, self.folder / DESCRIPTION_FILE)

    @property
    def misregistration_facts(self) -> dict[str, Any]:
        """Return what was measured of the misregistration along the track, for the record; empty where nothing."""
        found = self.misregistration
        return {} if found is None else found.facts(self.azimuth_spacing / self.looks[1])

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the folder, and the layers with shapes and units, for JSON."""
        record = asdict(self)
        del record["folder"]
        record["layers"] = {
            name: asdict(layer) | {"shape": layer.shape(self.lines, self.samples)} for name, layer in LAYERS.items()
        }
        return record

    @classmethod
    def load(cls, folder: Path) -> Interferogram:
        """Read the description that an engine left in a folder."""
        record = read_json(folder / DESCRIPTION_FILE)
        del record["layers"]
        record["looks"] = tuple(record["looks"])
        record["swath_seams"] = tuple(record["swath_seams"])
        record["burst_seams"] = tuple(tuple(seam) for seam in record["burst_seams"])
        for name in ("burst_overlaps", "swath_overlaps"):  # not in folders of earlier releases
            record[name] = tuple(one and OverlapPhase.from_dict(one) for one in record.get(name, ()))
        found = record.get("misregistration")
        record["misregistration"] = found and Misregistration.from_dict(found)
        return cls(folder=folder, **record)


@dataclass(frozen=True)
class RadarFile:
    """A layer in a file, read and written by blocks of lines."""

    folder: Path
    layer: RadarLayer
    lines: int
    samples: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / f"{self.layer.name}.npy"

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return int(np.prod(self.layer.shape(self.lines, self.samples))) * np.dtype(self.layer.dtype).itemsize

    def create(self) -> None:
        """Write the header and reserve the space; the content is zero until written."""
        shape = self.layer.shape(self.lines, self.samples)
        header = {"descr": np.dtype(self.layer.dtype).str, "fortran_order": False, "shape": shape}
        with self.path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + self.size)

    def write(self, first_line: int, block: NDArray[np.generic]) -> None:
        """Put a block of lines, shape (..., lines, samples), into its place.

        Blocks of different lines may be written from several threads.
        """
        data = np.ascontiguousarray(block, dtype=self.layer.dtype)
        with self.path.open("r+b") as file:
            start, itemsize = self._data_start(file), data.dtype.itemsize
            for band, values in enumerate(data.reshape(-1, *data.shape[-2:])):
                file.seek(start + (band * self.lines + first_line) * self.samples * itemsize)
                file.write(values.tobytes())

    def read(self, first_line: int = 0, last_line: int | None = None) -> NDArray[Any]:
        """Return the lines ``first_line:last_line`` as an array in memory; shape (..., lines, samples)."""
        stop = self.lines if last_line is None else min(last_line, self.lines)
        bands = max(1, len(self.layer.bands))
        dtype = np.dtype(self.layer.dtype)
        out = np.empty((bands, stop - first_line, self.samples), dtype)
        with self.path.open("rb") as file:
            start = self._data_start(file)
            for band in range(bands):
                file.seek(start + (band * self.lines + first_line) * self.samples * dtype.itemsize)
                out[band] = np.fromfile(file, dtype, out[band].size).reshape(out[band].shape)
        return out if self.layer.bands else out[0]

    def window(self, lines: slice, samples: slice) -> NDArray[Any]:
        """Return some samples of some lines as an array in memory; shape (..., lines, samples)."""
        with self.path.open("rb") as file:
            self._data_start(file)
        return np.array(np.load(self.path, mmap_mode="r")[..., lines, samples])

    def _data_start(self, file: Any) -> int:
        np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
        if shape != self.layer.shape(self.lines, self.samples):
            raise ValueError(f"{self.path} has shape {shape}, not that of the interferogram")
        return int(file.tell())
