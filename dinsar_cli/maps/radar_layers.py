"""The layers of an interferogram, put on the map: one table says how each is made, and of what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.geocode import radar_coordinates, sample
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter, noise_facts, phase_sigma
from dinsar_cli.products.writer import ProductWriter
from dinsar_cli.radar.displacement import incidence_angle
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.visibility import CUT, UNKNOWN

Array = NDArray[Any]
Progress = Callable[[float], None]

RESAMPLING_BYTES = 250_000_000
"""Memory for resampling; more is not faster."""
_OTHER_CYCLES = 0.1  # rad: far more than two ways of interpolating differ by, far less than a mixed cycle


@dataclass(frozen=True)
class RadarOnMap:
    """An interferogram, and where the cells of a map are in it.

    Attributes
    ----------
    interferogram : Interferogram
    grid : Grid
        Of the map.
    memory : int
        Bytes for resampling.
    phase_filter : PhaseFilter or None
        How the phase was filtered; None: its noise is not known.
    threads : int
        That make the noise of the phase.
    known_places : (ndarray, ndarray) or None
        `places` of another interferogram on the same radar grid; None: they are found here.
    """

    interferogram: Interferogram
    grid: Grid
    memory: int
    phase_filter: PhaseFilter | None = None
    threads: int = 1
    known_places: tuple[Array, Array] | None = None

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Line and sample of the radar grid for each cell of the map, NaN where there is none.

        Raises
        ------
        NoDataError
            When nothing of the interferogram lies on the map.
        """
        if self.known_places is not None:
            return self.known_places
        latitude, longitude = (
            np.load(self.interferogram.layer(name).path, mmap_mode="r") for name in ("latitude", "longitude")
        )
        row, column = radar_coordinates(latitude, longitude, self.grid, memory_bytes=self.memory)
        if not np.isfinite(row).any():
            raise NoDataError(
                "No radar data lies in the area.",
                "No look cell of the bursts in use falls on the map grid.",
                "Choose a larger area inside the scenes, or a DEM that covers it.",
            )
        return row, column

    @cached_property
    def cut(self) -> Array | None:
        """Look cells through which a line goes across which the phase may jump; None without one."""
        layer = self.interferogram.visibility
        cut = (layer.read() & CUT) > 0 if layer.path.is_file() else np.zeros(1, bool)
        return cut if cut.any() else None

    @cached_property
    def cut_on_map(self) -> Array | None:
        """Cells of the map that are nearest to these look cells, or in which their centres lie.

        So there is no gap in it, however large the cells of the map are.
        """
        if self.cut is None:
            return None
        latitude, longitude = (
            self.interferogram.layer(name).read()[self.cut] for name in ("latitude", "longitude")
        )
        row, column, inside = self.grid.indices(longitude.astype(np.float64), latitude.astype(np.float64))
        there = self.put(self.cut.astype(np.uint8), "nearest") > 0
        there[row[inside], column[inside]] = True
        return there

    def put(self, values: Array, method: Literal["linear", "nearest"] = "linear") -> Array:
        """Put values of the radar grid on the map."""
        return sample(values, *self.places, method, memory_bytes=self.memory)

    def layer(self, name: str, method: Literal["linear", "nearest"] = "linear") -> Array:
        """Put a layer of the interferogram on the map."""
        return self.put(self.interferogram.layer(name).read(), method)


@dataclass(frozen=True)
class FromRadar:
    """How a layer of the map is made from the radar grid.

    Attributes
    ----------
    name : str
        Of the product.
    make : callable
        Takes the interferogram and the layers that this one needs; gives None where the layer is not known.
    needs : tuple of str
        Other layers that it is made of.
    tags : callable, optional
        Gives further tags of the product.
    """

    name: str
    make: Callable[[RadarOnMap, Mapping[str, Array]], Array | None]
    needs: tuple[str, ...] = ()
    tags: Callable[[RadarOnMap], Mapping[str, str]] = lambda _: {}


def _wrapped_phase(radar: RadarOnMap, _: Mapping[str, Array]) -> Array:
    wave = radar.interferogram.layer("wrapped").read()
    if radar.cut is not None:  # or both sides of it would be mixed
        wave[radar.cut] = np.nan
    return np.angle(radar.put(wave))


def _unwrapped_phase(radar: RadarOnMap, layers: Mapping[str, Array]) -> Array:
    """Interpolate linearly within a component; at its border with the cycles of the nearest cell."""
    wrapped = layers["wrapped_phase"]
    phase, nearest = radar.layer("unwrapped"), radar.layer("unwrapped", "nearest")
    labels = radar.interferogram.layer("components").read()
    mixed = radar.put(labels.astype(np.float32)) != radar.put(labels, "nearest")
    mixed &= np.isfinite(phase) & np.isfinite(nearest) & np.isfinite(wrapped)
    if radar.cut_on_map is not None:
        phase[radar.cut_on_map] = np.nan
    step = wrapped[mixed] - nearest[mixed]
    of_nearest = nearest[mixed] + step - 2 * np.pi * np.rint(step / (2 * np.pi))
    # where both sides have the same cycles the linear one is better: the wrapped one is interpolated as a phasor
    phase[mixed] = np.where(np.abs(phase[mixed] - of_nearest) > _OTHER_CYCLES, of_nearest, phase[mixed])
    return phase


