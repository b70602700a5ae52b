"""A map against GNSS stations: the projection is exact, and every table that is wrong is named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject

from dinsar_cli.compare.gnss import compare_gnss, gnss_table
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.gnss.station import Station
from dinsar_cli.gnss.table import read_table
from dinsar_cli.gnss.tenv3 import read_motion
from support.command import Outcome
from support.gnss_inputs import FIRST_DAY, write_tenv3
from support.look_inputs import DEGREES, METRES, ascending_sight, descending_sight, plane, write_look
from support.refusal import NO_DATA, USAGE, check_refusal

HEADER = "station,lon,lat,E,N,U,sE,sN,sU"
PLACES = {
    "RABT": (-8.9012, 31.4711),
    "IFRN": (-8.8733, 31.4502),
    "TETN": (-8.9155, 31.4401),
    "MAR1": (-8.8601, 31.4872),
}
FLOAT32 = 2e-8  # m: rounding of the map's centimetres


def true_motion(lon: float, lat: float) -> tuple[float, float, float]:
    return tuple(float(part) for part in plane(np.array(lon), np.array(lat)))


def write_table(path: Path, rows: Sequence[Sequence[object]], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *(",".join(str(cell) for cell in row) for row in rows)]) + "\n")
    return path


def true_rows(unit: float = 1.0, sigma: float = 0.002) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, place in PLACES.items():
        rows.append([name, *place, *(repr(part / unit) for part in true_motion(*place)), *[sigma / unit] * 3])
    return rows


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A map of motion that linear interpolation meets, 25 cm off as a whole."""
    noise = {"los_sigma": np.full(DEGREES.shape, 0.003)}
    return write_look(tmp_path / "T147A", DEGREES, ascending_sight(DEGREES), plane, shift=0.25, layers=noise)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "stations.csv", true_rows())


def direction_at(lon: float) -> np.ndarray:
    """Direction of the map of `pair`, interpolated between pixels as the map is."""
    vector = ascending_sight(DEGREES)[:, 0]
    column = (lon - DEGREES.west) * 1200 - 0.5
    found = np.array([np.interp(column, np.arange(DEGREES.width), part) for part in vector])
    return found / np.linalg.norm(found)


# Projection


def test_projection_is_exact(pair: Path, tmp_path: Path) -> None:
    motion = {
        "RABT": (0.1, 0.0, 0.0),
        "IFRN": (0.0, 0.2, 0.0),
        "TETN": (0.0, 0.0, -0.3),
        "MAR1": (0.02, -0.03, 0.04),
    }
    rows = [[name, *PLACES[name], *motion[name], 0.001, 0.002, 0.005] for name in PLACES]
    found = compare_gnss(pair, write_table(tmp_path / "t.csv", rows), reference="RABT")
    zero = direction_at(PLACES["RABT"][0]) @ motion["RABT"]
    for one in found.stations:
        direction = direction_at(one.lon)
        assert one.gnss == pytest.approx(direction @ motion[one.station] - zero, abs=1e-7)  # the file is float32
        expected = math.sqrt(np.sum((direction * (0.001, 0.002, 0.005)) ** 2))
        assert one.gnss_sigma == pytest.approx(expected, rel=1e-6)
        assert one.insar_sigma == pytest.approx(0.003, rel=1e-6)


@pytest.mark.parametrize("reference", [None, "IFRN"])
@pytest.mark.parametrize("window", [1, 3])
def test_the_true_motion_agrees_whatever_it_is_relative_to(
    reference: str | None, window: int, pair: Path, table: Path
) -> None:
    found = compare_gnss(pair, table, reference=reference, window=window)
    # Planes times directions that change by 0.001 a pixel bend by 0.04 micrometres within one, and float32 rounds.
    # A window stands at the middle of its pixel, up to 65 m from the station, where 0.5 m a degree is 0.3 mm.
    assert found.rms < (1e-7 if window == 1 else 5e-4)
    assert len(found.used) == len(PLACES)
    assert found.relative_to == (reference or "mean")
    zero = [one for one in found.stations if one.station == reference]
    assert all(one.gnss == one.insar == one.difference == 0 for one in zero)
    if reference is None:
        assert sum(one.insar for one in found.stations) == pytest.approx(0, abs=1e-12)


