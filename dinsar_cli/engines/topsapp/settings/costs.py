"""What the steps of topsApp cost where they never ran, and how they are done."""

from __future__ import annotations

from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.base import Forecast, Work
from dinsar_cli.engines.costs import Law, StepLaws, Term, layer_bytes
from dinsar_cli.engines.topsapp.settings.steps import OFFSETS, STEPS
from dinsar_cli.radar.interferogram import LAYERS

OUTPUTS = "outputs"
"""What comes after the steps of topsApp: its files become the layers of every engine."""

LAYER_BYTES = layer_bytes(LAYERS.values())  # for each look cell
_COVERED = 0.95  # of the look cells of all bursts, those of the bursts put together: they overlap
_ESD_STEPS = ("subsetoverlaps", "coarseresamp", "overlapifg", "prepesd", "esd")

# All that a step leaves is there until the end, so that the disk space of each has that of those before it.
_DEM = Term("dem", 4e6)  # float32
_TOPO = Term("samples", 32e6)  # latitude, longitude and height as float64; angles as float32
_OFFSETS = Term("samples", 40e6)  # and two offsets as float32
_RESAMPLED = Term("samples", 48e6)  # and the secondary as complex64
_FORMED = Term("samples", 64.5e6)  # and the interferogram as complex64, and its multiples
_MERGED = Term("cells", 23.5e6)
_FILTERED = Term("cells", 34.5e6)
_UNWRAPPED = Term("cells", 43e6)

# This process and topsApp; the former holds some of the DEM in its caches.
_BASE = 190e6
_BESIDE = 180e6  # of this process while it makes layers beside unwrap, and loads libraries
_HELD = Term("dem", 22e6, most=150e6)
BURST_BYTES = 27e6  # for each megasample of a burst that is worked on
_TOPO_MEMORY = Term("at_once", 11e6)
_BURSTS_MEMORY = Term("at_once", BURST_BYTES)
_BURST_MEMORY = Term("largest", BURST_BYTES)  # of the process that goes on after the bursts


def _seconds(each: float, unit: str = "samples") -> Law:
    return Law(0, (Term(unit, each),))


def _memory(*terms: Term, base: float = _BASE) -> Law:
    return Law(base, (_HELD, *terms))


def _step(seconds: Law, memory: Law, *disk: Term, parallel: bool = False) -> StepLaws:
    return StepLaws(seconds, memory, Law(0, (_DEM, *disk)), parallel=parallel)


def _passes_on(*disk: Term) -> StepLaws:
    """Return a step that does nothing in the runs that this program makes by itself but to pass the state on."""
    return _step(Law(0.01), _memory(), *disk)


# Measured with ISCE2 2.6.5 on simulated pairs of 4 to 23 megasamples, at 7 x 2 looks, two bursts at a time.
LAWS = {
    "startup": _passes_on(),
    "preprocess": _step(_seconds(0.07, "bursts"), _memory()),
    "computeBaselines": _step(_seconds(0.05, "bursts"), _memory()),
    "verifyDEM": _passes_on(),
    "topo": _step(_seconds(1.6), _memory(_TOPO_MEMORY), _TOPO, parallel=True),
    **dict.fromkeys(STEPS[STEPS.index("topo") + 1 : STEPS.index("fineoffsets")], _passes_on(_TOPO)),
    "fineoffsets": _step(_seconds(0.6), _memory(_BURSTS_MEMORY), _OFFSETS, parallel=True),
    "fineresamp": _step(_seconds(0.4), _memory(_BURSTS_MEMORY), _RESAMPLED, parallel=True),
    "ion": _step(_seconds(0.03, "bursts"), _memory(_BURST_MEMORY), _RESAMPLED),
    "burstifg": _step(_seconds(0.25), _memory(_BURSTS_MEMORY), _FORMED, parallel=True),
    "mergebursts": _step(_seconds(0.06), _memory(_BURST_MEMORY), _FORMED, _MERGED),
    "filter": _step(_seconds(0.7, "cells"), _memory(_BURST_MEMORY), _FORMED, _FILTERED),
    "unwrap": _step(
        _seconds(8.5, "cells"),
        _memory(_BURST_MEMORY, Term("cells", 300e6), base=_BASE + _BESIDE),
        _FORMED,
        _UNWRAPPED,
    ),
    OUTPUTS: _step(
        Law(0.3, (Term("samples", 0.01),)),
        Law(_BASE + _BESIDE, (_HELD,)),
        _FORMED,
        _UNWRAPPED,
        Term("cells", 1e6 * LAYER_BYTES * _COVERED),
    ),
}
# With ESD the overlaps go through all steps too: 44 s more for 23 megasamples were seen, of six bursts.
_OVERLAPS = _step(_seconds(1.9 / len(_ESD_STEPS)), _memory(_BURST_MEMORY), _TOPO, parallel=True)


