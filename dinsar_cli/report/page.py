"""``report.html``: one page by which a person sees whether a run worked; and one that lists several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import sha256, write_text
from dinsar_cli.base.journal import RUN_FILE, Journal, locked
from dinsar_cli.drawing.web_map import embed_grid, scale_limits
from dinsar_cli.errors import DinsarError, ResourceError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.roi import Roi, parse_roi
from dinsar_cli.maps.zero.gnss_look import USED
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.report.evidence import Evidence, gather
from dinsar_cli.report.figures import figures
from dinsar_cli.report.page_layers import days, facts_of, file_row, link, page_environment
from dinsar_cli.report.paragraph import paragraph
from dinsar_cli.report.pictures import picture, relief_layer
from dinsar_cli.report.record import (
    area_asked_for,
    checks_told,
    citation_text,
    corrections_told,
    known_facts,
    licences,
    provenance,
)
from dinsar_cli.report.summary import summary_sentence
from dinsar_cli.report.texts import ADVICE

REPORT = "report.html"
OVERVIEW = "reports.html"

_HEAD = 1024  # bytes of a page in which its title is
_THUMBNAIL = 220  # pixels
_OPACITY = 0.75  # of a layer over the relief, at first


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes
    ----------
    path : Path
        The file.
    evidence : Evidence
        What it tells of.
    """

    path: Path
    evidence: Evidence

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the map, in words."""
        return [verdict.warning for verdict in self.evidence.verdicts if verdict.warning]


def report_path(pair: PairProducts) -> Path:
    """Tell where the report of a pair is: beside its rasters."""
    return next(iter(pair.rasters.values())).parent / REPORT


def write_report(
    pair: PairProducts,
    record: Mapping[str, Any] | None = None,
    evidence: Evidence | None = None,
    roi: Roi | None = None,
) -> Written:
    """Write the report of a pair.

    Parameters
    ----------
    record : mapping, optional
        Content of its run.json as far as it is known; read from the file if not given.
    evidence : Evidence, optional
        What was gathered of its rasters before all of the pair and of the record was there.
    roi : Roi, optional
        Area that was asked for; that of the configuration beside the run if not given.

    Raises
    ------
    NoDataError
        When there is no displacement.
    UsageError
        When a raster cannot be read.
    ResourceError
        When the page cannot be written.
    """
    if evidence is None:
        evidence = gather(pair, record)
    else:
        evidence = replace(evidence, pair=pair, record=dict(record or evidence.record))
    path = report_path(pair)
    _write(path, report_text(evidence, path.parent, roi or _roi_of(pair)))
    return Written(path, evidence)


def is_current(page: Path, pairs: Sequence[PairProducts]) -> bool:
    """Tell whether a page is there, and not older than a raster of the pairs that it shows."""
    rasters = [path for pair in pairs for path in pair.rasters.values()]
    return page.is_file() and all(path.stat().st_mtime_ns <= page.stat().st_mtime_ns for path in rasters)


def pages_to_view(pairs: Sequence[PairProducts], folder: Path) -> list[Path]:
    """Return the report of each pair, and for several last the page in a folder that lists them; made where needed.

    Raises
    ------
    DinsarError
        As `rewrite_report`.
    """
    pages = [report_path(pair) for pair in pairs]
    for pair, page in zip(pairs, pages, strict=True):
        if not is_current(page, [pair]):
            rewrite_report(pair)
    if len(pages) == 1:
        return pages
    overview = folder / OVERVIEW
    if not is_current(overview, pairs):
        write_overview(overview, [Written(page, gather(pair)) for pair, page in zip(pairs, pages, strict=True)])
    return [*pages, overview]


def rewrite_report(pair: PairProducts) -> Written:
    """Write the report of a finished run again, and note it in the run's record if that has one.

    Raises
    ------
    UsageError
        When another process works in the folder.
    DinsarError
        As `write_report`.
    """
    if not (pair.folder / RUN_FILE).is_file():
        with pair.files:
            return write_report(pair)
    with locked(pair.folder), pair.files:
        written = write_report(pair)
        journal = Journal.open(pair.folder / RUN_FILE)
        record = journal.stages.get("report")
        if record is not None:  # or the run would find a file that it has not made
            journal.put("report", record, [written.path], hash_of=sha256)
    return written


def report_text(evidence: Evidence, folder: Path, roi: Roi | None) -> str:
    """Return the report as HTML; links in it start from a folder, and its map shows an area."""
    pair, grid, tags = evidence.pair, evidence.grid, evidence.tags
    verdicts, summary, facts = evidence.verdicts, summary_sentence(evidence), known_facts(evidence)
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            pair=pair,
            dates=days(tags),
            summary=summary,
            verdicts=verdicts,
            bad=[verdict for verdict in verdicts if verdict.good is False],
            unknown=[verdict.rule.title for verdict in verdicts if verdict.good is None],
            data=_map_data(evidence, roi),
            cells=(grid.shape, evidence.shape),
            map_advice=ADVICE["map"],
            figures=figures(evidence),
            corrections=corrections_told(evidence.record),
            checks=checks_told(evidence.record),
            facts=facts_of(grid, tags, evidence.reference),
            provenance=provenance(evidence),
            citation=citation_text(facts) if facts else "",
            paragraph=paragraph(evidence, facts, summary) if facts else "",
            licences=licences(tags.get("engine", "")),
            reference=evidence.reference,
            relative_to=tags.get("reference") if evidence.facts.get("gnss") else None,
            reference_outside=evidence.reference is not None and not grid.holds(*grid.index(*evidence.reference)),
            files=_files(pair, folder),
        )
    )


def _files(pair: PairProducts, folder: Path) -> list[dict[str, str]]:
    """Return the rows of the list of files; links in it start from a folder."""
    rows = [file_row(path, folder, LAYERS[name]) for name, path in pair.rasters.items()]
    return rows + [file_row(path, folder, None) for path in pair.others if path.name != REPORT]


def _map_data(evidence: Evidence, roi: Roi | None) -> dict[str, Any]:
    grid, reference = evidence.grid, evidence.reference
    data: dict[str, Any] = {
        "grid": embed_grid(grid, evidence.shape),
        "reference": grid.from_lonlat(*reference) if reference else None,
        "layers": evidence.layers,
        "roi": _rings(evidence.grid, roi),
        "stations": _stations(evidence),
    }
    elevation = evidence.bands.get("elevation")
    if elevation is not None:
        data |= {"relief": relief_layer(elevation, cell_size(evidence)), "opacity": _OPACITY}
    return data


def _stations(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the GNSS stations that decide where zero is, and those that cannot, in map coordinates."""
    placed = [one for one in (evidence.facts.get("gnss") or {}).get("stations", ()) if one["lon"] is not None]
    return [
        {
            "name": one["station"],
            "place": evidence.grid.from_lonlat(one["lon"], one["lat"]),
            "used": one["status"] == USED,
        }
        for one in placed
    ]


