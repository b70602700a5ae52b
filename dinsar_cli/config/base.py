"""What the sections of the configuration are made of: base class, what a field says of itself, parsers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class About:
    """What help and messages tell of a field.

    Attributes
    ----------
    allowed : str
        What it allows, when its type does not say it.
    unit : str
        Unit of a number.
    first_step : str
        First step of topsApp that a change affects; empty when it is no property of topsApp.
    """

    allowed: str = ""
    unit: str = ""
    first_step: str = ""


def about(field: FieldInfo) -> About:
    """Tell what a field says of itself."""
    return next((item for item in field.metadata if isinstance(item, About)), About())


def parts_of_type(annotation: object) -> tuple[object, ...]:
    """Return the types and literal values of which an annotation is made, like ``bool`` and ``'auto'``."""
    arguments = get_args(annotation)
    return tuple(part for argument in arguments for part in parts_of_type(argument)) or (annotation,)


class Section(BaseModel):
    """Keys that belong together: frozen, unknown ones refused, truth values only where they are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool(cls, value: object, info: ValidationInfo) -> object:
        # pydantic would read them as 1 and 0
        if isinstance(value, bool) and bool not in parts_of_type(cls.model_fields[str(info.field_name)].annotation):
            raise ValueError("this key does not take true or false")
        return value


def absolute(value: object) -> object:
    """Make a path absolute, so that a saved configuration means the same from every folder.

    Raises
    ------
    ValueError
        If it cannot be a path.
    """
    if not isinstance(value, (str, Path)):
        return value
    if not str(value).strip():
        raise ValueError("the path is empty")
    str(value).encode()  # a name that is not UTF-8 cannot be written down; its error is a ValueError
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("the home folder of '~' is not known") from error


def two_numbers(value: object) -> tuple[float, float]:
    """Read two numbers, from a list or with a comma, a semicolon or blanks between.

    Raises
    ------
    ValueError
        When they are something else.
    """
    parts = re.split(r"[\s,;]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or len(parts) != 2 or any(isinstance(part, bool) for part in parts):
        raise ValueError("two numbers are needed")
    try:
        first, second = (float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise ValueError("two numbers are needed") from error
    return first, second


def one_or_list(value: object) -> object:
    """Return a list of what is written as one."""
    return [value] if isinstance(value, (str, Path)) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


LOWER = BeforeValidator(_lower)
AbsolutePath = Annotated[Path, BeforeValidator(absolute)]
