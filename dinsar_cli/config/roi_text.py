"""Areas as they stand in a configuration: numbers, GeoJSON, or a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dinsar_cli.config.base import absolute
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES


def parse_roi(value: object) -> object:
    """Let YAML write the ROI as a list of numbers or as GeoJSON, and make a file independent of the folder."""
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, (list, tuple)):
        return " ".join(str(number) for number in value)
    return str(absolute(value)) if is_roi_file(value) else value


def is_roi_file(value: object) -> bool:
    """Tell whether a value of ``roi`` names a file, by its suffix."""
    return (
        isinstance(value, str)
        and not value.lstrip().startswith("{")
        and Path(value).suffix.lower() in FILE_SUFFIXES
    )
