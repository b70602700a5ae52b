"""Checks of a map while it is made: the unwrapping by itself, and the pair against its reverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli.acquisition import CommonBurst, Pair
from dinsar_cli.engines.base import StepChoice
from dinsar_cli.geocode import radar_coordinates, sample
from dinsar_cli.intermediates import remove
from dinsar_cli.planning import engine_inputs
from dinsar_cli.prediction import HISTORY
from dinsar_cli.products import read_product, write_products
from dinsar_cli.reversedpair import filled, leftover
from dinsar_cli.unwrapcheck import CONGRUENT, comparable, component_jumps, inner_jumps, residue
from dinsar_cli.workspace import RADAR, REVERSED_FOLDER, check_disk, human_bytes, make_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinsar_cli.configchecks import ChecksConfig
    from dinsar_cli.engines.base import EngineInputs
    from dinsar_cli.grid import Grid
    from dinsar_cli.radar import Interferogram
    from dinsar_cli.session import Session
    from dinsar_cli.unwrapcheck import ComponentJump

    Array = NDArray[Any]

REVERSED, CYCLES, JUMP, COMPONENT, INCONGRUENT, FILLED, NO_PHASE = 1, 2, 4, 8, 16, 32, 255
"""Values that ``flags.tif`` sums, and the one of cells without phase."""

_BLOCK = 512  # look lines that are looked at in a go
_MOST_TOLD = 20  # pairs of components in run.json
_FEW = 1e-3  # share of the map that may be flagged without a warning


def check_map(
    session: Session,
    interferogram: Interferogram,
    tags: Mapping[str, str],
    row: Array,
    column: Array,
    memory: int,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase on the map, and write what was found.

    Parameters
    ----------
    session : Session
        The run; its folder of products has the layers of the phase.
    interferogram : Interferogram
        Of which they were made.
    tags : mapping
        For the files.
    row, column : ndarray
        Line and sample of the radar grid for each cell of the map.
    memory : int
        Bytes for resampling.

    Returns
    -------
    files : dict of Path
        Of ``flags``, and with a reversed pair of ``reversed_difference``.
    found : dict
        Shares and counts, for the journal and the summary.
    """
    config, folder = session.plan.config.checks, session.products
    (folder / "reversed_difference.tif").unlink(missing_ok=True)  # of an earlier run

    def compare(flags: Array) -> tuple[dict[str, Array], dict[str, Any]]:
        return _compare(config, folder, _reversed_phase(session, interferogram, row, column, memory), flags)

    both_orders = None if config.reversed == "none" else compare
    return check_phase(interferogram, folder, session.plan.grid, tags, (row, column), memory, both_orders)