def cell_size(evidence: Evidence) -> tuple[float, float]:
    """Return the width and height of a shown cell, metres."""
    grid, (rows, columns) = evidence.grid, evidence.shape
    east, north = grid.metres_per_unit
    return grid.posting * grid.width / columns * east, grid.posting * grid.height / rows * north


def _roi_of(pair: PairProducts) -> Roi | None:
    """Return the area that was asked for; None where all of the scenes was, or where it cannot be told any more."""
    text = area_asked_for(pair.folder)
    try:
        return None if text is None else parse_roi(text)
    except DinsarError:  # a file that is gone
        return None


def _rings(grid: Grid, roi: Roi | None) -> list[list[tuple[float, float]]]:
    """Return the outlines of an area in map coordinates."""
    if roi is None:
        return []
    parts = getattr(roi.geometry, "geoms", [roi.geometry])
    return [[grid.from_lonlat(lon, lat) for lon, lat, *_ in part.exterior.coords] for part in parts]


def write_overview(path: Path, reports: Sequence[Written]) -> Path:
    """Write the page that lists several reports, with a thumbnail of each.

    Raises
    ------
    UsageError
        When there is a file of that name which is no such page.
    ResourceError
        When it cannot be written.
    """
    return write_rows(path, [_row(written, path.parent) for written in reports])


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, str]] = ()) -> Path:
    """Write the page of `write_overview` from its rows.

    Parameters
    ----------
    path : Path
    rows : sequence of mapping
        From `overview_row`.
    without : sequence of mapping
        Runs that have no map, with ``name``, ``state`` and ``cause``.

    Raises
    ------
    UsageError, ResourceError
        As `write_overview`.
    """
    check_overview(path)
    _write(path, page_environment().get_template("reports.html.j2").render(rows=rows, without=without))
    return path


def check_overview(path: Path) -> None:
    """Refuse to replace a file that is no page of `write_overview`.

    Raises
    ------
    UsageError
        When there is one.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if b"<title>Reports of " not in head:
        raise UsageError(
            f"{path} is not replaced.",
            "It is not a page that lists reports of dinsar.",
            "Give another name with --output, or move that file away.",
        )


def _row(written: Written, folder: Path) -> dict[str, Any]:
    evidence = written.evidence
    width, height = cell_size(evidence)
    return overview_row(
        evidence.pair.name,
        link(written.path, folder),
        evidence.los,
        height / width,
        summary_sentence(evidence),
        [v.rule.bad for v in evidence.verdicts if v.good is False],
    )


def overview_row(
    name: str, address: str, los: NDArray[np.floating[Any]], ratio: float, summary: str, warnings: Sequence[str]
) -> dict[str, Any]:
    """Return what the page that lists several reports shows of one.

    Parameters
    ----------
    name, address : str
        Of the run, and of its report.
    los : ndarray
        Displacement (m), of any resolution.
    ratio : float
        Height over width of its cells on the ground.
    summary : str
        What it says.
    warnings : sequence of str
        What its checks warn of.
    """
    limits = scale_limits(los[np.isfinite(los)], symmetric=True)
    return {
        "name": name,
        "link": address,
        "thumbnail": picture(los, "RdBu_r", limits, ratio, most=_THUMBNAIL),
        "limits": [f"{100 * value:g} cm".replace("-", "\u2212") for value in limits],
        "summary": summary,
        "warnings": list(warnings),
    }


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise ResourceError(
            f"{path} cannot be written.",
            f"The system says: {error.strerror or error}.",
            "Make room on the disk or let the folder be written to, then: dinsar report FOLDER",
        ) from error
