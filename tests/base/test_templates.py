"""Template files are found in a checkout, in a source distribution, and in an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from dinsar_cli import __version__
from dinsar_cli.base.templates import template_text
from dinsar_cli.errors import DinsarError

REPOSITORY = Path(__file__).parents[2]
NAMES = ("topsApp.xml.j2", "scene.xml.j2", "topsapp_filter_icu.xml")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source distribution, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("distributions")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "backend")]
    if subprocess.run([*pip, "hatchling"], cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("the build backend cannot be had")
    build = [sys.executable, "-m", "build", "--outdir", str(folder), str(REPOSITORY)]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def texts(package_parent: Path, folder: Path) -> list[str]:
    """What a Python in another folder reads from the package at a place."""
    code = (
        "import sys, dinsar_cli; from dinsar_cli.base.templates import template_text; "
        "print(dinsar_cli.__file__, *(template_text(name) for name in sys.argv[1:]), sep='\\0', end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *NAMES],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(package_parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    file, *found = done.stdout.split("\0")
    assert Path(file).is_relative_to(package_parent)
    return found


@pytest.fixture(scope="module")
def wanted() -> list[str]:
    return [(REPOSITORY / "templates" / name).read_text(encoding="utf-8") for name in NAMES]


def test_checkout(wanted: list[str], tmp_path: Path) -> None:
    assert texts(REPOSITORY, tmp_path) == wanted


def test_source_distribution(distributions: Path, wanted: list[str], tmp_path: Path) -> None:
    (archive,) = distributions.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "source", filter="data")
    (root,) = (tmp_path / "source").iterdir()
    assert texts(root, tmp_path) == wanted


def test_wheel(distributions: Path, wanted: list[str], tmp_path: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], cwd=tmp_path, check=True)
    assert not (target / "templates").exists()
    assert texts(target, tmp_path) == wanted
    code = "import dinsar, dinsar_cli; print(dinsar.__version__, dinsar.run is dinsar_cli.run, dinsar.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [__version__, "True", str(target / "dinsar" / "__init__.py")]
    assert {"__init__.pyi", "py.typed"} <= {path.name for path in (target / "dinsar").iterdir()}


def test_a_template_that_is_missing() -> None:
    with pytest.raises(DinsarError, match=r"none\.j2 is missing"):
        template_text("none.j2")
