"""What this machine offers to a run: each thing with its state and, when it lacks, a remedy."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import rasterio
from pyproj.datadir import get_data_dir

from dinsar_cli import __version__
from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.memory import memory_limit
from dinsar_cli.config.model import RunConfig
from dinsar_cli.drawing.viewers import find_qgis, has_display
from dinsar_cli.engines.find import engines
from dinsar_cli.errors import CredentialsError, DinsarError, ExitCode
from dinsar_cli.managers.orbits.asf_bucket import BUCKET
from dinsar_cli.managers.orbits.dataspace import log_in
from dinsar_cli.net.credentials import DATASPACE_ADVICE, find_credentials, find_dataspace_account
from dinsar_cli.net.limits import TIMEOUT
from dinsar_cli.net.login import check_account
from dinsar_cli.net.reach import reach

_LIBRARIES = ("numpy", "scipy", "rasterio", "pyproj", "shapely", "pyogrio", "lxml", "pydantic", "matplotlib")
_HOSTS = {
    "catalogue": "https://cmr.earthdata.nasa.gov/search/granules.umm_json?short_name=SENTINEL-1A_SLC&page_size=0",
    "scenes": "https://datapool.asf.alaska.edu/",
    "orbit files": f"{BUCKET}?list-type=2&max-keys=1",
    "DEM tiles": "https://copernicus-dem-30m.s3.amazonaws.com/?list-type=2&max-keys=1",
}
_LEAST_MEMORY = 2 * 10**9
_LEAST_DISK = 5 * 10**9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What it is.
    state : str
        What was found.
    good : bool
        Whether a run can use it.
    remedy : str
        What to do when it cannot; empty otherwise.
    code : ExitCode
        With which a run would end for want of it; that of success where no run needs it.
    """

    name: str
    state: str
    good: bool = True
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def examine(workdir: Path, cache: Path) -> list[Finding]:
    """Look at everything that a run may use.

    Parameters
    ----------
    workdir, cache : Path
        Where runs and shared data go.
    """
    return [
        Finding("dinsar", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.platform()} ({sys.executable})"),
        *_engines(),
        *(_library(name) for name in _LIBRARIES),
        _gdal(),
        _memory(),
        _threads(),
        _gpu(),
        _disk("working folder", workdir),
        _disk("cache folder", cache),
        _geoids(),
        _account(),
        _dataspace_account(),
        _network(),
        _viewer(),
    ]


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the code to end with: of the first thing that is wanting and that every run needs."""
    return next((one.code for one in findings if not one.good and one.code), ExitCode.OK)


def examine_online() -> list[Finding]:
    """Ask each server that a run without data of its own needs, and try the accounts that are known."""
    return [
        *(_host(name, address) for name, address in _HOSTS.items()),
        _tried("Earthdata account", _try_earthdata),
        _tried("Copernicus account", _try_dataspace),
    ]


def _host(name: str, address: str) -> Finding:
    host = urllib.parse.urlsplit(address).hostname
    return _tried(name, lambda: f"{host} answers in {reach(address):.1f} s")


def _tried(name: str, work: Callable[[], str]) -> Finding:
    """Try something; what it raises is what was found."""
    name = f"{name}, tried"
    try:
        return Finding(name, work())
    except DinsarError as error:
        state = f"{error.problem.rstrip('.')}: {error.cause.rstrip('.')}"
        return Finding(name, state, good=False, remedy=error.remedy, code=error.exit_code)


def _try_earthdata() -> str:
    try:
        known = find_credentials()
    except CredentialsError:
        return "none is known, so there is nothing to try"
    check_account(known)
    return f"that of {known.source} is accepted"


def _try_dataspace() -> str:
    known = find_dataspace_account()
    if known is None:
        return "none is known, so there is nothing to try"
    log_in(known)
    return f"that of {known.source} is accepted"


def _engines() -> list[Finding]:
    config, findings = RunConfig(), []
    for name, engine in engines().items():
        problems = engine.check(config)
        versions = ", ".join(f"{package} {number}" for package, number in engine.version(config).items())
        state = "; ".join(problems) or ", ".join(part for part in (versions, engine.place(config)) if part)
        findings.append(Finding(f"engine {name}", state, not problems, engine.advice(config)))
    if any(finding.good for finding in findings):  # one is enough
        return findings
    return [replace(finding, code=ExitCode.ENGINE) for finding in findings]


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", good=False, remedy=f"pip install {name}", code=ExitCode.ENGINE)


def _gdal() -> Finding:
    return Finding("GDAL in rasterio", rasterio.__gdal_version__)


def _memory() -> Finding:
    """Tell how much there is, and who allows less than the machine has: a container, a batch job, or WSL."""
    memory, limit = psutil.virtual_memory(), memory_limit()
    state = f"{human_bytes(memory.available)} free of {human_bytes(memory.total)}"
    remedy = ""
    if limit is not None and limit < memory.total:
        state += f"; this container or job may use {human_bytes(limit)}"
    if "microsoft" in platform.release().lower():
        state += ", which is what WSL lets Linux have"
        remedy = "raise it with memory= under [wsl2] in %UserProfile%\\.wslconfig, then run: wsl --shutdown"
    if min(memory.available, limit or memory.available) < _LEAST_MEMORY:
        advice = remedy or "close other programs, or take smaller areas"
        return Finding("memory", state, good=False, remedy=advice, code=ExitCode.RESOURCES)
    return Finding("memory", state, remedy=remedy)


def _threads() -> Finding:
    """Tell the cores, and those that this process may use when they are fewer."""
    cores = os.cpu_count() or 1
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else cores
    return Finding("cores", str(cores) if usable == cores else f"{cores}, of which {usable} may be used here")


def _gpu() -> Finding:
    """Tell of a GPU that CUDA can use; only ISCE2 has a use for it, and only when it was built so."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Finding("GPU", "none with a CUDA driver (no run needs one)")
    count = ctypes.c_int()
    working = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return Finding("GPU", f"{count.value} with a CUDA driver" if working else "a CUDA driver without a working GPU")


