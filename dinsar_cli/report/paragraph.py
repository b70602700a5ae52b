"""A paragraph for a paper or a report of one's own: how the map was made, what it shows, and its limits."""

from __future__ import annotations

import math

import numpy as np

from dinsar_cli.formats.citation import ORBITS
from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.maps.zero.gnss_words import gnss_words
from dinsar_cli.report.evidence import Evidence
from dinsar_cli.report.summary import centimetres

_ENGINES = {"isce2": "topsApp of ISCE2", "eos": "the packages eos-sar and whirlwind"}
_SIGN = (
    "Displacement is along the line of sight, positive toward the satellite, later minus earlier date, relative to "
    "{relative}."
)
_DEMS = {
    "glo_30": "the Copernicus DEM GLO-30",
    "glo_90": "the Copernicus DEM GLO-90",
    "nisar_dem": "the NISAR DEM",
    "nasadem": "NASADEM",
    "srtm_v3": "SRTM V3",
    "3dep": "3DEP",
}


def paragraph(evidence: Evidence, facts: ProductFacts, summary: str) -> str:
    """Tell how a map was made and what it shows, with its limits; what is not known is left out.

    Parameters
    ----------
    evidence : Evidence
        With the verdicts.
    facts : ProductFacts
        Of its products.
    summary : str
        What the map says.
    """
    first, second = facts.dates
    days = f"{first:%Y-%m-%d} and {second:%Y-%m-%d} ({first:%H:%M} UTC)"
    made = (
        f"Ground displacement between {days} was measured by differential interferometry with two Sentinel-1 images"
        f"{_geometry(evidence, facts)}, made with dinsar {facts.tags.get('version', '')} and "
        f"{_engine(facts)}: {_processing(facts)}."
    )
    gnss = evidence.facts.get("gnss")
    sign = _SIGN.format(relative=gnss_words(gnss) if gnss else "the reference point")
    return " ".join(part for part in (made, sign, summary, _limits(evidence)) if part)


def _geometry(evidence: Evidence, facts: ProductFacts) -> str:
    parts = []
    if facts.track is not None:
        parts.append(f"relative orbit {facts.track}")
        parts.append("descending" if facts.name[4] == "D" else "ascending")
    if facts.polarization:
        parts.append(facts.polarization)
    incidence = evidence.bands.get("incidence_angle")
    if incidence is not None and np.isfinite(incidence).any():
        parts.append(f"incidence {np.nanmean(incidence):.0f}°")
    if facts.baseline is not None:
        parts.append(f"perpendicular baseline {facts.baseline:.0f} m")
    return f" ({', '.join(parts)})" if parts else ""


def _engine(facts: ProductFacts) -> str:
    name = facts.tags.get("engine", "")
    versions = ", ".join(f"{program} {version}" for program, version in sorted(facts.versions.items()))
    return _ENGINES.get(name, "an engine that is not known") + (f" ({versions})" if versions else "")


def _processing(facts: ProductFacts) -> str:
    parts = []
    if facts.looks is not None:
        parts.append(f"{facts.looks[0]} x {facts.looks[1]} looks (range x azimuth)")
    if facts.filter_strength is not None:
        parts.append(f"Goldstein filter of strength {facts.filter_strength:g}")
    orbits = [ORBITS.get(kind, kind) for kind in dict.fromkeys(facts.orbit_kinds)]
    if orbits:
        parts.append(f"{' and '.join(orbits)} orbits")
    if "file" in facts.dem:
        parts.append(f"the elevation model {facts.dem['file']}")
    elif facts.dem.get("source"):
        parts.append(_DEMS.get(facts.dem["source"], facts.dem["source"]))
    return ", ".join(parts) or "how is not known"


def _limits(evidence: Evidence) -> str:
    sigma, noise = evidence.facts.get("median_sigma"), ""
    if sigma is not None and math.isfinite(sigma):
        noise = (
            f"The standard deviation of the noise is {centimetres(float(sigma))} (median); atmosphere, orbit "
            "errors and wrong cycles are not in it."
        )
    bad = [verdict.rule.bad for verdict in evidence.verdicts if verdict.good is False]
    warned = f" Checks of the map warn: {'; '.join(bad)}." if bad else ""
    return f"{noise}{warned}".strip()
