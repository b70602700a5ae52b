"""Batches of which something is killed at random moments: client, worker, run, scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import psutil

from support.batch import WAIT, SmallBatch, end_group, scheduler, workers_of
from support.faults.tally import Tally, refusal

Kill = Callable[[SmallBatch, subprocess.Popen[bytes], np.random.Generator], str]


def kill_client(_batch: SmallBatch, process: subprocess.Popen[bytes], _random: np.random.Generator) -> str:
    """Kill the command itself, and nothing else: what it started must end by itself."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return ""


def kill_worker(_batch: SmallBatch, process: subprocess.Popen[bytes], random: np.random.Generator) -> str:
    """Kill one worker."""
    return _kill_one(workers_of(process), random)


def kill_run(batch: SmallBatch, _process: subprocess.Popen[bytes], random: np.random.Generator) -> str:
    """Kill a run itself, as the kernel does for want of memory."""
    return _kill_one([one for one in batch.runs() if "supervisor" not in " ".join(one.cmdline())], random)


def _kill_one(found: list[psutil.Process], random: np.random.Generator) -> str:
    if not found:
        return "nothing to kill"
    with suppress(psutil.Error):
        found[int(random.integers(len(found)))].kill()
    return ""


KINDS: dict[str, Kill] = {"client": kill_client, "worker": kill_worker, "run": kill_run}


def kill_in_batch(batch: SmallBatch, kind: str, kills: int, random: np.random.Generator, tally: Tally) -> None:
    """Kill something of one kind so many times while a batch runs, and count what is wrong at the end."""
    done = 0
    process = batch.start("--workers", 2)
    while done < kills:
        if not batch.wait_for_run(process):
            break
        time.sleep(float(random.uniform(0.2, 4.0)))
        if process.poll() is not None:
            break
        wrong = KINDS[kind](batch, process, random)
        done += not wrong
        if process.poll() is not None:
            left = batch.wait_until_quiet()
            tally.count(f"{kind}: nothing outlives the client", f"{left}" if left else "")
            process = batch.start("--workers", 2)
    with suppress(subprocess.TimeoutExpired):
        process.wait(WAIT)
    end_group(process)
    _count_end(batch, kind, done, tally)


def kill_schedulers(batch: SmallBatch, kills: int, random: np.random.Generator, tally: Tally) -> None:
    """Kill the scheduler that a batch uses: the command ends and says so, and goes on with another."""
    for number in range(kills):
        with scheduler(batch.folder / f"dask-{number}", 2) as (address, processes):
            process = batch.start("--cluster", address)
            if batch.wait_for_run(process):
                time.sleep(float(random.uniform(0.2, 4.0)))
            ended = process.poll() is not None
            end_group(processes[0])
            with suppress(subprocess.TimeoutExpired):
                process.wait(90)
            code = process.poll()
            end_group(process)
            told = "The scheduler of the batch is lost." in batch.said
            tally.count(
                "scheduler: told", "" if ended or (code == 5 and told) else f"code {code}: {batch.said[-600:]}"
            )
    with scheduler(batch.folder / "dask-last", 2) as (address, _):
        process = batch.start("--cluster", address)
        with suppress(subprocess.TimeoutExpired):
            process.wait(WAIT)
        end_group(process)
    _count_end(batch, "scheduler", kills, tally)


def _count_end(batch: SmallBatch, kind: str, done: int, tally: Tally) -> None:
    last = batch.run("--workers", 2)
    wrong = refusal(last) or ("" if last.code == 0 else f"code {last.code}: {last.err[-300:]}")
    states = {name: record["state"] for name, record in batch.state.items()}
    for _ in range(done):
        tally.count(f"{kind} killed")
    tally.count(f"{kind}: complete", wrong or ("" if set(states.values()) == {"done"} else f"{states}"))
    left = [str(path) for path in batch.folder.rglob("*.part")]
    tally.count(f"{kind}: nothing half left", str(left) if left else "")
