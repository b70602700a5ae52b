"""Formats of a run: asked for in the configuration, made in its last stage, gone when not asked for any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.base.journal import Journal
from support.command import Outcome
from support.run_inputs import Inputs

FILES = {"range_change.tif", "displacement.nc", "hyp3"}
ALWAYS = {"overview.kmz", "item.json", "citation.txt", "citation.bib"}


@pytest.mark.long
def test_run_makes_the_formats_that_are_asked_for(
    inputs: Inputs, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    folders = ("--workdir", tmp_path / "work", "--cache", tmp_path / "cache")
    config = tmp_path / "formats.yaml"

    def products(formats: list[str]) -> set[str]:
        config.write_text(json.dumps({"output": {"formats": formats}}))
        done = dinsar("run", config, *inputs.options(), *folders)
        assert done.code == 0, done.err
        (folder,) = (tmp_path / "work").glob("T*")
        journal = Journal.open(folder / "run.json")
        assert journal.changed(journal.stages["products"], verify=True) == []
        assets = json.loads((folder / "products" / "item.json").read_text(encoding="utf-8"))["assets"]
        assert all((folder / "products" / asset["href"]).is_file() for asset in assets.values())
        assert assets["report"]["href"] == "./report.html"
        return {path.name for path in (folder / "products").iterdir()}

    first = products(["range_change", "netcdf", "hyp3"])
    assert first >= FILES | ALWAYS
    assert products([]) == first - FILES


def test_unknown_format_is_refused_with_the_known_ones(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "formats.yaml").write_text("output: {formats: [shapefile]}\n")
    problem, cause, remedy = dinsar("plan", tmp_path / "formats.yaml").error
    assert "output.formats" in problem
    assert "netcdf" in cause + remedy
