"""The Doppler annotation of every burst: what its carrier is made of."""

from __future__ import annotations

from typing import Final

import numpy as np

from dinsar_cli.simulate.radar.acquisition import Burst, Campaign
from dinsar_cli.simulate.radar.carrier import Carrier, Polynomial, middle_time
from dinsar_cli.simulate.radar.noise import key_of
from dinsar_cli.simulate.radar.range_doppler import doppler_rate, locate
from dinsar_cli.simulate.world.ellipsoid import to_cartesian
from dinsar_cli.simulate.world.instrument import SPEED_OF_LIGHT

CENTROID_SPREAD: Final = (8.0, 6.0, 4.0)
"""Standard deviation of the Doppler centroid's constant, linear and quadratic part over the window (Hz)."""


def carriers(campaign: Campaign, window: int) -> tuple[tuple[Carrier, ...], ...]:
    """Return the carrier of each burst of a subswath, for each date.

    The azimuth FM rate follows from the orbit; the Doppler centroid, which in reality follows from the
    attitude, is a few hertz drawn for each burst.
    """
    name = campaign.scenario.swaths[window]
    return tuple(
        tuple(
            _carrier(
                campaign,
                window,
                flight.index,
                burst,
                np.random.default_rng(key_of(campaign.scenario.seed, "doppler", name, flight.index, burst.index)),
            )
            for burst in flight.bursts[window]
        )
        for flight in campaign.passes
    )


def _carrier(campaign: Campaign, window: int, index: int, burst: Burst, random: np.random.Generator) -> Carrier:
    frame = campaign.windows[window]
    orbit = campaign.passes[index].orbit
    middle = burst.middle(frame.subswath.lines)
    terrain = campaign.scenario.terrain
    slant_range = np.linspace(frame.near_range, frame.far_range, 7)
    height = np.full(7, terrain.lowest + 0.5 * terrain.relief)
    time = np.full(7, middle)
    longitude, latitude = locate(orbit, time, slant_range, height)
    rate = doppler_rate(orbit, time, to_cartesian(longitude, latitude, height))

    near_time = 2.0 * frame.near_range / SPEED_OF_LIGHT
    width = 2.0 * (frame.far_range - frame.near_range) / SPEED_OF_LIGHT
    c2, c1, c0 = np.polyfit((2.0 * slant_range / SPEED_OF_LIGHT - near_time) / width, rate, 2)
    constant, slope, bend = random.standard_normal(3) * CENTROID_SPREAD
    return Carrier(
        doppler_rate=Polynomial(near_time, (float(c0), float(c1 / width), float(c2 / width**2))),
        doppler_centroid=Polynomial(near_time, (float(constant), float(slope / width), float(bend / width**2))),
        steering_rate=frame.subswath.steering_rate,
        speed=float(np.linalg.norm(orbit.state(np.array(middle)).velocity)),
        middle_time=middle_time(frame.near_range, frame.columns),
    )
