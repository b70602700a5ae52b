"""The products of a pair in a page of their own, ``view.html``: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dinsar_cli.base.files import write_text
from dinsar_cli.drawing.web_map import embed_grid
from dinsar_cli.errors import ResourceError
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.report.page_layers import (
    days,
    describe,
    embedded_layers,
    facts_of,
    file_row,
    link,
    page_environment,
    reference_point,
    shown_shape,
)


def write_pages(pairs: Sequence[PairProducts]) -> Iterator[Path]:
    """Write the page of each pair, with links to the others.

    Raises
    ------
    UsageError
        When a raster cannot be read.
    ResourceError
        When a page cannot be written.
    """
    for pair in pairs:
        with pair.files:
            text = page_text(pair, pairs)
        try:
            write_text(pair.page, text)
        except OSError as error:
            raise ResourceError(
                f"{pair.page} cannot be written.",
                f"The system says: {error.strerror or error}.",
                "Make room on the disk or let the folder be written to, or open the GeoTIFFs: dinsar view --with",
            ) from error
        yield pair.page


def page_text(pair: PairProducts, pairs: Sequence[PairProducts]) -> str:
    """Return the page of a pair as HTML, with everything in it.

    Parameters
    ----------
    pair : PairProducts
        What it shows.
    pairs : sequence of PairProducts
        All that are linked from it; may be the pair alone.

    Raises
    ------
    UsageError
        When a raster cannot be read, or is not on the same grid as the others.
    """
    grid, tags = describe(pair)
    shape = shown_shape(grid)
    reference = reference_point(tags)
    data = {
        "grid": embed_grid(grid, shape),
        "reference": grid.from_lonlat(*reference) if reference else None,
        "layers": embedded_layers(pair, shape),
    }
    return (
        page_environment()
        .get_template("view.html.j2")
        .render(
            pair=pair,
            data=data,
            dates=days(tags),
            reference=reference,
            facts=facts_of(grid, tags, reference),
            cells=(grid.shape, shape),
            files=[file_row(path, pair.folder, LAYERS[name]) for name, path in pair.rasters.items()]
            + [file_row(path, pair.folder, None) for path in pair.others],
            pairs=[(other.name, link(other.page, pair.folder), other is pair) for other in pairs],
        )
    )
