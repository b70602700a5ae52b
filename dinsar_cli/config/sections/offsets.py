"""The section ``offsets`` of the configuration: displacement by the shift of the images themselves.

Names and limits are those of ISCE2's ``runDenseOffsets`` and ``DenseAmpcor`` (2.6.5).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, ValidationInfo, field_validator
from pydantic import WithJsonSchema as Schema

from dinsar_cli.config.base import About, Section

Size: TypeAlias = tuple[int, int]
"""Samples in range and lines in azimuth."""

_SMALLEST, _LARGEST = 16, 512
_LEAST_SEARCH, _MOST_SEARCH = 8, 128  # ampcor oversamples 16 x 16 places around the best one
_LEAST_SKIP, _MOST_SKIP = 8, 1024


def _parse_size(value: object) -> Size:
    parts = value.lower().split("x") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or len(parts) != 2 or any(isinstance(part, bool) for part in parts):
        raise ValueError("sizes are written as range x azimuth, like 128x32")
    texts = [str(part).strip() for part in parts]
    if not all(re.fullmatch(r"\d{1,9}", text) for text in texts):
        raise ValueError("each size is a whole number")
    return int(texts[0]), int(texts[1])


def size_text(size: Size) -> str:
    """Return a size as it is written: ``128x32``."""
    return f"{size[0]}x{size[1]}"


def _within(low: int, high: int) -> AfterValidator:
    def check(size: Size) -> Size:
        if not all(low <= part <= high for part in size):
            raise ValueError(f"each size is {low} to {high}")
        return size

    return AfterValidator(check)


def _even(size: Size) -> Size:
    if any(part % 2 for part in size):
        raise ValueError("each size is an even number")
    return size


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("it is an odd number, so that a window has a middle")
    return size


_Size = Annotated[
    Size,
    PlainValidator(_parse_size),
    PlainSerializer(size_text, return_type=str),
    Schema({"type": "string", "pattern": r"^\d+x\d+$"}),
]


class OffsetsConfig(Section):
    """Keys of the section ``offsets``."""

    enabled: bool = Field(
        default=False,
        description="Measure how far the images themselves are shifted, with topsApp's dense offsets, and map it: "
        "motion of decimetres and more, toward the satellite and along its track; engine isce2 only.",
    )
    window: Annotated[
        _Size,
        AfterValidator(_even),
        _within(_SMALLEST, _LARGEST),
        About(f"RGxAZ, even, each {_SMALLEST} to {_LARGEST}", "samples x lines"),
    ] = Field(
        default=(128, 32),
        description="Part of the image whose shift is measured; noise falls with the root of its size, and motion "
        "that differs within it is averaged. 128x32 is about 500 m on the ground.",
    )
    search: Annotated[
        _Size,
        _within(_LEAST_SEARCH, _MOST_SEARCH),
        About(f"RGxAZ, each {_LEAST_SEARCH} to {_MOST_SEARCH}, less than twice the window", "samples x lines"),
    ] = Field(
        default=(16, 16),
        validate_default=True,
        description="Largest shift in each direction; 16x16 is 37 m of range and 220 m along the track.",
    )
    skip: Annotated[
        _Size,
        _within(_LEAST_SKIP, _MOST_SKIP),
        About(f"RGxAZ, each {_LEAST_SKIP} to {_MOST_SKIP}", "samples x lines"),
    ] = Field(
        default=(128, 32),
        description="From one window to the next; the time goes with the number of windows.",
    )
    oversampling: Annotated[Literal[8, 16, 32, 64], About("8, 16, 32 or 64")] = Field(
        default=32, description="Fineness to which the best shift is found: half a sample divided by it."
    )
    snr: Annotated[float, About()] = Field(
        default=20.0,
        ge=0,
        le=1000,
        description="Signal-to-noise ratio of the correlation below which an offset is left out; 0 leaves all in. "
        "Images that have nothing in common reach 20 by chance.",
    )
    filter: Annotated[int, AfterValidator(_odd), About("an odd number, 1 to 21", "windows")] = Field(
        default=3, ge=1, le=21, description="Side of the median filter of the offsets; 1 does not filter."
    )

    @field_validator("search")
    @classmethod
    def _less_than_two_windows(cls, search: Size, info: ValidationInfo) -> Size:
        window = info.data.get("window")  # absent when it is wrong itself
        if window is not None and any(far >= 2 * size for far, size in zip(search, window, strict=True)):
            raise ValueError(f"it is not less than twice the window, {size_text(window)}")
        return search
