"""Finding ISCE2, and telling what is wrong with a broken one: real folders, real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.find import find_engine
from dinsar_cli.engines.topsapp.process.installation import Installation, look_for_isce2, version_key
from dinsar_cli.errors import EngineError
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.plan.plan import RunPlan, plan_run
from dinsar_cli.sentinel1.acquisition import Pair
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import Outcome, run_apart
from support.run_inputs import Inputs, write_inputs
from support.safe_factory import Product
from support.topsapp.isce2_packages import READER, module_file, write_helper, write_packages, write_program
from support.topsapp.isce2_process import find_isce2

PYTHON = Path(sys.executable)
OUR_LIBRARY = f"python{sys.version_info.major}.{sys.version_info.minor}"
NAMES = ("ISCE_HOME", "CONDA_PREFIX", "CONDA_EXE", "MAMBA_EXE", "MAMBA_ROOT_PREFIX", "CONDA_ENVS_DIRS")
KNOWN = ("S1A", "S1B", "S1C", "S1D")
KNOWS_ALL = "mission == 'S1A'\nmission == 'S1C'\nmission == 'S1D'\n"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment that names no ISCE2, with a HOME of its own."""
    for name in (*NAMES, "CONDA_ENVS_PATH", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(PYTHON.parent), "/usr/bin", "/bin"]))
    return monkeypatch


def write_isce2(folder: Path, **options: Any) -> Path:
    """Write an ISCE2 that works, but for what the options say."""
    home = write_packages(folder / "packages" / "isce", **options)
    write_program(home)
    return home


def fault(home: Path | None = None, python: Path | None = PYTHON) -> tuple[str, str]:
    """What is said of an ISCE2 that does not work: reason and remedy."""
    search = look_for_isce2(home, python)
    assert search.installation is None
    assert search.reason
    assert search.remedy
    return search.reason, search.remedy


def write_python(file: Path, program: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(program)
    file.chmod(0o755)
    return file


# --- one that works ---------------------------------------------------------------------------------------------


def test_working_one_tells_what_it_is(tmp_path: Path, bare: object) -> None:
    found, reason = find_isce2(write_isce2(tmp_path), PYTHON)
    assert found is not None, reason
    assert found.versions["version"] == "2.6.5"
    assert found.versions["gdal"] == "3.6.2"
    assert found.versions["python"] == sys.version.split()[0]
    assert found.versions["numpy"]
    assert not found.gpu


@pytest.mark.skipif(not shutil.which("gcc"), reason="the driver is compiled")
@pytest.mark.parametrize("devices", [0, 1])
def test_gpu_needs_modules_and_a_device(devices: int, tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    source = f"int cuInit(unsigned f) {{ return 0; }} int cuDeviceGetCount(int *n) {{ *n = {devices}; return 0; }}"
    driver = ["gcc", "-shared", "-fPIC", "-x", "c", "-o", str(tmp_path / "libcuda.so.1"), "-"]
    subprocess.run(driver, input=source, text=True, check=True)
    bare.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found, _ = find_isce2(write_isce2(tmp_path / "a", gpu=True), PYTHON)
    assert found is not None
    assert found.gpu is (devices > 0)
    home = write_isce2(tmp_path / "b", gpu=True)
    module_file(home / "components", "zerodop.GPUgeo2rdr.GPUgeo2rdr").write_text("import libcudart_of_nobody\n")
    found, _ = find_isce2(home, PYTHON)
    assert found is not None
    assert not found.gpu


def test_isce2_beside_its_link_is_called_isce(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """A build has the folder isce2 and a link isce, and its programs linked into bin."""
    home = write_isce2(tmp_path)
    home.rename(home.with_name("isce2"))
    home.symlink_to("isce2")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "topsApp.py").symlink_to(home.with_name("isce2") / "applications" / "topsApp.py")
    bare.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(tmp_path / "bin")]))
    found, reason = find_isce2(python=PYTHON)
    assert found is not None, reason
    assert found.home == home


