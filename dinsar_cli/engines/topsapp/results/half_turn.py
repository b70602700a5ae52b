"""ISCE2 near 180 degrees: the Earth that it is given is turned by half a turn about its axis.

The longitudes that its topo computes jump from 180 to -180, and a DEM in which they do so cannot be. Distances and
directions do not depend on where longitudes are counted from. So where the DEM reaches over 180 degrees, topsApp
gets state vectors with x and y negated (a half turn, without rounding), and DEM and region half a turn away, in the
middle of the Pacific's opposite side; half a turn is added to the longitudes that it finds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import atomic_path, make_folder
from dinsar_cli.base.user_files import read_xml
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.topsapp.settings.file_names import TURNED
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import crosses, near
from dinsar_cli.geo.heights.dem_file import open_dem

HALF_TURN = 180.0
"""Degrees to add to the longitudes of a turned Earth."""

_NEGATED = ("X", "Y", "VX", "VY")


def is_wanted(dem: Path) -> bool:
    """Tell whether topsApp needs a turned Earth: whether a DEM reaches over 180 degrees."""
    with open_dem(dem) as dataset:
        return crosses(tuple(dataset.bounds))


def is_turned(work: Path) -> bool:
    """Tell whether the Earth of a working folder of topsApp is turned."""
    return (work / TURNED).is_dir()


def turned(longitude: float) -> float:
    """Return the longitude on the turned Earth; near 180 degrees it is continuous there."""
    return near(longitude + HALF_TURN, 0.0)


def turned_inputs(inputs: EngineInputs, work: Path) -> EngineInputs:
    """Return the area and orbit files of the turned Earth; `write_orbits` writes these."""
    first, south, last, north = inputs.bounds
    west = turned(first)
    reference, secondary = (
        replace(orbit, path=work / TURNED / orbit.path.name)
        for orbit in (inputs.reference_orbit, inputs.secondary_orbit)
    )
    return replace(
        inputs,
        bounds=(west, south, west + last - first, north),
        reference_orbit=reference,
        secondary_orbit=secondary,
    )


def write_orbits(inputs: EngineInputs, work: Path) -> None:
    """Write the orbit files with all state vectors turned, under their names, into the working folder."""
    folder = make_folder(work / TURNED)
    for path in {inputs.reference_orbit.path, inputs.secondary_orbit.path}:
        root = read_xml(path)
        for name in _NEGATED:
            for element in root.iterfind(f".//{{*}}OSV/{{*}}{name}"):
                element.text = _negative((element.text or "").strip())
        with atomic_path(folder / path.name) as part:
            root.getroottree().write(part, encoding="UTF-8", xml_declaration=True)


def turn_back(work: Path) -> None:
    """Let topsApp have the Earth as it is.

    Raises
    ------
    UsageError
        When the folder of the turned orbits holds something else.
    """
    folder = work / TURNED
    remove([path for path in files_below(folder) if path.suffix == ".EOF"], work)
    if not folder.exists():
        return
    try:
        folder.rmdir()
    except OSError as error:
        raise UsageError(
            f"{folder} holds files that are not of dinsar.",
            "Where this folder is, topsApp works on an Earth that is turned by 180 degrees: not wanted here.",
            "Move them elsewhere and remove the folder.",
        ) from error


def _negative(number: str) -> str:
    """Minus a number, with all of its digits."""
    return number[1:] if number.startswith("-") else f"-{number.removeprefix('+')}"
