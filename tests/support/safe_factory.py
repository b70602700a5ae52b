"""Small Sentinel-1 products, written from scratch, of which everything is known.

The satellite flies on a circle through both poles of an Earth that does not turn. Its zero-Doppler plane then
contains the centre of the Earth, and the place of a pixel on the ellipsoid is the root of a quadratic equation
(`Product.ground`). Pixels are large (4.3 km x 0.7 km on the ground by default), so that a product has bursts of the
right size in time and on the map but only a few kilobytes.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from lxml import etree
from lxml.builder import ElementMaker
from rasterio.errors import NotGeoreferencedWarning

ORBIT_RADIUS = 7_071_000.0  # m
ORBIT_PERIOD = 12 * 86400 / 175  # s: 175 orbits in the 12-day cycle of Sentinel-1
BURST_CYCLE = 2.758277  # s between bursts of a subswath
SEMI_MAJOR, SEMI_MINOR = 6_378_137.0, 6_356_752.314245  # m, WGS84
LIGHT = 299_792_458.0  # m/s
# Two-way time of the first sample (s), and how much later than those of IW1 the bursts start (s).
SWATHS = {"IW1": (5.338e-3, 0.0), "IW2": (5.690e-3, 0.927), "IW3": (6.020e-3, 1.844)}
_CODES = {("VV",): "SV", ("HH",): "SH", ("VV", "VH"): "DV", ("HH", "HV"): "DH", ("VH",): "VH", ("HV",): "HV"}

_SAFE = "http://www.esa.int/safe/sentinel-1.0"
_NAMESPACES = {
    "xfdu": "urn:ccsds:schema:xfdu:1",
    "safe": _SAFE,
    "s1": f"{_SAFE}/sentinel-1",
    "s1sarl1": f"{_SAFE}/sentinel-1/sar/level-1",
}
_E = ElementMaker()


@dataclass(frozen=True)
class Product:
    """What a product is to be; every default makes a descending pass at about 30 degrees north, west of Africa.

    Attributes
    ----------
    start : datetime
        First line of the first burst of IW1.
    anx_time : float
        The same in seconds after the ascending node; decides latitude and direction.
    longitude : float
        Of the ground track, degrees.
    lines, samples : int
        Of a burst.
    line_interval, range_sampling_rate : float
        s, Hz.
    invalid_lines, invalid_samples : int
        At each edge of a burst.
    amplitude : float
        Standard deviation of the real and the imaginary part of the pixels.
    seed : int
        Of the pixels.
    """

    start: datetime = datetime(2023, 9, 4, 6, 37, 36, 589401, UTC)
    anx_time: float = 2449.597
    longitude: float = 0.0
    mission: str = "S1A"
    mode: str = "IW"
    type: str = "SLC"
    track: int = 52
    absolute_orbit: int = 50174
    unique: str = "5C45"
    polarizations: tuple[str, ...] = ("VV",)
    swaths: tuple[str, ...] = ("IW1",)
    bursts: int = 2
    lines: int = 30
    samples: int = 24
    line_interval: float = 0.1
    range_sampling_rate: float = 62_500.0
    invalid_lines: int = 1
    invalid_samples: int = 1
    amplitude: float = 40.0
    seed: int = 0

    @property
    def stop(self) -> datetime:
        """Last line of the last burst."""
        return max(self.burst_start(swath, self.bursts - 1) for swath in self.swaths) + self._duration

    @property
    def _duration(self) -> timedelta:
        return timedelta(seconds=(self.lines - 1) * self.line_interval)

    @property
    def direction(self) -> str:
        """Ascending within a quarter of an orbit of the ascending node."""
        return "ASCENDING" if math.cos(self._angle(self.anx_time)) > 0 else "DESCENDING"

    @property
    def name(self) -> str:
        """Name of the product, without ending."""
        level = f"{self.type}{'_' if self.type == 'SLC' else 'H'}_1S{_CODES[self.polarizations]}"
        return f"{self.mission}_{self.mode}_{level}_{self._span}_{self.absolute_orbit:06d}_0609E3_{self.unique}"

    @property
    def _span(self) -> str:
        return f"{self.start:%Y%m%dT%H%M%S}_{self.stop:%Y%m%dT%H%M%S}"

    def stem(self, swath: str, polarization: str) -> str:
        """Name of the files of one image, without ending."""
        number = 1 + self.swaths.index(swath) + len(self.swaths) * self.polarizations.index(polarization)
        head = f"{self.mission}-{swath}-{self.type}-{polarization}-{self._span.replace('_', '-')}"
        return f"{head}-{self.absolute_orbit:06d}-0609e3-{number:03d}".lower()

    def burst_start(self, swath: str, index: int) -> datetime:
        """Time of the first line of a burst."""
        return self.start + timedelta(seconds=_later(swath) + index * BURST_CYCLE)

    def burst_anx(self, swath: str, index: int) -> float:
        """The same in seconds after the ascending node."""
        return self.anx_time + _later(swath) + index * BURST_CYCLE

    def range_time(self, swath: str, sample: float) -> float:
        """Two-way time of a sample, seconds."""
        return SWATHS.get(swath, SWATHS["IW1"])[0] + sample / self.range_sampling_rate

    @staticmethod
    def _angle(anx_time: float) -> float:
        return 2 * math.pi * anx_time / ORBIT_PERIOD

    @property
    def _node(self) -> float:
        """Longitude of the ascending node, degrees."""
        return self.longitude - (0.0 if self.direction == "ASCENDING" else 180.0)

    def state(self, time: datetime) -> np.ndarray:
        """Earth-fixed position and velocity (m, m/s) at a time, shape (6,)."""
        rate = 2 * math.pi / ORBIT_PERIOD
        angle = self._angle(self.anx_time + (time - self.start).total_seconds())
        across, up = math.cos(angle), math.sin(angle)
        node = math.radians(self._node)
        east, north = math.cos(node), math.sin(node)
        position = ORBIT_RADIUS * np.array([across * east, across * north, up])
        velocity = ORBIT_RADIUS * rate * np.array([-up * east, -up * north, across])
        return np.concatenate([position, velocity])

    def ground(self, anx_time: float, range_time: float) -> tuple[float, float]:
        """Longitude and latitude (degrees) on the ellipsoid that are seen at a time, right of the track.

        In the plane of zero Doppler a point is s u + y r, with u from the centre of the Earth to the satellite
        and r to the right of its motion. It lies on the ellipsoid: ``y^2 = a^2 (1 - q s^2)``, and at the slant
        range rho: ``(R - s)^2 + y^2 = rho^2``. Together: ``(1 - a^2 q) s^2 - 2 R s + R^2 + a^2 - rho^2 = 0``.
        """
        angle, slant = self._angle(anx_time), LIGHT * range_time / 2
        q = (math.cos(angle) / SEMI_MAJOR) ** 2 + (math.sin(angle) / SEMI_MINOR) ** 2
        curvature, constant = 1 - SEMI_MAJOR**2 * q, ORBIT_RADIUS**2 + SEMI_MAJOR**2 - slant**2
        s = constant / (ORBIT_RADIUS + math.sqrt(ORBIT_RADIUS**2 - curvature * constant))
        x, y, z = s * math.cos(angle), math.sqrt(slant**2 - (ORBIT_RADIUS - s) ** 2), s * math.sin(angle)
        longitude = math.degrees(math.atan2(y, x)) + self._node
        latitude = math.degrees(math.atan2(z, math.hypot(x, y) * (SEMI_MINOR / SEMI_MAJOR) ** 2))
        return (longitude + 180) % 360 - 180, latitude

    def corners(self, swath: str, index: int) -> list[tuple[float, float]]:
        """Near start, far start, far end and near end of what a burst sees of the ground, degrees."""
        first = self.burst_anx(swath, index) + self.invalid_lines * self.line_interval
        last = first + (self.lines - 1 - 2 * self.invalid_lines) * self.line_interval
        near = self.range_time(swath, self.invalid_samples)
        far = self.range_time(swath, self.samples - 1 - self.invalid_samples)
        return [self.ground(a, r) for a, r in ((first, near), (first, far), (last, far), (last, near))]

    def whole_corners(self, swath: str, index: int) -> list[tuple[float, float]]:
        """The same of all lines and samples of the burst, invalid ones included."""
        return replace(self, invalid_lines=0, invalid_samples=0).corners(swath, index)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all bursts, degrees."""
        points = [p for swath in self.swaths for index in range(self.bursts) for p in self.corners(swath, index)]
        longitudes, latitudes = zip(*points, strict=True)
        return min(longitudes), min(latitudes), max(longitudes), max(latitudes)

    def repeated(self, days: int = 12, step: float = 0.0) -> Product:
        """The same frame so many days later, its bursts starting by `step` seconds later in the orbit."""
        return replace(
            self,
            start=self.start + timedelta(days=days),
            anx_time=self.anx_time + step,
            absolute_orbit=self.absolute_orbit + round(days * 175 / 12),
            unique=f"{int(self.unique, 16) ^ days:04X}",
        )

    def following(self, bursts: int | None = None) -> Product:
        """The next slice of the same pass, starting so many bursts later than this one."""
        later = (self.bursts if bursts is None else bursts) * BURST_CYCLE
        start, unique = self.start + timedelta(seconds=later), f"{int(self.unique, 16) + 1:04X}"
        return replace(self, start=start, anx_time=self.anx_time + later, unique=unique)


