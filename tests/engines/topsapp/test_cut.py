"""topsApp gets the columns of the area: the same samples at the same slant ranges, and the same map."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio.errors import NotGeoreferencedWarning

from dinsar_cli.config.file import build_config
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.topsapp.cut import LEAST_COLUMNS, _columns, columns_of, with_cut
from dinsar_cli.engines.topsapp.engine import TopsAppEngine
from dinsar_cli.engines.topsapp.process.retries import cured
from dinsar_cli.engines.topsapp.settings.columns import Columns
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.engines.topsapp.work import columns_for, make_inputs
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.plan.plan import engine_inputs, plan_run
from dinsar_cli.radar.geometry import LookPlanes, cartesian_to_geodetic
from dinsar_cli.radar.pair_geometry import fit_orbits
from dinsar_cli.sentinel1.acquisition import extent_of
from dinsar_cli.sentinel1.scene import open_scene
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import Outcome, run_apart
from support.pair import prepared
from support.topsapp.isce2_process import find_isce2

Run = Callable[..., Outcome]
_PATIENCE = 3600.0  # s


@dataclass(frozen=True)
class Scene:
    """A wide scene, and a small area in its middle."""

    stack: SimulatedStack

    @property
    def area(self) -> str:
        south, north, west, east = json.loads(self.stack.summary.read_text(encoding="utf-8"))["roi_snwe"]
        lon, lat = (west + east) / 2, (south + north) / 2
        return f"{lon - 0.005} {lat - 0.005} {lon + 0.005} {lat + 0.005}"

    def options(self, folder: Path) -> list[str]:
        products = [part for slices in self.stack.products for path in slices for part in ("--slc", str(path))]
        files = ("--orbits", self.stack.orbits[0].parent, "--dem", self.stack.dem, "--dem-datum", "ellipsoid")
        places = ("--roi", self.area, "--engine", "isce2", "--workdir", folder, "--cache", folder / "cache")
        return [*products, *map(str, (*files, *places))]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scenario = Scenario(columns=5200, bursts=1, lake=None)
    return Scene(simulate(scenario, tmp_path_factory.mktemp("scene") / "new"))


@pytest.fixture(scope="module")
def given(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of topsApp, with all that it reads."""
    folder = tmp_path_factory.mktemp("given")
    assert run_apart("process", *scene.options(folder), "--xml-only").code == 0
    (work,) = folder.glob("T*/isce2")
    return work


