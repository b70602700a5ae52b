"""Pixels behind real products, and their map: ``python tests/benchmarks/like.py A.SAFE B.SAFE ORBITS [OPTIONS]``.

Options are those of ``dinsar simulate`` (``--swaths 1``, ``--roi ...``). Prints seconds and peak memory of the
simulation, and of the run of each engine that is asked for by ``--engines eos,isce2`` with 7x2 looks; then the map
against the truth, and how much the maps of two engines differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import rasterio

PROGRAM = (sys.executable, "-c", "from dinsar_cli.cli import main; main()")


def measured(printed: Path, *command: object) -> tuple[float, float]:
    """Run a command; give its seconds, and the largest memory of all its processes together (GB)."""
    started, peak = time.monotonic(), 0
    with printed.open("w") as out:
        process = psutil.Popen([*PROGRAM, *map(str, command)], stdout=out)
    while process.poll() is None:
        total = 0
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak = max(peak, total)
        time.sleep(0.2)
    assert process.returncode == 0, command
    return time.monotonic() - started, peak / 1e9


def difference(maps: list[Path]) -> float:
    """Root mean square of the difference of two maps without its median, mm."""
    first, second = (rasterio.open(path).read(1).astype(float) for path in maps)
    apart = first - second
    return float(np.sqrt(np.nanmean((apart - np.nanmedian(apart)) ** 2)) * 1e3)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    for name in ("first", "second", "orbits"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--engines", default="eos")
    parser.add_argument("--roi")
    asked, options = parser.parse_known_args()
    limits = ("--roi", asked.roi) if asked.roi else ()
    with tempfile.TemporaryDirectory(dir=".") as name:
        scene = Path(name) / "scene"
        products = ("--like", asked.first, "--like", asked.second, "--orbits", asked.orbits)
        printed = Path(name) / "printed.txt"
        seconds, memory = measured(printed, "simulate", scene, *products, *limits, *options, "--folders", "--json")
        area = ("--roi", json.loads(printed.read_text())["roi"])
        print(f"simulate  {seconds:8.1f} s  {memory:5.2f} GB", flush=True)
        inputs = ["--orbits", scene / "orbits", "--dem", scene / "dem" / "dem.tif", "--dem-datum", "ellipsoid"]
        scenes = [part for safe in sorted((scene / "slc").iterdir()) for part in ("--slc", safe)]
        maps = []
        for engine in asked.engines.split(","):
            work = ("--workdir", Path(name) / engine, "--cache", Path(name) / "cache", "--looks", "7x2", "-q")
            seconds, memory = measured(printed, "run", *scenes, *inputs, *area, *work, "--engine", engine)
            (folder,) = (Path(name) / engine).glob("T*")
            maps.append(folder / "products" / "los_displacement.tif")
            told = subprocess.run(
                [*PROGRAM, "compare", folder, scene, "--json"], capture_output=True, text=True, check=True
            )
            found = json.loads(told.stdout)
            print(
                f"{engine:<8}  {seconds:8.1f} s  {memory:5.2f} GB  RMSE {found['rmse'] * 1e3:.3f} mm, "
                f"gain {found['gain']:.4f}, coverage {found['coverage']:.3f}",
                flush=True,
            )
        if len(maps) == 2:
            print(f"the maps differ by {difference(maps):.3f} mm (root mean square)")


if __name__ == "__main__":
    main()
