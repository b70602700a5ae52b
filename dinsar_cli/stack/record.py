"""What a stack is and what is done of it: ``stack.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from dinsar_cli import __version__
from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.config.model import LonLat
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.errors import UsageError

SCHEMA: Final = 1


@dataclass(frozen=True)
class StackReference:
    """To what all pairs are relative.

    Attributes
    ----------
    place : LonLat
    chosen : bool
        Whether the user did.
    on_map : bool
        Otherwise it is a block of the radar grid beside the map.
    """

    place: LonLat
    chosen: bool = False
    on_map: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"lon": self.place.lon, "lat": self.place.lat, "chosen": self.chosen, "on_map": self.on_map}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> StackReference:
        """Return what `to_dict` gave."""
        place = LonLat(float(record["lon"]), float(record["lat"]))
        return cls(place, bool(record.get("chosen", False)), bool(record.get("on_map", True)))


@dataclass
class StackRecord:
    """The record of a stack.

    Attributes
    ----------
    area : str
        West, south, east, north, degrees, or as the user gave it.
    first : date
        On whose geometry all dates are; with topsApp, by whose bursts area and grid were chosen.
    engine : str
        Name of the one that makes its pairs.
    reference : StackReference or None
        To which displacement is relative; None as long as it is not chosen, or where an area or nothing is.
    body : dict
        What is there to be read by people and programs: dates, pairs, network, grid.
    """

    area: str
    first: date
    engine: str
    reference: StackReference | None = None
    body: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        head = {
            "schema_version": SCHEMA,
            "dinsar": __version__,
            "updated": datetime.now(UTC).isoformat(timespec="seconds"),
            "area": self.area,
            "first": self.first.isoformat(),
            "engine": self.engine,
            "reference": None if self.reference is None else self.reference.to_dict(),
        }
        return self.body | head

    def write(self, path: Path) -> None:
        """Write it."""
        write_text(path, json.dumps(self.to_dict(), indent=2) + "\n")

    @classmethod
    def open(cls, path: Path) -> StackRecord | None:
        """Read what an earlier call wrote; None where there is none.

        Raises
        ------
        UsageError
            When the file is none of ours.
        """
        if not path.is_file():
            return None
        try:
            record = read_json(path)
            _check_schema(record["schema_version"])
            place = record["reference"]
            reference = None if place is None else StackReference.from_dict(place)
            first, engine = date.fromisoformat(record["first"]), str(record.get("engine", EosEngine.name))
            return cls(str(record["area"]), first, engine, reference, record)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise UsageError(
                f"{path} is no record of a stack.",
                f"It cannot be read as one: {type(error).__name__} {error}.",
                "Choose another folder with --output, or remove the file: what is done beside it is used again.",
            ) from error


def check_same_engine(earlier: StackRecord | None, engine: str, folder: Path) -> None:
    """Refuse to mix pairs of two engines in one folder.

    Raises
    ------
    UsageError
        When an earlier call made the stack with another one.
    """
    if earlier is None or earlier.engine == engine:
        return
    raise UsageError(
        f"The stack in {folder} was made by the engine {earlier.engine}, and this would be {engine}.",
        "Two engines filter and unwrap in different ways: their interferograms do not go together.",
        f"Add --engine {earlier.engine} to go on with it, or choose another folder with --output.",
    )


def check_same_looks(earlier: StackRecord | None, looks: str) -> None:
    """Refuse to replace the maps of a stack by maps of other looks.

    Raises
    ------
    UsageError
        When an earlier call has made maps with other ones.
    """
    before = None if earlier is None else earlier.body.get("looks")
    if earlier is None or before in {None, looks} or not earlier.body.get("pairs"):
        return
    raise UsageError(
        f"The stack has maps of {before} looks, and this would replace all of them by maps of {looks}.",
        "Nothing of its pairs can be used for other looks.",
        f"Choose another folder with --output to have both, or add --looks {before} to go on with this one.",
    )


def _check_schema(found: object) -> None:
    if found != SCHEMA:
        raise ValueError(f"its schema_version is {found!r}, this dinsar knows {SCHEMA}")
