"""Which columns of the images topsApp is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.topsapp.settings.file_names import CUT, CUT_NOTE
from dinsar_cli.errors import EngineError


@dataclass(frozen=True)
class Columns:
    """Columns ``first:last`` of an image that has so many.

    Attributes
    ----------
    first, last : int
    of : int
        Columns of the image.
    """

    first: int
    last: int
    of: int

    @property
    def share(self) -> float:
        """Part of the image, 0 to 1."""
        return (self.last - self.first) / self.of


AllColumns = Mapping[str, Mapping[str, Columns]]
"""By date, ``reference`` and ``secondary`` as topsApp calls them, and subswath; empty where it is given all."""


def write_columns(work: Path, columns: AllColumns) -> None:
    """Note the columns in the working folder of topsApp."""
    told = {date: {swath: asdict(one) for swath, one in swaths.items()} for date, swaths in columns.items()}
    write_text(work / CUT / CUT_NOTE, json.dumps(told, indent=1) + "\n")


def read_columns(work: Path) -> AllColumns:
    """Read what was noted; empty where topsApp was given whole images.

    Raises
    ------
    EngineError
        When the note is damaged.
    """
    path = work / CUT / CUT_NOTE
    if not path.is_file():
        return {}
    try:
        return {
            date: {swath: Columns(**one) for swath, one in swaths.items()}
            for date, swaths in read_json(path).items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise EngineError(
            f"{path} is damaged.", f"{type(error).__name__} {error}.", f"Remove the folder {work} and run it again."
        ) from error