def _los_vector(radar: RadarOnMap, _: Mapping[str, Array]) -> Array:
    # the vector is interpolated, not its angles, and has the length of one again
    los = radar.layer("los")
    los /= np.linalg.norm(los, axis=0)
    return los


def _squint(radar: RadarOnMap, _: Mapping[str, Array]) -> Array | None:
    squint = radar.layer("squint", "nearest")  # of one burst, not between two
    return squint if np.isfinite(squint).any() else None


def _phase_sigma(radar: RadarOnMap, _: Mapping[str, Array]) -> Array | None:
    if radar.phase_filter is None:
        return None
    return radar.put(phase_sigma(radar.interferogram, radar.phase_filter, radar.memory, radar.threads))


def _noise_tags(radar: RadarOnMap) -> Mapping[str, str]:
    return {} if radar.phase_filter is None else noise_facts(radar.interferogram, radar.phase_filter)


def _amplitude(radar: RadarOnMap, _: Mapping[str, Array]) -> Array | None:
    power = radar.put(np.square(radar.interferogram.layer("amplitude").read()))
    if not np.isfinite(power).any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(power > 0, 10 * np.log10(power), np.nan)


def _visibility(radar: RadarOnMap, _: Mapping[str, Array]) -> Array | None:
    layer = radar.interferogram.visibility
    if not layer.path.is_file():
        return None
    shown = radar.put(layer.read(), "nearest")
    if radar.cut_on_map is not None:
        shown[radar.cut_on_map] |= CUT
    return np.where(np.isfinite(radar.places[0]), shown, np.uint8(UNKNOWN))


def _ionosphere_phase(radar: RadarOnMap, _: Mapping[str, Array]) -> Array | None:
    layer = radar.interferogram.ionosphere
    return radar.put(layer.read()) if layer.path.is_file() else None


FROM_RADAR = (
    FromRadar("unwrapped_phase", _unwrapped_phase, needs=("wrapped_phase",)),
    FromRadar("coherence", lambda radar, _: radar.layer("coherence")),
    FromRadar("connected_components", lambda radar, _: radar.layer("components", "nearest")),
    FromRadar("los_vector", _los_vector),
    FromRadar("squint", _squint),
    FromRadar("phase_sigma", _phase_sigma, tags=_noise_tags),
    FromRadar("wrapped_phase", _wrapped_phase),
    FromRadar("visibility", _visibility),
    FromRadar("incidence_angle", lambda _, layers: incidence_angle(layers["los_vector"][2]), needs=("los_vector",)),
    FromRadar("amplitude", _amplitude),
    FromRadar("elevation", lambda radar, _: radar.layer("height")),
    FromRadar("ionosphere_phase", _ionosphere_phase),
)
"""All of them, in the order in which they are written. A further one is a function and a line here, and its
description in `dinsar_cli.products.layers`."""

OF_GEOMETRY = ("los_vector", "squint", "visibility", "incidence_angle", "elevation")
"""Those that all pairs on one radar grid have alike."""

FOR_DISPLACEMENT = ("unwrapped_phase", "coherence", "connected_components", "los_vector", "squint", "phase_sigma")
"""Those that what follows takes from memory."""


def geocode_layers(
    radar: RadarOnMap,
    layers: MapLayers,
    tags: Mapping[str, str],
    progress: Progress,
    chosen: Sequence[FromRadar] = FROM_RADAR,
) -> dict[str, Path]:
    """Put the layers of an interferogram on the map grid and write them.

    Parameters
    ----------
    radar : RadarOnMap
        The interferogram, and the map.
    layers : MapLayers
        Of the map; has `FOR_DISPLACEMENT` at hand afterwards.
    tags : mapping of str to str
        That every product has.
    progress : callable
        Takes the share that is done.
    chosen : sequence of FromRadar
        Layers to write, with those that they are made of.

    Returns
    -------
    dict of Path
        What was written, by the name of the product.

    Raises
    ------
    NoDataError
        When nothing of the interferogram lies on the grid.
    """
    table = {layer.name: layer for layer in chosen}
    made: dict[str, Array | None] = {}

    def make(name: str) -> Array | None:
        if name not in made:
            needed = {need: values for need in table[name].needs if (values := make(need)) is not None}
            made[name] = table[name].make(radar, needed)
        return made[name]

    with ProductWriter(layers.folder, layers.grid, tags) as writer:
        for done, name in enumerate(table):
            progress(done / len(table))
            values = make(name)
            if values is None:
                (layers.folder / f"{name}.tif").unlink(missing_ok=True)  # of an earlier run
                continue
            own_tags = dict(tags) | dict(table[name].tags(radar))
            writer.write({name: values}, own_tags)
            if name in FOR_DISPLACEMENT:
                layers.hold(name, values, own_tags)
            # what no later layer needs is let go of
            waiting = {
                *list(table)[done + 1 :],
                *(need for later in chosen[done + 1 :] for need in later.needs),
            }
            made = {kept: array for kept, array in made.items() if kept in waiting}
    progress(1.0)
    return writer.files
