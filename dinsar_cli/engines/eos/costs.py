"""What the parts of the embedded engine cost where they never ran."""

from __future__ import annotations

from dinsar_cli.engines.costs import Law, StepLaws, Term, layer_bytes
from dinsar_cli.radar.interferogram import LAYERS, RadarLayer

CROSS = RadarLayer("cross", "complex64", (), "DN^2", "unfiltered, flattened interferogram, mean of the look cell")
STRIP_BYTES_PER_THREAD = 100_000_000  # more is not faster
FILTER_BYTES = 200  # per look cell, of the coherence and the filter at their peak
UNWRAP_BYTES = 110  # per look cell, of the unwrapper at its peak

_FORMED = (CROSS, *(LAYERS[name] for name in ("amplitude", "longitude", "latitude", "height", "los", "squint")))
_FILTERED = (*_FORMED, LAYERS["coherence"], LAYERS["wrapped"])
_ALL = (*_FILTERED, LAYERS["unwrapped"], LAYERS["components"])


def _disk(layers: tuple[RadarLayer, ...]) -> Law:
    return Law(0, (Term("cells", 1e6 * layer_bytes(layers)),))


# Measured with two threads on simulated pairs of 4 to 230 megasamples, at 7 x 2 and 19 x 7 looks.
LAWS = {
    "form": StepLaws(
        Law(0.8, (Term("samples", 0.27),)), Law(245e6, (Term("buffer", 1e6),)), _disk(_FORMED), parallel=True
    ),
    "filter": StepLaws(
        Law(0.1, (Term("cells", 0.6),)),
        Law(330e6, (Term("cells", 1e6 * FILTER_BYTES, most=2 * STRIP_BYTES_PER_THREAD),)),
        _disk(_FILTERED),
    ),
    "unwrap": StepLaws(
        Law(0.4, (Term("cells", 1.3),)), Law(370e6, (Term("cells", 1e6 * UNWRAP_BYTES),)), _disk(_ALL)
    ),
}
