"""Look cells of a run of topsApp that show no ground, and how its unwrapper is kept from them.

topsApp has no mask for its unwrappers, but none of them unwraps what has no amplitude. So the unwrapper gets copies
of its two inputs, with zeros in such cells, and topsApp's own files stay as they are: see `burstwise.lend_copies`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path, write_text
from dinsar_cli.config.sections.map import MaskConfig
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.topsapp.results.collect import coherence_window
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.half_turn import HALF_TURN
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.results.swaths import first_start
from dinsar_cli.engines.topsapp.scripts.burstwise import COPY
from dinsar_cli.engines.unseen import UnseenInputs, find_unseen, nothing_left
from dinsar_cli.radar.interferogram import VISIBILITY, RadarFile
from dinsar_cli.radar.uncertainty import tells_nothing
from dinsar_cli.radar.visibility import RadarCells

Bools = NDArray[np.bool_]

_READ_BY_UNWRAPPER = ("filt_topophase.flat", "phsig.cor")
_BLOCK = 512  # look lines


@dataclass
class Unseen:
    """The cells of a run that show no ground; they are found once, and again after a cure by more looks.

    Attributes
    ----------
    inputs : EngineInputs
        What topsApp works on.
    radar : Path
        Folder of the layers, which gets that of what cells show.
    """

    inputs: EngineInputs
    radar: Path
    _cells: Bools | None = field(default=None, repr=False)

    def find(self, run: FinishedRun) -> Bools:
        """Return the cells that are left out of unwrapping and displacement; topsApp has done ``filter``."""
        if self._cells is None or self._cells.shape != (run.lines, run.samples):
            inputs = self.inputs
            target = RadarFile(self.radar, VISIBILITY, run.lines, run.samples)
            self._cells = find_unseen(
                UnseenInputs(
                    cells=cells_of(run),
                    dem=inputs.dem,
                    water=inputs.water,
                    config=inputs.config,
                    threads=inputs.threads,
                    turn=HALF_TURN if run.turned else 0.0,
                ),
                target,
                lambda: _noise(run),
            )
        return self._cells

    def keep_from_unwrapper(self, run: FinishedRun) -> None:
        """Write what the unwrapper is to read, see `copy_for_unwrapper`."""
        copy_for_unwrapper(run, self.find(run), self.inputs.config.mask)


def copy_for_unwrapper(run: FinishedRun, unseen: Bools, mask: MaskConfig) -> None:
    """Write copies of what the unwrapper reads, without the cells that are left out; none where none is.

    Raises
    ------
    NoDataError
        When no cell is left.
    """
    merged = run.folder / "merged"
    remove_copies_for_unwrapper(run.folder)
    if not unseen.any():
        return
    left = 0
    for name in reversed(_READ_BY_UNWRAPPER):  # the interferogram last
        if (merged / name).is_file():
            left = _copy(IsceFile.open(merged / name), merged / f"{COPY}{name}", unseen)
    if not left:
        remove_copies_for_unwrapper(run.folder)
        raise nothing_left(mask)


def remove_copies_for_unwrapper(work: Path) -> None:
    """Remove what `Unseen.keep_from_unwrapper` wrote."""
    for path in (work / "merged").glob(f"{COPY}*"):
        path.unlink()


def cells_of(run: FinishedRun) -> RadarCells:
    """Tell where the look cells are: the merged grid starts at the earliest line and the nearest sample of all."""
    burst, looks = run.middle_burst, run.looks
    near = min(swath.bursts[0].starting_range for swath in run.merged_swaths)
    return RadarCells(
        burst.orbit(first_start(run.merged_swaths)),
        (looks.azimuth - 1) / 2 * burst.line_interval,
        looks.azimuth * burst.line_interval,
        near + (looks.range - 1) / 2 * burst.range_spacing,
        looks.range * burst.range_spacing,
        run.lines,
        run.samples,
    )


def _noise(run: FinishedRun) -> Bools:
    """Tell which cells have a coherence that tells nothing."""
    share = run.middle_burst.independent_share
    coherence = run.merged("topophase.cor").read(2)
    estimate = np.where(coherence > 0, coherence, np.nan)
    return tells_nothing(estimate, run.looks.range * run.looks.azimuth * share, coherence_window() * share)


def _copy(source: IsceFile, target: Path, unseen: Bools) -> int:
    """Copy a raster of one band with zeros in some cells; return how many of the others are not zero."""
    left = 0
    with source, atomic_path(target) as part, part.open("wb") as file:
        for first in range(0, source.length, _BLOCK):
            block = source.read(1, first, first + _BLOCK)
            block = np.where(unseen[first : first + _BLOCK], block.dtype.type(0), block).astype(source.dtype)
            left += int(np.count_nonzero(block))
            file.write(block.tobytes())
    for suffix in (".xml", ".vrt"):
        header = source.path.with_name(f"{source.path.name}{suffix}")
        if header.is_file():
            text = header.read_text(encoding="utf-8", errors="replace")
            write_text(target.with_name(f"{target.name}{suffix}"), text.replace(source.path.name, target.name))
    return left
