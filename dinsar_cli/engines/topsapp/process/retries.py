"""What may be tried once after a failure of topsApp, so that a run of hours is not lost over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dinsar_cli.config.model import MAX_LOOKS, Looks
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.topsapp.settings.steps import STEPS, forget_from, next_step

_FACTOR = 2  # by which looks are raised in both directions: a quarter of the cells to unwrap


def cured(cure: str, inputs: EngineInputs, work: Path) -> tuple[EngineInputs, str] | None:
    """Change what a failure may come from.

    Parameters
    ----------
    cure : str
        One of `diagnose.CURES`.
    inputs : EngineInputs
        Of the run that failed.
    work : Path
        Working folder of topsApp.

    Returns
    -------
    inputs : EngineInputs
        With which it may work.
    told : str
        What was changed, in a sentence.
    None instead of both when the cure does not apply, is not allowed, or is not this engine's.
    """
    options = inputs.config.topsapp
    if cure == "step_back":
        return _step_back(inputs, work)
    if inputs.choice.own_files:
        return None  # what topsApp is asked for is in the hands of whoever wrote its files
    if cure == "esd_off" and options.do_esd:
        return _with_options(inputs, do_esd=False), "Enhanced spectral diversity is switched off (topsapp.do_esd)."
    if cure == "gpu_off" and options.use_gpu is not False:
        return _with_options(inputs, use_gpu=False), "The GPU is not used (topsapp.use_gpu)."
    if cure == "more_looks" and inputs.config.unwrap.short_of_memory == "more_looks":
        return _with_more_looks(inputs)
    return None


def _with_options(inputs: EngineInputs, **options: bool) -> EngineInputs:
    topsapp = inputs.config.topsapp.model_copy(update=options)
    return replace(inputs, config=inputs.config.model_copy(update={"topsapp": topsapp}))


def _with_more_looks(inputs: EngineInputs) -> tuple[EngineInputs, str] | None:
    range_looks, azimuth_looks = inputs.looks.range * _FACTOR, inputs.looks.azimuth * _FACTOR
    if max(range_looks, azimuth_looks) > MAX_LOOKS:
        return None
    looks = Looks(range_looks, azimuth_looks)
    work = replace(inputs.work, cells=inputs.work.cells / _FACTOR**2)  # the next runs learn from what this one cost
    return replace(inputs, looks=looks, work=work), f"It has {looks} looks now instead of {inputs.looks}."


def _step_back(inputs: EngineInputs, work: Path) -> tuple[EngineInputs, str] | None:
    """Do the step before the one that failed again: its state, or what it wrote, is not whole."""
    failed = next_step(work)
    if failed is None or failed == STEPS[0]:
        return None
    step = STEPS[STEPS.index(failed) - 1]
    forget_from(work, step)
    return inputs, f"The step {step} is done again."
