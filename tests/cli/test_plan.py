"""``dinsar plan``: what it tells, what it leaves alone, and what a run then says of its prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.command import Outcome, run_apart
from support.refusal import RESOURCES, USAGE, check_refusal, snapshot
from support.run_inputs import Inputs, write_dem, write_inputs, write_orbit
from support.safe_factory import Product, write_zip

PAIR = "T052D_20230904_20230916"
PREDICTED = ("dem", "process", "geocode", "displacement", "products")
Dinsar = Callable[..., Outcome]


@dataclass(frozen=True)
class Place:
    """Working folder and cache beside the inputs of a pair."""

    inputs: Inputs
    workdir: Path

    def options(self, **changes: object) -> list[str]:
        folders = ["--workdir", str(self.workdir), "--cache", str(self.workdir / "cache")]
        return [*self.inputs.options(engine="eos", **changes), *folders]


@pytest.fixture(scope="module")
def inputs(narrow_inputs: Inputs) -> Inputs:
    """Two small scenes of which a map is soon made."""
    return narrow_inputs


@pytest.fixture
def place(inputs: Inputs, tmp_path: Path) -> Place:
    return Place(inputs, tmp_path / "work")


@pytest.fixture(scope="module")
def swaths(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Three subswaths of three bursts, of which the second date lacks the last."""
    folder = tmp_path_factory.mktemp("swaths")
    reference = Product(swaths=("IW1", "IW2", "IW3"), bursts=3)
    secondary = replace(reference, bursts=2).repeated()
    for one in (reference, secondary):
        write_orbit(one, folder / "orbits")
    west, south, east, north = reference.bounds
    dem = write_dem(folder / "dem.tif", (west - 0.25, south - 0.25, east + 0.25, north + 0.25))
    scenes = tuple(write_zip(one, folder) for one in (reference, secondary))
    return Inputs(folder, reference, secondary, scenes, folder / "orbits", dem)


def plan_json(dinsar: Dinsar, place: Place, *extra: str, **changes: object) -> dict[str, Any]:
    outcome = dinsar("plan", *place.options(**changes), "--json", *extra)
    assert outcome.code == 0, outcome.err
    record: dict[str, Any] = json.loads(outcome.out)
    return record


# --- what it tells ----------------------------------------------------------------------------------------------


def test_tells_the_pair(dinsar: Dinsar, place: Place) -> None:
    record = plan_json(dinsar, place)
    assert record["pair"] == PAIR
    assert record["engine"]["name"] == "eos"
    assert record["reference"]["scenes"] == [place.inputs.reference.name]
    assert record["secondary"]["orbit_kind"] == "POEORB"
    assert record["days"] == pytest.approx(12, abs=0.01)
    assert record["perpendicular_baseline_m"] == pytest.approx(0, abs=0.01)  # the same circle twice
    assert record["looks"] == "1x1"
    assert record["bursts"] == {"IW1": ["used", "used"]}
    assert record["relief_m"] == pytest.approx([200, 350], abs=60)
    assert record["fits"] is True
    assert record["here"]["disk_free"] > 10**6


def test_writes_nothing(dinsar: Dinsar, place: Place) -> None:
    before = snapshot(place.inputs.folder)
    assert dinsar("plan", *place.options()).code == 0
    assert not place.workdir.exists()
    assert snapshot(place.inputs.folder) == before


def test_plans_the_grid_that_the_run_makes(dinsar: Dinsar, place: Place) -> None:
    planned = plan_json(dinsar, place)
    assert dinsar("run", *place.options()).code == 0
    made = json.loads((place.workdir / PAIR / "run.json").read_text())
    assert made["grid"] == planned["grid"]
    assert [burst.split()[0] for burst in made["pair"]["bursts"]] == ["IW1", "IW1"]
    assert made["warnings"] == planned["warnings"]


