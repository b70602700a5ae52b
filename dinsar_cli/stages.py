"""What the later stages of a run do with an interferogram: map layers, displacement, picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli.config import LonLat, Looks
from dinsar_cli.displacement import (
    ReferencePoint,
    choose_reference,
    incidence_angle,
    los_displacement,
    reference_at,
    vertical_displacement,
)
from dinsar_cli.errors import NoDataError
from dinsar_cli.geocode import radar_coordinates, sample
from dinsar_cli.products import write_products

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dinsar_cli.config import RunConfig
    from dinsar_cli.grid import Grid
    from dinsar_cli.radar import Interferogram

    Array = NDArray[Any]
    Progress = Callable[[float], None]


@dataclass(frozen=True)
class MapFacts:
    """What is known of the map after a stage, for later stages, tags and the summary.

    Attributes
    ----------
    reference : ReferencePoint or None
        Point to which displacement is relative; None when it is not.
    longitude, latitude : float or None
        Of the reference point, degrees.
    components : dict
        Share of the unwrapped cells that each component has, by its number; 0 = none.
    lowest, highest : float
        2nd and 98th percentile of the displacement, metres.
    mean_los : (float, float, float)
        Mean unit vector to the satellite: east, north, up.
    mean_coherence : float
        Of the cells with data.
    """

    reference: ReferencePoint | None
    longitude: float | None
    latitude: float | None
    components: dict[str, float]
    lowest: float
    highest: float
    mean_los: tuple[float, float, float]
    mean_coherence: float


def common_tags(interferogram: Interferogram, engine: str, version: str) -> dict[str, str]:
    """Tags that every product has."""
    return {
        "wavelength_m": repr(interferogram.wavelength),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "engine": engine,
        "engine_version": json.dumps(interferogram.versions, sort_keys=True),
        "version": version,
        "looks": "x".join(str(n) for n in interferogram.looks),
        "perpendicular_baseline_m": f"{interferogram.perpendicular_baseline:.2f}",
    }


def map_layers(
    interferogram: Interferogram,
    grid: Grid,
    folder: Path,
    tags: Mapping[str, str],
    memory: int,
    progress: Progress,
) -> dict[str, Path]:
    """Put the layers of an interferogram on the map grid and write them.

    Raises
    ------
    NoDataError
        When nothing of the interferogram lies on the grid.
    """
    import numpy as np

    latitude, longitude = (
        np.load(interferogram.layer(name).path, mmap_mode="r") for name in ("latitude", "longitude")
    )
    row, column = radar_coordinates(latitude, longitude, grid, memory_bytes=memory)
    if not np.isfinite(row).any():
        raise NoDataError(
            "No radar data lies in the area.",
            "No look cell of the bursts in use falls on the map grid.",
            "Choose a larger area inside the scenes, or a DEM that covers it.",
        )

    def on_map(name: str, method: Any = "linear", change: Callable[[Array], Array] | None = None) -> Array:
        layer = interferogram.layer(name)
        values = layer.read()
        return sample(change(values) if change else values, row, column, method, memory_bytes=memory)

    def written(arrays: Mapping[str, Array]) -> dict[str, Path]:
        return write_products(folder, arrays, grid, tags)

    files: dict[str, Path] = {}
    files |= written({"unwrapped_phase": on_map("unwrapped")})
    progress(0.2)
    files |= written({"wrapped_phase": np.angle(on_map("wrapped"))})
    progress(0.4)
    files |= written({"coherence": on_map("coherence"), "connected_components": on_map("components", "nearest")})
    progress(0.6)
    los = on_map("los")
    los /= np.linalg.norm(los, axis=0)
    files |= written({"los_vector": los})
    files |= written({"incidence_angle": incidence_angle(los[2])})
    del los
    progress(0.8)
    power = on_map("amplitude", change=np.square)
    with np.errstate(divide="ignore", invalid="ignore"):
        decibel = np.where(power > 0, 10 * np.log10(power), np.nan)
    files |= written({"amplitude": decibel, "elevation": on_map("height")})
    progress(1.0)
    return files


def displacement_layers(
    config: RunConfig, grid: Grid, wavelength: float, folder: Path, tags: Mapping[str, str]
) -> tuple[dict[str, Path], MapFacts]:
    """Turn the phase on the map into displacement relative to the reference point, and write it.

    Where the phase has no connected component there is no displacement: its cycles are not known.
    """
    import numpy as np

    phase, coherence, components, los_vector = (
        read_product(folder, name)
        for name in ("unwrapped_phase", "coherence", "connected_components", "los_vector")
    )
    los = np.where(components > 0, los_displacement(phase, wavelength), np.nan)
    reference = _reference(config, grid, los, coherence, components)
    where = _position(grid, reference) if reference else None
    if reference:
        los -= reference.value
    los = los.astype(np.float32)
    name = "none" if where is None else f"{where.lon:.6f},{where.lat:.6f}"
    tags = dict(tags) | {"reference_point": name}
    files = write_products(folder, {"los_displacement": los}, grid, tags)
    vertical = vertical_displacement(los, los_vector[2]).astype(np.float32)
    files |= write_products(folder, {"vertical_displacement": vertical}, grid, tags)
    known = los[np.isfinite(los)]
    low, high = np.percentile(known, [2, 98]) if known.size else (np.nan, np.nan)
    mean = np.nanmean(los_vector.reshape(3, -1), axis=1)
    return files, MapFacts(
        reference=reference,
        longitude=where.lon if where else None,
        latitude=where.lat if where else None,
        components=_shares(components, np.isfinite(phase)),
        lowest=float(low),
        highest=float(high),
        mean_los=(float(mean[0]), float(mean[1]), float(mean[2])),
        mean_coherence=float(np.nanmean(coherence)),
    )


def draw_map(
    grid: Grid, folder: Path, facts: MapFacts, interferogram: Interferogram, title: str
) -> dict[str, Path]:
    """Draw the displacement beside the coherence."""
    from dinsar_cli.pictures import displacement_map

    path = folder / "displacement.png"
    point = None if facts.longitude is None or facts.latitude is None else (facts.longitude, facts.latitude)
    displacement_map(
        path,
        read_product(folder, "los_displacement"),
        read_product(folder, "coherence"),
        grid,
        title=title,
        subtitle=f"perpendicular baseline {interferogram.perpendicular_baseline:.0f} m, "
        f"{interferogram.looks[0]} x {interferogram.looks[1]} looks",
        los_vector_mean=facts.mean_los,
        reference_point=point,
        dates=(
            date.fromisoformat(interferogram.reference_date[:10]),
            date.fromisoformat(interferogram.secondary_date[:10]),
        ),
    )
    return {"map": path}


def read_product(folder: Path, name: str) -> Array:
    """Values of a product: shape (rows, columns), or (bands, rows, columns)."""
    import rasterio

    with rasterio.open(folder / f"{name}.tif") as dataset:
        values: Array = dataset.read()
    return values[0] if len(values) == 1 else values


def looks_for(config: RunConfig, range_spacing: float, azimuth_spacing: float) -> Looks:
    """Looks of a configuration: as given, or those whose cell is nearest to the resolution.

    Parameters
    ----------
    range_spacing, azimuth_spacing : float
        Spacing of single-look samples and lines on the ground, metres.
    """
    if config.resolution is None:
        return config.looks
    return Looks(
        max(1, round(config.resolution / range_spacing)), max(1, round(config.resolution / azimuth_spacing))
    )


def _reference(
    config: RunConfig, grid: Grid, los: Array, coherence: Array, components: Array
) -> ReferencePoint | None:
    point = config.reference_point
    if point == "none":
        return None
    if not isinstance(point, LonLat):
        return choose_reference(los, coherence, components)
    row, column = grid.index(point.lon, point.lat)
    return reference_at(los, coherence, components, row, column)


def _position(grid: Grid, reference: ReferencePoint) -> LonLat:
    return LonLat(*grid.lonlat(reference.row, reference.column))


def _shares(components: Array, unwrapped: NDArray[np.bool_]) -> dict[str, float]:
    import numpy as np

    labels, counts = np.unique(components[unwrapped], return_counts=True)
    return {str(label): float(count / counts.sum()) for label, count in zip(labels, counts, strict=True)}


def facts_to_dict(facts: MapFacts) -> dict[str, Any]:
    """Facts for JSON."""
    return asdict(facts)


def facts_from_dict(record: Mapping[str, Any]) -> MapFacts:
    """Facts as `facts_to_dict` gave them."""
    reference = record["reference"]
    return MapFacts(
        **{
            **record,
            "reference": ReferencePoint(**reference) if reference else None,
            "mean_los": tuple(record["mean_los"]),
        }
    )
