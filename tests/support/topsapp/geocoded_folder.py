"""Geocoded layers with known content, in the files and formats that topsApp's own geocoding leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from lxml import etree
from lxml.builder import E

from support.topsapp.merged_folder import Content, write_swaths

WEST, NORTH = -8.92, 31.01  # of the first sample
STEP = 2e-4
LENGTH, WIDTH = 90, 70
EDGE = 6  # samples without data around the layers
BORDER = 40  # line at which the second component begins
CYCLES = 3  # by which it is wrong
KINDS = {"f4": "FLOAT", "c8": "CFLOAT", "u1": "BYTE", "i2": "short"}


@dataclass(frozen=True)
class GeocodedContent:
    """What the layers hold, with the sign of topsApp's own order of the dates; steps in degrees.

    Attributes
    ----------
    step_x, step_y : float
        Distance of the samples to the east and to the south.
    """

    step_x: float = STEP
    step_y: float = STEP

    @cached_property
    def position(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude of the samples."""
        line, column = np.indices((LENGTH, WIDTH))
        return WEST + column * self.step_x, NORTH - line * self.step_y

    @cached_property
    def data(self) -> np.ndarray:
        """Samples with an interferogram."""
        data = np.zeros((LENGTH, WIDTH), bool)
        data[EDGE:-EDGE, EDGE:-EDGE] = True
        return data

    @cached_property
    def labels(self) -> np.ndarray:
        """Components."""
        line = np.indices((LENGTH, WIDTH))[0]
        return np.where(self.data, np.where(line < BORDER, 1, 2), 0).astype("u1")

    @cached_property
    def unwrapped(self) -> np.ndarray:
        """Unwrapped phase, with wrong cycles in the second component."""
        phase = true_phase(*self.position) + 2 * np.pi * CYCLES * (self.labels == 2)
        return np.where(self.data, phase, 0).astype("f4")


def true_phase(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """A plane of several cycles."""
    return 900.0 * (longitude - WEST) + 700.0 * (latitude - 31.0) + 0.7


def true_ionosphere(latitude: np.ndarray) -> np.ndarray:
    """Of the interferogram in topsApp's own order of the dates, radians."""
    return 30.0 * (latitude - 31.0) + 0.3


def true_incidence(longitude: np.ndarray) -> np.ndarray:
    """From near to far range, degrees."""
    return 36.0 + 20.0 * (longitude - WEST)


def write_geocoded_layers(merged: Path, content: GeocodedContent) -> None:
    """Write all layers that the geocode step can leave, and ``phsig.cor.geo``, which is no coherence."""
    longitude, _ = content.position
    line = np.indices((LENGTH, WIDTH))[0]
    there = content.data
    amplitude = np.where(there, 50, 0).astype("f4")
    wave = np.where(there, 50 * np.exp(1j * true_phase(*content.position)), 0).astype("c8")
    coherence = np.where(there, 0.4 + 0.005 * line, 0).astype("f4")
    ionosphere = true_ionosphere(content.position[1]).astype("f4")  # also where there is no interferogram
    incidence, azimuth = np.where(there, true_incidence(longitude), 0), np.where(there, -100.0, 0)
    layers: dict[str, Sequence[np.ndarray]] = {
        "filt_topophase.unw": (amplitude, content.unwrapped),
        "filt_topophase.flat": (wave,),
        "topophase.cor": (amplitude, coherence),
        "phsig.cor": (np.where(there, 0.99, 0).astype("f4"),),
        "filt_topophase.unw.conncomp": (content.labels,),
        "topophase.ion": (ionosphere,),
        "los.rdr": (incidence.astype("f4"), azimuth.astype("f4")),
    }
    for name, bands in layers.items():
        write_geocoded(merged / f"{name}.geo", bands, content)
    write_geocoded(merged / "dem.crop", ((300 + line).astype("i2"),), content, positions=False)


def write_geocoded_folder(folder: Path) -> Path:
    """Write a folder with nothing but geocoded layers, and the descriptions of the subswaths."""
    (folder / "merged").mkdir(parents=True)
    write_swaths(folder, Content())
    write_geocoded_layers(folder / "merged", GeocodedContent())
    return folder


def write_geocoded(
    path: Path, bands: Sequence[np.ndarray], content: GeocodedContent, *, positions: bool = True
) -> None:
    """Write samples by line with their header; `dem.crop` has no positions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.stack(bands, axis=1).tofile(path)
    values = {
        "ISCE_VERSION": "Release: 2.6.5, svn-, 20260630. Current: svn-.",
        "byte_order": "l",
        "data_type": KINDS[bands[0].dtype.str[1:]],
        "file_name": f"/elsewhere/merged/{path.name}",
        "length": bands[0].shape[0],
        "number_bands": len(bands),
        "scheme": "BIL",
        "width": bands[0].shape[1],
    }
    axes = [(WEST, content.step_x), (NORTH, -content.step_y)] if positions else [(0.0, 1.0), (0.0, 1.0)]
    components = [
        E.component(*_properties({"startingvalue": start, "delta": step}), name=f"coordinate{number}")
        for number, (start, step) in enumerate(axes, 1)
    ]
    root = E.imageFile(*_properties(values), *components)
    path.with_name(f"{path.name}.xml").write_bytes(etree.tostring(root, pretty_print=True))


def write_notes(
    folder: Path,
    reference: str,
    secondary: str,
    baseline: float = -80.0,
    names: tuple[str, str] = ("reference", "secondary"),
) -> None:
    """Write ``topsProc.xml`` with the ascending node times, as little well-formed as topsApp writes it."""
    dates = "".join(
        f"<{name}><sensor><ascendingnodetime>{time}</ascendingnodetime></sensor></{name}>"
        for name, time in zip(names, (reference, secondary), strict=True)
    )
    (folder / "topsProc.xml").write_text(
        "<topsProc><Input_list_of_swaths_to_process:_>[1]</Input_list_of_swaths_to_process:_>"
        f"{dates}<baseline><IW-1 Bperp>0</IW-1 Bperp><IW-1_Bperp_at_midrange_for_first_common_burst>{baseline - 1}"
        "</IW-1_Bperp_at_midrange_for_first_common_burst><IW-1_Bperp_at_midrange_for_last_common_burst>"
        f"{baseline + 1}</IW-1_Bperp_at_midrange_for_last_common_burst></baseline>"
        "<geocode><Range_looks>7</Range_looks><Azimuth_looks>2</Azimuth_looks></geocode></topsProc>"
    )


def _properties(values: dict[str, object]) -> list[etree._Element]:
    return [E.property(E.value(str(value)), name=name) for name, value in values.items()]
