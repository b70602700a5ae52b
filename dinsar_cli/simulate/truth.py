"""What the ground really did, as maps and as one JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dinsar_cli.simulate.radar.acquisition import Campaign, heading
from dinsar_cli.simulate.radar.range_doppler import view
from dinsar_cli.simulate.radar.scene import MAP_STEP, Scene, lake_centre
from dinsar_cli.simulate.world.arrays import Bools, Floats
from dinsar_cli.simulate.world.ellipsoid import curvature_radii, local_metres
from dinsar_cli.simulate.world.instrument import DAYS_PER_CYCLE
from dinsar_cli.simulate.world.scenario import Scenario
from dinsar_cli.simulate.world.terrain import Lattice, write_map

ROI_SHRINK: Final = 0.08
"""Share of the footprint's box that the region of interest leaves out on each side."""
RUPTURE_FILE: Final = "rupture.geojson"
"""Trace of the fault at which the motion jumps."""
_METRES_PER_DEGREE: Final = 111_320.0
SIGN: Final = (
    "los_displacement is positive TOWARD the satellite, later minus earlier, seen from the reference orbit; "
    "= -wavelength/(4 pi) * phase(reference * conj(secondary))"
)


@dataclass(frozen=True)
class Truth:
    """Maps on the truth lattice: NaN where the reference date has no pixels."""

    lattice: Lattice
    inside: Bools
    incidence: Floats
    sight: Floats
    longitude: Floats
    latitude: Floats
    height: Floats


def truth_maps(scene: Scene) -> Truth:
    """See the map lattice from the reference orbit."""
    lattice = Lattice.over(scene.footprint, MAP_STEP)
    longitude, latitude = lattice.centres()
    height = scene.terrain.at(longitude, latitude)
    reference = scene.campaign.passes[0]
    seen = view(reference.orbit, longitude, latitude, height)
    inside = np.zeros(longitude.shape, dtype=bool)
    for number, window in enumerate(scene.campaign.windows):
        column = window.column(seen.slant_range)
        for burst in reference.bursts[number]:
            line = window.line(seen.time, burst)
            first, last = window.valid_columns(0, burst)
            lines = np.flatnonzero(first >= 0)
            near, far = first[lines].max(), last[lines].min()
            inside |= (line >= lines[0]) & (line <= lines[-1]) & (column >= near) & (column <= far)
    return Truth(
        lattice=lattice,
        inside=inside,
        incidence=np.degrees(np.arccos(seen.sight[..., 2])),
        sight=np.moveaxis(seen.sight, -1, 0),
        longitude=longitude,
        latitude=latitude,
        height=height,
    )


def coherence_map(scene: Scene, truth: Truth, first: int, second: int) -> Floats:
    """Return the temporal coherence times the loss by thermal noise.

    The loss by the perpendicular baseline (1 to 3 % at 150 m, more on slopes) is not in it.
    """
    scenario = scene.scenario
    days = scenario.days(second) - scenario.days(first)
    floor = np.where(scene.in_lake(truth.longitude, truth.latitude), 0.0, scenario.coherence.floor)
    kept = scene.survival(truth.longitude, truth.latitude) ** (abs(days) / DAYS_PER_CYCLE)
    temporal = floor + (1.0 - floor) * kept
    signal = scene.backscatter(truth.longitude, truth.latitude) ** 2
    noise = 10.0 ** (scenario.coherence.noise / 10.0)
    return np.asarray(temporal * signal / (signal + noise))


def write_truth(scene: Scene, folder: Path) -> dict[str, Any]:
    """Write the truth rasters.

    Parameters
    ----------
    scene : Scene
    folder : Path
        Existing folder. The maps of the last date against the first have plain names; with more than two
        dates, those of every later date have its date appended.

    Returns
    -------
    dict
        Figures about the maps, for truth.json.
    """
    truth = truth_maps(scene)
    dates = [day.strftime("%Y%m%d") for day in scene.scenario.dates]

    def save(name: str, values: Floats, unit: str, description: str) -> None:
        masked = np.where(truth.inside, values, np.nan)
        write_map(folder / f"{name}.tif", truth.lattice, masked, unit=unit, description=description)

    save("incidence", truth.incidence, "degree", "incidence angle from the ellipsoid's normal")
    # motion between the first date and each other one
    figures: dict[str, Any] = {}
    for index in range(1, len(dates)):
        motion = scene.displacement(index, truth.longitude, truth.latitude)
        motion[:, _at_rupture(scene, truth)] = np.nan  # what lies between two cells there is on neither side
        los = np.sum(motion * truth.sight, axis=0)
        maps = {
            "los_displacement": (los, "metre", "displacement toward the satellite since the first date"),
            "east": (motion[0], "metre", "displacement to the east since the first date"),
            "north": (motion[1], "metre", "displacement to the north since the first date"),
            "up": (motion[2], "metre", "upward displacement since the first date"),
            "coherence": (coherence_map(scene, truth, 0, index), "1", "coherence with the first date"),
        }
        final = index == len(dates) - 1
        for name, (values, unit, description) in maps.items():
            if len(dates) > 2:
                save(f"{name}_{dates[index]}", values, unit, description)
            if final:
                save(name, values, unit, description)
        figures[dates[index]] = {
            "los_min_m": float(np.nanmin(los[truth.inside])),
            "los_max_m": float(np.nanmax(los[truth.inside])),
        }
    write_rupture(scene, folder / RUPTURE_FILE)
    # what the air adds, which is not motion
    air, atmosphere = {}, scene.scenario.atmosphere
    if atmosphere is not None:
        for index, day in enumerate(dates):
            delay = scene.zenith_delay(index, truth.longitude, truth.latitude, truth.height) / truth.sight[2]
            save(f"atmosphere_{day}", delay, "metre", "one-way path delay along the line of sight")
            air[day] = {
                "turbulence_factor": atmosphere.factor(scene.scenario.dates[index]),
                "los_std_m": float(delay[truth.inside].std()),
            }
    if scene.scenario.ionosphere is not None:
        feigned = scene.ionosphere(1, truth.longitude, truth.latitude)
        save("ionosphere", feigned, "metre", "displacement toward the satellite that the ionosphere feigns")
    # the frame of what all dates see
    rows, columns = np.nonzero(truth.inside)
    edges = (
        float(truth.latitude[rows.max(), 0]),
        float(truth.latitude[rows.min(), 0]),
        float(truth.longitude[0, columns.min()]),
        float(truth.longitude[0, columns.max()]),
    )
    return {"los": figures, "atmosphere": air or None, "footprint_snwe": edges, "roi_snwe": _shrunk(edges)}


