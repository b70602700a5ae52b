"""The library: the same run, checks and errors as on the command line, quietly; loaded only when it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli import DinsarError, RunResult, run
from dinsar_cli.base.journal import STAGES
from dinsar_cli.errors import ExitCode, UsageError
from support.command import Outcome
from support.run_inputs import Inputs

pytest.importorskip("eos")

HEAVY = ("numpy", "rasterio", "xarray", "rioxarray", "pydantic", "matplotlib", "eos", "scipy", "shapely")


@pytest.fixture(scope="module")
def inputs(narrow_inputs: Inputs) -> Inputs:
    """Two small scenes of which a map is soon made."""
    return narrow_inputs


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, dinsar_cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there_and_no_others() -> None:
    assert set(dinsar_cli.__all__) <= set(dir(dinsar_cli))
    for name in dinsar_cli.__all__:
        assert getattr(dinsar_cli, name) is not None
    stub = (Path(dinsar_cli.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    assert all(f'"{name}"' in stub for name in dinsar_cli.__all__)  # what type checkers read
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        _ = dinsar_cli.runs  # type: ignore[attr-defined]


def keys(inputs: Inputs) -> dict[str, object]:
    return {
        "slc": {"files": list(inputs.scenes)},
        "orbits": {"dir": inputs.orbits},
        "dem": {"file": inputs.dem, "datum": "ellipsoid"},
        "looks": "1x1",
        "engine": "eos",
    }


def test_a_run_is_that_of_the_command_line(
    inputs: Inputs,
    dinsar: Callable[..., Outcome],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is printed, the callback hears every stage to its end, and the command line finds all of it done."""
    told: list[tuple[str, str, float]] = []
    folders = {"workdir": tmp_path / "work", "cache": tmp_path / "cache"}
    capsys.readouterr()
    result = run(progress=lambda *one: told.append(one), **folders, **keys(inputs))
    assert capsys.readouterr() == ("", "")
    assert isinstance(result, RunResult)
    assert is_dataclass(result.facts)
    assert result.products["los_displacement"] == result.folder / "products" / "los_displacement.tif"
    assert all(path.is_file() for path in result.products.values())
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == list(STAGES)
    assert all(0 <= share <= 1 for _, _, share in told)
    assert {stage for stage, _, share in told if share == 1.0} == set(stages)
    options = [part for name, folder in folders.items() for part in (f"--{name}", folder)]
    done = dinsar("run", *inputs.options(engine="eos"), *options)
    assert done.code == 0, done.err
    assert done.err.count("already done") == len(stages)  # so the configuration is the same
    assert str(result.products["report"]) in done.out


def test_keys_win_over_the_file(inputs: Inputs, tmp_path: Path) -> None:
    """An orbit folder of the file that is not there is replaced; the looks of the file that are wrong are not."""
    config = tmp_path / "run.yaml"
    config.write_text("looks: 7\norbits: {dir: nowhere}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        run(config, workdir=tmp_path / "w", orbits={"dir": inputs.orbits})
    assert "looks" in caught.value.problem
    assert "orbits" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"look": "7x2"}, "looks"),
        ({"dem": {"fil": "x.tif"}}, "dem.file"),
        ({"dem": "x.tif"}, "dem.datum"),
        ({"start": "04/09/2023"}, "start"),
        ({"looks": 7}, "looks"),
        ({"roi": (-8.6, 30.9, -8.2)}, "roi"),
        ({"slc": {"files": ["/nowhere/S1A.zip"]}}, "/nowhere/S1A.zip"),
        ({}, "roi"),
    ],
)
def test_what_is_wrong_is_told_as_on_the_command_line(
    inputs: Inputs, tmp_path: Path, wrong: dict[str, object], named: str
) -> None:
    given = {"engine": "eos"} if not wrong else keys(inputs) | wrong
    with pytest.raises(DinsarError) as caught:
        run(workdir=tmp_path / "w", cache=tmp_path / "c", **given)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert named in str(error)
    assert all((error.problem, error.cause, error.remedy))


def test_a_mapping_in_place_of_a_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot take a dict") as caught:
        run({"roi": "0 0 1 1"}, workdir=tmp_path)  # type: ignore[arg-type]
    assert "run(**mapping)" in caught.value.remedy


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.yaml"):
        run(str(tmp_path / "missing.yaml"), workdir=tmp_path)
