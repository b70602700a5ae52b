"""``dinsar clean``."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.journal import RADAR, REVERSED_FOLDER, RUN_FILE, Journal, locked
from dinsar_cli.cli.options import cache_option, debug_option, workdir_option
from dinsar_cli.cli.status import pair_folders


@click.command(short_help="Remove what can be made again.")
@workdir_option
@cache_option
@click.option("--products", is_flag=True, help="Remove the products too: the whole folder of each pair.")
@click.option("--with-cache", is_flag=True, help="Remove the prepared DEMs in the cache too.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@debug_option
def clean(workdir: Path, cache: Path, products: bool, with_cache: bool, dry_run: bool) -> None:
    """Remove intermediate files: radar layers and work of the engine, of the reversed pair too.

    Products, inputs and journals stay.

    A later run with the same command makes the radar layers again when it needs them, as for another grid.
    """
    from dinsar_cli.engines.find import engines

    total = 0
    for folder in pair_folders(workdir):
        with locked(folder):
            left = [path for engine in engines().values() for path in engine.leftovers(folder / RADAR)]
            if not dry_run:
                Journal.open(folder / RUN_FILE).release("process")
            layers = sorted((folder / RADAR).glob("*.npy"))
            total += _remove([*left, *layers, folder / REVERSED_FOLDER], dry_run=dry_run)
            if products:
                total += _remove([child for child in folder.iterdir() if child.name != "lock"], dry_run=dry_run)
        if products and not dry_run:
            shutil.rmtree(folder)
    if with_cache:
        total += _remove([cache / "dem", cache / "dem.lock"], dry_run=dry_run)
    click.echo(f"{human_bytes(total)} {'would be' if dry_run else 'were'} removed.")


def _remove(paths: list[Path], *, dry_run: bool) -> int:
    """Remove files and folders, and give their size in bytes."""
    total = 0
    for path in paths:
        if not path.exists():
            continue
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        total += sum(file.stat().st_size for file in files)
        click.echo(f"{'would remove' if dry_run else 'removed'} {path}", err=True)
        if dry_run:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return total
