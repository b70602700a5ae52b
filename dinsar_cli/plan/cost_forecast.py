"""What a run will need before it starts: seconds, memory and disk of each stage, and whether that fits here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import disk_use, free_disk, human_bytes
from dinsar_cli.config.model import MAX_LOOKS, Looks
from dinsar_cli.config.sections.checks import ChecksConfig
from dinsar_cli.engines.base import Estimate, Forecast, StepCost, Work
from dinsar_cli.engines.costs import Law, Setting, StepLaws, Term, forecast, note
from dinsar_cli.errors import ResourceError
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.plan.plan import RunPlan, engine_inputs

HISTORY = "step-costs.jsonl"
"""File in the cache: all runs of the machine learn from it."""

_BOTH_ORDERS = "reversed full"  # method of ``geocode``
_CLEARLY = 0.95  # of a need: what is less is clearly less
_STRIPS = Term("map", 260e6, most=210e6)  # working memory of the geocoder

# Beside the engine's steps, with two threads: of simulated pairs with maps of 0.4 to 17 million cells.
# Displacement is made while the last layers are geocoded, where memory has room for both.
_LAWS = {
    "dem": StepLaws(
        Law(0.05, (Term("dem", 0.04),)),
        Law(130e6, (Term("dem", 14e6, most=190e6),)),
        Law(0, (Term("dem", 2.4e6),)),  # float32, deflated
    ),
    "geocode": StepLaws(
        Law(0.1, (Term("map", 2.2),)), Law(370e6, (_STRIPS, Term("map", 120e6))), Law(0, (Term("ground", 28e6),))
    ),
    "displacement": StepLaws(
        Law(0.03, (Term("map", 0.4),)), Law(370e6, (Term("map", 70e6),)), Law(0, (Term("ground", 11e6),))
    ),
    "products": StepLaws(Law(0.7, (Term("map", 0.25),)), Law(500e6, (Term("map", 100e6),)), Law(1.3e6)),
    "report": StepLaws(
        Law(2.5, (Term("map", 0.07),)),
        Law(460e6, (Term("map", 30e6, most=300e6),)),
        Law(1e6, (Term("map", 1e6, most=5e6),)),
    ),
}
_DEM_DISK = Law(0, (Term("dem", 2.4e6),))
_DEM_LAWS = {
    "reused": StepLaws(Law(0.01), Law(125e6), _DEM_DISK),  # it is in the cache
    "fetched": StepLaws(Law(2.0, (Term("dem", 0.2),)), Law(200e6, (Term("dem", 20e6),)), _DEM_DISK),
}


@dataclass(frozen=True)
class Prediction:
    """What a run will need.

    Attributes
    ----------
    stages : dict of Forecast
        By stage, in order. The disk space is what the stage makes, and for ``process`` what the engine has at most.
    engine : Estimate
        Of the stage ``process``, by step.
    left : int
        Bytes in the folder of the pair when all is done and tidied.
    beside : int
        Bytes that the pair in the reversed order has at most, beside what is there already.
    """

    stages: dict[str, Forecast]
    engine: Estimate
    left: int
    beside: int = 0

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return sum(stage.seconds for stage in self.stages.values())

    @property
    def memory(self) -> int:
        """Peak, bytes."""
        return max(stage.peak_memory for stage in self.stages.values())

    @property
    def products(self) -> int:
        """Bytes of the products."""
        return sum(self.stages[name].disk for name in ("geocode", "displacement", "products"))

    @property
    def disk(self) -> int:
        """Bytes in the folder of the pair at most: while the engine works, or when the products are made."""
        return max(self.engine.disk, self.engine.left["keep"] + self.products + self.beside)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": round(self.seconds, 2),
            "peak_memory": self.memory,
            "disk": self.disk,
            "disk_left": self.left,
            "stages": {name: _record(stage) for name, stage in self.stages.items()},
            "steps": {name: _record(step) for name, step in self.engine.steps.items()},
        }


def _record(cost: Forecast) -> dict[str, Any]:
    return asdict(cost) | {"seconds": round(cost.seconds, 3)}


def predict(plan: RunPlan, history: Path) -> Prediction:
    """Predict what a run will need, from earlier runs on this machine.

    Parameters
    ----------
    plan : RunPlan
        The run.
    history : Path
        What steps have cost; it need not exist.
    """
    estimate = plan.engine.estimate(engine_inputs(plan, plan.dem.path, history=history))
    setting = stage_setting(plan.engine.name, plan.threads, plan.dem, plan.config.checks)
    return with_stages(estimate, plan.work, setting, plan.config.output.intermediates, history)


def with_stages(estimate: Estimate, work: Work, setting: Setting, kept: str, history: Path) -> Prediction:
    """Add the stages beside the engine to what the engine will need.

    Parameters
    ----------
    estimate : Estimate
        Of the engine.
    work : Work
        Of the run.
    setting : Setting
        Of the stages, with the method of ``dem``.
    kept : str
        ``output.intermediates``.
    history : Path
        As for `predict`.
    """
    laws = _LAWS | {"dem": _DEM_LAWS.get(setting.methods["dem"], _LAWS["dem"])}
    both = setting.methods.get("geocode") == _BOTH_ORDERS
    # what geocoding by itself costs, to which the engine is added, is learnt from runs in one order
    alike = replace(setting, methods={"dem": setting.methods["dem"]}) if both else setting
    dem, *later = forecast(history, laws, work, alike).items()
    runs = max(estimate.steps.values(), key=lambda step: step.seconds).runs
    process = Forecast(estimate.seconds, estimate.memory, estimate.disk, runs)
    stages = dict([dem, ("process", process), *later])
    products = sum(stage.disk for _, stage in later)
    left = estimate.left[kept] + products
    if not both:
        return Prediction(stages, estimate, left)
    alone = stages["geocode"]
    stages["geocode"] = replace(
        alone,
        seconds=alone.seconds + estimate.seconds,
        peak_memory=max(alone.peak_memory, estimate.memory),
    )
    more = 0 if kept == "delete" else estimate.left[kept]
    return Prediction(stages, estimate, left + more, estimate.disk)


def stage_setting(engine: str, threads: int, dem: DemPlan, checks: ChecksConfig) -> Setting:
    """Tell how the stages beside ``process`` will be done, as it is known before they are.

    Parameters
    ----------
    engine : str
        Its name.
    threads : int
        Cores.
    dem : DemPlan
        The DEM is reused, fetched or made.
    checks : ChecksConfig
        With ``reversed: full`` the engine runs once more while the map is made.
    """
    method = "reused" if dem.path.is_file() else "fetched" if dem.at_hand is None else "made"
    geocode = {} if checks.reversed == "none" else {"geocode": f"reversed {checks.reversed}"}
    return Setting(engine, threads, {"dem": method} | geocode)


def learn(history: Path, stage: str, cost: StepCost, work: Work, setting: Setting) -> None:
    """Add a finished stage to what steps have cost; those of the engine it adds itself.

    Parameters
    ----------
    history : Path
        As for `predict`.
    stage : str
        Its name.
    cost : StepCost
        With the bytes that it has made.
    work : Work
        Of the run.
    setting : Setting
        From `stage_setting`, before the stage.
    """
    if stage in _LAWS and setting.methods.get(stage) != _BOTH_ORDERS:  # of which the engine is most
        note(history, stage, cost, work, setting)


def shortage(plan: RunPlan, prediction: Prediction, folder: Path, history: Path) -> ResourceError | None:
    """Tell why a run cannot fit on this machine; None when it can.

    Parameters
    ----------
    plan, prediction
        The run.
    folder : Path
        Of the pair; what is in it already need not find room again.
    history : Path
        As for `predict`.
    """
    if prediction.memory > plan.memory:
        return ResourceError(
            "There is not enough memory for this run.",
            f"It needs about {human_bytes(prediction.memory)}; {human_bytes(plan.memory)} may be used.",
            f"Choose a smaller area{_or_more_looks(plan, prediction, history, 'memory')}, raise compute.memory, "
            "or try it with --force.",
        )
    free = free_disk(folder)
    needed = prediction.disk - (disk_use(folder) if folder.is_dir() else 0)
    if needed <= free:
        return None
    return ResourceError(
        "There is not enough disk space for the interferogram and its maps.",
        f"They need about {human_bytes(needed)} in {folder.parent}, where {human_bytes(free)} are free.",
        f"Free some space, choose another --workdir, a smaller area"
        f"{_or_more_looks(plan, prediction, history, 'disk')}, or try it with --force.",
    )


def _or_more_looks(plan: RunPlan, prediction: Prediction, history: Path, what: str) -> str:
    """Propose more looks where twice as many in both directions would make a need clearly smaller."""
    grid = plan.config.grid
    part = 0.25 if grid.posting is None and grid.like is None else 1.0
    work = replace(plan.work, cells=plan.work.cells / 4, map=plan.work.map * part, ground=plan.work.ground * part)
    looks = Looks(min(2 * plan.looks.range, MAX_LOOKS), min(2 * plan.looks.azimuth, MAX_LOOKS))
    fewer = predict(replace(plan, looks=looks, work=work), history)
    return " or more looks" if getattr(fewer, what) < _CLEARLY * getattr(prediction, what) else ""