def samples(image: str | Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(image) as dataset:
            return dataset.read(1)


def safes(work: Path, date: str) -> list[Path]:
    """Products that topsApp's input files name, as topsApp finds them from its working folder."""
    root = etree.parse(work / f"{date}.xml")
    (text,) = root.xpath("//property[@name='safe']/text()")
    return [(work / path.strip(" '\"")).resolve() for path in text.strip("[] ").split(",")]


@pytest.mark.parametrize(("date", "number"), [("reference", 0), ("secondary", 1)])
def test_samples_are_those_of_the_product_at_their_slant_range(
    scene: Scene, given: Path, date: str, number: int
) -> None:
    (product,) = scene.stack.products[number]
    whole = open_scene(product).subswath("IW1", "VV")
    columns = Columns(**json.loads((given / "cut" / "columns.json").read_text())[date]["IW1"])
    width = columns.last - columns.first
    assert LEAST_COLUMNS <= width < 0.8 * whole.samples
    (safe,) = safes(given, date)
    (image,), (annotation,) = safe.glob("measurement/*.tiff"), safe.glob("annotation/*.xml")
    some, all_ = samples(image), samples(whole.measurement)
    assert some.dtype == all_.dtype
    np.testing.assert_array_equal(some, all_[:, columns.first : columns.last])
    root = etree.parse(annotation)
    near = float(root.findtext("imageAnnotation/imageInformation/slantRangeTime")) * SPEED_OF_LIGHT / 2
    assert near == pytest.approx(whole.starting_range + columns.first * whole.range_spacing, abs=1e-6)
    assert {root.findtext(path) for path in ("swathTiming/samplesPerBurst", ".//numberOfSamples")} == {str(width)}
    (burst,) = whole.bursts
    first, last = (
        np.array(root.findtext(f"swathTiming/burstList/burst/{name}").split(), int)
        for name in ("firstValidSample", "lastValidSample")
    )
    seen = first >= 0
    assert set(np.flatnonzero(seen)) == set(range(burst.first_valid_line, burst.last_valid_line + 1))
    assert (first[seen].max(), last[seen].min()) == (
        max(0, burst.first_valid_sample - columns.first),
        min(width - 1, burst.last_valid_sample - columns.first),
    )


def test_whole_products_are_given_when_that_is_asked_for(scene: Scene, given: Path, dinsar: Run) -> None:
    folder = given.parent.parent
    settings = folder / "whole.yaml"
    settings.write_text("topsapp:\n  cut: none\n")
    for options, cut in (([settings], False), ([], True)):
        made = dinsar("process", *options, *scene.options(folder), "--xml-only")
        assert made.code == 0, made.err
        assert (given / "cut").exists() is cut
        assert (safes(given, "reference") == [scene.stack.products[0][0].resolve()]) is not cut


def test_more_looks_after_a_failure_keep_the_columns_and_what_is_done(scene: Scene, tmp_path: Path) -> None:
    slices = [path for one in scene.stack.products for path in one]
    config = build_config(
        {
            "slc": {"files": list(map(str, slices))},
            "orbits": {"dir": str(scene.stack.orbits[0].parent)},
            "dem": {"file": str(scene.stack.dem), "datum": "ellipsoid"},
            "roi": scene.area,
            "engine": "eos",
            "looks": "9x3",
            "unwrap": {"short_of_memory": "more_looks"},
        },
        {},
    )
    inputs, work = prepared(plan_run(request_of(config), tmp_path), tmp_path), tmp_path / "isce2"
    columns = columns_for(inputs, work)
    found = cured("more_looks", inputs, work)
    assert found is not None
    assert columns_for(found[0], work) != columns  # their look cells begin elsewhere
    make_inputs(inputs, work, columns, gpu=False)
    before = (work / "reference.xml").read_text()
    states = [work / "PICKLE" / step for step in STEPS[: STEPS.index("unwrap")]]
    for state in states:
        state.parent.mkdir(exist_ok=True)
        state.write_bytes(b".")
    make_inputs(found[0], work, columns, gpu=False)
    assert (work / "reference.xml").read_text() == before
    assert [state.name for state in states if not state.is_file()] == ["mergebursts", "filter"]
    assert with_cut(inputs, columns).work.samples == pytest.approx(
        inputs.work.samples * columns["reference"]["IW1"].share
    )


@pytest.mark.parametrize(
    ("near", "far", "around", "expected"),
    [
        (10_000, 14_000, 800, (9_184, 14_801)),
        (10_000, 14_000, 100, (9_632, 14_337)),  # the filter reaches farther than what is around
        (12_000, 12_010, 10, (10_640, 13_240)),  # a fit of the carrier needs more
        (-900, 100, 10, (0, 2_600)),
        (22_900, 40_000, 10, (20_384, 23_000)),
        (-5_000, 50_000, 10, (0, 23_000)),
    ],
)
def test_columns_hold_the_area_and_lie_in_the_image(
    near: int, far: int, around: int, expected: tuple[int, int]
) -> None:
    swath = _Swath()
    area, wide = (
        swath.starting_range + swath.range_spacing * np.array([near - more, far + more]) for more in (0, around)
    )
    found = _columns(swath, area, wide, 7)  # type: ignore[arg-type]
    assert (found.first, found.last) == pytest.approx(expected, abs=1)
    assert found.of == swath.samples
    assert found.first % (7 * 16) == 0  # look cells, and patches of the filter


def test_heights_are_needed_where_the_columns_look(scene: Scene, tmp_path: Path) -> None:
    """Both ends of the first and last line, at the lowest and highest ground; and not in all of the burst."""
    values: dict[str, object] = {
        "slc.files": [str(path) for one in scene.stack.products for path in one],
        "orbits.dir": str(scene.stack.orbits[0].parent),
        "dem.file": str(scene.stack.dem),
        "dem.datum": "ellipsoid",
        "roi": scene.area,
    }
    config = build_config(None, values)
    plan = plan_run(request_of(config), tmp_path, TopsAppEngine())
    inputs = engine_inputs(plan, scene.stack.dem)
    columns = columns_of(inputs)["reference"]["IW1"]
    (burst,) = (one.reference for one in plan.slc.bursts)
    epoch = burst.burst.azimuth_time
    orbit, _ = fit_orbits(plan.slc.pair, plan.slc.bursts, plan.orbit_files, epoch)
    time = np.array([0, burst.subswath.lines_per_burst - 1]) * burst.subswath.azimuth_time_interval
    ranges = burst.subswath.starting_range + burst.subswath.range_spacing * np.array([columns.first, columns.last])
    planes, grid = LookPlanes.at(orbit, time), np.broadcast_to(ranges, (2, 2))
    west, south, east, north = plan.ground.needed
    for height in inputs.heights:
        lon, lat, _ = cartesian_to_geodetic(planes.point(grid, planes.look_for_height(grid, np.asarray(height))))
        assert west < lon.min() < lon.max() < east
        assert south < lat.min() < lat.max() < north
    whole = extent_of(plan.slc.bursts, middle_of(plan.slc.bounds))
    assert east - west < 0.95 * (whole[2] - whole[0])


@dataclass(frozen=True)
class _Swath:
    samples: int = 23_000
    starting_range: float = 800_000.0
    range_spacing: float = 2.0


def read(folder: Path, name: str) -> Any:
    (path,) = folder.glob(f"T*/products/{name}.tif")
    with rasterio.open(path) as dataset:
        return dataset.read()


def run(scene: Scene, folder: Path, *options: str) -> Path:
    done = run_apart("run", *options, *scene.options(folder), "--looks", "7x2", timeout=_PATIENCE)
    assert done.code == 0, done.err
    return folder


@pytest.mark.isce2
@pytest.mark.long
def test_the_map_is_that_of_whole_bursts(tmp_path: Path) -> None:
    found, reason = find_isce2()
    if found is None:
        pytest.skip(reason)
    scene = Scene(simulate(Scenario(columns=7000, lake=None), tmp_path / "scene"))
    settings = tmp_path / "whole.yaml"
    settings.write_text("topsapp:\n  cut: none\n")
    west, south, east, north = map(float, scene.area.split())
    zero = ("--reference-point", f"{(west + east) / 2},{(south + north) / 2}")
    cut, whole = run(scene, tmp_path / "cut", *zero), run(scene, tmp_path / "whole", str(settings), *zero)
    one, other = (read(folder, "los_displacement") for folder in (cut, whole))
    assert np.isfinite(one).sum() == pytest.approx(np.isfinite(other).sum(), rel=0.005)
    assert 1e3 * np.sqrt(np.nanmean((one - other) ** 2)) < 0.02
    for name in ("los_vector", "squint", "elevation"):
        np.testing.assert_allclose(read(cut, name), read(whole, name), atol=2e-3 if name == "elevation" else 2e-6)
    assert most_disk(cut) < 0.6 * most_disk(whole)


def most_disk(folder: Path) -> int:
    (path,) = folder.glob("T*/run.json")
    steps: dict[str, Any] = json.loads(path.read_text())["stages"]["process"]["details"]["steps"]
    return max(int(step["disk"]) for step in steps.values())
