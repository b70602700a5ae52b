"""The annotation of a subswath that is put together from bursts, out of the annotation of the scenes they are from.

Structure and names follow the Sentinel-1 Product Specification (S1-RS-MDA-52-7441), whose rules for slices that are
assembled hold here too: single values are those of the first scene, lists are joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from dinsar_cli.sentinel1.subswath import parse_time

_INFORMATION: Final = "imageAnnotation/imageInformation/"
_GRID: Final = "geolocationGrid/geolocationGridPointList"
_STAMP: Final = "%Y-%m-%dT%H:%M:%S.%f"
_PER_SCENE: Final = (
    "generalAnnotation/downlinkInformationList",
    "generalAnnotation/rawDataAnalysisList",
    "generalAnnotation/replicaInformationList",
    "imageAnnotation/processingInformation/inputDimensionsList",
)
_IN_TIME: Final = (
    "qualityInformation/qualityDataList",
    "generalAnnotation/orbitList",
    "generalAnnotation/attitudeList",
    "generalAnnotation/noiseList",
    "generalAnnotation/terrainHeightList",
    "generalAnnotation/azimuthFmRateList",
    "dopplerCentroid/dcEstimateList",
    "antennaPattern/antennaPatternList",
)
_INTERPOLATED: Final = ("slantRangeTime", "latitude", "longitude", "height", "incidenceAngle", "elevationAngle")
_TIMES: Final = ("azimuthTime", "time", "noiseSensingTime")
# Slices of one pass have these in common. A different first sample would need a resampled image.
_SHARED: Final = {
    _INFORMATION + "slantRangeTime": 1e-9,
    _INFORMATION + "azimuthTimeInterval": 1e-6,
    "generalAnnotation/productInformation/rangeSamplingRate": 1e-9,
    "generalAnnotation/productInformation/radarFrequency": 1e-9,
}


@dataclass(frozen=True)
class Part:
    """Bursts of one scene that follow each other.

    Attributes
    ----------
    annotation : etree._Element
        That of the whole scene: an element with the content of ``product``.
    first, last : int
        Bursts in it, from 0, inclusive.
    """

    annotation: etree._Element
    first: int
    last: int

    @property
    def bursts(self) -> list[etree._Element]:
        """Their elements."""
        return self.annotation.findall("swathTiming/burstList/burst")[self.first : self.last + 1]

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples of a burst."""
        lines = int(_text(self.annotation, "swathTiming/linesPerBurst"))
        return lines, int(_text(self.annotation, "swathTiming/samplesPerBurst"))

    @property
    def start(self) -> datetime:
        """Time of the first line."""
        return parse_time(_text(self.bursts[0], "azimuthTime"))

    @property
    def last_start(self) -> datetime:
        """Time of the first line of the last burst."""
        return parse_time(_text(self.bursts[-1], "azimuthTime"))


def assembled_shape(parts: Sequence[Part]) -> tuple[int, int]:
    """Return the lines and samples of a burst when those of all parts are to fit."""
    return max(part.shape[0] for part in parts), max(part.shape[1] for part in parts)


def assemble_annotation(parts: Sequence[Part]) -> etree._Element:
    """Make the annotation of an image in which bursts are stacked.

    The offsets of the bursts in their file are left to `set_byte_offsets`.

    Parameters
    ----------
    parts : sequence of Part
        Of one subswath and polarization, in the order of time.

    Returns
    -------
    etree._Element
        Element ``product``.

    Raises
    ------
    ValueError
        When an element is missing, or the scenes do not fit together.
    """
    _check_shared(parts)
    product = etree.Element("product")
    product.extend(deepcopy(list(parts[0].annotation)))
    _join_lists(product, parts)
    _stack_bursts(product, parts)
    _stack_grid(product, parts)
    _describe_image(product, parts)
    return product


