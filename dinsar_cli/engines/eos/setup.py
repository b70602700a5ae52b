"""Set up the embedded engine for a pair: geometry, grid and settings that all steps share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.mosaic import LookGrid, Mosaic
from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.radar.interferogram import RadarFile, RadarLayer

_COHERENCE_LOOKS = 100  # looks from which the bias of a coherence of zero is below 0.1


@dataclass(frozen=True)
class Setup:
    """What the three parts of a run share."""

    inputs: EngineInputs
    folder: Path
    mosaic: Mosaic
    look_grid: LookGrid
    reference: Orbit
    secondary: Orbit

    def file(self, layer: RadarLayer) -> RadarFile:
        """Return a layer of this look grid."""
        return RadarFile(self.folder, layer, self.look_grid.lines, self.look_grid.samples)

    @property
    def looks(self) -> tuple[int, int]:
        """In range and azimuth."""
        return self.look_grid.looks.range, self.look_grid.looks.azimuth

    @property
    def effective_looks(self) -> float:
        """Independent looks of a cell: looks x bandwidth / sampling in both directions."""
        subswath = self.mosaic.tiles[0].burst.reference.subswath
        range_share = subswath.range_bandwidth / subswath.range_sampling_rate
        azimuth_share = subswath.azimuth_bandwidth * subswath.azimuth_time_interval
        return self.looks[0] * self.looks[1] * min(1.0, range_share) * min(1.0, azimuth_share)

    @property
    def coherence_looks(self) -> float:
        """Independent looks in the window of the coherence."""
        return self.effective_looks * self.coherence_window**2

    @property
    def coherence_window(self) -> int:
        """Look cells on a side of the coherence window: odd, with enough looks for a small bias."""
        window = 1
        while window**2 * self.looks[0] * self.looks[1] < _COHERENCE_LOOKS:
            window += 2
        return window
