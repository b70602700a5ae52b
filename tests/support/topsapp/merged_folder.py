"""A small topsApp folder with known content, in the files and formats that ISCE2 leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
from lxml import etree
from lxml.builder import E

from dinsar_cli.config.model import Looks
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT

FIRST, SECOND = datetime(2023, 9, 4, 6, 37, 36, 250000, UTC), datetime(2023, 9, 16, 6, 37, 36, 750000, UTC)
WAVELENGTH = 0.0555
LINE_INTERVAL, RANGE_SPACING = 2e-3, 2.5
RANGE_BANDWIDTH, AZIMUTH_BANDWIDTH = 48e6, 400.0
LOOKS = Looks(3, 2)
LENGTH, WIDTH = 63, 47  # neither is a multiple of the looks
CELLS = (LENGTH // LOOKS.azimuth, WIDTH // LOOKS.range)
EDGE = 2  # look cells without data around the interferogram
RADIUS, ANGULAR_SPEED = 7_071_000.0, 7_450.0 / 7_071_000.0  # m and rad/s of a circular orbit over a pole
STEERING = math.radians(1.6)  # rad/s
POLYNOMIALS = {"azimuthfmrate": (-2200.0, 4e5), "doppler": (20.0, -9e3)}  # Hz/s and Hz, and these for each second
ISCE_TYPES = {"u1": "BYTE", "f4": "FLOAT", "f8": "DOUBLE", "c8": "CFLOAT"}


@dataclass(frozen=True)
class Content:
    """What the layers hold, with the signs of topsApp's own order of the dates.

    Attributes
    ----------
    backwards : bool
        The reference is the later date.
    baseline : float
        Metres by which the orbit of the later date is higher.
    dates : (datetime, datetime)
        Of the two passes, the earlier one first.
    """

    backwards: bool = False
    baseline: float = 100.0
    dates: tuple[datetime, datetime] = (FIRST, SECOND)

    @cached_property
    def data(self) -> np.ndarray:
        """Look cells with an interferogram."""
        data = np.zeros(CELLS, bool)
        data[EDGE:-EDGE, EDGE:-EDGE] = True
        return data

    @cached_property
    def phase(self) -> np.ndarray:
        """Unwrapped, over several cycles."""
        line, sample = np.indices(CELLS)
        return 0.4 * line + 0.3 * sample - 2.0


def full_indices() -> tuple[np.ndarray, np.ndarray]:
    """Line and sample of the full resolution."""
    line, sample = np.indices((LENGTH, WIDTH))
    return line, sample


def centres() -> tuple[np.ndarray, np.ndarray]:
    """Fractional line and sample of the look-cell centres."""
    line, sample = np.indices(CELLS)
    return line * LOOKS.azimuth + (LOOKS.azimuth - 1) / 2, sample * LOOKS.range + (LOOKS.range - 1) / 2


def latitude(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    return 31.0 - 1e-4 * line + 2e-5 * sample


def longitude(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    return -8.9 - 2e-5 * line - 3e-4 * sample


def height(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    return 500.0 + 3.0 * line - 2.0 * sample


def angles(line: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Incidence, and azimuth of the satellite from north anticlockwise: due west, where ISCE2's range wraps."""
    incidence, azimuth = 33.0 + 0.02 * sample, 90.0 + 0.3 * (sample - 20) + 0.003 * line
    return incidence, np.where(azimuth > 90, azimuth - 360, azimuth)


def write_raster(path: Path, bands: Sequence[np.ndarray], scheme: str = "BIL", order: str = "l") -> None:
    """Write samples and header."""
    axis = {"BIL": 1, "BIP": 2, "BSQ": 0}[scheme]
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = np.dtype(bands[0].dtype)
    np.stack(bands, axis=axis).astype(kind.newbyteorder("<" if order == "l" else ">")).tofile(path)
    write_header(path, bands[0].shape, len(bands), kind.str[1:], scheme, order)


