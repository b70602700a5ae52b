"""Check the phase of a map while it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.sections.checks import ChecksConfig
from dinsar_cli.maps.checks.reversed_pair import filled, leftover
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap
from dinsar_cli.products.flags import (
    COMPONENT,
    CYCLES,
    FILLED,
    INCONGRUENT,
    JUMP,
    NO_PHASE,
    NOISE,
    REVERSED,
    UNSEEN,
)
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.uncertainty import tells_nothing
from dinsar_cli.radar.unwrap_check import (
    CONGRUENT,
    ComponentJump,
    comparable,
    component_jumps,
    inner_jumps,
    residue,
)
from dinsar_cli.radar.visibility import CUT, hides_ground

Array = NDArray[Any]


_NO_GROUND = UNSEEN | NOISE  # what is said of cells with and without phase
_BLOCK = 512  # look lines that are looked at in a go
_MOST_TOLD = 20  # pairs of components in run.json


def check_phase(
    radar: RadarOnMap,
    layers: MapLayers,
    tags: Mapping[str, str],
    compare: Callable[[Array], tuple[dict[str, Array], dict[str, Any]]] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase of a map by itself, and write what was found.

    Parameters
    ----------
    radar : RadarOnMap
        The interferogram on the map.
    layers : MapLayers
        With those of the phase.
    tags : mapping
        For the files.
    compare : callable, optional
        Puts what another way of processing finds into the flags, and gives further layers and facts.

    Returns
    -------
    files : dict of Path
        Of ``flags``, and of what was compared.
    found : dict
        Shares and counts, for the journal and the summary.
    """
    radar_flags, found = check_unwrapping(radar.interferogram)
    made = radar.interferogram
    if made.misregistration is not None:
        found["misregistration"] = made.misregistration_facts
    noise = tells_nothing(made.layer("coherence").read(), made.effective_looks, made.coherence_looks)
    radar_flags[noise] |= NOISE
    return _flagged(layers, tags, radar.put(radar_flags, "nearest"), found, compare)


def check_geocoded(layers: MapLayers, tags: Mapping[str, str]) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase of a map of which there are no layers on the radar grid.

    Whether the unwrapped phase is the wrapped one plus whole cycles is not looked at: topsApp's geocoding takes
    them from different places.

    Returns
    -------
    files, found
        As those of `check_phase`.
    """
    phase, components = _phase_of(layers)
    flags = np.zeros(components.shape, np.uint8)
    beside, jumps, pairs = inner_jumps(phase, components)
    flags[beside] |= JUMP
    found = _counted((0, 0, 0.0), (jumps, pairs), component_jumps(phase, components), components)
    return _flagged(layers, tags, flags, found, None)


def _phase_of(layers: MapLayers) -> tuple[Array, Array]:
    """Return the unwrapped phase and components on the map; where these are not known, all phase is one."""
    phase, components = layers.read("unwrapped_phase"), layers.find("connected_components")
    return phase, np.isfinite(phase).astype(np.uint16) if components is None else components


def _flagged(
    layers: MapLayers,
    tags: Mapping[str, str],
    flags: Array,
    found: dict[str, Any],
    compare: Callable[[Array], tuple[dict[str, Array], dict[str, Any]]] | None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Finish the flags on the map and write them."""
    phase, components = _phase_of(layers)
    flags[np.isin(components, found.pop("uncertain"))] |= COMPONENT
    files: dict[str, Path] = {}
    if compare is not None:
        made, found["reversed"] = compare(flags)
        for name, values in made.items():
            own_tags = dict(tags) | ({"filled": "see flags.tif"} if name == "unwrapped_phase" else {})
            files |= write_products(layers.folder, {name: values}, layers.grid, own_tags)
            layers.hold(name, values, own_tags)
    found["flagged"] = _share((flags & ~np.uint8(FILLED | NOISE)) > 0, np.isfinite(phase) & (components > 0))
    visibility = layers.find("visibility")
    if visibility is not None:
        flags[hides_ground(visibility)] |= UNSEEN
    without = ~np.isfinite(phase)
    flags[without] &= _NO_GROUND
    flags[without & (flags == 0)] = NO_PHASE
    return files | write_products(layers.folder, {"flags": flags}, layers.grid, tags), found


def is_noise(flags: Array) -> NDArray[np.bool_]:
    """Tell which cells of ``flags.tif`` have a coherence that tells nothing."""
    return (flags != NO_PHASE) & ((flags & NOISE) > 0)


