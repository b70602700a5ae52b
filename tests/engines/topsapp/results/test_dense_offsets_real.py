"""Dense offsets of the real topsApp: size and sign against a simulated motion, and a run that was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import read_map
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.settings.steps import EVERY, OFFSETS
from dinsar_cli.radar.offset_field import OffsetField
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import PROGRAM
from support.topsapp.isce2_process import find_isce2
from support.topsapp.workbench import pair_folder, products, work_folder
from support.truth import truth_on

pytestmark = pytest.mark.isce2

LAYERS = ("offset_los", "offset_azimuth", "offset_east_west", "offset_snr")


@dataclass(frozen=True)
class Shear:
    """Ground that moves only horizontally, the more the farther north: so many metres a kilometre.

    Along a line of the image it moves evenly, so that what topsApp's coregistration leaves across the scene (0.02
    samples from its near to its far side, also of ground that stands still) does not look like it.
    """

    east_per_km: float = 0.27
    north_per_km: float = -0.25

    def displacement(self, east: Any, north: Any) -> Any:
        still = np.zeros_like(east + north)
        return still + self.east_per_km * north / 1000, still + self.north_per_km * north / 1000, still


@dataclass(frozen=True)
class Bench:
    """A run on ground that is sheared, killed while the offsets were measured, and the run that went on."""

    isce2: Installation
    stack: SimulatedStack
    workdir: Path

    def command(self, *options: str) -> list[str]:
        scenes = [part for slices in self.stack.products for path in slices for part in ("--slc", str(path))]
        folders = ["--workdir", str(self.workdir), "--cache", str(self.workdir / "cache")]
        inputs = ["--orbits", str(self.stack.orbits[0].parent), "--dem", str(self.stack.dem)]
        rest = ["--dem-datum", "ellipsoid", "--looks", "7x2", "--intermediates", "keep", "--json", "-q"]
        config = self.workdir / "offsets.yaml"
        config.write_text("\n  ".join(["offsets:", "enabled: true", *(options or ("skip: 128x64",))]))
        return [*PROGRAM, "run", str(config), "--engine", "isce2", *scenes, *inputs, *rest, *folders]

    def run(self, *options: str) -> dict[str, Any]:
        done = subprocess.run(self.command(*options), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    @property
    def starts(self) -> list[str]:
        lines = (pair_folder(self.workdir) / "logs" / "00_topsApp.log").read_text().splitlines()
        return [words[1] for line in lines if len(words := line.split()) == 2 and words[1] in EVERY]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    found, reason = find_isce2()
    if found is None:
        pytest.skip(reason)
    stack = simulate(
        Scenario(bursts=1, deformation=Shear(), lake=None), tmp_path_factory.mktemp("sheared") / "pair"
    )
    made = Bench(found, stack, tmp_path_factory.mktemp("offsets"))
    with subprocess.Popen(made.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not any(made.workdir.glob(f"T*/logs/20_{OFFSETS}.log")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    return made


@pytest.fixture(scope="module")
def record(bench: Bench) -> dict[str, Any]:
    return bench.run()


def test_a_killed_run_goes_on_at_the_offsets_and_a_finished_one_does_nothing(
    bench: Bench, record: dict[str, Any]
) -> None:
    assert bench.starts == [*EVERY, OFFSETS]
    before = products(pair_folder(bench.workdir))
    assert {f"{name}.tif" for name in LAYERS} <= set(before)
    again = bench.run()
    assert bench.starts == [*EVERY, OFFSETS]
    assert products(pair_folder(bench.workdir)) == before
    assert again["offsets"] == record["offsets"]


def test_offsets_have_the_size_and_the_sign_of_the_motion(bench: Bench, record: dict[str, Any]) -> None:
    found = {name: read_map(Path(record["products"][name])) for name in LAYERS}
    grid = found["offset_los"]
    with rasterio.open(record["products"]["los_vector"]) as file:
        east, north, _ = file.read()
    true = {name: truth_on(bench.stack.truth, name, grid) for name in ("los_displacement", "east", "north")}
    # the satellite flies at right angles to the line of sight, which it has on its right
    ground = np.hypot(east, north)
    wanted = {
        "offset_los": true["los_displacement"],
        "offset_azimuth": (true["east"] * north - true["north"] * east) / ground,
        "offset_east_west": true["east"],
    }
    heading = np.radians(json.loads(bench.stack.summary.read_text())["heading_deg"])
    assert np.nanmedian(north / ground) == pytest.approx(np.sin(heading), abs=0.01)
    # the noise of a window is 0.016 samples of 2.3 m and 0.02 lines of 13.9 m, and a median of nine has half of it;
    # shifts are found within 0.01 samples and lines, of 1.5 samples and 0.3 lines in all
    noise = {"offset_los": 0.05, "offset_azimuth": 0.25, "offset_east_west": 0.1}
    gains = {"offset_los": 0.03, "offset_azimuth": 0.08, "offset_east_west": 0.03}
    for name, truth in wanted.items():
        known = np.isfinite(found[name].values) & np.isfinite(truth)
        assert known.mean() > 0.25
        gain, offset = np.polyfit(truth[known], found[name].values[known], 1)
        assert np.ptp(truth[known]) > 10 * noise[name]
        assert gain == pytest.approx(1, abs=gains[name]), name
        assert abs(offset) < noise[name]
        error = float(np.std(found[name].values[known] - truth[known]))
        print(
            f"{name}: gain {gain:.4f}, offset {offset:+.4f} m, error {error:.4f} m of {np.ptp(truth[known]):.2f} m"
        )
        assert error < noise[name]


def test_amplitudes_as_topsapp_takes_them_by_itself_draw_shifts_to_whole_samples(
    bench: Bench, record: dict[str, Any], tmp_path: Path
) -> None:
    """Why `ampcor` is run in its place; it may go when this fails."""
    work = tmp_path / "isce2"
    shutil.copytree(work_folder(pair_folder(bench.workdir)), work, symlinks=True)
    done = subprocess.run(
        [
            str(bench.isce2.python),
            str(bench.isce2.program),
            "topsApp.xml",
            f"--start={OFFSETS}",
            f"--end={OFFSETS}",
        ],
        cwd=work,
        env=bench.isce2.environment(os.cpu_count() or 1, work),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    field = OffsetField.load(pair_folder(bench.workdir) / "radar" / "offsets.npz")
    file = IsceFile.open(work / "merged" / "dense_offsets.bil")
    swath = json.loads((pair_folder(bench.workdir) / "radar" / "interferogram.json").read_text())
    assert file.read(1).shape == field.toward.shape
    across = -file.read(2) * 2.3296  # m, toward the satellite
    within = np.isfinite(field.toward) & (file.read(2) > -9999) & (np.abs(field.toward) < 0.7)  # 0.3 samples
    assert within.sum() > 50
    assert swath["looks"] == [7, 2]
    gain = np.polyfit(field.toward[within], across[within], 1)[0]
    assert gain < 0.9


def test_threshold_and_filter_need_no_new_measurement_but_windows_do(bench: Bench, record: dict[str, Any]) -> None:
    before = len(bench.starts)
    snr = OffsetField.load(pair_folder(bench.workdir) / "radar" / "offsets.npz").snr
    strict = bench.run("skip: 128x64", f"snr: {np.median(snr):.0f}", "filter: 1")
    assert bench.starts[before:] == []
    assert 0 < strict["offsets"]["usable"] < record["offsets"]["usable"] == 1
    other = bench.run("window: 64x64", "skip: 256x128", "oversampling: 8")
    assert bench.starts[before:] == [OFFSETS]
    assert other["offsets"]["windows"] != record["offsets"]["windows"]
    steps = json.loads((pair_folder(bench.workdir) / "run.json").read_text())["stages"]["process"]["details"][
        "steps"
    ]
    assert list(steps) == list(EVERY)
    assert steps[OFFSETS]["seconds"] > 0
    assert steps[OFFSETS]["peak_memory"] > 100e6
    assert steps[OFFSETS]["disk"] > 1e6
