"""Parts of the product annotation that describe the raw data: neutral, since there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.instrument import RANGE_SAMPLING_RATE
from dinsar_cli.simulate.xmltree import array, counted, double, fields, node, single, stamp

if TYPE_CHECKING:
    from lxml.etree import _Element

    from dinsar_cli.simulate.annotation import Image
    from dinsar_cli.simulate.image import Statistics

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
            swath=part.frame(image.window).subswath.name,
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
    """Quality of the raw data: nothing to complain about."""
    downlink = fields(
        iInputDataMean=double(0.0),
        qInputDataMean=double(0.0),
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
        pgSourceUsed="Model",
        rrfSpectrumUsed="Extended Tapered",
        replicaReconstructionFailedFlag="false",
        meanPgProductAmplitude=double(1.0),
        stdDevPgProductAmplitude=double(0.0),
        meanPgProductPhase=double(0.0),
        stdDevPgProductPhase=double(0.0),
        pgProductDerivationFailedFlag="false",
        invalidDownlinkParamsFlag="false",
    )
    raw = fields(
        iBias=double(0.0),
        iBiasSignificanceFlag="false",
        qBias=double(0.0),
        qBiasSignificanceFlag="false",
        iqGainImbalance=double(1.0),
        iqGainSignificanceFlag="false",
        iqQuadratureDeparture=double(0.0),
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
    part, frame = image.part, image.part.frame(image.window)
    subswath = frame.subswath
    moment = stamp(part.first_line(image.window))
    near_time = image.grid.range_times[0]
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
                decimationFilterBandwidth=double(subswath.range_bandwidth),
                samplingFrequencyAfterDecimation=double(RANGE_SAMPLING_RATE),
                filterLength="36",
            ),
        ),
        *fields(
            rxGain=double(-4.0),
            txPulseLength=double(subswath.pulse_length),
            txPulseStartFrequency=double(-0.5 * subswath.pulse_length * subswath.chirp_rate),
            txPulseRampRate=double(subswath.chirp_rate),
            swathNumber=str(subswath.number),
        ),
        counted(
            "swlList",
            [
                node("swl", *fields(azimuthTime=moment, value=double(image.grid.range_times[-1] - near_time))),
            ],
        ),
        counted(
            "swstList",
            [
                node(
                    "swst",
                    *fields(azimuthTime=moment, value=double(near_time - subswath.rank / subswath.prf)),
                ),
            ],
        ),
        counted("pointingStatusList", []),
    ]
    information = node(
        "downlinkInformation",
        *fields(
            swath=subswath.name,
            azimuthTime=moment,
            firstLineSensingTime=moment,
            lastLineSensingTime=stamp(part.last_line(image.window)),
            prf=double(subswath.prf),
        ),
        node(
            "bitErrorCount",
            *fields(**{f"numErr{name}": "0" for name in BIT_ERRORS}, numIspHeaderErrors="0"),
        ),
        node("downlinkValues", values),
    )
    return counted("downlinkInformationList", [information])


def attitude_and_raw_data(image: Image) -> list[_Element]:
    """No attitude records, and raw samples without bias."""
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
            iBias=double(0.0),
            qBias=double(0.0),
            iqQuadratureDeparture=double(0.0),
            iqGainImbalance=double(1.0),
        ),
        node(
            "support",
            *fields(
                **bounds,
                iBiasUsedForCorrection=double(0.0),
                qBiasUsedForCorrection=double(0.0),
                iqGainImbalanceUsedForCorrection=double(1.0),
                iqQuadratureDepartureUsedForCorrection=double(0.0),
            ),
        ),
    )
    return [counted("attitudeList", []), counted("rawDataAnalysisList", [analysis])]


def replica_information(image: Image) -> _Element:
    """Describe the transmitted chirp."""
    subswath = image.part.frame(image.window).subswath
    replica = node(
        "referenceReplica",
        *fields(azimuthTime=stamp(image.part.first_line(image.window)), chirpSource="Nominal", pgSource="Model"),
        array("amplitudeCoefficients", (1.0, 0.0, 0.0, 0.0), ".6e"),
        array("phaseCoefficients", (0.0, 0.0, 0.5 * subswath.chirp_rate, 0.0), ".6e"),
        node("timeDelay", single(0.0)),
        node("gain", *fields(re=single(1.0), im=single(0.0))),
    )
    information = node("replicaInformation", node("swath", subswath.name), replica, counted("replicaList", []))
    return counted("replicaInformationList", [information])
