"""``dinsar clean``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.cli.options import (
    cache_option,
    folder_argument,
    given_folders,
    json_option,
    old_workdir_option,
    telling_options,
)
from dinsar_cli.cli.parts.common import tell, tell_made
from dinsar_cli.cli.status import pair_folders

if TYPE_CHECKING:
    from dinsar_cli.workflow.cleaning import Cleaning

_MOST_NAMED = 8  # of what stays in a folder


@click.command(short_help="Remove what can be made again.")
@folder_argument(several=True)
@old_workdir_option
@cache_option
@click.option("--products", is_flag=True, help="Remove the products too, and the journal.")
@click.option("--with-cache", is_flag=True, help="Remove the DEMs in the cache too, with their tiles.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@json_option
@telling_options
def clean(
    folders: tuple[Path, ...],
    workdir: Path | None,
    cache: Path,
    products: bool,
    with_cache: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove intermediate files: radar layers and work of the engine, of the reversed pair too.

    FOLDER is that of a pair, or one with several pairs; by default the current one.

    Products, inputs and journals stay. Only what dinsar has noted goes: files in the folders of pairs that their
    run.json names, and in the cache those that have a note of dinsar. What else is there, and what is behind a
    link, stays and is told. All is decided before the first file goes.

    A later run with the same command makes the radar layers again when it needs them, as for another grid.
    """
    from dinsar_cli.workflow.cleaning import clean_up

    found = [_pairs(folder) for folder in given_folders(folders, workdir)]
    pairs, links = ([path for one in found for path in one[part]] for part in (0, 1))
    cleanings = clean_up(pairs, cache if with_cache else None, products=products, dry_run=dry_run)
    left = [*links, *(path for cleaning in cleanings for path in cleaning.left)]
    if as_json:
        click.echo(json.dumps(_record(cleanings, left, dry_run=dry_run), indent=2))
        return
    for cleaning in cleanings:
        for place, (count, size) in cleaning.shares().items():
            what = f"{count} files, {human_bytes(size)}" if count > 1 else human_bytes(size)
            tell(f"{'would remove' if dry_run else 'removed'} {place} ({what})")
    for text in _left(left):
        tell(text)
    total = sum(cleaning.size for cleaning in cleanings)
    tell_made(f"{human_bytes(total)} {'would be' if dry_run else 'were'} removed.")


def _record(cleanings: Sequence[Cleaning], left: Sequence[Path], *, dry_run: bool) -> dict[str, Any]:
    """Return what was removed and what stays, for JSON."""
    shares = {place: share for cleaning in cleanings for place, share in cleaning.shares().items()}
    return {
        "dry_run": dry_run,
        "removed": [{"path": str(place), "files": count, "bytes": size} for place, (count, size) in shares.items()],
        "removed_bytes": sum(cleaning.size for cleaning in cleanings),
        "left": [str(path) for path in left],
    }


def _left(paths: list[Path]) -> Iterator[str]:
    """Tell what stays and why; of many in one folder only how many."""
    for path in paths:
        if path.is_symlink():
            yield f"left {path}: it is a link; what is behind it can be anybody's"
    there = [path for path in paths if not path.is_symlink()]
    for folder in dict.fromkeys(path.parent for path in there):
        inside = [path for path in there if path.parent == folder]
        if len(inside) > _MOST_NAMED:
            yield f"left {folder}: {len(inside)} files and folders that dinsar has no record of having made"
        else:
            yield from (f"left {path}: dinsar has no record of having made it" for path in inside)


def _pairs(workdir: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of pairs, and those that are links, which stay: the folder behind may be anybody's."""
    folders = pair_folders(workdir)
    links = [folder for folder in folders if folder.is_symlink() and folder != workdir]
    return [folder for folder in folders if folder not in links], links
