"""``dinsar displacement``: what it must refuse, and where it writes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from support.command import Outcome, run_apart
from support.refusal import NO_DATA, USAGE, check_refusal, cut, snapshot
from support.topsapp.geocoded_folder import (
    GeocodedContent,
    write_geocoded,
    write_geocoded_folder,
    write_geocoded_layers,
)
from support.topsapp.merged_folder import CELLS, Content, write_folder, write_raster

Dinsar = Callable[..., Outcome]
Refused = Callable[..., str]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "insar", Content())


@pytest.fixture
def geocoded(tmp_path: Path) -> Path:
    return write_geocoded_folder(tmp_path / "insar")


@pytest.fixture
def refused(dinsar: Dinsar, tmp_path: Path) -> Refused:
    """A refusal of a folder in `tmp_path`, where nothing is changed by it: ``refused(path, code, named, ...)``."""

    def refuse(path: Path, code: int, *named: object, options: tuple[object, ...] = ()) -> str:
        before = snapshot(tmp_path)
        text = check_refusal(dinsar("displacement", path, *options), code, *named)
        assert snapshot(tmp_path) == before
        return text

    return refuse


def test_nothing_and_a_file_are_no_folders(tmp_path: Path, refused: Refused) -> None:
    refused(tmp_path / "nowhere", USAGE, tmp_path / "nowhere", "nothing there")
    (tmp_path / "file").write_text("text")
    refused(tmp_path / "file", USAGE, tmp_path / "file", "is a file")


def test_an_empty_and_any_other_folder_are_not_of_topsapp(tmp_path: Path, refused: Refused) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    refused(folder, USAGE, folder, "empty")
    (folder / "holiday.jpg").write_bytes(b"jpg")
    refused(folder, USAGE, folder, "no folder merged", "merged")


@pytest.mark.parametrize(
    ("files", "given", "program"),
    [
        (["interferogram/filt_topophase.unw", "stripmapProc.xml"], ".", "stripmapApp"),
        (["interferogram/filt_topophase.unw", "geometry/los.rdr"], "interferogram", "stripmapApp"),
        (["filt_topophase.unw", "insarProc.xml"], ".", "insarApp"),
        (["filt_topophase.unw", "filt_topophase.unw.geo"], ".", "insarApp"),
        (["merged/interferograms/20230904_20230916/filt_fine.unw"], ".", "topsStack"),
        (["merged/interferograms/20230904_20230916/filt_fine.unw"], "merged", "topsStack"),
    ],
)
def test_folders_of_other_programs_are_named_so(
    tmp_path: Path, refused: Refused, files: list[str], given: str, program: str
) -> None:
    folder = tmp_path / "other"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"samples")
    refused(folder / given, USAGE, program, "topsApp")


@pytest.mark.parametrize(
    ("kept", "missing", "step"),
    [
        ((), "topophase.cor, filt_topophase.flat, filt_topophase.unw", "--start=mergebursts"),
        (("topophase.cor",), "merged: filt_topophase.flat, filt_topophase.unw", "--start=filter"),
        (("topophase.cor", "filt_topophase.flat"), "merged: filt_topophase.unw", "--start=unwrap"),
    ],
)
def test_a_run_that_did_not_unwrap_is_told_how_to_go_on(
    whole: Path, refused: Refused, kept: tuple[str, ...], missing: str, step: str
) -> None:
    for path in (whole / "merged").iterdir():
        if path.name.removesuffix(".xml") not in kept:
            path.unlink()
    refused(whole / "merged", NO_DATA, missing, step, "do unwrap")


@pytest.mark.parametrize("unwrapper", ["snaphu", "icu"])
def test_a_run_of_too_few_look_lines_is_told_so(whole: Path, refused: Refused, unwrapper: str) -> None:
    """snaphu stops at the empty phase sigma, and leaves nothing; icu leaves an empty file."""
    merged = whole / "merged"
    (merged / "phsig.cor").write_bytes(b"")
    (merged / "filt_topophase.unw").write_bytes(b"")
    if unwrapper == "snaphu":
        (merged / "filt_topophase.unw").unlink()
    text = refused(whole, NO_DATA, f"{CELLS[0]} look lines", "264", "topsapp_filter_icu.xml", "--start=filter")
    assert "snaphu_mcf" in text


def test_a_run_that_did_not_merge_is_told_how_to_go_on(whole: Path, refused: Refused) -> None:
    shutil.rmtree(whole / "merged")
    refused(whole, NO_DATA, whole, "--start=mergebursts")


@pytest.mark.parametrize(
    "name",
    [
        "merged/filt_topophase.unw",
        "merged/filt_topophase.flat",
        "merged/topophase.cor",
        "geom_reference/lon_02.rdr",
    ],
)
def test_a_truncated_layer_is_refused(whole: Path, refused: Refused, name: str) -> None:
    cut(whole / name, 0.9)
    refused(whole, NO_DATA, whole / name, "too short", "bytes")


@pytest.mark.parametrize("name", ["geom_reference/lat_01.rdr", "merged/z.rdr.full.xml", "merged/topophase.cor"])
def test_a_missing_layer_is_named(whole: Path, refused: Refused, name: str) -> None:
    (whole / name).unlink()
    refused(whole, NO_DATA, Path(name).name.split(".")[0], "geocode")


def test_truncated_components_are_not_taken_for_none(whole: Path, refused: Refused) -> None:
    cut(whole / "merged" / "filt_topophase.unw.conncomp", 0.5)
    refused(whole, NO_DATA, "filt_topophase.unw.conncomp", "too short")


def test_layers_of_different_sizes_are_refused(whole: Path, refused: Refused) -> None:
    write_raster(whole / "merged" / "topophase.cor", [np.ones((CELLS[0] - 1, CELLS[1]), "f4")] * 2)
    refused(whole, NO_DATA, "topophase.cor does not fit")


def test_a_damaged_description_is_refused(whole: Path, refused: Refused) -> None:
    cut(whole / "secondary" / "IW1.xml", 0.5)
    refused(whole, NO_DATA, whole / "secondary" / "IW1.xml")


def test_other_looks_are_refused(whole: Path, refused: Refused) -> None:
    refused(whole, USAGE, "7x2", "--looks", options=("--looks", "7x2"))
    write_geocoded_layers(whole / "merged", GeocodedContent())
    refused(whole, USAGE, "7x2", "--looks", options=("--looks", "7x2"))


@pytest.mark.parametrize(
    "name", ["filt_topophase.unw.geo", "filt_topophase.unw.conncomp.geo", "los.rdr.geo", "dem.crop"]
)
def test_a_truncated_geocoded_layer_is_refused(geocoded: Path, refused: Refused, name: str) -> None:
    cut(geocoded / "merged" / name, 0.99)
    refused(geocoded, NO_DATA, geocoded / "merged" / name, "too short")


def test_geocoded_layers_of_different_maps_are_refused(geocoded: Path, refused: Refused) -> None:
    content = GeocodedContent(step_x=3e-4)
    write_geocoded(geocoded / "merged" / "topophase.cor.geo", (content.unwrapped, content.unwrapped), content)
    refused(geocoded, NO_DATA, "topophase.cor.geo does not fit")
    one = content.unwrapped[:-1]
    write_geocoded(geocoded / "merged" / "topophase.cor.geo", (one, one), GeocodedContent())
    refused(geocoded, NO_DATA, "topophase.cor.geo does not fit", "89 x 70")


def test_a_header_without_positions_is_refused(geocoded: Path, refused: Refused) -> None:
    header = geocoded / "merged" / "filt_topophase.unw.geo.xml"
    header.write_text(header.read_text().replace('name="delta"', 'name="other"'))
    refused(geocoded, NO_DATA, header, "delta")


def test_an_empty_phase_gives_no_map(geocoded: Path, whole: Path, dinsar: Dinsar) -> None:
    content = GeocodedContent()
    empty = np.zeros_like(content.unwrapped)
    for path in (whole / "merged").glob("filt_topophase.unw*"):
        path.unlink()
    write_geocoded(geocoded / "merged" / "filt_topophase.unw.geo", (empty, empty), content)
    check_refusal(dinsar("displacement", geocoded), NO_DATA, "No unwrapped phase")


@pytest.mark.parametrize("kind", ["whole", "geocoded"])
def test_an_area_elsewhere_gives_no_map(dinsar: Dinsar, request: pytest.FixtureRequest, kind: str) -> None:
    folder = request.getfixturevalue(kind)
    outcome = dinsar("displacement", folder, "--roi", "10 45 10.1 45.1")
    check_refusal(outcome, NO_DATA, "No radar data lies in the area")


@pytest.mark.parametrize("kind", ["whole", "geocoded"])
def test_the_map_lies_on_the_grid_of_a_raster(
    dinsar: Dinsar, refused: Refused, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Also on one whose origin is no multiple of its posting; one elsewhere is refused before all else."""
    folder = request.getfixturevalue(kind)
    assert dinsar("displacement", folder, "--output", tmp_path / "own").code == 0
    with rasterio.open(tmp_path / "own" / "products" / "los_displacement.tif") as dataset:
        (west, south, east, north), step = dataset.bounds, 1.3 * dataset.transform.a
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "crs": "EPSG:4326", "width": 25, "height": 20}
    grid = rasterio.Affine(step, 0, (west + east) / 2 + 0.31 * step, 0, -step, (south + north) / 2 + 5.7 * step)
    for name, transform in (("like", grid), ("elsewhere", rasterio.Affine(step, 0, 10, 0, -step, 45))):
        with rasterio.open(tmp_path / f"{name}.tif", "w", transform=transform, **profile):
            pass
    refused(folder, NO_DATA, "beside the grid", options=("--grid-like", tmp_path / "elsewhere.tif"))
    refused(folder, USAGE, "none.tif", "no such file", options=("--grid-like", tmp_path / "none.tif"))
    output = ("--mask", "none", "--output", tmp_path / "maps")
    done = dinsar("displacement", folder, *output, "--grid-like", tmp_path / "like.tif")
    assert done.code == 0, done.err
    for path in (tmp_path / "maps" / "products").glob("*.tif"):
        with rasterio.open(path) as dataset:
            assert (dataset.transform, dataset.shape) == (grid, (20, 25))
    with rasterio.open(tmp_path / "maps" / "products" / "los_displacement.tif") as dataset:
        assert np.isfinite(dataset.read(1)).any()
    own = tmp_path / "maps" / "products" / "coherence.tif"
    refused(folder, USAGE, "makes again", options=(*output, "--grid-like", own))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--roi", "31 -9 31.1"), "--roi"),
        (("--looks", "many"), "looks"),
        (("--crs", "EPSG:4258"), "EPSG:4258"),
        (("--posting", "-3"), "posting"),
        (("--reference-point", "here"), "here"),
        (("--reference-date", "4 September"), "--reference-date"),
        (("--wavelength", "5.5"), "--wavelength"),
    ],
)
def test_wrong_options_are_refused(geocoded: Path, refused: Refused, options: tuple[str, str], named: str) -> None:
    refused(geocoded, USAGE, named, options=options)


