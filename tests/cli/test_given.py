"""What stands on the command line without an option: configuration, products, and what was meant otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.cli.parts.given import Given, sort_given
from dinsar_cli.errors import UsageError
from support.command import Outcome
from support.refusal import check_refusal, cut
from support.run_inputs import Inputs


@pytest.fixture
def scenes(inputs: Inputs, tmp_path: Path) -> Path:
    """A folder with the two products of a pair, and what lies beside them after a download."""
    folder = tmp_path / "data"
    folder.mkdir()
    for path in inputs.scenes:
        (folder / path.name).symlink_to(path)
    (folder / "checksums.txt").write_text("0 nothing")
    return folder


def _plan(dinsar: Callable[..., Outcome], inputs: Inputs, *given: object) -> Outcome:
    rest = inputs.options(slc=None)
    return dinsar(
        "plan", *given, *rest, "--workdir", inputs.folder / "no", "--cache", inputs.folder / "nowhere", "--json"
    )


def test_products_are_given_in_any_way(
    inputs: Inputs, scenes: Path, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    """Named, by a pattern that the shell has replaced or not, by their folder, in a file: the plan is the same."""
    first, second = sorted(scenes.glob("*.zip"))
    config = tmp_path / "dinsar.yaml"
    config.write_text("slc:\n  files: data/*.zip\n")
    ways: tuple[tuple[object, ...], ...] = (
        (first, second),
        ("--slc", first, second),
        (scenes,),
        ("--slc", scenes),
        ("--slc", scenes / "*.zip"),
        (f"{scenes}/*2023090?T*", second),
        (config,),
        (config, first, second),
    )
    plans = []
    for way in ways:
        outcome = _plan(dinsar, inputs, *way)
        assert outcome.code == 0, outcome.err
        plans.append({key: json.loads(outcome.out)[key] for key in ("reference", "secondary", "bursts", "grid")})
    assert all(plan == plans[0] for plan in plans)
    assert not (inputs.folder / "no").exists()


def test_of_a_folder_dates_choose(inputs: Inputs, scenes: Path, dinsar: Callable[..., Outcome]) -> None:
    one = _plan(dinsar, inputs, scenes, "--end", "20230904")
    assert "of one pass" in check_refusal(one, 3, "S1A 2023-09-04")
    none = _plan(dinsar, inputs, scenes, "--start", "2024-01-01")
    assert "leave all of them out" in check_refusal(none, 2, *(path.name for path in inputs.scenes))
    third = scenes / next(scenes.glob("*.zip")).name.replace("20230904", "20230928")
    third.write_bytes(b"")
    chosen = _plan(dinsar, inputs, scenes, "--reference", "4.9.2023", "--secondary", "2023-09-16")
    assert (chosen.code, json.loads(chosen.out)["pair"]) == (0, "T052D_20230904_20230916")


def test_what_is_neither_is_told_what_it_is(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yml", "area.geojson", "dem.tif", "notes.txt"):
        (tmp_path / name).write_text("looks: 7x2\n")
    run = tmp_path / "T052D_20230904_20230916"
    run.mkdir()
    (run / "run.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    told = {
        ("a.yaml", "b.yml"): ("a.yaml and b.yml", "dinsar batch"),
        ("area.geojson",): ("an area", "--roi"),
        ("dem.tif",): ("a raster", "--dem"),
        ("2023-09-04", "2023-09-16"): ("is a date", "--start DATE"),
        ("09/10/2023",): ("is a date", "--start DATE"),
        ("30.9", "31"): ("a number", "--roi 'W S E N'"),
        ("dta",): ("Nothing of that name", "Did you mean data?"),
        (run.name,): ("folder of a run", f"dinsar run {run.name}/dinsar.yaml --workdir {tmp_path}"),
        (".",): ("no Sentinel-1 product", "Products are in data: give that."),
        ("empty",): ("no Sentinel-1 product", "dinsar init"),
    }
    for given, words in told.items():
        with pytest.raises(UsageError) as caught:
            sort_given(given, products=True)
        for word in words:
            assert word in str(caught.value)
    assert sort_given(["notes.txt", "data", "x.ZIP", "q*"], products=True) == Given(
        Path("notes.txt"), ("data", "x.ZIP", "q*")
    )
    with pytest.raises(UsageError, match="takes none"):
        sort_given(["data"], products=False)


def test_a_product_that_was_cut_is_one(inputs: Inputs, scenes: Path, dinsar: Callable[..., Outcome]) -> None:
    first, second = sorted(scenes.glob("*.zip"))
    whole = first.read_bytes()
    first.unlink()
    first.write_bytes(whole)
    check_refusal(_plan(dinsar, inputs, cut(first, 0.4), second), 3, first, "not a whole zip")
    first.write_bytes(b"<!doctype html><html>login</html>")
    check_refusal(_plan(dinsar, inputs, scenes), 2, first, "web page")


def test_nothing_is_found(inputs: Inputs, scenes: Path, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    check_refusal(_plan(dinsar, inputs, "--slc", scenes / "*2019*"), 2, "*2019*", "matches no Sentinel-1 product")
    check_refusal(_plan(dinsar, inputs, "--slc", tmp_path), 2, tmp_path, "manifest.safe")
    check_refusal(_plan(dinsar, inputs, "--slc", scenes / "*.txt"), 2, "*.txt")


@pytest.mark.parametrize("option", [(), ("--slc",)])
def test_the_folder_above_the_products_is_told_where_they_are(
    inputs: Inputs, scenes: Path, dinsar: Callable[..., Outcome], option: tuple[str, ...]
) -> None:
    _, _, remedy = _plan(dinsar, inputs, *option, scenes.parent).error
    assert f"Products are in {scenes}" in remedy
    assert _plan(dinsar, inputs, *option, scenes).code == 0
