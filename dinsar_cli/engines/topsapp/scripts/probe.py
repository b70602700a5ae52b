"""What the Python of an ISCE2 runs, in a process of its own, to tell whether topsApp can run there.

Before each thing that can fail it prints a line that names it. When it ends early, even by a crash in a compiled
module, the last of these lines says what was wrong; nothing is caught. The modules for a GPU come last: without
them it works all the same.
"""

import ctypes
import importlib
import json
import sys

STAGE = "dinsar-probe "
# what the steps up to unwrap load, beside Python files; each names a compiled module of ISCE2
MODULES = (
    "iscesys.ImageApi.DataAccessor",
    "isceobj.Util.combinedlibmodule",
    "zerodop.topozero.topozero",
    "zerodop.geo2rdr.geo2rdr",
    "stdproc.stdproc.resamp_slc.resamp_slc",
    "mroipac.looks.looks",
    "mroipac.correlation.correlationlib",
    "mroipac.icu.icu",
    "contrib.Snaphu.snaphu",
)
FIT = "isceobj.Util.Poly2D"
# topsApp uses its GPU modules when all of these can be imported (TopsProc.hasGPU)
GPU_MODULES = tuple(f"zerodop.{name}.{name}" for name in ("GPUtopozero", "GPUgeo2rdr", "GPUresampslc"))


def main() -> None:
    """Load everything, and print the versions as JSON."""
    _stage("numpy")
    numpy = importlib.import_module("numpy")
    _stage("gdal")
    gdal = importlib.import_module("osgeo.gdal")
    _stage("isce")
    isce = importlib.import_module("isce")
    for name in (*MODULES, FIT):
        _stage(name)
        importlib.import_module(name)
    _stage("fit")
    _fit()
    versions = {
        "version": str(isce.release_version),
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "gdal": gdal.__version__,
    }
    _stage("end")
    _say(json.dumps(versions))
    for name in GPU_MODULES:
        importlib.import_module(name)
    if _has_gpu():
        _stage("gpu")


def _has_gpu() -> bool:
    """Tell whether the driver tells of a device: without one topsApp goes on with what was in the memory."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _stage(name: str) -> None:
    _say(f"\n{STAGE}{name} {sys.version.split()[0]}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _fit() -> None:
    """Fit a polynomial as fineresamp does: it formats an array as a number, which numpy 2.4 refuses."""
    polynomial = importlib.import_module(FIT).Poly2D()
    polynomial.initPoly(rangeOrder=0, azimuthOrder=1)
    numpy = importlib.import_module("numpy")
    line = numpy.arange(4.0)
    polynomial.polyfit(line, line, numpy.array([0.0, 1.0, 0.0, 1.0]))


if __name__ == "__main__":
    main()
