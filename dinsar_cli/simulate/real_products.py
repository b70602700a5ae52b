"""What real products say about the pixels that are to be simulated behind their annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from lxml import etree

from dinsar_cli.radar.geometry import zero_doppler
from dinsar_cli.sentinel1.acquisition import Acquisition, CommonBurst, Pair, SwathBurst
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.scene import Scene
from dinsar_cli.sentinel1.subswath import Polynomial as AnnotatedPolynomial
from dinsar_cli.sentinel1.subswath import Subswath
from dinsar_cli.simulate.files.measurement import ImageFrame, TiePoint
from dinsar_cli.simulate.radar.acquisition import Burst, Campaign, Pass, Window
from dinsar_cli.simulate.radar.carrier import Carrier, Polynomial
from dinsar_cli.simulate.radar.render import Carriers
from dinsar_cli.simulate.radar.sampled_orbit import sampled_orbit, utc_naive
from dinsar_cli.simulate.truth import baselines
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.ellipsoid import to_cartesian
from dinsar_cli.simulate.world.instrument import SPEED_OF_LIGHT, SUBSWATHS
from dinsar_cli.simulate.world.scenario import LonLat, Scenario

_GRID: Final = "geolocationGrid/geolocationGridPointList/geolocationGridPoint"
_PROCESSING: Final = "imageAnnotation/processingInformation/swathProcParamsList/swathProcParams/"


@dataclass(frozen=True, eq=False)
class LikeImage:
    """An image of a product that gets pixels.

    Attributes
    ----------
    scene : Scene
    subswath : Subswath
        Its annotation, as our reader has it.
    root : lxml element
        The same, whole.
    measurement : str
        Path of its TIFF in the product.
    """

    scene: Scene
    subswath: Subswath
    root: etree._Element
    measurement: str

    def frame(self) -> ImageFrame:
        """Return the size and place of the pixels in the TIFF."""
        bursts = self.root.findall("swathTiming/burstList/burst")
        return ImageFrame(
            bursts=len(bursts),
            lines=self.subswath.lines_per_burst,
            columns=self.subswath.samples,
            offset=int(bursts[0].findtext("byteOffset", "8")),
            ties=tuple(_tie(point) for point in self.root.iterfind(_GRID)),
            description=f"Sentinel-1{self.scene.mission[-1]} IW SLC L1",
        )

    def window(self) -> Window:
        """Return the range window, and what the processor did with its spectra."""
        subswath = self.subswath
        return Window(
            subswath=replace(
                SUBSWATHS[int(subswath.name[-1])],
                steering_rate=subswath.azimuth_steering_rate,
                samples=subswath.samples,
                lines=subswath.lines_per_burst,
                range_bandwidth=subswath.range_bandwidth,
                azimuth_bandwidth=subswath.azimuth_bandwidth,
                range_window=self._hamming("rangeProcessing"),
                azimuth_window=self._hamming("azimuthProcessing"),
            ),
            near_range=subswath.starting_range,
            columns=subswath.samples,
            line_interval=subswath.azimuth_time_interval,
            range_spacing=subswath.range_spacing,
            wavelength=subswath.wavelength,
        )

    def _hamming(self, direction: str) -> float:
        """Return the coefficient of the window on a spectrum; 1 without one."""
        path = _PROCESSING + direction
        if self.root.findtext(f"{path}/windowType", "NONE").upper() == "NONE":
            return 1.0
        return float(self.root.findtext(f"{path}/windowCoefficient", "1"))

    def burst(self, number: int, index: int, start: float) -> Burst:
        """Give a burst its number in the campaign, its time and its columns with signal."""
        element = self.root.findall("swathTiming/burstList/burst")[index]
        first, last = (
            np.array(element.findtext(name, "").split(), dtype=int)
            for name in ("firstValidSample", "lastValidSample")
        )
        return Burst(number, start, (first, last))


@dataclass(frozen=True)
class Target:
    """Where the bursts of a window go on one date: the image, and their numbers in it."""

    image: LikeImage
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Likeness:
    """Real products as a campaign of the simulator.

    Attributes
    ----------
    pair : Pair
    campaign : Campaign
        One window for each pair of images that share bursts in use.
    carriers : tuple of Carriers
        Of each window.
    targets : tuple of tuple of Target
        Of each window and date.
    orbits : tuple of OrbitFile
        Of each date.
    """

    pair: Pair
    campaign: Campaign
    carriers: tuple[Carriers, ...]
    targets: tuple[tuple[Target, ...], ...]
    orbits: tuple[OrbitFile, OrbitFile]

    @property
    def images(self) -> tuple[LikeImage, ...]:
        """Images that get pixels, each once."""
        return tuple({id(target.image): target.image for row in self.targets for target in row}.values())

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """All products of both dates."""
        return (*self.pair.reference.scenes, *self.pair.secondary.scenes)


def plan_like(
    pair: Pair,
    bursts: Sequence[CommonBurst],
    orbits: tuple[OrbitFile, OrbitFile],
    scenario: Scenario,
    *,
    centre: LonLat,
) -> Likeness:
    """Take place, times, geometry and Doppler of a campaign from real products.

    Parameters
    ----------
    pair : Pair
    bursts : sequence of CommonBurst
        Those that get pixels.
    orbits : (OrbitFile, OrbitFile)
        Orbits of both dates.
    scenario : Scenario
        What is on the ground and in the air; the rest of it is replaced by what the products say.
    centre : (longitude, latitude)
        Middle of the area, degrees: there the deformation is, unless the scenario says otherwise.

    Returns
    -------
    Likeness

    Raises
    ------
    NoDataError
        When an annotation lacks what is needed, or the orbit files do not cover the acquisitions.
    UsageError
        When the simulator cannot simulate there.
    """
    images = _Images(pair)
    groups: dict[tuple[str, int, int], list[CommonBurst]] = {}
    for burst in bursts:
        key = (burst.swath, id(burst.reference.subswath), id(burst.secondary.subswath))
        groups.setdefault(key, []).append(burst)
    rows = sorted(groups.values(), key=lambda row: (row[0].swath, row[0].reference.burst.azimuth_time))
    scenario = _described(scenario, pair, rows, centre)
    height = scenario.terrain.lowest + 0.5 * scenario.terrain.relief
    target = to_cartesian(*(np.array(value, dtype=np.float64) for value in (*centre, height)))
    dates = [
        _Date(pair.reference, orbits[0], images, [[burst.reference for burst in row] for row in rows]),
        _Date(pair.secondary, orbits[1], images, [[burst.secondary for burst in row] for row in rows]),
    ]
    passes = tuple(date.flight(index, target) for index, date in enumerate(dates))
    sight = np.linalg.norm(target - passes[0].orbit.state(np.zeros(())).position)
    campaign = Campaign(scenario, passes[0].windows, passes, target, float(sight))
    lengths = tuple(baselines(campaign, index)[0] for index in range(1, len(passes)))
    campaign = replace(campaign, scenario=replace(scenario, baselines=lengths))
    carriers = tuple(
        tuple(date.carriers(flight, number) for date, flight in zip(dates, passes, strict=True))
        for number in range(len(rows))
    )
    targets = tuple(tuple(date.target(number) for date in dates) for number in range(len(rows)))
    return Likeness(pair, campaign, carriers, targets, orbits)


def _described(scenario: Scenario, pair: Pair, rows: Sequence[Sequence[CommonBurst]], centre: LonLat) -> Scenario:
    """Describe the products in the terms of a scenario."""
    swaths = sorted({int(row[0].swath[-1]) for row in rows})
    missions = (pair.reference.mission, pair.secondary.mission)
    return replace(
        scenario,
        centre=centre,
        dates=(pair.reference.start.date(), pair.secondary.start.date()),
        direction="ascending" if pair.reference.direction == "ascending" else "descending",
        missions=missions if len(set(missions)) > 1 else missions[:1],
        swaths=tuple(swaths),
        bursts=max(sum(len(row) for row in rows if row[0].swath == f"IW{swath}") for swath in swaths),
        columns=None,
        slices=1,
        polarization="HH" if pair.polarization == "HH" else "VV",
        track=pair.reference.relative_orbit,
        burst_offset=0.0,
    )


class _Images:
    """Images of the products of a pair, each read once."""

    def __init__(self, pair: Pair) -> None:
        self._places = {
            id(scene.subswath(swath, polarization)): (scene, scene.images[swath, polarization])
            for scene in (*pair.reference.scenes, *pair.secondary.scenes)
            for swath, polarization in scene.images
            if polarization == pair.polarization
        }
        self._read: dict[int, LikeImage] = {}

    def of(self, subswath: Subswath) -> LikeImage:
        """Give the image of which this is the annotation."""
        if id(subswath) not in self._read:
            scene, (annotation, measurement) = self._places[id(subswath)]
            self._read[id(subswath)] = LikeImage(scene, subswath, scene.safe.xml(annotation), measurement)
        return self._read[id(subswath)]


@dataclass(frozen=True)
class _Date:
    """One date of the pair: its bursts by window."""

    acquisition: Acquisition
    file: OrbitFile
    images: _Images
    rows: list[list[SwathBurst]]

    def flight(self, index: int, target: Floats) -> Pass:
        """Make the pass, with time zero where it passes the target."""
        start, stop = self.acquisition.start, self.acquisition.stop
        first = self.rows[0][0].burst
        begun = sampled_orbit(self.file, start, stop, epoch=start.replace(tzinfo=None), node=0.0)
        time, _ = zero_doppler(begun.orbit, target, 0.0)
        epoch = utc_naive(start, float(time))
        node = _seconds(first.azimuth_time, epoch) - first.azimuth_anx_time
        return Pass(
            index=index,
            mission=self.acquisition.mission,
            epoch=epoch,
            orbit=sampled_orbit(self.file, start, stop, epoch=epoch, node=node),
            relative_orbit=self.acquisition.relative_orbit,
            absolute_orbit=self.acquisition.scenes[0].absolute_orbit,
            bursts=tuple(
                tuple(
                    self.images.of(view.subswath).burst(
                        number, view.burst.index, _seconds(view.burst.azimuth_time, epoch)
                    )
                    for number, view in enumerate(row)
                )
                for row in self.rows
            ),
            clock_error=0.0,
            windows=tuple(self.images.of(row[0].subswath).window() for row in self.rows),
        )

    def target(self, number: int) -> Target:
        """Say where the bursts of a window go."""
        row = self.rows[number]
        return Target(self.images.of(row[0].subswath), tuple(view.burst.index for view in row))

    def carriers(self, flight: Pass, number: int) -> tuple[Carrier, ...]:
        """Return the carriers of the bursts of a window, as the annotation has them."""
        frame = flight.windows[number]
        return tuple(
            _carrier(view.subswath, frame, flight, frame.middle(burst))
            for view, burst in zip(self.rows[number], flight.bursts[number], strict=True)
        )


def _carrier(subswath: Subswath, frame: Window, flight: Pass, middle: float) -> Carrier:
    """Return the carrier of a burst: with the estimates that are nearest to its middle (s after the epoch)."""

    def nearest(estimates: Sequence[AnnotatedPolynomial]) -> Polynomial:
        one = min(estimates, key=lambda estimate: abs(_seconds(estimate.azimuth_time, flight.epoch) - middle))
        return Polynomial(one.t0, one.coefficients)

    return Carrier(
        doppler_rate=nearest(subswath.fm_rates),
        doppler_centroid=nearest(subswath.doppler_centroids),
        steering_rate=subswath.azimuth_steering_rate,
        speed=float(np.linalg.norm(flight.orbit.state(np.asarray(middle)).velocity)),
        middle_time=2.0 * frame.near_range / SPEED_OF_LIGHT + 0.5 * frame.columns / subswath.range_sampling_rate,
        wavelength=frame.wavelength,
    )


def _seconds(time: datetime, epoch: datetime) -> float:
    """Return the seconds of an aware UTC time after a naive UTC epoch."""
    return (time.replace(tzinfo=None) - epoch).total_seconds()


def _tie(point: etree._Element) -> TiePoint:
    names = ("pixel", "line", "longitude", "latitude", "height")
    return TiePoint(*(float(point.findtext(name, "nan")) for name in names))
