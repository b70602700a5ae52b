"""Whether an ISCE2 works with an interpreter, proved in processes of its own; and what is wrong otherwise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.base.processes.programs import run_to_end
from dinsar_cli.engines.topsapp.scripts import probe

# The only program that the steps up to unwrap call through the shell, to mask what snaphu unwrapped
# (TopsProc/runIon.py, maskUnwrap). Others are called by steps that a run does not take (denseoffsets, ion).
HELPER = "imageMath.py"

_TIMEOUT = 60.0  # s
_MISSING = re.compile(r"No module named '([^']+)'")
_BUILT_FOR = re.compile(r"\.cpython-(\d)(\d+)")
_STAGES = ("start", "numpy", "gdal", "isce", *probe.MODULES, probe.FIT, "fit", "helper")

Environment = Callable[[int, Path], dict[str, str]]
"""Variables of its processes, from the number of threads and a folder for caches."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with an ISCE2, and what to do about it.

    Attributes
    ----------
    place : Path
        The package folder, or where it was looked for.
    python : Path or None
        Interpreter with which it was tried.
    text, remedy : str
        For the user.
    reached : int
        How far it came: the higher, the nearer to working.
    """

    place: Path
    python: Path | None
    text: str
    remedy: str
    reached: int


@dataclass(frozen=True)
class Findings:
    """What an ISCE2 that works tells of itself.

    Attributes
    ----------
    versions : dict
        Of ISCE2 (``version``), ``python``, ``numpy`` and ``gdal``.
    gpu : bool
        Whether its modules for a GPU were built.
    """

    versions: Mapping[str, str]
    gpu: bool


def examine(home: Path, python: Path, environment: Environment) -> Findings | Fault:
    """Load ISCE2 with an interpreter, and call the helper program as topsApp does.

    Parameters
    ----------
    home : Path
        Package folder ``isce``.
    python : Path
        Interpreter.
    environment : callable
        Gives the variables of its processes.
    """
    code = Path(probe.__file__).read_text(encoding="utf-8")
    # ISCE2 writes a log into the folder where it is imported
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(1) as pool:
        folder = Path(name)
        alone = environment(1, folder)
        help_wanted = pool.submit(run_to_end, [HELPER, "-h"], folder, alone, _TIMEOUT)
        ended = run_to_end([str(python), "-c", code], folder, alone, _TIMEOUT)
        if isinstance(ended, OSError):
            return _cannot_start(home, python, ended)
        if f"{probe.STAGE}end " not in ended.stdout:
            return _stopped(home, python, ended)
        helped = help_wanted.result()
    if isinstance(helped, OSError) or helped.returncode:
        return _no_help(home, python, helped, alone["PATH"])
    told = ended.stdout.rpartition(f"{probe.STAGE}end ")[2]
    return Findings(json.loads(told.splitlines()[1]), f"{probe.STAGE}gpu " in told)


def _cannot_start(home: Path, python: Path, error: OSError) -> Fault:
    if isinstance(error, FileNotFoundError) and not python.exists():
        return Fault(home, python, "the Python does not exist", "set isce2.python to the Python of ISCE2", 0)
    if isinstance(error, PermissionError):
        text = "the Python may not be executed" if python.is_file() else "the Python is not a program"
        return Fault(home, python, text, f"chmod a+x {python}, or set isce2.python to another one", 0)
    text = f"the Python cannot be started ({error.strerror or error})"
    return Fault(home, python, text, "set isce2.python to the Python of ISCE2", 0)


def _stopped(home: Path, python: Path, ended: subprocess.CompletedProcess[str]) -> Fault:
    """Tell from the last thing that the probe began why it could not go on."""
    stages = [line.split() for line in ended.stdout.splitlines() if line.startswith(probe.STAGE)]
    _, stage, version = stages[-1] if stages else ("", "start", "")
    said = _last_words(ended)
    missing = _MISSING.search(said)
    here = {
        "start": ("cannot run Python code", "set isce2.python to the Python of ISCE2"),
        "numpy": ("has no numpy that works", f"install numpy for {python}, or set isce2.python"),
        "gdal": (
            "lacks GDAL's Python bindings (osgeo)",
            f"install them for {python} (conda install gdal, apt install python3-gdal), or set isce2.python",
        ),
        "isce": ("import isce fails", "install ISCE2 again, or set isce2.home to another one"),
        "fit": ("ISCE2's Poly2D does not work", "install ISCE2 again, or set isce2.home to another one"),
    }
    if "TypeError" in said:
        # numpy 2.4 does not format arrays as numbers; Poly2D.polyfit of ISCE2 2.6.5 and before does
        here["fit"] = ("numpy is too new for ISCE2", f"install numpy < 2.4 for {python}, or a newer ISCE2")
    if stage in here:
        text, remedy = here[stage]
    elif missing and not _belongs(home, missing[1]):
        text = f"lacks the package {missing[1]}, which ISCE2 needs for {stage}"
        remedy = f"install {missing[1]} for {python}, or set isce2.python"
    else:
        text = f"cannot load ISCE2's module {stage}: {_built_for(home, stage, version)}"
        remedy = "set isce2.python to the Python that ISCE2 was built with, or install ISCE2 again"
    return Fault(home, python, f"{text} ({said})", remedy, _STAGES.index(stage) if stage in _STAGES else 0)


def _last_words(ended: subprocess.CompletedProcess[str]) -> str:
    lines = ended.stderr.strip().splitlines()
    if ended.returncode < 0:
        return f"it was ended by signal {-ended.returncode}"
    return lines[-1].strip() if lines else f"it ended with code {ended.returncode}"


def _belongs(home: Path, module: str) -> bool:
    """Tell whether a module is one of ISCE2's own."""
    top = module.partition(".")[0]
    ours = {name.partition(".")[0] for name in probe.MODULES}
    return top in ours or any((folder / top).is_dir() for folder in (home.parent, home / "components"))


def _built_for(home: Path, module: str, version: str) -> str:
    """Tell what the file of a compiled module tells of the Python for which it was built."""
    name = Path(*module.split("."))
    for file in sorted((home / "components" / name.parent).glob(f"{name.name}.*")):
        if found := _BUILT_FOR.search(file.name):
            return f"it was built for Python {found[1]}.{found[2]}, and this is {version}"
        if file.suffix in {".so", ".pyd"}:
            return f"it was built for another Python than this {version}"
    return "it is not there"


def _no_help(home: Path, python: Path, helped: subprocess.CompletedProcess[str] | OSError, path: str) -> Fault:
    """Tell why the helper program does not run."""
    file = home / "applications" / HELPER
    remedy = f"install ISCE2 again, or put {HELPER} into {file.parent} and make it executable"
    there = shutil.which(HELPER, path=path)
    if isinstance(helped, subprocess.CompletedProcess):
        text = f"the helper program {HELPER}, which the step unwrap calls, fails ({_last_words(helped)})"
        remedy = f"make sure that {python.parent / 'python3'} is the Python of ISCE2, or set isce2.python"
    elif isinstance(helped, PermissionError):
        text = f"the helper program {HELPER}, which the step unwrap calls, may not be executed"
        remedy = f"chmod a+x {file}"
    elif there is None:
        text = f"the helper program {HELPER}, which the step unwrap calls, is missing on PATH ({path})"
    else:
        text = f"the helper program {there} cannot be started ({helped.strerror or helped})"
    return Fault(home, python, text, remedy, _STAGES.index("helper"))
