"""Pairs side by side, and the memory of who hands them out: ``python tests/benchmarks/batch.py [PAIRS [QUEUED]]``.

Small pairs are written. So many of them (8) are made one after the other by ``dinsar run`` with two threads, and
by ``dinsar batch`` with two workers of one thread; the ratio of the times is printed, with the start of Dask in it.
Then so many runs (500) are queued that are refused as soon as they begin, and the memory of the client is printed
as it goes. Both take turns with whatever else the machine does: measure on an idle one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from support.batch import SmallBatch, small_inputs, write_csv
from support.command import run_apart
from support.faults.tally import area
from support.run_inputs import Inputs


def one_after_the_other(inputs: Inputs, folder: Path, pairs: int) -> float:
    """Make the pairs by the command for one, with two threads; give the seconds."""
    started = time.monotonic()
    for number in range(pairs):
        options = inputs.options(looks="4x2", roi=area(inputs), threads=2)
        places = ("--workdir", folder / str(number), "--cache", folder / "cache")
        done = run_apart("run", *options, "--engine", "eos", *places)
        assert done.code == 0, done.err
    return time.monotonic() - started


def side_by_side(inputs: Inputs, folder: Path, pairs: int) -> float:
    """Make the pairs as a batch of two workers; give the seconds."""
    batch = SmallBatch(write_csv(folder / "pairs.csv", inputs, [f"p{n}" for n in range(pairs)]), folder)
    done = batch.run("--workers", 2, "--threads", 1, timeout=3600)
    assert done.code == 0, done.err
    return done.seconds


def memory_of_client(inputs: Inputs, folder: Path, queued: int) -> list[tuple[int, float]]:
    """Queue runs that are refused; give how many had ended, and the megabytes of the client, as it goes."""
    none = inputs.folder / "none.zip"
    none.write_bytes(b"nothing")
    names = [f"p{n:05d}" for n in range(queued)]
    batch = SmallBatch(write_csv(folder / "many.csv", inputs, names, slc=f"{none};{none}"), folder)
    process, seen = batch.start("--workers", 2, "--threads", 1), []
    client = psutil.Process(process.pid)
    while process.poll() is None:
        time.sleep(10)
        try:
            ended = sum(record["state"] == "refused" for record in batch.state.values())
            seen.append((ended, client.memory_info().rss / 1e6))
        except (OSError, psutil.Error):
            continue
    return seen


def main(pairs: int, queued: int) -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = small_inputs(folder / "inputs")
        for part in ("after", "beside", "many"):
            (folder / part).mkdir()
        if pairs:
            after = one_after_the_other(inputs, folder / "after", pairs)
            beside = side_by_side(inputs, folder / "beside", pairs)
            print(
                f"{pairs} pairs: {after:.1f} s one after the other, {beside:.1f} s as a batch: {beside / after:.2f}"
            )
        for ended, size in memory_of_client(inputs, folder / "many", queued) if queued else ():
            print(f"{ended} of {queued} ended: {size:.0f} MB")


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*given, *(8, 500)[len(given) :])
