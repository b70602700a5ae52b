"""Hold ``los_sigma`` against the errors of maps of simulated pairs: ``python tests/benchmarks/sigma.py FOLDER``.

Pairs whose coherence falls from north to south, with no motion, a ramp, a bowl and a steep point source, which the
table of the filter's noise does not know, are made into maps at two settings of looks, by each engine that works
here. Told is the standard deviation of error over sigma in bins of true coherence, which is to be 1 within a fifth;
and beside it that with the noise of the phase alone, without what unknown motion along the track adds. Of the two
cases between which that stands, nothing is added to the error over the bowl that moves only vertically, and most
over the point source.

It takes some minutes for an engine. Scenes and runs stay in FOLDER, and are used again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.simulate import Coherence, Deformation, GaussianBowl, Mogi, Ramp, Scenario, Still, simulate
from support.command import run_apart
from support.topsapp.isce2_process import find_isce2

BINS = ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9))
LOOKS = ("7x2", "19x7")
FALLING = Coherence(repeat=1.0, floor=0.0, noise=-25.0, south=0.2)
SCENES: dict[str, Deformation] = {
    "still": Still(),
    "ramp": Ramp(2e-3, 0.0),
    "vertical": GaussianBowl(),
    "source": Mogi.from_uplift(0.15, 1500.0),
    "bowl": GaussianBowl(pull=1900.0),  # sideways at most 0.385 of what it sinks at most, as over a point source
}
SEED = 51


def scene(name: str, folder: Path) -> Path:
    """The folder of a simulated pair."""
    if not (folder / "truth.json").is_file():
        seed = SEED + list(SCENES).index(name)
        scenario = Scenario(deformation=SCENES[name], coherence=FALLING, lake=None, columns=2500, seed=seed)
        simulate(scenario, folder)
    return folder


def products(pair: Path, engine: str, looks: str) -> Path:
    """The folder of the map of a pair."""
    scenes = [option for path in sorted(pair.glob("slc/*.zip")) for option in ("--slc", path)]
    inputs = ["--orbits", pair / "orbits", "--dem", pair / "dem/dem.tif", "--dem-datum", "ellipsoid"]
    folders = ["--workdir", pair / f"{engine}_{looks}", "--cache", pair / "cache"]
    command = ["run", *scenes, *inputs, "--looks", looks, "--engine", engine, *folders, "--json", "-q"]
    done = run_apart(*command, timeout=1200)
    assert done.code == 0, done.err
    return Path(json.loads(done.out)["folder"]) / "products"


def ratios(made: Path, pair: Path) -> list[tuple[float, float, int]]:
    """Standard deviation of error over sigma, and over the noise alone, and the number of cells, in each bin."""
    los, sigma, phase = (
        read_map(made / f"{name}.tif") for name in ("los_displacement", "los_sigma", "phase_sigma")
    )
    truth, coherence = (on_grid(read_map(pair / f"truth/{n}.tif"), los) for n in ("los_displacement", "coherence"))
    noise = phase.values * 0.05546576 / (4 * np.pi)
    error = los.values - truth
    error -= np.nanmedian(error[coherence > 0.7])
    found = []
    for low, high in BINS:
        cells = (coherence > low) & (coherence < high) & np.isfinite(error)
        both = (float(np.std(error[cells] / part[cells])) for part in (sigma.values, noise))
        found.append((*both, int(cells.sum())))
    return found


def main(folder: Path, *names: str) -> None:
    engines = ["eos"] if find_isce2()[0] is None else ["eos", "isce2"]
    for name in names or SCENES:
        pair = scene(name, folder / name)
        for engine in engines:
            for looks in LOOKS:
                found = ratios(products(pair, engine, looks), pair)
                told = "  ".join(f"{sigma:.2f} ({noise:.2f}, {cells})" for sigma, noise, cells in found)
                print(f"{name:<8}{engine:<7}{looks:<6}{told}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
