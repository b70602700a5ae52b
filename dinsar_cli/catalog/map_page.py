"""A page with a map of footprints over an area: one file that fetches nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import shapely
from jinja2 import Environment, FunctionLoader, StrictUndefined
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.templates import template_text
from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.stacks import Stack
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.roi import Roi

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: for all eyes
_ALIKE: Final = 0.05  # degrees: footprints whose corners differ by less are drawn once
_MARGIN: Final = 0.06  # of the width of the map, around what is on it
_UNITS: Final = 1000.0  # width of the drawing
_DECIMALS: Final = 2


@dataclass(frozen=True)
class _Frame:
    """From degrees to the drawing: plate carree that is true to scale at its middle parallel."""

    west: float
    north: float
    scale: float
    squeeze: float
    width: float
    height: float

    @classmethod
    def around(cls, shapes: Sequence[BaseGeometry]) -> _Frame:
        """Return the frame of some shapes, with a margin."""
        west, south, east, north = shapely.total_bounds(shapes)
        squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
        margin = _MARGIN * max((east - west) * squeeze, north - south)
        west, east = west - margin / squeeze, east + margin / squeeze
        scale = _UNITS / ((east - west) * squeeze)
        height = (north - south + 2 * margin) * scale
        return cls(float(west), float(north + margin), float(scale), squeeze, _UNITS, float(height))

    def path(self, shape: BaseGeometry) -> str:
        """Return the outline of polygons as an SVG path."""
        parts = getattr(shape, "geoms", [shape])
        rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
        return "".join(f"M{'L'.join(self._point(x, y) for x, y in ring.coords[:-1])}Z" for ring in rings)

    def _point(self, lon: float, lat: float) -> str:
        x, y = (lon - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale
        return f"{x:.{_DECIMALS}f} {y:.{_DECIMALS}f}"


def page_text(roi: Roi, stacks: Sequence[Stack], notes: Sequence[str] = ()) -> str:
    """Return the page as HTML, with everything in it.

    Parameters
    ----------
    roi : Roi
        The area.
    stacks : sequence of Stack
        What was found; at least one.
    notes : sequence of str
        What the user should know.
    """
    scenes = [scene for stack in stacks for one in stack.acquisitions for scene in one.scenes]
    middle = middle_of(roi.bounds)
    frame = _Frame.around([roi.geometry, *(beside(scene.footprint, middle) for scene in scenes)])
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(template_text),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("search_map.html.j2").render(
        frame=frame,
        area=frame.path(roi.geometry),
        bounds=roi.bounds,
        stacks=[_drawn(stack, number, frame, middle) for number, stack in enumerate(stacks)],
        scenes=len(scenes),
        notes=notes,
    )


def _drawn(stack: Stack, number: int, frame: _Frame, middle: float) -> dict[str, Any]:
    """Tell what the page shows of a stack."""
    frames = stack.frames
    return {
        "name": stack.name,
        "direction": stack.direction,
        "colour": _COLOURS[number % len(_COLOURS)],
        "frames": str(frames[0]) if len(frames) == 1 else f"{frames[0]}-{frames[-1]}",
        "coverage": f"{100 * stack.coverage:.0f} %",
        "first": f"{stack.acquisitions[0].start:%Y-%m-%d}",
        "last": f"{stack.acquisitions[-1].start:%Y-%m-%d}",
        "platforms": ", ".join(stack.platforms),
        "polarizations": ", ".join(stack.polarizations),
        "dates": [f"{one.platform} {one.start:%Y-%m-%d %H:%M}" for one in stack.acquisitions],
        "outlines": list(_outlines(stack, frame, middle)),
    }


def _outlines(stack: Stack, frame: _Frame, middle: float) -> Iterator[tuple[str, str]]:
    """Yield path and title of each place where footprints of a stack lie; those that are alike are drawn once."""
    scenes = [scene for one in stack.acquisitions for scene in one.scenes]
    counts = Counter(_place(scene) for scene in scenes)
    shown = {_place(scene): scene for scene in scenes}
    for place, scene in shown.items():
        count = counts[place]
        title = f"{stack.name} {stack.direction}: {count} scene{'s' if count > 1 else ''}, such as {scene.name}"
        yield frame.path(beside(scene.footprint, middle)), title


def _place(scene: CatalogScene) -> tuple[int, ...]:
    return tuple(round(bound / _ALIKE) for bound in scene.footprint.bounds)
