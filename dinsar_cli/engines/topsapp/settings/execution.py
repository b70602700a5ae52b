"""How topsApp is run, beside what it is asked for: how many bursts at a time, and how heights are interpolated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.base import Work
from dinsar_cli.engines.topsapp.scripts import ampcor, burstwise
from dinsar_cli.engines.topsapp.settings.costs import BURST_BYTES


@dataclass(frozen=True)
class Manner:
    """How topsApp does its work.

    Attributes
    ----------
    bursts : int
        That are worked on at a time, each by a process of its own.
    threads : int
        Of each of these processes, for OpenMP.
    interpolation : str
        By which heights are taken from the DEM, as ISCE2 calls it.
    offsets : bool
        Whether it is run for its dense offsets, see `ampcor`.
    """

    bursts: int = 1
    threads: int = 1
    interpolation: str = "BIQUINTIC"  # topsApp's own
    offsets: bool = False

    @property
    def arguments(self) -> list[str]:
        """Script in the place of topsApp, for ISCE2's Python, and what it takes before topsApp's own arguments."""
        if self.offsets:
            return [ampcor.__file__]
        return [burstwise.__file__, str(self.bursts), self.interpolation]

    def apply(self, work: Work) -> Work:
        """Say in the amount of work how much of it is done at a time."""
        return replace(work, at_once=self.bursts * work.largest)


def manner_of(options: TopsappConfig, work: Work, threads: int, memory: int) -> Manner:
    """Share cores among bursts: a process for each as long as there are cores and memory, else threads within them.

    Parameters
    ----------
    options : TopsappConfig
        What topsApp is asked for.
    work : Work
        The bursts in use.
    threads : int
        Cores to use.
    memory : int
        Bytes to stay below.
    """
    interpolation = options.dem_interpolation.upper()
    fitting = int(memory // (BURST_BYTES * work.largest)) if work.largest else 1
    bursts = max(1, min(threads, work.bursts, fitting))
    # A process whose threads of OpenMP have run may not be forked and use them again: these steps run them before.
    before = options.do_esd or options.do_ionosphere_correction
    if options.use_gpu is True or (before and threads >= 2 * bursts):
        bursts = 1
    return Manner(bursts, max(1, threads // bursts), interpolation)
