"""What a run reads again: ``python tests/benchmarks/opens.py [FOLDER [FORMAT ...]]``.

A small pair is written and processed by the embedded engine in this process, with counters around what reads.
Printed are how often each product GeoTIFF was opened for reading, and from which module; how often each orbit file
was parsed, and an area; and how often the note beside each file was read. Further formats, as ``netcdf``, are
written beside those of every run. With a folder its files stay there.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import rasterio

from dinsar_cli.base import file_notes
from dinsar_cli.cli import main as dinsar
from dinsar_cli.geo import roi
from dinsar_cli.sentinel1 import orbit_file
from support.run_inputs import write_inputs
from support.safe_factory import Product

PAIR = Product(bursts=1, lines=180, samples=360, line_interval=2.0556e-3, range_sampling_rate=64.345e6)

Counts = Counter[tuple[str, str]]


def counted(
    counts: Counts, kind: str, function: Callable[..., Any], name: Callable[..., str]
) -> Callable[..., Any]:
    """Return a function that counts its calls under a kind and a name made from its arguments."""

    def call(*arguments: Any, **options: Any) -> Any:
        counts[kind, name(*arguments, **options)] += 1
        return function(*arguments, **options)

    return call


def caller() -> str:
    """Name the module that called for a raster, without the room."""
    frame = sys._getframe(1)
    while True:
        name = str(frame.f_globals.get("__name__"))
        if name.startswith("dinsar_cli.") and name not in {"dinsar_cli.base.rasters", "dinsar_cli.products.reader"}:
            return name.removeprefix("dinsar_cli.")
        if frame.f_back is None:
            return "another"
        frame = frame.f_back


def count_rasters(counts: Counts) -> None:
    """Count what is opened for reading in a folder of products, by file and by who asks."""
    plain = rasterio.open

    def call(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = Path(str(path))
        if mode == "r" and "products" in file.parts:
            counts["opens", file.name] += 1
            counts["opens by", caller()] += 1
        return plain(path, mode, *arguments, **options)

    rasterio.open = call


def count_calls(counts: Counts) -> None:
    """Count the calls of the readers, under whatever name a module has taken them."""
    readers = (
        ("orbit files parsed", orbit_file.read_orbit_file, lambda path: path.name),
        ("parse_roi", roi.parse_roi, str),
        ("notes read", file_notes.known_of, lambda path, *_: Path(path).name),
    )
    for kind, function, name in readers:
        replacement = counted(counts, kind, function, name)
        for module in [module for key, module in sys.modules.items() if key.startswith("dinsar_cli")]:
            for attribute, value in list(vars(module).items()):
                if value is function:
                    setattr(module, attribute, replacement)


def run(folder: Path, formats: Sequence[str]) -> Counts:
    """Run the program on a small pair; give what was counted."""
    inputs = write_inputs(folder / "inputs", PAIR, dem_step=0.001)
    west, south, east, north = PAIR.bounds
    area = f"{west - 0.01:.4f} {south - 0.01:.4f} {east + 0.01:.4f} {north + 0.01:.4f}"
    config = folder / "formats.yaml"
    config.write_text(json.dumps({"output": {"formats": list(formats)}}), encoding="utf-8")  # JSON is YAML
    places = ["--workdir", str(folder / "work"), "--cache", str(folder / "cache"), "--engine", "eos", "--quiet"]
    counts: Counts = Counter()
    count_rasters(counts)
    count_calls(counts)
    try:
        with redirect_stdout(io.StringIO()):
            dinsar(["run", str(config), *inputs.options(looks="4x2", roi=area), *places])
    except SystemExit as ended:
        if ended.code:
            raise
    return counts


def main(kept: str = "", *formats: str) -> None:
    """Print the counts."""
    with tempfile.TemporaryDirectory() as temporary:
        counts = run(Path(kept or temporary), formats)
    for kind in dict.fromkeys(kind for kind, _ in sorted(counts)):
        found = {name: count for (one, name), count in counts.items() if one == kind}
        print(f"{kind}: {sum(found.values())} of {len(found)}")
        for name, count in sorted(found.items(), key=lambda item: (-item[1], item[0])):
            print(f"  {count:3d}  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
