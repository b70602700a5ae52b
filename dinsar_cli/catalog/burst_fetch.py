"""Bursts on their way from the archive: fetched, put together into a SAFE product, and then removed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dinsar_cli.base.disk import check_disk
from dinsar_cli.base.files import fingerprint, make_folder
from dinsar_cli.catalog.burst_plan import BurstPlan, PassBursts
from dinsar_cli.catalog.bursts import CatalogBurst
from dinsar_cli.net.download import Source, Transfer, fetch_all, look_for
from dinsar_cli.net.receive import NO_SPACE
from dinsar_cli.sentinel1.bursts.safe import BurstFile, UnfitFileError, assemble_safe

logger = logging.getLogger(__name__)

_TIFF_OVERHEAD: Final = 1.01  # offsets of the lines


def fetch_bursts(
    plan: BurstPlan,
    folder: Path,
    *,
    threads: int = 4,
    progress: Callable[[Transfer], None] | None = None,
) -> tuple[Path, ...]:
    """Fetch the bursts of a plan and make a SAFE product of each acquisition; what is there is not made again.

    Parameters
    ----------
    plan : BurstPlan
        Without an obstacle.
    folder : Path
        Of the cache, for bursts: each choice of bursts gets a folder of its own in it.
    threads : int
        Files at a time.
    progress : callable, optional
        Called a few times a second with how far all downloads are together.

    Returns
    -------
    tuple of Path
        SAFE folders, in the order of the acquisitions.

    Raises
    ------
    CredentialsError
        When no account is known, it is refused, or a token alone is known.
    NetworkError
        When a burst did not come whole in several tries, or is not made in time.
    NoDataError
        When what came is not what the catalogue states, or the archive has it no more.
    ResourceError
        When the disk has too little space: bursts and products are there together for a while.
    """
    homes = [make_folder(_home(one, folder)) for one in plan.passes]
    with ExitStack() as locks:
        for home in sorted(set(homes)):  # the same order in all processes
            locks.enter_context(_turn(home))
        missing = [(one, home) for one, home in zip(plan.passes, homes, strict=True) if _product_in(home) is None]
        sources = [source for one, home in missing for source in burst_sources(one, home)]
        _check_space(missing, sources)
        if sources:
            fetch_all(sources, threads=threads, progress=progress)
        for one, home in missing:
            _assemble(one, home)
    return tuple(product for home in homes if (product := _product_in(home)) is not None)


def products_there(plan: BurstPlan, folder: Path) -> tuple[Path | None, ...]:
    """Return the product of each acquisition that needs no download any more; None where there is none."""
    return tuple(_product_in(_home(one, folder)) for one in plan.passes)


def burst_sources(one: PassBursts, home: Path) -> tuple[Source, ...]:
    """Return the files to fetch: the image of each burst, and one document with the annotation of each scene."""
    first = {burst.scene: burst for burst in reversed(one.bursts)}
    return (
        *(Source(burst.metadata_url, _document(burst, home), login=True) for _, burst in sorted(first.items())),
        *(Source(burst.url, _image(burst, home), login=True) for burst in one.bursts),
    )


def _document(burst: CatalogBurst, home: Path) -> Path:
    return home / f"{burst.scene}_{burst.polarization}.xml"


def _image(burst: CatalogBurst, home: Path) -> Path:
    return home / f"{burst.name}.tiff"


def _home(one: PassBursts, folder: Path) -> Path:
    """Return the folder of a choice of bursts, named after the first scene and all of them."""
    names = sorted(burst.name for burst in one.bursts)
    return folder / f"{min(burst.scene for burst in one.bursts)}-{fingerprint(names)}"


def _product_in(home: Path) -> Path | None:
    return next(iter(sorted(home.glob("*.SAFE"))), None)


@contextmanager
def _turn(home: Path) -> Iterator[None]:
    """Hold the lock of a folder; who comes second waits until the first has finished or died."""
    lock = FileLock(home / ".lock")
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        logger.info("another process fetches the bursts in %s: waiting for it", home)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _check_space(missing: Sequence[tuple[PassBursts, Path]], sources: Sequence[Source]) -> None:
    """Make sure that the rest of the bursts and the products fit."""
    if missing:
        pixels = sum(one.bytes for one, _ in missing)
        there = sum(look_for(source).have for source in sources)
        needed = int(2 * _TIFF_OVERHEAD * pixels) - there
        check_disk(missing[0][1], max(needed, 0), "the bursts and the products made of them", NO_SPACE)


def _assemble(one: PassBursts, home: Path) -> None:
    """Make the product; then remove the bursts, or the one that is unfit so that it is fetched again."""
    bursts = [
        BurstFile(
            _image(burst, home), _document(burst, home), burst.scene, burst.swath, burst.polarization, burst.index
        )
        for burst in one.bursts
    ]
    try:
        assemble_safe(bursts, home)
    except UnfitFileError as error:
        error.path.unlink(missing_ok=True)
        raise
    for source in burst_sources(one, home):
        source.target.unlink(missing_ok=True)
