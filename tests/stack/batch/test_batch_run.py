"""Batches on workers of this machine, and what one of these does."""

from __future__ import annotations

import json
import re
import shlex
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli.config.file import build_config, dump_commented_yaml
from dinsar_cli.errors import ExitCode, UsageError
from dinsar_cli.stack.batch import cluster as batch_cluster
from dinsar_cli.stack.batch.jobs import BatchJob
from dinsar_cli.stack.batch.run import KILLED, Patience
from dinsar_cli.stack.batch.share import Wanted, share_machine
from dinsar_cli.stack.batch.state import BatchState, JobRecord
from dinsar_cli.stack.batch.work import JOB_FILE, LOG_FILE, Order, carry_out, failure
from support.batch import SmallBatch, rows_of, small_inputs, write_csv
from support.command import Outcome

Dinsar = Callable[..., Outcome]


def order_in(folder: Path, **values: object) -> Order:
    """Write a run into a folder of its own."""
    run = folder / "one"
    run.mkdir()
    (run / JOB_FILE).write_text(dump_commented_yaml(build_config(None, values)), encoding="utf-8")
    return Order("one", str(run), str(folder / "cache"), str(folder / "stop"))


# --- one run ----------------------------------------------------------------------------------------------------


def test_run_that_is_refused_tells_why(tmp_path: Path) -> None:
    damaged = tmp_path / "S1A_IW_SLC__1SDV_20230904T063736_20230904T063803_050174_0609E3_5C45.zip"
    damaged.write_bytes(b"PK no zip")
    told = carry_out(order_in(tmp_path, **{"slc.files": [str(damaged)] * 2}))
    assert told["code"] in (ExitCode.USAGE, ExitCode.NO_DATA)
    assert damaged.name in told["error"]["problem"]
    assert told["error"]["remedy"]


def test_run_of_a_batch_that_was_stopped_does_not_begin(tmp_path: Path) -> None:
    order = order_in(tmp_path)
    Path(order.stop).touch()
    assert carry_out(order)["code"] == ExitCode.INTERRUPTED
    assert not (Path(order.folder) / LOG_FILE).exists()


def test_second_run_in_a_folder_waits_for_the_first(tmp_path: Path) -> None:
    """As when its worker was lost, and another one is asked before the first has ended."""
    fcntl = pytest.importorskip("fcntl")
    order = order_in(tmp_path)
    with (Path(order.folder) / ".turn").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=carry_out, args=(order,))
        waiting.start()
        time.sleep(1.2)
        assert not (Path(order.folder) / LOG_FILE).exists()
        Path(order.stop).touch()
        waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.parametrize(
    ("log", "code", "problem"),
    [
        ("x\nError: A.\n  Why: B.\n  Do:  C.\n  Log: d\n", 2, "A."),
        ("Error: A.\n  Why: B.\n  Do:  C.\nError: D.\n  Why: E.\n  Do:  F.\n", 6, "D."),
        ("half a line", KILLED + 9, "The run was killed."),
        ("", 1, "The run has failed."),
    ],
)
def test_three_sentences_of_a_failure(tmp_path: Path, log: str, code: int, problem: str) -> None:
    (tmp_path / LOG_FILE).write_text(log, encoding="utf-8")
    told = failure(tmp_path / LOG_FILE, code)
    assert told["problem"] == problem
    assert all(told[part].strip() for part in ("problem", "cause", "remedy"))


# --- what is tried again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "tries"),
    [(1, 0), (2, 0), (3, 0), (4, 0), (5, 3), (6, 1), (7, 0), (130, 0), (KILLED + 9, 4), (KILLED + 15, 4)],
)
def test_what_is_tried_again(code: int, tries: int) -> None:
    """Nothing would be different after a refusal; waits grow, and end."""
    waits = Patience().waits(code)
    assert len(waits) == tries
    assert list(waits) == sorted(waits)


