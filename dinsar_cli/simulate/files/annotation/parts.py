"""Parts of the product annotation that describe the raw data: neutral where there is none to describe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.image import Statistics
from dinsar_cli.simulate.files.xml_tree import array, counted, double, fields, node, single, stamp
from dinsar_cli.simulate.world.instrument import RANGE_SAMPLING_RATE

BIT_ERRORS: Final = (
    "SyncMarker",
    "DataTakeId",
    "EccNumber",
    "TestMode",
    "RxChannelId",
    "InstrumentConfigId",
    "PacketCount",
    "PriCount",
    "SsbErrorFlag",
    "BaqMode",
    "BaqBlockLength",
    "RangeDecimation",
    "RxGain",
    "TxRampRate",
    "TxPulseStartFrequency",
    "Rank",
    "Pri",
    "Swst",
    "Swl",
    "Polarisation",
    "TempComp",
    "ElevationBeamAddress",
    "AzimuthBeamAddress",
    "SasTestMode",
    "CalType",
    "CalibrationBeamAddress",
    "CalMode",
    "TxPulseNumber",
    "SignalType",
    "SwapFlag",
    "SwathNumber",
    "NumberOfQuads",
)
INPUT_DEVIATION: Final = 8.0
"""Standard deviation of raw samples that keeps the quantizer busy."""
RAW_BIAS: Final = 0.28, 0.30
"""Mean of the raw samples, real and imaginary part."""
QUADRATURE_DEPARTURE: Final = 0.09
"""Departure of their phases from a right angle (deg)."""
MODEL_AMPLITUDE: Final = 0.653
PULSE_AMPLITUDE: Final = 9.2e-4
PULSE_PHASE: Final = 1.67
PULSE_SPREAD: Final = 2.0e-3, 1.0e-2
"""Amplitude by the model and as measured, phase (rad) and deviations of the internal calibration's gains."""
DECIMATION: Final = {"IW1": (5.659e7, 36), "IW2": (4.835e7, 44), "IW3": (4.286e7, 68)}
"""Bandwidth (Hz) and length of the filter before the raw samples are thinned out."""
NOISE_FACTOR: Final = 4.92
NOISE_LINES: Final = 8
"""Power correction and count of the noise lines that the radar takes before each burst."""
REPLICA_DELAY: Final = 4.333e-7
"""Delay of the transmitted pulse in the instrument (s)."""


def header(image: Image) -> _Element:
    """Identify the image; the same in annotation, calibration and noise files."""
    part = image.part
    return node(
        "adsHeader",
        *fields(
            missionId=part.flight.mission,
            productType="SLC",
            polarisation=part.campaign.scenario.polarization,
            mode="IW",
            swath=image.frame.subswath.name,
            startTime=stamp(part.first_line(image.window)),
            stopTime=stamp(part.last_line(image.window)),
            absoluteOrbitNumber=str(part.flight.absolute_orbit),
            missionDataTakeId=str(part.data_take),
            imageNumber=f"{image.window + 1:03d}",
        ),
    )


def image_statistics(statistics: Statistics) -> _Element:
    """Mean and standard deviation of the pixels."""

    def pair(tag: str, values: tuple[float, float]) -> _Element:
        return node(tag, *fields(re=single(values[0]), im=single(values[1])))

    return node(
        "imageStatistics",
        pair("outputDataMean", statistics.mean),
        pair("outputDataStdDev", statistics.deviation),
    )


