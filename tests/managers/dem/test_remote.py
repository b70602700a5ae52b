"""DEMs from the archives: made of tiles by a process of its own, compared with the ground that the tiles are of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely import box

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.managers.dem.plan import TilePlan
from support.archive import faults
from support.archive.elevation import GEOID_HOST, geoid_height
from support.asking import Answer, Ask
from support.land import GLO_30, GLO_90, land, name, slope, wish

ATLAS = (-8.7, 31.3, -8.5, 31.5)
CENTIMETRE = 0.01


def read(answer: Answer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes, latitudes and heights of a DEM."""
    with rasterio.open(answer.path) as dataset:
        transform, heights = dataset.transform, dataset.read(1)
    x = transform.c + transform.a * (np.arange(heights.shape[1]) + 0.5)
    y = transform.f + transform.e * (np.arange(heights.shape[0]) + 0.5)
    return x[None, :], y[:, None], heights


# --- heights ----------------------------------------------------------------------------------------------------


def test_the_dem_is_the_ground_and_covers_all(ask: Ask, tmp_path: Path) -> None:
    """Four tiles meet in it. A geoid left out or added twice is 27 m, half a pixel 0.15 m."""
    area = (-9.1, 30.9, -8.9, 31.15)
    with land(tmp_path, area) as archive:
        answer = ask(archive, **wish(area))
        x, y, heights = read(answer)
        assert np.abs(heights - slope(area, x, y)).max() < CENTIMETRE
        west, south, east, north = answer.result["bounds"]
        assert west <= -9.2 < west + 1 / 3600
        assert south <= 30.8 < south + 1 / 3600
        assert east >= -8.8 > east - 1 / 3600
        assert north >= 31.25 > north - 1 / 3600
        assert (answer.result["datum_from"], answer.result["warnings"]) == ("egm_08", [])
        with rasterio.open(answer.path) as dataset:
            assert dataset.tags()["AREA_OR_POINT"] == "Area"
            assert (dataset.crs.to_epsg(), dataset.dtypes, dataset.units) == (4326, ("float32",), ("m",))
        assert {entry.host for entry in archive.log} == {GLO_30, GEOID_HOST}


@pytest.mark.parametrize("turn", [0.0, -360.0])
def test_the_dem_across_180_is_the_ground_on_the_turn_of_the_area(ask: Ask, tmp_path: Path, turn: float) -> None:
    """Tiles of both sides, and a geoid whose file ends there; without a step where they meet."""
    area = (179.9, -16.85, 180.1, -16.65)
    with land(tmp_path, area) as archive:
        answer = ask(archive, **wish((area[0] + turn, area[1], area[2] + turn, area[3])))
        fetched = {entry.request.path.split("/")[1][22:] for entry in archive.requests(GLO_30)}
        assert {name(10, "S17E179")[22:], name(10, "S17W180")[22:]} <= fetched
    x, y, heights = read(answer)
    assert x.min() == pytest.approx(179.8 + turn, abs=1 / 3600)
    assert np.abs(heights - slope(area, x - turn, y)).max() < CENTIMETRE


_STITCH = """
import sys, numpy, dem_stitcher
heights, profile = dem_stitcher.stitch_dem([-8.8, 31.2, -8.4, 31.6], "glo_30")
numpy.savez("stitched.npz", heights=heights, transform=list(profile["transform"])[:6])
"""


def test_dem_stitcher_gives_the_same(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, ATLAS) as archive:
        answer = ask(archive, **wish(ATLAS))
        subprocess.run(
            [sys.executable, "-c", _STITCH], env=archive.env(tmp_path), cwd=tmp_path, check=True, timeout=60
        )
    stitched = np.load(tmp_path / "stitched.npz")
    x, y, heights = read(answer)
    a, _, c, _, e, f = stitched["transform"]
    column, row = (x[0, 0] - c) / a - 0.5, (y[0, 0] - f) / e - 0.5
    assert (column, row) == pytest.approx((round(column), round(row)), abs=1e-6)
    row, column = round(row), round(column)
    rows, columns = slice(max(row, 0), row + heights.shape[0]), slice(max(column, 0), column + heights.shape[1])
    theirs = stitched["heights"][rows, columns]
    ours = heights[max(-row, 0) :, max(-column, 0) :][: theirs.shape[0], : theirs.shape[1]]
    assert ours.size > 0.99 * heights.size
    assert np.abs(ours - theirs).max() < 1e-3


def test_columns_of_two_widths_join_without_a_trace(ask: Ask, tmp_path: Path) -> None:
    """North of 50 degrees the columns are half as wide again."""
    area = (6.3, 49.9, 6.6, 50.1)
    with land(tmp_path, area) as archive:
        answer = ask(archive, **wish(area))
    x, y, heights = read(answer)
    assert x[0, 1] - x[0, 0] == pytest.approx(1 / 3600, rel=1e-9)
    assert np.abs(heights - slope(area, x, y)).max() < CENTIMETRE


