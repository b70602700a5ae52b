from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from dinsar_cli.base.later import load_when_used


def test_a_package_is_loaded_when_something_of_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "seldom_used"
    package.mkdir()
    (package / "__init__.py").write_text("from seldom_used.part import VALUE\nHERE = __file__\n")
    (package / "part.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_when_used("seldom_used")
    stand_in = importlib.import_module("seldom_used")  # as somebody does who may not use it
    assert "seldom_used.part" not in sys.modules
    assert stand_in.VALUE == 7
    assert Path(stand_in.HERE) == package / "__init__.py"
    assert importlib.import_module("seldom_used") is not stand_in
    load_when_used("seldom_used")  # it is there, and stays
    assert importlib.import_module("seldom_used").VALUE == 7


def test_a_package_that_is_not_there_is_still_not_there() -> None:
    load_when_used("no_such_package")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package")
