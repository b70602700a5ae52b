"""The notebooks in examples/: they run as they are, and what they make meets the truth."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import dinsar_cli
from dinsar_cli.workflow.demo import BOUND

pytest.importorskip("eos")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

EXAMPLES = Path(dinsar_cli.__file__).parents[1] / "examples"
STORED = ("step_by_step",)
"""Those that are stored with what they print and draw, for who reads them without running them."""
MOST_BYTES = 700_000
CHECK = re.compile(r"^(?P<what>.+): (?P<found>\S+), truth (?P<truth>\S+) \(within (?P<within>\S+)\)", re.MULTILINE)


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a notebook in a folder, without the cells that ask the archives."""
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(folder / "matplotlib"))
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", 4)
    options = {"timeout": 300, "kernel_name": "python3", "resources": {"metadata": {"path": str(folder)}}}
    NotebookClient(notebook, skip_cells_with_tag="network", **options).execute()
    return notebook


def outputs_of(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def printed(notebook: Any, stream: str = "stdout") -> str:
    return "".join(output.text for output in outputs_of(notebook) if output.get("name") == stream)


def pictures(notebook: Any) -> int:
    kinds = {"image/png", "image/jpeg"}
    return sum(bool(kinds & output.get("data", {}).keys()) for output in outputs_of(notebook))


def checks(notebook: Any) -> list[re.Match[str]]:
    return list(CHECK.finditer(printed(notebook)))


def test_notebook_of_the_run_has_no_outputs_stored() -> None:
    cells = nbformat.read(EXAMPLES / "displacement.ipynb", 4).cells
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


@pytest.mark.long
def test_notebook_runs_and_its_map_meets_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("displacement", tmp_path, monkeypatch)
    said = printed(notebook)
    found = re.search(r"RMSE ([\d.]+) mm over ([\d,]+) pixels", said)
    assert found is not None, said
    assert float(found[1]) < BOUND * 1e3
    assert int(found[2].replace(",", "")) > 50_000
    assert pictures(notebook) == 3  # map, profile, difference
    assert not printed(notebook, "stderr")
    assert (tmp_path / "maps").is_dir()


@pytest.mark.parametrize("name", STORED)
def test_notebook_meets_the_truth_and_shows_what_is_stored(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, fresh = nbformat.read(EXAMPLES / f"{name}.ipynb", 4), executed(name, tmp_path, monkeypatch)
    found = checks(fresh)
    assert found
    for one in found:
        assert abs(float(one["found"]) - float(one["truth"])) <= float(one["within"]), one[0]
    assert [one["what"] for one in found] == [one["what"] for one in checks(stored)]
    assert pictures(fresh) == pictures(stored) > 0
    assert not printed(fresh, "stderr")


@pytest.mark.parametrize("name", STORED)
def test_stored_notebook_is_small_and_of_no_machine(name: str) -> None:
    path = EXAMPLES / f"{name}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, 4)
    texts = [str(output.get("text", output.get("data", {}).get("text/plain"))) for output in outputs_of(notebook)]
    assert not [text for text in texts if re.search(r"/(tmp|home|root|work|Users)/|site-packages", text)]
    assert not [cell for cell in notebook.cells if "execution" in cell.metadata]
