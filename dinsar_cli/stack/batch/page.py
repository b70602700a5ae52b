"""``reports.html`` of a batch: a row for each map, with a thumbnail, and the runs that have none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rasterio.errors import RasterioError

from dinsar_cli.base.journal import PRODUCTS
from dinsar_cli.products.reader import NoGridError, Product
from dinsar_cli.report.page import OVERVIEW, REPORT, overview_row, write_rows
from dinsar_cli.report.page_layers import link
from dinsar_cli.report.pictures import thin_map
from dinsar_cli.report.summary import centimetres
from dinsar_cli.stack.batch.state import JobRecord

_MOST: Final = 440  # pixels that are read of the longer side of a map


def write_batch_page(workdir: Path, records: Iterable[JobRecord]) -> Path | None:
    """Write the page that lists the maps of a batch; None, and no page, where there is neither a map nor a failure.

    Parameters
    ----------
    workdir : Path
        Gets it.
    records : iterable of JobRecord
        All runs. Of each map no more is read than its thumbnail needs.

    Raises
    ------
    UsageError, ResourceError
        As `dinsar_cli.report.page.write_overview`.
    """
    rows: list[dict[str, Any]] = []
    without: list[dict[str, str]] = []
    for record in records:
        row = _row(workdir, record) if record.state == "done" else None
        if row is not None:
            rows.append(row)
        else:
            cause = f"{record.error['problem']} {record.error['cause']}" if record.error else ""
            without.append({"name": record.name, "state": record.state, "cause": cause})
    if not rows and not any(one["cause"] for one in without):
        return None
    return write_rows(workdir / OVERVIEW, rows, without)


def _row(workdir: Path, record: JobRecord) -> dict[str, Any] | None:
    """Return the row of a map; None where its files cannot be read any more."""
    products = workdir / record.folder / PRODUCTS
    try:
        with Product(products / "los_displacement.tif") as product:
            los, ratio = thin_map(product, _MOST)
    except (RasterioError, NoGridError, OSError):
        return None
    warnings = [str(title) for title in record.figures.get("warnings", ())]
    return overview_row(record.name, link(products / REPORT, workdir), los, ratio, sentence_of(record), warnings)


def sentence_of(record: JobRecord) -> str:
    """Tell what a map says in numbers, as far as a run has told them."""
    figures = record.figures
    parts = [f"{figures.get('reference_date', '')} to {figures.get('secondary_date', '')}"]
    lowest, highest = figures.get("lowest_m"), figures.get("highest_m")
    if lowest is not None and highest is not None:
        parts.append(f"{centimetres(lowest)} to {centimetres(highest)} along the line of sight")
    for key, name in (("coherence", "coherence {:.2f}"), ("coverage", "{:.0%} has displacement")):
        if figures.get(key) is not None:
            parts.append(name.format(figures[key]))
    if figures.get("sigma_m") is not None:
        parts.append(f"noise {centimetres(figures['sigma_m'])}")
    return "; ".join(parts) + "."
