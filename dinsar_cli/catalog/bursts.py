"""Single bursts in the archive: records of the catalogue, searched for an acquisition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from shapely import MultiPolygon, Polygon

from dinsar_cli.catalog.scenes import Ring, complete, outline, products_of
from dinsar_cli.catalog.stacks import POLARIZATIONS, CatalogAcquisition
from dinsar_cli.errors import UsageError
from dinsar_cli.net.limits import Limits
from dinsar_cli.sentinel1.scene import GranuleName
from dinsar_cli.sentinel1.subswath import parse_time

_PASS_MARGIN: Final = timedelta(seconds=5)  # the times of a scene in the catalogue are rounded


@dataclass(frozen=True)
class CatalogBurst:
    """A burst of one polarization, as the catalogue knows it.

    Attributes
    ----------
    name : str
        Of the granule.
    scene : str
        Name of the product that it is part of.
    swath, polarization : str
        Such as ``IW1`` and ``VV``.
    index : int
        Position in the subswath of its product, from 0.
    number : int
        The same for the same ground at all dates of a track; neighbours along the track follow each other.
    start : datetime
        Of the first line, UTC.
    bytes : int
        Of its pixels; 0 when the catalogue does not tell.
    url, metadata_url : str
        Where the image and the annotation of its product are.
    ring : tuple of (longitude, latitude)
        Closed outline in degrees.
    """

    name: str
    scene: str
    swath: str
    polarization: str
    index: int
    number: int
    start: datetime
    bytes: int
    url: str
    metadata_url: str
    ring: Ring

    @cached_property
    def footprint(self) -> Polygon | MultiPolygon:
        """Outline in longitude and latitude; in two parts when it lies across the antimeridian."""
        return outline(self.ring)


def find_bursts(
    acquisition: CatalogAcquisition, polarization: str, notes: list[str], limits: Limits | None = None
) -> tuple[CatalogBurst, ...]:
    """Search all bursts of an acquisition in one polarization; sentences on wrong records are added to notes.

    Raises
    ------
    NetworkError
        When the archive cannot be reached or does not give complete results.
    """
    import asf_search

    options = {
        "dataset": asf_search.DATASET.SLC_BURST,
        "relativeOrbit": acquisition.track,
        "polarization": polarization,
        "start": acquisition.start - _PASS_MARGIN,
        "end": acquisition.stop + _PASS_MARGIN,
    }
    scenes = {scene.name for scene in acquisition.scenes}
    bursts: list[CatalogBurst] = []
    for product in complete(lambda patience: products_of(options, patience), limits):
        try:
            burst = read_burst(product.properties, product.umm, product.geometry)
        except (KeyError, IndexError, TypeError, ValueError, UsageError) as error:
            name = product.properties.get("fileID")
            notes.append(f"The record of {name} is left out, because it is not complete ({error!s:.100}).")
            continue
        if burst.scene in scenes and burst.polarization == polarization:
            bursts.append(burst)
    return _each_once(bursts)


def read_burst(properties: Mapping[str, Any], umm: Mapping[str, Any], geometry: Mapping[str, Any]) -> CatalogBurst:
    """Make a record from what asf_search has of a burst.

    Parameters
    ----------
    properties, umm, geometry : mapping
        As for `dinsar_cli.catalog.scenes.read_scene`.

    Raises
    ------
    KeyError, IndexError, TypeError, ValueError, UsageError
        When something is missing or wrong.
    """
    details = properties["burst"]
    scene = str(umm["InputGranules"][0]).removesuffix("-SLC")
    GranuleName.parse(scene)
    swath, polarization = str(details["subswath"]), str(properties["polarization"])
    if swath not in {"IW1", "IW2", "IW3"} or polarization not in POLARIZATIONS:
        raise ValueError(f"subswath {swath!r}, polarization {polarization!r}")
    return CatalogBurst(
        name=str(properties["fileID"]),
        scene=scene,
        swath=swath,
        polarization=polarization,
        index=int(details["burstIndex"]),
        number=int(details["relativeBurstID"]),
        start=parse_time(_attribute(umm, "AZIMUTH_TIME")),  # asf_search cuts it to whole seconds
        bytes=int(properties.get("bytes") or 0),  # the catalogue has it as text
        url=_address([properties["url"], *properties["additionalUrls"]], ".tiff"),
        metadata_url=_address([properties["url"], *properties["additionalUrls"]], ".xml"),
        ring=tuple((float(x), float(y)) for x, y, *_ in geometry["coordinates"][0]),
    )


def _attribute(umm: Mapping[str, Any], name: str) -> str:
    """Return the additional attribute of a record of the catalogue."""
    for item in umm["AdditionalAttributes"]:
        if item["Name"] == name:
            return str(item["Values"][0])
    raise KeyError(name)


def _address(addresses: Iterable[str], ending: str) -> str:
    for address in addresses:
        if str(address).endswith(ending):
            return str(address)
    raise ValueError(f"no address that ends in {ending}")


def _each_once(bursts: Iterable[CatalogBurst]) -> tuple[CatalogBurst, ...]:
    """Leave out bursts that two slices have; the slice that has more of them is preferred."""
    found = sorted(bursts, key=lambda burst: burst.name)
    share = Counter(burst.scene for burst in found)
    kept: dict[tuple[str, int], CatalogBurst] = {}
    for burst in sorted(found, key=lambda burst: (share[burst.scene], burst.scene)):
        kept[burst.swath, burst.number] = burst
    return tuple(kept[key] for key in sorted(kept))
