"""Products put together from single bursts have the pixels and the annotation of whole scenes."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from lxml import etree

from dinsar_cli.sentinel1.acquisition import make_pair
from dinsar_cli.sentinel1.scene import GranuleName, Scene, open_scene
from dinsar_cli.sentinel1.subswath import Subswath, parse_time
from dinsar_cli.simulate import SimulatedStack
from support.burst_inputs import Delivery, pixels, whole


def sources_of(delivery: Delivery, scene: Scene) -> list[tuple[str, list[tuple[Subswath, int]]]]:
    """Subswaths of an assembled product: for each of its bursts, the subswath of the whole scene and its index."""
    names = next(names for names in delivery.fetched.result["bursts"] if f"_{scene.start:%Y%m%d}T" in names[0])
    of = {burst.name: burst for burst in delivery.archive.extractor.bursts}
    found = []
    for swath in ("IW1", "IW2"):
        bursts = sorted((of[name] for name in names if of[name].swath == swath), key=lambda burst: burst.time)
        assert bursts
        found.append((swath, [(whole(burst), burst.index) for burst in bursts]))
    return found


def test_every_pixel_is_that_of_the_scene(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            assert len(ours.bursts) == len(bursts)
            for index, (subswath, position) in enumerate(bursts):
                np.testing.assert_array_equal(pixels(ours, index), pixels(subswath, position))


def test_the_annotation_is_that_of_the_scenes(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            slices = [subswath for subswath, _ in bursts]
            lists = {name: getattr(ours, name) for name in ("fm_rates", "doppler_centroids", "bursts")}
            assert ours == replace(slices[0], measurement=ours.measurement, **lists)
            for name in ("fm_rates", "doppler_centroids"):
                joined = {one for subswath in slices for one in getattr(subswath, name)}
                assert set(lists[name]) <= joined
                times = [one.azimuth_time for one in lists[name]]
                assert times == sorted(set(times))
            for index, (subswath, position) in enumerate(bursts):
                burst, theirs = ours.bursts[index], subswath.bursts[position]
                assert burst == replace(theirs, index=index, footprint=burst.footprint, outline=burst.outline)
                for name in ("footprint", "outline"):  # degrees: the last row lies elsewhere, chords are 8 m off
                    assert getattr(burst, name).hausdorff_distance(getattr(theirs, name)) < 2e-4


def test_each_burst_keeps_its_doppler(delivery: Delivery) -> None:
    """The polynomials nearest to a burst, also beside the seam of two slices, are those of its own slice."""
    for scene in delivery.scenes:
        for swath, bursts in sources_of(delivery, scene):
            ours = scene.subswath(swath, "VV")
            for index, (subswath, position) in enumerate(bursts):
                for name in ("fm_rates", "doppler_centroids"):
                    assert nearest(ours, index, name) == nearest(subswath, position, name)


def nearest(subswath: Subswath, index: int, name: str) -> object:
    half = (subswath.lines_per_burst - 1) / 2 * subswath.azimuth_time_interval
    start = subswath.bursts[index].azimuth_time
    return min(getattr(subswath, name), key=lambda one: abs((one.azimuth_time - start).total_seconds() - half))


def test_bytes_are_where_the_annotation_says(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        for (swath, polarization), (annotation, measurement) in scene.images.items():
            offsets = [int(node.text or "") for node in scene.safe.xml(annotation).iterfind(".//burst/byteOffset")]
            content = scene.safe.read(measurement)
            ours = scene.subswath(swath, polarization)
            for index, offset in enumerate(offsets):
                size = 4 * ours.lines_per_burst * ours.samples
                raw = np.frombuffer(content[offset : offset + size], "<i2").astype(np.float32)
                np.testing.assert_array_equal(raw.view(np.complex64), pixels(ours, index).ravel())


def test_the_grid_counts_lines_from_the_first_burst(delivery: Delivery) -> None:
    """A row of points at the start of each burst and one at the last line, at their times."""
    for scene in delivery.scenes:
        for (swath, polarization), (annotation, _) in scene.images.items():
            ours, root = scene.subswath(swath, polarization), scene.safe.xml(annotation)
            rows = {
                int(point.findtext("line", "")): parse_time(point.findtext("azimuthTime", ""))
                for point in root.iterfind(".//geolocationGridPoint")
            }
            starts = {index * ours.lines_per_burst: burst.azimuth_time for index, burst in enumerate(ours.bursts)}
            # Each point has its own time, up to 0.3 ms from that of its line.
            assert all(abs(rows[line] - start) < timedelta(milliseconds=0.5) for line, start in starts.items())
            assert min(rows) == 0
            assert (
                ours.lines_per_burst * len(ours.bursts) - 1 <= max(rows) <= ours.lines_per_burst * len(ours.bursts)
            )
            info = root.find("imageAnnotation/imageInformation")
            assert info is not None
            assert int(info.findtext("numberOfLines", "")) == ours.lines_per_burst * len(ours.bursts)
            counted = [node for node in root.iter() if node.get("count") and len(node)]
            assert all(int(node.get("count", "")) == len(node) for node in counted)


def scene_stop(subswath: Subswath) -> datetime:
    """Time of the last line."""
    duration = timedelta(seconds=(subswath.lines_per_burst - 1) * subswath.azimuth_time_interval)
    return subswath.bursts[-1].azimuth_time + duration


def test_the_manifest_tells_what_there_is(delivery: Delivery) -> None:
    for scene in delivery.scenes:
        manifest = scene.safe.xml("manifest.safe")
        listed = set()
        for stream in manifest.iterfind("dataObjectSection/dataObject/byteStream"):
            location, check = stream.find("fileLocation"), stream.findtext("checksum")
            assert location is not None
            member = (location.get("href") or "").removeprefix("./")
            content = scene.safe.read(member)
            assert stream.get("size") == str(len(content))
            assert check == hashlib.md5(content, usedforsecurity=False).hexdigest()
            listed.add(member)
        assert listed == scene.safe.members - {"manifest.safe"}
        identifiers = {node.get("ID") for node in manifest.iter("metadataObject", "dataObject")}
        pointed = {node.get("dataObjectID") for node in manifest.iter("dataObjectPointer")}
        described = {node.get("dmdID") for node in manifest.iterfind(".//{*}contentUnit[@repID][@dmdID]")}
        assert pointed | described <= identifiers
        name = GranuleName.parse(scene.name)
        assert (name.start, name.stop) == (scene.start.replace(microsecond=0), scene.stop.replace(microsecond=0))
        assert name.polarizations == ("VV",)


def test_it_is_as_the_schema_wants_it(delivery: Delivery, pair_folder: Path, tmp_path: Path) -> None:
    """The schemas are those of a real product."""
    with zipfile.ZipFile(next(iter(pair_folder.glob("S1A*.zip")))) as real:
        for member in real.namelist():
            if member.endswith(".xsd"):
                (tmp_path / Path(member).name).write_bytes(real.read(member))
    schema = etree.XMLSchema(etree.parse(tmp_path / "s1-level-1-product.xsd"))
    for scene in delivery.scenes:
        for annotation, _ in scene.images.values():
            schema.assertValid(scene.safe.xml(annotation))


def test_they_make_the_pair_that_the_scenes_make(delivery: Delivery, simulated: SimulatedStack) -> None:
    ours = make_pair(delivery.scenes)
    theirs = make_pair([open_scene(path) for products in simulated.products for path in products])
    assert ours.name == theirs.name
    starts = [
        {(one.swath, one.reference.burst.azimuth_time) for one in pair.common_bursts} for pair in (ours, theirs)
    ]
    assert starts[0] < starts[1]
    assert len(starts[0]) == len(ours.common_bursts) == len(delivery.fetched.result["bursts"][0])
