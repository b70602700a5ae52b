"""Formats: what other programs find in them, and where."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import h5netcdf
import numpy as np
import pystac
import pytest
import rasterio
from matplotlib.image import imread
from pyproj import CRS
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.sar import SarExtension
from pystac.extensions.sat import SatExtension
from pystac.extensions.view import ViewExtension
from rasterio.enums import Resampling
from rio_cogeo.cogeo import cog_validate

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats import ALWAYS, WRITERS, ProductFacts, clear_formats, product_facts, write_formats
from dinsar_cli.formats.citation import bibtex, citation
from dinsar_cli.formats.kmz import overlay
from dinsar_cli.formats.qgis import styles_beside
from dinsar_cli.formats.stac import heading_of
from dinsar_cli.geo.crs import crs_name
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_cog, write_products
from dinsar_cli.products.reader import Products
from dinsar_cli.timeseries.layers import VELOCITY, displacement_layer
from support.command import Outcome
from support.format_inputs import AZIMUTH, INCIDENCE, MARK, RECORD, VALUE, WAVELENGTH, Made, make

KML = "{http://www.opengis.net/kml/2.2}"


def test_every_geotiff_is_a_valid_cog(made: Made) -> None:
    write_formats(made.facts, ["range_change", "hyp3", "mintpy"])
    files = sorted(made.facts.folder.rglob("*.tif"))
    assert len(files) == len(made.arrays) + 1 + 10 + 9
    for path in files:
        valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
        assert valid, (path.name, errors, warnings)


def test_same_products_give_the_same_bytes(made: Made) -> None:
    written = write_formats(made.facts, WRITERS)
    paths = [path for files in written.values() for path in files]
    before = {path: path.read_bytes() for path in paths}
    times = {path: path.stat().st_mtime_ns for path in paths if path.suffix not in {".tif", ".nc"}}
    write_formats(made.facts, WRITERS)
    assert {path: path.read_bytes() for path in paths} == before
    assert {path: path.stat().st_mtime_ns for path in times} == times  # nor are they written again
    assert not list(made.facts.folder.rglob("*.part"))


def test_nothing_stays_of_formats_that_are_cleared(made: Made) -> None:
    before = set(made.facts.folder.iterdir())
    write_formats(made.facts, set(WRITERS) - set(ALWAYS))
    clear_formats(made.facts.folder)
    assert set(made.facts.folder.iterdir()) == before


def test_range_change_is_the_displacement_with_the_other_sign(made: Made) -> None:
    ((path,),) = write_formats(made.facts, ["range_change"]).values()
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), -made.arrays["los_displacement"])
        assert file.xy(*MARK) == pytest.approx(made.centre, abs=1e-9)
        assert file.units == ("m",)
        assert file.tags()["sign"].startswith("positive away")


def test_overlay_shows_the_marked_pixel_at_its_place(made: Made) -> None:
    values, (west, south, east, north) = overlay(made.facts)
    rows, columns = np.nonzero(values == VALUE)
    assert rows.size
    size = (east - west) / values.shape[1], (north - south) / values.shape[0]
    lon, lat = west + (columns.mean() + 0.5) * size[0], north - (rows.mean() + 0.5) * size[1]
    pixel = made.grid.posting / (1 if made.grid.is_geographic else made.grid.metres_per_unit[0])
    x, y = made.grid.from_lonlat(float(lon), float(lat))
    assert x == pytest.approx(made.centre[0], abs=pixel / 2)
    assert y == pytest.approx(made.centre[1], abs=pixel / 2)


def test_kmz_holds_the_overlay_its_edges_and_the_reference_point(made: Made) -> None:
    ((path,),) = write_formats(made.facts, ["kmz"]).values()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "doc.kml"  # where Google Earth looks
        document = ET.fromstring(archive.read("doc.kml"))
        picture = imread(io.BytesIO(archive.read("displacement.png")))
        assert imread(io.BytesIO(archive.read("legend.png"))).ndim == 3
    values, (west, south, east, north) = overlay(made.facts)
    box = document.find(f".//{KML}LatLonBox")
    assert box is not None
    edges = [float(box.findtext(f"{KML}{side}", "")) for side in ("west", "south", "east", "north")]
    assert edges == [west, south, east, north]
    assert picture.shape == (*values.shape, 4)
    np.testing.assert_array_equal(picture[..., 3] > 0, np.isfinite(values))
    red, _, blue = picture[values == VALUE][0, :3]
    assert red > 2 * blue  # toward the satellite is red, as in the picture of the map
    lon, lat = (float(part) for part in document.findtext(f".//{KML}Point/{KML}coordinates", "").split(","))
    assert (lon, lat) == pytest.approx(made.grid.lonlat(20, 30), abs=1e-6)


def test_kmz_has_further_layers_of_which_one_is_shown(made: Made) -> None:
    """What moved hides no ground that did not; all pictures lie on the same ground."""
    ((path,),) = write_formats(made.facts, ["kmz"]).values()
    with zipfile.ZipFile(path) as archive:
        document = ET.fromstring(archive.read("doc.kml"))
        shown = [overlay_.findtext(f"{KML}visibility") for overlay_ in document.iter(f"{KML}GroundOverlay")]
        files = [icon.text for icon in document.findall(f".//{KML}GroundOverlay/{KML}Icon/{KML}href")]
        pictures = {name: imread(io.BytesIO(archive.read(name or ""))) for name in files}
    assert files == ["moved.png", "displacement.png", "fringes.png", "coherence.png", "components.png"]
    assert shown == ["1", "0", "0", "0", "0"]
    assert document.findtext(f".//{KML}listItemType") == "radioFolder"
    values, _ = overlay(made.facts)
    opacity = pictures["moved.png"][..., 3]
    assert (opacity[values == VALUE] == 1).all()
    assert (opacity[np.nan_to_num(np.abs(values)) < 1e-4] == 0).all()
    assert ((opacity > 0) <= np.isfinite(values)).all()
    coherence, _ = overlay(made.facts, "coherence")
    brightness = pictures["coherence.png"][..., :3].sum(-1)
    known = np.isfinite(coherence)
    assert np.corrcoef(coherence[known], brightness[known])[0, 1] > 0.9
    components, _ = overlay(made.facts, "connected_components", Resampling.nearest)
    np.testing.assert_array_equal(pictures["components.png"][..., 3] > 0, np.nan_to_num(components) > 0)
    colours = {tuple(pictures["components.png"][components == number][0]) for number in (1, 2, 3)}
    assert len(colours) == 3


def test_overlay_of_a_large_map_keeps_its_edges(made: Made, tmp_path: Path) -> None:
    from dinsar_cli.geo.grid import Grid
    from dinsar_cli.products.layers import write_products

    grid = Grid("EPSG:4326", -8.9, 31.5, 1 / 3600, 2101, 2503)  # neither a multiple of the factor
    large = np.full(grid.shape, 0.01, np.float32)
    large[2000:2100, 1000:1100] = VALUE
    write_products(tmp_path, {"los_displacement": large}, grid, made.facts.tags)
    values, (west, south, east, north) = overlay(product_facts(tmp_path, "T", {}))
    assert max(values.shape) <= 2048
    assert (west, south, east, north) == grid.bounds
    rows, columns = np.nonzero(values > VALUE / 2)
    lon = west + (columns.mean() + 0.5) * (east - west) / values.shape[1]
    lat = north - (rows.mean() + 0.5) * (north - south) / values.shape[0]
    assert lon == pytest.approx(grid.west + 1050 / 3600, abs=0.5 * 2 / 3600)
    assert lat == pytest.approx(grid.north - 2050 / 3600, abs=0.5 * 2 / 3600)


def test_netcdf_follows_the_rules_of_cf(made: Made) -> None:
    ((path,),) = write_formats(made.facts, ["netcdf"]).values()
    y, x = ("lat", "lon") if made.grid.is_geographic else ("y", "x")
    with h5netcdf.File(path) as file:
        assert file.attrs["Conventions"] == "CF-1.8"
        np.testing.assert_allclose(file[x][:], made.grid.x_centres, rtol=0, atol=1e-12 * abs(made.grid.west))
        np.testing.assert_allclose(file[y][:], made.grid.y_centres, rtol=0, atol=1e-12 * abs(made.grid.north))
        mapping = file["crs"].attrs
        if made.grid.is_geographic:
            assert (mapping["grid_mapping_name"], file[x].attrs["units"]) == ("latitude_longitude", "degrees_east")
        else:
            assert mapping["grid_mapping_name"] == "transverse_mercator"
            assert mapping["longitude_of_central_meridian"] == -9.0
            assert mapping["scale_factor_at_central_meridian"] == 0.9996
            assert file["x"].attrs["standard_name"] == "projection_x_coordinate"
            lon, lat = file["lon"][MARK], file["lat"][MARK]
            assert (lon, lat) == pytest.approx(made.grid.lonlat(*MARK), abs=1e-9)
        assert mapping["semi_major_axis"] == 6378137.0
        assert file["time_bounds"][1] == file["time"][()] == 1694846257.25
        fields = [variable for variable in file.variables.values() if "grid_mapping" in variable.attrs]
        assert len(fields) == len(made.arrays) + 2 + 1  # bands are variables of their own
        for field in fields:
            assert field.dimensions == (y, x)
            assert field.attrs["long_name"]
            assert field.attrs["units"] in {"m", "radian", "1", "degree"}
            if field.dtype.kind == "f":
                assert np.isnan(field.attrs["_FillValue"])
        assert file["elevation"].attrs["standard_name"] == "height_above_reference_ellipsoid"
        np.testing.assert_array_equal(file["los_displacement"][:], made.arrays["los_displacement"])
        np.testing.assert_array_equal(file["los_vector_up"][:], made.arrays["los_vector"][2])
        np.testing.assert_array_equal(file["connected_components"][:], made.arrays["connected_components"])


def test_compliance_checker_has_nothing_against_the_netcdf(made: Made, tmp_path: Path) -> None:
    pytest.importorskip("compliance_checker")
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    CheckSuite.load_all_available_checkers()
    ((path,),) = write_formats(made.facts, ["netcdf"]).values()
    report = tmp_path / "report.json"
    ComplianceChecker.run_checker(
        str(path), ["cf:1.8"], 0, "normal", output_filename=str(report), output_format="json"
    )
    found = json.loads(report.read_text())["cf:1.8"]
    wrong = [
        f"{check['name']}: {text}"
        for level in ("high_priorities", "medium_priorities")
        for check in found[level]
        for text in check["msgs"]
    ]
    # bounds of a scalar coordinate have one dimension (CF 7.1), of which this program knows nothing
    assert [text for text in wrong if "time_bounds" not in text] == []


def test_stac_item_is_valid_and_tells_place_time_and_view(made: Made) -> None:
    _, (path,) = write_formats(made.facts, ["kmz", "stac"]).values()
    item = pystac.Item.from_file(str(path))
    core = item.clone()
    core.stac_extensions = []  # their schemas are not packaged with pystac; its classes read them below
    assert core.validate()
    west, south, east, north = item.bbox or ()
    assert item.geometry is not None
    ring = np.array(item.geometry["coordinates"][0])
    area = np.sum(ring[:-1, 0] * ring[1:, 1] - ring[1:, 0] * ring[:-1, 1]) / 2
    assert area > 0  # counterclockwise
    assert (ring.min(axis=0).tolist(), ring.max(axis=0).tolist()) == ([west, south], [east, north])
    projection = ProjectionExtension.ext(item)
    assert (projection.code, projection.shape) == (made.grid.crs, list(made.grid.shape))
    a, b, c, d, e, f = projection.transform or ()
    row, column = MARK
    place = (a * (column + 0.5) + b * (row + 0.5) + c, d * (column + 0.5) + e * (row + 0.5) + f)
    assert place == pytest.approx(made.centre, abs=1e-9 * abs(made.grid.north))
    view = ViewExtension.ext(item)
    assert view.incidence_angle == pytest.approx(INCIDENCE, abs=1e-3)
    assert view.azimuth == pytest.approx(AZIMUTH + 180, abs=1e-3)  # the satellite looks the other way
    radar = SarExtension.ext(item)
    assert radar.center_frequency == pytest.approx(5.405, abs=1e-4)
    assert (radar.instrument_mode, radar.looks_range, radar.looks_azimuth) == ("IW", 19, 7)
    orbit = SatExtension.ext(item)
    assert (orbit.relative_orbit, str(orbit.orbit_state)) == (52, "descending")
    assert {"los_displacement", "overview"} <= set(item.assets)
    for asset in item.assets.values():
        assert (path.parent / asset.href).is_file()
    assert item.assets["los_vector"].to_dict()["bands"][2] == {
        "name": "up",
        "data_type": "float32",
        "nodata": "nan",
    }


def test_the_item_lists_the_report(made: Made) -> None:
    report = {"href": "./report.html", "type": "text/html", "roles": ["metadata"]}

    def listed(facts: ProductFacts) -> dict[str, object] | None:
        ((path,),) = write_formats(facts, ["stac"]).values()
        asset = json.loads(path.read_text(encoding="utf-8"))["assets"].get("report")
        return None if asset is None else {key: asset[key] for key in report}

    assert listed(replace(made.facts, report_follows=True)) == report  # which a run writes after the item
    assert listed(made.facts) is None
    (made.facts.folder / "report.html").write_text("<html></html>", encoding="utf-8")
    try:
        assert listed(made.facts) == report
    finally:
        (made.facts.folder / "report.html").unlink()


def test_item_of_products_without_a_journal_leaves_out_what_is_not_known(made: Made) -> None:
    facts = product_facts(made.facts.folder, "elsewhere", {})
    ((path,),) = write_formats(facts, ["stac"]).values()
    item = pystac.Item.from_file(str(path))
    assert not item.ext.has("sar")
    assert "sat:relative_orbit" not in item.properties


@pytest.mark.parametrize(("azimuth", "heading"), [(100.0, 190.0), (260.0, 350.0)])
def test_satellite_comes_from_the_left_of_where_it_flies(azimuth: float, heading: float) -> None:
    east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    assert heading_of((0.6 * east, 0.6 * north, 0.8)) == pytest.approx(heading)


def test_styles_are_what_qgis_reads(made: Made) -> None:
    (files,) = write_formats(made.facts, ["qgis"]).values()
    assert {path.stem for path in files} == set(made.arrays)
    for path in files:
        assert path.with_suffix(".tif").is_file()  # beside which QGIS looks for it
        root = ET.fromstring(path.read_text())
        assert root.tag == "qgis"
        renderer = root.find("pipe/rasterrenderer")
        assert renderer is not None
        with rasterio.open(path.with_suffix(".tif")) as file:
            assert int(renderer.get("band", "0")) in file.indexes
            unit = file.units[0]
        if path.stem in {"connected_components", "flags", "visibility"}:
            assert [entry.get("value") for entry in renderer.iter("paletteEntry")] == ["1", "2", "3"]
            continue
        shader = renderer.find("rastershader/colorrampshader")
        assert shader is not None
        values = [float(item.get("value", "nan")) for item in shader.iter("item")]
        assert values == sorted(values)
        assert values[0] == float(shader.get("minimumValue", "")) == float(renderer.get("classificationMin", ""))
        assert values[-1] == pytest.approx(float(shader.get("maximumValue", "")), rel=1e-12)
        labels = [item.get("label", "") for item in shader.iter("item")]
        factors = {"m": 1, "cm": 100, "mm": 1000} if unit == "m" else {unit: 1}
        told = [label.split() for label in labels] if unit != "1" else []
        decimals = len(labels[0].split()[0].partition(".")[2])
        for (number, shown), value in zip(told, values, strict=bool(told)):
            assert float(number) == pytest.approx(value * factors[shown], abs=0.51 * 10**-decimals)
        expected = {"los_displacement": {"cm"}, "elevation": {"m"}, "wrapped_phase": {"rad"}}
        assert path.stem not in expected or {shown for _, shown in told} == expected[path.stem]
        stops = shader.find(".//Option[@name='stops']")
        assert stops is not None
        assert all(0 < float(stop.split(";")[0]) < 1 for stop in stops.get("value", "").split(":"))
    root = ET.fromstring((made.facts.folder / "los_displacement.qml").read_text())
    items = root.findall(".//item")
    assert float(items[0].get("value", "")) == -float(items[-1].get("value", ""))
    assert items[0].get("color") == "#053061"  # away from the satellite: the blue end of RdBu
    assert items[-1].get("color") == "#67001f"


def test_large_rasters_are_looked_at_by_their_overviews(tmp_path: Path) -> None:
    """The ends of a scale hardly differ, and each bit and each part that may be there has a colour."""
    grid = Grid("EPSG:3035", 2_500_000.0, 1_200_000.0, 30.0, 2100, 1500)
    los = np.tile(np.linspace(-0.3, 0.1, grid.width, dtype=np.float32), (grid.height, 1))
    parts, flags = np.ones(grid.shape, np.uint16), np.zeros(grid.shape, np.uint8)
    parts[700:, 900:], flags[:300] = 7, 4
    parts[3, 5] = 3  # one cell, which no overview has
    arrays = {"los_displacement": los, "connected_components": parts, "flags": flags}
    files = write_products(tmp_path, arrays, grid, {})
    with Products() as read:
        made = styles_beside(files, read, tmp_path)
    assert [path.stem for path in made] == list(arrays)
    shader = ET.parse(made[0]).getroot().find(".//colorrampshader")
    assert shader is not None
    assert float(shader.get("maximumValue", "")) == pytest.approx(0.3, abs=0.011)
    assert {"3", "7"} <= {entry.get("value") for entry in ET.parse(made[1]).getroot().iter("paletteEntry")}
    values = {int(entry.get("value", "")) for entry in ET.parse(made[2]).getroot().iter("paletteEntry")}
    assert values == {1 << bit for bit in range(8)}


def test_velocity_and_dates_have_styles_in_small_units(tmp_path: Path) -> None:
    grid = Grid("EPSG:3035", 2_500_000.0, 1_200_000.0, 30.0, 40, 30)
    values = np.linspace(-0.004, 0.004, 1200, dtype=np.float32).reshape(grid.shape)
    day = displacement_layer(date(2023, 9, 16), date(2023, 9, 4))
    rasters = {layer.name: tmp_path / f"{layer.name}.tif" for layer in (VELOCITY, day)}
    for layer in (VELOCITY, day):
        write_cog(rasters[layer.name], values, grid, layer, {})
    with Products() as read:
        made = styles_beside(rasters, read, tmp_path)
    labels = [ET.parse(path).getroot().find(".//item").get("label") for path in made]
    assert labels == ["-4.00 mm/year", "-4.00 mm"]


def test_item_of_a_system_without_a_code_has_its_text(tmp_path: Path) -> None:
    text = "+proj=lcc +lat_1=33 +lat_2=35 +lat_0=31 +lon_0=-9 +datum=WGS84 +units=m"
    made = make(tmp_path / "products", Grid(crs_name(text), 1000.0, 50_000.0, 90.0, 60, 90))
    ((path,),) = write_formats(made.facts, ["stac"]).values()
    projection = ProjectionExtension.ext(pystac.Item.from_file(str(path)))
    assert projection.code is None
    assert CRS.from_wkt(projection.wkt2).equals(CRS.from_user_input(made.grid.crs), ignore_axis_order=True)


def test_hyp3_set_has_the_signs_and_angles_of_hyp3(made: Made) -> None:
    (files,) = write_formats(made.facts, ["hyp3"]).values()
    name = files[0].parent.name
    size = 92 if made.grid.is_geographic else 90
    assert name[:-4] == f"S1AA_20230904T063736_20230916T063737_VVP012_INT{size}_G_ueF_"

    def values(suffix: str) -> np.ndarray:
        with rasterio.open(files[0].parent / f"{name}_{suffix}.tif") as file:
            assert file.nodata == 0
            assert file.xy(*MARK) == pytest.approx(made.centre, abs=1e-9)
            return np.asarray(file.read(1), np.float64)

    los, phase = values("los_disp"), values("unw_phase")
    assert los[MARK] == VALUE
    assert los[0, 0] == 0  # no data
    np.testing.assert_allclose(los, -WAVELENGTH / (4 * np.pi) * phase, atol=1e-6)
    theta, phi = values("lv_theta")[MARK], values("lv_phi")[MARK]
    assert theta == pytest.approx(np.radians(90 - INCIDENCE), abs=1e-6)
    assert phi == pytest.approx(np.radians(90 - AZIMUTH), abs=1e-6)
    assert values("inc_map_ell")[MARK] == pytest.approx(np.radians(INCIDENCE), abs=1e-6)
    readme = files[0].read_text()
    assert all(path.name in readme for path in files[1:])
    assert "not by ASF's HyP3" in readme


def test_hyp3_parameters_are_those_of_the_orbit(made: Made) -> None:
    (files,) = write_formats(made.facts, ["hyp3"]).values()
    parameters = dict(line.split(": ") for line in files[1].read_text().splitlines())
    assert parameters["Reference Orbit Number"] == "50174"
    assert float(parameters["UTC time"]) == 6 * 3600 + 37 * 60 + 36.5
    assert float(parameters["Heading"]) == pytest.approx(AZIMUTH + 90 - 360, abs=1e-3)
    assert parameters["Reference Pass Direction"] == "DESCENDING"
    assert float(parameters["Baseline"]) == -79.3
    # The triangle of Earth's centre, ground and satellite closes.
    ground, sky = float(parameters["Earth radius at nadir"]), float(parameters["Spacecraft height"])
    near = float(parameters["Slant range near"])
    third = ground**2 + near**2 + 2 * ground * near * np.cos(np.radians(INCIDENCE))
    assert np.sqrt(third) == pytest.approx(ground + sky, rel=1e-9)


def test_hyp3_set_needs_the_scenes(made: Made) -> None:
    facts = product_facts(made.facts.folder, "elsewhere", {})
    with pytest.raises(NoDataError, match="HyP3 set") as refusal:
        write_formats(facts, ["hyp3"])
    assert "run.json" in refusal.value.cause


def test_citation_names_data_and_programs(made: Made) -> None:
    text = citation(made.facts)
    assert "Contains modified Copernicus Sentinel data 2023." in text
    assert "eos-sar 0.43.1" in text
    assert "dinsar 0.1.0" in text
    entries = re.findall(r"^@(\w+)\{(\w+),$", bibtex(made.facts), flags=re.MULTILINE)
    assert {key for _, key in entries} == {
        "dinsar",
        "sentinel1",
        "eossar",
        "whirlwind",
        "goldstein1998filter",
        "copernicusdem",
    }
    assert bibtex(made.facts).count("{") == bibtex(made.facts).count("}")
    assert "precise orbits (POEORB)" in text
    assert "Copernicus WorldDEM-30 (c) DLR e.V. 2010-2014" in text
    assert RECORD["pair"]["secondary"][0] in text
    own = RECORD | {"stages": {"dem": {"details": {"source": None, "file": "hills.tif"}}}}
    text = citation(product_facts(made.facts.folder, "T052D_20230904_20230916", own))
    assert "hills.tif" in text
    assert "WorldDEM" not in text
    assert "orbits" not in text


def test_export_of_a_finished_run(made: Made, dinsar: Callable[..., Outcome]) -> None:
    (made.facts.folder.parent / "run.json").write_text(
        json.dumps(RECORD | {"schema_version": 1, "stages": {"displacement": {"fingerprint": "x", "files": []}}})
    )
    done = dinsar("export", made.facts.folder.parent, "--format", "range_change", "--format", "stac")
    assert done.code == 0
    assert done.out.split() == [str(made.facts.folder / name) for name in ("item.json", "range_change.tif")]
    assert pystac.Item.from_file(str(made.facts.folder / "item.json")).properties["platform"] == "sentinel-1a"


def test_export_refuses_what_is_not_there_or_not_whole(
    made: Made, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert dinsar("export", tmp_path / "empty", "--format", "kmz").code == 3
    assert dinsar("export", made.facts.folder, "--format", "shapefile").code == 2
    (made.facts.folder / "coherence.tif").write_bytes(b"II*\0")
    done = dinsar("export", made.facts.folder, "--format", "kmz")
    assert done.code == 2
    assert "coherence.tif" in done.err


def test_tag_that_is_missing_is_named(made: Made, tmp_path: Path) -> None:
    from dinsar_cli.products.layers import write_products

    tmp_path = tmp_path / "untagged"
    tmp_path.mkdir()
    write_products(tmp_path, {"los_displacement": made.arrays["los_displacement"]}, made.grid, {})
    with pytest.raises(UsageError, match="reference_date"):
        write_formats(product_facts(tmp_path, "untagged", {}), ["kmz"])


def test_map_without_any_value_has_formats_too(made: Made, tmp_path: Path) -> None:
    from dinsar_cli.products.layers import write_products

    tmp_path = tmp_path / "void"
    tmp_path.mkdir()
    empty = {name: np.full_like(values, np.nan) for name, values in made.arrays.items() if values.dtype.kind == "f"}
    write_products(tmp_path, empty, made.grid, made.facts.tags)
    facts = product_facts(tmp_path, "T052D_20230904_20230916", RECORD)
    assert set(write_formats(facts, ["kmz", "stac", "citation", "qgis", "netcdf"])) == {*ALWAYS, "qgis", "netcdf"}
