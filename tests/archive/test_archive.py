"""The test archive, proved with the libraries that the tool uses, in processes with nothing but its environment."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
from lxml import etree
from shapely import Point, Polygon

from dinsar_cli.simulate import SimulatedStack
from support.archive import Archive, Scene, faults

AREA = "POLYGON((-8.86 31.34,-8.84 31.34,-8.84 31.36,-8.86 31.36,-8.86 31.34))"
TRIANGLE = "POLYGON((-8.86 31.34,-8.84 31.34,-8.85 31.36,-8.86 31.34))"


def first(simulated: SimulatedStack) -> Path:
    return simulated.products[0][0]


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


SEARCH = f"""
import asf_search, json
asf_search.REPORT_ERRORS = False
area, triangle = {AREA!r}, {TRIANGLE!r}
def names(results):
    assert results.searchComplete
    return [product.properties["sceneName"] for product in results]
slc = dict(dataset="SENTINEL-1", processingLevel="SLC")
results = asf_search.geo_search(intersectsWith=area, beamMode="IW", **slc)
from asf_search.baseline.stack import get_baseline_from_stack
stack, _ = get_baseline_from_stack(results[-1], results)
one = names(results)[:1]
found = dict(
    box=names(results),
    properties=[product.properties for product in results],
    baselines=[product.properties["perpendicularBaseline"] for product in stack],
    rings=[product.geometry["coordinates"][0] for product in results],
    triangle=names(asf_search.geo_search(intersectsWith=triangle, **slc)),
    point=names(asf_search.geo_search(intersectsWith="POINT(-8.85 31.35)", **slc)),
    elsewhere=names(asf_search.geo_search(intersectsWith="POINT(-7.85 31.35)", **slc)),
    early=names(asf_search.search(start="2023-09-01", end="2023-09-10", **slc)),
    other_track=names(asf_search.search(relativeOrbit=[1, 2], **slc)),
    own_track=names(asf_search.search(relativeOrbit=[(160, 175)], flightDirection="DESCENDING", **slc)),
    ascending=names(asf_search.search(flightDirection="ASCENDING", **slc)),
    cross=names(asf_search.search(polarization="VV+VH", **slc)),
    other_satellite=names(asf_search.search(platform="SENTINEL-1B", processingLevel="SLC")),
    granule=names(asf_search.granule_search(one)),
    pattern=names(asf_search.search(granule_list=["S1A_IW_SLC*20230904*"])),
    product=names(asf_search.product_search([one[0] + "-SLC"])),
)
print(json.dumps(found, default=str))
"""


def test_the_catalogue_knows_the_scenes(
    child: Callable[..., Any], archive: Archive, simulated: SimulatedStack
) -> None:
    found = child(SEARCH)
    paths = [parts[0] for parts in simulated.products[::-1]]
    both = [path.stem for path in paths]
    truth = json.loads(simulated.summary.read_text())
    baseline = abs(truth["baselines_m"][0][0])
    assert {key: found[key] for key in ("box", "triangle", "point", "own_track")} == dict.fromkeys(
        ("box", "triangle", "point", "own_track"), both
    )
    for empty in ("elsewhere", "other_track", "ascending", "cross", "other_satellite"):
        assert found[empty] == [], empty
    assert found["early"] == found["pattern"] == both[1:]
    assert found["granule"] == found["product"] == both[:1]
    for path, properties, made in zip(paths, found["properties"], truth["passes"][::-1], strict=True):
        assert (properties["bytes"], properties["md5sum"]) == (path.stat().st_size, md5(path.read_bytes()))
        assert (properties["pathNumber"], properties["orbit"]) == (made["relative_orbit"], made["absolute_orbit"])
        assert (properties["flightDirection"], properties["polarization"]) == ("DESCENDING", "VV")
        assert properties["frameNumber"] == found["properties"][0]["frameNumber"]
        assert properties["startTime"].startswith(made["date"])
        assert properties["pgeVersion"] == "003.61"
    assert all(Polygon(ring).contains(Point(truth["scenario"]["centre"])) for ring in found["rings"])
    assert sorted(abs(value) for value in found["baselines"]) == pytest.approx([0.0, baseline], abs=2.0)
    assert archive.refused == []


def test_queries_that_the_catalogue_refuses_and_one_that_it_takes(web: requests.Session, archive: Archive) -> None:
    address = "https://cmr.earthdata.nasa.gov/search/granules.umm_json"
    for bad in ({"shape": "x"}, {"polygon": "0,0,0,1,1,1,0,0"}, {"polygon": "0,0,1,1,0,1"}, {"page_size": "5000"}):
        answer = web.post(address, data=bad)
        assert (answer.status_code, list(answer.json())) == (400, ["errors"]), bad
    asked = web.get(address, params={"granule_ur[]": f"{archive.scenes[0].name}-SLC"}).json()
    assert [item["umm"]["GranuleUR"] for item in asked["items"]] == [f"{archive.scenes[0].name}-SLC"]


PAGES = """
import asf_search, json
asf_search.REPORT_ERRORS = False
results = asf_search.search(dataset="SENTINEL-1", processingLevel="SLC", intersectsWith="POINT(-8.85 31.35)")
names = [product.properties["sceneName"] for product in results]
print(json.dumps([len(results), len(set(names)), results.searchComplete]))
"""


def test_many_scenes_come_in_pages_and_a_short_page_is_not_complete(
    child: Callable[..., Any], archive: Archive
) -> None:
    for number in range(1, 599):
        archive.publish(archive.scenes[0].repeated(12 * number, across=number % 150))
    assert child(PAGES) == [600, 600, True]
    host = "cmr.earthdata.nasa.gov"
    assert len(archive.requests(host)) == 3
    archive.fail(host, faults.short_page(keep=100), times=1)
    assert child(PAGES)[2] is False


DOWNLOAD = """
import asf_search, json, os
asf_search.REPORT_ERRORS = False
results = asf_search.granule_search([os.environ["SCENE"]], asf_search.ASFSearchOptions(processingLevel="SLC"))
session = asf_search.ASFSession()
if "EARTHDATA_TOKEN" in os.environ:
    session.auth_with_token(os.environ["EARTHDATA_TOKEN"])
