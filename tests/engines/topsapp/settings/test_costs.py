"""The costs of topsApp where it never ran."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.base import Work
from dinsar_cli.engines.costs import Setting, forecast
from dinsar_cli.engines.topsapp.settings.costs import LAWS, OUTPUTS, laws, left, methods
from dinsar_cli.engines.topsapp.settings.steps import EVERY, OFFSETS, STEPS

SETTING = Setting("isce2", 2)


def work(bursts: int, columns: int, looks: int = 14) -> Work:
    samples = 1507 * columns / 1e6
    return Work(bursts * samples, bursts, samples, bursts * samples / looks, dem=6.0)


def test_there_is_a_law_for_every_step() -> None:
    assert list(LAWS) == [*STEPS, OUTPUTS]
    assert list(laws(TopsappConfig(do_esd=True))) == list(LAWS)


@pytest.mark.parametrize(
    ("bursts", "total"),
    # two cores, 7 x 2 looks, each step its own process (0.4 s): what the steps up to unwrap took of 50 and 139 s
    [(2, 50 - 7 - 18 * 0.4), (6, 139 - 16 - 18 * 0.4)],
)
def test_first_run_is_expected_as_it_was_measured(bursts: int, total: float) -> None:
    by_hand = laws(TopsappConfig(dem_interpolation="biquintic"))
    steps = forecast(None, by_hand, work(bursts, 2500), SETTING)
    assert sum(steps[step].seconds for step in STEPS) == pytest.approx(total, rel=0.15)


def test_bursts_at_a_time_cost_less_time_and_more_memory() -> None:
    """6 bursts of 2,500 columns: 122 s instead of 169 s were seen, and 0.47 GB instead of 0.35 GB to resample."""
    options = TopsappConfig()
    size = work(6, 2500)
    one = forecast(None, laws(TopsappConfig(dem_interpolation="biquintic")), replace(size, at_once=3.8), SETTING)
    two = forecast(None, laws(options, 2), replace(size, at_once=7.6), SETTING)
    seconds = [sum(steps[step].seconds for step in STEPS) for steps in (one, two)]
    assert seconds[1] / seconds[0] == pytest.approx(122 / 169, rel=0.1)
    memory = [steps["fineresamp"].peak_memory for steps in (one, two)]
    assert memory[1] - memory[0] == pytest.approx(120e6, rel=0.2)


def test_esd_takes_its_time() -> None:
    """44 s more were seen for 6 bursts of 2,500 columns: 183 s instead of 139 s."""
    plain, esd = (
        sum(step.seconds for step in forecast(None, laws(options), work(6, 2500), SETTING).values())
        for options in (TopsappConfig(), TopsappConfig(do_esd=True))
    )
    assert esd - plain == pytest.approx(44, rel=0.05)


def test_full_resolution_layers_are_counted() -> None:
    """Bytes of a sample: positions 3 x 8 and angles 2 x 4, then offsets 2 x 4, an SLC 8 and an interferogram 8."""
    size = work(3, 4000)
    disk = {step: cost.disk for step, cost in forecast(None, LAWS, size, SETTING).items()}
    dem = 4 * size.dem * 1e6
    assert disk["topo"] == pytest.approx(dem + 32e6 * size.samples)
    assert disk["fineoffsets"] == pytest.approx(disk["topo"] + 8e6 * size.samples)
    assert disk["fineresamp"] == pytest.approx(disk["fineoffsets"] + 8e6 * size.samples)
    assert disk["burstifg"] >= disk["fineresamp"] + 8e6 * size.samples
    assert sorted(disk.values()) == list(disk.values())


def test_offsets_cost_what_their_windows_do() -> None:
    """570 windows of 128 x 32 in a burst of 2,500 columns took 15 s with two cores; twice the skip is half."""
    one, fewer = (OffsetsConfig(enabled=True, skip=skip) for skip in ("128x32", "256x32"))
    assert list(laws(TopsappConfig(), 1, one)) == [*EVERY, OUTPUTS]
    assert list(laws(TopsappConfig(), 1, OffsetsConfig())) == list(LAWS)
    steps = forecast(None, laws(TopsappConfig(), 1, one), work(1, 2500), SETTING)
    assert steps[OFFSETS].seconds == pytest.approx(15, rel=0.5)
    assert steps[OFFSETS].disk > steps["unwrap"].disk + 14e6 * work(1, 2500).samples  # copies of two images
    less = forecast(None, laws(TopsappConfig(), 1, fewer), work(6, 4000), SETTING)[OFFSETS]
    assert (
        less.seconds < 0.6 * forecast(None, laws(TopsappConfig(), 1, one), work(6, 4000), SETTING)[OFFSETS].seconds
    )
    assert OFFSETS not in methods(TopsappConfig(), 1, OffsetsConfig())
    assert methods(TopsappConfig(), 1, one)[OFFSETS] != methods(TopsappConfig(), 1, fewer)[OFFSETS]


def test_looks_matter_only_after_they_are_taken() -> None:
    fine, coarse = (forecast(None, LAWS, work(3, 4000, looks), SETTING) for looks in (14, 133))
    for step in STEPS[: STEPS.index("mergebursts")]:
        assert fine[step] == coarse[step]
    assert coarse["unwrap"].seconds == pytest.approx(fine["unwrap"].seconds * 14 / 133)


def test_what_is_left() -> None:
    size = work(3, 4000)
    steps = forecast(None, LAWS, size, SETTING)
    kept = left(steps, size)
    assert kept["keep"] == steps[OUTPUTS].disk > 10 * kept["geocoded"]
    # 62 bytes in the layers of each look cell, less what the bursts overlap
    assert 0.85 * 62 * 1e6 * size.cells < kept["geocoded"] <= 62 * 1e6 * size.cells
    assert kept["delete"] == 0


def test_methods_keep_what_is_different_apart() -> None:
    assert methods(TopsappConfig()) == {"unwrap": "snaphu_mcf", "topo": "bicubic"}
    apart = methods(TopsappConfig(), 2)
    assert (apart["topo"], apart["burstifg"]) == ("apart bicubic", "apart")
    both = methods(TopsappConfig(do_esd=True, use_gpu=True))
    assert (both["esd"], both["topo"]) == ("esd", "gpu")
    assert forecast(None, LAWS, work(2, 2500), replace(SETTING, methods=both))["unwrap"].runs == 0