def check_phase(
    interferogram: Interferogram,
    folder: Path,
    grid: Grid,
    tags: Mapping[str, str],
    places: tuple[Array, Array],
    memory: int,
    compare: Callable[[Array], tuple[dict[str, Array], dict[str, Any]]] | None = None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase of a map by itself, and write what was found.

    Parameters
    ----------
    folder : Path
        With the layers of the phase on the map.
    grid : Grid
        Of the map.
    places : (ndarray, ndarray)
        Line and sample of the radar grid for each cell of the map.
    compare : callable, optional
        Puts what another way of processing finds into the flags, and gives further layers and facts.

    Returns
    -------
    files, found
        As those of `check_map`.
    """
    radar_flags, found = check_unwrapping(interferogram)
    flags = sample(radar_flags, *places, "nearest", memory_bytes=memory)
    return _flagged(folder, grid, tags, _phase_of(folder), flags, found, compare)


def check_geocoded(folder: Path, grid: Grid, tags: Mapping[str, str]) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check the phase of a map of which there are no layers on the radar grid.

    Whether the unwrapped phase is the wrapped one plus whole cycles is not looked at: topsApp's geocoding takes
    them from different places.

    Returns
    -------
    files, found
        As those of `check_map`.
    """
    import numpy as np

    phase, components = _phase_of(folder)
    flags = np.zeros(components.shape, np.uint8)
    beside, jumps, pairs = inner_jumps(phase, components)
    flags[beside] |= JUMP
    found = _counted((0, 0, 0.0), (jumps, pairs), component_jumps(phase, components), components)
    return _flagged(folder, grid, tags, (phase, components), flags, found, None)


def _phase_of(folder: Path) -> tuple[Array, Array]:
    """Unwrapped phase and components on the map; where these are not known, all phase is one."""
    import numpy as np

    phase = read_product(folder, "unwrapped_phase")
    there = (folder / "connected_components.tif").is_file()
    return phase, read_product(folder, "connected_components") if there else np.isfinite(phase).astype(np.uint16)


def _flagged(
    folder: Path,
    grid: Grid,
    tags: Mapping[str, str],
    phase_of: tuple[Array, Array],
    flags: Array,
    found: dict[str, Any],
    compare: Callable[[Array], tuple[dict[str, Array], dict[str, Any]]] | None,
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Finish the flags on the map and write them."""
    import numpy as np

    phase, components = phase_of
    flags[np.isin(components, found.pop("uncertain"))] |= COMPONENT
    files: dict[str, Path] = {}
    if compare is not None:
        made, found["reversed"] = compare(flags)
        for name, values in made.items():
            own_tags = dict(tags) | ({"filled": "see flags.tif"} if name == "unwrapped_phase" else {})
            files |= write_products(folder, {name: values}, grid, own_tags)
    found["flagged"] = _share((flags & ~np.uint8(FILLED)) > 0, np.isfinite(phase) & (components > 0))
    flags[~np.isfinite(phase)] = NO_PHASE
    return files | write_products(folder, {"flags": flags}, grid, tags), found


def _compare(
    config: ChecksConfig, folder: Path, backward: Array, flags: Array
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Hold the phase on the map against that of the reversed pair; put what differs into the flags.

    Returns
    -------
    layers : dict of ndarray
        ``reversed_difference``, and ``unwrapped_phase`` when it was filled.
    facts : dict
        Shares of the cells with a component that both orders unwrapped.
    """
    import numpy as np

    phase, components = (read_product(folder, name) for name in ("unwrapped_phase", "connected_components"))
    difference = leftover(phase, backward, components)
    wrong = np.abs(difference) > config.bound
    flags[wrong] |= REVERSED
    flags[np.abs(difference) > np.pi] |= CYCLES
    layers = {"reversed_difference": difference.astype(np.float32)}
    if config.fill:
        layers["unwrapped_phase"], cells = filled(phase, read_product(folder, "wrapped_phase"), components, wrong)
        flags[cells] |= FILLED
    compared = np.isfinite(difference) & (components > 0)
    equal = difference[compared & ~wrong]
    return layers, {
        "way": config.reversed,
        "bound_rad": config.bound,
        "compared_cells": int(compared.sum()),
        "flagged": _share(wrong, compared),
        "whole_cycles": _share((flags & CYCLES) > 0, compared),
        "filled": _share((flags & FILLED) > 0, compared),
        "rms_of_the_others_rad": round(float(np.sqrt(np.mean(equal**2))), 5) if equal.size else None,
    }


def check_unwrapping(interferogram: Interferogram) -> tuple[Array, dict[str, Any]]:
    """Flags of the unwrapping on the radar grid, and what was counted.

    Returns
    -------
    flags : ndarray of uint8
        `JUMP` and `INCONGRUENT`, shape (lines, samples).
    found : dict
        Counts; ``uncertain`` are the numbers of components whose cycles against the largest are not certain.
    """
    import numpy as np

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
    between = component_jumps(files[0].read(), labels := files[2].read())
    return flags, _counted((cells, incongruent, worst), (jumps, pairs), between, labels)


def _counted(
    residues: tuple[int, int, float], jumps: tuple[int, int], between: Sequence[ComponentJump], labels: Array
) -> dict[str, Any]:
    """What was counted, for the journal.

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
    import numpy as np

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
    import numpy as np

    return round(float(np.mean(cells[among])), 6) if among.any() else 0.0


def _reversed_phase(
    session: Session, interferogram: Interferogram, row: Array, column: Array, memory: int
) -> Array:
    """Phase of later x conj(earlier) on the map, radians."""
    inputs = _inputs(session)
    if session.plan.config.checks.reversed == "phase":
        session.reporter.progress("reversed", 0.0)
        backward: Array = session.plan.engine.unwrap_conjugate(inputs, interferogram.folder)
        return sample(backward, row, column, "linear", memory_bytes=memory)
    made = _process_exchanged(session, inputs)
    latitude, longitude = (made.layer(name).read() for name in ("latitude", "longitude"))
    places = radar_coordinates(latitude, longitude, session.plan.grid, memory_bytes=memory)
    phase = sample(made.layer("unwrapped").read(), *places, "linear", memory_bytes=memory)
    _tidy(session, made.folder)
    # topsApp's outputs are turned to the order of the dates when they are collected
    return phase if made.reference_date > made.secondary_date else -phase


def _inputs(session: Session) -> EngineInputs:
    plan = session.plan
    dem = Path(session.journal.stages["dem"].details["path"])
    return engine_inputs(plan, plan.orbit_files, dem, StepChoice(), session.cache / HISTORY)


def exchanged(inputs: EngineInputs) -> EngineInputs:
    """The same inputs with the later date as the one that the other is coregistered to; without offsets."""
    pair, config = inputs.pair, inputs.config
    return replace(
        inputs,
        config=config.model_copy(update={"offsets": type(config.offsets)()}),
        pair=Pair(pair.secondary, pair.reference, pair.polarization),
        bursts=tuple(CommonBurst(burst.swath, burst.secondary, burst.reference) for burst in inputs.bursts),
        reference_orbit=inputs.secondary_orbit,
        secondary_orbit=inputs.reference_orbit,
    )


def _process_exchanged(session: Session, inputs: EngineInputs) -> Interferogram:
    """Run the engine with the dates exchanged, in a folder of its own in that of the pair."""
    plan = session.plan
    if not session.force:
        needed = session.prediction.engine.disk
        check_disk(session.folder, needed, f"the reversed pair ({human_bytes(needed)})")
    folder = make_folder(make_folder(session.folder / REVERSED_FOLDER) / RADAR)
    session.reporter.note("the pair is processed in the reversed order too, which takes as long as the first time")
    made = plan.engine.process(exchanged(inputs), folder, session.reporter.progress)
    if made is None:
        raise ValueError("all steps of the engine are needed")
    return made


def _tidy(session: Session, folder: Path) -> None:
    """Remove of the reversed pair what is removed of the pair itself."""
    kept = session.plan.config.output.intermediates
    if kept == "geocoded":
        remove(session.plan.engine.leftovers(folder))
    elif kept == "delete":
        remove([folder.parent])


def check_warnings(found: Mapping[str, Any]) -> list[str]:
    """What the checks found that the user should keep in mind, in words."""
    warnings = []
    wrong = found.get("reversed", {})
    if wrong.get("flagged", 0) > _FEW:
        done = f"; the cycles of {wrong['filled']:.2%} were chosen again" if wrong["filled"] else ""
        warnings.append(
            f"{wrong['flagged']:.2%} of the map is not equal and opposite in the reversed pair "
            f"({wrong['whole_cycles']:.2%} by half a cycle or more){done}. See flags.tif."
        )
    jumps = found["jumps"]
    if jumps["beyond_half_a_cycle"] > _FEW * jumps["neighbours"]:
        warnings.append(
            f"The phase steps by more than half a cycle between {jumps['beyond_half_a_cycle']} neighbours within a "
            "component: on one side of such lines it may be wrong by whole cycles (2.8 cm). See flags.tif."
        )
    if found["residue"]["incongruent"]:
        warnings.append(
            f"The unwrapped phase of {found['residue']['incongruent']} look cells is not the wrapped one plus "
            "whole cycles: the unwrapping was damaged, or comes from another interferogram."
        )
    return warnings
