"""The product annotation of one image: ``annotation/*.xml``.

Sentinel-1 Product Specification, S1-RS-MDA-52-7441, section 6; element names and order are those of its
schema. Values that describe the raw data (which does not exist) are neutral.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.acquisition import Burst, ground_speed, heading
from dinsar_cli.simulate.annotation_grid import antenna_pattern, geolocation, swath_timing
from dinsar_cli.simulate.annotation_parts import (
    attitude_and_raw_data,
    downlink_information,
    header,
    image_statistics,
    quality_information,
    replica_information,
)
from dinsar_cli.simulate.ellipsoid import SEMI_MAJOR_AXIS, SEMI_MINOR_AXIS
from dinsar_cli.simulate.instrument import (
    BURST_CYCLE,
    LINE_INTERVAL,
    RADAR_FREQUENCY,
    RANGE_SAMPLING_RATE,
    RANGE_SPACING,
    SPEED_OF_LIGHT,
)
from dinsar_cli.simulate.xmltree import array, counted, double, fields, node, single, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from dinsar_cli.simulate.carrier import Carrier
    from dinsar_cli.simulate.image import GeolocationGrid, Statistics
    from dinsar_cli.simulate.names import Slice
    from dinsar_cli.simulate.render import Swath

STATE_VECTOR_STEP: Final = 10.0
STATE_VECTOR_MARGIN: Final = 70.0


@dataclass(frozen=True)
class Image:
    """All that the annotation of one image needs."""

    part: Slice
    swath: Swath
    grid: GeolocationGrid
    statistics: Statistics
    line_offsets: list[int]

    @property
    def window(self) -> int:
        """Number of the subswath's window."""
        return self.swath.window

    def bursts(self) -> list[tuple[Burst, Carrier]]:
        """Bursts of the image with their carriers."""
        carriers = self.swath.carriers[self.part.flight.index]
        return [(burst, carriers[burst.index]) for burst in self.part.of_window(self.window)]

    def estimates(self) -> list[tuple[Burst, Carrier]]:
        """Where the Doppler is annotated: at every burst, and one cycle to both sides as in real products."""
        bursts = self.bursts()
        (first, before), (last, after) = bursts[0], bursts[-1]
        return [
            (Burst(first.index - 1, first.start - BURST_CYCLE), before),
            *bursts,
            (Burst(last.index + 1, last.start + BURST_CYCLE), after),
        ]


def product_annotation(image: Image) -> _Element:
    """Build the annotation of an image."""
    return node(
        "product",
        header(image),
        quality_information(image),
        _general_annotation(image),
        _image_annotation(image),
        _doppler_centroid(image),
        antenna_pattern(image),
        swath_timing(image),
        geolocation(image),
        node("coordinateConversion", counted("coordinateConversionList", [])),
        node("swathMerging", counted("swathMergeList", [])),
    )


def _general_annotation(image: Image) -> _Element:
    part, subswath = image.part, image.part.frame(image.window).subswath
    lines = subswath.lines
    return node(
        "generalAnnotation",
        node(
            "productInformation",
            *fields(
                **{"pass": part.campaign.scenario.direction.capitalize()},
                timelinessCategory="Fast-24h",
                platformHeading=double(heading(part.flight.orbit, part.campaign.target)),
                projection="Slant Range",
                rangeSamplingRate=double(RANGE_SAMPLING_RATE),
                radarFrequency=double(RADAR_FREQUENCY),
                azimuthSteeringRate=double(subswath.steering_rate),
            ),
        ),
        downlink_information(image),
        counted("orbitList", _state_vectors(part)),
        *attitude_and_raw_data(image),
        replica_information(image),
        counted("noiseList", []),
        counted(
            "terrainHeightList",
            [
                node(
                    "terrainHeight",
                    *fields(
                        azimuthTime=stamp(part.annotated(burst.middle(lines))),
                        value=double(float(image.grid.height[number].mean())),
                    ),
                )
                for number, (burst, _) in enumerate(image.bursts())
            ],
        ),
        counted(
            "azimuthFmRateList",
            [
                node(
                    "azimuthFmRate",
                    *fields(
                        azimuthTime=stamp(part.annotated(burst.middle(lines))),
                        t0=double(carrier.doppler_rate.origin),
                    ),
                    array("azimuthFmRatePolynomial", carrier.doppler_rate.coefficients, ".15e"),
                )
                for burst, carrier in image.estimates()
            ],
        ),
    )


def _state_vectors(part: Slice) -> Iterator[_Element]:
    """Orbit state vectors around the slice, every 10 s."""
    import numpy as np

    bursts = [burst for window in range(len(part.campaign.windows)) for burst in part.of_window(window)]
    first = floor((bursts[0].start - STATE_VECTOR_MARGIN) / STATE_VECTOR_STEP) * STATE_VECTOR_STEP
    last = max(burst.start for burst in bursts) + STATE_VECTOR_MARGIN
    for seconds in np.arange(first, last + STATE_VECTOR_STEP, STATE_VECTOR_STEP).tolist():
        state = part.flight.orbit.state(np.array(seconds))
        vectors = {"position": state.position, "velocity": state.velocity}
        yield node(
            "orbit",
            *fields(time=stamp(part.flight.utc(seconds)), frame="Earth Fixed"),
            *(
                node(name, *fields(**dict(zip("xyz", map(double, vector.tolist()), strict=True))))
                for name, vector in vectors.items()
            ),
        )


def _image_annotation(image: Image) -> _Element:
    return node("imageAnnotation", _image_information(image), _processing_information(image))