# Seconds with two threads for a window of the dense offsets: by the square of the oversampling, and for each sample
# of the window with its search
_SURFACE_SECONDS, _WINDOW_SECONDS = 1e-6, 1.9e-6

# One after the other in one process, which keeps the memory of a burst.
_ONE_BY_ONE = {"burstifg": _step(_seconds(0.4), _memory(_BURST_MEMORY), _FORMED)}
_BIQUINTIC = {"topo": _step(_seconds(2.7), _memory(_TOPO_MEMORY), _TOPO, parallel=True)}


def _offsets_law(offsets: OffsetsConfig) -> StepLaws:
    """Return the dense offsets: so many windows, and copies of both images."""
    (width, height), (across, down) = offsets.window, offsets.search
    each = _SURFACE_SECONDS * offsets.oversampling**2 + _WINDOW_SECONDS * (width + 2 * across) * (height + 2 * down)
    windows = 1e6 * _COVERED / (offsets.skip[0] * offsets.skip[1])  # in a megasample
    copies = Term("samples", 16e6 * _COVERED)
    return _step(
        Law(2.0, (Term("samples", windows * each),)),
        _memory(_BURST_MEMORY),
        _FORMED,
        _UNWRAPPED,
        copies,
        parallel=True,
    )


def laws(options: TopsappConfig, bursts: int = 1, offsets: OffsetsConfig | None = None) -> dict[str, StepLaws]:
    """Return the laws of the steps as they will be done. Of the correction of the ionosphere none is known.

    Parameters
    ----------
    options : TopsappConfig
        What topsApp is asked for.
    bursts : int
        That are worked on at a time.
    offsets : OffsetsConfig, optional
        How dense offsets are measured, when they are.
    """
    esd = dict.fromkeys(_ESD_STEPS, _OVERLAPS) if options.do_esd else {}
    topo = _BIQUINTIC if options.dem_interpolation == "biquintic" else {}
    found = LAWS | esd | topo | (_ONE_BY_ONE if bursts == 1 else {})
    if offsets is None or not offsets.enabled:
        return found
    last = found.pop(OUTPUTS)
    return found | {OFFSETS: _offsets_law(offsets), OUTPUTS: last}


def methods(options: TopsappConfig, bursts: int = 1, offsets: OffsetsConfig | None = None) -> dict[str, str]:
    """Tell how the steps are done that can do several things; parameters as those of `laws`."""
    esd = dict.fromkeys(_ESD_STEPS, "esd") if options.do_esd else {}
    ion = {"ion": "ionosphere"} if options.do_ionosphere_correction else {}
    gpu = dict.fromkeys(("topo", "fineoffsets"), "gpu") if options.use_gpu is True else {}
    apart = dict.fromkeys(("fineoffsets", "fineresamp", "burstifg"), "apart") if bursts > 1 else {}
    topo = {"topo": f"apart {options.dem_interpolation}" if bursts > 1 else options.dem_interpolation}
    dense: dict[str, str] = {}
    if offsets is not None and offsets.enabled:
        sizes = (*offsets.window, *offsets.search, *offsets.skip, offsets.oversampling)
        dense = {OFFSETS: " ".join(map(str, sizes))}
    return {"unwrap": options.unwrapper_name, **apart, **topo, **esd, **ion, **gpu, **dense}


def left(steps: dict[str, Forecast], work: Work) -> dict[str, int]:
    """Return the bytes that stay, by ``output.intermediates``."""
    layers = round(1e6 * work.cells * LAYER_BYTES * _COVERED)
    return {"keep": steps[OUTPUTS].disk, "geocoded": layers, "delete": 0}
