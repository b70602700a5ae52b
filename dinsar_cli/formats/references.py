"""What to cite, by key: as a line of text, and as BibTeX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A work or a data set.

    Attributes
    ----------
    key : str
        In BibTeX.
    text : str
        As it is cited in a list; empty where the list has words of its own.
    kind : str
        Entry type of BibTeX.
    fields : dict of str
        Of the entry, with braces where capitals are to stay.
    """

    key: str
    text: str
    kind: str
    fields: Mapping[str, str]

    @property
    def bibtex(self) -> str:
        """The entry."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])


ISCE2 = Reference(
    "rosen2012isce",
    "Rosen, P. A., E. Gurrola, G. F. Sacco and H. Zebker (2012), The InSAR Scientific Computing Environment, EUSAR "
    "2012, 730-733. ISCE2: https://github.com/isce-framework/isce2",
    "inproceedings",
    {
        "author": "Rosen, Paul A. and Gurrola, Eric and Sacco, Gian Franco and Zebker, Howard",
        "title": "The {InSAR} {Scientific} {Computing} {Environment}",
        "booktitle": "EUSAR 2012; 9th European Conference on Synthetic Aperture Radar",
        "pages": "730--733",
        "year": "2012",
        "url": "https://github.com/isce-framework/isce2",
    },
)
EOS_SAR = Reference(
    "eossar",
    "eos-sar: https://pypi.org/project/eos-sar",
    "misc",
    {"title": "eos-sar", "howpublished": "Python package", "url": "https://pypi.org/project/eos-sar"},
)
WHIRLWIND = Reference(
    "whirlwind",
    "whirlwind: https://pypi.org/project/whirlwind-insar",
    "misc",
    {
        "title": "whirlwind-insar",
        "howpublished": "Python package",
        "url": "https://pypi.org/project/whirlwind-insar",
    },
)
GOLDSTEIN = Reference(
    "goldstein1998filter",
    "Goldstein, R. M. and C. L. Werner (1998), Radar interferogram filtering for geophysical applications, "
    "Geophysical Research Letters 25(21), 4035-4038, https://doi.org/10.1029/1998GL900033",
    "article",
    {
        "author": "Goldstein, Richard M. and Werner, Charles L.",
        "title": "Radar interferogram filtering for geophysical applications",
        "journal": "Geophysical Research Letters",
        "volume": "25",
        "number": "21",
        "pages": "4035--4038",
        "year": "1998",
        "doi": "10.1029/1998GL900033",
    },
)
SENTINEL1 = Reference(
    "sentinel1",
    "",
    "misc",
    {
        "author": "{European Space Agency}",
        "title": "{Copernicus} {Sentinel-1} data",
        "howpublished": "Copernicus Data Space Ecosystem and Alaska Satellite Facility DAAC",
    },
)
_COPERNICUS_NOTICE = (
    "Produced using Copernicus WorldDEM-{metres} (c) DLR e.V. 2010-2014 and (c) Airbus Defence and Space GmbH "
    "2014-2018, provided under COPERNICUS by the European Union and ESA; all rights reserved. "
    "https://doi.org/10.5270/ESA-c5d3d65"
)


def _copernicus_dem(name: str, metres: int) -> Reference:
    """Return the Copernicus DEM, or one that derives from it."""
    return Reference(
        "copernicusdem",
        f"{name}. {_COPERNICUS_NOTICE.format(metres=metres)}",
        "misc",
        {
            "author": "{European Space Agency} and {Airbus Defence and Space}",
            "title": "{Copernicus} {DEM}",
            "doi": "10.5270/ESA-c5d3d65",
        },
    )


NASADEM = Reference(
    "nasadem",
    "NASA JPL (2020), NASADEM Merged DEM Global 1 arc second V001, NASA LP DAAC, "
    "https://doi.org/10.5067/MEaSUREs/NASADEM/NASADEM_HGT.001",
    "misc",
    {
        "author": "{NASA JPL}",
        "title": "{NASADEM} Merged {DEM} Global 1 arc second V001",
        "year": "2020",
        "doi": "10.5067/MEaSUREs/NASADEM/NASADEM_HGT.001",
    },
)
SRTM = Reference(
    "srtm",
    "NASA JPL (2013), NASA Shuttle Radar Topography Mission Global 1 arc second V003, NASA LP DAAC, "
    "https://doi.org/10.5067/MEaSUREs/SRTM/SRTMGL1.003",
    "misc",
    {
        "author": "{NASA JPL}",
        "title": "{NASA} Shuttle Radar Topography Mission Global 1 arc second V003",
        "year": "2013",
        "doi": "10.5067/MEaSUREs/SRTM/SRTMGL1.003",
    },
)
USGS_3DEP = Reference(
    "usgs3dep",
    "U.S. Geological Survey, 3D Elevation Program (3DEP), https://www.usgs.gov/3d-elevation-program",
    "misc",
    {
        "author": "{U.S. Geological Survey}",
        "title": "{3D Elevation Program} (3DEP)",
        "url": "https://www.usgs.gov/3d-elevation-program",
    },
)
OF_ENGINE: Mapping[str, tuple[Reference, ...]] = {"isce2": (ISCE2,), "eos": (EOS_SAR, WHIRLWIND)}
OF_DEM: Mapping[str, Reference] = {
    "glo_30": _copernicus_dem("Copernicus DEM GLO-30", 30),
    "glo_90": _copernicus_dem("Copernicus DEM GLO-90", 90),
    "nisar_dem": _copernicus_dem("NISAR DEM, which derives from the Copernicus DEM GLO-30", 30),
    "nasadem": NASADEM,
    "srtm_v3": SRTM,
    "3dep": USGS_3DEP,
}


def program(version: str) -> Reference:
    """Return how to cite this program."""
    title = "dinsar: an area and two dates in, a trustworthy map of ground displacement out"
    fields = {"author": "{The dinsar developers}", "title": f"{{{title}}}"}
    return Reference("dinsar", "", "software", fields | ({"version": version} if version else {}))
