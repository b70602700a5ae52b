"""Where the look cells of a run of topsApp are, and what they show instead of ground."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.half_turn import HALF_TURN
from dinsar_cli.engines.topsapp.results.swaths import first_start
from dinsar_cli.engines.unseen import UnseenInputs
from dinsar_cli.radar.visibility import RadarCells


def unseen_inputs(run: FinishedRun, dem: Path, threads: int) -> UnseenInputs:
    """Tell where the look cells are, and what ground there is.

    The first line and sample of the merged grid are the earliest and the nearest of all bursts.

    Parameters
    ----------
    run : FinishedRun
        Up to ``filter``.
    dem : Path
        Heights above the ellipsoid, EPSG:4326, on the Earth as it is.
    threads : int
        Cores to use.
    """
    burst, looks = run.middle_burst, run.looks
    epoch = first_start(run.merged_swaths)
    near = min(swath.bursts[0].starting_range for swath in run.merged_swaths)
    cells = RadarCells(
        burst.orbit(epoch),
        (looks.azimuth - 1) / 2 * burst.line_interval,
        looks.azimuth * burst.line_interval,
        near + (looks.range - 1) / 2 * burst.range_spacing,
        looks.range * burst.range_spacing,
        run.lines,
        run.samples,
    )
    return UnseenInputs(cells, dem, threads, HALF_TURN if run.turned else 0.0)
