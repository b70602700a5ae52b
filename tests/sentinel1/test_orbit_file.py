"""Orbit files: a circular orbit is written as EOF text, read back, and damaged in every way that matters."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.sentinel1.orbit_file import marked_within, read_orbit_file, window
from support.orbit_text import START, eof, osv, regular, state


@pytest.fixture
def write(tmp_path: Path):
    def writer(text: str, name: str = "orbit.EOF") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return writer


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://eop-cfi.esa.int/CFI"'])
def test_reads_the_orbit_that_was_written(write, namespace):
    orbit = read_orbit_file(write(eof(regular(), namespace=namespace)))
    assert (orbit.mission, orbit.kind) == ("S1A", "POEORB")
    assert orbit.start == START
    assert orbit.stop == START + timedelta(seconds=290)
    assert orbit.created == datetime(2023, 9, 24, 8, 6, 41, tzinfo=UTC)
    assert orbit.times.dtype == np.dtype("datetime64[us]")
    assert orbit.times[3] == np.datetime64("2023-09-04T06:00:30")
    expected = [state(10.0 * step) for step in range(30)]
    np.testing.assert_allclose(orbit.position, [position for position, _ in expected], atol=1e-6)
    np.testing.assert_allclose(orbit.velocity, [velocity for _, velocity in expected], atol=1e-6)


def test_the_arrays_cannot_be_changed_by_accident(write):
    orbit = read_orbit_file(write(eof(regular())))
    with pytest.raises(ValueError, match="read-only"):
        orbit.position[0, 0] = 0.0


def test_a_zipped_orbit_is_the_same(write, tmp_path):
    path = write(eof(regular()))
    zipped = tmp_path / "orbit.EOF.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "folder/orbit.EOF")
    np.testing.assert_array_equal(read_orbit_file(zipped).position, read_orbit_file(path).position)


def test_the_span_is_that_of_the_vectors_within_the_validity(write):
    text = eof(regular(), Validity_Start="UTC=2023-09-04T06:01:05", Validity_Stop="UTC=2023-09-04T06:04:00")
    orbit = read_orbit_file(write(text))
    assert orbit.start == START + timedelta(seconds=65)
    assert orbit.stop == START + timedelta(seconds=240)
    assert len(orbit.times) == 30


def test_a_whole_day_is_read(write):
    orbit = read_orbit_file(write(eof(regular(9361))))
    assert len(orbit.times) == 9361


def test_window_keeps_its_ends_and_its_margin(write):
    orbit = read_orbit_file(write(eof(regular())))
    start, stop = START + timedelta(seconds=100), START + timedelta(seconds=120)
    cut = window(orbit, start, stop, 20.0)
    assert cut.times[0] == np.datetime64("2023-09-04T06:01:20")
    assert cut.times[-1] == np.datetime64("2023-09-04T06:02:20")
    assert len(cut.times) == len(cut.position) == len(cut.velocity) == 7
    assert (cut.start, cut.stop) == (start - timedelta(seconds=20), stop + timedelta(seconds=20))
    np.testing.assert_array_equal(cut.position, orbit.position[8:15])


def test_window_beyond_the_orbit_gives_what_there_is_and_refuses_less_than_four(write):
    orbit = read_orbit_file(write(eof(regular())))
    end = START + timedelta(seconds=290)
    assert len(window(orbit, end, end, 30.0).times) == 4
    with pytest.raises(NoDataError, match="Only 3 of its state vectors"):
        window(orbit, end, end, 20.0)
    with pytest.raises(NoDataError, match="Only 0 of its state vectors"):
        window(orbit, end + timedelta(days=1), end + timedelta(days=1), 60.0)


def shifted(seconds: float) -> list[str]:
    """Thirty vectors of which the last ten come `seconds` late."""
    return regular(20) + [osv(10.0 * step + seconds) for step in range(20, 30)]


BROKEN = {
    "empty": ("", UsageError, "0 bytes"),
    "not XML": ("position 1 2 3", UsageError, "not XML"),
    "cut-off zip": ("PK\x03\x04abc", UsageError, "zip that was cut off"),
    "login page": ("<!DOCTYPE html><html><body>Log in<br></body></html>", UsageError, "web page"),
    "truncated": (eof(regular())[:3000], UsageError, "truncated"),
    "other XML": ("<gpx><trk/></gpx>", UsageError, "root element is <gpx>"),
    "other satellite": (eof(regular(), Mission="Sentinel-2A"), UsageError, "'Sentinel-2A'"),
    "other product": (eof(regular(), File_Type="AUX_PP1"), UsageError, "'AUX_PP1'"),
    "inertial": (eof(regular(), Ref_Frame="MEAN_OF_DATE"), NoDataError, "'MEAN_OF_DATE'"),
    "TAI": (eof(regular(), Time_Reference="TAI"), NoDataError, "must be UTC"),
    "no vectors": (eof([]), NoDataError, "0 state vectors"),
    "three vectors": (eof(regular(3)), NoDataError, "3 state vectors"),
    "gap": (eof(shifted(10.0)), NoDataError, "gap of 20 s after 2023-09-04T06:03:10"),
    "backwards": (eof(shifted(-25.0)), NoDataError, "not increasing"),
    "twice": (eof(shifted(-10.0)), NoDataError, "not increasing"),
    "sparse": (eof([osv(60.0 * step) for step in range(9)]), NoDataError, "60 s apart"),
    "not a number": (eof([*regular(9), osv(90, X="NaN")]), NoDataError, "not finite"),
    "infinite": (eof([*regular(9), osv(90, VZ="inf")]), NoDataError, "not finite"),
    "kilometres": (eof([*regular(9), osv(90, X="7071.0", Z="0.0")]), NoDataError, "radius at 2023-09-04T06:01:30"),
    "standing": (eof([*regular(9), osv(90, VX="0.0", VZ="0.0")]), NoDataError, "speed at 2023-09-04T06:01:30"),
    "text": (eof([*regular(9), osv(90, Y="east")]), NoDataError, "'east'"),
    "NaT": (eof([*regular(9), osv(90, UTC="NaT")]), NoDataError, "'NaT'"),
    "13th month": (eof([*regular(9), osv(90, UTC="UTC=2023-13-04T06:01:30")]), NoDataError, "2023-13-04"),
    "other day": (eof(regular(), Validity_Start="UTC=2023-09-04T09:00:00"), NoDataError, "outside its validity"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_with_the_reason(write, case):
    text, kind, reason = BROKEN[case]
    path = write(text)
    with pytest.raises(DinsarError) as caught:
        read_orbit_file(path)
    assert type(caught.value) is kind
    assert str(path) in caught.value.problem
    assert reason in caught.value.cause


def test_a_missing_file_a_folder_and_a_zip_of_another_kind_are_usage_errors(tmp_path):
    zipped = tmp_path / "scene.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("manifest.safe", "<xml/>")
    for path in (tmp_path / "nothing.EOF", tmp_path, zipped):
        with pytest.raises(UsageError, match=str(path)):
            read_orbit_file(path)


def test_a_damaged_zip_is_a_usage_error(write, tmp_path):
    zipped = tmp_path / "orbit.EOF.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(write(eof(regular())), "orbit.EOF")
    content = bytearray(zipped.read_bytes())
    content[200:260] = b"\xff" * 60
    zipped.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read_orbit_file(zipped)


def test_entities_are_neither_fetched_nor_expanded(write, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("7071000.0")
    doctype = f'<!DOCTYPE x [<!ENTITY secret SYSTEM "{secret.as_uri()}">]>'
    text = eof([*regular(9), osv(90, X="&secret;")]).replace("\n", f"\n{doctype}", 1)
    with pytest.raises(UsageError, match="DOCTYPE"):
        read_orbit_file(write(text))


# --- vectors held against each other ----------------------------------------------------------------------------


def changed(row: int, count: int = 30, **offsets: float) -> list[str]:
    """Vectors of which one is off by some metres or metres a second."""
    position, velocity = state(10.0 * row)
    right = dict(zip(("X", "Y", "Z", "VX", "VY", "VZ"), position + velocity, strict=True))
    wrong = {name: f"{right[name] + offset:.6f}" for name, offset in offsets.items()}
    return [osv(10.0 * step, **(wrong if step == row else {})) for step in range(count)]


@pytest.mark.parametrize("row", [4, 15, 25])
@pytest.mark.parametrize(
    ("offsets", "named"),
    [
        ({"X": 3.0}, "position"),
        ({"X": -10.0}, "position"),
        ({"Y": 0.05}, "position"),
        ({"Z": 0.03, "Y": -0.01}, "position"),
        ({"VX": 0.3}, "velocity"),
        ({"VY": -0.003}, "velocity"),
        ({"X": 1000.0, "VZ": 20.0}, "position"),
    ],
)
def test_a_vector_that_its_neighbours_contradict_is_named(write, row, offsets, named):
    with pytest.raises(NoDataError) as caught:
        read_orbit_file(write(eof(changed(row, **offsets))))
    assert (
        f"The {named} of {np.datetime64('2023-09-04T06:00:00') + np.timedelta64(10 * row, 's')}"
        in caught.value.cause
    )
    size = np.linalg.norm(
        [value for name, value in offsets.items() if name.startswith("V") == (named == "velocity")]
    )
    assert f"{size:.2g} " in caught.value.cause


@pytest.mark.parametrize("row", [0, 1, 28, 29])
def test_a_wrong_vector_at_the_ends_is_found_too(write, row):
    with pytest.raises(NoDataError, match="does not fit"):
        read_orbit_file(write(eof(changed(row, X=3.0))))


def test_a_wrong_time_is_found(write):
    late = [
        osv(10.0 * step, **({"UTC": "UTC=2023-09-04T06:02:30.010000"} if step == 15 else {})) for step in range(30)
    ]
    with pytest.raises(NoDataError, match=r"position of 2023-09-04T06:02:30\.010000 UTC does not fit"):
        read_orbit_file(write(eof(late)))


def test_half_of_the_vectors_from_elsewhere_are_found(write):
    moved = [osv(10.0 * step) if step < 15 else osv(10.0 * step, Y="2.000000") for step in range(30)]
    with pytest.raises(NoDataError, match="does not fit"):
        read_orbit_file(write(eof(moved)))


def test_velocities_of_another_frame_are_found(write):
    """In an inertial frame the velocity lacks the rotation of the Earth, some 500 m/s at the equator."""
    turned = []
    for step in range(30):
        position, _ = state(10.0 * step)
        turned.append(osv(10.0 * step, VY=f"{7.292115e-5 * position[0]:.6f}"))
    with pytest.raises(NoDataError, match=r"velocity of .* is not that of the positions around it"):
        read_orbit_file(write(eof(turned)))


@pytest.mark.parametrize("thrust", [2e-4, 2e-3])
@pytest.mark.parametrize("seconds", [12.0, 95.0])
@pytest.mark.parametrize("begin", [150.0, 153.7])
def test_a_manoeuvre_is_no_damage(write, thrust, seconds, begin):
    """Sentinel-1 has thrusters of 1 N and 2,200 kg: some 0.002 m/s^2."""
    vectors = []
    for step in range(60):
        time = 10.0 * step
        position, velocity = state(time)
        on, off = max(time - begin, 0.0), max(time - begin - seconds, 0.0)
        vectors.append(
            osv(time, Y=f"{thrust / 2 * (on**2 - off**2):.6f}", VY=f"{velocity[1] + thrust * (on - off):.6f}")
        )
        assert position[1] == 0
    assert len(read_orbit_file(write(eof(vectors))).times) == 60


def test_times_rounded_to_microseconds_are_no_damage(write):
    early = [
        osv(10.0 * step, **({"UTC": "UTC=2023-09-04T06:02:29.999999"} if step == 15 else {})) for step in range(30)
    ]
    assert len(read_orbit_file(write(eof(early))).times) == 30


def test_a_flipped_digit_is_found_or_moves_the_orbit_by_millimetres(write):
    """192 flips in what engines read; the effect is that of Hermite interpolation, which they use."""
    rng = np.random.default_rng(192)
    truth = read_orbit_file(write(eof(regular())))
    missed = []
    for _ in range(192):
        row, field = int(rng.integers(6, 24)), str(rng.choice(["X", "Z", "VX", "VZ"]))
        vectors = regular()
        begin = vectors[row].index(f"<{field}>")
        digits = [at for at in range(begin, vectors[row].index("</", begin)) if vectors[row][at].isdigit()]
        at = int(rng.choice(digits))
        other = str((int(vectors[row][at]) + int(rng.integers(1, 10))) % 10)
        vectors[row] = vectors[row][:at] + other + vectors[row][at + 1 :]
        try:
            found = read_orbit_file(write(eof(vectors)))
        except NoDataError:
            continue
        position, velocity = found.position - truth.position, found.velocity - truth.velocity
        # the cubic of Hermite passes on an error of position whole, and 4/27 of 10 s of one of velocity
        missed.append(np.linalg.norm(position, axis=1).max() + 40 / 27 * np.linalg.norm(velocity, axis=1).max())
    assert len(missed) < 70
    assert max(missed) < 0.022


def test_vectors_marked_as_degraded_are_listed(write):
    vectors = regular()
    for row in (3, 4):
        vectors[row] = vectors[row].replace("NOMINAL", "DEGRADED")
    orbit = read_orbit_file(write(eof(vectors)))
    assert [str(time) for time in orbit.degraded] == ["2023-09-04T06:00:30.000000", "2023-09-04T06:00:40.000000"]
    start = START + timedelta(seconds=35)
    assert len(window(orbit, start, start + timedelta(seconds=30), 0.0 + 5.0).degraded) == 2
    assert len(window(orbit, start + timedelta(seconds=10), start + timedelta(seconds=60), 0.0).degraded) == 0
    assert len(marked_within(orbit, start, START + timedelta(days=1))) == 1
    assert len(read_orbit_file(write(eof(regular()))).degraded) == 0
