"""Finding an ISCE2 that works, in whatever environment it lives, and the environment that its processes need."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from dinsar_cli.base.processes.conda import conda_prefixes
from dinsar_cli.engines.topsapp.process import search_paths as places
from dinsar_cli.engines.topsapp.process.installation_check import Fault, Findings, examine

# The satellites that came after the first two, with the version whose reader knows them: in older ones
# isceobj/Sensor/TOPS/Sentinel1.py ends with "Encountered unknown mission id" (isce2 #947, mended by #951; #28123).
FIRST_VERSION = {"S1C": "2.6.4", "S1D": "2.6.5"}

_READER = Path("components") / "isceobj" / "Sensor" / "TOPS" / "Sentinel1.py"
_VERSION = re.compile(r"(\d+(?:\.\d+)+)[.\-_]?(dev|a|b|rc)?")
_KEPT = ("HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
# Data of PROJ and GDAL: variable, folder in the prefix of a Python, a file in it
_DATA = (
    ("PROJ_DATA", "share/proj", "proj.db"),
    ("PROJ_LIB", "share/proj", "proj.db"),
    ("GDAL_DATA", "share/gdal", "gdalvrt.xsd"),
)
_SPIN = 2000  # turns, a few microseconds
_LOOK, _IDLE = 0.2, 25.0  # seconds, and percent of all cores
_LOOKING = threading.Lock()
_TO_INSTALL = "conda env create -f environment.yml, or set ISCE_HOME or isce2.home"
_TO_REINSTALL = "install ISCE2 again, or set isce2.home to another one"


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
        Of ISCE2, its Python, its numpy and its GDAL; empty before it is probed.
    gpu : bool
        Whether the modules for a GPU were built, and there is a GPU with a driver.
    """

    home: Path
    python: Path
    versions: Mapping[str, str]
    gpu: bool = False

    @property
    def program(self) -> Path:
        """``topsApp.py``."""
        return self.home / places.PROGRAM

    def environment(self, threads: int, folder: Path) -> dict[str, str]:
        """Return all variables of its processes: nothing of the Python that runs this program gets in.

        Parameters
        ----------
        threads : int
            For OpenMP.
        folder : Path
            Writable place for caches of its libraries.
        """
        kept = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
        return kept | self.own_variables(threads, folder)

    def own_variables(self, threads: int, folder: Path) -> dict[str, str]:
        """Return the variables that its processes need beside those of the machine.

        Some steps call helper programs through the shell, which start ``env python3``: the right Python must come
        first on PATH. Threads of OpenMP that spin while they wait make `topo` several times slower on a busy
        machine; where it is idle, a short spin makes it a quarter faster, for it has 36 parallel loops a line.

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
        return dict(self._data()) | {
            "ISCE_HOME": str(self.home),
            "PATH": os.pathsep.join(map(str, programs)),
            "PYTHONPATH": os.pathsep.join(map(str, modules)),
            "PYTHONUNBUFFERED": "1",
            "MPLCONFIGDIR": str(folder),
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "passive",
            "GOMP_SPINCOUNT": str(_SPIN if threads > 1 and _is_idle() else 0),
        }

    def _data(self) -> Iterator[tuple[str, str]]:
        """Tell where its GDAL and PROJ have their data: those of another environment, ours, may not fit them."""
        prefix = self.python.absolute().parent.parent
        ours = [Path(folder) for folder in (sys.prefix, os.environ.get("CONDA_PREFIX")) if folder]
        for name, folder, file in _DATA:
            given = os.environ.get(name)
            if (prefix / folder / file).is_file():
                yield name, str(prefix / folder)
            elif given and not any(Path(given).is_relative_to(other) for other in ours if other != prefix):
                yield name, given

    def reads(self, mission: str) -> bool:
        """Tell whether it can read the scenes of a satellite.

        Its reader is asked when its version is too low: 2.6.4 calls itself 2.6.3, and people mend older ones.
        """
        needed = FIRST_VERSION.get(mission)
        enough = needed is None or version_key(self.versions.get("version", "")) >= version_key(needed)
        return enough or f"'{mission}'" in _reader(self.home)

    def too_old_for(self, missions: Iterable[str]) -> list[str]:
        """Return the sentences about the satellites whose scenes it cannot read."""
        return [
            f"ISCE2 {self.versions.get('version', '')} in {self.home} cannot read scenes of {mission}, which needs "
            f"ISCE2 {FIRST_VERSION[mission]} or later"
            for mission in sorted(missions)
            if not self.reads(mission)
        ]


def _is_idle() -> bool:
    """Tell whether the machine has little to do just now."""
    return psutil.cpu_percent(_LOOK) < _IDLE


def version_key(text: str) -> tuple[int, ...]:
    """Turn the first version number in a text into something that can be compared.

    Parameters
    ----------
    text : str
        Such as ``2.6.5``, ``2.6.5.dev1`` (before 2.6.5) or ``Release: 2.6.3, svn``. Without a number it is lower
        than every version.
    """
    found = _VERSION.search(text)
    if found is None:
        return ()
    numbers = [int(part) for part in found[1].split(".")]
    return (*numbers[:4], *[0] * (4 - len(numbers)), 0 if found[2] else 1)


@dataclass(frozen=True)
class Search:
    """What a search for ISCE2 has found.

    Attributes
    ----------
    installation : Installation or None
        The first that works.
    faults : tuple of Fault
        What is wrong with the ones before it.
    """

    installation: Installation | None
    faults: tuple[Fault, ...]

    @property
    def reason(self) -> str:
        """Why there is none; empty when there is one."""
        if self.installation is not None:
            return ""
        if not self.faults:
            return "no ISCE2 is found (ISCE_HOME, topsApp.py on PATH, conda environment)"
        by_place: dict[Path, dict[str, list[str]]] = {}
        for fault in self.faults:
            pythons = by_place.setdefault(fault.place, {}).setdefault(fault.text, [])
            pythons += [str(fault.python)] if fault.python else []
        return "; ".join(
            f"{place}: {', '.join(_with(pythons, text) for text, pythons in found.items())}"
            for place, found in by_place.items()
        )

    @property
    def remedy(self) -> str:
        """What to do about the one that came nearest to working; empty when one works."""
        if self.installation is not None:
            return ""
        return max(self.faults, key=lambda fault: fault.reached).remedy if self.faults else _TO_INSTALL


def _with(pythons: list[str], text: str) -> str:
    return f"with {' and '.join(pythons)} {text}" if pythons else text


def look_for_isce2(home: Path | None = None, python: Path | None = None, conda_env: str | None = None) -> Search:
    """Look for an ISCE2 that works.

    Parameters
    ----------
    home : Path, optional
        Package folder ``isce``, or a prefix that contains it.
    python : Path, optional
        Interpreter that has ISCE2.
    conda_env : str, optional
        Name or prefix of a conda environment that has it; with `home`, the one whose Python it was built with.

    Returns
    -------
    Search
        What is given is the only place then. Else ``ISCE_HOME``, ``topsApp.py`` on PATH and the active conda
        environment are tried in this order.
    """
    with _LOOKING:  # who comes while somebody looks has what that one finds
        return _look(home, python, conda_env, places.surroundings())


def look_meanwhile(home: Path | None = None, python: Path | None = None, conda_env: str | None = None) -> None:
    """Let `look_for_isce2` begin in a thread, for it takes a second or two: what it finds is found once."""
    threading.Thread(target=look_for_isce2, args=(home, python, conda_env), daemon=True).start()


@cache
def _look(home: Path | None, python: Path | None, conda_env: str | None, _: tuple[str | None, ...]) -> Search:
    faults: list[Fault] = []
    pythons = [python] if python else _pythons_of(conda_env) if home and conda_env else []
    for place, homes in _places(home, python, conda_env).items():
        if not homes:
            faults.append(_nothing_at(place, conda_env))
        for candidate in homes:
            found, wrong = _try(candidate, pythons or places.interpreters(candidate))
            faults += wrong
            if found is not None:
                return Search(found, tuple(faults))
    return Search(None, tuple(faults))


def _places(home: Path | None, python: Path | None, conda_env: str | None) -> dict[Path, list[Path]]:
    """Return the package folders by the place where they were looked for."""
    if home is not None:
        return {home: places.packages(home)}
    if conda_env is not None:
        prefixes = conda_prefixes(conda_env)
        return {prefix: places.packages(prefix) for prefix in prefixes} or {Path(conda_env): []}
    found: dict[Path, list[Path]] = {}
    if python is not None and (own := places.packages(python.parent.parent)):
        found[python] = own
    if named := os.environ.get("ISCE_HOME"):
        found[Path(named)] = places.packages(Path(named))
    if (there := places.on_path()) is not None:
        found[there] = [there]
    if (prefix := os.environ.get("CONDA_PREFIX")) and (own := places.packages(Path(prefix))):
        found[Path(prefix)] = own
    if python is not None and not any(found.values()):
        found.setdefault(python, [])
    known: set[Path] = set()
    for place, homes in found.items():
        found[place] = [candidate for candidate in homes if candidate not in known]
        known |= set(homes)
    return {place: homes for place, homes in found.items() if homes or not places.packages(place)}


def _nothing_at(place: Path, conda_env: str | None) -> Fault:
    """Tell why no ISCE2 is found at a place that was named."""
    if conda_env is not None and not place.is_dir():
        text = "there is no conda environment of that name"
        return Fault(place, None, text, "give isce2.conda_env a name or path that conda env list shows", 0)
    if not place.exists():
        return Fault(place, None, "it does not exist", _TO_INSTALL, 0)
    if place.is_file():
        return Fault(place, None, "its environment has no ISCE2", "set isce2.home too, or another isce2.python", 0)
    return Fault(
        place,
        None,
        f"it has no {places.PROGRAM}",
        f"set ISCE_HOME or isce2.home to the folder isce that has {places.PROGRAM}; {_TO_REINSTALL}",
        0,
    )


def _pythons_of(conda_env: str) -> list[Path]:
    """Return the interpreters of the conda environments of a name; one that is not there, when there is none."""
    return [prefix / "bin" / "python3" for prefix in conda_prefixes(conda_env) or [Path(conda_env)]]


def _try(home: Path, pythons: list[Path]) -> tuple[Installation | None, list[Fault]]:
    """Examine an ISCE2 with each interpreter, until one works."""
    faults: list[Fault] = []
    if not os.access(home / places.PROGRAM, os.R_OK):
        return None, [Fault(home, None, f"{places.PROGRAM} may not be read", f"chmod -R a+rX {home}", 1)]
    for interpreter in pythons:
        bare = Installation(home, interpreter, {})
        result = examine(home, interpreter, bare.environment)
        if isinstance(result, Findings):
            fault = _of_another_python(home, interpreter, result.versions)
            fault = fault or _too_new(home, interpreter, result.versions)
            if fault is None:
                return Installation(home, interpreter, result.versions, result.gpu), faults
            result = fault
        faults.append(result)
    return None, faults or [Fault(home, None, "there is no python3 for it", "set isce2.python", 1)]


def _of_another_python(home: Path, python: Path, versions: Mapping[str, str]) -> Fault | None:
    """Tell of an ISCE2 in the packages of another Python: its compiled modules may load, and fail later."""
    found = re.search(r"[\\/]python(\d+\.\d+)[\\/](?:site|dist)-packages", str(home))
    if found is None or versions["python"].startswith(f"{found[1]}."):
        return None
    text = f"ISCE2 was built for Python {found[1]}, and this is {versions['python']}"
    remedy = "set isce2.python to the Python that ISCE2 was built with, or install ISCE2 again"
    return Fault(home, python, text, remedy, 90)


def _too_new(home: Path, python: Path, versions: Mapping[str, str]) -> Fault | None:
    """Tell of an ISCE2 that uses np.int, which numpy 1.24 removed (isce2 #659, #696; mended in 2.6.3)."""
    if version_key(versions["numpy"]) < version_key("1.24") or not re.search(r"\bnp\.int\b", _reader(home)):
        return None
    text = f"numpy {versions['numpy']} is too new for ISCE2 {versions['version']}, which needs numpy < 1.24"
    return Fault(home, python, text, "update ISCE2 to 2.6.5, or install numpy < 1.24 in its environment", 90)


def _reader(home: Path) -> str:
    """Return the text of its reader of Sentinel-1 scenes."""
    try:
        return (home / _READER).read_text(encoding="utf-8", errors="replace")
    except OSError:  # packages without their sources; the version alone decides then
        return ""