# --- sea, voids, missing tiles ----------------------------------------------------------------------------------


def test_the_sea_is_at_the_height_of_the_geoid(ask: Ask, tmp_path: Path) -> None:
    """No archive has a tile for 11 to 10 degrees west off Lisbon, and the tile of the coast has sea in it."""
    area = (-10.3, 38.3, -9.2, 38.6)
    shore = box(-10.1, 38.0, -9.6, 39.0)
    with land(tmp_path, area, sea=shore) as archive:
        answer = ask(archive, **wish(area))
        assert len(archive.requests(GLO_30)) == 1
        assert archive.requests(GLO_90) == []
    x, y, heights = read(answer)
    assert np.isfinite(heights).all()
    west = (x < -9.61) & (y > 0)
    assert np.abs(heights - geoid_height(x, y))[west].max() < CENTIMETRE
    east = (x > -9.59) & (y > 0)
    assert np.abs(heights - slope(area, x, y))[east].max() < CENTIMETRE
    (warning,) = answer.result["warnings"]
    assert "only sea in N38W011" in warning


def test_open_sea_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="open sea") as caught:
        DemManager(None, None, 0.2, tmp_path).plan((-30.4, 40.2, -30.1, 40.5))
    assert "N40W031" in caught.value.cause
    assert list(tmp_path.iterdir()) == []


def test_tiles_on_both_sides_of_180_are_put_beside_each_other(tmp_path: Path) -> None:
    """Fiji: an area on one side, whose buffer reaches over, and bounds that do so themselves, on either turn."""
    manager = DemManager(None, None, 0.2, tmp_path)
    one_side = manager.plan((179.0, -16.9, 179.95, -16.2))
    assert one_side.bounds[2] == pytest.approx(180.15, abs=1 / 3600)
    east, west = manager.plan((179.5, -17.0, 180.5, -16.0)), manager.plan((-180.5, -17.0, -179.5, -16.0))
    assert isinstance(east, TilePlan)
    assert isinstance(west, TilePlan)
    assert {tile.url for tile in east.tiles} == {tile.url for tile in west.tiles}
    names = {tile.name[22:34] for tile in east.tiles}
    assert {"S17_00_E179_", "S17_00_W180_"} <= names
    assert all("E179" in name or "W180" in name for name in names)
    assert (east.width, east.height) == (west.width, west.height)


ARMENIA = (44.3, 40.2, 44.6, 40.5)


def test_a_tile_that_the_old_index_lacks_is_taken_when_the_archive_has_it(ask: Ask, tmp_path: Path) -> None:
    """GLO-30 of Armenia came in 2023-12, after the list of tiles was made."""
    with land(tmp_path, ARMENIA) as archive:
        answer = ask(archive, **wish(ARMENIA))
        assert archive.requests(GLO_90) == []
        methods = [entry.request.method for entry in archive.requests(GLO_30)]
        assert methods[0] == "HEAD", "it is asked first"
        archive.forget()
        archive.down.update(archive.hosts)
        assert ask(archive, **wish(ARMENIA)).result == answer.result, "and not again"
    x, y, heights = read(answer)
    assert np.abs(heights - slope(ARMENIA, x, y)).max() < CENTIMETRE
    assert answer.result["filled_from_coarser"] == 0
    assert answer.result["warnings"] == []


def test_what_glo_30_does_not_have_comes_from_glo_90(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, ARMENIA, missing={name(10, "N40E044")}) as archive:
        archive.down.add(GLO_30)
        silent = ask(archive, **wish(ARMENIA), timeout=1.5)
        archive.down.clear()
        answer = ask(archive, **wish(ARMENIA))
        again = ask(archive, **wish(ARMENIA))
    x, y, heights = read(answer)
    assert np.abs(heights - slope(ARMENIA, x, y)).max() < CENTIMETRE
    assert answer.result["filled_from_coarser"] == heights.size
    (warning,) = answer.result["warnings"]
    assert "no tile for N40E044" in warning
    assert "GLO-90" in warning
    assert again.result == answer.result, "the cache remembers it"
    assert silent.error == ("NetworkError", 5), "an archive that does not answer has not said no"


def test_the_plan_says_of_which_tiles_nobody_knows(tmp_path: Path) -> None:
    plan = DemManager(None, None, 0.2, tmp_path).plan((43.9, 40.3, 44.5, 40.6))
    assert isinstance(plan, TilePlan)
    assert "asked for N40E043, N40E044" in plan.summary
    assert [tile.url for tile in plan.unlisted] == [
        f"https://{GLO_30}/{name(10, cell)}/{name(10, cell)}.tif" for cell in ("N40E043", "N40E044")
    ]