def test_a_reference_point_outside_is_refused(geocoded: Path, dinsar: Dinsar) -> None:
    check_refusal(dinsar("displacement", geocoded, "--reference-point", "10,45"), NO_DATA, "reference point")


def test_gnss_stations_decide_where_zero_is(
    geocoded: Path, dinsar: Dinsar, refused: Refused, tmp_path: Path
) -> None:
    assert dinsar("displacement", geocoded, "--output", tmp_path / "own").code == 0
    with rasterio.open(tmp_path / "own" / "products" / "los_displacement.tif") as dataset:
        rows, columns = np.nonzero(np.isfinite(dataset.read(1)))
        lon, lat = dataset.xy(rows[rows.size // 2], columns[rows.size // 2])
    table = tmp_path / "stations.csv"
    table.write_text(f"station,lon,lat,E,N,U,sE,sN,sU\nRABT,{lon},{lat},0,0,0.5,.002,.002,.005\n")
    refused(
        geocoded,
        NO_DATA,
        "A plane needs three",
        options=("--reference-gnss", table, "--reference-gnss-model", "plane"),
    )
    done = dinsar("displacement", geocoded, "--output", tmp_path / "maps", "--reference-gnss", table, "--json")
    assert done.code == 0, done.err
    (station,) = json.loads(done.out)["gnss"]["stations"]
    with rasterio.open(tmp_path / "maps" / "products" / "los_vector.tif") as dataset:
        ((*_, up),) = dataset.sample([(lon, lat)])
    assert station["gnss"] == pytest.approx(0.5 * up, abs=1e-3)
    assert station["map"] == pytest.approx(station["gnss"], abs=1e-6)  # one station is met


@pytest.mark.parametrize("output", ["insar/merged", "insar/merged/maps", "link/maps"])
def test_nothing_is_written_into_merged(tmp_path: Path, geocoded: Path, refused: Refused, output: str) -> None:
    (tmp_path / "link").symlink_to(geocoded / "merged")
    refused(geocoded, USAGE, "merged", "--output", options=("--output", tmp_path / output))


def test_the_products_of_a_run_are_not_replaced(tmp_path: Path, geocoded: Path, refused: Refused) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    refused(geocoded, USAGE, tmp_path / "run", "--output", options=("--output", tmp_path / "run"))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, geocoded: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("text")
    output = tmp_path / "file" / "maps"
    refused(geocoded, USAGE, output, "--output", options=("--output", output))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not hold for root")
def test_a_folder_that_is_only_readable_serves_with_an_output(
    tmp_path: Path, geocoded: Path, dinsar: Dinsar
) -> None:
    for folder in (geocoded / "merged", geocoded):
        folder.chmod(0o500)
    try:
        check_refusal(dinsar("displacement", geocoded), USAGE, geocoded / "displacement", "--output")
        assert dinsar("displacement", geocoded, "--output", tmp_path / "maps").code == 0
    finally:
        for folder in (geocoded, geocoded / "merged"):
            folder.chmod(0o700)


def test_a_second_call_replaces_its_own_products_only(geocoded: Path, dinsar: Dinsar) -> None:
    assert dinsar("displacement", geocoded).code == 0
    products = geocoded / "displacement" / "products"
    (products / "mine.tif").write_bytes(b"a map of my own")
    (geocoded / "merged" / "los.rdr.geo").unlink()
    first = snapshot(products)
    assert dinsar("displacement", geocoded).code == 0
    second = snapshot(products)
    layers = ("vertical_displacement", "los_vector", "incidence_angle")
    gone = {f"{name}.{kind}" for name in layers for kind in ("tif", "qml")}
    assert {path.name for path in set(first) - set(second)} == gone
    same = {path.name for path in second if first[path] == second[path]}
    assert {"mine.tif", "los_displacement.tif", "coherence.tif"} <= same
    assert list(products.glob("*.part")) == []


def test_a_record_tells_what_the_map_was_made_of(geocoded: Path, dinsar: Dinsar) -> None:
    outcome = dinsar("displacement", geocoded / "merged", "--json")
    record = json.loads((geocoded / "displacement" / "displacement.json").read_text())
    assert record["source"] == str(geocoded)
    assert record["layers"] == "geocoded"
    assert record["summary"] == json.loads(outcome.out)


def test_quiet_shows_nothing_but_json(geocoded: Path, dinsar: Dinsar) -> None:
    quiet = dinsar("displacement", geocoded, "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    asked = dinsar("displacement", geocoded, "-q", "--json")
    assert (asked.code, asked.err) == (0, "")
    assert any("half a look cell" in text for text in json.loads(asked.out)["warnings"])


def test_it_works_as_a_program_from_the_folder_itself(geocoded: Path) -> None:
    outcome = run_apart("displacement", ".", before=("env", "-C", str(geocoded / "merged")))
    assert outcome.code == 0, outcome.err
    assert (geocoded / "displacement" / "products" / "los_displacement.tif").is_file()
