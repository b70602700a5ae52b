"""Stacks whose pairs topsApp makes: with a stand-in that leaves small finished folders, and with itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.engines.topsapp.settings.steps import STEPS
from support.command import Outcome, run_apart
from support.run_inputs import write_dem, write_orbit
from support.safe_factory import Product, write_safe, write_zip, zip_safe
from support.topsapp.merged_folder import LOOKS, WAVELENGTH, Content, write_folder
from support.topsapp.stand_in import write_isce2

USAGE, ENGINE = 2, 6
DAYS = ("20230904", "20230916", "20230928")
PAIRS = tuple("_".join(pair) for pair in combinations(DAYS, 2))
FIRST, SECOND, THIRD = PAIRS
# what topo reads of a pair, as far as the stand-in has it: bursts of the reference, and which of them are common
_STATE = '<property name="numberofcommonbursts"><value>[2, 0, 0]</value></property>'


@dataclass(frozen=True)
class Place:
    """Scenes of three dates, an ISCE2 that is a stand-in, and a folder for stacks."""

    folder: Path

    @property
    def stack(self) -> Path:
        return self.folder / "stack"

    def command(self, *options: object, products: Sequence[Path] = ()) -> list[str]:
        home = self.folder / "stand-in" / "packages" / "isce"
        config = self.folder / "dinsar.yaml"
        config.write_text(json.dumps({"isce2": {"home": str(home)}, "dem": {"buffer": 0.05}}))
        given = [part for path in products or [self.folder / "slc"] for part in ("--slc", path)]
        files = (*given, "--orbits", self.folder / "orbits", "--dem", self.folder / "dem.tif")
        grid = ("--dem-datum", "ellipsoid", "--looks", LOOKS, "--posting", "0.0004")
        area = ("--roi", "-9.0 30.93 -8.82 31.06", "--reference-point", "none")
        places = ("--output", self.stack, "--cache", self.folder / "cache", "--network", "all")
        return [*map(str, ("stack", config, *files, *grid, *area, *places, *options))]

    def run(self, *options: object, products: Sequence[Path] = ()) -> Outcome:
        return run_apart(*self.command("--engine", "isce2", *options, products=products))

    def script(self, pair: str, **steps: dict[str, object]) -> None:
        """Let topsApp do in the steps of a pair what is told; it leaves a finished folder in any case."""
        finished = self.folder / "finished" / pair
        shells = {
            "preprocess": f"cp -r '{finished}/reference' '{finished}/secondary' .",
            "verifyDEM": f"echo '{_STATE}' > PICKLE/verifyDEM.xml",
            "topo": f"cp -r '{finished}/geom_reference' .",
            "unwrap": f"cp -r '{finished}/merged' '{finished}/fine_interferogram' .",
        }
        acts: dict[str, dict[str, object]] = {step: {"shell": shell} for step, shell in shells.items()}
        folder = self.stack / "pairs" / pair
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "script.json").write_text(
            json.dumps({name: acts.get(name, {}) | steps.get(name, {}) for name in STEPS})
        )

    def ran(self, pair: str) -> list[str]:
        """Steps that the stand-in has begun in the folder of a pair, over all its processes."""
        file = self.stack / "pairs" / pair / "isce2" / "ran"
        return file.read_text().split() if file.is_file() else []

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.stack / "stack.json").read_text(encoding="utf-8"))
        return found

    def map(self, pair: str) -> Path:
        return self.stack / "pairs" / pair / "products" / "los_displacement.tif"


@dataclass(frozen=True)
class Tried:
    """A stack of which topsApp failed once in one pair, and that was made again."""

    place: Place
    first: Outcome
    record: dict[str, Any]
    page: str
    ran: dict[str, list[str]]
    times: dict[str, int]
    second: Outcome


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    place = write_place(tmp_path_factory.mktemp("topsapp"))
    for pair in PAIRS:
        place.script(pair)
    place.script(SECOND, fineoffsets={"say": "no luck", "exit": 1})
    first = place.run()
    record, page = place.record, (place.stack / "stack.html").read_text(encoding="utf-8")
    ran = {pair: place.ran(pair) for pair in PAIRS}
    times = {pair: place.map(pair).stat().st_mtime_ns for pair in (FIRST, THIRD)}
    place.script(SECOND)
    return Tried(place, first, record, page, ran, times, place.run("--json"))


@pytest.fixture(scope="module")
def place(tried: Tried) -> Place:
    """The same: all of its pairs are made."""
    assert tried.second.code == 0, tried.second.err
    return tried.place


def write_place(folder: Path) -> Place:
    made = Place(folder)
    products = [Product(longitude=-4.5).repeated(12 * number) for number in range(3)]
    for product in products:
        write_orbit(product, folder / "orbits")
    (folder / "slc").mkdir()
    for product in products:
        write_zip(product, folder / "slc")
    west, south, east, north = products[0].bounds
    write_dem(folder / "dem.tif", (west - 0.25, south - 0.25, east + 0.25, north + 0.25))
    write_isce2(folder / "stand-in", STEPS)
    starts = {f"{product.start:%Y%m%d}": product.start for product in products}
    for pair in PAIRS:
        first, second = (starts[day] for day in pair.split("_"))
        (folder / "finished").mkdir(exist_ok=True)
        write_folder(folder / "finished" / pair, Content(dates=(first, second)))
    return made


def test_a_pair_that_fails_is_told_and_tried_again_while_the_others_stay(tried: Tried) -> None:
    place, first, second = tried.place, tried.first, tried.second
    assert first.code == ENGINE, first.err
    assert f"Warning: {SECOND}: topsApp failed in its step fineoffsets" in first.err
    assert tried.record["engine"] == "isce2"
    assert [pair for pair in PAIRS if "problem" in tried.record["pairs"][pair]] == [SECOND]
    assert "topsApp failed" in tried.page
    # what topo computes of the first date is taken from the first pair, the third has another reference
    assert [("topo" in tried.ran[pair]) for pair in PAIRS] == [True, False, True]

    assert second.code == 0, second.err
    assert "problem" not in json.loads(second.out)["pairs"][SECOND]
    for pair in (FIRST, THIRD):
        assert (place.ran(pair), place.map(pair).stat().st_mtime_ns) == (tried.ran[pair], tried.times[pair])
    failed = STEPS.index("fineoffsets")
    assert place.ran(SECOND) == [*STEPS[:4], *STEPS[5 : failed + 1], *STEPS[failed:]]


def test_maps_are_those_of_the_finished_folders_on_one_grid(place: Place) -> None:
    grids = set()
    for pair in PAIRS:
        with rasterio.open(place.map(pair)) as dataset:
            grids.add((dataset.transform, dataset.shape, str(dataset.crs)))
            los = dataset.read(1)
        with rasterio.open(place.map(pair).with_name("unwrapped_phase.tif")) as dataset:
            phase = dataset.read(1)
        known = np.isfinite(los)
        assert known.sum() > 20
        expected = -WAVELENGTH / (4 * np.pi) * phase
        np.testing.assert_allclose(los[known], expected[known], atol=1e-6)
    assert len(grids) == 1
    for name in ("elevation", "los_vector", "incidence_angle"):
        assert (place.stack / "geometry" / "products" / f"{name}.tif").samefile(
            place.map(FIRST).with_name(f"{name}.tif")
        )
    assert place.record["shared"]["geometry_of"] == FIRST


@pytest.mark.long
def test_commands_work_in_the_folder_of_a_pair(place: Place, tmp_path: Path) -> None:
    folder = place.stack / "pairs" / SECOND
    assert (folder / "radar" / "unwrapped.npy").is_file()
    status, export = ("status", "--workdir", folder.parent), ("export", folder, "--format", "mintpy")
    for command in (status, export, ("report", folder)):
        done = run_apart(*command)
        assert done.code == 0, done.err
    assert (folder / "products" / "report.html").is_file()
    ran = place.ran(SECOND)
    done = run_apart("clean", "--workdir", folder.parent)
    assert done.code == 0, done.err
    assert not (folder / "radar" / "unwrapped.npy").exists()
    # what was removed is not made again for a map that is there
    done = place.run()
    assert done.code == 0, done.err
    assert place.ran(SECOND) == ran
    assert place.map(SECOND).is_file()


def test_engines_are_not_mixed_in_a_folder(place: Place) -> None:
    command = place.command()
    refused = run_apart(*command)
    problem, _, remedy = refused.error
    assert (refused.code, "isce2" in problem) == (USAGE, True)
    assert "--engine isce2" in remedy


@pytest.mark.long
def test_zero_is_looked_for_on_the_map_alone(tmp_path: Path) -> None:
    """Ground beside it has another cell of the radar grid in each pair; all of this map moves."""
    place = write_place(tmp_path)
    for pair in PAIRS:
        place.script(pair)
    done = place.run("--reference-point", "auto", "--mask", "none")
    assert done.code == 0, done.err
    assert "no place is calm in all pairs, on the map: " in done.err
    zero = place.record["reference"]
    assert (zero["on_map"], zero["chosen"]) == (True, False)
    for pair in PAIRS:
        with rasterio.open(place.map(pair)) as dataset:
            assert dataset.tags()["reference_point"] == f"{zero['lon']:.6f},{zero['lat']:.6f}"


@pytest.mark.long
def test_a_new_date_makes_its_own_pairs_only(tmp_path: Path) -> None:
    place = write_place(tmp_path)
    for pair in PAIRS:
        place.script(pair)
    products = sorted((place.folder / "slc").glob("*.zip"), key=lambda path: path.name.split("_")[5])
    done = place.run(products=products[:2])
    assert done.code == 0, done.err
    assert tuple(place.record["pairs"]) == (FIRST,)
    before = place.ran(FIRST), place.map(FIRST).stat().st_mtime_ns
    done = place.run()
    assert done.code == 0, done.err
    assert tuple(place.record["pairs"]) == PAIRS
    assert (place.ran(FIRST), place.map(FIRST).stat().st_mtime_ns) == before
    for pair in (SECOND, THIRD):
        assert place.map(pair).is_file()


def test_slices_of_two_processors_are_refused_before_anything(tmp_path: Path) -> None:
    place = write_place(tmp_path)
    for number, version in enumerate(("003.61", "003.71", "003.61")):
        following = Product(longitude=-4.5).repeated(12 * number).following()
        write_orbit(following, tmp_path / "orbits")
        safe = write_safe(following, tmp_path / "unzipped")
        manifest = safe / "manifest.safe"
        manifest.write_text(manifest.read_text().replace("003.61", version))
        zip_safe(safe, tmp_path / "slc" / f"{safe.stem}.zip")
    refused = place.run("--roi", "-9.0 30.75 -8.82 31.06")
    problem, cause, remedy = refused.error
    assert (refused.code, "isce2" in problem) == (ENGINE, True)
    assert "those of 2023-09-16 are of IPF 003.61 and 003.71" in cause
    assert "--engine eos" in remedy
    assert not (place.stack / "pairs").exists()


def test_a_stack_without_isce2_is_refused_before_anything(place: Place, tmp_path: Path) -> None:
    other = Place(place.folder)
    command = [*other.command("--engine", "isce2"), "--output", str(tmp_path / "other")]
    (tmp_path / "config.yaml").write_text(json.dumps({"isce2": {"home": str(tmp_path)}}))
    command[1] = str(tmp_path / "config.yaml")
    refused = run_apart(*command)
    assert refused.code in (USAGE, ENGINE), refused.err
    assert "ISCE" in " ".join(refused.error)
    assert not (tmp_path / "other" / "pairs").exists()
