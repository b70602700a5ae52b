"""Many dates on one geometry: maps that are right and those of single runs, by the program as users start it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from scipy import ndimage

from dinsar_cli.config.file import build_config
from dinsar_cli.config.request import request_of
from dinsar_cli.series.network import parse_rule
from dinsar_cli.simulate import Atmosphere, GaussianBowl, Scenario, SimulatedStack, Terrain, simulate
from dinsar_cli.stack.plan import plan_stack
from support.archive import Archive
from support.catalog_inputs import run_online
from support.command import PROGRAM, Outcome, run_apart
from support.fetching import wait_until
from support.job_inputs import STORE, area
from support.truth import warped

pytest.importorskip("eos")

DAYS = ("20230904", "20230916", "20230928", "20231010")
PAIRS = ("20230904_20230916", "20230904_20230928", "20230916_20230928", "20230916_20231010", "20230928_20231010")
USAGE, NO_DATA = 2, 3
Array = NDArray[Any]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Four dates of two narrow bursts over ground that rises."""
    first = Scenario().dates[0]
    scenario = Scenario(
        dates=tuple(first + timedelta(days=12 * number) for number in range(4)),
        columns=500,
        lake=None,
        baselines=(40.0, -60.0, 90.0),
        terrain=Terrain(relief=400.0, margin=0.05),
    )
    return simulate(scenario, tmp_path_factory.mktemp("scene") / "new")


@dataclass(frozen=True)
class Place:
    """A folder for a stack, with a cache of its own."""

    scene: SimulatedStack
    folder: Path

    @property
    def stack(self) -> Path:
        return self.folder / "stack"

    def command(self, products: Sequence[Path], *options: object) -> list[str]:
        given = [text for path in products for text in ("--slc", str(path))]
        files = ("--orbits", self.scene.orbits[0].parent, "--dem", self.scene.dem, "--dem-datum", "ellipsoid")
        places = ("--output", self.stack, "--cache", self.folder / "cache")
        return [
            "stack",
            *given,
            *map(str, (*files, "--looks", "19x7", *places, "--network", "sequential:2", *options)),
        ]

    def run(self, products: Sequence[Path], *options: object) -> Outcome:
        return run_apart(*self.command(products, *options))

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.stack / "stack.json").read_text(encoding="utf-8"))
        return found

    def map(self, pair: str) -> Path:
        return self.stack / "pairs" / pair / "products" / "los_displacement.tif"

    def los(self, pair: str) -> Array:
        return read(self.map(pair))


def read(path: Path) -> Array:
    with rasterio.open(path) as dataset:
        values: Array = dataset.read(1)
    return values


def products_of(scene: SimulatedStack) -> list[Path]:
    return [slices[0] for slices in scene.products]


