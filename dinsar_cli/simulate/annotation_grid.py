"""Parts of the product annotation that say where the pixels lie: antenna, burst timing, geolocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.acquisition import Burst, burst_identifier
from dinsar_cli.simulate.instrument import ORBITS_PER_CYCLE
from dinsar_cli.simulate.xmltree import array, counted, double, fields, node, single, stamp

if TYPE_CHECKING:
    from lxml.etree import _Element

    from dinsar_cli.simulate.annotation import Image

BURSTS_PER_CYCLE: Final = 375887
ANTENNA_POINTS: Final = 50


def antenna_pattern(image: Image) -> _Element:
    """One flat pattern for each burst: the simulated antenna is corrected for, as in the real product."""
    import numpy as np

    part, grid = image.part, image.grid
    subswath = part.frame(image.window).subswath
    times = np.linspace(grid.range_times[0], grid.range_times[-1], ANTENNA_POINTS)

    def pattern(number: int, burst: Burst) -> _Element:
        elevation = np.interp(times, grid.range_times, grid.elevation[number])
        incidence = np.interp(times, grid.range_times, grid.incidence[number])
        flat = [1.0, 0.0] * ANTENNA_POINTS
        return node(
            "antennaPattern",
            *fields(swath=subswath.name, azimuthTime=stamp(part.annotated(burst.middle(subswath.lines)))),
            array("slantRangeTime", times.tolist(), ".15e"),
            array("elevationAngle", elevation.tolist(), ".6e"),
            node("elevationPattern", " ".join(map(single, flat)), count=str(ANTENNA_POINTS)),
            array("incidenceAngle", incidence.tolist(), ".6e"),
            *fields(
                terrainHeight=double(float(grid.height[number].mean())),
                roll=double(float(elevation.mean())),
            ),
        )

    bursts = [pattern(number, burst) for number, (burst, _) in enumerate(image.bursts())]
    return node("antennaPattern", counted("antennaPatternList", bursts))


def swath_timing(image: Image) -> _Element:
    """Time, place in the file and valid samples of each burst."""
    part, frame = image.part, image.part.frame(image.window)
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
            [timing(number, burst) for number, burst in enumerate(part.of_window(image.window))],
        ),
    )


def geolocation(image: Image) -> _Element:
    """Ground positions of some lines and pixels."""
    grid = image.grid
    points = [
        node(
            "geolocationGridPoint",
            *fields(
                azimuthTime=stamp(image.part.annotated(grid.seconds[i])),
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
