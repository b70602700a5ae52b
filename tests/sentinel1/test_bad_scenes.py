"""Scenes that cannot be used: told in three lines with the right exit code, before heavy work; nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from support.refusal import NO_DATA, RESOURCES, USAGE, Refusal, cut
from support.run_inputs import Inputs, write_dem
from support.safe_factory import write_safe, write_zip, zip_safe


@pytest.fixture
def scene(inputs: Inputs, tmp_path: Path) -> Callable[..., Path]:
    """Write a changed second date: ``scene(change_of_the_folder, zipped=True, track=53)``."""

    def write(change: Callable[[Path], object] | None = None, *, zipped: bool = True, **changes: object) -> Path:
        safe = write_safe(replace(inputs.secondary, **changes), tmp_path / "scene")
        if change:
            change(safe)
        return zip_safe(safe, tmp_path / f"{safe.stem}.zip") if zipped else safe

    return write


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


# --- which scenes -----------------------------------------------------------------------------------------------


def test_the_same_scene_twice(refused: Refusal, inputs: Inputs) -> None:
    path = inputs.scenes[0]
    refused(USAGE, "given twice", path, inputs.reference.name, slc=[path, path])


def test_the_same_scene_under_another_name(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    copy = Path(shutil.copy(inputs.scenes[0], tmp_path / "copy.zip"))
    refused(USAGE, "given twice", copy, inputs.scenes[0], slc=[inputs.scenes[0], copy])


def test_the_same_scene_as_folder_and_as_zip(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    safe = write_safe(inputs.reference, tmp_path)
    refused(USAGE, "given twice", safe, slc=[inputs.scenes[0], safe])


def test_another_track(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    refused(NO_DATA, "track 52", "track 53", "2023-09-16", slc=[inputs.scenes[0], scene(track=53)])


def test_the_other_direction(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    ascending = scene(anx_time=500.0)
    refused(NO_DATA, "descending", "ascending", "opposite sides", slc=[inputs.scenes[0], ascending])


def test_the_other_direction_ten_minutes_earlier(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    """Near the poles both directions of one orbit see the same ground within minutes: no slices of one pass."""
    north = replace(inputs.reference, anx_time=1600.0)
    earlier = replace(north, anx_time=1000.0, start=north.start - timedelta(seconds=600))
    scenes = [write_zip(product, tmp_path / product.direction) for product in (north, earlier)]
    refused(NO_DATA, "opposite sides", slc=scenes)


def test_no_common_bursts(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    out_of_step = scene(anx_time=inputs.reference.anx_time + 1.0)
    refused(NO_DATA, "no burst in common", "1.00 s apart", slc=[inputs.scenes[0], out_of_step])


def test_another_frame_of_the_track(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    frame = scene(anx_time=inputs.reference.anx_time + 27.58277)
    refused(
        NO_DATA,
        "no burst in common",
        "24.82 s apart",
        "different frames, about 169 km",
        slc=[inputs.scenes[0], frame],
    )


def test_other_subswaths(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    refused(NO_DATA, "IW1", "IW3", slc=[inputs.scenes[0], scene(swaths=("IW3",))])


def test_three_dates(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    third = write_zip(inputs.reference.repeated(24), tmp_path)
    refused(USAGE, "3 dates", "2023-09-04", "2023-09-16", "2023-09-28", slc=[*inputs.scenes, third])


def test_one_date(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    slices = [inputs.scenes[0], write_zip(inputs.reference.following(), tmp_path)]
    refused(NO_DATA, "two dates", "2023-09-04", slc=slices)
    refused(NO_DATA, "two dates", "2023-09-04", slc=slices[:1])


def test_no_scene(refused: Refusal) -> None:
    refused(USAGE, "--slc", slc=[])


def test_a_slice_is_missing(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    third = inputs.reference.following(20)
    text = refused(NO_DATA, inputs.reference.name, third.name, slc=[*inputs.scenes, write_zip(third, tmp_path)])
    assert "50 s apart" in text  # 20 bursts of 2.758 s, less the 5.66 s of the first slice


@pytest.mark.parametrize("polarization", ["vh", "HH"])
def test_absent_polarization(refused: Refusal, polarization: str) -> None:
    refused(NO_DATA, polarization.upper(), "Choose one of: VV", polarization=polarization)


def test_no_common_polarization(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    refused(NO_DATA, "VV", "HH", slc=[inputs.scenes[0], scene(polarizations=("HH",))])


@pytest.mark.parametrize(("mode", "kind"), [("EW", "SLC"), ("S3", "SLC"), ("IW", "GRD"), ("IW", "RAW")])
def test_products_of_another_kind(
    refused: Refusal, inputs: Inputs, scene: Callable[..., Path], mode: str, kind: str
) -> None:
    other = scene(mode=mode, type=kind, swaths=(f"{mode}1" if mode == "EW" else "IW1",))
    refused(NO_DATA, mode, kind, "IW SLC", slc=[inputs.scenes[0], other])


def test_a_renamed_product_of_another_mode(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    other = scene(mode="EW", zipped=False)
    renamed = other.rename(other.with_name("renamed.SAFE"))
    refused(NO_DATA, "renamed is a SENTINEL-1 EW SLC", slc=[inputs.scenes[0], renamed])


# --- damaged scenes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_truncated_zip(refused: Refusal, inputs: Inputs, scene: Callable[..., Path], share: float) -> None:
    path = cut(scene(), share)
    refused(NO_DATA, path, f"{path.stat().st_size} bytes", "cut", slc=[inputs.scenes[0], path])


def test_zip_with_damaged_content(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    """Any byte may be wrong: it is refused, or it is in a part that does not matter before the images are read."""
    path = scene()
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        arguments = [*inputs.options(slc=[inputs.scenes[0], path]), "--memory", "256MB"]
        outcome = refused.dinsar("run", *arguments, "--workdir", refused.workdir, "--cache", refused.workdir)
        assert outcome.code in {USAGE, NO_DATA, RESOURCES}, outcome.err
        assert outcome.error


def test_another_file_as_scene(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    page = tmp_path / "scene.zip"
    page.write_text("<!DOCTYPE html><title>Login</title>")
    refused(USAGE, page, "<!DOCTYP", slc=[inputs.scenes[0], page])
    refused(USAGE, inputs.dem, slc=[inputs.scenes[0], inputs.dem])


def test_zip_without_a_product(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "readme.txt").write_text("nothing here")
    path = zip_safe(tmp_path / "other", tmp_path / "other.zip")
    refused(USAGE, path, "no SAFE product", slc=[inputs.scenes[0], path])


def test_folder_that_is_no_product(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    safe = write_safe(inputs.secondary, tmp_path / "unzipped")
    (safe / "manifest.safe").unlink()
    refused(USAGE, safe, "manifest.safe", slc=[inputs.scenes[0], safe])
    (tmp_path / "empty").mkdir()
    refused(USAGE, tmp_path / "empty", "product", slc=[inputs.scenes[0], tmp_path / "empty"])


@pytest.mark.parametrize("name", ["nowhere.zip", "x" * 300, "loop.zip"])
def test_scene_that_does_not_exist(refused: Refusal, inputs: Inputs, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.zip").symlink_to(tmp_path / "loop.zip")
    refused(USAGE, tmp_path / name, "does not exist", slc=[inputs.scenes[0], tmp_path / name])


@pytest.mark.parametrize("zipped", [True, False])
def test_product_without_image(
    refused: Refusal, inputs: Inputs, scene: Callable[..., Path], *, zipped: bool
) -> None:
    path = scene(lambda safe: only(safe, "measurement/*.tiff").unlink(), zipped=zipped)
    refused(NO_DATA, path, "measurement/s1a-iw1-slc-vv", slc=[inputs.scenes[0], path])


@pytest.mark.parametrize("zipped", [True, False])
def test_product_without_annotation(
    refused: Refusal, inputs: Inputs, scene: Callable[..., Path], *, zipped: bool
) -> None:
    path = scene(lambda safe: only(safe, "annotation/*.xml").unlink(), zipped=zipped)
    refused(NO_DATA, path, "annotation/s1?-iw?-slc-*.xml", slc=[inputs.scenes[0], path])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.4, 0.9])
def test_truncated_image(
    refused: Refusal, inputs: Inputs, scene: Callable[..., Path], share: float, *, zipped: bool
) -> None:
    path = scene(lambda safe: cut(only(safe, "measurement/*.tiff"), share), zipped=zipped)
    refused(NO_DATA, path, "measurement/s1a-iw1-slc-vv", slc=[inputs.scenes[0], path])


def test_image_of_another_size(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    def swap(safe: Path) -> None:
        other = write_safe(replace(inputs.secondary, bursts=3), safe.parent / "other")
        shutil.copy(only(other, "measurement/*.tiff"), only(safe, "measurement/*.tiff"))

    refused(NO_DATA, "90 lines x 24", "60 x 24", slc=[inputs.scenes[0], scene(swap)])


def test_image_that_is_not_complex(refused: Refusal, inputs: Inputs, scene: Callable[..., Path]) -> None:
    def swap(safe: Path) -> None:
        path = only(safe, "measurement/*.tiff")
        write_dem(path, (0, 0, 24, 60), step=1)

    refused(NO_DATA, "float32", slc=[inputs.scenes[0], scene(swap)])


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("</product>", "", "not readable XML"),
        ("azimuthTimeInterval>", "somethingElse>", "azimuthTimeInterval"),
        ("<radarFrequency>", "<radarFrequency>five", "radarFrequency is 'five"),
        ("<linesPerBurst>30", "<linesPerBurst>31", "30 and 30 of 31 lines"),
    ],
)
def test_damaged_annotation(
    refused: Refusal, inputs: Inputs, scene: Callable[..., Path], old: str, new: str, named: str
) -> None:
    def damage(safe: Path) -> None:
        path = only(safe, "annotation/*.xml")
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    path = scene(damage)
    refused(NO_DATA, path, "annotation/s1a-iw1-slc-vv", named, slc=[inputs.scenes[0], path])
