"""``dinsar run --engine isce2`` against the recipe: ``python tests/benchmarks/topsapp.py [FOLDER] [--alone]``.

The recipe is topsApp as a person runs it by hand: each step a process of its own, all subswaths that are there, its
own geocoding with the default list of files. Both get the same scenes, orbits and DEM, at 7x2 looks. Printed are
wall times, the time outside topsApp and geocoding, what is left on the disk, and the error against the known truth.
It needs a working ISCE2. Without a simulated FOLDER the default pair of ``dinsar simulate`` is made.
``--alone`` leaves the recipe out, which takes long on wide scenes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.base.disk import disk_use
from dinsar_cli.compare.truth import Statistics, compare
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.results.dem_files import write_isce_dem
from dinsar_cli.simulate import Scenario, simulate
from support.topsapp.isce2_process import find_isce2

PROGRAM = (sys.executable, "-c", "from dinsar_cli.cli import main; main()")
THREADS = 2
STEPS = (
    *("startup", "preprocess", "computeBaselines", "verifyDEM", "topo", "subsetoverlaps", "coarseoffsets"),
    *("coarseresamp", "overlapifg", "prepesd", "esd", "rangecoreg", "fineoffsets", "fineresamp", "ion", "burstifg"),
    *("mergebursts", "filter", "unwrap", "unwrap2stage", "geocode"),
)
TOPSAPP = """<topsApp>
  <component name="topsinsar">
    <property name="sensor name">SENTINEL1</property>
    <property name="swaths">{swaths}</property>
    <property name="demFilename">{dem}</property>
    <property name="range looks">7</property>
    <property name="azimuth looks">2</property>
    <property name="filter strength">0.5</property>
    <property name="do ESD">False</property>
    <property name="do unwrap">True</property>
    <property name="unwrapper name">snaphu_mcf</property>
    <property name="useVirtualFiles">True</property>
    <component name="reference"><catalog>reference.xml</catalog></component>
    <component name="secondary"><catalog>secondary.xml</catalog></component>
  </component>
</topsApp>
"""
SCENE = """<component name="{name}">
  <property name="safe">{safe}</property>
  <property name="polarization">{polarization}</property>
  <property name="orbit file">{orbit}</property>
  <property name="output directory">{name}</property>