results.download(".", session=session)
print(json.dumps([product.properties["fileName"] for product in results]))
"""


@pytest.mark.parametrize("way", ["netrc", "token"])
def test_a_scene_is_downloaded_after_login(
    child: Callable[..., Any], archive: Archive, simulated: SimulatedStack, tmp_path: Path, way: str
) -> None:
    path = first(simulated)
    token = {"EARTHDATA_TOKEN": archive.accounts.token} if way == "token" else {}
    if way == "netrc":
        archive.log_in(tmp_path)
        assert (tmp_path / "home" / ".netrc").stat().st_mode & 0o777 == 0o600
    assert child(DOWNLOAD, SCENE=path.stem, **token) == [path.name]
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    storage = archive.requests("d111111abcdef8.cloudfront.net")
    assert [entry.sent for entry in storage] == [path.stat().st_size]
    assert "authorization" not in storage[0].request.headers
    assert archive.refused == []


def test_who_is_let_in(web: requests.Session, archive: Archive) -> None:
    """Each cause has its own status, as at the real login."""
    accounts, scene = archive.accounts, archive.scenes[0]
    guarded = scene.url.replace("datapool", "sentinel1")
    bearer = {"Authorization": f"Bearer {accounts.token}"}
    login = "https://urs.earthdata.nasa.gov/oauth/authorize?response_type=code&redirect_uri=https://cumulus.asf.alaska.edu/login"
    assert web.get(login, auth=(accounts.user, "wrong")).status_code == 401
    assert web.get(guarded).status_code == 401, "a script that does not log in"
    assert "Earthdata Login" in web.get(guarded, headers={"User-Agent": "Mozilla/5.0"}).text
    found = web.get(guarded, headers=bearer, allow_redirects=False)
    assert found.status_code == 303
    storage = found.headers["Location"]
    assert web.get(storage, headers=bearer).status_code == 400, "two credentials"
    assert web.get(storage.replace("Signature=", "Signature=0")).status_code == 403
    assert web.get(guarded.replace(scene.name, "S1A_nothing"), headers=bearer).status_code == 404
    accounts.link_seconds = -1.0
    assert web.get(web.get(guarded, headers=bearer, allow_redirects=False).headers["Location"]).status_code == 403
    accounts.licence_accepted = False
    assert web.get(login, auth=(accounts.user, accounts.password)).status_code == 403
    assert web.get(guarded, headers=bearer).status_code == 403
    accounts.token_expired = True
    assert web.get(guarded, headers=bearer).status_code == 401
    check = "https://urs.earthdata.nasa.gov/oauth/tokens/user"
    assert web.post(check, data={"token": accounts.token}).status_code == 401


BURST = """
import asf_search, json, os
asf_search.REPORT_ERRORS = False
found = dict(dataset=asf_search.DATASET.SLC_BURST, intersectsWith="POINT(-8.85 31.35)", end="2023-09-10")
bursts = asf_search.search(**found)
user, password = os.environ["EARTHDATA_USERNAME"], os.environ["EARTHDATA_PASSWORD"]
session = asf_search.ASFSession().auth_with_creds(user, password)
product = bursts[0]
product.download(".", session=session, fileType=asf_search.FileDownloadType.ALL_FILES)
print(json.dumps(product.properties, default=str))
"""


def test_bursts_are_cut_out_of_the_scenes(
    child: Callable[..., Any], archive: Archive, simulated: SimulatedStack, tmp_path: Path
) -> None:
    accounts = archive.accounts
    found = child(BURST, EARTHDATA_USERNAME=accounts.user, EARTHDATA_PASSWORD=accounts.password)
    place, index = found["burst"]["subswath"], found["burst"]["burstIndex"]
    with zipfile.ZipFile(first(simulated)) as scene:
        inside = next(name for name in scene.namelist() if place.lower() in name and name.endswith(".tiff"))
        annotation = etree.fromstring(
            scene.read(inside.replace("/measurement/", "/annotation/").replace(".tiff", ".xml"))
        )
    lines = int(annotation.findtext("swathTiming/linesPerBurst", ""))
    with rasterio.open(f"/vsizip/{{{first(simulated)}}}/{inside}") as image:
        whole = image.read(1)
    with rasterio.open(tmp_path / found["fileName"]) as image:
        assert image.dtypes == ("complex_int16",)
        np.testing.assert_array_equal(image.read(1), whole[index * lines : (index + 1) * lines])
    assert int(found["bytes"]) == lines * 100 * 4
    identifier = annotation.findall("swathTiming/burstList/burst")[index].findtext("burstId", "")
    assert found["burst"]["fullBurstID"] == f"{found['pathNumber']:03d}_{int(identifier):06d}_{place}"
    document = etree.parse(tmp_path / found["fileName"].replace(".tiff", ".xml")).getroot()
    assert document.find("manifest/{urn:ccsds:schema:xfdu:1}XFDU") is not None
    products = {entry.findtext("swath"): entry.find("content") for entry in document.findall("metadata/product")}
    assert set(products) == {"IW1", "IW2"}
    content = products[place]
    assert content is not None
    assert len(content.findall("swathTiming/burstList/burst")) == 3
    waited = [entry.status for entry in archive.requests("sentinel1-burst.asf.alaska.edu", r"\.tiff$")]
    assert waited == [202, 200]


def test_a_token_alone_does_not_give_bursts(web: requests.Session, archive: Archive) -> None:
    burst = archive.extractor.bursts[0]
    bearer = {"Authorization": f"Bearer {archive.accounts.token}"}
    address = f"https://sentinel1-burst.asf.alaska.edu{burst.target}.tiff"
    assert web.get(address, headers=bearer).url.startswith("https://urs.earthdata.nasa.gov/")


def test_folders_are_delivered_as_zips(simulated: SimulatedStack, tmp_path: Path) -> None:
    with zipfile.ZipFile(first(simulated)) as packed:
        packed.extractall(tmp_path)
    with Archive([first(simulated)]) as zips, Archive(tmp_path.glob("*.SAFE")) as folders:
        one, other = zips.scenes[0], folders.scenes[0]
        assert (one.name, one.ring, one.vectors, one.path) == (other.name, other.ring, other.vectors, other.path)
        assert other.file is not None
        assert other.md5 == md5(other.file.read_bytes())
        assert len(folders.extractor.bursts) == 6


def test_a_scene_is_repeated_at_other_dates(archive: Archive) -> None:
    scene: Scene = archive.scenes[0]
    later = scene.repeated(24, across=100.0, mission="S1C")
    assert (later.start - scene.start, later.stop - scene.stop) == (timedelta(days=24), timedelta(days=24))
    assert (later.mission, later.absolute_orbit, later.file) == ("S1C", scene.absolute_orbit + 350, None)
    reprocessed = replace(scene, name=f"{scene.name[:-4]}ABCD", processed=later.start, ipf="002.36").granule()[
        "umm"
    ]
    made = {item["Name"]: item["Values"] for item in reprocessed["AdditionalAttributes"]}["PROCESSING_DATE"]
    assert made == [f"{later.start:%Y-%m-%dT%H:%M:%S}.000000Z"]
    assert reprocessed["DataGranule"]["ProductionDateTime"] == f"{scene.start:%Y-%m-%dT%H:%M:%S}.000Z"
    assert reprocessed["PGEVersionClass"]["PGEVersion"] == "002.36"
    assert scene.vectors is not None
    assert later.vectors is not None
    moved = np.subtract(later.vectors[0].position, scene.vectors[0].position)
    assert np.linalg.norm(moved) == pytest.approx(100.0)


@pytest.mark.pair
def test_products_trimmed_from_real_ones(pair_folder: Path) -> None:
    with Archive.from_simulation(pair_folder) as archive:
        assert [scene.path for scene in archive.scenes] == [52, 52]
        assert [burst.full_id for burst in archive.extractor.bursts[:2]] == ["052_110433_IW1", "052_110434_IW1"]
        assert len(archive.catalogue.granules) == 6
