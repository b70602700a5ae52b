"""Hold what the annotation of one image needs."""

from __future__ import annotations

from dataclasses import dataclass

from dinsar_cli.simulate.files.image import GeolocationGrid, Statistics
from dinsar_cli.simulate.files.names import Slice
from dinsar_cli.simulate.radar.acquisition import Burst, Window
from dinsar_cli.simulate.radar.render import Swath
from dinsar_cli.simulate.world.instrument import (
    BURST_CYCLE,
    LINE_INTERVAL,
)


@dataclass(frozen=True)
class Image:
    """All that the annotation of one image needs."""

    part: Slice
    swath: Swath
    grid: GeolocationGrid
    statistics: Statistics
    line_offsets: list[int]

    @property
    def window(self) -> int:
        """Number of the subswath's window."""
        return self.swath.window

    @property
    def frame(self) -> Window:
        """Range window of the subswath."""
        return self.part.frame(self.window)

    def bursts(self) -> tuple[Burst, ...]:
        """Return the bursts of the image."""
        return self.part.of_window(self.window)

    @property
    def duration(self) -> float:
        """Time from the first line of a burst to its last one (s)."""
        return (self.frame.subswath.lines - 1) * LINE_INTERVAL

    def burst_start(self, number: int) -> float:
        """Start of a burst of the image (s); the cycle goes on at both ends of the pass."""
        bursts = self.part.flight.bursts[self.window]
        index = self.part.bursts.start + number
        inside = min(max(index, 0), len(bursts) - 1)
        return bursts[inside].start + (index - inside) * BURST_CYCLE

    def line_at(self, seconds: float) -> int:
        """Give line of the image at a time, as the processor counts them: in the last burst that has begun by then.

        Before the first line and after the last one the count goes on over bursts of the neighbouring slices.
        """
        number = 0
        while self.burst_start(number + 1) <= seconds:
            number += 1
        while self.burst_start(number) > seconds:
            number -= 1
        within = (seconds - self.burst_start(number)) / LINE_INTERVAL
        return number * self.frame.subswath.lines + int(within)
