"""Slices of a pass and the names of their files."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dinsar_cli.simulate.radar.acquisition import Burst, Campaign, Pass, Window
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL

COMPACT = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Slice:
    """One product: some bursts of all subswaths of a pass.

    Attributes
    ----------
    campaign : Campaign
    flight : Pass
    number : int
        From 0.
    bursts : range
        Numbers of the bursts within the pass.
    """

    campaign: Campaign
    flight: Pass
    number: int
    bursts: range

    def of_window(self, window: int) -> tuple[Burst, ...]:
        """Return the bursts of one subswath."""
        return self.flight.bursts[window][self.bursts.start : self.bursts.stop]

    def frame(self, window: int) -> Window:
        """Return the range window of one subswath."""
        return self.campaign.windows[window]

    def annotated(self, seconds: float) -> datetime:
        """UTC that the annotation gives to a line taken at `seconds` after the epoch."""
        return self.flight.utc(seconds + self.flight.clock_error)

    def first_line(self, window: int) -> datetime:
        """Return the annotated time of the first line of a subswath."""
        return self.annotated(self.of_window(window)[0].start)

    def last_line(self, window: int) -> datetime:
        """Return the annotated time of the last line of a subswath."""
        lines = self.frame(window).subswath.lines
        return self.annotated(self.of_window(window)[-1].start + (lines - 1) * LINE_INTERVAL)

    def start(self) -> datetime:
        """Return the first line of all subswaths."""
        return min(self.first_line(window) for window in range(len(self.campaign.windows)))

    def stop(self) -> datetime:
        """Return the last line of all subswaths."""
        return max(self.last_line(window) for window in range(len(self.campaign.windows)))

    @property
    def data_take(self) -> int:
        """Identifier of the data take: any number that is its own for each orbit."""
        return self.flight.absolute_orbit * 8 + 3

    def product(self, manifest: bytes) -> str:
        """Name of the SAFE; its last four digits are the CRC of the manifest."""
        polarization = self.campaign.scenario.polarization[0]
        times = f"{self.start():{COMPACT}}_{self.stop():{COMPACT}}"
        numbers = f"{self.flight.absolute_orbit:06d}_{self.data_take:06X}"
        check = f"{binascii.crc_hqx(manifest, 0xFFFF):04X}"
        return f"{self.flight.mission}_IW_SLC__1SS{polarization}_{times}_{numbers}_{check}.SAFE"

    def image(self, window: int) -> str:
        """Return the stem of the files of one subswath."""
        name = (
            f"{self.flight.mission}-{self.frame(window).subswath.name}-slc-{self.campaign.scenario.polarization}-"
            f"{self.first_line(window):{COMPACT}}-{self.last_line(window):{COMPACT}}-"
            f"{self.flight.absolute_orbit:06d}-{self.data_take:06x}-{window + 1:03d}"
        )
        return name.lower()


def slices(campaign: Campaign, flight: Pass) -> list[Slice]:
    """Cut a pass into contiguous slices of nearly equal length."""
    bursts, count = campaign.scenario.bursts, campaign.scenario.slices
    edges = [bursts * number // count for number in range(count + 1)]
    return [
        Slice(campaign, flight, number, range(first, last)) for number, (first, last) in enumerate(pairwise(edges))
    ]
