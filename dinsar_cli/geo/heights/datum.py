"""Vertical datum of a DEM: what a CRS states, what the user says, and the way from the geoid to the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyproj
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from dinsar_cli.errors import UsageError


@dataclass(frozen=True)
class Geoid:
    """A geoid model as PROJ knows it.

    Attributes
    ----------
    epsg : int
        Code of the vertical CRS of heights above it.
    grid : str
        Name of PROJ's grid of its undulations.
    """

    epsg: int
    grid: str


GEOIDS = {"egm96": Geoid(5773, "us_nga_egm96_15.tif"), "egm2008": Geoid(3855, "us_nga_egm08_25.tif")}

DATUMS = ("ellipsoid", *GEOIDS)
"""What the heights of a DEM can refer to."""

_STATE_DATUM = "Say what its heights refer to: --dem-datum ellipsoid, egm96 or egm2008."


def check_datum(option: str | None) -> None:
    """Refuse a datum that is not one of `DATUMS`.

    Raises
    ------
    UsageError
        If it is another; None is left to what the file states.
    """
    if option is not None and option not in DATUMS:
        raise UsageError(f"--dem-datum {option} is not known.", f"It is {' or '.join(DATUMS)}.", _STATE_DATUM)


def stated_datum(crs: CRS, path: Path) -> str | None:
    """Return the datum of the heights that the CRS of a DEM file states, if it does.

    Raises
    ------
    UsageError
        If it states another datum than `DATUMS`, or values that are not metres up.
    """
    height = next((axis for axis in crs.axis_info if axis.direction.lower() in ("up", "down")), None)
    if height is None:
        return None
    problem = f"The DEM {path} cannot be used."
    if height.direction.lower() == "down" or height.unit_name not in ("metre", "meter"):
        raise UsageError(
            problem,
            f"By its CRS {crs.name!r} its values are {height.unit_name} {height.direction}; needed are metres up.",
            "Convert it, for example with gdalwarp -t_srs.",
        )
    vertical = next((part for part in crs.sub_crs_list if part.is_vertical), None)
    if vertical is None or "ellips" in vertical.name.lower():
        return "ellipsoid"
    name = vertical.name.lower().replace(" ", "")
    for datum, geoid in GEOIDS.items():
        if vertical.to_epsg() == geoid.epsg or datum in name:
            return datum
    raise UsageError(
        problem,
        f"Its heights refer to {vertical.name!r}; only {', '.join(DATUMS)} can be converted.",
        "Convert its heights to the WGS84 ellipsoid (gdalwarp -t_srs EPSG:4979) and give that file.",
    )


def decide_datum(stated: str | None, option: str | None, path: Path) -> str:
    """Return the datum of a DEM file from what its CRS states and what the user says.

    Raises
    ------
    UsageError
        If they contradict each other, or neither says anything.
    """
    if stated and option and stated != option:
        raise UsageError(
            f"The DEM {path} and --dem-datum {option} contradict each other.",
            f"The file says that its heights refer to: {stated}.",
            "Leave --dem-datum out, or correct the CRS of the file.",
        )
    datum = stated or option
    if datum is None:
        raise UsageError(
            f"It is not known what the heights of the DEM {path} refer to.",
            "Its CRS has no vertical part, and geoid and ellipsoid are up to 100 m apart.",
            _STATE_DATUM,
        )
    return datum


def geoid_transformer(datum: str, path: Path) -> Transformer:
    """Return the transformer of geoid heights to ellipsoidal heights, with its grid; never a ballpark one.

    Raises
    ------
    UsageError
        If PROJ has no usable grid of that geoid.
    """
    geoid = GEOIDS[datum]
    try:
        return pyproj.Transformer.from_crs(
            f"EPSG:4326+{geoid.epsg}", "EPSG:4979", always_xy=True, allow_ballpark=False, only_best=True
        )
    except ProjError as error:
        network = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:4326").is_network_enabled
        raise UsageError(
            f"The {datum} heights of the DEM {path} cannot be converted to ellipsoidal heights.",
            f"PROJ cannot use the geoid grid {geoid.grid}: it is missing or damaged. PROJ looks in "
            f"{pyproj.datadir.get_data_dir()} and in its user folder, which `pyproj sync` writes to; "
            f"its network access is {'on' if network else 'off'}.",
            f"Get it with `projsync --file {geoid.grid}` or `pyproj sync --file {geoid.grid}`, or set "
            "PROJ_NETWORK=ON, or convert the DEM to ellipsoidal heights elsewhere and say --dem-datum ellipsoid.",
        ) from error
