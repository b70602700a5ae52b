"""The products under the names, units and signs of ASF's HyP3 InSAR products, for tools that read those."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import fingerprint, make_folder
from dinsar_cli.errors import NoDataError
from dinsar_cli.formats.citation import copernicus_notice
from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.stac import heading_of, is_ascending
from dinsar_cli.products.layers import Layer, write_cog

Floats = NDArray[np.floating[Any]]

FOLDER = "hyp3"
PRODUCT_NAME = re.compile(r"S1[A-Z]{2}(_\d{8}T\d{6}){2}_[A-Z]{2}[PRO]-?\d{3,}_INT\d{2}_G_[uw]eF_[0-9A-F]{4}")

SPACECRAFT_HEIGHT = 693_000.0  # m, nominal, as HyP3 itself writes
_SEMI_MAJOR, _SEMI_MINOR = 6_378_137.0, 6_356_752.314245  # m, WGS84
_SOFTWARE = "G"  # GAMMA, which it is not: MintPy and other tools read no other letter here
_LARGEST_SIZE = 99  # m; names have two digits
_AWAY = "positive away from the satellite, later minus earlier"
_TOWARD = "positive toward the satellite, later minus earlier"


@dataclass(frozen=True)
class _Raster:
    """A raster of the set: its suffix, the product that it needs, how it is made, and what the README says."""

    suffix: str
    layer: str
    unit: str
    text: str
    sign: str = ""
    make: Callable[[ProductFacts], Floats] | None = None


def _theta(facts: ProductFacts) -> Floats:
    """Return the elevation angle of the direction to the satellite above the horizon, radians."""
    return np.arcsin(np.clip(facts.read("los_vector", 3), -1, 1))


def _phi(facts: ProductFacts) -> Floats:
    """Return the orientation of the direction to the satellite: from east, counterclockwise, radians."""
    return np.arctan2(facts.read("los_vector", 2), facts.read("los_vector", 1))


def _incidence(facts: ProductFacts) -> Floats:
    return np.radians(facts.read("incidence_angle"))


_RASTERS = (
    _Raster("unw_phase", "unwrapped_phase", "rad", "unwrapped phase", _AWAY),
    _Raster("wrapped_phase", "wrapped_phase", "rad", "wrapped phase, -pi to pi", _AWAY),
    _Raster("corr", "coherence", "1", "coherence, 0 to 1"),
    _Raster("conncomp", "connected_components", "1", "connected components of the unwrapping, 0 = none"),
    _Raster("los_disp", "los_displacement", "m", "displacement along the line of sight", _TOWARD),
    _Raster(
        "vert_disp",
        "vertical_displacement",
        "m",
        "vertical displacement, if all motion is vertical",
        "positive upward, later minus earlier",
    ),
    _Raster("lv_theta", "los_vector", "rad", "elevation angle of the direction to the satellite", make=_theta),
    _Raster(
        "lv_phi",
        "los_vector",
        "rad",
        "orientation of the direction to the satellite: 0 is east, pi/2 is north",
        make=_phi,
    ),
    _Raster("inc_map_ell", "incidence_angle", "rad", "incidence angle on the ellipsoid", make=_incidence),
    _Raster("dem", "elevation", "m", "height above the WGS84 ellipsoid"),
)


def check_hyp3(facts: ProductFacts) -> None:
    """Make sure that the set can be written.

    Raises
    ------
    NoDataError
        When it is not known which scenes the products were made from, or from where the satellite looked.
    UsageError
        When the wavelength is not known.
    """
    product_name(facts)
    _ = facts.wavelength
    _direction(facts)


def write_hyp3(facts: ProductFacts) -> list[Path]:
    """Write the set into a folder of its own among the products; the README comes first.

    Raises
    ------
    NoDataError
        When it is not known which scenes the products were made from: they are part of the names.
    """
    name = product_name(facts)
    folder = make_folder(facts.output / FOLDER / name)
    rasters = _write_rasters(facts, folder, name)
    return [put(folder / f"{name}.README.md.txt", _readme(facts, name)), *rasters]


def _write_rasters(facts: ProductFacts, folder: Path, name: str) -> list[Path]:
    """Write the parameter file and the rasters of the set whose product is there; without a value they are 0."""
    files = [put(folder / f"{name}.txt", parameters(facts))]
    for raster in _RASTERS:
        if raster.layer in facts.rasters:
            values = raster.make(facts) if raster.make else facts.read(raster.layer)
            labels = raster.suffix == "conncomp"
            layer = Layer(
                raster.suffix,
                raster.text,
                raster.unit,
                (raster.suffix,),
                raster.sign,
                dtype="uint16" if labels else "float32",
                nodata=0,
                overviews="nearest" if labels or raster.suffix == "wrapped_phase" else "average",
            )
            path = folder / f"{name}_{raster.suffix}.tif"
            write_cog(path, values, facts.grid, layer, facts.tags)
            files.append(path)
    return files


def is_own(path: Path, folder: Path) -> bool:
    """Tell whether a file below the folder of the set is one of those that `write_hyp3` writes."""
    parts = path.relative_to(folder).parts
    name, made = parts[0], {f"_{raster.suffix}.tif" for raster in _RASTERS} | {".txt", ".README.md.txt"}
    return len(parts) == 2 and PRODUCT_NAME.fullmatch(name) is not None and parts[1].removeprefix(name) in made


def product_name(facts: ProductFacts) -> str:
    """Name of the set, in the form ``S1AA_T1_T2_VVP012_INT80_G_ueF_1A2B``.

    Satellites, times, polarization with the kind of orbit and the days between, pixel size in metres (99 for larger
    ones), software, ``w`` masked by water or ``u`` not, ``e`` all of the area, ``F`` all swaths, and four digits
    that tell products apart.
    """
    first, second = facts.dates
    reference, secondary = _granules(facts)
    kinds = set(facts.orbit_kinds)
    orbit = "P" if kinds == {"POEORB"} else "R" if kinds else "O"
    size = min(_LARGEST_SIZE, round(facts.grid.posting * facts.grid.metres_per_unit[1]))
    mark = fingerprint([facts.reference_scenes, facts.secondary_scenes, facts.grid.to_dict(), facts.tags])[:4]
    return "_".join(
        (
            f"S1{reference[2]}{secondary[2]}",
            f"{first:%Y%m%dT%H%M%S}",
            f"{second:%Y%m%dT%H%M%S}",
            f"{facts.polarization}{orbit}{(second.date() - first.date()).days:03d}",
            f"INT{size:02d}",
            _SOFTWARE,
            f"{'w' if _without_water(facts) else 'u'}eF",
            mark.upper(),
        )
    )


def _without_water(facts: ProductFacts) -> bool:
    return facts.tags.get("mask_water", "none") != "none"


def parameters(facts: ProductFacts) -> str:
    """Return the parameter file, which MintPy reads.

    Range and heading come from the direction to the satellite: it looks to the right and flies at its nominal
    height over a sphere of the Earth's local radius.
    """
    reference, secondary = _granules(facts)
    entries = {
        "Reference Granule": reference,
        "Secondary Granule": secondary,
        "Reference Orbit Number": str(int(reference.split("_")[-3])),
        "Secondary Orbit Number": str(int(secondary.split("_")[-3])),
    }
    return "".join(f"{key}: {value}\n" for key, value in (entries | geometry_entries(facts)).items())


def geometry_entries(facts: ProductFacts) -> dict[str, str]:
    """Return what the parameter file tells beside the scenes.

    Raises
    ------
    NoDataError
        When it is not known from where the satellite looked.
    """
    first = facts.dates[0]
    heading = (heading_of(_direction(facts)) + 180) % 360 - 180
    flight = "ASCENDING" if is_ascending(heading) else "DESCENDING"
    radius = earth_radius(facts.grid.lonlat(facts.grid.height // 2, facts.grid.width // 2)[1])
    near, centre, far = (slant_range(angle, radius) for angle in _incidence_span(facts))
    looks = facts.looks or (1, 1)
    own_filter = facts.filter_strength
    return {
        "Reference Pass Direction": flight,
        "Secondary Pass Direction": flight,
        "Baseline": f"{facts.baseline or 0.0:.4f}",
        "UTC time": f"{(first.hour * 60 + first.minute) * 60 + first.second + first.microsecond * 1e-6:.6f}",
        "Heading": f"{heading:.6f}",
        "Spacecraft height": f"{SPACECRAFT_HEIGHT:.1f}",
        "Earth radius at nadir": f"{radius:.4f}",
        "Slant range near": f"{near:.4f}",
        "Slant range center": f"{centre:.4f}",
        "Slant range far": f"{far:.4f}",
        "Range looks": str(looks[0]),
        "Azimuth looks": str(looks[1]),
        "INSAR phase filter": "no" if own_filter == 0 else "yes",
        "Phase filter parameter": "not stated" if own_filter is None else f"{own_filter:g}",
        "Range bandpass filter": "no",
        "Azimuth bandpass filter": "no",
        "DEM source": facts.dem.get("source") or facts.dem.get("file") or "not stated",
        "Unwrapping type": "whirlwind" if facts.tags.get("engine") == "eos" else "snaphu_mcf",
        "Speckle filter": "no",
        "Water mask": "yes" if _without_water(facts) else "no",
    }


def _direction(facts: ProductFacts) -> tuple[float, float, float]:
    direction = facts.mean_direction()
    if direction is None:
        raise NoDataError(
            "The HyP3 set cannot be written.",
            f"The direction to the satellite is not known: there is no los_vector.tif in {facts.folder}.",
            "Make the products from layers on the radar grid, or choose other formats.",
        )
    return direction


def earth_radius(latitude: float) -> float:
    """Return radius of the sphere that fits WGS84 best at a latitude (degrees).

    The mean of its radii of curvature, m.
    """
    squared = 1 - (_SEMI_MINOR / _SEMI_MAJOR) ** 2
    return _SEMI_MINOR / (1 - squared * math.sin(math.radians(latitude)) ** 2)


def slant_range(incidence: float, radius: float) -> float:
    """Distance to a satellite at its nominal height that is seen at an angle (radians) from the zenith, metres."""
    orbit = radius + SPACECRAFT_HEIGHT
    return math.sqrt(orbit**2 - (radius * math.sin(incidence)) ** 2) - radius * math.cos(incidence)


def _incidence_span(facts: ProductFacts) -> tuple[float, float, float]:
    """Smallest, mean and largest incidence angle, radians."""
    angles = _incidence(facts)
    known = angles[np.isfinite(angles)]
    return float(known.min()), float(known.mean(dtype=np.float64)), float(known.max())


def _granules(facts: ProductFacts) -> tuple[str, str]:
    """Return the first scene of each date."""
    if facts.reference_scenes and facts.secondary_scenes and facts.polarization:
        return facts.reference_scenes[0], facts.secondary_scenes[0]
    raise NoDataError(
        "The HyP3 set cannot be written.",
        f"Its names are made from the Sentinel-1 scenes. {facts.folder} does not tell them: it has no run.json.",
        "Use the folder of a run of dinsar, or choose other formats.",
    )


def _readme(facts: ProductFacts, name: str) -> str:
    rows = "".join(
        f"| `{name}_{raster.suffix}.tif` | {'' if raster.unit == '1' else raster.unit} | {raster.text}"
        f"{f'; {raster.sign}' if raster.sign else ''} |\n"
        for raster in _RASTERS
        if raster.layer in facts.rasters
    )
    maker = f"dinsar {facts.tags.get('version', '')} (engine {facts.tags.get('engine', 'not stated')})"
    return f"""# {name}

These files were made by {maker}, not by ASF's HyP3. They have
the names, units and signs of HyP3's InSAR products, so that tools which read those read these.

| file | unit | what it is |
|---|---|---|
{rows}
- Phase is positive where the ground moved away from the satellite; displacement has the opposite sign. For a change
  of the phase p in radians the displacement is -p wavelength / (4 pi), with a wavelength of {facts.wavelength} m.
- Displacement is relative to {facts.relative_to}; the phase is not.
- The direction to the satellite, east north up, is cos(lv_theta) cos(lv_phi), cos(lv_theta) sin(lv_phi),
  sin(lv_theta).
- There is no `inc_map.tif`: in HyP3 that is the angle to the slope; `inc_map_ell.tif` is that to the ellipsoid.
- The grid is that of the run ({facts.grid.title}); HyP3's own products are always in UTM.
- The G in the name stands for GAMMA, which was not used: tools that read these names know no other letter there.
- Pixels without a value are 0. One pair cannot tell displacement from 1-3 cm of atmosphere.
- `{name}.txt` has the parameters.
  Slant ranges and heading in it follow from the viewing direction and the nominal height of the orbit.

{copernicus_notice(facts)}
"""
