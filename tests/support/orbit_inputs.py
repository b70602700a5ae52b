"""Orbit files that an orbit manager chooses from, as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

SCENE = datetime(2023, 9, 4, 6, 37, 36, tzinfo=UTC), datetime(2023, 9, 4, 6, 38, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def eof_text(mission: str, kind: str, start: datetime, stop: datetime, created: str) -> str:
    """An orbit file with a vector every 10 s from `start`, and one at `stop` or up to 10 s later."""
    rows = []
    for seconds in range(0, int((stop - start).total_seconds()) + 10, 10):
        angle = 7500.0 / 7_071_000.0 * seconds
        moment = start + timedelta(seconds=seconds)
        x, z = 7_071_000.0 * np.cos(angle), 7_071_000.0 * np.sin(angle)
        vx, vz = -7500.0 * np.sin(angle), 7500.0 * np.cos(angle)
        rows.append(
            f"<OSV><UTC>UTC={moment:%Y-%m-%dT%H:%M:%S.%f}</UTC><X>{x}</X><Y>0</Y><Z>{z}</Z>"
            f"<VX>{vx}</VX><VY>0</VY><VZ>{vz}</VZ></OSV>"
        )
    return (
        f"<Earth_Explorer_File><Earth_Explorer_Header><Mission>Sentinel-1{mission[2]}</Mission>"
        f"<File_Type>AUX_{kind}</File_Type><Creation_Date>UTC={created}</Creation_Date>"
        "<Ref_Frame>EARTH_FIXED</Ref_Frame><Time_Reference>UTC</Time_Reference></Earth_Explorer_Header>"
        f"<Data_Block><List_of_OSVs>{''.join(rows)}</List_of_OSVs></Data_Block></Earth_Explorer_File>"
    )