def _at_rupture(scene: Scene, truth: Truth) -> Bools:
    """Tell through which cells of the truth a rupture goes."""
    if scene.rupture is None:
        return np.zeros(truth.inside.shape, dtype=bool)
    place = local_metres(truth.longitude, truth.latitude, scene.scenario.origin())
    along, left = scene.rupture.along_and_left(*place)
    step = _METRES_PER_DEGREE * MAP_STEP
    return np.asarray((np.abs(left) <= step) & (np.abs(along) <= 0.5 * scene.rupture.length))


def write_rupture(scene: Scene, path: Path) -> None:
    """Write the trace of a rupture as GeoJSON; nothing where there is none."""
    if scene.rupture is None:
        return
    longitude, latitude = scene.scenario.origin()
    meridian, prime_vertical = curvature_radii(np.array(latitude))
    east, north = scene.rupture.trace()
    lon = longitude + np.degrees(east / (prime_vertical * np.cos(np.radians(latitude))))
    lat = latitude + np.degrees(north / meridian)
    points = np.column_stack([lon, lat]).round(8).tolist()
    trace = {"type": "LineString", "coordinates": points}
    path.write_text(json.dumps(trace) + "\n", encoding="utf-8")


def _shrunk(edges: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    south, north, west, east = edges
    tall, wide = ROI_SHRINK * (north - south), ROI_SHRINK * (east - west)
    return south + tall, north - tall, west + wide, east - wide


def write_summary(path: Path, scene: Scene, figures: dict[str, Any], files: dict[str, Any]) -> None:
    """Write truth.json: every parameter, what follows from them, and the names of the files."""
    scenario, campaign = scene.scenario, scene.campaign
    reference = campaign.passes[0].orbit
    count = len(scenario.dates)
    centre = [np.array(value) for value in scenario.centre]
    height = scene.terrain.at(centre[0][None], centre[1][None])
    seen = view(reference, centre[0][None], centre[1][None], height)
    summary = {
        **files,
        **figures,
        "scenario": scenario_record(scenario),
        "deformation": type(scenario.deformation).__name__,
        "source_lonlat": list(scenario.origin()),
        "los_sign": SIGN,
        "wavelength_m": campaign.windows[0].wavelength,
        "incidence_centre_deg": float(np.degrees(np.arccos(seen.sight[0, 2]))),
        "los_unit_vector_centre_enu": seen.sight[0].tolist(),
        "heading_deg": heading(reference, campaign.target),
        "baseline_sign": "dot(cross(target - ref, sec - ref), v_ref)",
        "baselines_m": [list(baselines(campaign, index)) for index in range(1, count)],
        "baseline_columns": ["perpendicular", "parallel"],
        "temporal_coherence": [
            [scenario.coherence.after(scenario.days(j) - scenario.days(i)) for j in range(count)]
            for i in range(count)
        ],
        "lake_lonlat": list(lake_centre(scenario)) if scenario.lake is not None else None,
        "stratified_zenith_delay_m": list(scene.stratified),
        "dem_lowest_highest_m": [scene.terrain.lowest, scene.terrain.highest],
        "passes": [
            {
                "date": str(scenario.dates[flight.index]),
                "mission": flight.mission,
                "epoch_utc": flight.epoch.isoformat(),
                "relative_orbit": flight.relative_orbit,
                "absolute_orbit": flight.absolute_orbit,
                "clock_error_s": flight.clock_error,
            }
            for flight in campaign.passes
        ],
    }
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def scenario_record(scenario: Scenario) -> dict[str, Any]:
    """Give all parameters of a scenario as JSON holds them."""
    record: dict[str, Any] = json.loads(json.dumps(_plain(asdict(scenario))))
    return record


def _plain(value: Any) -> Any:
    """Turn dates into text, for JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def baselines(campaign: Campaign, index: int) -> tuple[float, float]:
    """Return the perpendicular and parallel baseline (m) of a date at the target.

    The perpendicular one has the sign of ``dot(cross(target - ref, sec - ref), v_ref)``; the parallel one is
    positive toward the target.
    """
    start = np.zeros(())
    reference = campaign.passes[0].orbit.state(start)
    sight = campaign.target - reference.position
    sight = sight / np.linalg.norm(sight)
    heading_vector = reference.velocity / np.linalg.norm(reference.velocity)
    offset = campaign.passes[index].orbit.state(start).position - reference.position
    offset = offset - heading_vector * (heading_vector @ offset)
    return float(np.cross(sight, offset) @ heading_vector), float(sight @ offset)