def write_header(
    path: Path, shape: tuple[int, ...], bands: int, kind: str, scheme: str = "BIL", order: str = "l"
) -> None:
    """Write the header of a raster."""
    values = {
        "ISCE_VERSION": "Release: 2.6.5, svn-, 20260630. Current: svn-.",
        "byte_order": order,
        "data_type": ISCE_TYPES[kind],
        "file_name": f"elsewhere/{path.name}",
        "length": shape[0],
        "number_bands": bands,
        "scheme": scheme,
        "width": shape[1],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    axis = E.component(*_properties({"size": 1}), name="coordinate1")
    _write_xml(path.with_name(f"{path.name}.xml"), E.imageFile(*_properties(values), axis))


def write_virtual(path: Path, sources: Mapping[int, Path], shape: tuple[int, int], kind: str, bands: int) -> None:
    """Write a header and a virtual raster of raw files, each from a line on; later ones cover earlier ones."""
    name = {"f4": "Float32", "f8": "Float64", "c8": "CFloat32"}[kind]
    size, width = np.dtype(kind).itemsize, shape[1]
    for source in sources.values():
        lines = source.stat().st_size // (size * bands * width)
        raw = [
            E.VRTRasterBand(
                E.SourceFilename(source.name, relativeToVRT="1"),
                E.ByteOrder("LSB"),
                E.ImageOffset(str(band * size * width)),
                E.PixelOffset(str(size)),
                E.LineOffset(str(size * width * bands)),
                dataType=name,
                band=str(band + 1),
                subClass="VRTRawRasterBand",
            )
            for band in range(bands)
        ]
        target = source.with_name(f"{source.name}.vrt")
        _write_xml(target, E.VRTDataset(*raw, rasterXSize=str(width), rasterYSize=str(lines)))
    merged = []
    for band in range(1, bands + 1):
        parts = [E.NoDataValue("0.0")]
        for first, source in sources.items():
            lines = source.stat().st_size // (size * bands * width)
            box = {"xOff": "0", "xSize": str(width), "ySize": str(lines)}
            parts.append(
                E.SimpleSource(
                    E.SourceFilename(f"{Path('..') / source.parent.name / source.name}.vrt", relativeToVRT="1"),
                    E.SourceBand(str(band)),
                    E.SrcRect(**box, yOff="0"),
                    E.DstRect(**box, yOff=str(first)),
                )
            )
        merged.append(E.VRTRasterBand(*parts, dataType=name, band=str(band)))
    write_header(path, shape, bands, kind)
    root = E.VRTDataset(*merged, rasterXSize=str(width), rasterYSize=str(shape[0]))
    _write_xml(path.with_name(f"{path.name}.vrt"), root)


def write_folder(folder: Path, content: Content) -> Path:
    """Write everything that topsApp leaves up to ``unwrap``, with the geometry as virtual files."""
    merged, data = folder / "merged", content.data
    line, sample = full_indices()
    wave = np.where(data, (50.0 + np.indices(CELLS)[1]) * np.exp(1j * content.phase), 0).astype("c8")
    # the phase of snaphu is that of its input to single precision, not exactly
    unwrapped = np.where(data, content.phase + 2e-5, 0).astype("f4")
    labels = np.where(data & (np.indices(CELLS)[0] < 20), 1, np.where(data, 2, 0)).astype("u1")
    coherence = np.where(data, 0.3 + 0.01 * np.indices(CELLS)[1], 0).astype("f4")
    amplitude = np.abs(wave).astype("f4")
    write_raster(merged / "filt_topophase.flat", [wave], "BIP")
    write_raster(merged / "filt_topophase.unw", [amplitude, unwrapped])
    write_raster(merged / "filt_topophase.unw.conncomp", [labels], "BIP")
    write_raster(merged / "topophase.cor", [amplitude, coherence])
    write_raster(merged / "phsig.cor", [np.full(CELLS, 0.99, "f4")])
    incidence, azimuth = angles(line, sample)
    geometry = {"lat": [latitude(line, sample)], "lon": [longitude(line, sample)], "hgt": [height(line, sample)]}
    for name, bands in geometry.items():
        write_geometry(folder, name, {"hgt": "z"}.get(name, name), [band.astype("f8") for band in bands])
    write_geometry(folder, "los", "los", [incidence.astype("f4"), azimuth.astype("f4")])
    for name, mean in (("reference", 30.0), ("secondary", 40.0)):
        image = (mean + 0.5 * sample) * np.exp(1j * (line * 0.7 + sample))
        write_raster(merged / f"{name}.slc.full", [image.astype("c8")], "BIP")
    write_swaths(folder, content)
    return folder


def write_geometry(folder: Path, part: str, name: str, bands: list[np.ndarray]) -> None:
    """Write a geometry layer as two overlapping bursts and a virtual file of them."""
    place = folder / "geom_reference"
    sources = {0: place / f"{part}_01.rdr", 28: place / f"{part}_02.rdr"}
    for (first, source), last in zip(sources.items(), (34, LENGTH), strict=True):
        write_raster(source, [band[first:last] for band in bands])
    kind = bands[0].dtype.str[1:]
    write_virtual(folder / "merged" / f"{name}.rdr.full", sources, (LENGTH, WIDTH), kind, len(bands))


def write_swaths(folder: Path, content: Content) -> None:
    """Write the descriptions of one subswath of two bursts."""
    first, second = content.dates
    dates = {"reference": (first, 0.0), "secondary": (second, content.baseline)}
    if content.backwards:
        dates = {"reference": dates["secondary"], "secondary": dates["reference"]}
    dates["fine_interferogram"] = dates["reference"]
    for name, (start, higher) in dates.items():
        (folder / name).mkdir(exist_ok=True)
        bursts = [burst(start + timedelta(seconds=line * LINE_INTERVAL), 8e5, higher=higher) for line in (0, 28)]
        write_swath(folder / name / "IW1.xml", bursts)


def burst(
    start: datetime, starting_range: float, valid: tuple[int, int, int, int] = (2, 30, 4, 40), higher: float = 0.0
) -> tuple[dict[str, object], list[etree._Element]]:
    """Properties of a burst; `valid` is first valid line, valid lines, first valid sample, valid samples."""
    values = {
        "sensingstart": _text(start),
        "firstvalidline": valid[0],
        "numberofvalidlines": valid[1],
        "firstvalidsample": valid[2],
        "numberofvalidsamples": valid[3],
        "startingrange": starting_range,
        "rangepixelsize": RANGE_SPACING,
        "azimuthtimeinterval": LINE_INTERVAL,
        "rangeprocessingbandwidth": RANGE_BANDWIDTH,
        "azimuthprocessingbandwidth": AZIMUTH_BANDWIDTH,
        "radarwavelength": WAVELENGTH,
        "numberoflines": 33,
        "numberofsamples": 45,
        "azimuthsteeringrate": STEERING,
    }
    return values, [_state(start, second, higher) for second in range(-60, 61, 10)]


def write_swath(path: Path, bursts: Sequence[tuple[Mapping[str, object], list[etree._Element]]]) -> None:
    """Write a description of a subswath."""
    components = [
        E.component(
            *_properties(values),
            *(_polynomial(name, values, *coefficients) for name, coefficients in POLYNOMIALS.items()),
            E.component(E.component(*states, name="state_vectors"), name="orbit"),
            name=f"burst{number}",
        )
        for number, (values, states) in enumerate(bursts, 1)
    ]
    components.sort(key=lambda component: component.get("name"))  # burst10 before burst2, as ISCE2 writes them
    product = E.component(E.component(*components, name="bursts"), name="instance")
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_xml(path, E.productmanager_name(product))


def _polynomial(name: str, values: Mapping[str, object], *coefficients: float) -> etree._Element:
    """A polynomial in slant range, as ISCE2 keeps it: metres from the first sample, in units of c / 2."""
    own = {"coeffs": list(coefficients), "mean": values["startingrange"], "norm": SPEED_OF_LIGHT / 2}
    return E.component(*_properties(own), name=name)


def satellite(seconds: float, higher: float = 0.0) -> tuple[float, float, float]:
    """Position on a circle in the meridian plane of the scene's east side, going south, 0 s abeam the scene."""
    angle = math.radians(31.0) - ANGULAR_SPEED * seconds
    meridian, radius = math.radians(-3.0), RADIUS + higher
    flat = radius * math.cos(angle)
    return flat * math.cos(meridian), flat * math.sin(meridian), radius * math.sin(angle)


def _state(start: datetime, second: int, higher: float) -> etree._Element:
    values = {"time": _text(start + timedelta(seconds=second)), "position": list(satellite(second, higher))}
    return E.component(*_properties(values), name=f"statevector{second + 61}")


def _text(time: datetime) -> str:
    return str(time.replace(tzinfo=None))


def _properties(values: Mapping[str, object]) -> list[etree._Element]:
    return [E.property(E.value(str(value)), name=name) for name, value in values.items()]


def _write_xml(path: Path, root: etree._Element) -> None:
    path.write_bytes(etree.tostring(root, pretty_print=True))
