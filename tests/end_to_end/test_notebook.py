"""The notebooks in examples/: they run as they are, and what they make meets the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dinsar_cli.workflow.demo import BOUND

pytest.importorskip("eos")
pytest.importorskip("ipykernel")
notebooks = pytest.importorskip("support.notebooks")

MOST_BYTES = 700_000


def test_notebook_of_the_run_has_no_outputs_stored() -> None:
    cells = notebooks.read("displacement").cells
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


@pytest.mark.long
def test_notebook_runs_and_its_map_meets_the_truth(tmp_path: Path) -> None:
    notebook = notebooks.executed("displacement", tmp_path)
    said = notebooks.printed(notebook)
    found = re.search(r"RMSE ([\d.]+) mm over ([\d,]+) pixels", said)
    assert found is not None, said
    assert float(found[1]) < BOUND * 1e3
    assert int(found[2].replace(",", "")) > 50_000
    assert notebooks.pictures(notebook) == 3  # map, profile, difference
    assert not notebooks.printed(notebook, "stderr")
    assert (tmp_path / "maps").is_dir()


@pytest.mark.parametrize("name", notebooks.STORED)
def test_notebook_meets_the_truth_and_shows_what_is_stored(name: str, tmp_path: Path) -> None:
    stored, fresh = notebooks.read(name), notebooks.executed(name, tmp_path)
    found = notebooks.checks(fresh)
    assert found
    for one in found:
        assert abs(float(one["found"]) - float(one["truth"])) <= float(one["within"]), one[0]
    assert [one["what"] for one in found] == [one["what"] for one in notebooks.checks(stored)]
    assert notebooks.pictures(fresh) == notebooks.pictures(stored) > 0
    assert not notebooks.printed(fresh, "stderr")


@pytest.mark.parametrize("name", notebooks.STORED)
def test_stored_notebook_is_small_and_of_no_machine(name: str) -> None:
    assert (notebooks.EXAMPLES / f"{name}.ipynb").stat().st_size < MOST_BYTES
    notebook = notebooks.read(name)
    for output in notebooks.outputs_of(notebook):
        text = str(output.get("text", output.get("data", {}).get("text/plain")))
        assert not re.search(r"/(tmp|home|root|work|Users)/|site-packages", text), text
    assert not [cell for cell in notebook.cells if "execution" in cell.metadata]