def test_exit_code_is_that_of_the_first_failure(tmp_path: Path) -> None:
    jobs = [BatchJob(name, name, build_config(None, {})) for name in "abc"]
    state = BatchState(tmp_path, jobs, tmp_path / "file")
    assert state.exit_code == 0
    state.jobs["b"] = JobRecord("b", "failed", exit_code=5)
    state.jobs["c"] = JobRecord("c", "refused", exit_code=3)
    assert state.exit_code == 5
    state.jobs["a"] = JobRecord("a", "failed", exit_code=KILLED + 9)
    assert state.exit_code == ExitCode.UNEXPECTED


def test_records_of_other_files_are_kept(tmp_path: Path) -> None:
    first = BatchState(tmp_path, [BatchJob("a", "a", build_config(None, {}))], tmp_path / "first")
    first.jobs["a"].state = "done"
    first.save()
    other = BatchState(tmp_path, [BatchJob("b", "b", build_config(None, {}))], tmp_path / "other")
    other.save()
    again = BatchState(tmp_path, [BatchJob("a", "a", build_config(None, {}))], tmp_path / "first")
    assert asdict(again.jobs["a"]) == asdict(first.jobs["a"])


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"schema_version": 9}', '{"schema_version": 1, "jobs": [{}], "others": []}',
        '{"schema_version": 1, "jobs": [{"name": "a", "state": "flying"}], "others": []}',
        '{"schema_version": 1, "jobs": [{"name": "a", "folder": "../b"}], "others": []}',
        '{"schema_version": 1, "jobs": [{"name": "a", "attempts": "x"}], "others": []}',
    ],
)  # fmt: skip
def test_state_that_is_none_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "batch.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="not the record of a batch"):
        BatchState(tmp_path, [BatchJob("a", "a", build_config(None, {}))], tmp_path / "file")
    assert (tmp_path / "batch.json").read_text(encoding="utf-8") == text


# --- workers ----------------------------------------------------------------------------------------------------


