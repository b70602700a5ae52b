"""``citation.txt`` and ``citation.bib``: what to cite and to acknowledge when the maps are used."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.references import GOLDSTEIN, OF_DEM, OF_ENGINE, SENTINEL1, program

FILE, BIBTEX = FILES = "citation.txt", "citation.bib"

ORBITS = {"POEORB": "precise", "RESORB": "restituted"}
"""What kinds of orbit files are called."""


def write_citation(facts: ProductFacts) -> list[Path]:
    """Write the text, and the same as BibTeX, into the folder of the products."""
    return [put(facts.output / FILE, citation(facts)), put(facts.output / BIBTEX, bibtex(facts))]


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
    kinds = [
        f"{ORBITS[kind]} orbits ({kind})" if kind in ORBITS else kind for kind in dict.fromkeys(facts.orbit_kinds)
    ]
    return [f"- Sentinel-1 {' and '.join(kinds)} of the Copernicus POD Service, ESA."] if kinds else []


def _dem(facts: ProductFacts) -> list[str]:
    if "file" in facts.dem:
        return [f"- Elevation model of your own: {facts.dem['file']}. Cite its source."]
    return [f"- Elevation: {OF_DEM[facts.dem['source']].text}"] if facts.dem.get("source") in OF_DEM else []
