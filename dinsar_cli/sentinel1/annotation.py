"""What the annotation of one subswath and polarization says: timing, bursts, Doppler, footprint.

Names follow the Sentinel-1 Product Specification (S1-RS-MDA-52-7441).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from lxml import etree
from shapely import Polygon

from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.annotation_check import check_annotation
from dinsar_cli.sentinel1.safe import SafeArchive
from dinsar_cli.sentinel1.subswath import Burst, Polynomial, Subswath, parse_time


def read_annotation(safe: SafeArchive, annotation: str, measurement: str) -> Subswath:
    """Read the annotation of one subswath.

    Parameters
    ----------
    safe : SafeArchive
        The product.
    annotation, measurement : str
        Its annotation XML and measurement TIFF, relative to the SAFE folder. The latter need not be there.

    Raises
    ------
    NoDataError
        When the annotation is missing, lacks an element, or has numbers that cannot be right.
    """
    root = safe.xml(annotation)
    try:
        subswath = _subswath(root, safe.gdal_path(measurement))
        check_annotation(root, subswath)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise wrong_annotation(safe, annotation, error) from error
    return subswath


def wrong_annotation(safe: SafeArchive, annotation: str, error: Exception) -> NoDataError:
    """Return the error for an annotation that lacks an element, or has one that cannot be right."""
    return NoDataError(
        f"{annotation} of {safe.path} is not a complete Sentinel-1 SLC annotation.",
        f"An element that the processing needs is missing or wrong ({error}).",
        "Download the product again.",
    )


def _subswath(root: etree._Element, measurement: str) -> Subswath:
    info = "imageAnnotation/imageInformation/"
    interval = _positive(root, info + "azimuthTimeInterval")
    lines_per_burst = int(_text(root, "swathTiming/linesPerBurst"))
    grid = _GroundGrid.read(root)
    bursts = tuple(
        _burst(element, index, lines_per_burst, interval, grid)
        for index, element in enumerate(root.iterfind("swathTiming/burstList/burst"))
    )
    if not bursts:
        raise ValueError("no burst in burstList")
    processing = "imageAnnotation/processingInformation/swathProcParamsList/swathProcParams/"
    centroid = "dataDcPolynomial"
    if _text(root, "imageAnnotation/processingInformation/dcMethod") != "Data Analysis":
        centroid = "geometryDcPolynomial"
    return Subswath(
        name=_text(root, "adsHeader/swath"),
        polarization=_text(root, "adsHeader/polarisation"),
        measurement=measurement,
        slant_range_time=_positive(root, info + "slantRangeTime"),
        range_sampling_rate=_positive(root, "generalAnnotation/productInformation/rangeSamplingRate"),
        radar_frequency=_positive(root, "generalAnnotation/productInformation/radarFrequency"),
        azimuth_time_interval=interval,
        azimuth_steering_rate=_number(root, "generalAnnotation/productInformation/azimuthSteeringRate"),
        azimuth_spacing=_positive(root, info + "azimuthPixelSpacing"),
        incidence_mid_swath=_positive(root, info + "incidenceAngleMidSwath"),
        lines_per_burst=lines_per_burst,
        samples=int(_text(root, "swathTiming/samplesPerBurst")),
        range_bandwidth=_number(root, processing + "rangeProcessing/processingBandwidth"),
        azimuth_bandwidth=_number(root, processing + "azimuthProcessing/processingBandwidth"),
        fm_rates=_polynomials(root, "generalAnnotation/azimuthFmRateList/azimuthFmRate", "azimuthFmRatePolynomial"),
        doppler_centroids=_polynomials(root, "dopplerCentroid/dcEstimateList/dcEstimate", centroid),
        bursts=bursts,
    )


def _positive(element: etree._Element, path: str) -> float:
    value = _number(element, path)
    if value <= 0:
        raise ValueError(f"{path} is {value}")
    return value


def _text(element: etree._Element, path: str) -> str:
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"{path} is missing")
    return text.strip()


def _number(element: etree._Element, path: str) -> float:
    text = _text(element, path)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path} is {text!r}")
    return value


def _polynomials(root: etree._Element, path: str, name: str) -> tuple[Polynomial, ...]:
    found = tuple(
        Polynomial(parse_time(_text(item, "azimuthTime")), _number(item, "t0"), _coefficients(item, name))
        for item in root.iterfind(path)
    )
    if not found:
        raise ValueError(f"{path} is missing")
    return found


def _coefficients(item: etree._Element, name: str) -> tuple[float, ...]:
    text = item.findtext(name)
    if text is None:  # processors before IPF 2.43 wrote the FM rate as c0, c1, c2
        return tuple(_number(item, key) for key in ("c0", "c1", "c2"))
    return tuple(float(value) for value in text.split())


def _burst(element: etree._Element, index: int, lines_per_burst: int, interval: float, grid: _GroundGrid) -> Burst:
    first = [int(value) for value in _text(element, "firstValidSample").split()]
    last = [int(value) for value in _text(element, "lastValidSample").split()]
    if not len(first) == len(last) == lines_per_burst:
        raise ValueError(
            f"burst {index} has valid samples of {len(first)} and {len(last)} of {lines_per_burst} lines"
        )
    valid = [line for line, sample in enumerate(first) if sample >= 0]
    left, right = max((first[line] for line in valid), default=0), min((last[line] for line in valid), default=-1)
    if left > right:
        raise ValueError(f"burst {index} has no samples that are valid in every valid line")
    start = parse_time(_text(element, "azimuthTime"))

    def at(line: int) -> datetime:
        return start + timedelta(seconds=line * interval)

    return Burst(
        index=index,
        azimuth_time=start,
        azimuth_anx_time=_number(element, "azimuthAnxTime"),
        first_valid_line=valid[0],
        last_valid_line=valid[-1],
        first_valid_sample=left,
        last_valid_sample=right,
        footprint=grid.outline(at(valid[0]), at(valid[-1]), left, right),
        outline=grid.outline(at(0), at(lines_per_burst - 1), *grid.columns),
    )


class _GridPoint(NamedTuple):
    """A point of the geolocation grid; its time is late by half of the two-way time after that of mid swath.

    Seconds are counted from the first point of the grid; longitudes are within half a turn of that of it.
    """

    pixel: float
    seconds: float
    longitude: float
    latitude: float


@dataclass(frozen=True)
class _GroundGrid:
    """The geolocation grid of a subswath.

    Attributes
    ----------
    epoch : datetime
        Time from which its seconds are counted.
    rows : tuple of tuple of _GridPoint
        In the order of time, each from near to far.
    """

    epoch: datetime
    rows: tuple[tuple[_GridPoint, ...], ...]

    @classmethod
    def read(cls, root: etree._Element) -> _GroundGrid:
        """Read the grid; a row is told by its image line."""
        rows: dict[int, list[_GridPoint]] = {}
        epoch: datetime | None = None
        origin = 0.0
        for point in root.iterfind("geolocationGrid/geolocationGridPointList/geolocationGridPoint"):
            time, longitude = parse_time(_text(point, "azimuthTime")), _number(point, "longitude")
            if epoch is None:
                epoch, origin = time, longitude
            rows.setdefault(int(_text(point, "line")), []).append(
                _GridPoint(
                    float(int(_text(point, "pixel"))),
                    (time - epoch).total_seconds(),
                    origin + (longitude - origin + 180) % 360 - 180,
                    _number(point, "latitude"),
                )
            )
        if epoch is None or len(rows) < 2:
            raise ValueError(f"geolocationGrid has {len(rows)} rows; two are the least")
        for line, row in rows.items():
            if len({point.pixel for point in row}) < 2:
                raise ValueError(f"geolocationGrid has fewer than two points at line {line}")
        # By time, not by line: the last line of a slice, in products assembled of several, is later than the first
        # line of the next burst.
        ordered = {row[0].seconds: row for row in (tuple(sorted(points)) for points in rows.values())}
        if len(ordered) < 2:
            raise ValueError("geolocationGrid has rows of one time only")
        return cls(epoch, tuple(ordered[seconds] for seconds in sorted(ordered)))

    @property
    def columns(self) -> tuple[float, float]:
        """Nearest and farthest column of the first row: those of the image."""
        return self.rows[0][0].pixel, self.rows[0][-1].pixel

    def outline(self, start: datetime, stop: datetime, near: float, far: float) -> Polygon:
        """Return the outline of what is seen between two times and two columns.

        Raises
        ------
        ValueError
            When the grid gives no outline that could be on the Earth.
        """
        first, last = ((time - self.epoch).total_seconds() for time in (start, stop))
        corners = [self._place(a, b) for a, b in ((first, near), (first, far), (last, far), (last, near))]
        outline = Polygon(corners)
        if not (outline.is_valid and outline.area > 0 and max(abs(latitude) for _, latitude in corners) <= 90):
            shown = ", ".join(f"{longitude:.4f} {latitude:.4f}" for longitude, latitude in corners)
            raise ValueError(f"geolocationGrid gives a burst with the impossible corners {shown}")
        return outline

    def _place(self, time: float, column: float) -> tuple[float, float]:
        """Return longitude and latitude at a time and a column.

        Linear, continued by up to one burst beyond the grid.
        """
        points = [_between(row, "pixel", column) for row in self.rows]
        found = _between(points, "seconds", time)
        return found.longitude, found.latitude


def _between(points: Sequence[_GridPoint], key: str, value: float) -> _GridPoint:
    """Interpolate points linearly in one of their values, in which they rise; continue beyond the ends."""
    known = [getattr(point, key) for point in points]
    upper = min(max(1, sum(one < value for one in known)), len(known) - 1)
    weight = (value - known[upper - 1]) / (known[upper] - known[upper - 1])
    pairs = zip(points[upper - 1], points[upper], strict=True)
    return _GridPoint(*(low + weight * (high - low) for low, high in pairs))
