"""environment.yml: conda has all that dinsar needs but what pip is told to get, and pip finds the rest there."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
ON_CONDA = {"isal": "python-isal", "matplotlib": "matplotlib-base"}
"""Names that conda-forge has for packages of PyPI."""


def name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def listed() -> tuple[set[str], list[str]]:
    found: dict[str, Any] = YAML(typ="safe").load(ROOT / "environment.yml")
    (by_pip,) = (one["pip"] for one in found["dependencies"] if isinstance(one, dict))
    return {name(one) for one in found["dependencies"] if isinstance(one, str)}, by_pip


def test_all_that_the_base_installation_needs_is_listed(listed: tuple[set[str], list[str]]) -> None:
    conda, by_pip = listed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name(one): one for one in project["dependencies"]}
    there = conda | {name(one) for one in by_pip}
    assert [one for one in wanted if ON_CONDA.get(one, one) not in there] == []
    assert "isce2" in conda
    assert by_pip[-1] == "-e ."
    assert all(wanted[name(one)] == one for one in by_pip[:-1])


@pytest.mark.parametrize("package", ["dem_stitcher", "sentineleof"])
def test_pip_finds_what_its_packages_need(listed: tuple[set[str], list[str]], package: str) -> None:
    """So that it brings no second copy of what ISCE2 is built against."""
    conda, by_pip = listed
    assert name(package) in {name(one) for one in by_pip}
    needed = {name(one) for one in requires(package) or [] if "extra ==" not in one}
    assert {one for one in needed if ON_CONDA.get(one, one) not in conda} == set()
