"""``citation.txt`` and ``citation.bib``: what to cite and to acknowledge when the maps are used."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.references import GOLDSTEIN, OF_DEM, OF_ENGINE, SENTINEL1, program

FILE, BIBTEX = "citation.txt", "citation.bib"

_COPERNICUS_DEM = (
    "Produced using Copernicus WorldDEM-{metres} (c) DLR e.V. 2010-2014 and (c) Airbus Defence and Space GmbH "
    "2014-2018, provided under COPERNICUS by the European Union and ESA; all rights reserved. "
    "https://doi.org/10.5270/ESA-c5d3d65"
)
_DEMS = {
    "glo_30": "Copernicus DEM GLO-30. " + _COPERNICUS_DEM.format(metres=30),
    "glo_90": "Copernicus DEM GLO-90. " + _COPERNICUS_DEM.format(metres=90),
    "nisar_dem": "NISAR DEM, which derives from the Copernicus DEM GLO-30. " + _COPERNICUS_DEM.format(metres=30),
    "3dep": "U.S. Geological Survey, 3D Elevation Program (3DEP), https://www.usgs.gov/3d-elevation-program",
    "nasadem": "NASA JPL (2020), NASADEM Merged DEM Global 1 arc second V001, NASA LP DAAC, "
    "https://doi.org/10.5067/MEaSUREs/NASADEM/NASADEM_HGT.001",
    "srtm_v3": "NASA JPL (2013), NASA Shuttle Radar Topography Mission Global 1 arc second V003, NASA LP DAAC, "
    "https://doi.org/10.5067/MEaSUREs/SRTM/SRTMGL1.003",
}
_ORBITS = {"POEORB": "precise orbits (POEORB)", "RESORB": "restituted orbits (RESORB)"}


def write_citation(facts: ProductFacts) -> list[Path]:
    """Write the text, and the same as BibTeX, into the folder of the products."""
    return [put(facts.folder / FILE, citation(facts)), put(facts.folder / BIBTEX, bibtex(facts))]


def bibtex(facts: ProductFacts) -> str:
    """Return entries for what `citation` names."""
    engine, source = facts.tags.get("engine", ""), facts.dem.get("source", "")
    entries = [
        program(facts.tags.get("version", "")),
        SENTINEL1,
        *OF_ENGINE.get(engine, ()),
        *([GOLDSTEIN] if facts.filter_strength else []),
        *([OF_DEM[source]] if source in OF_DEM else []),
    ]
    return "\n\n".join(entry.bibtex for entry in entries) + "\n"


def citation(facts: ProductFacts) -> str:
    """Tell what to cite, by the data and the programs that the maps were made with.

    What is not known is left out.
    """
    first, second = facts.dates
    lines = [
        f"{facts.name}: displacement of the ground from {first:%Y-%m-%d} to {second:%Y-%m-%d}",
        "",
        "When you use these maps, state and cite what they were made from.",
        "",
        "Data",
        f"- {copernicus_notice(facts)}",
        *(f"  {scene}" for scene in (*facts.reference_scenes, *facts.secondary_scenes)),
        *_orbits(facts),
        *_dem(facts),
        "",
        "Programs",
        f"- dinsar {facts.tags.get('version', '')}".rstrip(),
        *(f"- {name} {version}" for name, version in sorted(facts.versions.items())),
        "",
        "References",
        *(f"- {one.text}" for one in OF_ENGINE.get(facts.tags.get("engine", ""), ())),
        *([f"- {GOLDSTEIN.text}"] if facts.filter_strength else []),
        "",
    ]
    return "\n".join(lines)


def copernicus_notice(facts: ProductFacts) -> str:
    """Return the notice that the licence of Sentinel data asks for, with the years of the data."""
    years = sorted({date.year for date in facts.dates})
    return f"Contains modified Copernicus Sentinel data {', '.join(str(year) for year in years)}."


def _orbits(facts: ProductFacts) -> list[str]:
    kinds = [_ORBITS.get(kind, kind) for kind in dict.fromkeys(facts.orbit_kinds)]
    return [f"- Sentinel-1 {' and '.join(kinds)} of the Copernicus POD Service, ESA."] if kinds else []


def _dem(facts: ProductFacts) -> list[str]:
    if "file" in facts.dem:
        return [f"- Elevation model of your own: {facts.dem['file']}. Cite its source."]
    return [f"- Elevation: {_DEMS[facts.dem['source']]}"] if facts.dem.get("source") in _DEMS else []