def _image_information(image: Image) -> _Element:
    part, frame = image.part, image.part.frame(image.window)
    node_time = part.flight.utc(part.flight.orbit.ascending_node_time())
    count = part.campaign.scenario.slices
    middle = len(image.grid.pixels) // 2
    spacing = ground_speed(part.flight.orbit, part.campaign.target) * LINE_INTERVAL
    return node(
        "imageInformation",
        *fields(
            productFirstLineUtcTime=stamp(part.first_line(image.window)),
            productLastLineUtcTime=stamp(part.last_line(image.window)),
            ascendingNodeTime=stamp(node_time),
            anchorTime=stamp(part.start()),
            productComposition="Slice" if count > 1 else "Individual",
            sliceNumber=str(part.number + 1),
        ),
        counted(
            "sliceList",
            [
                node(
                    "slice",
                    *fields(
                        sliceNumber=str(number + 1),
                        sensingStartTime=stamp(part.start()),
                        sensingStopTime=stamp(part.stop()),
                    ),
                )
                for number in range(count)
            ],
        ),
        *fields(
            slantRangeTime=double(2.0 * frame.near_range / SPEED_OF_LIGHT),
            pixelValue="Complex",
            outputPixels="16 bit Signed Integer",
            rangePixelSpacing=single(RANGE_SPACING),
            azimuthPixelSpacing=single(spacing),
            azimuthTimeInterval=double(LINE_INTERVAL),
            azimuthFrequency=double(1.0 / LINE_INTERVAL),
            numberOfSamples=str(frame.columns),
            numberOfLines=str(len(part.bursts) * frame.subswath.lines),
            zeroDopMinusAcqTime=double(-frame.subswath.sensing_delay),
            incidenceAngleMidSwath=double(float(image.grid.incidence[:, middle].mean())),
        ),
        image_statistics(image.statistics),
    )


def _processing_information(image: Image) -> _Element:
    frame = image.part.frame(image.window)
    subswath = frame.subswath
    flags = {
        "rawDataAnalysisUsed": "true",
        "orbitDataFileUsed": "true",
        "attitudeDataFileUsed": "false",
        "rxVariationCorrectionApplied": "true",
        "antennaElevationPatternApplied": "true",
        "antennaAzimuthPatternApplied": "true",
        "antennaAzimuthElementPatternApplied": "true",
        "dcMethod": "Data Analysis",
        "dcInputData": "Range Compressed",
        "rangeSpreadingLossCompensationApplied": "true",
        "srgrConversionApplied": "false",
        "detectionPerformed": "false",
        "thermalNoiseCorrectionPerformed": "false",
        "rfiMitigationPerformed": "Never",
        "rfiMitigationDomain": "TimeAndFrequency",
        "chirpSource": "Nominal",
        "pgSource": "Model",
        "rrfSpectrum": "Extended Tapered",
        "applicationLutId": "IW_Default",
    }

    def spectrum(tag: str, coefficient: float, bandwidth: float) -> _Element:
        return node(
            tag,
            *fields(
                windowType="Hamming",
                windowCoefficient=double(coefficient),
                totalBandwidth=double(bandwidth),
                processingBandwidth=double(bandwidth),
                lookBandwidth=double(bandwidth),
                numberOfLooks="1",
                lookOverlap=double(0.0),
            ),
        )

    parameters = node(
        "swathProcParams",
        node("swath", subswath.name),
        spectrum("rangeProcessing", subswath.range_window, subswath.range_bandwidth),
        spectrum("azimuthProcessing", subswath.azimuth_window, subswath.azimuth_bandwidth),
        node("processorScalingFactor", single(1.0)),
    )
    dimensions = node(
        "inputDimensions",
        *fields(
            azimuthTime=stamp(image.part.first_line(image.window)),
            swath=subswath.name,
            numberOfInputSamples=str(frame.columns),
            numberOfInputLines=str(len(image.part.bursts) * subswath.lines),
        ),
    )
    return node(
        "processingInformation",
        *fields(**flags),
        counted("swathProcParamsList", [parameters]),
        counted("inputDimensionsList", [dimensions]),
        *fields(
            referenceRange=double(8.0e5),
            ellipsoidName="WGS84",
            ellipsoidSemiMajorAxis=double(SEMI_MAJOR_AXIS),
            ellipsoidSemiMinorAxis=double(SEMI_MINOR_AXIS),
            bistaticDelayCorrectionApplied="true",
            topsFilterConvention="Only Echo Lines",
            orbitSource="Auxiliary",
            attitudeSource="Downlink",
        ),
    )


def _doppler_centroid(image: Image) -> _Element:
    part, lines = image.part, image.part.frame(image.window).subswath.lines

    def estimate(burst: Burst, carrier: Carrier) -> _Element:
        polynomial = carrier.doppler_centroid
        return node(
            "dcEstimate",
            *fields(
                azimuthTime=stamp(part.annotated(burst.middle(lines))),
                t0=double(polynomial.origin),
            ),
            array("geometryDcPolynomial", polynomial.coefficients, ".15e"),
            array("dataDcPolynomial", polynomial.coefficients, ".15e"),
            *fields(
                dataDcRmsError=double(0.0),
                dataDcRmsErrorAboveThreshold="false",
                fineDceAzimuthStartTime=stamp(part.annotated(burst.start)),
                fineDceAzimuthStopTime=stamp(part.annotated(burst.start + (lines - 1) * LINE_INTERVAL)),
            ),
            counted("fineDceList", []),
        )

    return node(
        "dopplerCentroid",
        counted("dcEstimateList", [estimate(burst, carrier) for burst, carrier in image.estimates()]),
    )
