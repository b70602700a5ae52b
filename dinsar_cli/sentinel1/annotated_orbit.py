"""What scenes tell of their orbits and the ground: good enough to plan with before orbit files and DEM are there.

The annotation has state vectors from around the acquisition, which may be predicted ones (some metres), and the
heights that the processor used for its geolocation grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from lxml import etree

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.heights.relief import Relief
from dinsar_cli.sentinel1.acquisition import Acquisition
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.state_vectors import misfit_of
from dinsar_cli.sentinel1.subswath import parse_time

KIND = "annotation"
_STATE = ("position/x", "position/y", "position/z", "velocity/x", "velocity/y", "velocity/z")
_LEAST_VECTORS = 4


def annotated_orbit(acquisition: Acquisition, polarization: str) -> OrbitFile:
    """Return the state vectors in the annotation of an acquisition.

    Raises
    ------
    NoDataError
        If they are too few, cannot be read or do not fit each other.
    """
    states: dict[datetime, tuple[float, ...]] = {}
    try:
        for root in _annotations(acquisition, polarization):
            for vector in root.iterfind("generalAnnotation/orbitList/orbit"):
                state = tuple(float(vector.findtext(name, "")) for name in _STATE)
                states.setdefault(parse_time(vector.findtext("time", "")), state)
    except ValueError as error:
        raise _unreadable(acquisition, str(error)) from error
    times = sorted(states)
    if len(times) < _LEAST_VECTORS:
        raise _unreadable(acquisition, f"it has {len(times)} of them")
    vectors = np.array([states[time] for time in times])
    stamps = np.array([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")
    misfit = misfit_of(stamps, vectors, exact=False)
    if misfit:
        raise _unreadable(acquisition, misfit.rstrip("."))
    return OrbitFile(
        path=acquisition.scenes[0].safe.path,
        mission=acquisition.mission,
        kind=KIND,
        start=times[0],
        stop=times[-1],
        times=stamps,
        position=vectors[:, :3],
        velocity=vectors[:, 3:],
    )


def annotated_relief(acquisition: Acquisition, polarization: str) -> Relief:
    """Return the lowest and highest ellipsoidal height in the geolocation grids of an acquisition."""
    heights: list[float] = []
    try:
        for root in _annotations(acquisition, polarization):
            points = root.iterfind("geolocationGrid/geolocationGridPointList/geolocationGridPoint/height")
            heights += [float(point.text or "") for point in points]
    except ValueError as error:
        raise _unreadable(acquisition, str(error)) from error
    return Relief(min(heights, default=0.0), max(heights, default=0.0), None)


def _annotations(acquisition: Acquisition, polarization: str) -> Iterator[etree._Element]:
    """Yield the annotations of all images of a polarization."""
    for scene in acquisition.scenes:
        for (_, channel), (annotation, _) in sorted(scene.images.items()):
            if channel == polarization:
                yield scene.safe.xml(annotation)


def _unreadable(acquisition: Acquisition, cause: str) -> NoDataError:
    return NoDataError(
        f"The annotation of {acquisition.scenes[0].name} cannot be used.",
        f"Its state vectors or heights are not what they should be: {cause}.",
        "Download the product again.",
    )
