"""The scripts in ``examples/``, as a user starts them: in a shell, with the test archive alone around them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dinsar_cli
from dinsar_cli.config.file import build_config, load_config
from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive
from support.catalog_inputs import ROI, archive_scenes
from support.command import PROGRAM, Outcome
from support.job_inputs import PAIR, QUICK, area

pytest.importorskip("eos")

EXAMPLES = Path(dinsar_cli.__file__).parents[1] / "examples"
PREVIEW = ("--dry-run", "--json", "--engine", "eos")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(columns=500, lake=None, terrain=Terrain(relief=400.0, margin=0.05))
    return simulate(scenario, tmp_path_factory.mktemp("stack") / "new")


@pytest.fixture
def tracks() -> Iterator[Archive]:
    """Six dates of two tracks, in the catalogue alone."""
    with Archive(archive_scenes()) as archive:
        yield archive
    assert archive.errors == []
    assert archive.refused == []


def in_shell(archive: Archive, folder: Path, script: str, *arguments: object) -> Outcome:
    """Run a script that finds ``dinsar`` on its PATH."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "dinsar"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    env = archive.env(folder, **QUICK)
    env |= {"PATH": f"{programs}:{env['PATH']}", "PYTHONPATH": ":".join(sys.path)}
    started = time.monotonic()
    done = subprocess.run(
        [EXAMPLES / script, *map(str, arguments)],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def pairs_in(outcome: Outcome) -> list[str]:
    """Names of the pairs that previews have told."""
    lines = (line.strip() for line in outcome.out.splitlines() if line.startswith('  "pair"'))
    return [line.split('"')[3] for line in lines]


def test_one_pair(stack: SimulatedStack, tmp_path: Path) -> None:
    with Archive.from_simulation(stack.folder) as archive:
        archive.log_in(tmp_path)
        span = ("2023-09-01", "2023-09-30")
        done = in_shell(archive, tmp_path, "one_pair.sh", area(stack, 0.5), *span, "--engine", "eos")
    assert done.code == 0, done.err
    assert list(tmp_path.glob(f"T*_{PAIR}/products/los_displacement.tif"))
    assert "MB fetched" in done.out


@pytest.mark.long
def test_one_pair_per_month(tracks: Archive, tmp_path: Path) -> None:
    """Track 21 was flown on 4, 16 and 28 January, 9 and 21 February, and 5 March: that month has no pair."""
    done = in_shell(tracks, tmp_path, "monthly.sh", ROI, 2023, 21, *PREVIEW)
    assert done.code == 0, done.err
    assert pairs_in(done) == ["T021D_20230104_20230128", "T021D_20230209_20230221"]
    assert next(line for line in done.err.splitlines() if line.endswith(": no pair")) == "2023-03: no pair"


def test_tracks_of_an_event(tracks: Archive, tmp_path: Path) -> None:
    done = in_shell(tracks, tmp_path, "event.sh", ROI, "2023-02-06T01:17:34", 21, 14, "--", *PREVIEW)
    assert done.code == 0, done.err
    assert pairs_in(done) == ["T021D_20230128_20230209", "T014A_20230129_20230210"]


def test_many_places(tracks: Archive, tmp_path: Path) -> None:
    """The second place of the example has no scenes here: it is told, and the third is done all the same."""
    lines = (EXAMPLES / "places.csv").read_text(encoding="utf-8").splitlines()
    places = tmp_path / "places.csv"
    places.write_text("\n".join([*lines, lines[1].replace("kahramanmaras", "again"), ""]), encoding="utf-8")
    done = in_shell(tracks, tmp_path, "places.sh", places, *PREVIEW)
    assert done.code == 1
    assert len(pairs_in(done)) == 2
    assert f"{lines[2].split(',')[0]}: dinsar ended with exit code 3" in done.err


def test_a_run_in_a_file() -> None:
    config = build_config(load_config(EXAMPLES / "dinsar.yaml"), {})
    assert config.event is not None
    assert config.roi == "-8.6 30.9 -8.2 31.2"


def test_a_batch_in_a_file(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    size = ("--workers", 1, "--threads", 1, "--memory", "2GB")
    shown = dinsar("batch", EXAMPLES / "batch.yaml", "--workdir", tmp_path, "--dry-run", "--json", *size)
    assert shown.code == 0, shown.err
    names = [job["name"] for job in json.loads(shown.out)["jobs"]]
    assert len(names) == 1 + 2 * 3 * 2
    assert {"kahramanmaras", "atlas_2023-08_T052", "marrakesh_2023-10_T118"} <= set(names)
