"""Finding an ISCE2 that works, in whatever environment it lives, and the environment that its processes need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROBE_TIMEOUT = 60.0  # s
# GDAL's bindings, ISCE2, and one of its compiled modules: a Python for which it was not built has only some of them
_PROBE = (
    "import json, sys; from osgeo import gdal; import isce, zerodop.topozero.topozero; "
    "print('\\n' + json.dumps({'version': isce.release_version, 'python': sys.version.split()[0], "
    "'gdal': gdal.__version__}))"
)
_KEPT = ("HOME", "TMPDIR", "LD_LIBRARY_PATH", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "SYSTEMROOT")


@dataclass(frozen=True)
class Installation:
    """An ISCE2 that can be run.

    Attributes
    ----------
    home : Path
        The package folder ``isce``: ISCE_HOME.
    python : Path
        Interpreter that has ISCE2 and GDAL's bindings.
    versions : dict
        Of ISCE2, its Python and its GDAL; empty before it is probed.
    """

    home: Path
    python: Path
    versions: Mapping[str, str]

    @property
    def program(self) -> Path:
        """``topsApp.py``."""
        return self.home / "applications" / "topsApp.py"

    def environment(self, threads: int, folder: Path) -> dict[str, str]:
        """All variables of its processes: nothing of the Python that runs this program gets in.

        Some steps call helper programs through the shell, which start ``env python3``: the right Python must come
        first on PATH. Threads of OpenMP that spin while they wait make `topo` several times slower on a busy
        machine.

        Parameters
        ----------
        threads : int
            For OpenMP.
        folder : Path
            Writable place for caches of its libraries.
        """
        programs = [
            self.python.parent,
            self.home / "applications",
            self.home / "bin",
            self.home.parent.parent / "bin",
            Path("/usr/local/bin"),
            Path("/usr/bin"),
            Path("/bin"),
        ]
        modules = [self.home.parent, self.home / "components", self.home / "applications"]
        return {name: value for name in _KEPT if (value := os.environ.get(name)) is not None} | {
            "ISCE_HOME": str(self.home),
            "PATH": os.pathsep.join(map(str, programs)),
            "PYTHONPATH": os.pathsep.join(map(str, modules)),
            "PYTHONUNBUFFERED": "1",
            "MPLCONFIGDIR": str(folder),
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "passive",
        }


def find_isce2(
    home: Path | None = None, python: Path | None = None, conda_env: str | None = None
) -> tuple[Installation | None, str]:
    """Find the first ISCE2 that works.

    Looked for in this order: what is given; ``ISCE_HOME``; ``topsApp.py`` on PATH; the active conda environment.

    Parameters
    ----------
    home : Path, optional
        Package folder ``isce``, or a prefix that contains it.
    python : Path, optional
        Interpreter that has ISCE2.
    conda_env : str, optional
        Name or prefix of a conda environment that has it.

    Returns
    -------
    installation : Installation or None
        The one that works.
    reason : str
        Why there is none; empty otherwise.
    """
    return _find(home, python, conda_env, _surroundings())


def _surroundings() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in ("ISCE_HOME", "PATH", "CONDA_PREFIX", "CONDA_EXE"))


@cache
def _find(
    home: Path | None, python: Path | None, conda_env: str | None, _: tuple[str | None, ...]
) -> tuple[Installation | None, str]:
    faults: list[str] = []
    homes = list(dict.fromkeys(_homes(home, python, conda_env)))
    for candidate in homes:
        for interpreter in [python] if python else list(dict.fromkeys(_interpreters(candidate))):
            found, fault = _probe(candidate, interpreter)
            if found is not None:
                return found, ""
            faults.append(f"{interpreter}: {fault}")
    if not homes:
        return None, "no ISCE2 is found (ISCE_HOME, topsApp.py on PATH, conda environment)"
    return None, f"{homes[0]} does not work: {'; '.join(faults) or 'there is no python3 for it'}"


def _homes(home: Path | None, python: Path | None, conda_env: str | None) -> Iterator[Path]:
    if home is not None:
        yield from _packages(home)
    elif python is not None:
        yield from _packages(python.parent.parent)
    elif conda_env is not None:
        yield from (found for prefix in _conda_prefixes(conda_env) for found in _packages(prefix))
    else:
        if named := os.environ.get("ISCE_HOME"):
            yield from _packages(Path(named))
        if program := shutil.which("topsApp.py"):
            yield from _packages(Path(program).resolve().parents[1])
        if prefix := os.environ.get("CONDA_PREFIX"):
            yield from _packages(Path(prefix))


def _packages(place: Path) -> Iterator[Path]:
    """Package folders ``isce`` at a place: the folder itself, or inside a prefix."""
    place = place.expanduser().absolute()
    for pattern in (".", "packages/isce", "lib/python3*/site-packages/isce"):
        for program in sorted(place.glob(f"{pattern}/applications/topsApp.py")):
            yield program.parents[1]


def _conda_prefixes(name: str) -> Iterator[Path]:
    if Path(name).is_dir():
        yield Path(name)
    bases = [Path(exe).parents[1] for exe in (os.environ.get("CONDA_EXE"), shutil.which("conda")) if exe]
    if prefix := os.environ.get("CONDA_PREFIX"):
        bases += [Path(prefix), *Path(prefix).parents[1:2]]
    for base in bases:
        if (base / "envs" / name).is_dir():
            yield base / "envs" / name


def _interpreters(home: Path) -> Iterator[Path]:
    """Interpreters of the environment that ISCE2 is installed in, those on PATH, and the system's."""
    folders = [parent / "bin" for parent in home.parents[:-1]]
    folders += [Path(entry) for entry in os.get_exec_path() if entry]
    for folder in (*folders, Path("/usr/bin")):
        if (python := folder / "python3").is_file():
            yield python


def _probe(home: Path, python: Path) -> tuple[Installation | None, str]:
    """Import ISCE2 in a process of its own; it writes a log into the folder where it runs."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Installation(home, python, {})
        try:
            done = subprocess.run(
                [str(python), "-c", _PROBE],
                cwd=folder,
                env=bare.environment(1, Path(folder)),
                capture_output=True,
                text=True,
                timeout=_PROBE_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"it ended with code {done.returncode}"
    try:
        versions = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None, "it gives no version"
    return Installation(home, python, versions), ""
