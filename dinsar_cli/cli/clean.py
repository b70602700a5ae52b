"""``dinsar clean``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.cli.options import cache_option, debug_option, workdir_option
from dinsar_cli.cli.status import pair_folders

_MOST_NAMED = 8  # of what stays in a folder


@click.command(short_help="Remove what can be made again.")
@workdir_option
@cache_option
@click.option("--products", is_flag=True, help="Remove the products too, and the journal.")
@click.option("--with-cache", is_flag=True, help="Remove the DEMs in the cache too, with their tiles.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@debug_option
def clean(workdir: Path, cache: Path, products: bool, with_cache: bool, dry_run: bool) -> None:
    """Remove intermediate files: radar layers and work of the engine, of the reversed pair too.

    Products, inputs and journals stay. Only what dinsar has noted goes: files in the folders of pairs that their
    run.json names, and in the cache those that have a note of dinsar. What else is there, and what is behind a
    link, stays and is told. All is decided before the first file goes.

    A later run with the same command makes the radar layers again when it needs them, as for another grid.
    """
    from dinsar_cli.workflow.cleaning import clean_up

    folders, links = _pairs(workdir)
    cleanings = clean_up(folders, cache if with_cache else None, products=products, dry_run=dry_run)
    for cleaning in cleanings:
        for place, (count, size) in cleaning.shares().items():
            what = f"{count} files, {human_bytes(size)}" if count > 1 else human_bytes(size)
            click.echo(f"{'would remove' if dry_run else 'removed'} {place} ({what})", err=True)
    for text in _left([*links, *(path for cleaning in cleanings for path in cleaning.left)]):
        click.echo(text, err=True)
    total = sum(cleaning.size for cleaning in cleanings)
    click.echo(f"{human_bytes(total)} {'would be' if dry_run else 'were'} removed.")


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
