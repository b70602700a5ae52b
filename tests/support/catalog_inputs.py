"""Scenes of a catalogue with known geometry, and the program with nothing but a test archive around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.scenes import StateVector as CatalogVector
from dinsar_cli.radar.geometry import enu_basis, geodetic_to_cartesian
from support.archive import Archive, Scene
from support.archive.granules import StateVector, anticlockwise
from support.command import PROGRAM, Outcome
from support.forked import run_code

PLACE = (37.2, 37.2)
ROI = "37.0 37.0 37.4 37.4"
RADIUS = 7.071e6  # m
SPEED = 7.6e3  # m/s
CENTRAL = np.radians(4.6)  # angle at the centre of the Earth between the satellite's track and the place
FIRST = datetime(2023, 1, 4, 3, 34, 46, tzinfo=UTC)

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Flight:
    """A circle that passes the place on its right, perpendicular to the line of sight at time zero."""

    radial: Vector
    along: Vector
    point: Vector

    @classmethod
    def past(cls, heading: float, place: tuple[float, float] = PLACE) -> Flight:
        """Fly by a place in a direction, degrees clockwise from north."""
        lon, lat = np.array(place[0]), np.array(place[1])
        point = geodetic_to_cartesian(lon, lat, np.array(0.0))
        up = point / np.linalg.norm(point)
        east, _, _ = enu_basis(lon, lat)
        north = np.cross(up, east)
        along = np.cos(np.radians(heading)) * north + np.sin(np.radians(heading)) * east
        radial = up * np.cos(CENTRAL) - np.cross(along, up) * np.sin(CENTRAL)
        return cls(radial, along, point)

    def vector(self, epoch: datetime, seconds: float) -> StateVector:
        """State some seconds after it is nearest to the place, at which the clock shows `epoch`."""
        angle = SPEED / RADIUS * seconds
        position = RADIUS * (np.cos(angle) * self.radial + np.sin(angle) * self.along)
        velocity = SPEED * (np.cos(angle) * self.along - np.sin(angle) * self.radial)
        return StateVector(epoch + timedelta(seconds=seconds), _three(position), _three(velocity))

    def perpendicular(self, across: float) -> float:
        """Perpendicular baseline of a flight that is shifted to the right, by the definition: minus its cosine."""
        look = self.point - RADIUS * self.radial
        right = np.cross(self.along, self.radial)
        sine = float(look @ right / np.linalg.norm(look))
        return -across * float(np.sqrt(1 - sine**2))


def _three(values: Vector) -> tuple[float, float, float]:
    x, y, z = values.round(6).tolist()  # as the catalogue writes them
    return x, y, z


DOWN, UP = Flight.past(193.0), Flight.past(347.0)


def scene(
    start: datetime = FIRST,
    *,
    track: int = 21,
    direction: str = "DESCENDING",
    slice_number: int = 0,
    mission: str = "S1A",
    mode: str = "1SDV",
    shift: tuple[float, float] = (0.0, 0.0),
    unique: str = "ABCD",
) -> Scene:
    """A scene of the archive about the place; slices follow each other along the track.

    Parameters
    ----------
    start : datetime
        First sensing time of slice 0.
    shift : (float, float)
        Degrees of longitude and latitude by which its footprint lies elsewhere.
    """
    flight, down = (DOWN, -1) if direction == "DESCENDING" else (UP, 1)
    begin = start + timedelta(seconds=25 * slice_number)
    end = begin + timedelta(seconds=27)
    orbit = 40000 + (start - FIRST).days * 175 // 12
    lon, lat = PLACE[0] + shift[0], PLACE[1] + shift[1] + down * 1.5 * slice_number
    corners = [(lon - 1.6, lat - 0.6), (lon + 1.2, lat - 1.0), (lon + 1.6, lat + 0.6), (lon - 1.2, lat + 1.0)]
    stamp = "%Y%m%dT%H%M%S"
    name = f"{mission}_IW_SLC__{mode}_{begin:{stamp}}_{end:{stamp}}_{orbit:06d}_05A6B8_{unique}"
    middle = start + timedelta(seconds=13.5)
    centre = 25.0 * slice_number
    return Scene(
        name=name,
        path=track,
        frame=470 + 5 * slice_number,
        direction=direction,
        ring=anticlockwise(corners),
        md5="0123456789abcdef0123456789abcdef",
        ascending_node=start - timedelta(minutes=26),
        vectors=(flight.vector(middle, centre - 5.0), flight.vector(middle, centre + 5.0)),
        processed=end + timedelta(hours=3),
    )


def record(made: Scene) -> CatalogScene:
    """The record that the tool should make of a scene."""
    return CatalogScene(
        name=made.name,
        platform=made.mission,
        start=made.start,
        stop=made.stop,
        track=made.path,
        frame=made.frame,
        absolute_orbit=made.absolute_orbit,
        direction=made.direction.lower(),
        polarizations=tuple(made.polarization.split("+")),
        ring=made.ring,
        url=made.url,
        bytes=made.size,
        md5=made.md5,
        processed=made.processed,
        ipf=made.ipf,
        vectors=tuple(CatalogVector(one.time, one.position, one.velocity) for one in made.vectors or ()),
    )


def archive_scenes() -> list[Scene]:
    """Two tracks: descending 21 covers the area in two slices, ascending 14 covers its western part only."""
    down = [scene(), scene(slice_number=1)]
    up = scene(FIRST + timedelta(days=1, hours=12), track=14, direction="ASCENDING", shift=(-1.4, 0.0))
    scenes = []
    for cycle in range(6):
        days = 12 * cycle
        scenes += [one.repeated(days, across=40.0 * cycle) if cycle else one for one in (*down, up)]
    return scenes


def at_days(made: Scene, days: int) -> Scene:
    """The same scene some days later."""
    return made.repeated(days) if days else replace(made)


def run_online(
    archive: Archive, folder: Path, *arguments: object, timeout: float = 90, **environment: str
) -> Outcome:
    """Run a command that sees the archive alone."""
    env: Mapping[str, str] = archive.env(folder, **environment)
    return Outcome(*run_code(PROGRAM[-1], [str(argument) for argument in arguments], env, folder, timeout))