def set_byte_offsets(product: etree._Element, offsets: Sequence[int]) -> None:
    """Say where the pixels of each burst begin in the file."""
    for burst, offset in zip(product.iterfind("swathTiming/burstList/burst"), offsets, strict=True):
        _set(burst, "byteOffset", str(offset))


def time_span(product: etree._Element) -> tuple[datetime, datetime]:
    """Return the times of the first and the last line."""
    first, last = (_text(product, f"{_INFORMATION}product{end}LineUtcTime") for end in ("First", "Last"))
    return parse_time(first), parse_time(last)


def _check_shared(parts: Sequence[Part]) -> None:
    for path, tolerance in _SHARED.items():
        values = [float(_text(part.annotation, path)) for part in parts]
        if any(not math.isclose(value, values[0], rel_tol=tolerance) for value in values):
            raise ValueError(f"{path} is not the same in all slices: {', '.join(map(repr, values))}")


def _join_lists(product: etree._Element, parts: Sequence[Part]) -> None:
    """Join what the scenes list; of lists in time each scene gives what belongs to its bursts."""
    if len(parts) == 1:
        return
    for path in _PER_SCENE:
        _fill(product, path, [entry for part in parts for entry in part.annotation.iterfind(f"{path}/*")])
    seams = _seams(parts)
    for path in _IN_TIME:
        entries = [
            entry
            for part, begin, end in zip(parts, [None, *seams], [*seams, None], strict=True)
            for entry in part.annotation.iterfind(f"{path}/*")
            if _is_between(_time(entry), begin, end)
        ]
        _fill(product, path, entries)


def _seams(parts: Sequence[Part]) -> list[datetime]:
    """Return the times half-way between the middles of neighbouring bursts of different parts."""
    seams = []
    for index in range(1, len(parts)):
        before, after = parts[index - 1], parts[index]
        half_burst = _duration(before.annotation, before.shape[0]) / 2
        seams.append(before.last_start + (after.start - before.last_start) / 2 + half_burst)
    return seams


def _is_between(time: datetime, begin: datetime | None, end: datetime | None) -> bool:
    return (begin is None or begin <= time) and (end is None or time < end)


def _time(entry: etree._Element) -> datetime:
    text = next((text for name in _TIMES if (text := entry.findtext(name))), None)
    if text is None:
        raise ValueError(f"{entry.tag} has no time")
    return parse_time(text)


def _stack_bursts(product: etree._Element, parts: Sequence[Part]) -> None:
    """List the bursts in use; lines and samples that a larger burst has more are invalid."""
    lines, samples = assembled_shape(parts)
    _set(product, "swathTiming/linesPerBurst", str(lines))
    _set(product, "swathTiming/samplesPerBurst", str(samples))
    _fill(product, "swathTiming/burstList", [burst for part in parts for burst in part.bursts])
    more = [lines - part.shape[0] for part in parts for _ in range(part.count)]
    for burst, missing in zip(product.iterfind("swathTiming/burstList/burst"), more, strict=True):
        if missing:
            for name in ("firstValidSample", "lastValidSample"):
                values = _text(burst, name).split() + ["-1"] * missing
                _set(burst, name, " ".join(values))
                _found(burst, name).set("count", str(len(values)))


def _stack_grid(product: etree._Element, parts: Sequence[Part]) -> None:
    """List the points of the geolocation grid: a row where each burst begins, and one at the last line."""
    lines, _ = assembled_shape(parts)
    rows: dict[int, list[etree._Element]] = {}
    stacked = 0
    for part in parts:
        own = part.shape[0]
        grid = _grid_rows(part.annotation)
        for row in sorted(grid):
            burst, line = divmod(row - part.first * own, own)
            if 0 <= burst < part.count:
                rows[(stacked + burst) * lines + line] = grid[row]
        stacked += part.count
    last = parts[-1]
    end = (stacked - 1) * lines + last.shape[0] - 1
    if end not in rows:  # the scene has one there only after its own last burst
        rows[end] = _row_at(last.last_start + _duration(last.annotation, last.shape[0] - 1), last.annotation)
    ordered = sorted(rows)
    _fill(product, _GRID, [point for row in ordered for point in rows[row]])
    numbers = [row for row in ordered for _ in rows[row]]
    for row, point in zip(numbers, product.iterfind(f"{_GRID}/*"), strict=True):
        _set(point, "line", str(row))


