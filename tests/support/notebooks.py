"""The notebooks in examples/: run them, read what they print and draw, and store that.

``python tests/support/notebooks.py NAME`` runs a notebook in an empty folder and stores it with its outputs.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
STORED = ("step_by_step", "search_and_choose", "orbits", "dem", "stack")
"""Those that are stored with what they print and draw, for who reads them without running them."""
CHECK = re.compile(r"^(?P<what>.+): (?P<found>\S+), truth (?P<truth>\S+) \(within (?P<within>\S+)\)", re.MULTILINE)
"""A line by which a notebook compares a result with the truth."""


def read(name: str) -> Any:
    """Read a notebook as it is stored."""
    return nbformat.read(EXAMPLES / f"{name}.ipynb", 4)


def executed(name: str, folder: Path) -> Any:
    """Run a notebook in a folder, without the cells that ask the archives (tag ``network``)."""
    notebook = read(name)
    own = {"PYTHONPATH": os.pathsep.join(sys.path)}
    own |= {key: str(folder / "settings") for key in ("IPYTHONDIR", "MPLCONFIGDIR")}
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
        skip_cells_with_tag="network",
    )
    client.execute(env=os.environ | own)
    return notebook


def outputs_of(notebook: Any) -> list[Any]:
    """Return the outputs of all cells."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def printed(notebook: Any, stream: str = "stdout") -> str:
    """Return what a notebook prints."""
    return "".join(output.text for output in outputs_of(notebook) if output.get("name") == stream)


def pictures(notebook: Any) -> int:
    """Count what a notebook draws."""
    kinds = {"image/png", "image/jpeg"}
    return sum(bool(kinds & output.get("data", {}).keys()) for output in outputs_of(notebook))


def checks(notebook: Any) -> list[re.Match[str]]:
    """Return the lines by which a notebook compares its results with the truth."""
    return list(CHECK.finditer(printed(notebook)))


def store(name: str) -> None:
    """Run a notebook in an empty folder, and store it with what it prints and draws."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(name, Path(folder))
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, EXAMPLES / f"{name}.ipynb")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=STORED, metavar="NAME")
    for each in parser.parse_args().names:
        store(each)
