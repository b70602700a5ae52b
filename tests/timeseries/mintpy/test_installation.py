"""A MintPy is found wherever it lives, and words are found for one that is not there or does not work."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dinsar_cli.errors import EngineError
from dinsar_cli.timeseries.mintpy.installation import VARIABLE, MintPy, _candidates, find_mintpy

CONDA = ("CONDA_PREFIX", "CONDA_EXE", "MAMBA_EXE", "MAMBA_ROOT_PREFIX", "CONDA_ENVS_DIRS", "CONDA_ENVS_PATH")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing tells of a MintPy; gives its home."""
    for name in (VARIABLE, *CONDA):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def python_at(path: Path, other: Path) -> Path:
    """Write a program that is another Python, as one of an environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{other}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def test_it_is_found_by_its_program_its_environment_and_its_python(
    mintpy: MintPy, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy of the error: an environment of the name mintpy is found by itself."""
    environment = python_at(nowhere / "miniforge3" / "envs" / "mintpy" / "bin" / "python", mintpy.python)
    assert find_mintpy().python == environment
    assert next(_candidates(None, "mintpy")) == environment
    (nowhere / "bin").mkdir()
    program = nowhere / "bin" / "smallbaselineApp.py"
    program.write_text(f"#!{mintpy.python}\n", encoding="utf-8")
    program.chmod(0o755)
    found = find_mintpy()
    assert found.python == mintpy.python
    assert "mintpy.networkInversion.weightFunc" in found.keys
    named = nowhere / "named"
    monkeypatch.setenv(VARIABLE, str(named))
    assert list(_candidates(None, None)) == [named]


def test_what_lacks_is_told(nowhere: Path) -> None:
    if find_spec("mintpy") is None:
        with pytest.raises(EngineError, match="no MintPy") as error:
            find_mintpy()
        assert "smallbaselineApp.py is not on PATH" in error.value.cause
    with pytest.raises(EngineError, match="no MintPy") as error:
        find_mintpy(conda_env="nonesuch")
    assert "nonesuch" in error.value.cause
    with pytest.raises(EngineError) as error:
        find_mintpy(python=nowhere / "python")
    assert "does not exist" in error.value.cause
    with pytest.raises(EngineError) as error:
        find_mintpy(python=python_at(nowhere / "not-a-python", Path("/bin/false")))
    assert "cannot load" in error.value.cause
    assert VARIABLE in error.value.remedy


def test_one_without_gdal_is_told(nowhere: Path) -> None:
    """A package called mintpy, and no bindings of GDAL beside it."""
    package = nowhere / "packages" / "mintpy"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    other = nowhere / "bin" / "python"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nPYTHONPATH="{package.parent}" exec "{sys.executable}" "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    with pytest.raises(EngineError) as error:
        find_mintpy(python=other)
    assert "GDAL" in error.value.cause
    assert "python3-gdal" in error.value.remedy
