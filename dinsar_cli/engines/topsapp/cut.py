"""topsApp on the columns of the area only.

topsApp works on whole bursts, 85 km wide, whatever the area. So it is given products whose images are a range of
columns of the real ones: virtual files, nothing is copied, with an annotation to match. A burst then begins at
another slant range; times, lines, orbits and polynomials of slant range time stay what they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray
from shapely import Polygon, total_bounds

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.base import EngineInputs, RoughInputs, SceneInputs, Work
from dinsar_cli.engines.topsapp.results.psfilt import STEP
from dinsar_cli.engines.topsapp.settings.columns import AllColumns, Columns, write_columns
from dinsar_cli.engines.topsapp.settings.file_names import CUT, SCENES
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.areas import clipped, size, widened
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.radar.pair_geometry import fit_orbits, see_area
from dinsar_cli.sentinel1.acquisition import SwathBurst, extent_of
from dinsar_cli.sentinel1.safe import MANIFEST
from dinsar_cli.sentinel1.scene import Scene
from dinsar_cli.sentinel1.subswath import Subswath

Floats = NDArray[np.floating[Any]]

LEAST_COLUMNS: Final = 2600
"""Columns that are given at least: ISCE2 fits the azimuth carrier on columns 500 apart."""

_AROUND: Final = (5.0, 8.0)  # km on each side of the area, where ground is seen that does not move; by its size
_REACH: Final = 48  # look cells around the area at least, for the filter
_UNSURE: Final = 500.0  # m that the ground may be above or below what is known before the DEM is there
_ROUGH_MARGIN: Final = 0.15  # of a subswath: twice what is around
_BENT: Final = 0.02  # of a burst: so far columns lie from where they were if all were equally wide on the ground
_RAISED: Final = 0.5  # km by which they do because the ground is higher or lower than the annotation says
_VIRTUAL: Final = "/vsi"  # what paths begin with that only GDAL knows
_WORTH_IT: Final = 0.9  # of the columns: where more are needed, all are taken


def columns_of(inputs: SceneInputs) -> AllColumns:
    """Return the columns of each date and subswath in which the area lies, with what is around it.

    Parameters
    ----------
    inputs : SceneInputs
        The run. Where the mean over a scene counts (enhanced spectral diversity, ionosphere), all columns are
        needed.

    Returns
    -------
    mapping
        Empty where all columns are to be used.
    """
    if not is_wanted(inputs.config.topsapp):
        return {}
    epoch = inputs.bursts[0].reference.burst.azimuth_time
    orbits = fit_orbits(inputs.pair, inputs.bursts, (inputs.reference_orbit, inputs.secondary_orbit), epoch)
    heights = inputs.heights[0] - _UNSURE, inputs.heights[1] + _UNSURE
    found: dict[str, dict[str, Columns]] = {}
    for date, orbit in zip(SCENES, orbits, strict=True):
        views: dict[str, SwathBurst] = {burst.swath: getattr(burst, date) for burst in inputs.bursts}
        (_, area), (_, wide) = (
            see_area(bounds, orbit, heights, 0.0) for bounds in (inputs.bounds, around(inputs.bounds))
        )
        found[date] = {
            swath: _columns(view.subswath, area, wide, inputs.looks.range) for swath, view in sorted(views.items())
        }
    shares = [one.share for swaths in found.values() for one in swaths.values()]
    return found if np.mean(shares) < _WORTH_IT else {}


def around(bounds: Bounds) -> Bounds:
    """Return an area with the ground on its sides that topsApp is given too; degrees."""
    return widened(bounds, float(np.clip(max(size(bounds)) / 2, *_AROUND)))


def is_wanted(options: TopsappConfig) -> bool:
    """Tell whether topsApp is given a part of the columns: where the mean over a scene counts, all are needed."""
    return options.cut == "area" and not (options.do_esd or options.do_ionosphere_correction)


def _columns(subswath: Subswath, area: Floats, surroundings: Floats, looks: int) -> Columns:
    """Return the columns of what is around an area, enough for filter and carrier.

    Look cells, and the patches of the filter, then lie where they lie in the whole image.

    Parameters
    ----------
    subswath : Subswath
    area, surroundings : ndarray
        Slant ranges of their outlines, metres.
    looks : int
        In range.
    """
    seen, wide = ((ranges - subswath.starting_range) / subswath.range_spacing for ranges in (area, surroundings))
    first = math.floor(min(seen.min() - _REACH * looks, wide.min()))
    last = math.ceil(max(seen.max() + _REACH * looks, wide.max())) + 1
    least, most = min(LEAST_COLUMNS, subswath.samples), subswath.samples
    first = min(first, (first + last - least) // 2, most - least)
    first = max(0, first - first % (STEP * looks))
    return Columns(first, min(most, max(last, first + least)), most)


def ground_of_columns(inputs: SceneInputs, columns: AllColumns) -> Bounds:
    """Return the ground of the bursts in use that is seen in some columns of the reference date.

    Parameters
    ----------
    inputs : SceneInputs
    columns : mapping
        What `columns_of` gave.

    Returns
    -------
    (float, float, float, float)
        West, south, east, north, degrees, on the side of 180 degrees of the area.
    """
    middle = middle_of(inputs.bounds)
    whole = extent_of(inputs.bursts, middle)
    if not columns:
        return whole
    given = columns[SCENES[0]]
    parts = [_part(burst.reference.burst.outline, given[burst.swath]) for burst in inputs.bursts]
    west, south, east, north = total_bounds([beside(part, middle) for part in parts])
    bounds = float(west), float(south), float(east), float(north)
    return clipped(widened(bounds, _BENT * max(size(whole)) + _RAISED), whole)


def _part(outline: Polygon, columns: Columns) -> Polygon:
    """Return the part of the four corners of a burst that some columns see, as if these were evenly wide."""
    near_first, far_first, far_last, near_last = np.array(outline.exterior.coords)[:4]
    first, last = columns.first / columns.of, columns.last / columns.of
    return Polygon(
        near + share * (far - near)
        for near, far, share in (
            (near_first, far_first, first),
            (near_first, far_first, last),
            (near_last, far_last, last),
            (near_last, far_last, first),
        )
    )


def with_cut(inputs: EngineInputs, columns: AllColumns) -> EngineInputs:
    """Return a run with as much to do as there is in the columns that topsApp is given."""
    given = columns.get(SCENES[0])
    if not given:
        return inputs
    share = float(np.mean([given[burst.swath].share for burst in inputs.bursts]))
    return replace(inputs, work=_part_of(inputs.work, share))


def roughly_cut(rough: RoughInputs) -> RoughInputs:
    """Return about the same, from the share of the ground of the bursts that is asked for."""
    if not is_wanted(rough.config.topsapp):
        return rough
    return replace(rough, work=_part_of(rough.work, min(1.0, math.sqrt(rough.share) + _ROUGH_MARGIN)))


def cut_products(inputs: EngineInputs) -> dict[str, tuple[str, ...]]:
    """Return by date where the products are that topsApp is given, as seen from its working folder."""
    return {
        date: tuple(f"{CUT}/{date}/{scene.name}.SAFE" for scene in getattr(inputs.pair, date).scenes)
        for date in SCENES
    }


def _part_of(work: Work, share: float) -> Work:
    return replace(work, samples=work.samples * share, largest=work.largest * share, cells=work.cells * share)


def write_cut(inputs: EngineInputs, columns: AllColumns, work: Path) -> None:
    """Write the products that topsApp is given, and which columns they have; remove those of before.

    Parameters
    ----------
    inputs : EngineInputs
        The run.
    columns : mapping
        What `columns_of` gave.
    work : Path
        Working folder of topsApp.
    """
    remove(files_below(work / CUT), work)
    if not columns:
        return
    for date, places in cut_products(inputs).items():
        for scene, place in zip(getattr(inputs.pair, date).scenes, places, strict=True):
            _write_scene(scene, inputs.pair.polarization, columns[date], work / place)
    write_columns(work, columns)


def _write_scene(scene: Scene, polarization: str, columns: Mapping[str, Columns], safe: Path) -> None:
    """Write manifest, annotation and virtual images of the subswaths that a scene has."""
    for swath, wanted in columns.items():
        if (swath, polarization) not in scene.images:
            continue
        annotation, measurement = scene.images[swath, polarization]
        subswath = scene.subswath(swath, polarization)
        # another slice may have some columns more or less
        part = Columns(wanted.first, min(wanted.last, subswath.samples), subswath.samples)
        for name, text in (
            (annotation, _cut_annotation(scene.safe.xml(annotation), part, subswath)),
            (measurement, _cut_image(subswath, part)),
        ):
            make_folder((safe / name).parent)
            write_text(safe / name, text)
    write_text(safe / MANIFEST, scene.safe.read(MANIFEST).decode())


def _cut_annotation(root: etree._Element, part: Columns, subswath: Subswath) -> str:
    """Return the annotation of some columns; the grid of points, which nobody reads here, is left out."""
    width = part.last - part.first
    near = subswath.slant_range_time + part.first / subswath.range_sampling_rate
    _set(root, "imageAnnotation/imageInformation/slantRangeTime", repr(near))
    _set(root, "imageAnnotation/imageInformation/numberOfSamples", str(width))
    _set(root, "swathTiming/samplesPerBurst", str(width))
    for name in ("firstValidSample", "lastValidSample"):
        for element in root.iterfind(f"swathTiming/burstList/burst/{name}"):
            valid = np.array((element.text or "").split(), int)
            moved = np.where(valid < 0, valid, np.clip(valid - part.first, 0, width - 1))
            element.text = " ".join(map(str, moved))
    for element in root.iterfind("geolocationGrid"):
        root.remove(element)
    return etree.tostring(root, encoding="unicode")


def _set(root: etree._Element, path: str, text: str) -> None:
    for element in root.iterfind(path):
        element.text = text


def _cut_image(subswath: Subswath, part: Columns) -> str:
    """Return a virtual file of GDAL: all lines of some columns of an image."""
    width, lines = part.last - part.first, subswath.lines_per_burst * len(subswath.bursts)
    root = etree.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(lines))
    band = etree.SubElement(root, "VRTRasterBand", dataType="CInt16", band="1")
    source = etree.SubElement(band, "SimpleSource")
    image = subswath.measurement
    path = image if image.startswith(_VIRTUAL) else str(Path(image).resolve())
    etree.SubElement(source, "SourceFilename", relativeToVRT="0").text = path
    etree.SubElement(source, "SourceBand").text = "1"
    whole = {"RasterXSize": str(subswath.samples), "RasterYSize": str(lines), "DataType": "CInt16"}
    etree.SubElement(source, "SourceProperties", whole)
    for name, first in (("SrcRect", part.first), ("DstRect", 0)):
        etree.SubElement(source, name, xOff=str(first), yOff="0", xSize=str(width), ySize=str(lines))
    return etree.tostring(root, encoding="unicode")
