"""Time and memory of a run for a growing area: ``python tests/benchmarks/engine.py [LOOKS [BURSTS ...]]``.

Speckle over flat ground is written as products of 1, 2, 4 and 8 bursts of 4,000 samples and processed by the
program, each size in a process of its own. For each step: seconds, seconds per million samples of one date, and
peak resident memory. Everything before the unwrapping works by strips: its memory should not grow with the area.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.run_inputs import write_dem, write_orbit
from support.safe_factory import Product, write_safe

SAMPLES = 4000


def product(bursts: int) -> Product:
    """Bursts of the real length and sampling."""
    return Product(
        bursts=bursts,
        lines=1500,
        samples=SAMPLES,
        line_interval=2.0555563e-3,
        range_sampling_rate=64_345_238.0,
        invalid_lines=20,
        invalid_samples=20,
    )


def measure(bursts: int, looks: str, folder: Path) -> dict[str, dict[str, float]]:
    """Process a pair and give seconds and peak memory by step."""
    reference = product(bursts)
    secondary = reference.repeated()
    scenes = [write_safe(one, folder) for one in (reference, secondary)]
    for one in (reference, secondary):
        write_orbit(one, folder / "orbits")
    west, south, east, north = reference.bounds
    dem = folder / "dem.tif"
    write_dem(dem, (west - 0.3, south - 0.3, east + 0.3, north + 0.3), step=1 / 3600)
    command = [sys.executable, "-c", "from dinsar_cli.cli import main; main()", "run", "-q", "--looks", looks]
    command += [option for scene in scenes for option in ("--slc", str(scene))]
    command += ["--orbits", str(folder / "orbits"), "--dem", str(dem), "--dem-datum", "ellipsoid"]
    command += ["--workdir", str(folder), "--cache", str(folder / "cache")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (made,) = folder.glob("T*")
    records = json.loads((made / "radar" / "steps.json").read_text())["stages"]
    stages = json.loads((made / "run.json").read_text())["stages"]
    records |= {name: stages[name] for name in ("dem", "geocode", "displacement", "products")}
    return {
        name: {"seconds": record["seconds"], "peak": record["peak_memory"] / 1e6}
        for name, record in records.items()
    }


def main(looks: str = "7x2", *sizes: str) -> None:
    """Print the table."""
    print(f"{'bursts':>6} {'step':<13} {'seconds':>8} {'s/Mpx':>7} {'peak MB':>8}   ({looks} looks)")
    peaks: dict[int, float] = {}
    for bursts in [int(size) for size in sizes] or [1, 2, 4, 8]:
        with tempfile.TemporaryDirectory() as folder:
            steps = measure(bursts, looks, Path(folder))
        megapixels = bursts * 1500 * SAMPLES / 1e6
        for name, found in steps.items():
            each = found["seconds"] / megapixels
            print(f"{bursts:>6} {name:<13} {found['seconds']:8.2f} {each:7.3f} {found['peak']:8.0f}", flush=True)
        peaks[bursts] = max(steps["form"]["peak"], steps["filter"]["peak"])
    first = min(peaks)
    for bursts, peak in peaks.items():
        print(f"before unwrapping, {bursts} bursts: {peak / peaks[first]:.3f} x the memory of {first}")


if __name__ == "__main__":
    main(*sys.argv[1:])
