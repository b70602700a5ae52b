"""What the Python of MintPy runs to hand its results on as NumPy files: ``results.py FOLDER OUTPUT``.

Displacement is metres, positive toward the satellite, as MintPy has it; cells that it did not solve are NaN.
"""

import importlib
import json
import os
import sys
from pathlib import Path


def main(folder: str, output: str) -> None:
    """Write velocity, its standard deviation, temporal coherence and displacement of dates."""
    numpy = importlib.import_module("numpy")
    h5py = importlib.import_module("h5py")
    os.chdir(folder)
    with h5py.File("numInvIfgram.h5", "r") as file:
        solved = file["mask"][:] > 0
    layers = {
        "velocity": ("velocity.h5", "velocity"),
        "velocity_sigma": ("velocity.h5", "velocityStd"),
        "temporal_coherence": ("temporalCoherence.h5", "temporalCoherence"),
    }
    for name, (path, dataset) in layers.items():
        with h5py.File(path, "r") as file:
            values = numpy.where(solved, file[dataset][:], numpy.nan).astype(numpy.float32)
        numpy.save(Path(output) / f"{name}.npy", values)
    with h5py.File(_series_file(), "r") as file:
        dates = [text.decode()[:8] for text in file["date"][:]]
        shape = (len(dates), *solved.shape)
        target = Path(output) / "series.npy"
        series = numpy.lib.format.open_memmap(target, "w+", numpy.float32, shape)
        for number in range(len(dates)):
            series[number] = numpy.where(solved, file["timeseries"][number], numpy.nan)
        series.flush()
    (Path(output) / "dates.json").write_text(json.dumps({"dates": dates}), encoding="utf-8")


def _series_file() -> str:
    """Return the displacement that the velocity was made of, after all corrections."""
    workflow = importlib.import_module("mintpy.smallbaselineApp")
    readfile = importlib.import_module("mintpy.utils.readfile")
    utils = importlib.import_module("mintpy.utils.utils")
    template = utils.check_template_auto_value(readfile.read_template("smallbaselineApp.cfg"))
    steps = workflow.TimeSeriesAnalysis.get_timeseries_filename(template, ".")
    return str(steps["velocity"]["input"])


if __name__ == "__main__":
    main(*sys.argv[1:])