def quality_information(image: Image) -> _Element:
    """Return the quality of the raw data: nothing to complain about."""
    downlink = fields(
        iInputDataMean=double(RAW_BIAS[0]),
        qInputDataMean=double(RAW_BIAS[1]),
        inputDataMeanOutsideNominalRangeFlag="false",
        iInputDataStdDev=double(INPUT_DEVIATION),
        qInputDataStdDev=double(INPUT_DEVIATION),
        inputDataStDevOutsideNominalRangeFlag="false",
        numDownlinkInputDataGaps="0",
        downlinkGapsInInputDataSignificantFlag="false",
        numDownlinkInputMissingLines="0",
        downlinkMissingLinesSignificantFlag="false",
        numInstrumentInputDataGaps="0",
        instrumentGapsInInputDataSignificantFlag="false",
        numInstrumentInputMissingLines="0",
        instrumentMissingLinesSignificantFlag="false",
        numSsbErrorInputDataGaps="0",
        ssbErrorGapsInInputDataSignificantFlag="false",
        numSsbErrorInputMissingLines="0",
        ssbErrorMissingLinesSignificantFlag="false",
        chirpSourceUsed="Nominal",
        pgSourceUsed="Extracted",
        rrfSpectrumUsed="Extended Tapered",
        replicaReconstructionFailedFlag="false",
        meanPgProductAmplitude=double(MODEL_AMPLITUDE),
        stdDevPgProductAmplitude=double(PULSE_SPREAD[0]),
        meanPgProductPhase=double(PULSE_PHASE),
        stdDevPgProductPhase=double(PULSE_SPREAD[1]),
        pgProductDerivationFailedFlag="false",
        invalidDownlinkParamsFlag="false",
    )
    raw = fields(
        iBias=double(RAW_BIAS[0]),
        iBiasSignificanceFlag="true",
        qBias=double(RAW_BIAS[1]),
        qBiasSignificanceFlag="true",
        iqGainImbalance=double(1.0),
        iqGainSignificanceFlag="false",
        iqQuadratureDeparture=double(QUADRATURE_DEPARTURE),
        iqQuadratureDepartureSignificanceFlag="false",
    )
    data = node(
        "qualityData",
        node("azimuthTime", stamp(image.part.first_line(image.window))),
        node("downlinkQuality", downlink),
        node("rawDataAnalysisQuality", raw),
        node("dopplerCentroidQuality", *fields(dcMethod="Data Analysis", dopplerCentroidUncertainFlag="false")),
        node(
            "imageQuality",
            image_statistics(image.statistics),
            *fields(outputDataMeanOutsideNominalRangeFlag="false", outputDataStDevOutsideNominalRangeFlag="false"),
        ),
    )
    return node(
        "qualityInformation",
        node("productQualityIndex", double(0.0)),
        counted("qualityDataList", [data]),
    )


def downlink_information(image: Image) -> _Element:
    """Describe the settings of the instrument."""
    part, frame = image.part, image.frame
    subswath = frame.subswath
    moment = stamp(part.first_line(image.window))
    sensing = sensing_start(image)
    values = [
        *fields(
            pri=double(1.0 / subswath.prf),
            rank=str(subswath.rank),
            dataTakeId=str(part.data_take % 65536),
            eccNumber="8",
            rxChannelId="0",
            instrumentConfigId="7",
        ),
        node(
            "dataFormat",
            *fields(
                baqBlockLength="256",
                echoFormat="FDBAQ",
                noiseFormat="BAQ 5 Bit",
                calibrationFormat="Decimation",
                meanBitRate=double(3.0),
            ),
        ),
        node(
            "rangeDecimation",
            *fields(
                decimationFilterBandwidth=double(DECIMATION[subswath.name][0]),
                samplingFrequencyAfterDecimation=double(RANGE_SAMPLING_RATE),
                filterLength=str(DECIMATION[subswath.name][1]),
            ),
        ),
        *fields(
            rxGain=double(-4.0),
            txPulseLength=double(subswath.pulse_length),
            txPulseStartFrequency=double(-0.5 * subswath.pulse_length * subswath.chirp_rate),
            txPulseRampRate=double(subswath.chirp_rate),
            swathNumber=str(subswath.number),
        ),
        *_range_gates(image),
        counted(
            "pointingStatusList",
            [
                node(
                    "pointingStatus",
                    *fields(
                        azimuthTime=stamp(sensing),
                        aocsOpMode="Normal Pointing Mode",
                        rollErrorFlag="false",
                        pitchErrorFlag="false",
                        yawErrorFlag="false",
                    ),
                )
            ],
        ),
    ]
    information = node(
        "downlinkInformation",
        *fields(
            swath=subswath.name,
            azimuthTime=moment,
            firstLineSensingTime=stamp(sensing),
            lastLineSensingTime=stamp(part.last_line(image.window) + timedelta(seconds=subswath.sensing_delay)),
            prf=double(subswath.prf),
        ),
        node(
            "bitErrorCount",
            *fields(**{f"numErr{name}": "0" for name in BIT_ERRORS}, numIspHeaderErrors="0"),
        ),
        node("downlinkValues", values),
    )
    return counted("downlinkInformationList", [information])


def sensing_start(image: Image) -> datetime:
    """Return the sensing time of the first line of the pass, which is the raw data that the image is from."""
    first = image.part.flight.bursts[image.window][0].start
    return image.part.annotated(first + image.frame.subswath.sensing_delay)