def compare_reversed(
    config: ChecksConfig, layers: MapLayers, backward: Array, flags: Array
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Hold the phase on the map against that of the reversed pair; put what differs into the flags.

    Returns
    -------
    layers : dict of ndarray
        ``reversed_difference``, and ``unwrapped_phase`` when it was filled.
    facts : dict
        Shares of the cells with a component that both orders unwrapped.
    """
    phase, components = (layers.read(name) for name in ("unwrapped_phase", "connected_components"))
    difference = leftover(phase, backward, components)
    wrong = np.abs(difference) > config.bound
    flags[wrong] |= REVERSED
    flags[np.abs(difference) > np.pi] |= CYCLES
    made = {"reversed_difference": difference.astype(np.float32)}
    if config.fill:
        made["unwrapped_phase"], cells = filled(phase, layers.read("wrapped_phase"), components, wrong)
        flags[cells] |= FILLED
    compared = np.isfinite(difference) & (components > 0)
    equal = difference[compared & ~wrong]
    return made, {
        "way": config.reversed,
        "bound_rad": config.bound,
        "compared_cells": int(compared.sum()),
        "flagged": _share(wrong, compared),
        "whole_cycles": _share((flags & CYCLES) > 0, compared),
        "filled": _share((flags & FILLED) > 0, compared),
        "rms_of_the_others_rad": round(float(np.sqrt(np.mean(equal**2))), 5) if equal.size else None,
    }


def check_unwrapping(interferogram: Interferogram) -> tuple[Array, dict[str, Any]]:
    """Return the flags of the unwrapping on the radar grid, and what was counted.

    Returns
    -------
    flags : ndarray of uint8
        `JUMP` and `INCONGRUENT`, shape (lines, samples).
    found : dict
        Counts; ``uncertain`` are the numbers of components whose cycles against the largest are not certain.
    """
    files = [interferogram.layer(name) for name in ("unwrapped", "wrapped", "components")]
    flags = np.zeros((interferogram.lines, interferogram.samples), np.uint8)
    cells = incongruent = jumps = pairs = 0
    worst = 0.0
    for first in range(0, interferogram.lines, _BLOCK):
        last = min(first + _BLOCK, interferogram.lines)
        phase, wave, labels = (file.read(first, last + 1) for file in files)  # one line more: pairs across blocks
        beside, some, of = inner_jumps(phase, labels)
        flags[first : last + 1][beside] |= JUMP
        if last < interferogram.lines:  # pairs within the last line are those of the next block
            _, doubled, twice = inner_jumps(phase[-1:], labels[-1:])
            some, of = some - doubled, of - twice
        rest = np.abs(residue(phase, wave))[: last - first]
        known = np.isfinite(rest)
        flags[first:last][known & (rest > CONGRUENT)] |= INCONGRUENT
        worst = max(worst, float(rest[known].max(initial=0.0)))
        cells, incongruent = cells + int(known.sum()), incongruent + int((rest[known] > CONGRUENT).sum())
        jumps, pairs = jumps + some, pairs + of
    seen = interferogram.visibility
    cut = (seen.read() & CUT) > 0 if seen.path.is_file() else None
    between = component_jumps(files[0].read(), labels := files[2].read(), cut)
    return flags, _counted((cells, incongruent, worst), (jumps, pairs), between, labels)


def _counted(
    residues: tuple[int, int, float], jumps: tuple[int, int], between: Sequence[ComponentJump], labels: Array
) -> dict[str, Any]:
    """Tell what was counted, for the journal.

    Parameters
    ----------
    residues : (int, int, float)
        Cells that were held against the wrapped phase, those that differ, and the largest difference (rad).
    jumps : (int, int)
        Neighbours with a step of more than half a cycle, and all.
    between : sequence of ComponentJump
        Between components.
    labels : ndarray
        Their numbers.
    """
    numbers = [int(number) for number in np.unique(labels) if number]
    uncertain = [number for number in numbers if number not in comparable(between)]
    told = sorted(between, key=lambda jump: (jump.certain, -jump.edges))
    return {
        "residue": {"cells": residues[0], "incongruent": residues[1], "largest_rad": round(residues[2], 6)},
        "jumps": {"neighbours": jumps[1], "beyond_half_a_cycle": jumps[0]},
        "components": {
            "borders": len(between),
            "uncertain_borders": sum(not jump.certain for jump in between),
            "jumps": [asdict(jump) for jump in told[:_MOST_TOLD]],
            "not_comparable": len(uncertain),
        },
        "uncertain": uncertain,
    }


def _share(cells: Array, among: Array) -> float:
    return round(float(np.mean(cells[among])), 6) if among.any() else 0.0
