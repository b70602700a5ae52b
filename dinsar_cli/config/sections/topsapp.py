"""The section ``topsapp`` of the configuration: properties of ISCE2's topsApp, under ISCE2's own names.

A key is the name of the property in lower case with ``_`` for blanks. Names, types and the steps that read them are
those of ISCE2 2.6.5 (``applications/topsApp.py``, ``components/isceobj/TopsProc``). A step that only writes files
that no other reads does not count.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, PlainValidator, Strict, ValidationInfo, WithJsonSchema, field_validator

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section

_MAX_NAME = 100
_ESD = "do ESD"
_ION = "do ionosphere correction"


@dataclass(frozen=True, kw_only=True)
class IsceProperty(About):
    """The property of topsApp that a field stands for; ``first_step`` is the first whose result it changes.

    Attributes
    ----------
    name : str
        Its name in topsApp.xml.
    only_with : str
        Name of the property that must be true for it to change anything.
    scene : bool
        Whether it belongs to the reference and to the secondary instead of to topsApp.
    always : bool
        Whether topsApp.xml has it at its default too, because that is our choice and not ISCE2's.
    written : bool
        Whether it stands in topsApp.xml; else topsApp has no such property, and is told in another way.
    """

    name: str
    only_with: str = ""
    scene: bool = False
    always: bool = False
    written: bool = True


def _ion(name: str, unit: str = "", first_step: str = "ion") -> IsceProperty:
    return IsceProperty(name=name, first_step=first_step, only_with=_ION, unit=unit)


def normal_name(name: str) -> str:
    """Name of a property as ISCE2 compares it: it does not heed case and repeated blanks."""
    return " ".join(name.split()).lower()


def _parse_auto(value: object) -> bool | Literal["auto"]:
    word = str(value).strip().lower()
    if word not in {"auto", "true", "false"}:
        raise ValueError("it is neither auto nor a truth value")
    return "auto" if word == "auto" else word == "true"


def _is_scalar(value: object) -> bool:
    return isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def _check_extra(values: dict[str, Any]) -> dict[str, Any]:
    names = [normal_name(name) for name in values]
    for given, name, value in zip(values, names, values.values(), strict=True):
        if len(given) > _MAX_NAME or not re.fullmatch(r"[a-z][\w .-]*", name):
            raise ValueError(f"{given!r} is no name of a property")
        if names.count(name) > 1:
            raise ValueError(f"{given!r} stands there twice: case and repeated blanks do not count")
        if not all(map(_is_scalar, value if isinstance(value, list) else [value])):
            raise ValueError(f"the value of {given!r} is no truth value, number, text or list of them")
    return values


def _check_areas(areas: list[_Area]) -> list[_Area]:
    for area in areas:
        for first, last in (area[:2], area[2:]):
            if not all(edge == -1 or edge >= 1 for edge in (first, last)) or -1 < last < first:
                raise ValueError(f"{list(area)} is no such area")
    return areas


_SCALAR_SCHEMA = {"type": ["boolean", "number", "string"]}
_Extra = Annotated[
    dict[str, Any],
    AfterValidator(_check_extra),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA}]},
        }
    ),
    About("a mapping of names to truth values, numbers, texts or lists of them", first_step="preprocess"),
]
_Edge = Annotated[int, Strict()]
_Area: TypeAlias = tuple[_Edge, _Edge, _Edge, _Edge]
_Areas = Annotated[
    list[_Area],
    AfterValidator(_check_areas),
    IsceProperty(
        name="areas masked out in ionospheric phase estimation",
        first_step="ion",
        only_with=_ION,
        allowed="a list of [first line, last line, first column, last column], from 1 on, -1 for the edge",
    ),
]
_AutoGpu = Annotated[
    bool | Literal["auto"],
    PlainValidator(_parse_auto),
    WithJsonSchema({"enum": ["auto", True, False]}),
    IsceProperty(name="use GPU", first_step="topo", allowed="auto, true, false", always=True),
]
_IonStep: TypeAlias = Literal["subband", "rawion", "grd2ion", "filt_gaussian", "ionosphere_shift", "ion2grd", "esd"]


class TopsappConfig(Section):
    """Keys of the section ``topsapp``: the properties that no other key of the configuration decides."""

    do_esd: Annotated[bool, IsceProperty(name=_ESD, first_step="subsetoverlaps", always=True)] = Field(
        default=False,
        description="Estimate the misregistration from the overlaps of bursts; a subswath needs two common bursts.",
    )
    esd_coherence_threshold: Annotated[
        float, IsceProperty(name="ESD coherence threshold", first_step="esd", only_with=_ESD, always=True)
    ] = Field(
        default=0.7,
        ge=0,
        le=1,
        description="Coherence above which a cell of an overlap counts; ISCE2's own 0.85 fails in vegetation.",
    )
    esd_azimuth_looks: Annotated[
        int, IsceProperty(name="ESD azimuth looks", first_step="prepesd", only_with=_ESD)
    ] = Field(default=5, ge=1, le=200, description="Azimuth looks of the interferograms of the overlaps.")
    esd_range_looks: Annotated[int, IsceProperty(name="ESD range looks", first_step="prepesd", only_with=_ESD)] = (
        Field(default=15, ge=1, le=200, description="Range looks of the interferograms of the overlaps.")
    )
    extra_esd_cycles: Annotated[
        float, IsceProperty(name="extra ESD cycles", first_step="esd", only_with=_ESD, unit="cycles")
    ] = Field(default=0.0, ge=-10, le=10, description="Cycles to add to the phase of the overlaps.")
    offset_snr_threshold: Annotated[
        float, IsceProperty(name="offset SNR threshold", first_step="rangecoreg", only_with=_ESD)
    ] = Field(
        default=8.0, ge=0, le=1000, description="Signal-to-noise ratio above which an offset in range counts."
    )
    unwrapper_name: Annotated[
        Literal["snaphu_mcf", "snaphu", "downsample_snaphu", "icu"],
        LOWER,
        IsceProperty(name="unwrapper name", first_step="unwrap", always=True),
    ] = Field(
        default="snaphu_mcf", description="Unwrapper; snaphu_mcf has smooth costs and the minimum-cost-flow start."
    )
    use_virtual_files: Annotated[
        bool, IsceProperty(name="use virtual files", first_step="preprocess", always=True)
    ] = Field(default=True, description="Read bursts from the scenes themselves, instead of from copies.")
    use_gpu: _AutoGpu = Field(
        default="auto",
        description="Use the GPU in topo, geo2rdr and resampling; auto does where ISCE2 was built for it.",
    )
    cut: Annotated[
        Literal["area", "none"], LOWER, IsceProperty(name="cut", first_step="preprocess", written=False)
    ] = Field(
        default="area",
        description="Columns that topsApp works on: area (with 5 to 8 km around it), or none left out.",
    )
    dem_interpolation: Annotated[
        Literal["bicubic", "biquintic", "bilinear"],
        LOWER,
        IsceProperty(name="dem interpolation", first_step="topo", written=False),
    ] = Field(
        default="bicubic",
        description="How topo takes heights from the DEM; topsApp by itself takes biquintic, for twice the time.",
    )
    auxiliary_data_directory: Annotated[
        AbsolutePath | None,
        IsceProperty(name="auxiliary data directory", first_step="preprocess", scene=True, allowed="a path"),
    ] = Field(default=None, description="Folder of AUX_CAL files, which only scenes of IPF 002.36 need.")

    do_ionosphere_correction: Annotated[bool, IsceProperty(name=_ION, first_step="ion")] = Field(
        default=False, description="Estimate the ionosphere with the split-spectrum method."
    )
    apply_ionosphere_correction: Annotated[bool, _ion("apply ionosphere correction", first_step="mergebursts")] = (
        Field(default=False, description="Subtract the estimated ionosphere from the interferogram.")
    )
    consider_burst_properties_in_ionosphere_computation: Annotated[
        bool, _ion("consider burst properties in ionosphere computation")
    ] = Field(default=False, description="Estimate the ionosphere burst by burst.")
    start_ionosphere_step: Annotated[_IonStep, LOWER, _ion("start ionosphere step")] = Field(
        default="subband", description="First part of the step ion to do."
    )
    end_ionosphere_step: Annotated[_IonStep, LOWER, _ion("end ionosphere step")] = Field(
        default="esd", validate_default=True, description="Last part of the step ion to do."
    )
    height_of_ionosphere_layer_in_km: Annotated[float, _ion("height of ionosphere layer in km", unit="km")] = Field(
        default=200.0, ge=50, le=2000, description="Height of the thin layer that stands for the ionosphere."
    )
    apply_polynomial_fit_before_filtering_ionosphere_phase: Annotated[
        bool, _ion("apply polynomial fit before filtering ionosphere phase")
    ] = Field(default=True, description="Filter what is left of the ionosphere after a polynomial.")
    maximum_window_size_for_filtering_ionosphere_phase: Annotated[
        int, _ion("maximum window size for filtering ionosphere phase", unit="look cells")
    ] = Field(default=200, ge=3, le=2001, description="Filter window of the ionosphere where coherence is low.")
    minimum_window_size_for_filtering_ionosphere_phase: Annotated[
        int, _ion("minimum window size for filtering ionosphere phase", unit="look cells")
    ] = Field(
        default=100,
        ge=3,
        le=2001,
        validate_default=True,
        description="Filter window of the ionosphere where coherence is high.",
    )
    maximum_window_size_for_filtering_ionosphere_azimuth_shift: Annotated[
        int, _ion("maximum window size for filtering ionosphere azimuth shift", unit="look cells")
    ] = Field(default=150, ge=3, le=2001, description="Filter window of the azimuth shift where coherence is low.")
    minimum_window_size_for_filtering_ionosphere_azimuth_shift: Annotated[
        int, _ion("minimum window size for filtering ionosphere azimuth shift", unit="look cells")
    ] = Field(
        default=75,
        ge=3,
        le=2001,
        validate_default=True,
        description="Filter window of the azimuth shift where coherence is high.",
    )
    correct_phase_error_caused_by_ionosphere_azimuth_shift: Annotated[
        int, _ion("correct phase error caused by ionosphere azimuth shift")
    ] = Field(
        default=1,
        ge=0,
        le=2,
        description="Azimuth shift that the phase is corrected for: 0 none, 1 the mean of each burst, 2 by pixel.",
    )
    areas_masked_out_in_ionospheric_phase_estimation: _Areas = Field(
        default=[], description="Areas of ion/ion_cal/raw_no_projection.ion that do not count."
    )
    total_number_of_azimuth_looks_in_the_ionosphere_processing: Annotated[
        int, _ion("total number of azimuth looks in the ionosphere processing")
    ] = Field(default=50, ge=1, le=1000, description="Azimuth looks of the ionosphere.")
    total_number_of_range_looks_in_the_ionosphere_processing: Annotated[
        int, _ion("total number of range looks in the ionosphere processing")
    ] = Field(default=200, ge=1, le=1000, description="Range looks of the ionosphere.")
    number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping: Annotated[
        int, _ion("number of azimuth looks at first stage for ionosphere phase unwrapping")
    ] = Field(
        default=10,
        ge=1,
        le=1000,
        validate_default=True,
        description="Azimuth looks of the subband interferograms; divides their total number.",
    )
    number_of_range_looks_at_first_stage_for_ionosphere_phase_unwrapping: Annotated[
        int, _ion("number of range looks at first stage for ionosphere phase unwrapping")
    ] = Field(
        default=40,
        ge=1,
        le=1000,
        validate_default=True,
        description="Range looks of the subband interferograms; divides their total number.",
    )

    extra: _Extra = Field(
        default={}, description="Other properties of topsApp, by the names that ISCE2 gives them."
    )

    @field_validator("end_ionosphere_step")
    @classmethod
    def _ends_after_start(cls, end: _IonStep, info: ValidationInfo) -> _IonStep:
        order = get_args(_IonStep)
        start = info.data.get("start_ionosphere_step")  # absent when it is wrong itself
        if start is not None and order.index(start) > order.index(end):
            raise ValueError(f"it comes before start_ionosphere_step, {start}")
        return end

    @field_validator(
        "minimum_window_size_for_filtering_ionosphere_phase",
        "minimum_window_size_for_filtering_ionosphere_azimuth_shift",
    )
    @classmethod
    def _not_above_maximum(cls, smallest: int, info: ValidationInfo) -> int:
        name = str(info.field_name).replace("minimum", "maximum")
        largest = info.data.get(name)
        if largest is not None and smallest > largest:
            raise ValueError(f"it is above {name}, {largest}")
        return smallest

    @field_validator(
        "number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping",
        "number_of_range_looks_at_first_stage_for_ionosphere_phase_unwrapping",
    )
    @classmethod
    def _divides_total(cls, looks: int, info: ValidationInfo) -> int:
        direction = str(info.field_name).split("_")[2]
        name = f"total_number_of_{direction}_looks_in_the_ionosphere_processing"
        total = info.data.get(name)
        if total is not None and total % looks:
            raise ValueError(f"it does not divide {name}, {total}")
        return looks
