"""How far a station moved between two moments: right within what is stated, and not across what breaks a series."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.errors import UsageError
from dinsar_cli.gnss.motion import motion_between
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.stations import read_stations
from dinsar_cli.gnss.steps import EARTHQUAKE, EQUIPMENT, Step, mjd, read_steps
from dinsar_cli.gnss.tenv3 import Series, read_series
from support.gnss_inputs import noise, write_tenv3

START = 60000
RATE = np.array([0.03, -0.02, 0.01]) / 365.25  # metres a day
MIDDLE = datetime(2023, 7, 4, 6, 30, tzinfo=UTC)


def series(
    positions: np.ndarray, days: np.ndarray | None = None, antenna: np.ndarray | None = None, name: str = "RABT"
) -> Series:
    count = len(positions)
    days = START + np.arange(count) if days is None else days
    sigmas = np.tile([0.0008, 0.0008, 0.003], (count, 1))
    antenna = np.full(count, 0.1) if antenna is None else antenna
    return Series(name, (-8.9, 31.4), days, positions, sigmas, np.zeros((count, 3)), antenna)


def steady(count: int = 250, seed: int = 1) -> np.ndarray:
    return noise(np.random.default_rng(seed), count) + (np.arange(count) + 0.5)[:, None] * RATE


def dates(lag: int) -> tuple[datetime, datetime]:
    return MIDDLE, MIDDLE + timedelta(days=lag)


def day_of(moment: datetime) -> int:
    """Index of a day in a series."""
    return int(mjd(moment)) - START


def test_a_modified_julian_date_counts_from_its_epoch() -> None:
    assert mjd(datetime(2000, 1, 1, 12, tzinfo=UTC)) == 51544.5  # J2000.0


@pytest.mark.parametrize("lag", [12, 72])
def test_the_error_is_as_large_as_is_stated(lag: int) -> None:
    rng, scaled = np.random.default_rng(5), []
    for _ in range(40):
        positions = noise(rng, 250) + (np.arange(250) + 0.5)[:, None] * RATE
        kept = rng.random(250) > 0.1
        found = motion_between(series(positions[kept], START + np.flatnonzero(kept)), dates(lag))
        assert isinstance(found, Station)
        scaled.append((np.array(found.motion) - RATE * lag) / found.sigma)
    assert 0.8 < np.sqrt(np.mean(np.square(scaled))) < 1.25
    assert np.mean(found.sigma[:2]) < 0.0014  # less than the difference of two single days has


def test_a_position_is_taken_at_the_time_of_day() -> None:
    positions = np.arange(250)[:, None] * np.array([0.024, 0.0, 0.0])  # a millimetre an hour
    found = motion_between(series(positions), (MIDDLE, MIDDLE + timedelta(days=12, hours=7)))
    assert isinstance(found, Station)
    assert found.motion == pytest.approx((12 * 0.024 + 0.007, 0, 0), abs=1e-9)


def test_ground_that_moves_faster_between_the_dates_is_met_within_what_is_stated() -> None:
    """A line alone would be off by 30 mm: that of ten days before and six after has a bend at the date."""
    positions, times = steady(), START + np.arange(250) + 0.5
    moments = dates(12)
    share = np.clip((times - mjd(moments[0])) / 12, 0, 1)
    positions[:, 2] -= 0.12 * share
    found = motion_between(series(positions), moments)
    assert isinstance(found, Station)
    assert abs(found.motion[2] + 0.12 - 12 * RATE[2]) < 3 * found.sigma[2] < 0.03
    assert found.notes == ()


def shifted(after: int, by: tuple[float, float, float] = (0.0, 0.0, 0.05)) -> np.ndarray:
    positions = steady()
    positions[after:] += by
    return positions


def test_an_earthquake_between_the_dates_is_motion() -> None:
    moments = dates(12)
    quake = datetime(2023, 7, 8, 22, 11, tzinfo=UTC)
    positions = shifted(day_of(quake))
    positions[day_of(quake)] += (0, 0, 0.3)  # the day itself is neither before nor after
    found = motion_between(series(positions), moments, [Step(mjd(quake), mjd(quake), EARTHQUAKE)])
    assert isinstance(found, Station)
    assert found.motion[2] == pytest.approx(0.05 + 12 * RATE[2], abs=3 * found.sigma[2])
    assert found.sigma[2] < 0.005
    assert found.notes == ()


@pytest.mark.parametrize("days", [-3, 3])
def test_no_line_crosses_a_step(days: int) -> None:
    """A step three days outside of, or inside, the dates: the motion is that of its side."""
    moments = dates(36)
    day = day_of(moments[0]) + days
    positions = shifted(day, (0.4, 0.0, 0.0))
    told = [Step(START + day, START + day + 1, EARTHQUAKE)]
    expected = 36 * RATE[0] + (0.4 if days > 0 else 0.0)
    for known in (told, []):  # without the list it is seen
        found = motion_between(series(positions), moments, known)
        assert isinstance(found, Station)
        assert found.motion[0] == pytest.approx(expected, abs=3 * found.sigma[0])
        assert found.sigma[0] < 0.005
    assert ("jump on 2023-07-07" in "".join(found.notes)) == (days > 0)


def test_what_breaks_a_series_is_told() -> None:
    moments, positions, every = dates(12), steady(), START + np.arange(250)
    first = day_of(moments[0])
    change = Step(START + first + 5.0, START + first + 6.0, EQUIPMENT)
    on_the_day = Step(START + first + 0.0, START + first + 1.0, EARTHQUAKE)
    higher = np.where(np.arange(250) > first + 5, 0.2, 0.1)
    near = np.abs(every - START - first) <= 10
    few = ~near | (every - START - first >= 7)
    early = every - START < first - 2
    cases: list[tuple[Series, list[Step], str]] = [
        (series(positions), [change], "with a change of equipment on 2023-07-09, between the dates"),
        (series(positions, antenna=higher), [], "with a change of equipment on 2023-07-10, between the dates"),
        (series(positions), [on_the_day], "with an earthquake on 2023-07-04, the day of an acquisition"),
        (series(positions[few], every[few]), [], "with 0 positions within 10 days of 2023-07-04"),
        (series(positions[early], every[early]), [], "with no position from 3 days before 2023-07-04 on"),
        (Series("NONE", None, *(np.empty(0) for _ in range(5))), [], "without any position"),  # type: ignore[arg-type]
    ]
    for one, steps, reason in cases:
        found = motion_between(one, moments, steps)
        assert isinstance(found, Unmeasured), reason
        assert found.reason.startswith(reason)
    # equipment that changed outside of the dates leaves the days on their side
    outside = Step(START + first - 4.0, START + first - 3.0, EQUIPMENT)
    assert isinstance(motion_between(series(positions), moments, [outside]), Station)


def test_a_day_that_is_far_off_counts_nothing() -> None:
    moments, positions = dates(12), steady()
    expected = motion_between(series(positions), moments)
    positions[day_of(moments[1]) + 1] += 0.5
    found = motion_between(series(positions), moments)
    assert isinstance(found, Station)
    assert isinstance(expected, Station)
    assert found.motion == pytest.approx(expected.motion, abs=0.002)


# Files


def write_steady(folder: Path, name: str, change: Callable[[np.ndarray], None] | None = None) -> Path:
    positions = steady()
    if change:
        change(positions)
    return write_tenv3(folder, name, (-8.9, 31.4), dict(enumerate(positions)), first=date(2023, 2, 25))


def test_a_folder_has_stations_steps_and_a_frame(tmp_path: Path) -> None:
    folder = tmp_path / "IGS20"
    for name in ("RABT", "IFRN"):
        path = write_steady(folder, name)
    (one,) = read_series(path)
    assert one.days[0] == START
    assert one.place == pytest.approx((-8.9, 31.4))
    (folder / "steps.txt").write_text(
        "RABT 23JUL10 1 Antenna_Changed\nIFRN 23JUL10 2 400.00 120.50 6.8 us7000kufc\nELSE 99JAN01 1 Receiver\n"
    )
    found = read_stations([folder], dates(12))
    assert found.frame == "IGS20"
    assert [station.name for station in found.measured] == ["IFRN"]
    assert [(one.name, one.reason) for one in found.unmeasured] == [
        ("RABT", "with a change of equipment on 2023-07-10, between the dates")
    ]
    plate = write_steady(tmp_path, "MAR1").rename(tmp_path / "MAR1.NU.tenv3")
    assert read_stations([plate], dates(12)).frame == "plate NU"
    with pytest.raises(UsageError, match="several frames"):
        read_stations([plate, folder], dates(12))
    with pytest.raises(UsageError, match="stations twice"):
        read_stations([folder, folder / "RABT.tenv3"], dates(12))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    steps = tmp_path / "steps.txt"
    for text in ("RABT 23XYZ10 1 Antenna\n", "RABT 23JUL10 7 what\n", "<html>"):
        steps.write_text(text)
        with pytest.raises(UsageError, match=r"not a list of steps") as caught:
            read_steps(steps)
        assert "Line 1" in caught.value.cause
    for path, word in ((tmp_path / "empty", "no daily positions"), (tmp_path / "gone", "is not there")):
        with pytest.raises(UsageError, match=word):
            read_stations([path], dates(12))