def _grid_rows(annotation: etree._Element) -> dict[int, list[etree._Element]]:
    """Return the points of the geolocation grid by line."""
    rows: dict[int, list[etree._Element]] = {}
    for point in annotation.iterfind(f"{_GRID}/*"):
        rows.setdefault(int(_text(point, "line")), []).append(point)
    return rows


def _row_at(time: datetime, annotation: etree._Element) -> list[etree._Element]:
    """Interpolate the geolocation grid in time: bursts overlap, so the next ones have rows on both sides.

    Each point of a row has its own time; that of mid swath is the time of the line.
    """
    found = [row for row in _grid_rows(annotation).values() if row]
    if len(found) < 2 or len({len(row) for row in found}) != 1:
        raise ValueError("the geolocation grid is not a grid")
    middle = len(found[0]) // 2
    rows = sorted(found, key=lambda row: _time(row[middle]))
    times = [_time(row[middle]) for row in rows]
    upper = min(max(1, sum(one < time for one in times)), len(rows) - 1)
    weight = (time - times[upper - 1]) / (times[upper] - times[upper - 1])
    made = deepcopy(rows[upper])
    for point, before, after in zip(made, rows[upper - 1], rows[upper], strict=True):
        for name in _INTERPOLATED:
            low, high = float(_text(before, name)), float(_text(after, name))
            _set(point, name, f"{low + weight * (high - low):.15e}")
        own = _time(before) + weight * (_time(after) - _time(before))
        _set(point, "azimuthTime", own.strftime(_STAMP))
    return made


def _describe_image(product: etree._Element, parts: Sequence[Part]) -> None:
    """Give the extent and composition of the assembled image."""
    lines, samples = assembled_shape(parts)
    last = parts[-1]
    start = parts[0].start.strftime(_STAMP)
    stop = (last.last_start + _duration(last.annotation, last.shape[0] - 1)).strftime(_STAMP)
    _set(product, "adsHeader/startTime", start)
    _set(product, "adsHeader/stopTime", stop)
    _set(product, _INFORMATION + "productFirstLineUtcTime", start)
    _set(product, _INFORMATION + "productLastLineUtcTime", stop)
    _set(product, _INFORMATION + "numberOfLines", str(lines * sum(part.count for part in parts)))
    _set(product, _INFORMATION + "numberOfSamples", str(samples))
    for name, text in (("productComposition", "Assembled"), ("sliceNumber", "0")):
        if product.find(_INFORMATION + name) is not None:
            _set(product, _INFORMATION + name, text)
    if product.find(_INFORMATION + "sliceList") is not None:
        _fill(product, _INFORMATION + "sliceList", [])


def _duration(annotation: etree._Element, lines: int) -> timedelta:
    return timedelta(seconds=lines * float(_text(annotation, _INFORMATION + "azimuthTimeInterval")))


# --- elements ---------------------------------------------------------------------------------------------------


def _found(element: etree._Element, path: str) -> etree._Element:
    found = element.find(path)
    if found is None:
        raise ValueError(f"{path} is missing")
    return found


def _text(element: etree._Element, path: str) -> str:
    return (_found(element, path).text or "").strip()


def _set(element: etree._Element, path: str, text: str) -> None:
    _found(element, path).text = text


def _fill(product: etree._Element, path: str, entries: Sequence[etree._Element]) -> None:
    """Replace the entries of a list by copies of others; a list that the product lacks is left out."""
    found = product.find(path)
    if found is None:
        return
    copies = deepcopy(list(entries))
    del found[:]
    found.extend(copies)
    found.set("count", str(len(copies)))