def _later(swath: str) -> float:
    return SWATHS.get(swath, (0.0, 0.0))[1]


def write_safe(product: Product, folder: Path) -> Path:
    """Write a product as a SAFE folder, and give its path."""
    safe = folder / f"{product.name}.SAFE"
    for child in ("annotation/calibration", "measurement", "preview"):
        (safe / child).mkdir(parents=True)
    (safe / "manifest.safe").write_bytes(xml_text(_manifest(product)))
    generator = np.random.default_rng(product.seed)
    for polarization in product.polarizations:
        for swath in product.swaths:
            stem = product.stem(swath, polarization)
            annotation = _annotation(product, swath, polarization)
            (safe / "annotation" / f"{stem}.xml").write_bytes(xml_text(annotation))
            (safe / "annotation/calibration" / f"calibration-{stem}.xml").write_text("<calibration/>")
            _write_image(safe / "measurement" / f"{stem}.tiff", product, generator)
    return safe


def zip_safe(safe: Path, path: Path | None = None) -> Path:
    """Zip a SAFE folder as the archives do, beside it or to a path, and give that path."""
    path = path or safe.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir(safe.name)
        for file in sorted(safe.rglob("*")):
            archive.write(file, f"{safe.name}/{file.relative_to(safe).as_posix()}")
    return path


