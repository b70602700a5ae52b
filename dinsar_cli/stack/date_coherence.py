"""Coherence of any two dates of a stack, also of those that are no pair, from the samples that it has kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.eos.many_dates import RESAMPLED
from dinsar_cli.stack.folders import StackFolders
from dinsar_cli.stack.record import StackRecord

Floats = NDArray[np.floating[Any]]

_CELLS: Final = 4000  # look cells all over the image that are looked at
_LEAST_LINES: Final = 20
_LEAST_DATA: Final = 0.8  # of the samples of a look cell, on each date


def sampled_coherence(folder: Path, dates: Sequence[date]) -> Floats | None:
    """Measure the coherence of all dates with each other in some look cells.

    Parameters
    ----------
    folder : Path
        Of a stack.
    dates : sequence of date

    Returns
    -------
    ndarray or None
        Sample coherence, 0 to 1; shape (cells, dates, dates). None where the samples of some date are not there.
    """
    folders = StackFolders(folder)
    looks = _looks(folders)
    paths = [folders.of_date(day) / f"{RESAMPLED.name}.npy" for day in dates]
    if looks is None or not all(path.is_file() for path in paths):
        return None
    try:
        files = [np.load(path, mmap_mode="r") for path in paths]
    except (OSError, ValueError):
        return None
    if len({file.shape for file in files}) > 1 or files[0].ndim != 3:
        return None
    found = [_coherence(cells) for cells in _look_cells(files, *looks)]
    return np.concatenate(found) if found else None


def _looks(folders: StackFolders) -> tuple[int, int] | None:
    """Return the looks in azimuth and range."""
    record = StackRecord.open(folders.record) if folders.record.is_file() else None
    with suppress(ValueError):
        along, across = str(record.body.get("looks", "") if record else "").split("x")
        return int(across), int(along)
    return None


def _look_cells(files: Sequence[NDArray[np.int16]], azimuth: int, range_: int) -> Iterator[NDArray[np.complex64]]:
    """Return the samples of look cells, those of some look line at a time; shape (cells, dates, samples)."""
    _, height, width = files[0].shape
    lines, cells = height // azimuth, width // range_
    wanted = min(lines, max(_LEAST_LINES, _CELLS // max(1, cells)))
    step = max(1, cells * wanted // _CELLS)
    for line in np.unique(np.linspace(0, lines - 1, wanted).astype(int)):
        rows = slice(line * azimuth, (line + 1) * azimuth)
        some = []
        for file in files:
            real, imaginary = np.asarray(file[:, rows, : cells * range_], np.float32)
            parts = (real + 1j * imaginary).reshape(azimuth, cells, range_)[:, ::step]
            some.append(np.moveaxis(parts, 1, 0).reshape(parts.shape[1], -1))
        yield np.stack(some, axis=1).astype(np.complex64)


def _coherence(samples: NDArray[np.complex64]) -> Floats:
    """Return the coherence of dates in look cells where all have data; shape (cells, dates, dates)."""
    whole = ((samples != 0).mean(axis=2) > _LEAST_DATA).all(axis=1)  # single samples round to zero on dark ground
    samples = samples[whole]
    joint = np.abs(samples @ np.conj(np.swapaxes(samples, 1, 2)))
    power = np.sqrt(np.einsum("cdd->cd", joint))
    found: Floats = np.minimum(joint / (power[:, :, None] * power[:, None, :]), 1)
    return found
