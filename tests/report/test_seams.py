"""Steps at seams: those that are there are told, by the bursts themselves or by the map; deformation is none."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.products.folder import find_products
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE
from dinsar_cli.radar.overlaps import OverlapPhase
from dinsar_cli.report.evidence import gather
from dinsar_cli.report.seams import LIMIT, Seam, Step, seam_step, seams_of, worst
from support.report_inputs import PAIR, burst_step, clean_case, write_run
from support.seam_scenes import draw, forget_overlaps, write_scene

FINE, COARSE = (28.0, 26.0), (98.0, 70.0)  # m of ground from cell to cell at 7 x 2 and 19 x 7 looks
SCENES = 40  # a tenth of the benchmark


def ground(
    spacing: tuple[float, float], height: float = 12e3, width: float = 15e3
) -> tuple[np.ndarray, np.ndarray]:
    """Metres from the seam, and along it."""
    lines, samples = round(height / spacing[0] / 2), round(width / spacing[1])
    return ((np.arange(2 * lines) - lines + 0.5) * spacing[0])[:, None], ((np.arange(samples) + 0.5) * spacing[1])[
        None
    ]


@pytest.mark.parametrize("spacing", [FINE, COARSE])
def test_slope_and_curvature_are_no_step(spacing: tuple[float, float]) -> None:
    """A plane, a parabola and a bowl of 20 rad that is 3 km wide, on its flank, at both settings of looks."""
    x, y = ground(spacing)
    smooth = x / 300 + y / 500 + 2 * (x / 1000) ** 2
    at = len(smooth) // 2
    assert abs(seam_step(smooth, at, spacing).value) < 1e-6
    bowl = 20 * np.exp(-((x - 2500) ** 2 + (y - 7000) ** 2) / (2 * 3000**2))
    for phase in (smooth + bowl, bowl):
        told = seam_step(phase, at, spacing)
        assert abs(told.value) < told.limit


@pytest.mark.parametrize("spacing", [FINE, COARSE])
@pytest.mark.parametrize("size", [0.4, -1.2])
def test_step_is_that_before_the_filter(size: float, spacing: tuple[float, float]) -> None:
    """The filter rounds it off; it is told as it was, within a sixth, beside slopes and noise of 0.4 rad."""
    x, y = ground(spacing)
    phase = x / 3000 + y / 4000 + size * (x > 0)
    noise = np.random.default_rng(2).normal(0, 0.4, phase.shape)
    filtered = goldstein(np.exp(1j * (phase + noise)).astype(np.complex64), 0.5)
    told = seam_step(phase + np.angle(filtered * np.exp(-1j * phase)), len(x) // 2, spacing)
    assert told.value == pytest.approx(size, rel=1 / 6)
    assert told.excess > 1


@pytest.mark.parametrize("spacing", [FINE, COARSE])
def test_step_is_in_metres_of_ground(spacing: tuple[float, float]) -> None:
    """What is 3 km away from the seam does not change its step."""
    x, y = ground(spacing)
    at = len(x) // 2
    phase = np.broadcast_to(x / 2000 + y / 3000, (len(x), y.size))
    cliff = phase + 5.0 * (x > 3000)
    assert seam_step(cliff, at, spacing).value == pytest.approx(seam_step(phase, at, spacing).value, abs=1e-9)


def test_noise_is_in_the_standard_error() -> None:
    """White noise: the error over the standard error has a standard deviation of about 1."""
    rng = np.random.default_rng(1)
    x, y = ground(FINE)
    told = [seam_step(rng.normal(0, 0.6, (len(x), y.size)), len(x) // 2, FINE) for _ in range(60)]
    assert 0.4 < np.std([one.value / one.sigma for one in told]) < 1.3


def test_too_little_ground_tells_nothing() -> None:
    x, y = ground(FINE)
    at, phase = len(x) // 2, np.zeros((len(x), y.size))
    assert math.isnan(seam_step(np.full_like(phase, np.nan), len(x) // 2, FINE).value)
    assert math.isnan(seam_step(phase, 3, FINE).value)
    # a short seam without ground beside it, by which to tell what noise does
    assert math.isnan(seam_step(phase[at - 40 : at + 40, :100], 40, FINE).value)
    half = phase.copy()
    half[: len(x) // 2] = np.nan
    assert math.isnan(seam_step(half, len(x) // 2, FINE).value)


def test_bursts_have_the_last_word() -> None:
    """A step of the map that the bursts do not confirm is deformation; one that they show is one, though hidden."""
    deformation = Seam("burst", Step(2.0, 0.05), OverlapPhase(0.02, 0.01))
    hidden = Seam("burst", Step(0.1, 0.2), OverlapPhase(0.45, 0.01), 0.1)
    doubtful = Seam("burst", Step(0.1, 0.2), OverlapPhase(0.45, 0.2))
    alone = Seam("burst", Step(2.0, 0.05))
    assert [seam.step.excess > 1 for seam in (deformation, hidden, doubtful, alone)] == [False, True, False, True]
    assert worst([deformation, hidden, doubtful]) == hidden
    assert worst([Seam("burst", Step(math.nan, math.nan))]) is None
    assert "0.10\u00a0m along the track" in hidden.told
    assert "map" in alone.told


def test_verdict_is_of_the_bursts(tmp_path: Path) -> None:
    """The map has a step of 1.5 rad; it is deformation if the overlap says so, and how that is known is told."""
    case = clean_case()
    burst_step(case)
    folder = write_run(tmp_path / PAIR, case)

    def verdict() -> tuple[bool | None, str]:
        (pair,), _ = find_products(folder)
        found = next(one for one in gather(pair).verdicts if one.rule.key == "burst_step")
        return found.good, found.warning

    path = folder / "radar" / DESCRIPTION_FILE
    record = json.loads(path.read_text(encoding="utf-8"))
    good, warning = verdict()
    assert good is False
    assert "read from the map" in warning
    still, torn = (
        {"phase": 0.01, "sigma": 0.01},
        {"phase": 0.5, "sigma": 0.01, "doppler": -4500.0, "lines": -0.0086},
    )
    for overlap, expected in ((still, True), (torn, False)):
        told = {"burst_overlaps": [overlap], "swath_overlaps": [still]}
        path.write_text(json.dumps(record | told), encoding="utf-8")
        good, warning = verdict()
        assert good is expected
    assert "0.12\u00a0m along the track" in warning  # 0.0086 lines of 14 m
    for layer in (folder / "radar").glob("*.npy"):  # as output.intermediates removes them
        layer.rename(layer.with_suffix(".kept"))
    assert verdict() == (False, warning)
    path.write_text(json.dumps(record), encoding="utf-8")
    assert verdict()[0] is None
    for layer in (folder / "radar").glob("*.kept"):
        layer.rename(layer.with_suffix(".npy"))
    old = {name: value for name, value in record.items() if not name.endswith("_overlaps")}
    path.write_text(json.dumps(old), encoding="utf-8")  # of an earlier release
    assert verdict()[0] is False


def judged(folder: Path, number: int, *, defect: bool, overlaps: bool = True) -> bool | None:
    """Tell whether a scene is called bad."""
    folder.mkdir()
    write_scene(folder, draw(number, defect=defect))
    if not overlaps:
        forget_overlaps(folder)
    seam = worst(seams_of(folder))
    return None if seam is None else seam.step.excess > 1


def test_right_scenes_are_not_called_bad(tmp_path: Path) -> None:
    alarms = [number for number in range(SCENES) if judged(tmp_path / f"{number}", number, defect=False)]
    assert alarms == []


def test_steps_are_not_missed(tmp_path: Path) -> None:
    """Those up to a tenth above the limit may be, where the standard error asks for more."""
    said = {number: judged(tmp_path / f"{number}", number, defect=True) for number in range(SCENES)}
    missed = [number for number, bad in said.items() if not bad]
    assert all(abs(draw(number, defect=True).step) < 1.1 * LIMIT for number in missed), missed
    assert len(missed) <= 0.05 * SCENES


def test_gap_between_components_is_no_step(tmp_path: Path) -> None:
    """Where the burst after the seam is another component, the cycles between are unknown."""
    scene = replace(draw(0, defect=False), water=0.0)
    write_scene(tmp_path, scene)
    forget_overlaps(tmp_path)
    line = json.loads((tmp_path / DESCRIPTION_FILE).read_text())["burst_seams"][0][0]
    for name, added in (("unwrapped", 2 * np.pi), ("components", 1)):
        values = np.load(tmp_path / f"{name}.npy")
        values[line:] = (values[line:] + added).astype(values.dtype)
        np.save(tmp_path / f"{name}.npy", values)
    assert all(not seam.step.excess > 1 for seam in seams_of(tmp_path))