def write_zip(product: Product, folder: Path) -> Path:
    """Write a product as a zip only."""
    return zip_safe(write_safe(product, folder / "unzipped"), folder / f"{product.name}.zip")


def quietly() -> warnings.catch_warnings[None]:
    """Open and write images without a word on their missing map transform."""
    return warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)


def _write_image(path: Path, product: Product, generator: np.random.Generator) -> None:
    shape = product.bursts * product.lines, product.samples
    parts = generator.normal(0, product.amplitude, (2, *shape)).round()
    profile = {"driver": "GTiff", "dtype": "complex_int16", "count": 1, "height": shape[0], "width": shape[1]}
    with quietly(), rasterio.open(path, "w", **profile) as image:
        image.write((parts[0] + 1j * parts[1]).astype(np.complex64), 1)


def xml_text(root: etree._Element) -> bytes:
    """An XML file."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def numbers(tags: Sequence[str], values: Sequence[float]) -> list[etree._Element]:
    """Elements with a number each, in as many digits as real ones."""
    return [_E(tag, f"{value:.15e}") for tag, value in zip(tags, values, strict=True)]


def _counted(tag: str, entries: Sequence[etree._Element]) -> etree._Element:
    """Give a list with the number of its entries."""
    return _E(tag, *entries, count=str(len(entries)))


def _array(tag: str, values: Sequence[float], style: str) -> etree._Element:
    """Give numbers in one element, and how many they are."""
    return _E(tag, " ".join(format(value, style) for value in values), count=str(len(values)))


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}"


def _manifest(product: Product) -> etree._Element:
    xfdu, safe, s1, l1 = (ElementMaker(namespace=uri, nsmap=_NAMESPACES) for uri in _NAMESPACES.values())
    orbit = str(product.absolute_orbit)
    track = str(product.track)
    parts = (
        safe.processing(
            safe.facility(safe.software(name="Sentinel-1 IPF", version="003.61"), name="Copernicus Ground Segment"),
            name="SLC Post Processing",
        ),
        safe.platform(
            safe.nssdcIdentifier("2014-016A"),
            safe.familyName("SENTINEL-1"),
            safe.number(product.mission[2]),
            safe.instrument(
                safe.familyName("Synthetic Aperture Radar", abbreviation="SAR"),
                safe.extension(
                    l1.instrumentMode(l1.mode(product.mode), *(l1.swath(name) for name in product.swaths))
                ),
            ),
        ),
        safe.orbitReference(
            *(safe.orbitNumber(orbit, type=end) for end in ("start", "stop")),
            *(safe.relativeOrbitNumber(track, type=end) for end in ("start", "stop")),
            safe.extension(s1.orbitProperties(s1("pass", product.direction))),
        ),
        l1.standAloneProductInformation(
            *(l1.transmitterReceiverPolarisation(name) for name in product.polarizations),
            l1.productType(product.type),
        ),
        safe.acquisitionPeriod(safe.startTime(_utc(product.start)), safe.stopTime(_utc(product.stop))),
    )
    section = _E.metadataSection(*(_E.metadataObject(_E.metadataWrap(_E.xmlData(part))) for part in parts))
    return xfdu.XFDU(section)


def _annotation(product: Product, swath: str, polarization: str) -> etree._Element:
    return _E.product(
        _E.adsHeader(
            _E.missionId(product.mission),
            _E.productType(product.type),
            _E.polarisation(polarization),
            _E.mode(product.mode),
            _E.swath(swath),
        ),
        _E.generalAnnotation(
            _E.productInformation(
                *numbers(
                    ("rangeSamplingRate", "radarFrequency", "azimuthSteeringRate"),
                    (product.range_sampling_rate, 5.405000454334350e9, 1.590368784),
                )
            ),
            _counted(
                "azimuthFmRateList",
                _estimates(product, "azimuthFmRate", ".15e", azimuthFmRatePolynomial=(-2331.0, 4.5e5, 0)),
            ),
        ),
        _E.imageAnnotation(
            _E.imageInformation(
                *numbers(("slantRangeTime",), (product.range_time(swath, 0),)),
                _E.azimuthPixelSpacing(f"{6800 * product.line_interval:.6e}"),
                *numbers(("azimuthTimeInterval", "incidenceAngleMidSwath"), (product.line_interval, 33.9)),
            ),
            _E.processingInformation(
                _E.dcMethod("Data Analysis"),
                _counted("swathProcParamsList", [_bandwidths(product)]),
            ),
        ),
        _E.dopplerCentroid(
            _counted(
                "dcEstimateList",
                _estimates(
                    product, "dcEstimate", ".6e", geometryDcPolynomial=(0, 0, 0), dataDcPolynomial=(-10.0, 0, 0)
                ),
            )
        ),
        _E.swathTiming(
            _E.linesPerBurst(str(product.lines)),
            _E.samplesPerBurst(str(product.samples)),
            _counted("burstList", [_burst(product, swath, index) for index in range(product.bursts)]),
        ),
        _E.geolocationGrid(_counted("geolocationGridPointList", _grid_points(product, swath))),
    )


def _bandwidths(product: Product) -> etree._Element:
    return _E.swathProcParams(
        _E.rangeProcessing(*numbers(("processingBandwidth",), (0.88 * product.range_sampling_rate,))),
        _E.azimuthProcessing(*numbers(("processingBandwidth",), (0.67 / product.line_interval,))),
    )


def _estimates(product: Product, tag: str, style: str, **polynomials: Sequence[float]) -> list[etree._Element]:
    """Entries of a list of polynomials of range time, one for each burst cycle and one before the first."""
    return [
        _E(
            tag,
            _E.azimuthTime(_utc(product.start + timedelta(seconds=index * BURST_CYCLE))),
            *numbers(("t0",), (SWATHS["IW1"][0],)),
            *(_array(name, values, style) for name, values in polynomials.items()),
        )
        for index in range(-1, product.bursts + 1)
    ]


def _burst(product: Product, swath: str, index: int) -> etree._Element:
    edge = [-1] * product.invalid_lines
    inner = product.lines - 2 * product.invalid_lines
    first = [*edge, *[product.invalid_samples] * inner, *edge]
    last = [*edge, *[product.samples - 1 - product.invalid_samples] * inner, *edge]
    return _E.burst(
        _E.azimuthTime(_utc(product.burst_start(swath, index))),
        *numbers(("azimuthAnxTime",), (product.burst_anx(swath, index),)),
        _array("firstValidSample", first, "d"),
        _array("lastValidSample", last, "d"),
    )


def _grid_points(product: Product, swath: str) -> list[etree._Element]:
    """Grid with a row at the first line of each burst and one at the last line of the last, as the real ones have.

    A pixel is seen later than its line says by half of the two-way time that it lies beyond mid swath: each point
    of a row has its own time.
    """
    rows = [(index * product.lines, index * BURST_CYCLE) for index in range(product.bursts)]
    rows.append((product.bursts * product.lines - 1, rows[-1][1] + (product.lines - 1) * product.line_interval))
    middle = product.range_time(swath, (product.samples - 1) / 2)
    points = []
    for line, second in rows:
        for sample in np.unique(np.linspace(0, product.samples - 1, 21).round()):
            range_time = product.range_time(swath, sample)
            later = second + (range_time - middle) / 2
            longitude, latitude = product.ground(product.burst_anx(swath, 0) + later, range_time)
            points.append(
                _E.geolocationGridPoint(
                    _E.azimuthTime(_utc(product.burst_start(swath, 0) + timedelta(seconds=later))),
                    *numbers(("slantRangeTime",), (range_time,)),
                    _E.line(str(line)),
                    _E.pixel(str(int(sample))),
                    *numbers(("latitude", "longitude"), (latitude, longitude)),
                )
            )
    return points
