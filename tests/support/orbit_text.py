"""Orbit files of a satellite on a circle, as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

RADIUS = 7_071_000.0
SPEED = 7_500.0
START = datetime(2023, 9, 4, 6, 0, 0, tzinfo=UTC)


def state(seconds: float) -> tuple[list[float], list[float]]:
    """Position and velocity on a circle through the pole, `seconds` after START."""
    angle = SPEED / RADIUS * seconds
    position = [RADIUS * np.cos(angle), 0.0, RADIUS * np.sin(angle)]
    velocity = [-SPEED * np.sin(angle), 0.0, SPEED * np.cos(angle)]
    return position, velocity


def osv(seconds: float, **changes: str) -> str:
    position, velocity = state(seconds)
    values = dict(zip(("X", "Y", "Z"), (f"{v:.6f}" for v in position), strict=True))
    values |= dict(zip(("VX", "VY", "VZ"), (f"{v:.6f}" for v in velocity), strict=True))
    moment = START + timedelta(seconds=seconds)
    values = {"UTC": f"UTC={moment:%Y-%m-%dT%H:%M:%S.%f}"} | values | changes
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<OSV><TAI>TAI=0</TAI>{fields}<Quality>NOMINAL</Quality></OSV>\n"


def eof(vectors: list[str], *, namespace: str = "", **header: str) -> str:
    values = {
        "Mission": "Sentinel-1A",
        "File_Type": "AUX_POEORB",
        "Validity_Start": "UTC=2023-09-04T06:00:00",
        "Validity_Stop": "UTC=2023-09-05T06:00:00",
        "Creation_Date": "UTC=2023-09-24T08:06:41",
        "Ref_Frame": "EARTH_FIXED",
        "Time_Reference": "UTC",
    } | header
    head = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return (
        f'<?xml version="1.0" ?>\n<Earth_Explorer_File{namespace}><Earth_Explorer_Header><Fixed_Header>{head}'
        f'</Fixed_Header></Earth_Explorer_Header><Data_Block type="xml"><List_of_OSVs count="{len(vectors)}">\n'
        f"{''.join(vectors)}</List_of_OSVs></Data_Block></Earth_Explorer_File>\n"
    )


def regular(count: int = 30) -> list[str]:
    return [osv(10.0 * step) for step in range(count)]
