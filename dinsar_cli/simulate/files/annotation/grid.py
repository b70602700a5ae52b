"""Parts of the product annotation that say where the pixels lie: antenna, burst timing, geolocation."""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from lxml.etree import _Element

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.xml_tree import array, counted, double, fields, node, single, stamp
from dinsar_cli.simulate.radar.acquisition import Burst, burst_identifier
from dinsar_cli.simulate.world.instrument import ORBITS_PER_CYCLE, RANGE_SAMPLING_RATE

BURSTS_PER_CYCLE: Final = 375887
PATTERN_GAIN: Final = 1.0e14
PATTERN_STEP: Final = 32
"""Columns from one point of the antenna pattern to the next."""


def antenna_pattern(image: Image) -> _Element:
    """Give one flat pattern at each burst and at the next one: as in real products the antenna is corrected for."""
    part, grid, subswath = image.part, image.grid, image.frame.subswath
    pixels = PATTERN_STEP * np.arange(ceil((image.frame.columns - 1) / PATTERN_STEP) + 1)
    times = grid.range_times[0] + pixels / RANGE_SAMPLING_RATE
    flat = [PATTERN_GAIN, -PATTERN_GAIN] * len(pixels)

    def pattern(number: int) -> _Element:
        row = min(number, len(grid.lines) - 1)
        elevation = np.interp(pixels, grid.pixels, grid.elevation[row])
        incidence = np.interp(pixels, grid.pixels, grid.incidence[row])
        return node(
            "antennaPattern",
            *fields(swath=subswath.name, azimuthTime=stamp(part.annotated(image.burst_start(number)))),
            array("slantRangeTime", times.tolist(), ".15e"),
            array("elevationAngle", elevation.tolist(), ".6e"),
            node("elevationPattern", " ".join(map(single, flat)), count=str(len(pixels))),
            array("incidenceAngle", incidence.tolist(), ".6e"),
            *fields(
                terrainHeight=double(float(grid.height[row].mean())),
                roll=double(float(elevation.mean())),
            ),
        )

    patterns = [pattern(number) for number in range(len(image.bursts()) + 1)]
    return node("antennaPattern", counted("antennaPatternList", patterns))


def swath_timing(image: Image) -> _Element:
    """Return the time, place in the file and valid samples of each burst."""
    part, frame = image.part, image.frame
    subswath = frame.subswath
    ascending_node = part.flight.orbit.ascending_node_time()

    def timing(number: int, burst: Burst) -> _Element:
        identifier = burst_identifier(part.flight, image.window, subswath, burst)
        cycles = part.flight.absolute_orbit - part.flight.relative_orbit
        absolute = identifier + cycles * BURSTS_PER_CYCLE // ORBITS_PER_CYCLE
        lines, columns = frame.signal(part.flight.index, burst.index)
        before, after = [-1] * lines.start, [-1] * (subswath.lines - lines.stop)
        return node(
            "burst",
            *fields(
                azimuthTime=stamp(part.annotated(burst.start)),
                azimuthAnxTime=double(burst.start + part.flight.clock_error - ascending_node),
                sensingTime=stamp(part.annotated(burst.start + subswath.sensing_delay)),
                byteOffset=str(image.line_offsets[number * subswath.lines]),
            ),
            array("firstValidSample", before + [columns.start] * len(lines) + after, "d"),
            array("lastValidSample", before + [columns.stop - 1] * len(lines) + after, "d"),
            node("burstId", str(identifier), absolute=str(absolute)),
        )

    return node(
        "swathTiming",
        *fields(linesPerBurst=str(subswath.lines), samplesPerBurst=str(frame.columns)),
        counted(
            "burstList",
            [timing(number, burst) for number, burst in enumerate(image.bursts())],
        ),
    )


def geolocation(image: Image) -> _Element:
    """Return the ground positions of some lines and pixels."""
    grid = image.grid
    points = [
        node(
            "geolocationGridPoint",
            *fields(
                azimuthTime=stamp(image.part.annotated(float(grid.seconds[i, j]))),
                slantRangeTime=double(grid.range_times[j]),
                line=str(line),
                pixel=str(pixel),
                latitude=double(float(grid.latitude[i, j])),
                longitude=double(float(grid.longitude[i, j])),
                height=double(float(grid.height[i, j])),
                incidenceAngle=double(float(grid.incidence[i, j])),
                elevationAngle=double(float(grid.elevation[i, j])),
            ),
        )
        for i, line in enumerate(grid.lines)
        for j, pixel in enumerate(grid.pixels)
    ]
    return node("geolocationGrid", counted("geolocationGridPointList", points))
