"""The notebook in examples/: it runs as it is, and its map meets the truth."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli.workflow.demo import BOUND

pytest.importorskip("eos")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(dinsar_cli.__file__).parents[1] / "examples" / "displacement.ipynb"


def test_notebook_has_no_outputs_stored() -> None:
    cells = nbformat.read(NOTEBOOK, 4).cells
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


@pytest.mark.long
def test_notebook_runs_and_its_map_meets_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    notebook = nbformat.read(NOTEBOOK, 4)
    options = {"timeout": 300, "kernel_name": "python3", "resources": {"metadata": {"path": str(tmp_path)}}}
    NotebookClient(notebook, **options).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.text for output in outputs if output.get("name") == "stdout")
    found = re.search(r"RMSE ([\d.]+) mm over ([\d,]+) pixels", said)
    assert found is not None, said
    assert float(found[1]) < BOUND * 1e3
    assert int(found[2].replace(",", "")) > 50_000
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3  # map, profile, difference
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert (tmp_path / "maps").is_dir()
