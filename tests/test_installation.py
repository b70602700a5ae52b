"""What is told to install is what the release needs, for the Python that runs."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli import short_name
from dinsar_cli.installation import install_command, requirements_of

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def is_installed() -> bool:
    try:
        return bool(distribution("dinsar").requires)
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not is_installed(), reason="dinsar runs from its sources here, and is not installed")
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_command_installs_what_the_extra_needs(extra: str) -> None:
    found = shlex.split(install_command(extra))
    assert found[:4] == [sys.executable, "-m", "pip", "install"]
    told, wanted = (sorted(_name(text) for text in texts) for texts in (found[4:], EXTRAS[extra]))
    assert told == wanted


def _name(requirement: str) -> str:
    return re.split("[<>=]", requirement)[0].strip().lower().replace("_", "-")


def test_without_an_installation_the_sources_are_named() -> None:
    assert requirements_of("nothing of that name") == []
    assert "'.[nothing]'" in install_command("nothing")


def test_the_short_name_is_the_package() -> None:
    for name in dinsar_cli.__all__:
        assert getattr(short_name, name) is getattr(dinsar_cli, name)
    assert set(short_name.__all__) == set(dinsar_cli.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = short_name.nothing


def test_an_installation_tells_what_runs_it() -> None:
    assert "dev" not in dinsar_cli.__version__
    assert any(text.startswith("Operating System ::") for text in PROJECT["classifiers"])