@pytest.fixture(scope="module")
def whole(scene: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The stack of all dates."""
    place = Place(scene, tmp_path_factory.mktemp("whole"))
    done = place.run(products_of(scene))
    assert done.code == 0, done.err
    assert "set aside" not in done.err
    return place


def test_all_pairs_are_on_one_grid_with_one_reference(whole: Place) -> None:
    record = whole.record
    assert tuple(record["pairs"]) == PAIRS
    place = record["reference"]
    grids, references = set(), set()
    for pair in PAIRS:
        with rasterio.open(whole.stack / "pairs" / pair / "products" / "los_displacement.tif") as dataset:
            grids.add((dataset.transform, dataset.shape, str(dataset.crs)))
            references.add(dataset.tags()["reference_point"])
    assert len(grids) == 1
    (reference,) = references
    assert [float(number) for number in reference.split(",")] == pytest.approx(
        [place["lon"], place["lat"]], abs=0.0005
    )
    assert not place["chosen"]
    assert {(facts_of(whole, pair)["chosen"], facts_of(whole, pair)["shared"]) for pair in PAIRS} == {(False, True)}
    page = (whole.stack / "stack.html").read_text(encoding="utf-8")
    assert page.count("<img") == len(PAIRS) + 1
    assert "http" not in page.replace("http-equiv", "")


def test_maps_show_the_true_motion(whole: Place) -> None:
    """Displacement is relative: medians are taken off. All motion of this scene is between the first two dates."""
    truth = whole.scene.folder / "truth"
    at: dict[str, Array] = {}
    for day in DAYS[1:]:
        at[day] = warped(truth / f"los_displacement_{day}.tif", whole.map(PAIRS[0]))
    at[DAYS[0]] = np.zeros_like(at[DAYS[1]])
    for pair in PAIRS:
        first, second = pair.split("_")
        found = whole.los(pair)
        expected = at[second] - at[first]
        residual = (found - expected)[np.isfinite(found) & np.isfinite(expected)]
        assert residual.size > 0.95 * np.isfinite(found).sum() > 5000
        assert np.sqrt(np.mean((residual - np.median(residual)) ** 2)) < 0.5e-3


def facts_of(place: Place, pair: str) -> dict[str, Any]:
    journal = json.loads((place.stack / "pairs" / pair / "run.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = journal["stages"]["displacement"]["details"]["facts"]
    return found


def test_zero_is_right_where_all_of_the_map_moves(tmp_path: Path) -> None:
    """Inside a bowl that sinks calm ground is beside the map: displacement is absolute, no median is taken off.

    It is the same ground for all pairs: around a triangle their displacements close, whatever the air of each date
    is there (millimetres), but for the noise of its mean, which is that of a cell (0.3 mm) over some 30 cells, in
    three pairs.
    """
    bowl = GaussianBowl(peak=-0.08, radius=1000.0)
    first = Scenario().dates[0]
    scenario = Scenario(
        dates=tuple(first + timedelta(days=12 * number) for number in range(3)),
        deformation=bowl,
        columns=2200,
        lake=None,
        terrain=Terrain(relief=200.0, margin=0.05),
        atmosphere=Atmosphere(turbulence=0.001, stratified=0.0),
    )
    scene = simulate(scenario, tmp_path / "scene")
    place, (lon, lat) = Place(scene, tmp_path), scenario.centre
    done = place.run(products_of(scene), "--roi", f"{lon - 0.006} {lat - 0.006} {lon + 0.006} {lat + 0.006}")
    assert done.code == 0, done.err
    zero = place.record["reference"]
    assert (zero["chosen"], zero["on_map"]) == (False, False)
    assert abs(zero["lon"] - lon) > 0.006 or abs(zero["lat"] - lat) > 0.006
    assert "no place on the map is calm" in done.err
    triangle = place.los(PAIRS[0]) + place.los(PAIRS[2]) - place.los(PAIRS[1])
    assert abs(np.nanmean(triangle)) < 3 * 0.3e-3 / np.sqrt(30) * np.sqrt(3)
    for pair in PAIRS[:3]:
        path = place.stack / "pairs" / pair / "products" / "los_displacement.tif"
        with rasterio.open(path) as dataset:
            told = [float(number) for number in dataset.tags()["reference_point"].split(",")]
        assert told == pytest.approx([zero["lon"], zero["lat"]], abs=0.001)
        facts = facts_of(place, pair)
        assert (facts["chosen"], facts["shared"], facts["reference_on_map"]) == (False, True, False)
    page = (place.stack / "stack.html").read_text(encoding="utf-8")
    assert "chosen for all pairs, beside the map" in page
    expected = warped(scene.folder / "truth" / "los_displacement.tif", place.map(PAIRS[0]))
    found = place.los(PAIRS[0])
    known = np.isfinite(found) & np.isfinite(expected)
    assert np.median(expected[known]) < -0.03
    assert abs(np.median((found - expected)[known])) < 0.005


def test_each_product_is_opened_once_to_plan_a_stack(scene: SimulatedStack, tmp_path: Path) -> None:
    """What is read of a product is read once: the first date is the same one in the plans of all others."""
    given = {"slc.files": [str(path) for path in products_of(scene)], "orbits.dir": str(scene.orbits[0].parent)}
    ground = {"dem.file": str(scene.dem), "dem.datum": "ellipsoid"}
    plan = plan_stack(request_of(build_config(None, given | ground)), parse_rule("star"), tmp_path)
    scenes = {id(one) for each in plan.plans.values() for one in each.slc.pair.reference.scenes}
    assert (len(plan.plans), len(scenes)) == (3, 1)


def test_commands_take_the_folder_of_a_stack(whole: Place, tmp_path: Path) -> None:
    """They take all of its pairs; nothing is told as lacking that the stack has done for all."""
    told = run_apart("status", "--workdir", whole.stack, "--json")
    assert (told.code, tuple(json.loads(told.out))) == (0, PAIRS)
    shown = run_apart("status", "--workdir", whole.stack / "pairs" / PAIRS[0]).out
    assert shown.count("done for the whole stack") == 3
    would = run_apart("clean", "--workdir", whole.stack, "--cache", whole.folder / "none", "--dry-run")
    assert would.code == 0, would.err
    assert all(pair in would.out + would.err for pair in PAIRS)
    made = run_apart("export", whole.stack, "--format", "netcdf", "--format", "licsar", "--into", tmp_path)
    assert made.code == 0, made.err
    assert {path.name for path in tmp_path.iterdir()} == {*PAIRS, "GEOC"}


def test_seams_of_good_dates_are_told_to_fit(whole: Place) -> None:
    """Each of the two bursts sees the ground of the overlap as the other does, in pairs as for dates."""
    record = whole.record
    for told in (*record["pairs"].values(), *record["dates"].values()):
        assert told["seams"]["good"]
        assert abs(told["seams"]["step_rad"]) < 0.05
        assert told["seams"]["misregistration_m"] < 0.02
    assert not any("seams" in text for text in record["warnings"])


def test_a_date_off_along_the_track_is_named(scene: SimulatedStack, tmp_path: Path) -> None:
    """Of three dates the middle one has an orbit that runs ahead: 2 pi df dt, of dt = 0.3 m over its speed.

    Its pairs get a report by that, also the one without the first date, and are handed on to other programs. By
    default it is taken off.
    """
    error, late = 0.3, "2023-09-16"
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    for number, path in enumerate(scene.orbits[:3]):
        (orbits / path.name).write_text(ahead(path.read_text(encoding="utf-8"), error if number == 1 else 0.0))
    place = Place(scene, tmp_path)
    config = tmp_path / "left.yaml"
    config.write_text("coregistration: {esd: none}", encoding="utf-8")
    done = place.run(products_of(scene)[:3], "--orbits", orbits, "--reports", "bad", config)
    assert done.code == 0, done.err
    record = place.record
    assert not any(told["misregistration"] for told in record["dates"].values())
    steps = {day: told["seams"]["misregistration_m"] for day, told in record["dates"].items()}
    assert [day for day, told in record["dates"].items() if not told["seams"]["good"]] == [late]
    ground = error * 6_371 / 7_071  # the satellite is 700 km above the ground
    assert steps[late] == pytest.approx(ground, abs=0.03)
    assert steps["2023-09-04"] < 0.03
    assert steps["2023-09-28"] < 0.03
    (told,) = (text for text in record["warnings"] if "seams" in text)
    assert told.startswith(f"{late}: ")
    assert told in done.err
    bad = {"20230904_20230916", "20230916_20230928"}
    for pair, one in record["pairs"].items():
        folder = place.stack / "pairs" / pair
        assert (one["seams"]["good"], (folder / "products" / "report.html").is_file()) == (
            pair not in bad,
            pair in bad,
        )
    assert "Burst step" in (folder_of(place, "20230916_20230928") / "report.html").read_text(encoding="utf-8")
    assert run_apart("export", folder_of(place, "20230916_20230928").parent, "--format", "netcdf").code == 0
    done = place.run(products_of(scene)[:3], "--orbits", orbits)
    assert done.code == 0, done.err
    dates = place.record["dates"]
    found = {day: told["misregistration"] for day, told in dates.items()}
    assert found["2023-09-04"] is None
    assert [found[day]["removed"] for day in (late, "2023-09-28")] == [True, False]
    assert abs(found[late]["metres"]) == pytest.approx(ground, abs=0.03)
    assert all(told["seams"]["good"] and told["seams"]["misregistration_m"] < 0.03 for told in dates.values())


def folder_of(place: Place, pair: str) -> Path:
    return place.stack / "pairs" / pair / "products"


def ahead(text: str, metres: float) -> str:
    """Move the state vectors of an orbit file along the track."""
    root = ET.fromstring(text)
    for vector in root.iter("OSV"):
        velocity = {name: float(vector.findtext(f"V{name}", "")) for name in "XYZ"}
        speed = math.hypot(*velocity.values())
        for name in "XYZ":
            node = vector.find(name)
            assert node is not None
            node.text = f"{float(node.text or '') + metres * velocity[name] / speed:.6f}"
    return ET.tostring(root, encoding="unicode")


def test_closure_of_the_dates_is_whole_cycles(whole: Place) -> None:
    """Interferograms of three dates that were resampled once close to the noise of their filters."""
    ab, bc, ac = (
        np.load(whole.stack / "pairs" / pair / "radar" / "cross.npy") for pair in (PAIRS[0], PAIRS[2], PAIRS[1])
    )
    known = (ab != 0) & (bc != 0) & (ac != 0)
    closure = np.angle(ab * bc * np.conj(ac))[known]
    assert abs(np.angle(np.mean(np.exp(1j * closure)))) < 0.01


@pytest.mark.parametrize(("pair", "least"), [(PAIRS[0], 1e-3), pytest.param(PAIRS[3], 0.1, marks=pytest.mark.long)])
def test_a_map_is_that_of_a_single_run(whole: Place, tmp_path: Path, pair: str, least: float) -> None:
    """With the first date but for samples in whole numbers, between other dates within a tenth of a millimetre."""
    products = dict(zip(DAYS, products_of(whole.scene), strict=True))
    given = [text for day in pair.split("_") for text in ("--slc", str(products[day]))]
    files = ("--orbits", whole.scene.orbits[0].parent, "--dem", whole.scene.dem, "--dem-datum", "ellipsoid")
    like = whole.stack / "pairs" / pair / "products" / "los_displacement.tif"
    places = ("--workdir", tmp_path, "--cache", whole.folder / "cache")
    done = run_apart("run", *given, *files, "--engine", "eos", "--grid-like", like, *places, "-q")
    assert done.code == 0, done.err
    (single,) = tmp_path.glob("T*/products/los_displacement.tif")
    difference = whole.los(pair) - read(single)
    known = difference[np.isfinite(difference)]
    assert known.size > 0.95 * np.isfinite(read(single)).sum()
    assert 1e3 * np.sqrt(np.mean((known - np.median(known)) ** 2)) < least


def test_a_reference_without_a_value_leaves_no_map_and_is_told(whole: Place, tmp_path: Path) -> None:
    place = Place(whole.scene, tmp_path)
    shutil.copytree(whole.stack, place.stack)
    drawn = (place.stack / "network.png").stat().st_mtime_ns
    with rasterio.open(whole.map(PAIRS[0])) as dataset:
        empty = np.all([np.isnan(whole.los(pair)) for pair in PAIRS], axis=0)
        border = np.argwhere(empty & ndimage.binary_dilation(~empty))
        lon, lat = dataset.xy(*border[len(border) // 2])
    done = place.run(products_of(place.scene), "--reference-point", f"{lon},{lat}")
    assert (done.code, "5 of 5 pairs have no map." in done.err) == (NO_DATA, True), done.err
    assert all("reference" in pair["problem"] for pair in place.record["pairs"].values())
    assert (place.stack / "network.png").stat().st_mtime_ns != drawn  # it has no coherence to show now


def test_a_stack_that_is_done_stays_as_it_is(whole: Place) -> None:
    kept = [path for path in whole.stack.glob("**/*") if path.suffix in {".tif", ".npy", ".png"}]
    before = {path: path.stat().st_mtime_ns for path in kept}
    told_from_here = os.path.relpath(whole.folder / "cache")
    assert whole.run(products_of(whole.scene), "--cache", told_from_here).code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == before


@pytest.mark.long
def test_a_new_date_touches_its_own_pairs_only(whole: Place, tmp_path: Path) -> None:
    place, products = Place(whole.scene, tmp_path), products_of(whole.scene)
    assert place.run(products[:3], "--reference-point", reference(whole)).code == 0
    rotten = place.stack / "dates" / "20230928" / "resampled.npy"
    kept = [path for path in place.stack.glob("dates/*/resampled.npy") if path != rotten]
    files = [*place.stack.glob("pairs/*/*/*.tif"), *place.stack.glob("geometry/*/*.npy"), *kept]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert {path.parts[-3] for path in before} == {*PAIRS[:3], "geometry", "dates"}
    time, content = rotten.stat().st_mtime_ns, bytearray(rotten.read_bytes())
    content[len(content) // 2] ^= 255
    rotten.write_bytes(content)
    os.utime(rotten, ns=(time, time))
    done = place.run(products, "--reference-point", reference(whole))
    assert done.code == 0, done.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert tuple(place.record["pairs"]) == PAIRS
    assert_same_interferograms(place, whole)
    for pair in PAIRS:
        np.testing.assert_allclose(place.los(pair), whole.los(pair), atol=2e-5)


def assert_same_interferograms(one: Place, other: Place) -> None:
    for path in one.stack.glob("pairs/*/radar/cross.npy"):
        assert path.read_bytes() == (other.stack / path.relative_to(one.stack)).read_bytes(), path


@pytest.mark.long
def test_dates_that_are_not_kept_are_resampled_again(whole: Place, tmp_path: Path) -> None:
    place, products = Place(whole.scene, tmp_path), products_of(whole.scene)
    for given in (products[:3], products):
        done = place.run(given, "--resampled", "delete")
        assert done.code == 0, done.err
        assert not [*place.stack.glob("dates/*/resampled.npy")]
    assert tuple(place.record["pairs"]) == PAIRS
    assert_same_interferograms(place, whole)


def reference(place: Place) -> str:
    found = place.record["reference"]
    return f"{found['lon']},{found['lat']}"


@pytest.mark.long
def test_a_stack_goes_on_after_kills(whole: Place, tmp_path: Path) -> None:
    place, products = Place(whole.scene, tmp_path), products_of(whole.scene)
    written: list[Callable[[], bool]] = [
        (place.stack / "forming.json").is_file,
        lambda: any(place.stack.glob("pairs/*/radar/unwrapped.npy")),
        lambda: any(place.stack.glob("pairs/*/products/coherence.tif")),
    ]
    for is_there in written:
        process = subprocess.Popen(
            [*PROGRAM, *place.command(products)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda process=process, is_there=is_there: process.poll() is not None or is_there(), 180)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = place.run(products)
    assert done.code == 0, done.err
    for pair in PAIRS:
        np.testing.assert_array_equal(place.los(pair), whole.los(pair))
    assert not [*place.stack.rglob("*.part"), *place.stack.glob("forming.json")]
    assert_same_interferograms(place, whole)


@pytest.mark.long
def test_bad_scenes_are_set_aside_and_the_rest_goes_on(scene: SimulatedStack, tmp_path: Path) -> None:
    """A date without an orbit file, which is the first, and one whose image is damaged."""
    place, products = Place(scene, tmp_path), products_of(scene)
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    for path in scene.orbits[1:]:
        shutil.copy(path, orbits)
    damaged = shutil.copy(products[2], tmp_path)
    with zipfile.ZipFile(damaged) as archive:
        (image,) = (one for one in archive.infolist() if one.filename.endswith(".tiff"))
    content = bytearray(Path(damaged).read_bytes())
    content[image.header_offset + image.compress_size // 2] ^= 255
    Path(damaged).write_bytes(content)
    given = [products[0], products[1], Path(damaged), products[3]]
    done = place.run(given, "--orbits", orbits, "--reports", "all")
    assert done.code == 0, done.err
    assert (place.stack / "pairs" / "20230916_20231010" / "products" / "report.html").is_file()
    assert tuple(place.record["pairs"]) == ("20230916_20231010",)
    told = place.record["set_aside"]
    assert any("orbit" in text and text.startswith("2023-09-04") for text in told)
    assert any(text.startswith("2023-09-28") for text in told)
    assert done.err.count("set aside") == len(told) == 2


@pytest.mark.long
def test_a_stack_from_the_archive_is_that_of_its_products(whole: Place, tmp_path: Path) -> None:
    """Each product comes once; the same command needs no more of them."""
    with Archive.from_simulation(whole.scene.folder) as archive:
        archive.log_in(tmp_path)
        options = ("--roi", area(whole.scene, 0.6), "--start", "2023-09-01", "--end", "2023-10-15")
        command = ("stack", *options, "--network", "sequential:2", "--output", "stack")
        done = run_online(archive, tmp_path, *command, timeout=300)
        assert done.code == 0, done.err
        record = json.loads((tmp_path / "stack" / "stack.json").read_text(encoding="utf-8"))
        assert tuple(record["pairs"]) == PAIRS
        sent = archive.sent(STORE)
        assert 0 < sent <= sum(path.stat().st_size for path in products_of(whole.scene))
        assert run_online(archive, tmp_path, *command, timeout=300).code == 0
        assert archive.sent(STORE) == sent
        assert archive.errors == []
    for pair in PAIRS[:2]:
        found = read(tmp_path / "stack" / "pairs" / pair / "products" / "los_displacement.tif")
        assert np.isfinite(found).mean() > 0.3


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (("--network", "20230904_20230916,20230928_20231010"), NO_DATA, "do not hang together"),
        (("--network", "sequential:0"), USAGE, "sequential:0"),
        (("--roi", "1 1 2 2"), NO_DATA, "outside"),
    ],
)
def test_what_cannot_be_is_refused(
    scene: SimulatedStack, tmp_path: Path, options: tuple[str, ...], code: int, problem: str
) -> None:
    place = Place(scene, tmp_path)
    done = place.run(products_of(scene), *options)
    assert (done.code, problem in " ".join(done.error)) == (code, True), done.err
    assert not (place.stack / "pairs").exists()


def test_a_stack_of_nothing_is_refused(tmp_path: Path) -> None:
    done = run_apart("stack", "--output", tmp_path / "stack", "--start", "2023-01-01")
    assert done.code == USAGE
    assert done.error[0].startswith("Not given: slc.files")


def test_without_the_first_date_nothing_is_made_again(whole: Place) -> None:
    done = whole.run(products_of(whole.scene)[1:])
    assert (done.code, done.error[0]) == (
        USAGE,
        "The stack lies on the geometry of 2023-09-04, and that date is not there.",
    )
