"""What is in the standard deviation of a displacement beside the noise of its phase, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.radar.displacement import ReferencePoint
from dinsar_cli.radar.squint import NEIGHBOURHOOD, squint_sigma

Array = NDArray[Any]

NOISE = "noise of the filtered phase and of the reference"
NOISE_ALONE, ZERO_BY_GNSS = "noise of the filtered phase", "that of zero by GNSS, with the atmosphere at stations"
ALONG_TRACK = "unknown motion along the track"
NEVER = ("atmosphere", "orbit errors", "wrong cycles")
"""What is never in it."""


def parts(*, along_track: bool, gnss: bool = False) -> tuple[str, str]:
    """Tell what is in the standard deviation, and what is not, in words."""
    inside = (NOISE_ALONE, ZERO_BY_GNSS) if gnss else (NOISE,)
    inside = (*inside, ALONG_TRACK) if along_track else inside
    outside = NEVER if along_track else (*NEVER, ALONG_TRACK)
    return ", ".join(inside), ", ".join(outside)


def sigma_tags(unknown: Array | None, *, gnss: bool = False) -> dict[str, str]:
    """Return the tags of ``los_sigma.tif``.

    Parameters
    ----------
    unknown : ndarray or None
        As `along_track` gives it.
    gnss : bool
        Whether GNSS stations decide where zero is.
    """
    inside, outside = parts(along_track=unknown is not None, gnss=gnss)
    if unknown is None:
        return {"includes": inside, "excludes": f"{outside} (the squint of the beam is not known)"}
    how = (
        f"|squint| x the size of that motion, by the root mean square of the displacement over "
        f"{NEIGHBOURHOOD / 1000:g} x {NEIGHBOURHOOD / 1000:g} km: its expected square is the mean of that over "
        "a volume that changes at depth and of none, as over soft layers that consolidate; motion along strike of "
        "a fault can be larger"
    )
    return {"includes": f"{inside} ({how})", "excludes": outside}


def sigma_told(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """Tell what the tags of a file of standard deviations tell of it, as names and texts for people."""
    names = (("In los_sigma", "includes"), ("Not in los_sigma", "excludes"))
    return [(name, tags[key]) for name, key in names if key in tags]


def along_track(
    layers: MapLayers, los: Array, reference: ReferencePoint | None, up: Array | None = None
) -> Array | None:
    """Return the standard deviation of what unknown motion along the track adds to displacement, metres.

    Parameters
    ----------
    layers : MapLayers
        Of the map.
    los : ndarray
        Metres, NaN where there is none.
    reference : ReferencePoint or None
        To which it is relative; without one, ground at the median is taken as still.
    up : ndarray, optional
        Up component of the unit vector to the satellite; that of the angle of incidence if not given.

    Returns
    -------
    ndarray or None
        None where the squint is not known.
    """
    if up is None and "incidence_angle" in layers:
        up = np.cos(np.radians(layers.read("incidence_angle")))
    squint = layers.find("squint")
    if up is None or squint is None or not np.isfinite(los).any():
        return None
    if squint.shape != los.shape or up.shape != los.shape:  # of another map
        return None
    east, north = (layers.grid.posting * metres for metres in layers.grid.metres_per_unit)
    still = np.float32(0) if reference else np.nanmedian(los)
    return squint_sigma(squint, los - still, up, (north, east))


def largest(unknown: Array, los: Array) -> float:
    """Return the largest of the values of `along_track` where there is displacement, metres."""
    return float(np.max(unknown[np.isfinite(los)]))