def _range_gates(image: Image) -> list[_Element]:
    """Tell when and for how long the radar listens after a pulse: from where the columns hold signal."""
    part, subswath = image.part, image.frame.subswath
    lengths: dict[str, str] = {}
    starts: dict[str, str] = {}
    for burst in image.bursts():
        moment = stamp(part.annotated(burst.start))
        _, columns = image.frame.signal(part.flight.index, burst.index)
        length = len(columns) / RANGE_SAMPLING_RATE + subswath.pulse_length
        opening = image.grid.range_times[0] + columns.start / RANGE_SAMPLING_RATE - subswath.rank / subswath.prf
        lengths.setdefault(double(length), moment)
        starts.setdefault(double(opening), moment)
    return [
        counted(
            f"{tag}List", [node(tag, *fields(azimuthTime=moment, value=value)) for value, moment in found.items()]
        )
        for tag, found in (("swl", lengths), ("swst", starts))
    ]


def raw_data_analysis(image: Image) -> _Element:
    """Return the raw samples with the small faults that real ones have, and that are taken out."""
    bounds = {
        f"{name}{side}Bound": double(value)
        for name, low, high in (
            ("iBias", -0.01, 0.01),
            ("qBias", -0.01, 0.01),
            ("iqGain", 0.999, 1.001),
            ("iqQuadratureDeparture", -1.0, 1.0),
        )
        for side, value in (("Upper", high), ("Lower", low))
    }
    analysis = node(
        "rawDataAnalysis",
        *fields(
            azimuthTime=stamp(image.part.first_line(image.window)),
            iBias=double(RAW_BIAS[0]),
            qBias=double(RAW_BIAS[1]),
            iqQuadratureDeparture=double(QUADRATURE_DEPARTURE),
            iqGainImbalance=double(1.0),
        ),
        node(
            "support",
            *fields(
                **bounds,
                iBiasUsedForCorrection=double(RAW_BIAS[0]),
                qBiasUsedForCorrection=double(RAW_BIAS[1]),
                iqGainImbalanceUsedForCorrection=double(1.0),
                iqQuadratureDepartureUsedForCorrection=double(QUADRATURE_DEPARTURE),
            ),
        ),
    )
    return counted("rawDataAnalysisList", [analysis])


def noise_measurements(image: Image) -> _Element:
    """Return one measurement of the thermal noise before each burst."""
    delay = image.frame.subswath.sensing_delay
    return counted(
        "noiseList",
        [
            node(
                "noise",
                *fields(
                    swath=image.frame.subswath.name,
                    azimuthTime=stamp(image.part.annotated(burst.start + delay)),
                    noisePowerCorrectionFactor=single(NOISE_FACTOR),
                    numberOfNoiseLines=str(NOISE_LINES),
                ),
            )
            for burst in image.bursts()
        ],
    )


def replica_information(image: Image) -> _Element:
    """Describe the transmitted chirp."""
    subswath = image.frame.subswath
    replica = node(
        "referenceReplica",
        *fields(
            azimuthTime=stamp(image.part.first_line(image.window)), chirpSource="Nominal", pgSource="Extracted"
        ),
        array("amplitudeCoefficients", (1.0, 0.0, 0.0, 0.0), ".6e"),
        array("phaseCoefficients", (0.0, 0.0, 0.5 * subswath.chirp_rate, 0.0), ".6e"),
        node("timeDelay", single(REPLICA_DELAY)),
        node("gain", *fields(re=single(1.0), im=single(0.0))),
    )
    information = node(
        "replicaInformation", node("swath", subswath.name), replica, counted("replicaList", _replicas(image))
    )
    return counted("replicaInformationList", [information])


def _replicas(image: Image) -> Iterator[_Element]:
    """Replicas of the pulse, which is the nominal one."""
    for burst in image.bursts():
        yield node(
            "replica",
            *fields(
                azimuthTime=stamp(image.part.annotated(burst.start + image.frame.subswath.sensing_delay)),
                crossCorrelationBandwidth=single(1.0),
                crossCorrelationPslr=single(-13.26),
                crossCorrelationIslr=single(-9.68),
                crossCorrelationPeakLocation=single(0.0),
                reconstructedReplicaValidFlag="true",
                pgProductAmplitude=single(PULSE_AMPLITUDE),
                pgProductPhase=single(PULSE_PHASE),
                modelPgProductAmplitude=single(MODEL_AMPLITUDE),
                modelPgProductPhase=single(0.0),
                relativePgProductValidFlag="true",
                absolutePgProductValidFlag="true",
                internalTimeDelay=single(REPLICA_DELAY),
            ),
        )
