"""``dinsar process``: some steps of the engine, its input files, and what stays of its work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.base.journal import STAGES, Journal
from dinsar_cli.engines.topsapp.results.dem_files import read_isce_dem_header
from dinsar_cli.radar.interferogram import LAYERS
from support.command import Outcome
from support.run_inputs import Inputs

Dinsar = Callable[..., Outcome]


@pytest.fixture(scope="module")
def inputs(narrow_inputs: Inputs) -> Inputs:
    """Two small scenes of which a map is soon made."""
    return narrow_inputs


@pytest.fixture
def options(inputs: Inputs, tmp_path: Path) -> list[str]:
    return [*inputs.options(), "--workdir", str(tmp_path), "--cache", str(tmp_path / "cache")]


def pair_folder_in(workdir: Path) -> Path:
    (found,) = workdir.glob("T*")
    return found


def done_steps(workdir: Path) -> list[str]:
    return list(Journal.open(pair_folder_in(workdir) / "radar" / "steps.json").stages)


def done_stages(workdir: Path) -> list[str]:
    return list(Journal.open(pair_folder_in(workdir) / "run.json").stages)


def test_stops_after_a_step_and_goes_on(dinsar: Dinsar, options: list[str], tmp_path: Path) -> None:
    assert dinsar("process", *options, "--engine", "eos", "--to", "filter").code == 0
    assert done_steps(tmp_path) == ["form", "filter"]
    assert done_stages(tmp_path) == ["slc", "orbits", "dem"]
    formed = (pair_folder_in(tmp_path) / "radar" / "cross.npy").stat().st_mtime_ns
    made = dinsar("process", *options, "--engine", "eos")
    assert made.code == 0
    assert {Path(line).stem for line in made.out.splitlines()} >= LAYERS.keys()
    assert done_steps(tmp_path) == ["form", "filter", "unwrap"]
    assert done_stages(tmp_path) == ["slc", "orbits", "dem", "process"]
    assert (pair_folder_in(tmp_path) / "radar" / "cross.npy").stat().st_mtime_ns == formed
    assert dinsar("run", *options, "--engine", "eos").err.count("already done") == 4


def test_does_a_step_again(dinsar: Dinsar, options: list[str], tmp_path: Path) -> None:
    dinsar("process", *options, "--engine", "eos")
    radar = pair_folder_in(tmp_path) / "radar"
    before = {name: (radar / f"{name}.npy").stat().st_mtime_ns for name in ("cross", "wrapped", "unwrapped")}
    assert dinsar("process", *options, "--engine", "eos", "--from", "filter").code == 0
    after = {name: (radar / f"{name}.npy").stat().st_mtime_ns for name in before}
    assert after["cross"] == before["cross"]
    assert after["wrapped"] > before["wrapped"]
    assert after["unwrapped"] > before["unwrapped"]


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        (["--to", "topo"], "no such step"),
        (["--from", "Filter"], "no such step"),
        (["--from", "unwrap", "--to", "form"], "no steps"),
        (["--use-existing-xml"], "no input files"),
        (["--xml-only"], "no input files"),
        (["--xml-only", "--to", "filter"], "runs no step"),
    ],
)
def test_refuses_wrong_steps(dinsar: Dinsar, options: list[str], steps: list[str], named: str) -> None:
    found = dinsar("process", *options, "--engine", "eos", *steps)
    assert found.code == 2
    assert named in " ".join(found.error)


def test_writes_topsapp_files_without_isce2(
    dinsar: Dinsar, options: list[str], inputs: Inputs, tmp_path: Path
) -> None:
    made = dinsar("process", *options, "--engine", "isce2", "--xml-only")
    assert made.code == 0, made.err
    work = pair_folder_in(tmp_path) / "isce2"
    assert [Path(line) for line in made.out.splitlines()] == [
        work / name for name in ("topsApp.xml", "reference.xml", "secondary.xml", "topsapp_filter_icu.xml")
    ]
    assert str(inputs.scenes[0]) in (work / "reference.xml").read_text()
    assert read_isce_dem_header(work / "dem.wgs84.xml").reference == "WGS84"
    assert not (work / "PICKLE").exists()


def test_scripts_need_isce2(dinsar: Dinsar, options: list[str]) -> None:
    found = dinsar("process", *options, "--engine", "isce2", "--write-script")
    assert found.code == 6
    assert "ISCE_HOME" in " ".join(found.error)


def test_edited_file_is_seen(dinsar: Dinsar, options: list[str], tmp_path: Path) -> None:
    dinsar("process", *options, "--engine", "isce2", "--xml-only")
    file = pair_folder_in(tmp_path) / "isce2" / "topsApp.xml"
    file.write_text(file.read_text().replace("snaphu_mcf", "icu"))
    found = dinsar("process", *options, "--engine", "isce2", "--xml-only")
    assert found.code == 2
    assert "topsApp.xml" in found.error[0]
    assert "edited by hand" in found.error[0]
    assert "--use-existing-xml" in found.error[2]
    assert "icu" in file.read_text()


@pytest.mark.long
def test_radar_layers_go_when_asked_and_come_back(dinsar: Dinsar, options: list[str], tmp_path: Path) -> None:
    run = ("run", *options, "--engine", "eos", "--json")
    first = dinsar(*run, "--intermediates", "delete")
    assert first.code == 0
    folder = pair_folder_in(tmp_path)
    assert not list((folder / "radar").glob("wrapped.npy"))
    assert json.loads((folder / "run.json").read_text())["freed_bytes"] > 0
    again = dinsar(*run, "--intermediates", "delete")
    assert again.err.count("already done") == len(STAGES)
    other_grid = dinsar(*run, "--posting", "0.002")
    assert other_grid.code == 0
    assert other_grid.err.count("already done") == 3
    assert (folder / "radar" / "wrapped.npy").is_file()
