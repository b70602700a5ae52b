"""Wrong areas, orbits, DEMs, options, folders: told in three lines with the right exit code; nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely import Point

from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.sentinel1.acquisition import ground_of
from support.command import Outcome, run_apart
from support.refusal import NO_DATA, RESOURCES, USAGE, Refusal, check_refusal, cut, snapshot
from support.run_inputs import Inputs, write_dem, write_inputs, write_orbit
from support.safe_factory import Product

# --- area -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roi", "code", "named"),
    [
        ("10 10 11 11", NO_DATA, "outside the scenes"),
        ("-4.40 31.00 -4.399 31.001", USAGE, "smaller than a look cell"),
        ("179 -1 -179 1", USAGE, "antimeridian"),
        ("POLYGON((179 0, 181 0, 181 1, 179 1, 179 0))", USAGE, "antimeridian"),
        ("POLYGON((-4.6 31, -4.2 31.2, -4.2 31, -4.6 31.2, -4.6 31))", USAGE, "cross"),
        ("31.00 -4.60 31.20 -4.20", NO_DATA, "swapped"),
        ("31.00 31.20 -4.60 -4.20", USAGE, "--roi '-4.6 31 -4.2 31.2'"),
        ("POLYGON((31 -104, 31 -105, 32 -105, 32 -104, 31 -104))", USAGE, "swapped"),
        ("nan 31 -4.2 31.2", USAGE, "NaN"),
        ("-4.2 31.2 -4.6 31.0", USAGE, "west"),
        ("-4.6 31.0 -4.2", USAGE, "3 number"),
        ("POINT(-4.6 31)", USAGE, "no polygon"),
        ("nowhere.geojson", USAGE, "nowhere.geojson"),
        ("somewhere in Africa", USAGE, "somewhere in Africa"),
    ],
)
def test_wrong_area(refused: Refusal, roi: str, code: int, named: str) -> None:
    refused(code, named, roi=roi)


def test_area_that_only_touches(refused: Refusal, inputs: Inputs) -> None:
    _, _, east, north = SlcManager(inputs.scenes).plan(None, "auto").bounds
    refused(NO_DATA, "only touches", roi=f"{east!r} {north - 0.5!r} {east + 1!r} {north + 0.5!r}")


def test_area_of_which_the_scenes_see_too_little(refused: Refusal, inputs: Inputs) -> None:
    _, _, east, north = SlcManager(inputs.scenes).plan(None, "auto").bounds
    refused(USAGE, "smaller than a look cell", roi=f"{east - 1e-3!r} {north - 0.5!r} {east + 1!r} {north + 0.5!r}")


@pytest.mark.parametrize("point", ["10,10", "31.1,-4.4", "-4.4,31.4"])
def test_reference_point_outside_the_map(refused: Refusal, point: str) -> None:
    refused(
        NO_DATA, "outside the map", ",".join(str(float(part)) for part in point.split(",")), reference_point=point
    )


def test_reference_point_that_no_burst_sees(refused: Refusal, inputs: Inputs) -> None:
    """The ground of the bursts is tilted: corners of the map lie outside of it."""
    plan = SlcManager(inputs.scenes).plan(None, "auto")
    west, south, east, north = plan.bounds
    ground = ground_of(plan.bursts, west)
    corners = [(lon, lat) for lon in (west + 5e-4, east - 5e-4) for lat in (south + 5e-4, north - 5e-4)]
    lon, lat = max(corners, key=lambda corner: ground.distance(Point(corner)))
    assert ground.distance(Point(lon, lat)) > 0.003
    refused(NO_DATA, "no burst sees", reference_point=f"{lon!r},{lat!r}")


# --- orbits -----------------------------------------------------------------------------------------------------


def test_orbits_of_another_satellite(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    write_orbit(inputs.reference, tmp_path / "eof", mission="S1B")
    refused(NO_DATA, tmp_path / "eof", "S1B orbits, the scene is S1A", orbits=tmp_path / "eof")


def test_orbits_of_another_day(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    write_orbit(inputs.reference, tmp_path / "eof")
    write_orbit(inputs.reference.repeated(24), tmp_path / "eof")
    refused(NO_DATA, "2023-09-16", "2023-09-28", orbits=tmp_path / "eof")


@pytest.mark.parametrize("content", ["", "<html>Login</html>", "<Earth_Explorer_File>"])
def test_damaged_orbits(refused: Refusal, inputs: Inputs, tmp_path: Path, content: str) -> None:
    path = write_orbit(inputs.reference, tmp_path / "eof")
    path.write_text(content)
    refused(NO_DATA, path.name, orbits=tmp_path / "eof")


def test_no_orbits(refused: Refusal, tmp_path: Path) -> None:
    refused(USAGE, tmp_path / "nowhere", orbits=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    refused(NO_DATA, tmp_path / "empty", ".EOF", orbits=tmp_path / "empty")


# --- DEM --------------------------------------------------------------------------------------------------------


def test_dem_that_does_not_cover(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    west, south, east, north = inputs.reference.bounds
    dem = write_dem(tmp_path / "small.tif", (west - 0.3, south - 0.3, east - 0.1, north + 0.3))
    refused(NO_DATA, dem, "in the east", dem=dem)


@pytest.mark.parametrize(("fill", "named"), [(-32768, "no height"), (np.nan, "no height"), (0, "0 or missing")])
def test_dem_with_voids(refused: Refusal, inputs: Inputs, tmp_path: Path, fill: float, named: str) -> None:
    with rasterio.open(inputs.dem) as source:
        heights, bounds = source.read(1), source.bounds
    heights[40:70, 50:90] = fill
    if fill == 0:
        heights[:] = 0
    dem = write_dem(tmp_path / "holes.tif", bounds, heights=heights)
    refused(NO_DATA, dem, named, dem=dem)


def test_dem_without_crs(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    dem = write_dem(tmp_path / "nocrs.tif", inputs.reference.bounds, crs=None)
    refused(USAGE, dem, "no CRS", dem=dem)


def test_dem_without_datum(refused: Refusal, inputs: Inputs) -> None:
    refused(USAGE, inputs.dem, "--dem-datum", dem_datum=None)
    refused(USAGE, "geoid", "ellipsoid, egm96, egm2008", dem_datum="geoid")


def test_no_dem(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    refused(USAGE, tmp_path / "nowhere.tif", dem=tmp_path / "nowhere.tif")
    refused(USAGE, inputs.scenes[0], dem=inputs.scenes[0])
    damaged = cut(Path(shutil.copy(inputs.dem, tmp_path / "cut.tif")), 0.6)
    refused(NO_DATA, damaged, dem=damaged)


# --- configuration and options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("polarisation: vv\n", "Did you mean polarization?"),
        ("dem:\n  fiel: dem.tif\n", "Did you mean dem.file?"),
        ("looks: 0x7\n", "looks"),
        ("looks: [19\n", "line 2"),
        ("- roi\n", "list"),
        ("compute:\n  memory: 3 elephants\n", "3 elephants"),
    ],
)
def test_wrong_configuration(refused: Refusal, tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "dinsar.yaml"
    file.write_text(text)
    said = refused(USAGE, extra=(file,), looks=None)
    assert named.lower() in said.lower()


def test_configuration_that_is_missing(refused: Refusal, tmp_path: Path) -> None:
    refused(USAGE, tmp_path / "nowhere.yaml", extra=(tmp_path / "nowhere.yaml",))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nonsense"], "nonsense"),
        (["run", "--lokos", "7x2"], "--looks"),
        (["run", "--slc"], "--slc"),
        (["run", "a.yaml", "b.yaml"], "b.yaml"),
        (["run", "--engine", "isce9"], "isce9"),
        (["status", "--frob"], "--frob"),
        (["init", "--roi", "1 2 3"], "1 2 3"),
    ],
)
def test_unknown_commands_and_options(dinsar: Callable[..., Outcome], arguments: list[str], named: str) -> None:
    check_refusal(dinsar(*arguments), USAGE, named)


# --- folders, disk, memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--workdir", "--cache"])
@pytest.mark.parametrize("place", ["file", "below a file", "/proc/nothing"])
def test_folder_that_cannot_be_written(
    dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path, option: str, place: str
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    folder = {"file": file, "below a file": file / "below"}.get(place, Path(place))
    folders = {"--workdir": tmp_path / "work", "--cache": tmp_path / "cache"} | {option: folder}
    outcome = dinsar("run", *inputs.options(), *(part for pair in folders.items() for part in pair))
    check_refusal(outcome, USAGE, folder)
    assert file.read_text() == "kept"
    assert list(tmp_path.rglob("radar")) == []


def test_journal_that_is_broken(refused: Refusal) -> None:
    journal = refused.workdir / "T052D_20230904_20230916" / "run.json"
    journal.write_text('{"stages": {"slc": ')
    refused(USAGE, journal, "Remove it")


def test_too_little_memory(refused: Refusal) -> None:
    refused(RESOURCES, "256.0 MB", "compute.memory", memory="256MB")


def small_disk(folder: Path, size: str) -> list[str]:
    """What to put before a command so that it sees a small disk at a folder and lists it at the end."""
    script = (
        'mount -t tmpfs -o size="$1" none "$2" || exit 99; folder=$2; shift 2; "$@"; code=$?; '
        'find "$folder" -name radar >&2; exit $code'
    )
    unshare = shutil.which("unshare")
    for rights in ([], ["--map-root-user"]) if unshare else ():
        before = [str(unshare), "--mount", *rights, "sh", "-c", script, "sh", size, str(folder)]
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode == 0:
            return before
    pytest.skip("no permission to mount a small disk")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize(("small", "named"), [("work", "the interferogram"), ("cache", "the DEM")])
def test_too_little_disk(tmp_path: Path, small: str, named: str) -> None:
    fine = Product(lines=400, samples=800, bursts=1, line_interval=2.0556e-3, range_sampling_rate=64.345e6)
    inputs = write_inputs(tmp_path / "inputs", fine, dem_step=0.0005)
    folders = {name: tmp_path / name for name in ("work", "cache")}
    folders[small].mkdir()
    before = snapshot(inputs.folder)
    outcome = run_apart(
        *("run", *inputs.options(), "--workdir", folders["work"], "--cache", folders["cache"]),
        before=small_disk(folders[small], "2m"),
    )
    text = check_refusal(replace(outcome, seconds=0), RESOURCES, named, folders[small])
    assert "MB" in text
    assert "radar" not in outcome.err
    assert snapshot(inputs.folder) == before


# --- as a program -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"slc": ["nowhere.zip"]}, USAGE, "nowhere.zip"),
        ({"polarization": "vh"}, NO_DATA, "VH"),
        ({"lokos": "7x2"}, USAGE, "--lokos"),
        ({"memory": "256MB"}, RESOURCES, "256.0 MB"),
    ],
)
def test_a_program_ends_with_the_same_codes(
    inputs: Inputs, tmp_path: Path, changes: dict[str, object], code: int, named: str
) -> None:
    options = inputs.options(**changes)
    outcome = run_apart("run", *options, "--workdir", tmp_path / "work", "--cache", tmp_path / "cache")
    check_refusal(outcome, code, named)
    assert list(tmp_path.rglob("radar")) == []