</component>
"""


def recipe(installation: Installation, pair: Path, work: Path) -> float:
    """Run all steps, each in a process of its own, and give the seconds."""
    work.mkdir()
    record = json.loads((pair / "truth.json").read_text())
    products = [[str(pair / "slc" / name) for name in slices] for slices in record["products"]]
    polarization = Path(products[0][0]).name.split("_")[4][3].lower() * 2
    dem = write_isce_dem(pair / "dem" / "dem.tif", work)
    started = time.monotonic()
    for name, safe, orbit in zip(("reference", "secondary"), products, orbits(pair, products), strict=True):
        text = SCENE.format(
            name=name, safe=safe, orbit=orbit, polarization={"h": "hh", "v": "vv"}[polarization[-1]]
        )
        (work / f"{name}.xml").write_text(text)
    (work / "topsApp.xml").write_text(TOPSAPP.format(dem=dem, swaths=swaths(pair, products[0][0])))
    environment = installation.environment(THREADS, work)
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):  # a person leaves them as they are
        environment.pop(name, None)
    with (work / "topsApp.out").open("w") as output:
        for step in STEPS:
            command = [str(installation.python), str(installation.program), "topsApp.xml", f"--dostep={step}"]
            subprocess.run(command, cwd=work, env=environment, stdout=output, stderr=output, check=True)
    return time.monotonic() - started


def orbits(pair: Path, products: list[list[str]]) -> list[Path]:
    """Orbit file of each date: the one whose validity contains its start."""
    starts = [Path(slices[0]).name.split("_")[5] for slices in products]
    files = sorted((pair / "orbits").glob("*.EOF"))
    spans = {file: file.stem.partition("_V")[2].split("_") for file in files}
    return [next(file for file, (first, last) in spans.items() if first <= start <= last) for start in starts]


def swaths(pair: Path, product: str) -> list[int]:
    """Subswaths that a product has."""
    import zipfile

    path = Path(product)
    names = (
        zipfile.ZipFile(path).namelist() if path.suffix == ".zip" else [str(file) for file in path.rglob("*.xml")]
    )
    return [number for number in (1, 2, 3) if any(f"-iw{number}-slc" in name for name in names)]


def ours(pair: Path, work: Path) -> float:
    """Run the program and give the seconds."""
    slcs = [part for path in sorted((pair / "slc").iterdir()) for part in ("--slc", str(path))]
    command = [
        *(*PROGRAM, "run", "--engine", "isce2", *slcs, "--orbits", str(pair / "orbits")),
        *("--dem", str(pair / "dem" / "dem.tif"), "--dem-datum", "ellipsoid", "--looks", "7x2", "-q"),
        *("--threads", str(THREADS), "--workdir", str(work), "--cache", str(work / "cache")),
    ]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def geocoded_map(work: Path, target: Path) -> Path:
    """Displacement from the files that topsApp geocoded, and nothing else of its folder."""
    for pattern in ("merged/*.geo*", "reference/*.xml", "secondary/*.xml", "fine_interferogram/*.xml"):
        for file in work.glob(pattern):
            (target / "copy" / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / "copy" / file.parent.name)
    command = [*PROGRAM, "displacement", str(target / "copy"), "--output", str(target / "map"), "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target / "map"


def main() -> None:
    """Measure and print."""
    installation, reason = find_isce2()
    if installation is None:
        sys.exit(reason)
    folders = [name for name in sys.argv[1:] if name != "--alone"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pair = Path(folders[0]).resolve() if folders else simulate(Scenario(), folder / "pair").folder
        seconds = ours(pair, folder / "ours")
        (run,) = (folder / "ours").glob("T*")
        report(seconds, run, pair)
        if "--alone" not in sys.argv:
            against_recipe(seconds, run, pair, recipe(installation, pair, folder / "recipe"), folder)


def report(seconds: float, run: Path, pair: Path) -> None:
    """Print where the time of our run went, and its error."""
    stages = json.loads((run / "run.json").read_text())["stages"]
    steps = stages["process"]["details"]["steps"]
    inside = sum(step["seconds"] for step in steps.values()) + loading(run)
    outside = seconds - inside - stages["geocode"]["seconds"]
    print(f"wall time        {seconds:7.1f} s")
    print(f"  topsApp        {inside:7.1f} s   geocode {stages['geocode']['seconds']:.1f} s")
    print(f"  overhead       {outside:7.1f} s   {outside / seconds:.1%} of the wall time")
    print_error("ours", compare(run, pair).statistics)
    for name, stage in stages.items():
        print(f"  stage {name:<18} {stage['seconds']:7.1f} s")
    for name, step in steps.items():
        print(f"  step {name:<19} {step['seconds']:7.1f} s  {step['peak_memory'] / 1e6:7.0f} MB")


def loading(run: Path) -> float:
    """Seconds from the start of topsApp's process to its first step: it loads itself."""
    lines = (run / "logs" / "00_topsApp.log").read_text().splitlines()
    (start, step) = (n for n, line in enumerate(lines) if " topsApp from " in line or line.endswith(" startup"))
    begin, first = (datetime.fromisoformat(lines[n].split()[0]) for n in (start, step))
    return (first - begin).total_seconds()


def against_recipe(seconds: float, run: Path, pair: Path, by_hand: float, folder: Path) -> None:
    """Print the ratios to what a person gets."""
    found = compare(run, pair).statistics
    hand = compare(geocoded_map(folder / "recipe", folder / "geo"), pair).statistics
    left = disk_use(run), disk_use(folder / "recipe")
    print(f"recipe           {by_hand:7.1f} s   ratio {seconds / by_hand:.3f}")
    print(
        f"disk left        {left[0] / 1e6:7.1f} MB  recipe {left[1] / 1e6:7.1f} MB  ratio {left[0] / left[1]:.3f}"
    )
    print_error("recipe", hand)
    print(f"RMSE ratio       {found.rmse / hand.rmse:7.3f}")


def print_error(name: str, found: Statistics) -> None:
    """Print the error of a map against the truth."""
    print(f"RMSE {name:<11} {found.rmse * 1e3:7.3f} mm  gain {found.gain:.4f}  coverage {found.coverage:.3f}")


if __name__ == "__main__":
    main()
