"""The product annotation of one image: ``annotation/*.xml``.

Sentinel-1 Product Specification, S1-RS-MDA-52-7441, section 6; element names and order are those of its
schema. Values that describe the raw data (which does not exist) are neutral.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml.etree import _Element

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.annotation.doppler import doppler_centroids, doppler_rates
from dinsar_cli.simulate.files.annotation.grid import antenna_pattern, geolocation, swath_timing
from dinsar_cli.simulate.files.annotation.orbit import attitudes, state_vectors
from dinsar_cli.simulate.files.annotation.parts import (
    downlink_information,
    header,
    image_statistics,
    noise_measurements,
    quality_information,
    raw_data_analysis,
    replica_information,
    sensing_start,
)
from dinsar_cli.simulate.files.names import slices
from dinsar_cli.simulate.files.xml_tree import counted, double, fields, node, single, stamp
from dinsar_cli.simulate.radar.acquisition import ground_speed, heading
from dinsar_cli.simulate.world.ellipsoid import SEMI_MAJOR_AXIS, SEMI_MINOR_AXIS
from dinsar_cli.simulate.world.instrument import (
    LINE_INTERVAL,
    RADAR_FREQUENCY,
    RANGE_SAMPLING_RATE,
    RANGE_SPACING,
    SPEED_OF_LIGHT,
)

SCALING: Final = 8.5e11
"""Digital numbers of the processor for one of the product."""
TERRAIN_STEP: Final = 10.0
"""Time from one terrain height to the next (s)."""


def product_annotation(image: Image) -> _Element:
    """Build the annotation of an image."""
    return node(
        "product",
        header(image),
        quality_information(image),
        _general_annotation(image),
        _image_annotation(image),
        node("dopplerCentroid", counted("dcEstimateList", doppler_centroids(image))),
        antenna_pattern(image),
        swath_timing(image),
        geolocation(image),
        node("coordinateConversion", counted("coordinateConversionList", [])),
        node("swathMerging", counted("swathMergeList", [])),
    )


def _general_annotation(image: Image) -> _Element:
    part, subswath = image.part, image.frame.subswath
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
        counted("orbitList", state_vectors(part)),
        counted("attitudeList", attitudes(image)),
        raw_data_analysis(image),
        replica_information(image),
        noise_measurements(image),
        counted("terrainHeightList", _terrain_heights(image)),
        counted("azimuthFmRateList", doppler_rates(image)),
    )


def _terrain_heights(image: Image) -> Iterator[_Element]:
    """Mean height of the scene every ten seconds, from before the first line to after the last."""
    bursts, value = image.bursts(), double(float(image.grid.height.mean()))
    seconds = bursts[0].start - TERRAIN_STEP
    while seconds < bursts[-1].start + TERRAIN_STEP:
        yield node("terrainHeight", *fields(azimuthTime=stamp(image.part.annotated(seconds)), value=value))
        seconds += TERRAIN_STEP


def _image_annotation(image: Image) -> _Element:
    return node("imageAnnotation", _image_information(image), _processing_information(image))


def _image_information(image: Image) -> _Element:
    part, frame = image.part, image.frame
    node_time = part.flight.utc(part.flight.orbit.ascending_node_time())
    every = slices(part.campaign, part.flight)
    middle = len(image.grid.pixels) // 2
    spacing = ground_speed(part.flight.orbit, part.campaign.target) * LINE_INTERVAL
    return node(
        "imageInformation",
        *fields(
            productFirstLineUtcTime=stamp(part.first_line(image.window)),
            productLastLineUtcTime=stamp(part.last_line(image.window)),
            ascendingNodeTime=stamp(node_time),
            anchorTime=stamp(every[0].start()),
            productComposition="Slice",
            sliceNumber=str(part.number + 1),
        ),
        counted(
            "sliceList",
            [
                node(
                    "slice",
                    *fields(
                        sliceNumber=str(one.number + 1),
                        sensingStartTime=stamp(one.start()),
                        sensingStopTime=stamp(one.stop()),
                    ),
                )
                for one in every
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
            zeroDopMinusAcqTime=double((part.first_line(image.window) - sensing_start(image)).total_seconds()),
            incidenceAngleMidSwath=double(float(image.grid.incidence[:, middle].mean())),
        ),
        image_statistics(image.statistics),
    )


def _processing_information(image: Image) -> _Element:
    frame = image.frame
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
        "rfiMitigationPerformed": "BasedOnNoiseMeas",
        "rfiMitigationDomain": "TimeAndFrequency",
        "chirpSource": "Nominal",
        "pgSource": "Extracted",
        "rrfSpectrum": "Extended Tapered",
        "applicationLutId": "IW_Default",
    }

    def spectrum(tag: str, coefficient: float, total: float, bandwidth: float) -> _Element:
        return node(
            tag,
            *fields(
                windowType="Hamming",
                windowCoefficient=double(coefficient),
                totalBandwidth=double(total),
                processingBandwidth=double(bandwidth),
                lookBandwidth=double(bandwidth),
                numberOfLooks="1",
                lookOverlap=double(0.0),
            ),
        )

    parameters = node(
        "swathProcParams",
        node("swath", subswath.name),
        spectrum(
            "rangeProcessing",
            subswath.range_window,
            subswath.pulse_length * subswath.chirp_rate,
            subswath.range_bandwidth,
        ),
        spectrum(
            "azimuthProcessing", subswath.azimuth_window, subswath.azimuth_bandwidth, subswath.azimuth_bandwidth
        ),
        node("processorScalingFactor", single(SCALING)),
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