def test_a_tile_that_its_index_names_and_the_archive_lacks(ask: Ask, tmp_path: Path) -> None:
    area = (-9.1, 31.3, -8.9, 31.5)
    missing = {name(10, "N31W009")}
    with land(tmp_path, area, missing=missing | {name(30, "N31W009")}) as archive:
        answer = ask(archive, **wish(area))
        assert answer.error == ("NoDataError", 3)
        assert archive.elevation is not None
        archive.elevation.missing = missing
        answer = ask(archive, **wish(area))
    x, y, heights = read(answer)
    assert np.abs(heights - slope(area, x, y)).max() < CENTIMETRE
    assert answer.result["filled_from_coarser"] == int((x > -9 - 1e-9).sum()) * heights.shape[0]
    assert "no tile for N31W009" in answer.result["warnings"][0]
    assert "taken from Copernicus GLO-90" in answer.result["warnings"][0]


def test_voids_are_filled_from_the_coarser_model_and_counted(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, ATLAS, voids=box(-8.6, 31.4, -8.55, 31.45)) as archive:
        answer = ask(archive, **wish(ATLAS))
        assert len(archive.requests(GLO_90)) == 1
        x, y, heights = read(answer)
        again = ask(archive, **wish(ATLAS))
    assert np.abs(heights - slope(ATLAS, x, y)).max() < CENTIMETRE
    assert answer.result["filled_from_coarser"] == pytest.approx(180 * 180, abs=400)
    assert answer.result["voids_filled"] == 0
    assert "lacks" in answer.result["warnings"][0]
    assert "voids in N31W009" in answer.result["warnings"][0]
    assert again.result == answer.result, "the cache remembers it"


# --- cache ------------------------------------------------------------------------------------------------------


def test_what_is_there_needs_no_network(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, ATLAS) as archive:
        first = ask(archive, **wish(ATLAS))
        before = read(first)[2]
        archive.forget()
        archive.down.update(archive.hosts)
        assert ask(archive, **wish(ATLAS)).path == first.path
        other = ask(archive, **wish((-8.68, 31.32, -8.52, 31.48)))
        assert other.path != first.path, "another area, of the same tile and part of the geoid"
        first.path.unlink()
        again = ask(archive, **wish(ATLAS))
        assert archive.log == []
    np.testing.assert_array_equal(read(again)[2], before)


def test_pairs_of_a_place_share_all_that_is_fetched(ask: Ask, tmp_path: Path) -> None:
    """The second has other whole degrees around it, and lies where the archive has only the coarser model.

    What it gets is the same to the byte as with an empty cache, and as with a cache whose bits have changed.
    """
    pairs = (43.95, 40.2, 44.3, 40.5), (44.15, 40.2, 44.5, 40.5)
    cache = tmp_path / "data" / "dem"
    with land(
        tmp_path, pairs[0], missing={name(10, "N40E044"), f"AUXFILES/{name(10, 'N40E044')[:-3]}WBM.tif"}
    ) as archive:
        ask(archive, water=True, **wish(pairs[0]))
        archive.forget()
        archive.down.update(archive.hosts)
        shared = made(ask(archive, water=True, **wish(pairs[1])))
        assert archive.log == []
        archive.down.clear()
        damaged = [*cache.glob("tiles/*/*.tif"), *cache.glob("geoids/*.tif")]
        assert len(damaged) > 4
        for path in (*damaged, *cache.glob("*.tif")):
            rot(path)
        mended = made(ask(archive, water=True, **wish(pairs[1])))
        shutil.rmtree(cache)
        alone = made(ask(archive, water=True, **wish(pairs[1])))
    assert [sorted(files) for files in (shared, mended)] == [sorted(alone)] * 2
    assert shared == mended == alone


def made(answer: Answer) -> dict[str, bytes]:
    """Return DEM and water of an answer."""
    return {path.name: path.read_bytes() for path in answer.path.parent.glob(f"{answer.path.stem}*.tif")}


def rot(path: Path) -> None:
    """Change a bit of a file, and keep its size and time."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_no_of_the_archive_does_not_hold_for_ever(ask: Ask, tmp_path: Path) -> None:
    missing = {name(10, "N40E044")}
    with land(tmp_path, ARMENIA, missing=missing) as archive:
        ask(archive, **wish(ARMENIA))
        missing.clear()
        other = (44.35, 40.25, 44.6, 40.5)
        assert ask(archive, **wish(other)).result["filled_from_coarser"] > 0
        (note,) = (tmp_path / "data" / "dem" / "tiles" / "glo_30" / ".verified").glob("*.json")
        month_ago = note.stat().st_mtime - 31 * 86400
        os.utime(note, (month_ago, month_ago))
        assert ask(archive, **wish((44.4, 40.25, 44.6, 40.5))).result["filled_from_coarser"] == 0


_MAKE = """
import json, sys
from pathlib import Path
from dinsar_cli.managers.dem.manager import DemManager
manager = DemManager(None, None, 0.1, Path("data"))
for bounds in json.loads(sys.argv[1]):
    print(manager.fetch(manager.plan(tuple(bounds))).path, flush=True)