@pytest.mark.parametrize("how", ["exe", "root", "dirs", "list", "usual", "base", "path"])
def test_conda_environment_by_name(how: str, tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """An environment beside ours is found in each way in which conda, mamba and micromamba place them."""
    root, name = tmp_path / "conda", "base" if how == "base" else "insar"
    prefix = root if how == "base" else root / "envs" / name
    match how:
        case "exe" | "base":
            bare.setenv("CONDA_EXE", str(root / "bin" / "conda"))
        case "root":
            bare.setenv("MAMBA_ROOT_PREFIX", str(root))
        case "dirs":
            bare.setenv("CONDA_ENVS_DIRS", str(root / "envs"))
        case "list":
            (tmp_path / "user" / ".conda").mkdir()
            (tmp_path / "user" / ".conda" / "environments.txt").write_text(f"/gone/insar\n{prefix}\n")
        case "usual":
            root = tmp_path / "user" / "miniforge3"
            prefix = root / "envs" / name
        case "path":
            name = str(prefix)
    home = prefix / "lib" / OUR_LIBRARY / "site-packages" / "isce"
    write_packages(home)
    write_program(home)
    write_python(prefix / "bin" / "python3", f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
    found, reason = find_isce2(conda_env=name)
    assert found is not None, reason
    assert found.home == home
    assert found.python == prefix / "bin" / "python3"
    assert found.environment(1, tmp_path)["PATH"].startswith(str(prefix / "bin"))


def test_built_by_hand_in_a_conda_environment(tmp_path: Path, bare: object) -> None:
    """The packages lie elsewhere, the Python is that of the environment."""
    home = write_isce2(tmp_path)
    python = write_python(tmp_path / "env" / "bin" / "python3", f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
    found, reason = find_isce2(home, conda_env=str(tmp_path / "env"))
    assert found is not None, reason
    assert found.python == python
    reason = look_for_isce2(home, conda_env="gone").reason
    assert "gone/bin/python3 the Python does not exist" in reason


def test_first_that_works_wins(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    broken = write_isce2(tmp_path / "broken", without=["osgeo"])
    works = write_isce2(tmp_path / "works")
    bare.setenv("ISCE_HOME", str(broken))
    bare.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(works / "applications")]))
    search = look_for_isce2(python=PYTHON)
    assert search.installation is not None
    assert search.installation.home == works
    assert [one.place for one in search.faults] == [broken]
    assert (search.reason, search.remedy) == ("", "")


def test_what_is_given_is_not_replaced(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("ISCE_HOME", str(write_isce2(tmp_path)))
    assert find_isce2(tmp_path / "other")[0] is None
    assert find_isce2(conda_env="other")[0] is None
    assert find_isce2()[0] is not None


def test_data_of_our_environment_does_not_get_in(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """PROJ and GDAL of another environment cannot read ours."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    bare.setenv("CONDA_PREFIX", str(ours))
    for name, folder in (("PROJ_DATA", "proj"), ("GDAL_DATA", "gdal")):
        bare.setenv(name, str(ours / "share" / folder))
    (theirs / "share" / "proj").mkdir(parents=True)
    (theirs / "share" / "proj" / "proj.db").touch()
    isce2 = Installation(theirs / "lib" / "isce", theirs / "bin" / "python3", {})
    environment = isce2.environment(1, tmp_path)
    assert environment["PROJ_DATA"] == environment["PROJ_LIB"] == str(theirs / "share" / "proj")
    assert "GDAL_DATA" not in environment
    bare.setenv("GDAL_DATA", str(tmp_path / "built by hand"))
    assert isce2.environment(1, tmp_path)["GDAL_DATA"] == str(tmp_path / "built by hand")


# --- broken ones: each is told in words of its own --------------------------------------------------------------


def test_absent(bare: object) -> None:
    reason, remedy = fault(python=None)
    assert "no ISCE2 is found" in reason
    assert "conda env create" in remedy


def test_home_that_is_not_there(tmp_path: Path, bare: object) -> None:
    reason, _ = fault(tmp_path / "gone")
    assert f"{tmp_path / 'gone'}: it does not exist" in reason


def test_home_without_topsapp(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    reason, remedy = fault(tmp_path)
    assert f"{tmp_path}: it has no applications/topsApp.py" in reason
    assert "isce2.home" in remedy
    bare.setenv("ISCE_HOME", str(tmp_path))
    assert fault(python=None)[0] == reason


def test_conda_environment_that_is_not_there(tmp_path: Path, bare: object) -> None:
    search = look_for_isce2(conda_env="insar")
    assert "insar: there is no conda environment of that name" in search.reason
    assert "conda env list" in search.remedy
    (tmp_path / "prefix").mkdir()
    search = look_for_isce2(conda_env=str(tmp_path / "prefix"))
    assert "it has no applications/topsApp.py" in search.reason


@pytest.mark.parametrize(
    ("without", "words", "remedy"),
    [
        ("osgeo", "lacks GDAL's Python bindings (osgeo)", "python3-gdal"),
        ("zerodop.geo2rdr.geo2rdr", "module zerodop.geo2rdr.geo2rdr: it is not there", "isce2.python"),
        ("contrib.Snaphu.snaphu", "module contrib.Snaphu.snaphu: it is not there", "install ISCE2 again"),
    ],
)
def test_missing_module(without: str, words: str, remedy: str, tmp_path: Path, bare: object) -> None:
    home = write_isce2(tmp_path, without=[without])
    found = fault(home)
    assert f"{home}: with {PYTHON} " in found[0]
    assert words in found[0]
    assert remedy in found[1]


def test_python_for_which_it_was_not_built(tmp_path: Path, bare: object) -> None:
    name = "zerodop.topozero.topozero"
    home = write_isce2(tmp_path, without=[name])
    module = module_file(home / "components", name)
    module.parent.mkdir()
    module.with_suffix(".cpython-27-x86_64-linux-gnu.so").write_bytes(b"of another Python")
    reason, remedy = fault(home)
    assert f"module {name}: it was built for Python 2.7, and this is {sys.version.split()[0]}" in reason
    assert "isce2.python" in remedy
    module.with_suffix(".cpython-27-x86_64-linux-gnu.so").rename(module.with_suffix(".so"))
    assert f"module {name}: it was built for another Python" in fault(write_copy(home, tmp_path))[0]


def test_packages_of_another_python(tmp_path: Path, bare: object) -> None:
    """Modules with plain names load into any Python, and may crash only when they are called."""
    home = write_isce2(tmp_path)
    (tmp_path / "lib" / "python3.9").mkdir(parents=True)
    site = home.parent.rename(tmp_path / "lib" / "python3.9" / "site-packages")
    reason, remedy = fault(site / "isce")
    assert f"with {PYTHON} ISCE2 was built for Python 3.9, and this is {sys.version.split()[0]}" in reason
    assert "isce2.python" in remedy


def write_copy(home: Path, folder: Path) -> Path:
    """Copy an ISCE2: what was found out about a place is remembered."""
    shutil.copytree(home.parent, folder / "copy")
    return folder / "copy" / home.name


def test_module_that_crashes(tmp_path: Path, bare: object) -> None:
    home = write_isce2(tmp_path)
    crash = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    module_file(home / "components", "mroipac.icu.icu").write_text(crash)
    reason, _ = fault(home)
    assert "mroipac.icu.icu" in reason
    assert "ended by signal 11" in reason


def test_package_that_isce2_needs(tmp_path: Path, bare: object) -> None:
    home = write_isce2(tmp_path)
    module_file(home / "components", "iscesys.ImageApi.DataAccessor").write_text("import package_of_nobody\n")
    reason, remedy = fault(home)
    assert "lacks the package package_of_nobody" in reason
    assert f"install package_of_nobody for {PYTHON}" in remedy


def test_import_that_fails(tmp_path: Path, bare: object) -> None:
    home = write_isce2(tmp_path)
    (home / "__init__.py").write_text("raise OSError('logging.conf is missing')\n")
    reason, remedy = fault(home)
    assert "import isce fails (OSError: logging.conf is missing)" in reason
    assert "install ISCE2 again" in remedy


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        (lambda file: file.unlink(), "which the step unwrap calls, is missing on PATH"),
        (lambda file: file.chmod(0o644), "may not be executed"),
        (lambda file: write_helper(file.parents[1], interpreter="/gone/python3"), "cannot be started"),
        (lambda file: write_helper(file.parents[1], "import numpy_of_nobody"), "fails (ModuleNotFoundError"),
    ],
)
def test_helper_program(mend: Callable[[Path], object], words: str, tmp_path: Path, bare: object) -> None:
    home = write_isce2(tmp_path)
    mend(home / "applications" / "imageMath.py")
    reason, remedy = fault(home)
    assert "imageMath.py" in reason
    assert words in reason
    assert "imageMath.py" in remedy or "isce2.python" in remedy


def test_helper_gets_another_python(tmp_path: Path, bare: object) -> None:
    """The Python works, but ``env python3`` in its folder is one without GDAL."""
    home = write_isce2(tmp_path / "isce2")
    python = write_python(tmp_path / "bin" / "python3.11", f'#!/bin/sh\nexec "{PYTHON}" "$@"\n')
    write_python(tmp_path / "bin" / "python3", f'#!/bin/sh\nexec "{PYTHON}" -I -S "$@"\n')
    reason, remedy = fault(home, python)
    assert "imageMath.py, which the step unwrap calls, fails (ModuleNotFoundError" in reason
    assert str(tmp_path / "bin" / "python3") in remedy


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "the Python does not exist"),
        ("#!/bin/sh\n", 0o644, "the Python may not be executed"),
        ("no program\n", 0o755, "the Python cannot be started"),
        ("#!/bin/sh\necho ISCE >&2; exit 3\n", 0o755, "cannot run Python code (ISCE)"),
    ],
)
def test_python_that_is_none(content: str | None, mode: int, words: str, tmp_path: Path, bare: object) -> None:
    home, python = write_isce2(tmp_path), tmp_path / "python"
    if content is not None:
        python.write_text(content)
        python.chmod(mode)
    reason, remedy = fault(home, python)
    assert words in reason
    assert "isce2.python" in remedy


def test_python_without_isce2(tmp_path: Path, bare: object) -> None:
    python = write_python(tmp_path / "bin" / "python3", "#!/bin/sh\n")
    reason, remedy = fault(python=python)
    assert f"{python}: its environment has no ISCE2" in reason
    assert "isce2.home" in remedy


def test_numpy_without_int(tmp_path: Path, bare: object) -> None:
    """ISCE2 before 2.6.3 uses np.int, which numpy 1.24 removed."""
    home = write_isce2(tmp_path, version="2.6.2", reader="offset = np.int(np.rint(1.0))\n")
    reason, remedy = fault(home)
    assert "is too new for ISCE2 2.6.2, which needs numpy < 1.24" in reason
    assert "update ISCE2" in remedy


def test_numpy_that_formats_no_arrays(tmp_path: Path, bare: object) -> None:
    """Poly2D formats an array of one element as a number, which numpy 2.4 refuses."""
    home = write_isce2(tmp_path)
    text = "class Poly2D:\n    def initPoly(self, **_): pass\n    def polyfit(self, *_): print('%f' % [0.0])\n"
    module_file(home / "components", "isceobj.Util.Poly2D").write_text(text)
    reason, remedy = fault(home)
    assert "numpy is too new" in reason
    assert "numpy < 2.4" in remedy


def test_all_candidates_are_told_and_the_nearest_is_to_be_mended(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    far, near = write_isce2(tmp_path / "far", without=["osgeo"]), write_isce2(tmp_path / "near")
    (near / "applications" / "imageMath.py").chmod(0o644)
    bare.setenv("ISCE_HOME", str(far))
    bare.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(near / "applications")]))
    reason, remedy = fault(python=PYTHON)
    assert reason.index(str(far)) < reason.index("osgeo") < reason.index(str(near)) < reason.index("executed")
    assert remedy == f"chmod a+x {near / 'applications' / 'imageMath.py'}"


def test_one_that_is_named_twice_is_told_once(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    home = write_isce2(tmp_path, without=["osgeo"])
    bare.setenv("ISCE_HOME", str(tmp_path))
    bare.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(home / "applications")]))
    bare.setenv("CONDA_PREFIX", str(tmp_path))
    search = look_for_isce2(python=PYTHON)
    assert len(search.faults) == 1
    assert "osgeo" in search.reason


def test_faults_of_many_pythons_are_joined(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    home = write_isce2(tmp_path)
    (home / "__init__.py").write_text("raise OSError('logging.conf is missing')\n")
    pythons = [write_python(tmp_path / name / "python3", f'#!/bin/sh\nexec "{PYTHON}" "$@"\n') for name in "ab"]
    bare.setenv("PATH", os.pathsep.join([*(str(python.parent) for python in pythons), "/bin"]))
    reason = look_for_isce2(home).reason
    assert f"with {pythons[0]} and {pythons[1]}" in reason
    assert reason.count(str(home)) == 1


# --- versions and satellites ------------------------------------------------------------------------------------


def test_versions_are_compared_as_versions() -> None:
    rising = ["", "2.3", "2.6.3", "2.6.4", "2.6.5.dev1", "2.6.5rc2", "2.6.5", "2.6.10", "2.10"]
    assert sorted(rising, key=version_key) == rising
    assert version_key("Release: 2.6.3, svn 2517") == version_key("2.6.3")
    assert version_key("2.0.0_201604_dempatch") < version_key("2.0.1")
    assert version_key("unknown") == ()


@pytest.mark.parametrize(
    ("version", "reader", "unread"),
    [
        ("2.6.5", "", ""),
        ("2.6.4", "", "S1D"),
        ("2.6.5.dev1", "", "S1D"),
        ("2.6.3", "", "S1C S1D"),
        ("unknown", "", "S1C S1D"),
        # the release 2.6.4 calls itself 2.6.3, and people mend older ones by hand
        ("2.6.3", "mission == 'S1C'", "S1D"),
        ("2.5.2", KNOWS_ALL, ""),
    ],
)
def test_satellites_that_it_reads(version: str, reader: str, unread: str, tmp_path: Path) -> None:
    home = write_packages(tmp_path / "isce", version=version, reader=reader)
    isce2 = Installation(home, PYTHON, {"version": version})
    assert [mission for mission in KNOWN if not isce2.reads(mission)] == unread.split()


@pytest.fixture(scope="module")
def sentinel_1d(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Two dates of Sentinel-1D."""
    return write_inputs(tmp_path_factory.mktemp("s1d"), Product(mission="S1D"))


def pair_of(inputs: Inputs) -> Pair:
    return SlcManager(tuple(inputs.scenes)).plan(None, "auto").pair


def test_old_isce2_is_refused_and_auto_falls_back(
    tmp_path: Path, sentinel_1d: Inputs, bare: pytest.MonkeyPatch
) -> None:
    home = write_isce2(tmp_path, version="2.6.4")
    options = {"isce2.home": str(home), "isce2.python": str(PYTHON)}
    pair = pair_of(sentinel_1d)
    engine, reason = find_engine(build_config(None, options), pair)
    assert engine.name == "eos"
    assert "ISCE2 2.6.4" in reason
    assert "S1D, which needs ISCE2 2.6.5 or later" in reason
    with pytest.raises(EngineError) as caught:
        find_engine(build_config(None, options | {"engine": "isce2"}), pair)
    assert "needs ISCE2 2.6.5" in caught.value.cause
    assert "update ISCE2" in caught.value.remedy
    assert find_engine(build_config(None, options))[0].name == "isce2"


def planned(inputs: Inputs, cache: Path, home: Path, engine: str) -> RunPlan:
    options = {
        "slc.files": [str(scene) for scene in inputs.scenes],
        "orbits.dir": str(inputs.orbits),
        "dem.file": str(inputs.dem),
        "dem.datum": "ellipsoid",
        "looks": "1x1",
        "engine": engine,
        "isce2.home": str(home),
        "isce2.python": str(PYTHON),
    }
    return plan_run(request_of(build_config(None, options)), cache)


def test_plan_chooses_an_engine_that_reads_the_scenes(
    tmp_path: Path, sentinel_1d: Inputs, inputs: Inputs, bare: object
) -> None:
    home = write_isce2(tmp_path, version="2.6.4")
    plan = planned(sentinel_1d, tmp_path / "cache", home, "auto")
    assert plan.engine.name == "eos"
    assert any("S1D, which needs ISCE2 2.6.5" in note for note in plan.notes)
    assert planned(inputs, tmp_path / "cache", home, "auto").engine.name == "isce2"


def test_plan_warns_of_narrow_scenes(tmp_path: Path, inputs: Inputs, bare: object) -> None:
    home = write_isce2(tmp_path)
    narrow = [text for text in planned(inputs, tmp_path / "c", home, "isce2").warnings if "columns" in text]
    assert len(narrow) == 1
    assert "needs 2000" in narrow[0]
    assert "--engine eos" in narrow[0]
    assert not any("columns" in text for text in planned(inputs, tmp_path / "c", home, "eos").warnings)


# --- through the command line -----------------------------------------------------------------------------------


def write_config(file: Path, **isce2: object) -> Path:
    file.write_text("\n".join(["isce2:", *(f"  {name}: {str(value)!r}" for name, value in isce2.items())]) + "\n")
    return file


def run(inputs: Inputs, folder: Path, *options: object) -> Outcome:
    """Run the program apart: the files are in the options, ISCE2 in a configuration file."""
    folders = ["--workdir", folder / "work", "--cache", folder / "cache"]
    return run_apart("run", *options, *inputs.options(), *folders)


@pytest.mark.parametrize(
    ("breaking", "words"),
    [
        (shutil.rmtree, "has no applications/topsApp.py"),
        (lambda home: (home.parent / "osgeo" / "gdal.py").unlink(), "GDAL's Python bindings"),
        (lambda home: (home / "applications" / "imageMath.py").unlink(), "imageMath.py"),
        (lambda home: (home / "applications" / "imageMath.py").chmod(0o600), "may not be executed"),
    ],
)
def test_broken_isce2_is_refused_before_anything_begins(
    breaking: Callable[[Path], object], words: str, tmp_path: Path, inputs: Inputs, bare: object
) -> None:
    home = write_isce2(tmp_path)
    breaking(home)
    config = write_config(tmp_path / "dinsar.yaml", home=home.parents[1], python=PYTHON)
    outcome = run(inputs, tmp_path, config, "--engine", "isce2")
    assert outcome.code == 6, outcome.err
    problem, cause, remedy = outcome.error
    assert "isce2" in problem
    assert words in cause
    assert remedy
    assert not list((tmp_path / "work").glob("T*"))


def test_old_isce2_is_refused_through_the_command_line(tmp_path: Path, sentinel_1d: Inputs, bare: object) -> None:
    home = write_isce2(tmp_path, version="2.6.4")
    config = write_config(tmp_path / "dinsar.yaml", home=home, python=PYTHON)
    outcome = run(sentinel_1d, tmp_path, config, "--engine", "isce2")
    assert outcome.code == 6, outcome.err
    assert "2.6.5" in outcome.error[1]
    assert not list((tmp_path / "work").glob("T*"))


def test_doctor_shows_the_one_that_works_and_what_is_wrong(
    tmp_path: Path, bare: pytest.MonkeyPatch, dinsar: Callable[..., Outcome]
) -> None:
    home = write_isce2(tmp_path / "works")
    folders = ("--workdir", tmp_path, "--cache", tmp_path / "cache")
    bare.setenv("ISCE_HOME", str(home))
    text = dinsar("doctor", *folders).out
    line = next(line for line in text.splitlines() if "engine isce2" in line)
    assert line.startswith("ok")
    for part in ("ISCE2 2.6.5", "gdal 3.6.2", "numpy", str(home), "python3", "without GPU"):
        assert part in line
    broken = write_isce2(tmp_path / "broken", without=["mroipac.icu.icu"])
    bare.setenv("ISCE_HOME", str(broken))
    outcome = dinsar("doctor", *folders)
    lines = outcome.out.splitlines()
    at = next(number for number, line in enumerate(lines) if "engine isce2" in line)
    assert lines[at].startswith("--")
    assert "mroipac.icu.icu" in lines[at]
    assert "isce2.python" in lines[at + 1]
    assert outcome.code == 0  # the embedded engine works


# --- the real one -----------------------------------------------------------------------------------------------

TOPSAPP_XML = """<topsApp><component name="topsinsar">
<property name="Sensor name">SENTINEL1</property>
<property name="swaths">[1]</property>
<property name="use virtual files">True</property>
{scenes}
</component></topsApp>
"""
SCENE_XML = """<component name="{name}">
<property name="safe">['{safe}']</property>
<property name="orbit file">{orbit}</property>
<property name="output directory">{name}</property>
<property name="polarization">vv</property>
</component>
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    return simulate(Scenario(columns=2000, bursts=1), tmp_path_factory.mktemp("simulated") / "pair")


@pytest.mark.isce2
@pytest.mark.parametrize("user", ["/proc", "/nobody/has/this", None, ""])
def test_isce2_needs_no_home(
    user: str | None, stack: SimulatedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOME may be read-only (as /proc is, also for root), missing, or not set; none is made or written to."""
    if user is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", user or str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    isce2, reason = find_isce2()
    if isce2 is None:
        pytest.skip(reason)
    scenes = [
        SCENE_XML.format(name=name, safe=slices[0], orbit=orbit)
        for name, slices, orbit in zip(("reference", "secondary"), stack.products, stack.orbits, strict=True)
    ]
    (work / "topsApp.xml").write_text(TOPSAPP_XML.format(scenes="".join(scenes)))
    done = subprocess.run(
        [str(isce2.python), str(isce2.program), "topsApp.xml", "--start=startup", "--end=preprocess"],
        cwd=work,
        env=isce2.environment(1, work),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    for name in ("reference", "secondary"):
        assert (work / name / "IW1.xml").is_file()
    assert list((tmp_path / "user").iterdir()) == []
    assert not Path("/nobody").exists()


@pytest.mark.isce2
def test_real_one_reads_all_satellites_and_uses_its_own_python() -> None:
    isce2, reason = find_isce2()
    if isce2 is None:
        pytest.skip(reason)
    assert version_key(isce2.versions["version"]) >= version_key("2.6.5")
    assert all(f"'{mission}'" in (isce2.home / "components/isceobj" / READER).read_text() for mission in KNOWN)
    assert not isce2.too_old_for(KNOWN)


@pytest.mark.isce2
@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("components/zerodop/geo2rdr/geo2rdr.so", "module zerodop.geo2rdr.geo2rdr: it is not there"),
        ("components/isceobj/Util/Poly2D.py", "module isceobj.Util.Poly2D: it is not there"),
        ("applications/imageMath.py", "imageMath.py, which the step unwrap calls, is missing"),
        ("defaults/logging/logging.conf", "import isce fails"),
        ("applications/topsApp.py", "it has no applications/topsApp.py"),
    ],
)
def test_real_one_with_a_file_less(gone: str, words: str, tmp_path: Path) -> None:
    isce2, reason = find_isce2()
    if isce2 is None:
        pytest.skip(reason)
    home = tmp_path / "packages" / "isce"
    home.parent.mkdir()
    for folder, _, files in os.walk(isce2.home):  # links: it is large
        there = home / Path(folder).relative_to(isce2.home)
        there.mkdir()
        for name in files:
            (there / name).symlink_to(Path(folder) / name)
    (home / gone).unlink()
    assert words in fault(home, isce2.python)[0]