def _network() -> Finding:
    """Tell which proxies downloads go through, without the passwords in their addresses, and the patience."""
    proxies = {name: _host_of(address) for name, address in urllib.request.getproxies().items() if name != "no"}
    state = ", ".join(f"{name} through {host}" for name, host in sorted(proxies.items())) or "no proxy"
    return Finding("network", f"{state}; {TIMEOUT}={os.environ.get(TIMEOUT, 'not set')}")


def _host_of(address: str) -> str:
    parts = urllib.parse.urlsplit(address if "//" in address else f"//{address}")
    return parts.netloc.rpartition("@")[2] or "an address that cannot be read"


def _viewer() -> Finding:
    """Tell what `dinsar view` would use."""
    qgis = find_qgis()
    state = f"QGIS: {qgis}" if qgis else "a web browser, as there is no QGIS on PATH"
    return Finding("viewer", state if has_display() else "none: no window can open here (a page is written)")


def _disk(name: str, folder: Path) -> Finding:
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    state = f"{folder.resolve()}: {human_bytes(free)} free"
    if not os.access(there, os.W_OK):
        state += ", not writable"
        return Finding(name, state, good=False, remedy="choose another folder", code=ExitCode.RESOURCES)
    if free < _LEAST_DISK:
        advice = "free some space or choose another folder"
        return Finding(name, state, good=False, remedy=advice, code=ExitCode.RESOURCES)
    return Finding(name, state)


def _geoids() -> Finding:
    """Tell which geoid grids PROJ has: they are needed for DEMs whose heights are not ellipsoidal."""
    folders = [Path(folder) for folder in get_data_dir().split(os.pathsep)]
    grids = ("us_nga_egm96_15.tif", "us_nga_egm08_25.tif")
    found = [grid for grid in grids if any((folder / grid).is_file() for folder in folders)]
    state = ", ".join(found) or "none on this machine"
    hint = "" if len(found) == len(grids) else " (only DEMs with --dem-datum egm96 or egm2008 need them)"
    return Finding("geoid grids of PROJ", state + hint)


def _account() -> Finding:
    """Tell where an Earthdata account is found, and nothing of it; local scenes need none."""
    name = "Earthdata account"
    try:
        known = find_credentials()
    except CredentialsError as error:
        return Finding(name, f"{error.cause.rstrip('.')} (only downloads need it)", remedy=error.remedy)
    return Finding(name, f"found in {known.source}", remedy="; ".join(known.warnings))


def _dataspace_account() -> Finding:
    """Tell where an account of the Copernicus Data Space is found, and nothing of it; it is never a must."""
    name, known = "Copernicus account", find_dataspace_account()
    if known is None:
        return Finding(name, f"none, only a second source of orbit files needs it: {DATASPACE_ADVICE}")
    return Finding(name, f"found in {known.source}", remedy="; ".join(known.warnings))