def test_bursts_in_use_on_a_map(dinsar: Dinsar, swaths: Inputs, tmp_path: Path) -> None:
    """An area inside the first burst of the first subswath: the others are common or of one date only."""
    place = Place(swaths, tmp_path / "work")
    (west, south), (east, _), (_, north), _ = swaths.reference.corners("IW1", 0)
    middle = (west + east) / 2, (south + north) / 2
    roi = f"{middle[0] - 0.05},{middle[1] - 0.02},{middle[0] + 0.05},{middle[1] + 0.02}"
    record = plan_json(dinsar, place, roi=roi)
    assert record["bursts"]["IW1"] == ["used", "outside", "one date"]
    assert record["bursts"]["IW3"] == ["outside", "outside", "one date"]
    text = dinsar("plan", *place.options(roi=roi)).out
    lines = [line.split() for line in text.splitlines()]
    start = lines.index(["bursts", "IW1", "IW2", "IW3"])
    assert lines[start + 1] == ["1", "#", "o", "o"]
    assert lines[start + 3] == ["3", "-", "-", "-"]
    assert "# in use (1), o outside the area (5), - on one date only (3)" in text
    assert "6 of 9 bursts on both dates" in text


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Two slices of two bursts a date, those of the second date two bursts later.

    So the first date has the bursts 1 to 4 and the second 3 to 6, of which 3 and 4 are common.
    """
    folder = tmp_path_factory.mktemp("shifted")
    first = Product(swaths=("IW1", "IW2"), bursts=2)
    second = first.following(2).repeated()
    passes = (first, first.following()), (second, second.following())
    for slices in passes:
        write_orbit(replace(slices[0], bursts=4), folder / "orbits")
    west, south, east, north = replace(first, bursts=6).bounds
    dem = write_dem(folder / "dem.tif", (west - 0.25, south - 0.25, east + 0.25, north + 0.25))
    scenes = tuple(write_zip(one, folder) for slices in passes for one in slices)
    return Inputs(folder, first, second, scenes, folder / "orbits", dem)


def test_lines_that_meet_follow_from_common_bursts_and_not_from_the_first_slice(
    dinsar: Dinsar, shifted: Inputs, tmp_path: Path
) -> None:
    """The bursts that the first date lacks come last, and not between those that both have."""
    place = Place(shifted, tmp_path / "work")
    (west, south), (east, _), (_, north), _ = shifted.reference.corners("IW1", 2)
    middle = (west + east) / 2, (south + north) / 2
    roi = f"{middle[0] - 0.05},{middle[1] - 0.02},{middle[0] + 0.05},{middle[1] + 0.02}"
    record = plan_json(dinsar, place, roi=roi)
    assert record["bursts"]["IW1"] == ["one date", "one date", "used", "outside", "one date", "one date"]
    assert record["bursts"]["IW2"] == ["one date", "one date", "outside", "outside", "one date", "one date"]
    lines = [line.split() for line in dinsar("plan", *place.options(roi=roi)).out.splitlines()]
    start = lines.index(["bursts", "IW1", "IW2"])
    assert lines[start + 1 : start + 7] == [
        ["1", "-", "-"], ["2", "-", "-"], ["3", "#", "o"], ["4", "o", "o"], ["5", "-", "-"], ["6", "-", "-"],
    ]  # fmt: skip


def test_a_second_date_that_starts_a_burst_earlier(dinsar: Dinsar, shifted: Inputs, tmp_path: Path) -> None:
    """The same slices with the dates exchanged: the burst that only the second has comes first."""
    early = Product(swaths=("IW1", "IW2"), bursts=2).repeated()
    late = Product(swaths=("IW1", "IW2"), bursts=2).following(1)
    slices = (early, early.following(), late, late.following())
    folder = tmp_path / "scenes"
    for first in (early, late):
        write_orbit(replace(first, bursts=4), folder / "orbits")
    scenes = tuple(write_zip(one, folder) for one in slices)
    place = Place(Inputs(folder, late, early, scenes, folder / "orbits", shifted.dem), tmp_path / "work")
    record = plan_json(dinsar, place)
    assert record["bursts"] == {swath: ["one date", *["used"] * 3, "one date"] for swath in ("IW1", "IW2")}


def test_table_has_every_step_and_what_is_here(dinsar: Dinsar, place: Place) -> None:
    text = dinsar("plan", *place.options()).out
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    for name in ("predicted", "DEM", "interferogram", "form", "unwrap", "displacement", "pictures", "all", "here"):
        assert name in rows
    assert "other machines" in rows["form"]
    assert "threads" in rows["here"]
    assert "of disk stay" in rows["all"]


def test_finer_looks_need_more(dinsar: Dinsar, swaths: Inputs, tmp_path: Path) -> None:
    place = Place(swaths, tmp_path)
    fine, coarse = (plan_json(dinsar, place, looks=looks)["predicted"] for looks in ("1x1", "4x4"))
    for what in ("seconds", "disk", "disk_left"):
        assert fine[what] > coarse[what]
    assert fine["peak_memory"] >= coarse["peak_memory"]  # that of the strips, which stay as they are


def test_intermediates_decide_what_is_left(dinsar: Dinsar, place: Place) -> None:
    """The embedded engine keeps its layers but for ``delete``: 58 bytes of the 66 for each look cell go then."""
    found = {kind: plan_json(dinsar, place, intermediates=kind)["predicted"] for kind in ("geocoded", "delete")}
    work = found["geocoded"]["steps"]["unwrap"]["disk"]
    assert found["geocoded"]["disk_left"] - found["delete"]["disk_left"] == pytest.approx(work * 58 / 66, rel=0.01)
    assert found["geocoded"]["disk"] == found["delete"]["disk"]


def test_warns_of_the_science(dinsar: Dinsar, tmp_path: Path) -> None:
    far = write_inputs(tmp_path / "far", Product(anx_time=1150.0))
    place = Place(far, tmp_path / "work")
    outcome = dinsar("plan", *place.options())
    assert outcome.code == 0
    assert f"Warning: The area reaches {far.reference.bounds[3]:.0f} degrees" in outcome.err
    assert "ionosphere" in outcome.err


@pytest.mark.parametrize("option", [["--looks", "0x0"], ["--dem", "nowhere.tif"], ["--engine", "roi_pac"]])
def test_refuses_what_a_run_refuses(dinsar: Dinsar, place: Place, option: list[str]) -> None:
    check_refusal(dinsar("plan", *place.options(), *option), USAGE)


# --- what does not fit ------------------------------------------------------------------------------------------


def test_run_that_does_not_fit(dinsar: Dinsar, place: Place) -> None:
    outcome = dinsar("plan", *place.options(memory="256MB"))
    assert outcome.code == RESOURCES
    assert "It cannot run here." in outcome.err
    assert "predicted" in outcome.out
    record = dinsar("plan", *place.options(memory="256MB"), "--json")
    assert record.code == RESOURCES
    assert json.loads(record.out)["fits"] is False


def test_run_stops_before_it_starts_unless_forced(dinsar: Dinsar, place: Place) -> None:
    options = place.options(memory="256MB")
    text = check_refusal(dinsar("run", *options), RESOURCES, "256.0 MB", "--force")
    assert "memory" in text
    assert not (place.workdir / PAIR).exists()
    assert dinsar("process", *options).code == RESOURCES
    forced = dinsar("run", *options, "--force")
    assert forced.code == 0, forced.err
    assert (place.workdir / PAIR / "products" / "los_displacement.tif").is_file()
    # what is done is not refused for what it would need if it were not
    assert dinsar("run", *options).code == 0


@pytest.mark.parametrize("kept", ["keep", "geocoded", "delete"])
def test_the_pair_in_both_orders_is_counted(place: Place, dinsar: Dinsar, kept: str) -> None:
    options = ("--intermediates", kept)
    once, twice = (
        plan_json(dinsar, place, *options, *more)["predicted"] for more in ((), ("--check-reversed", "full"))
    )
    engine = sum(step["seconds"] for step in once["steps"].values())
    before, after = once["stages"].pop("geocode"), twice["stages"].pop("geocode")
    assert after["seconds"] == pytest.approx(before["seconds"] + engine, abs=0.01)
    peak = max(step["peak_memory"] for step in once["steps"].values())
    assert after["peak_memory"] == max(before["peak_memory"], peak)
    assert after["disk"] == before["disk"]  # of the products
    assert once["stages"] == twice["stages"]
    # while the second one is made, the first is still there, and products, which are more here than its work
    disk = max(step["disk"] for step in once["steps"].values())
    assert twice["disk"] == once["disk"] + disk
    layers = twice["disk_left"] - once["disk_left"]
    assert layers == 0 if kept == "delete" else 0 < layers <= disk


# --- what a run says of its prediction --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learnt(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two runs of the same pair with one cache, each in a process of its own."""
    first = Place(inputs, tmp_path_factory.mktemp("learnt"))
    assert run_apart("run", *first.options()).code == 0
    second = replace(first, workdir=first.workdir / "again")
    folders = ["--workdir", second.workdir, "--cache", first.workdir / "cache"]
    assert run_apart("run", *inputs.options(engine="eos"), *folders).code == 0
    return first


