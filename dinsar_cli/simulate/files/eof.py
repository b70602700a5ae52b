"""Precise orbit files (``*.EOF``) in the mission's own XML."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil, floor
from pathlib import Path
from typing import Final

import numpy as np
from lxml.etree import _Element

from dinsar_cli.simulate.files.names import COMPACT
from dinsar_cli.simulate.files.xml_tree import counted, fields, node, write
from dinsar_cli.simulate.radar.acquisition import Campaign, Pass
from dinsar_cli.simulate.radar.orbit import Trajectory
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.scenario import OrbitError

STEP: Final = 10
"""Seconds from state vector to state vector."""
MARGIN: Final = 300.0
"""Seconds of orbit before and after the acquisition."""
PUBLISHED_AFTER: Final = timedelta(days=20)
TAI_MINUS_UTC: Final = timedelta(seconds=37)
"""Since 2017."""


def write_eof(campaign: Campaign, flight: Pass, folder: Path) -> Path:
    """Write the orbit file of a pass.

    Parameters
    ----------
    campaign : Campaign
    flight : Pass
    folder : Path
        Existing folder.

    Returns
    -------
    Path
        Named as the mission does, with a validity of 26 hours around the day. State vectors cover the
        acquisition and five minutes on both sides.
    """
    day = flight.epoch.replace(hour=0, minute=0, second=0, microsecond=0)
    start = day - timedelta(hours=1, seconds=18)
    stop = day + timedelta(days=1, seconds=59 * 60 + 42)
    published = day + PUBLISHED_AFTER + timedelta(hours=8, minutes=6, seconds=41)
    name = f"{flight.mission}_OPER_AUX_POEORB_OPOD_{published:{COMPACT}}_V{start:{COMPACT}}_{stop:{COMPACT}}"
    root = node(
        "Earth_Explorer_File",
        _header(name, flight.mission, start, stop, published),
        node("Data_Block", counted("List_of_OSVs", _state_vectors(campaign, flight)), type="xml"),
    )
    path = folder / f"{name}.EOF"
    write(path, root)
    return path


def _header(name: str, mission: str, start: datetime, stop: datetime, published: datetime) -> _Element:
    fixed = node(
        "Fixed_Header",
        *fields(
            File_Name=name,
            File_Description="Precise Orbit Ephemerides (POE) Orbit File, simulated",
            Notes="",
            Mission=f"Sentinel-{mission[1:]}",
            File_Class="OPER",
            File_Type="AUX_POEORB",
        ),
        node(
            "Validity_Period",
            *fields(Validity_Start=_utc(start), Validity_Stop=_utc(stop)),
        ),
        node("File_Version", "0001"),
        node(
            "Source",
            *fields(System="OPOD", Creator="dinsar simulate", Creator_Version="1.0", Creation_Date=_utc(published)),
        ),
    )
    variable = node("Variable_Header", *fields(Ref_Frame="EARTH_FIXED", Time_Reference="UTC"))
    return node("Earth_Explorer_Header", fixed, variable)


def _utc(moment: datetime) -> str:
    return f"UTC={moment:%Y-%m-%dT%H:%M:%S}"


def _state_vectors(campaign: Campaign, flight: Pass) -> list[_Element]:
    """State vectors on whole tens of seconds of UTC."""
    spans = [campaign.time_span(window) for window in range(len(campaign.windows))]
    midnight = flight.epoch.replace(hour=0, minute=0, second=0, microsecond=0)
    epoch = (flight.epoch - midnight).total_seconds()
    first = floor((epoch + min(span[0] for span in spans) - MARGIN) / STEP) * STEP
    last = ceil((epoch + max(span[1] for span in spans) + MARGIN) / STEP) * STEP
    moments = np.arange(first, last + STEP, STEP, dtype=np.float64)
    error = campaign.scenario.orbit_error if flight.index > 0 else None
    position, velocity = reported_state(flight.orbit, moments - epoch, error)
    return [
        node(
            "OSV",
            *fields(
                TAI=f"TAI={_fraction(midnight + timedelta(seconds=int(second)) + TAI_MINUS_UTC)}",
                UTC=f"UTC={_fraction(midnight + timedelta(seconds=int(second)))}",
                UT1=f"UT1={_fraction(midnight + timedelta(seconds=int(second)))}",
                Absolute_Orbit=f"+{flight.absolute_orbit}",
            ),
            *(node(axis, f"{value:.6f}", unit="m") for axis, value in zip("XYZ", place, strict=True)),
            *(node(f"V{axis}", f"{value:.6f}", unit="m/s") for axis, value in zip("XYZ", speed, strict=True)),
            node("Quality", "NOMINAL"),
        )
        for second, place, speed in zip(moments.tolist(), position.tolist(), velocity.tolist(), strict=True)
    ]


def _fraction(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def reported_state(orbit: Trajectory, seconds: Floats, error: OrbitError | None) -> tuple[Floats, Floats]:
    """Return the position and velocity as the orbit file has them: the true ones plus the scenario's error.

    Parameters
    ----------
    orbit : Orbit
    seconds : ndarray
        After the epoch.
    error : OrbitError or None

    Returns
    -------
    position, velocity : ndarray, shape (..., 3)
        Metres and metres a second; the velocity belongs to the erroneous path.
    """
    state = orbit.state(seconds)
    if error is None:
        return state.position, state.velocity

    def offset(time: Floats) -> Floats:
        there = orbit.state(time)
        up = there.position / np.linalg.norm(there.position, axis=-1, keepdims=True)
        right = np.cross(there.velocity, there.position)
        right = right / np.linalg.norm(right, axis=-1, keepdims=True)
        radial = error.radial + error.radial_rate * time
        across = error.across + error.across_rate * time
        return np.asarray(radial[..., None] * up + across[..., None] * right)

    step = 0.5
    drift = (offset(seconds + step) - offset(seconds - step)) / (2.0 * step)
    return state.position + offset(seconds), state.velocity + drift