def test_share_stays_within_the_machine(tmp_path: Path) -> None:
    """Without a forecast; cores and memory of all workers together are those of one of all."""
    jobs = [BatchJob(f"p{n}", "", build_config(None, {"roi": "1 2 3 4"})) for n in range(3)]
    whole = share_machine(jobs, Wanted(workers=1), tmp_path)
    each = share_machine(jobs, Wanted(memory=whole.memory // 2), tmp_path)
    assert each.workers * each.memory <= whole.memory
    assert each.workers * each.threads <= max(whole.threads, each.workers)
    alone = share_machine(jobs[:1], Wanted(), tmp_path)
    assert (alone.workers, alone.threads, alone.memory) == (1, whole.threads, whole.memory)


def test_remedy_without_dask_is_for_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the interpreter that runs, and just the packages of the extra."""
    monkeypatch.setattr(batch_cluster, "find_spec", lambda _name: None)
    with pytest.raises(UsageError) as caught:
        batch_cluster.check_dask("slurm")
    command = shlex.split(caught.value.remedy.partition(": ")[2])
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    project = Path(dinsar_cli.__file__).parents[1] / "pyproject.toml"
    (extra,) = re.findall(r"^batch = (\[.*\])$", project.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(command[4:]) == sorted(name.partition(">")[0] for name in json.loads(extra))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cluster", "cloud"), "local, slurm, pbs, lsf"),
        (("--cluster-options", "queue=long"), "no meaning with --cluster local"),
        (("--cluster", "slurm", "--cluster-options", "queue"), "KEY=VALUE"),
        (("--workers", "0"), "1 to 1000"),
        (("--workers", "2", "--memory", "900TB"), "fewer --workers"),
        (("--threads", "many"), "compute.threads"),
    ],
)
def test_options_that_are_refused(tmp_path: Path, dinsar: Dinsar, options: tuple[str, ...], words: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,roi,start,end\na,1 2 3 4,2023-01-01,2023-02-01\n", encoding="utf-8")
    outcome = dinsar(
        "batch", file, "--workdir", tmp_path / "work", "--cache", tmp_path / "cache", "--dry-run", *options
    )
    assert outcome.code in (2, 7)
    assert words in " ".join(outcome.error)


@pytest.mark.parametrize("queue", ["slurm", "pbs", "lsf"])
def test_script_of_a_queue(tmp_path: Path, dinsar: Dinsar, queue: str) -> None:
    """Each worker does one run at a time and asks for all of its cores and memory."""
    pytest.importorskip("dask_jobqueue")
    file = tmp_path / "a.csv"
    file.write_text("name,roi,start,end\na,1 2 3 4,2023-01-01,2023-02-01\n", encoding="utf-8")
    places = ("--workdir", tmp_path / "work", "--cache", tmp_path / "cache", "--dry-run")
    size = ("--workers", "3", "--threads", "4", "--memory", "6GB")
    given = [("--cluster-options", text) for text in ("queue=long", "walltime=03:00", "host=127.0.0.1")]
    outcome = dinsar("batch", file, "--cluster", queue, *places, *size, *(word for one in given for word in one))
    assert outcome.code == 0, outcome.err
    expected = {
        "slurm": ("#SBATCH -p long", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=6G", "#SBATCH -t 03:00"),
        "pbs": ("#PBS -q long", "#PBS -l select=1:ncpus=4:mem=6000MB", "#PBS -l walltime=03:00"),
        "lsf": ("#BSUB -q long", "#BSUB -n 4", "#BSUB -M 6000000", "#BSUB -W 03:00"),
    }[queue]
    lines = outcome.out.splitlines()
    assert [line for line in expected if line not in lines] == []
    assert "--nthreads 1 " in outcome.out
    refused = dinsar("batch", file, "--cluster", queue, *places, *size, "--cluster-options", "quue=long")
    assert "quue: unknown" in refused.error[0]
    assert not (tmp_path / "work").exists()


def test_batch_with_failures_goes_on(tmp_path: Path) -> None:
    """One run is refused, one lacks memory also when it is alone, one is done and stays so."""
    pytest.importorskip("eos")
    pytest.importorskip("distributed")
    inputs = small_inputs(tmp_path / "inputs")
    none = inputs.folder / "none.zip"
    none.write_bytes(b"nothing")
    batch = SmallBatch(write_csv(tmp_path / "pairs.csv", inputs, ["good"]), tmp_path)
    good = batch.file.read_text(encoding="utf-8")
    bad = rows_of(inputs, ["bad"], slc=f"{inputs.scenes[0]};{none}")
    short = rows_of(inputs, ["short"], memory="256MB")
    batch.file.write_text("\n".join([good, *short, *bad, ""]), encoding="utf-8")

    first = batch.run("--workers", 2, "--json")
    records = batch.state
    states = {name: (one["state"], one["exit_code"], one["attempts"]) for name, one in records.items()}
    refused = ("refused", records["bad"]["exit_code"], 1)
    assert states == {"good": ("done", 0, 1), "short": ("failed", 7, 2), "bad": refused}, first.err
    assert records["bad"]["exit_code"] in (2, 3)
    assert first.code == 7
    assert json.loads(first.out)["counts"]["done"] == 1
    assert "none.zip" in records["bad"]["error"]["problem"]
    assert records["good"]["figures"]["reference_date"] == f"{inputs.reference.start:%Y-%m-%d}"
    page = (batch.work / "reports.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 1
    assert "none.zip" in page
    (address,) = set(re.findall(r'href="([^"]+)"', page))
    assert (batch.work / address).is_file()

    batch.file.write_text(good, encoding="utf-8")
    again = batch.run("--workers", 2)
    assert again.code == 0, again.err
    assert "1 of 1 runs are done already" in again.err
    assert batch.state["good"] == records["good"]
