"""``dinsar batch``."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from dinsar_cli.cli.options import (
    FLAGS,
    cache_option,
    config_options,
    json_option,
    overrides_of,
    telling_options,
    verbose_option,
    workdir_option,
)
from dinsar_cli.cli.parts.common import duration, is_quiet, table, tell_made
from dinsar_cli.cli.parts.screen import logged
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from dinsar_cli.stack.batch.jobs import BatchJob
    from dinsar_cli.stack.batch.share import Share, Wanted
    from dinsar_cli.stack.batch.state import BatchState, JobRecord

_OWN = ("compute.threads", "compute.memory")  # which the workers have
_QUEUE_THREADS = 2  # that a worker in a queue asks for
_MOST_SHOWN = 20
_MOST_WORDS = 100  # letters of what a run is asked for
_LIFE = 60.0  # s between two lines that tell how far it is, without a terminal


@click.command(
    short_help="Many maps: places, events, pairs or months.",
    epilog="""\b
Examples:
  dinsar batch places.csv --engine eos
  dinsar batch events.yaml --dry-run
  dinsar batch places.csv --cluster slurm --workers 8 --cluster-options account=geo
  dinsar batch places.csv --cluster tcp://head:8786""",
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--cluster",
    default="local",
    show_default=True,
    metavar="WHERE",
    help="Where the runs are done: local (this machine), slurm, pbs, lsf, or the address of a scheduler of Dask.",
)
@click.option(
    "--cluster-options",
    "cluster_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="For a queue, by the names of dask-jobqueue: queue, account, walltime, ...; several times for several.",
)
@click.option("--workers", type=int, metavar="N", help="Runs side by side.  [default: what fits]")
@click.option("--threads", metavar="N", help="Processor cores of each.  [default: what fits]")
@click.option("--memory", metavar="SIZE", help="Memory of each, as 8GB.  [default: what fits]")
@click.option(
    "--dry-run", is_flag=True, help="Check the file, show the runs, the workers and the job script, and stop."
)
@config_options(*(key for key in FLAGS if key not in _OWN))
@workdir_option
@cache_option
@json_option
@verbose_option
@telling_options
def batch(
    file: Path,
    cluster: str,
    cluster_options: tuple[str, ...],
    workers: int | None,
    threads: str | None,
    memory: str | None,
    dry_run: bool,
    workdir: Path,
    cache: Path,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> int:
    """Make many displacement maps: a `dinsar run` for each row of a file, several at a time.

    FILE is a CSV whose columns are options of `dinsar run` (name, roi or west,south,east,north, start, end, event,
    reference, secondary, track, looks, ...; any key of the configuration), or YAML with `defaults`, `jobs`, and
    `places` times `events`, `months` or `pairs`. All rows are checked before anything starts. Options given here
    win over the file.

    Each run gets a folder of its name in the working folder. One that fails stops no other; batch.json tells what
    became of each, reports.html shows the maps. After a failure of the network or the engine, or a kill, a run is
    tried again; those that lack memory are tried alone at the end. The same command goes on after anything.

    The exit code is 0 when all are done, else that of the first run in the file that is not.
    """
    from dinsar_cli.stack.batch.cluster import QUEUES, check_dask, check_where
    from dinsar_cli.stack.batch.jobs import read_batch
    from dinsar_cli.stack.batch.share import share_elsewhere, share_machine

    options = _pairs(cluster_options)
    check_where(cluster, options)
    if not dry_run or cluster != "local":
        check_dask(cluster)
    names = {flag.removeprefix("--").replace("-", "_"): key for key, (flag, _) in FLAGS.items()}
    jobs = read_batch(file, overrides_of(flags), names)
    wanted = _wanted(workers, threads, memory)
    todo = _open(jobs, workdir, file)
    if cluster == "local":
        share = share_machine(todo, wanted, cache)
    else:  # workers of a scheduler that is there may have no more than a core for each of their threads
        share = share_elsewhere(todo, wanted, cache, threads=_QUEUE_THREADS if cluster in QUEUES else 1)
    if dry_run:
        _show(jobs, share, cluster, options, workdir, as_json=as_json)
        return 0
    return _run(jobs, share, cluster, options, workdir, cache, file, as_json=as_json, verbose=verbose)


def _open(jobs: Sequence[BatchJob], workdir: Path, file: Path) -> list[BatchJob]:
    """Return the runs that are not done yet."""
    from dinsar_cli.stack.batch.state import BatchState

    return BatchState(workdir, jobs, file).prepare(jobs)


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    found = dict(text.partition("=")[::2] for text in texts)
    wrong = [text for text in texts if not text.partition("=")[0].strip() or "=" not in text]
    if wrong:
        raise UsageError(
            f"--cluster-options {wrong[0]!r} is refused.", "It is KEY=VALUE.", "As: --cluster-options queue=long"
        )
    return {key.strip(): value.strip() for key, value in found.items()}


def _wanted(workers: int | None, threads: str | None, memory: str | None) -> Wanted:
    """Read threads and memory as a configuration has them."""
    from dinsar_cli.config.file import build_config
    from dinsar_cli.stack.batch.share import Wanted

    compute = build_config(None, {"compute.threads": threads, "compute.memory": memory}).compute
    return Wanted(
        workers,
        None if compute.threads == "auto" else compute.threads,
        None if compute.memory == "auto" else compute.memory,
    )


def _run(
    jobs: list[BatchJob],
    share: Share,
    cluster: str,
    options: Mapping[str, str],
    workdir: Path,
    cache: Path,
    file: Path,
    *,
    as_json: bool,
    verbose: int,
) -> int:
    from dinsar_cli.stack.batch.run import Batch

    with (
        logged(workdir, verbose) as log,
        _Screen() as told,
    ):
        log.begin()
        state = Batch(jobs, workdir, cache, file, told).run(cluster, share, options)
    if as_json:
        click.echo(json.dumps(state.to_dict(), indent=2))
    else:
        tell_made(*_result(state))
    return state.exit_code


def _result(state: BatchState) -> list[str]:
    """Tell what became of all runs, in lines."""
    from dinsar_cli.report.page import OVERVIEW

    lines = [", ".join(f"{count} {name}" for name, count in state.counts.items() if count)]
    for record in state.jobs.values():
        if record.state in ("failed", "refused") and record.error:
            lines.append(f"  {record.name}: {record.state}, exit code {record.exit_code}")
            lines += [f"    {record.error[part]}" for part in ("problem", "cause", "remedy")]
    page = state.folder / OVERVIEW
    return lines + [str(path) for path in (state.path, page) if path.is_file()]


def _show(
    jobs: Sequence[BatchJob],
    share: Share,
    cluster: str,
    options: Mapping[str, str],
    workdir: Path,
    *,
    as_json: bool,
) -> None:
    """Show what a batch would do."""
    from dinsar_cli.stack.batch.cluster import QUEUES, job_script

    script = job_script(cluster, share, options, workdir / "logs") if cluster in QUEUES else ""
    if as_json:
        shown: dict[str, Any] = {
            "cluster": cluster,
            "workers": share.workers,
            "threads": share.threads,
            "memory": share.memory,
            "why": share.why,
            "script": script or None,
            "jobs": [{"name": job.name, "config": _given(job)} for job in jobs],
        }
        click.echo(json.dumps(shown, indent=2))
        return
    rows = [("run", "what it is asked for")]
    rows += [(job.name, _told(job)) for job in jobs[:_MOST_SHOWN]]
    for line in table(rows):
        click.echo(line)
    if len(jobs) > _MOST_SHOWN:
        click.echo(f"and {len(jobs) - _MOST_SHOWN} more")
    click.echo(f"{len(jobs)} runs; {share}")
    if script:
        click.echo(script)


def _given(job: BatchJob) -> dict[str, Any]:
    """Return what a configuration has that is not the default, by dotted key."""
    values = job.config.model_dump(mode="json", exclude_defaults=True)
    given: dict[str, Any] = {}
    for name, value in values.items():
        given |= {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    return given


def _told(job: BatchJob) -> str:
    """Tell in a line what a run is asked for: of files their names."""
    words = []
    for key, value in _given(job).items():
        several = value if isinstance(value, list) else [value]
        names = [Path(one).name if isinstance(one, str) and one.startswith("/") else str(one) for one in several]
        words.append(f"{key} {' '.join(names)}")
    return textwrap.shorten(", ".join(words), _MOST_WORDS, placeholder=" ...")


class _Screen:
    """Shows a batch on stderr: a table that lives on a terminal, plain lines otherwise."""

    def __init__(self) -> None:
        self._quiet = is_quiet()
        self._live: Live | None = None
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def note(self, text: str) -> None:
        """Tell a fact."""
        if not self._quiet:
            self._line(text)

    def warn(self, text: str) -> None:
        """Tell a fact that the user should keep in mind."""
        if not self._quiet:
            self._line(f"Warning: {text}", "yellow")

    def ended(self, record: JobRecord) -> None:
        """Tell that a run has ended, or is going to be tried again."""
        took = "" if record.seconds is None else f" ({duration(record.seconds)})"
        if record.state == "done":
            self.note(f"{record.name}: done{took}")
            return
        error = record.error or {}
        what = "is tried again" if record.state == "queued" else record.state
        text = f"{record.name}: {what}: {error.get('problem', '')} {error.get('cause', '')}"
        self._line(text, "yellow" if record.state == "queued" else "red")

    def show(self, counts: Mapping[str, int], running: Sequence[tuple[str, float, str]]) -> None:
        """Show how far the batch is."""
        head = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        if self._live is not None:
            self._live.update(_live_table(head, running))
        elif time.monotonic() - self._told > _LIFE:
            self._told = time.monotonic()
            self.note(f"{head}; now {', '.join(name for name, _, _ in running)}")

    def _line(self, text: str, colour: str | None = None) -> None:
        if self._live is not None:
            self._live.console.print(text, style=colour, highlight=False, markup=False, soft_wrap=True)
        else:
            click.secho(text, fg=colour, err=True)


def _live_table(head: str, running: Sequence[tuple[str, float, str]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=head, title_justify="left", box=None, pad_edge=False)
    for column in ("run", "time", "what it does"):
        shown.add_column(column, no_wrap=True, justify="right" if column == "time" else "left")
    for name, seconds, line in running[:_MOST_SHOWN]:
        shown.add_row(Text(name), duration(seconds), Text(line))
    if len(running) > _MOST_SHOWN:
        shown.add_row(f"and {len(running) - _MOST_SHOWN} more", "", "")
    return shown
