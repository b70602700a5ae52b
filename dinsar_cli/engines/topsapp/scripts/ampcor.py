"""Runs topsApp's dense offsets so that they are right between samples: ``ampcor.py topsApp.py topsApp.xml ...``.

It is run as a script by the Python of ISCE2 in place of ``topsApp.py``, which it then runs unchanged, but for this:

- topsApp gives ampcor the images as amplitudes (``mag``). The amplitude of an image has twice its bandwidth, which
  its own sampling cannot hold (Sentinel-1 IW is sampled at 1.1 to 1.5 times its bandwidth): shifts are drawn to
  whole samples. Of 0.24 samples in range 0.17 were found. Told that the images are ``complex``, ampcor doubles
  their sampling before it takes the amplitude, and the shift is found whole.
- The graphics processor has no such way, so that the step is done by the processor.
- ``DenseAmpcor`` fails with fewer rows of windows than processes, and leaves out the last window of each process
  (an index that ends one too early). A process that was killed leaves no trace.
- Where the windows lie stands nowhere but in topsApp's state; it is written into ``merged/dense_offsets.json``.

A version of ISCE2 in which this cannot be done fails here, instead of giving other figures.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from typing import Any

PLACES = "dense_offsets.json"
"""Beside the offsets: where the windows are."""


def main(program: str, arguments: list[str]) -> None:
    """Run topsApp with a ``DenseAmpcor`` that is put right."""
    _prepare()
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(program)  # noqa: PTH120 (as Python does it for a script)
    runpy.run_path(program, run_name="__main__")


def _prepare() -> None:
    """Put our ways into the place of ISCE2's."""
    importlib.import_module("isce")  # makes the others importable
    step = importlib.import_module("isceobj.TopsProc.runDenseOffsets")
    vars(step)["runDenseOffsetsGPU"] = step.runDenseOffsetsCPU
    correct(importlib.import_module("mroipac.ampcor.DenseAmpcor").DenseAmpcor)


def correct(kind: Any) -> None:
    """Change the class ``DenseAmpcor``.

    Raises
    ------
    AttributeError
        If it lacks what is changed.
    """
    run, part = kind.denseampcor, kind._run_ampcor  # noqa: SLF001 (there is no other way)

    def denseampcor(self: Any, *images: Any, **named: Any) -> None:
        self.imageDataType1 = self.imageDataType2 = "complex"
        self.numberThreads = min(int(self.numberThreads), rows_of(self, *images))
        run(self, *images, **named)
        done = [int(line) for line in self.locationDown.ravel()]
        if not all(done):
            raise RuntimeError(f"{done.count(0)} of {len(done)} windows were not looked at: a process has ended")
        _write_places(self)

    def one_more(self: Any, *bounds: int) -> None:
        *others, last = bounds
        part(self, *others, last + 1)

    kind.denseampcor = denseampcor
    kind._run_ampcor = one_more  # noqa: SLF001


def rows_of(self: Any, first: Any, second: Any) -> int:
    """Return the rows of windows, by the arithmetic of ``DenseAmpcor.denseampcor``, without a gross offset."""
    low, high = limits(
        min(first.getLength(), second.getLength()),
        int(self.windowSizeHeight),
        int(self.searchWindowSizeHeight),
        int(self.skipSampleDown),
        int(self.margin),
    )
    return max(1, len(range(low, high, int(self.skipSampleDown))))


def limits(size: int, window: int, search: int, skip: int, margin: int = 50) -> tuple[int, int]:
    """Return the first and last place of a window, in one direction, as ``DenseAmpcor`` chooses them.

    Parameters
    ----------
    size : int
        Samples or lines of the image.
    window, search, skip : int
        As ``Ampcor window width`` and its like.
    margin : int
        Left out at each end.

    Returns
    -------
    (int, int)
        First place, and one that is beyond the last.
    """
    inner = 2 * search + window
    middle = window // 2 + search - 1
    first = margin + inner
    if first % skip:
        least = first
        first = skip * (1 + first // skip) - middle
        while first < least:
            first += skip
    return first + middle, size - inner - 1 - margin - middle


def _write_places(self: Any) -> None:
    """Write where the windows are: counted from 0, the middle of the first one may lie between samples.

    ampcor counts from 1 and rounds the middle of an even window down; its lines are those of a reader that starts
    one line earlier.
    """
    down, across = self.locationDown.reshape(-1, self.offsetCols), self.locationAcross.reshape(-1, self.offsetCols)
    places = {
        "first_line": float(down[0, 0]) - 1.5,
        "first_sample": float(across[0, 0]) - 0.5,
        "skip_lines": int(self.skipSampleDown),
        "skip_samples": int(self.skipSampleAcross),
        "rows": int(self.offsetLines),
        "columns": int(self.offsetCols),
    }
    path = os.path.join(os.path.dirname(self.offsetImageName), PLACES)  # noqa: PTH118, PTH120
    with open(f"{path}.part", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(places, file)
    os.replace(f"{path}.part", path)  # noqa: PTH105


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