"""


def test_two_processes_fetch_what_they_share_once(ask: Ask, tmp_path: Path) -> None:
    """Both make one window of the other too."""
    areas = [ATLAS, (-8.68, 31.32, -8.52, 31.48)]
    with land(tmp_path, ATLAS) as archive:
        both = [
            subprocess.Popen(
                [sys.executable, "-c", _MAKE, json.dumps(order)],
                env=archive.env(tmp_path),
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                text=True,
            )
            for order in (areas, areas[::-1])
        ]
        told = [process.communicate()[0].split() for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert told[0] == told[1][::-1]
        assert len(archive.requests(GLO_30)) == 1
        windows = {path: (tmp_path / path).read_bytes() for path in told[0]}
        shutil.rmtree(tmp_path / "data")
        for area, path in zip(areas, told[0], strict=True):
            assert ask(archive, **wish(area)).path.read_bytes() == windows[path]
    prepared = tmp_path / "data" / "dem"
    assert not [path for path in prepared.rglob("*") if path.suffix in {".lock", ".part"}]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_damaged_tile_is_fetched_again(ask: Ask, tmp_path: Path, share: float) -> None:
    with land(tmp_path, ATLAS) as archive:
        answer = ask(archive, **wish(ATLAS))
        before = read(answer)[2]
        (tile,) = (tmp_path / "data" / "dem" / "tiles" / "glo_30").glob("*.tif")
        content = tile.read_bytes()
        tile.write_bytes(content[: int(share * len(content))])
        answer.path.unlink()
        archive.forget()
        again = ask(archive, **wish(ATLAS))
        assert share > 0.9 or len(archive.requests(GLO_30)) == 1
    np.testing.assert_array_equal(read(again)[2], before)


def test_tiles_in_zips_and_a_geoid_of_this_machine(tmp_path: Path) -> None:
    """SRTM: whole metres above EGM96, 3601 samples, first and last on whole degrees; nothing is asked."""
    row, column = np.indices((3601, 3601))
    samples = (1000 + row // 4 + column // 8).astype(">i2")
    folder = tmp_path / "dem" / "tiles" / "srtm_v3"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "N31W009.SRTMGL1.hgt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("N31W009.hgt", samples.tobytes())
    manager = DemManager(None, None, 0.1, tmp_path, "srtm_v3")
    dem = manager.fetch(manager.plan(ATLAS))
    with rasterio.open(dem.path) as dataset:
        heights, transform = dataset.read(1), dataset.transform
    first = round((32 - (transform.f + transform.e / 2)) * 3600), round((transform.c + transform.a / 2 + 9) * 3600)
    part = samples[first[0] : first[0] + heights.shape[0], first[1] : first[1] + heights.shape[1]]
    undulation = heights - part
    # EGM96 is 47 to 49 m there (NGA), and smooth.
    assert 44 < undulation.min() < undulation.max() < 52
    assert np.abs(np.diff(undulation, axis=1)).max() < 0.01
    assert (dem.datum_from, dem.voids_filled, dem.filled_from_coarser) == ("egm_96", 0, 0)


# --- failures ---------------------------------------------------------------------------------------------------

FAULTS = faults.of_each_kind(after=5000)


@pytest.mark.parametrize("host", [GLO_30, GEOID_HOST])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_host_that_fails(ask: Ask, tmp_path: Path, host: str, fault: str) -> None:
    with land(tmp_path, ATLAS) as archive:
        archive.fail(host, FAULTS[fault]())
        answer = ask(archive, **wish(ATLAS), timeout=1.5 if host == GLO_30 else 3.0)
    assert answer.error == ("NetworkError", 5)
    assert (host if host == GEOID_HOST else name(10, "N31W009")) in answer.result["text"]
    prepared = tmp_path / "data" / "dem"
    assert [*prepared.glob("*.tif"), *prepared.glob("*.part"), *prepared.glob("geoids/*")] == []


@pytest.mark.parametrize("host", [GLO_30, GEOID_HOST])
def test_a_host_that_recovers(ask: Ask, tmp_path: Path, host: str) -> None:
    with land(tmp_path, ATLAS) as archive:
        archive.fail(host, faults.status(503), times=2)
        x, y, heights = read(ask(archive, **wish(ATLAS)))
    assert np.abs(heights - slope(ATLAS, x, y)).max() < CENTIMETRE


def test_a_model_that_wants_an_account(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, ATLAS) as archive:
        answer = ask(archive, **wish(ATLAS, source="nasadem"))
        assert answer.error == ("CredentialsError", 4)
        assert archive.log == []
