"""Finding a MintPy that works, in whatever environment it lives."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dinsar_cli.base.processes.conda import conda_prefixes
from dinsar_cli.base.processes.programs import run_to_end
from dinsar_cli.errors import EngineError
from dinsar_cli.timeseries.mintpy.scripts import probe

VARIABLE: Final = "DINSAR_MINTPY_PYTHON"
PROGRAM: Final = "smallbaselineApp.py"
INSTALL: Final = (
    "Install it (conda create -n mintpy -c conda-forge mintpy): an environment of that name is found. Or name the "
    f"Python that has it with --mintpy-python, --mintpy-env or {VARIABLE}."
)
_USUAL: Final = "mintpy"  # name of the environment in MintPy's own instructions
_TIMEOUT: Final = 120.0  # s; the first import compiles hundreds of files
_KEPT: Final = ("HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_DATA: Final = (("PROJ_DATA", "share/proj"), ("PROJ_LIB", "share/proj"), ("GDAL_DATA", "share/gdal"))
_MISSING: Final = re.compile(r"No module named '([^'.]+)")


@dataclass(frozen=True)
class MintPy:
    """A MintPy that can be run.

    Attributes
    ----------
    python : Path
        Interpreter that has it.
    version : str
    keys : frozenset of str
        Of its configuration.
    """

    python: Path
    version: str
    keys: frozenset[str]

    def environment(self, folder: Path) -> dict[str, str]:
        """Return all variables of its processes; nothing of the Python that runs this program gets in.

        Parameters
        ----------
        folder : Path
            Writable place for caches of its libraries.
        """
        return environment_of(self.python, folder)


def environment_of(python: Path, folder: Path) -> dict[str, str]:
    """Return the variables of a process of some Python.

    It solves cell by cell: threads of its linear algebra would only wait for each other.
    """
    prefix = python.absolute().parent.parent
    kept = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
    data = {name: str(prefix / place) for name, place in _DATA if (prefix / place).is_dir()}
    programs = [str(python.absolute().parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return (
        kept
        | data
        | {
            "PATH": os.pathsep.join(programs),
            "PYTHONUNBUFFERED": "1",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": str(folder),
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
    )


@dataclass(frozen=True)
class _Fault:
    """Why MintPy does not work with a Python, and what to do about it."""

    python: Path
    text: str
    remedy: str = INSTALL


def find_mintpy(python: Path | None = None, conda_env: str | None = None) -> MintPy:
    """Look for a MintPy that works.

    Parameters
    ----------
    python : Path, optional
        Interpreter that has it.
    conda_env : str, optional
        Name or prefix of a conda environment that has it.

    Returns
    -------
    MintPy
        What is given is the only place then, or else what ``DINSAR_MINTPY_PYTHON`` names. Otherwise
        ``smallbaselineApp.py`` on PATH, the active conda environment, a conda environment ``mintpy`` and this
        Python are tried in this order.

    Raises
    ------
    EngineError
        When there is none.
    """
    faults: list[_Fault] = []
    candidates = list(dict.fromkeys(_candidates(python, conda_env)))
    for candidate in candidates:
        found = _examine(candidate)
        if isinstance(found, MintPy):
            return found
        faults.append(found)
    if not faults:
        raise EngineError(
            "There is no MintPy.", f"There is no conda environment of the name or path {conda_env}.", INSTALL
        )
    causes = "; ".join(f"{fault.python} {fault.text}" for fault in faults)
    if candidates == [Path(sys.executable)] and python is None:
        causes = f"{PROGRAM} is not on PATH, there is no conda environment {_USUAL}, and {causes}"
    told = next((fault for fault in faults if fault.remedy != INSTALL), faults[0])
    raise EngineError("There is no MintPy that works.", f"{causes}.", told.remedy)


def _candidates(python: Path | None, conda_env: str | None) -> Iterator[Path]:
    if python is not None:
        yield python
        return
    if conda_env is not None:
        yield from (prefix / "bin" / "python" for prefix in conda_prefixes(conda_env))
        return
    if named := os.environ.get(VARIABLE):
        yield Path(named)
        return
    if program := shutil.which(PROGRAM):
        yield _python_of(Path(program))
    prefixes = [Path(active)] if (active := os.environ.get("CONDA_PREFIX")) else []
    yield from (prefix / "bin" / "python" for prefix in (*prefixes, *conda_prefixes(_USUAL)))
    yield Path(sys.executable)


def _python_of(program: Path) -> Path:
    """Return the Python of a program: that of its first line, or the one beside it."""
    with program.open("rb") as file:
        first = file.readline().decode("utf-8", "replace").strip()
    named = Path(first.removeprefix("#!").strip()) if first.startswith("#!") else Path()
    return named if named.is_file() and "python" in named.name else program.parent / "python3"


def _examine(python: Path) -> MintPy | _Fault:
    """Load MintPy with an interpreter, in a process of its own."""
    if not python.is_file():
        return _Fault(python, "does not exist")
    with tempfile.TemporaryDirectory() as name:
        code, folder = Path(probe.__file__).read_text(encoding="utf-8"), Path(name)
        ended = run_to_end([str(python), "-c", code], folder, environment_of(python, folder), _TIMEOUT)
    if isinstance(ended, OSError):
        if ended.errno == errno.ETIMEDOUT:
            return _Fault(python, f"did not load MintPy within {_TIMEOUT:.0f} s")
        return _Fault(python, f"cannot be started ({ended.strerror or ended})")
    told = ended.stdout.rpartition(f"{probe.STAGE}end")[2].strip()
    if ended.returncode == 0 and told:
        facts = json.loads(told)
        return MintPy(python, facts["version"], frozenset(facts["keys"]))
    return _stopped(python, ended.stdout, ended.stderr)


def _stopped(python: Path, out: str, err: str) -> _Fault:
    """Tell from the last thing that the probe began why it could not go on."""
    stages = [line for line in out.splitlines() if line.startswith(probe.STAGE)]
    stage = stages[-1].removeprefix(probe.STAGE).strip() if stages else ""
    lines = err.strip().splitlines()
    said = lines[-1].strip() if lines else "it ended without a word"
    missing = _MISSING.search(said)
    if stage in ("", "numpy", "h5py", "mintpy") and missing is not None:
        return _Fault(python, f"has no {missing[1]}")
    if stage.startswith("osgeo"):
        text = f"has MintPy without bindings of GDAL that work ({said})"
        remedy = f"Install them for {python}: conda install gdal, or python3-gdal of the system with numpy < 2."
        return _Fault(python, text, remedy)
    if missing is not None:
        return _Fault(
            python, f"has MintPy without {missing[1]}", f"Install it: {python} -m pip install {missing[1]}"
        )
    return _Fault(python, f"cannot load {stage or 'anything'} ({said})")