def test_window_averages_its_pixels(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    noise = generator.normal(0, 0.01, METRES.shape)
    holes = np.zeros(METRES.shape, bool)
    holes[49, 70] = True
    pair = write_look(
        tmp_path / "d", METRES, descending_sight(METRES), lambda lon, lat: (0 * lon, 0 * lat, 0 * lat), holes=holes,
        layers={"los_displacement": np.where(holes, np.nan, noise)},
    )  # fmt: skip
    places = {"A": METRES.lonlat(50, 71), "B": METRES.lonlat(90, 30)}
    rows = [[name, *map(repr, place), 0, 0, 0] for name, place in places.items()]
    found = compare_gnss(
        pair, write_table(tmp_path / "t.csv", rows, "station,lon,lat,E,N,U"), window=3, reference="B"
    )
    around = noise[49:52, 70:73].copy()
    around[0, 0] = np.nan
    expected = np.nanmean(around) - noise[89:92, 29:32].mean()
    assert found.stations[0].insar == pytest.approx(expected, abs=FLOAT32)
    assert found.rms == pytest.approx(abs(expected), abs=FLOAT32)  # the reference station is no difference
    assert found.chi_square is None


# Figures


def test_rms_and_chi_square_are_those_of_the_definition(pair: Path, tmp_path: Path) -> None:
    errors = [0.004, -0.006, 0.001, 0.003]
    sigmas = [0.002, 0.004, 0.001, 0.005]
    rows = true_rows()
    for row, error, sigma in zip(rows, errors, sigmas, strict=True):
        up = float(direction_at(float(row[1]))[2])
        row[5] = repr(float(row[5]) - error / up)  # GNSS lower by it along the line of sight: the map is above
        row[6:] = [sigma] * 3  # the same in all directions, and so along the line of sight
    table = write_table(tmp_path / "t.csv", rows)
    found = compare_gnss(pair, table)
    centred = np.array(errors) - np.mean(errors)
    assert [one.difference for one in found.stations] == pytest.approx(centred, abs=1e-7)
    assert found.rms == pytest.approx(math.sqrt(np.mean(centred**2)), rel=1e-4)
    # Generalised least squares: the differences to one station, with the covariance that they share.
    variance = np.array(sigmas) ** 2 + 0.003**2
    differences = np.array(errors[1:]) - errors[0]
    covariance = np.diag(variance[1:]) + variance[0]
    expected = differences @ np.linalg.inv(covariance) @ differences / 3
    assert found.chi_square == pytest.approx(expected, rel=1e-3)
    assert compare_gnss(pair, table, reference="TETN").chi_square == pytest.approx(expected, rel=1e-3)


def test_noise_as_stated_has_a_reduced_chi_square_of_one(tmp_path: Path) -> None:
    generator = np.random.default_rng(8)
    count, gnss, insar = 400, 0.002, 0.003
    rows, index = [], generator.choice(DEGREES.width * DEGREES.height, count, replace=False)
    noise = insar * generator.standard_normal(DEGREES.shape)
    vector = ascending_sight(DEGREES)
    for number in index:
        place = DEGREES.lonlat(*divmod(int(number), DEGREES.width))
        rows.append([f"S{number}", *map(repr, place), *gnss * generator.standard_normal(3), *[gnss] * 3])
    layers = {"los_displacement": noise, "los_sigma": np.full(DEGREES.shape, insar)}
    pair = write_look(tmp_path / "a", DEGREES, vector, layers=layers)
    found = compare_gnss(pair, write_table(tmp_path / "t.csv", rows))
    # Variance of the reduced chi-square: 2 / (n - 1); four standard deviations.
    assert found.chi_square == pytest.approx(1, abs=4 * math.sqrt(2 / (count - 1)))
    assert found.rms == pytest.approx(math.hypot(gnss, insar), rel=4 / math.sqrt(2 * count))


# Stations that do not count


def test_stations_without_displacement_are_listed(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    labels = np.ones(DEGREES.shape, np.uint16)
    labels[:, :12] = 2
    hole = np.s_[60:70, 60:70]
    pair = write_look(
        tmp_path / "a",
        DEGREES,
        ascending_sight(DEGREES),
        plane,
        holes=hole,
        layers={"connected_components": labels},
    )
    places = {"FAR": (20.0, 10.0), "HOLE": DEGREES.lonlat(65, 65), "ISLE": DEGREES.lonlat(50, 5)}
    rows = true_rows() + [[name, *place, 0, 0, 0, "", "", ""] for name, place in places.items()]
    table = write_table(tmp_path / "t.csv", rows)
    done = dinsar("compare", pair, table)
    assert done.code == 0
    for line in ("FAR     not used: outside the map", "HOLE    not used: on empty pixels"):
        assert line in done.out
    assert "ISLE    not used: in another component (2)" in done.out
    assert "4 of 7 stations used" in done.out
    record = json.loads(dinsar("compare", pair, table, "--json").out)
    assert [one["status"] for one in record["stations"]][-3:] == [
        "outside the map", "on empty pixels", "in another component (2)",
    ]  # fmt: skip
    assert record["stations"][-1]["difference"] is None
    assert record["used"] == 4
    assert record["rms"] < 1e-7
    for name in places:
        done = dinsar("compare", pair, table, "--station", name)
        if name == "ISLE":  # alone in its component
            check_refusal(done, NO_DATA, "Only 1 of 7")
        else:
            check_refusal(done, NO_DATA, f"reference station {name}")


def test_fewer_than_two_stations_are_refused(pair: Path, tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    rows = [*true_rows()[:1], ["FAR", 20, 10, 0, 0, 0, 0, 0, 0], ["AWAY", 21, 10, 0, 0, 0, 0, 0, 0]]
    done = dinsar("compare", pair, write_table(tmp_path / "t.csv", rows))
    check_refusal(done, NO_DATA, "Only 1 of 3", "2 outside the map")
    assert not (pair / "gnss_comparison.png").exists()


# The command


def test_command_prints_a_table_and_draws(pair: Path, table: Path, dinsar: Callable[..., Outcome]) -> None:
    done = dinsar("compare", pair, table, "--station", "RABT")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert "2023-09-05 to 2023-09-17" in lines[0]
    assert lines[1].split() == ["station", "GNSS", "InSAR", "InSAR-GNSS", "s(GNSS)", "s(InSAR)"]
    assert lines[2].split()[:1] + lines[2].split()[4:] == ["RABT", "2.00", "3.00"]
    assert "relative to station RABT; 4 of 4 stations used" in lines
    assert lines[-1] == str(pair / "gnss_comparison.png")
    assert (pair / "gnss_comparison.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(("bound", "code"), [("2.9", 8), ("3.1", 0)])
def test_command_ends_with_8_above_the_bound(
    bound: str, code: int, pair: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    rows = true_rows()[:2]
    up = float(direction_at(float(rows[1][1]))[2])
    rows[1][5] = repr(float(rows[1][5]) + 0.006 / up)  # 6 mm between two stations: 3 mm from their mean
    done = dinsar("compare", pair, write_table(tmp_path / "t.csv", rows), "--max-rmse", bound)
    assert done.code == code
    assert "RMS difference       3.00 mm" in done.out
    assert ("above 2.9 mm" in done.err) == (code == 8)


def test_unit_of_the_table(pair: Path, tmp_path: Path, table: Path, dinsar: Callable[..., Outcome]) -> None:
    in_mm = write_table(tmp_path / "mm.csv", true_rows(1e-3))
    one = json.loads(dinsar("compare", pair, table, "--json").out)
    other = json.loads(dinsar("compare", pair, in_mm, "--unit", "mm", "--json").out)
    for a, b in zip(one["stations"], other["stations"], strict=True):
        assert a["gnss"] == pytest.approx(b["gnss"], abs=1e-12)
        assert a["gnss_sigma"] == pytest.approx(b["gnss_sigma"], rel=1e-9)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--station", "NONE"], "--station NONE"),
        (["--unit", "inch"], "--unit"),
        (["--window", "4"], "--window 4"),
        (["--window", "0"], "--window"),
        (["--min-coherence", "0.5"], "--min-coherence"),
        (["--picture", "nowhere/a.png"], "nowhere"),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: list[str], named: str, pair: Path, table: Path, dinsar: Callable[..., Outcome]
) -> None:
    check_refusal(dinsar("compare", pair, table, *options), USAGE, named)


@pytest.mark.parametrize("option", [["--station", "A"], ["--unit", "m"], ["--window", "3"]])
def test_options_of_stations_are_refused_with_a_raster(
    option: list[str], pair: Path, dinsar: Callable[..., Outcome]
) -> None:
    raster = pair / "products" / "los_displacement.tif"
    check_refusal(dinsar("compare", pair, raster, *option), USAGE, option[0], "no table")


def test_a_map_without_directions_or_data_is_refused(
    pair: Path, table: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    empty = write_look(tmp_path / "empty", DEGREES, ascending_sight(DEGREES), holes=np.s_[:, :])
    check_refusal(dinsar("compare", empty, table), NO_DATA, "empty", "los_displacement.tif")
    (pair / "products" / "los_vector.tif").unlink()
    check_refusal(dinsar("compare", pair, table), NO_DATA, "los_vector.tif")
    check_refusal(dinsar("compare", tmp_path / "nothing", table), USAGE, "nothing")


# Tables


GOOD = "RABT,-8.90,31.47,0.01,0.02,0.03,0.001,0.001,0.002"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("\n# nothing but this\n", "empty"),
        (HEADER, "no stations"),
        ("name,x,y,E,N,U\nA,1,2,3,4,5", "no lon, lat"),
        ("station,lon,lat,E,N,U,sE\nA,1,2,3,4,5,6", "not all of sE, sN, sU"),
        ("station,lon,lat,lat,E,N,U\nA,1,2,2,3,4,5", "lat twice"),
        (f"{HEADER}\n{GOOD}\nIFRN,-8.87,31.45,ten,0,0,0,0,0", "Line 3: e must be a number, not 'ten'"),
        (f"{HEADER}\nIFRN,-8.87,31.45,nan,0,0,0,0,0", "e must be a number"),
        (f"{HEADER}\nIFRN,-8.87,31.45,,0,0,0,0,0", "e must be a number, not ''"),
        (f"{HEADER}\nIFRN,-8.87", "Line 2: lat must be a number"),
        (f"{HEADER}\nIFRN,-8.87,131.45,0,0,0,0,0,0", "no longitude and latitude"),
        (f"{HEADER}\nIFRN,-8.87,31.45,0,0,0,-1,0,0", "negative"),
        (f"{HEADER}\nIFRN,-8.87,31.45,0,0,0,1,,0", "sn must be a number"),
        (f"{HEADER}\n,-8.87,31.45,0,0,0,1,1,0", "no name"),
        (f"{HEADER}\n{GOOD}\n{GOOD}", "RABT is in it twice"),
        (f"{HEADER}\n{GOOD},7,8", "Line 2 has 11 columns, and the header 9"),
    ],
)
def test_wrong_tables_are_named(
    text: str, named: str, pair: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    check_refusal(dinsar("compare", pair, path), USAGE, path, named)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00station", b"II*\x00\x80\x81\x82" * 50], ids=["UTF-16", "binary"])
def test_files_that_are_no_text_are_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not a table"):
        read_table(path)


def test_missing_table_and_folder_of_that_name(pair: Path, tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    check_refusal(dinsar("compare", pair, tmp_path / "none.csv"), USAGE, "none.csv")
    (tmp_path / "folder.csv").mkdir()
    check_refusal(dinsar("compare", pair, tmp_path / "folder.csv"), USAGE, "folder.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_are_read_as_people_write_them(separator: str, tmp_path: Path) -> None:
    lines = [
        "# made by hand",
        "SU,Station , LON,lat,e,n,U,SN,sE,remark",
        "",
        '0.3,"RABT",351.1,31.47,1,2,3,0.2,0.1,on a roof',
        " ,IFRN,-8.87,31.45,4,5,6,,,",
    ]
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).replace(",", separator).encode())
    (first, second), _ = read_table(path, "cm")
    assert (first.name, first.lon, first.lat) == ("RABT", pytest.approx(-8.9), 31.47)
    assert first.motion == pytest.approx((0.01, 0.02, 0.03))
    assert first.sigma == pytest.approx((0.001, 0.002, 0.003))
    assert (second.name, second.sigma) == ("IFRN", None)


def test_unknown_errors_leave_the_chi_square_out(pair: Path, tmp_path: Path) -> None:
    rows = true_rows()
    rows[2][6:] = ["", "", ""]
    found = compare_gnss(pair, write_table(tmp_path / "t.csv", rows))
    assert found.chi_square is None
    assert any("not known" in line for line in gnss_table(found))
    assert len(found.used) == len(PLACES)


# Daily positions, and maps of other programs


def test_motion_between_two_days_is_read_from_daily_positions(pair: Path, table: Path, tmp_path: Path) -> None:
    for name, place in PLACES.items():
        # 0.9995 m: the whole metres of the east change between the dates
        start = (0.9995, 0.3, 0.65)
        end = tuple(a + b for a, b in zip(start, true_motion(*place), strict=True))
        write_tenv3(tmp_path / "daily", name, place, {-1: (9, 9, 9), 0: start, 1: (9, 9, 9), 12: end})
    write_tenv3(tmp_path / "daily", "LATE", PLACES["RABT"], {0: (0, 0, 0), 13: (0, 0, 0)})
    write_tenv3(tmp_path / "daily", "NONE", PLACES["RABT"], {})
    found, expected = compare_gnss(pair, tmp_path / "daily"), compare_gnss(pair, table)
    assert found.rms < 2e-6  # the file has micrometres
    by_name = {one.station: one for one in found.stations}
    for one in expected.stations:
        assert by_name[one.station].gnss == pytest.approx(one.gnss, abs=2e-6)
    variance = np.array([0.001, 0.002, 0.004]) ** 2 * 2
    assert by_name["RABT"].gnss_sigma == pytest.approx(math.sqrt(direction_at(-8.9012) ** 2 @ variance), rel=1e-3)
    assert by_name["LATE"].status == "without a position of 2023-09-17"
    assert by_name["NONE"].status == "without any position"
    assert by_name["NONE"].place is None
    words = "\n".join(gnss_table(found))
    assert "not used: without a position of 2023-09-17" in words


def test_a_median_of_days_leaves_outliers_out(tmp_path: Path) -> None:
    days = {-1: (0.0, 0.0, 0.0), 0: (5.0, 5.0, 5.0), 1: (0.002, 0.0, 0.0), 2: (0.001, 0.0, 0.0)}
    path = write_tenv3(tmp_path, "RABT", PLACES["RABT"], days | {12: (0.03, -0.02, 0.01)})
    (found,) = read_motion(path, (FIRST_DAY, date(2023, 9, 17)), 2)
    assert isinstance(found, Station)
    assert found.motion == pytest.approx((0.03 - 0.0015, -0.02, 0.01), abs=1e-9)
    assert (found.lon, found.lat) == pytest.approx(PLACES["RABT"])


def test_wrong_daily_positions_are_refused_in_words(pair: Path, tmp_path: Path) -> None:
    path = write_tenv3(tmp_path / "daily", "RABT", PLACES["RABT"], {0: (0, 0, 0), 12: (0, 0, 0)})
    text = path.read_text()
    for changed, word in (
        (text.replace("site ", "# "), "header"),
        (text.replace("0.001000", "x"), "Line 2: column 15"),
        ("\n".join(line.rsplit(maxsplit=3)[0] for line in text.splitlines()), "Line 2 has 20 columns"),
    ):
        path.write_text(changed)
        with pytest.raises(UsageError, match="daily positions") as caught:
            compare_gnss(pair, path)
        assert word in caught.value.cause
    path.write_text(text)
    with pytest.raises(NoDataError, match="Only 1 of 1"):
        compare_gnss(pair, path)
    with pytest.raises(UsageError, match="not those of the map"):
        compare_gnss(pair, path, dates=(date(2020, 1, 1), date(2020, 1, 13)))


def test_two_epochs_taken_out_of_daily_positions(pair: Path, table: Path, tmp_path: Path) -> None:
    """Without the header, and with the lines of all stations in one file: that is what people keep."""
    lines = []
    for name, place in PLACES.items():
        end = tuple(a + b for a, b in zip((0.1, 0.2, 0.3), true_motion(*place), strict=True))
        path = write_tenv3(tmp_path / "daily", name, place, {0: (0.1, 0.2, 0.3), 12: end})
        lines += path.read_text().splitlines()[1:]
        path.write_text("\n".join(path.read_text().splitlines()[1:]))
    (tmp_path / "epochs.tenv3").write_text("\n".join(lines))
    expected = {one.station: one.gnss for one in compare_gnss(pair, table).stations}
    for source in (tmp_path / "daily", tmp_path / "epochs.tenv3"):
        found = {one.station: one.gnss for one in compare_gnss(pair, source).stations}
        assert found == pytest.approx(expected, abs=2e-6)
    (tmp_path / "daily" / "twice.tenv3").write_text("\n".join(lines))
    with pytest.raises(UsageError, match="stations twice"):
        compare_gnss(pair, tmp_path / "daily")


def test_daily_positions_in_another_form_are_named(pair: Path, tmp_path: Path) -> None:
    path = write_tenv3(tmp_path / "daily", "RABT", PLACES["RABT"], {0: (0, 0, 0), 12: (0, 0, 0)})
    path.rename(path.with_suffix(".tenv"))
    for source in (path.parent, path.with_suffix(".tenv")):
        with pytest.raises(UsageError, match="daily positions") as caught:
            compare_gnss(pair, source)
        assert "It ends in .tenv" in caught.value.cause
        assert ".tenv3" in caught.value.remedy


@pytest.mark.parametrize(
    "header", ["ID,Lon,Lat,E,N,U", "site,longitude,latitude,East,North,Up", "name,long,lat,e,n,u"]
)
def test_usual_names_of_columns_are_known(pair: Path, table: Path, tmp_path: Path, header: str) -> None:
    rows = [row[:6] for row in true_rows()]
    found = compare_gnss(pair, write_table(tmp_path / "t.csv", rows, header))
    assert found.rms == pytest.approx(compare_gnss(pair, table).rms, abs=1e-9)
    places = [row[:3] for row in rows]
    with pytest.raises(UsageError, match="not how they moved"):  # as RAiDER wants them
        compare_gnss(pair, write_table(tmp_path / "p.csv", places, "ID,Lon,Lat"))


def test_a_table_of_places_alone_is_told_apart(pair: Path, tmp_path: Path) -> None:
    rows = [[name, *place] for name, place in PLACES.items()]
    with pytest.raises(UsageError, match="not how they moved") as caught:
        compare_gnss(pair, write_table(tmp_path / "t.csv", rows, "station,lon,lat"))
    assert ".tenv3" in caught.value.remedy


def foreign_map(pair: Path, folder: Path, **profile: Any) -> Path:
    """The displacement of a pair as another program would write it: no tags, another name, nothing beside it."""
    folder.mkdir()
    path = folder / "displacement.tif"
    with rasterio.open(pair / "products" / "los_displacement.tif") as file:
        values = file.read(1)
        with rasterio.open(
            path, "w", driver="GTiff", crs=file.crs, transform=file.transform, width=file.width, height=file.height,
            count=1, dtype="float32", nodata=np.nan,
        ) as made:  # fmt: skip
            made.write(values, 1)
            made.units = (profile.get("unit", "meters"),)
    return path


def foreign_vector(pair: Path, folder: Path, sign: float = 1.0) -> Path:
    """Directions on a coarse grid in UTM, with 0 for no data."""
    path, grid = folder / "los_enu.tif", Grid("EPSG:32629", 500_000.0, 3_490_000.0, 600.0, 60, 40)
    vector = np.full((3, *grid.shape), np.nan, np.float32)
    with rasterio.open(pair / "products" / "los_vector.tif") as file:
        reproject(
            rasterio.band(file, [1, 2, 3]), vector, src_nodata=np.nan, dst_nodata=np.nan,
            dst_transform=grid.transform, dst_crs=grid.crs, resampling=Resampling.bilinear,
        )  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", crs=grid.crs, transform=grid.transform, width=60, height=40, count=3,
        dtype="float32", nodata=0.0,
    ) as made:  # fmt: skip
        made.write(sign * np.nan_to_num(vector))
    return path


def test_a_map_of_another_program_is_compared_with_its_directions(pair: Path, table: Path, tmp_path: Path) -> None:
    other = foreign_map(pair, tmp_path / "other")
    found = compare_gnss(other, table, vector=foreign_vector(pair, tmp_path / "other"))
    expected = compare_gnss(pair, table)
    assert len(found.used) == len(PLACES)
    assert found.map.name == "displacement"
    for one, right in zip(found.stations, expected.stations, strict=True):
        assert one.gnss == pytest.approx(right.gnss, abs=2e-5)
        assert one.insar == pytest.approx(right.insar, abs=1e-7)
    with pytest.raises(NoDataError, match="los_vector") as caught:
        compare_gnss(other, table)
    assert "--los-vector" in caught.value.remedy
    with pytest.raises(UsageError, match="not known between which days") as undated:
        compare_gnss(
            other, write_tenv3(tmp_path, "RABT", PLACES["RABT"], {}), vector=tmp_path / "other" / "los_enu.tif"
        )
    assert "--dates" in undated.value.remedy


def test_foreign_maps_that_would_mislead_are_refused(pair: Path, table: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in metres"):
        compare_gnss(
            foreign_map(pair, tmp_path / "a", unit="mm"), table, vector=foreign_vector(pair, tmp_path / "a")
        )
    with pytest.raises(UsageError, match="satellite") as caught:
        compare_gnss(foreign_map(pair, tmp_path / "b"), table, vector=foreign_vector(pair, tmp_path / "b", -1.0))
    assert "other sign" in caught.value.remedy


def test_the_command_takes_daily_positions_and_directions(
    dinsar: Callable[..., Outcome], pair: Path, tmp_path: Path
) -> None:
    other = foreign_map(pair, tmp_path / "other")
    vector = foreign_vector(pair, tmp_path / "other")
    for name, place in PLACES.items():
        write_tenv3(tmp_path / "daily", name, place, {0: (0.0, 0.0, 0.0), 12: true_motion(*place)})
    command = ["compare", other, tmp_path / "daily", "--los-vector", vector]
    check_refusal(dinsar(*command), USAGE, "--dates")
    check_refusal(dinsar(*command, "--dates", "2023-09-17,2023-09-05"), USAGE, "wrong order")
    check_refusal(dinsar(*command, "--dates", "2023-09-05"), USAGE, "YYYY-MM-DD")
    check_refusal(dinsar(*command, "--unit", "mm"), USAGE, "--unit")
    done = dinsar(*command, "--dates", "2023-09-05,2023-09-17", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["used"], record["rms"]) == (len(PLACES), pytest.approx(0, abs=2e-5))
    assert Path(record["picture"]).is_file()


# Tables as people have them


def test_a_line_without_a_number_is_a_station_that_is_not_used(pair: Path, tmp_path: Path) -> None:
    rows = true_rows()
    whole = compare_gnss(pair, write_table(tmp_path / "whole.csv", rows))
    for text in ("nan", "NaN", "", "-", "N/A"):
        odd = [*rows, ["LOST", -8.88, 31.45, 0.0, text, 0.0, 0.001, 0.001, 0.001]]
        found = compare_gnss(pair, write_table(tmp_path / "odd.csv", odd))
        assert found.rms == whole.rms
        assert found.stations[-1].station == "LOST"
        assert found.stations[-1].status == "without N (line 6)"
    odd = [*rows, ["LOST", -8.88, 31.45, 0.0, "about 3", 0.0, 0.001, 0.001, 0.001]]
    with pytest.raises(UsageError, match="Line 6: n must be a number"):
        compare_gnss(pair, write_table(tmp_path / "odd.csv", odd))


@pytest.mark.parametrize(("written", "read"), [("mm", "m"), ("mm", "cm"), ("cm", "m"), ("m", "mm"), ("mm", "mm")])
def test_a_table_in_another_unit_is_told(pair: Path, tmp_path: Path, written: str, read: str) -> None:
    metres = {"m": 1.0, "cm": 0.01, "mm": 0.001}
    table = write_table(tmp_path / "stations.csv", true_rows(metres[written]))
    found = compare_gnss(pair, table, read)
    times = metres[read] / metres[written]
    if max(times, 1 / times) < 30:  # a factor of ten may be the ground
        assert found.notes == ()
        return
    assert f"give --unit {written}" in found.notes[0]
    assert compare_gnss(pair, table, written).notes == ()  # as it says


def test_text_of_windows_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stations.csv"
    path.write_bytes(HEADER.encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16"):
        read_table(path)
    path.write_text("<!DOCTYPE html><html>")
    with pytest.raises(UsageError, match="web page"):
        read_table(path)
