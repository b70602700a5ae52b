"""Where the documents of a product are, and reading them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from lxml import etree

from dinsar_cli.sentinel1.subswath import parse_time

DOCUMENTS: Final = {
    "product": "*.SAFE/annotation/s1*-vv-*.xml",
    "calibration": "*.SAFE/annotation/calibration/calibration-*-vv-*.xml",
    "noise": "*.SAFE/annotation/calibration/noise-*-vv-*.xml",
    "rfi": "*.SAFE/annotation/rfi/rfi-*-vv-*.xml",
    "XFDU": "*.SAFE/manifest.safe",
}
"""Root element and place of each kind of document."""


def parsed(path: Path) -> etree._Element:
    return etree.parse(path).getroot()


def number(element: etree._Element, path: str) -> float:
    return float(element.findtext(path, ""))


def time(element: etree._Element, path: str = "azimuthTime") -> datetime:
    return parse_time(element.findtext(path, ""))


def numbers(element: etree._Element, path: str) -> np.ndarray:
    return np.array(element.findtext(path, "").split(), dtype=np.float64)
