"""Layers that topsApp itself geocoded, as products on a map grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.topsapp.results.geocoded import UNWRAPPED, GeocodedRun
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.geocode import sample
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.displacement import incidence_angle

Array = NDArray[Any]
OnMap = Callable[..., Array]

_PRODUCTS = 8  # at most


def geocoded_layers(
    run: GeocodedRun,
    grid: Grid,
    folder: Path,
    tags: Mapping[str, str],
    *,
    backwards: bool,
    ionosphere: bool = False,
    memory: int,
    progress: Callable[[float], None],
) -> dict[str, Path]:
    """Put geocoded layers on a map grid and write them.

    On the grid of the samples themselves every value stays as it is.

    Parameters
    ----------
    backwards : bool
        topsApp's reference is the later date: the phase gets the other sign.
    ionosphere : bool
        Whether its phase of the ionosphere is wanted too.
    memory : int
        Bytes for resampling.

    Raises
    ------
    NoDataError
        When there is no unwrapped phase on the grid.
    """
    line, column = run.lattice.indices(grid)
    if not np.isfinite(line).any():
        raise _no_phase(run)
    lines = max(0, int(np.nanmin(line)) - 1), min(run.lattice.length, int(np.nanmax(line)) + 3)
    line -= lines[0]
    files: dict[str, Path] = {}

    def on_map(values: Array, method: Any = "linear") -> Array:
        return sample(values, line, column, method, memory_bytes=memory)

    def write(arrays: Mapping[str, Array]) -> None:
        files.update(write_products(folder, arrays, grid, tags))
        progress(len(files) / _PRODUCTS)

    phase = _phase_on_map(*run.unwrapped(*lines, backwards=backwards), on_map)
    if not np.isfinite(phase["unwrapped_phase"]).any():
        raise _no_phase(run)
    write(phase)
    if (wave := run.wrapped(*lines, backwards=backwards)) is not None:
        write({"wrapped_phase": np.angle(on_map(wave))})
    if ionosphere and (delay := run.ionosphere(*lines, backwards=backwards)) is not None:
        write({"ionosphere_phase": on_map(delay)})
    for name, values in (("coherence", run.coherence(*lines)), ("elevation", run.elevation(*lines))):
        if values is not None:
            write({name: on_map(values)})
    if (directions := run.directions(*lines)) is not None:
        vector = on_map(directions)
        vector /= np.linalg.norm(vector, axis=0)
        write({"los_vector": vector, "incidence_angle": incidence_angle(vector[2])})
    return files


def _phase_on_map(phase: Array, labels: Array | None, on_map: OnMap) -> dict[str, Array]:
    """Interpolate linearly within a component; between two, where whole cycles are unknown, the nearest sample."""
    found = on_map(phase)
    if labels is None:
        return {"unwrapped_phase": found}
    nearest = on_map(labels, "nearest")
    mixed = np.isfinite(found) & (on_map(labels.astype(np.float32)) != nearest)
    found[mixed] = on_map(phase, "nearest")[mixed]
    return {"unwrapped_phase": found, "connected_components": np.where(np.isfinite(found), nearest, 0)}


def _no_phase(run: GeocodedRun) -> NoDataError:
    return NoDataError(
        "No unwrapped phase lies in the area.",
        f"{run.files[UNWRAPPED].path} has none there.",
        "Choose a larger area, or look whether the step unwrap of topsApp went well.",
    )
