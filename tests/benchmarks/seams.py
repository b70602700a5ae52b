"""Count wrong words on seams: ``python tests/benchmarks/seams.py [NUMBER] [FOLDER]``.

NUMBER (200) right scenes and as many with a step are made for each setting of looks (see
`support.seam_scenes`), and judged as the report judges a map: by what the bursts say in their overlap, and by the
map alone. Told are false alarms and misses, by ground and by size of the step. With FOLDER, whole runs of the
embedded engine follow on simulated pairs with and without an error along the track; they stay there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.report.seams import seams_of, worst
from dinsar_cli.simulate import Atmosphere, Deformation, GaussianBowl, Mogi, Scenario, Still, simulate
from support.command import run_apart
from support.seam_scenes import SeamScene, draw, forget_overlaps, write_scene

SIZES = (0.3, 0.35, 0.4, 0.5, 0.7, 1.0, 3.0)
ERRORS = (0.0, 0.1, 0.3, 1.0)  # m along the track
RUNS: dict[str, Deformation] = {
    "still": Still(),
    "source": Mogi.from_uplift(0.10, 2000.0),
    "bowl": GaussianBowl(peak=-0.10, radius=2500.0),
}


@dataclass(frozen=True)
class Word:
    """Whether a scene was called bad, by the overlap and by the map alone; None where no step could be told."""

    scene: SeamScene
    overlap: bool | None
    alone: bool | None


def _bad(folder: Path) -> bool | None:
    seam = worst(seams_of(folder))
    return None if seam is None else seam.step.excess > 1


def word(number: int, *, defect: bool) -> Word:
    """Judge a scene."""
    scene = draw(number, defect=defect)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scene(folder, scene)
        overlap = _bad(folder)
        forget_overlaps(folder)
        return Word(scene, overlap, _bad(folder))


def _right(number: int) -> Word:
    return word(number, defect=False)


def _wrong(number: int) -> Word:
    return word(number, defect=True)


def tell(right: list[Word], wrong: list[Word], said: Callable[[Word], bool | None]) -> None:
    """Print the rates of a way to judge."""
    known = [one for one in right if said(one) is not None]
    alarms = [one for one in known if said(one)]
    print(f"  false alarms {len(alarms)} of {len(known)}: {len(alarms) / len(known):.1%}", end="  ")
    print(dict(Counter(one.scene.ground for one in alarms)))
    judged = [one for one in wrong if said(one) is not None]
    missed = [one for one in judged if not said(one)]
    print(f"  missed {len(missed)} of {len(judged)}: {len(missed) / len(judged):.1%}", end="  ")
    print(dict(Counter(one.scene.ground for one in missed)))
    for low, high in pairwise(SIZES):
        within = [one for one in judged if low <= abs(one.scene.step) < high]
        print(f"    {low:.2f} to {high:.2f} rad: {sum(not said(one) for one in within)} of {len(within)}")


def campaign(number: int) -> None:
    """Judge scenes at both settings of looks."""
    with ProcessPoolExecutor(2) as pool:
        right = list(pool.map(_right, range(2 * number), chunksize=8))
        wrong = list(pool.map(_wrong, range(2 * number), chunksize=8))
    for looks in ((7, 2), (19, 7)):
        some, others = ([one for one in words if one.scene.looks == looks] for words in (right, wrong))
        for name, said in (("overlap", lambda one: one.overlap), ("map alone", lambda one: one.alone)):
            print(f"{looks[0]} x {looks[1]} looks, {name}")
            tell(some, others, said)


def whole_runs(folder: Path) -> None:
    """Run the embedded engine on pairs with an error along the track, and print what is said of their seams."""
    for name, deformation in RUNS.items():
        for error in ERRORS:
            pair = folder / f"{name}_{error}"
            if not (pair / "truth.json").is_file():
                world = Scenario(deformation=deformation, atmosphere=Atmosphere(), swaths=(1, 2))
                simulate(replace(world, along_track_error=error), pair)
            for looks in ("7x2", "19x7"):
                print(f"{name}, {error} m, {looks}: {said_of(radar_of(pair, looks))}", flush=True)


def radar_of(pair: Path, looks: str) -> Path:
    """Return the folder of the radar layers of a pair."""
    scenes = [option for path in sorted(pair.glob("slc/*.zip")) for option in ("--slc", path)]
    inputs = ["--orbits", pair / "orbits", "--dem", pair / "dem/dem.tif", "--dem-datum", "ellipsoid"]
    folders = ["--workdir", pair / looks, "--cache", pair / "cache"]
    command = ["run", *scenes, *inputs, "--looks", looks, "--engine", "eos", *folders, "--json", "-q"]
    done = run_apart(*command, timeout=1200)
    assert done.code == 0, done.err
    return Path(json.loads(done.out)["folder"]) / "radar"


def said_of(radar: Path) -> str:
    """Tell the worst seam, and the largest step that the map itself shows."""
    seams = seams_of(radar)
    told = worst(seams)
    if told is None:
        return "no step is known"
    seen = max((seam.seen.value for seam in seams), key=abs)
    verdict = "bad" if told.step.excess > 1 else "good"
    metres = f"{told.misregistration or 0:.3f} m along the track"
    return f"{verdict}, {told.step.value:+.3f} +- {told.step.sigma:.3f} rad ({metres}); the map shows {seen:+.2f}"


if __name__ == "__main__":
    campaign(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    if len(sys.argv) > 2:
        whole_runs(Path(sys.argv[2]))