def test_prediction_stands_beside_reality(learnt: Place, dinsar: Dinsar) -> None:
    stages = json.loads((learnt.workdir / "again" / PAIR / "run.json").read_text())["stages"]
    for name in PREDICTED:
        predicted = stages[name]["details"]["predicted"]
        assert predicted["seconds"] >= 0
        assert predicted["runs"] == (0 if name == "dem" else 1)  # the DEM is in the cache the second time
    steps = stages["process"]["details"]["predicted"]["steps"]
    assert list(steps) == list(stages["process"]["details"]["steps"]) == ["form", "filter", "unwrap"]
    assert "predicted" not in stages["slc"]["details"]
    status = dinsar("status", "--workdir", learnt.workdir / "again")
    assert status.code == 0
    (row,) = [line for line in status.out.splitlines() if line.split()[:2] == ["process", "done"]]
    assert row.count("(") == row.count(")") == 3
    assert "in brackets what was predicted" in status.out


def test_second_run_is_predicted_by_the_first(learnt: Place) -> None:
    """The same work on the same machine takes the same disk to the byte, and nearly the same memory."""
    first, again = (
        json.loads((folder / PAIR / "run.json").read_text())["stages"]
        for folder in (learnt.workdir, learnt.workdir / "again")
    )
    predicted = again["process"]["details"]["predicted"]["steps"]
    for name, step in first["process"]["details"]["steps"].items():
        assert predicted[name]["disk"] == step["disk"]
        assert predicted[name]["seconds"] == pytest.approx(step["seconds"], abs=0.001)
        assert predicted[name]["peak_memory"] == pytest.approx(step["peak_memory"], abs=1)
        assert again["process"]["details"]["steps"][name]["disk"] == step["disk"]
    for name in ("geocode", "displacement", "products"):
        made = sum(file["size"] for file in first[name]["files"])
        assert again[name]["details"]["predicted"]["disk"] == pytest.approx(made, abs=1)


def test_plan_tells_how_many_runs_it_rests_on(learnt: Place, dinsar: Dinsar) -> None:
    steps = plan_json(dinsar, learnt)["predicted"]["steps"]
    runs = {step["runs"] for step in steps.values()}
    assert runs <= {1, 2}  # one, when the machine was busy with something else during the other
    assert any(f"{count} run" in dinsar("plan", *learnt.options()).out for count in runs)


def test_history_that_is_damaged_does_no_harm(learnt: Place, dinsar: Dinsar, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "step-costs.jsonl").write_bytes(b"\x00\xff{not json\n" * 10)
    outcome = dinsar("plan", *learnt.options(), "--cache", cache, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["predicted"]["steps"]["form"]["runs"] == 0
