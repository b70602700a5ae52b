"""topsApp takes the bursts in use and no others; by itself it goes by boxes that reach over the next ones."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from lxml import etree

from dinsar_cli.engines.topsapp.scripts.burstwise import BURSTS, keep_bursts
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.command import Outcome

START = datetime(2023, 9, 4, 6, 37, 31, 79898, UTC).replace(tzinfo=None)  # ISCE2 has no time zones


@pytest.mark.parametrize("tiffs", [0, 4])
def test_bursts_that_are_named_stay_with_what_belongs_to_them(tiffs: int) -> None:
    bursts = [SimpleNamespace(sensingStart=START + timedelta(seconds=2.758277 * n)) for n in range(4)]
    product = SimpleNamespace(bursts=bursts, numberOfBursts=4)
    reader = SimpleNamespace(product=product, _tiffSrc=list("abcd"[:tiffs]), _elevationAngleVsTau=[0, 1, 2, 3])
    wanted = [bursts[n].sensingStart.isoformat(timespec="microseconds") for n in (1, 2)]
    with redirect_stdout(io.StringIO()):
        keep_bursts(reader, wanted, [])
    assert reader.product.bursts == bursts[1:3]
    assert reader.product.numberOfBursts == 2
    assert reader._tiffSrc == list("bc"[: tiffs and 2])
    assert reader._elevationAngleVsTau == [1, 2]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates of three bursts."""
    return simulate(Scenario(bursts=3, terrain=Terrain(margin=0.2)), tmp_path_factory.mktemp("stack") / "new")


@pytest.fixture(scope="module")
def options(stack: SimulatedStack) -> list[object]:
    """Inputs, and an area in the first burst, at the near edge beside the second, whose box meets the area."""
    files = [path for slices in stack.products for path in slices]
    plan = SlcManager(files).plan(None, "auto")
    first, second = (burst.reference.burst.footprint for burst in plan.bursts[:2])
    (lon, lat), (far, _) = second.exterior.coords[:2]
    side = math.copysign(0.01, far - lon)
    west, east = sorted((lon + side, lon + 2 * side))
    # The edge rises by 0.15 degrees a degree to the far side; the box of the second burst reaches as high as that.
    south, north = lat + 0.005, lat + 0.008
    assert first.contains_properly(first.centroid)
    assert second.bounds[3] > north
    inputs = ["--orbits", stack.orbits[0].parent, "--dem", stack.dem, "--dem-datum", "ellipsoid"]
    scenes = [part for path in files for part in ("--slc", path)]
    return [*scenes, *inputs, "--roi", f"{west} {south} {east} {north}", "--engine", "isce2"]


def test_the_file_names_the_bursts_of_both_dates(
    stack: SimulatedStack, options: list[object], dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache")
    made = dinsar("process", *options, *work, "--xml-only")
    assert made.code == 0, made.err
    (file,) = tmp_path.rglob(BURSTS)
    pair = SlcManager([path for slices in stack.products for path in slices]).plan(None, "auto").pair
    burst = pair.common_bursts[0]
    expected = [view.burst.azimuth_time for view in (burst.reference, burst.secondary)]
    assert json.loads(file.read_text()) == [f"{time:%Y-%m-%dT%H:%M:%S.%f}" for time in expected]


@pytest.mark.isce2
def test_one_burst_in_each_of_two_subswaths_is_enough(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """Although topsApp says that there are no burst overlaps and that it cannot continue."""
    scenario = Scenario(swaths=(1, 2), bursts=1, terrain=Terrain(margin=0.2))
    made = simulate(scenario, tmp_path / "scene")
    scenes = [part for slices in made.products for path in slices for part in ("--slc", path)]
    inputs = ("--orbits", made.orbits[0].parent, "--dem", made.dem, "--dem-datum", "ellipsoid", "--engine", "isce2")
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache", "--to", "computeBaselines")
    outcome = dinsar("process", *scenes, *inputs, *work)
    assert outcome.code == 0, outcome.err


@pytest.mark.isce2
def test_topsapp_takes_one_burst(options: list[object], dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """With an edited file it goes by the box of the region that is in it, and takes two of the three."""
    work = ("--workdir", tmp_path, "--cache", tmp_path / "cache")

    def bursts(*more: str) -> list[int]:
        made = dinsar("process", *options, *work, *more, "--to", "preprocess")
        assert made.code == 0, made.err
        files = [next(tmp_path.rglob(f"isce2/{date}/IW1.xml")) for date in ("reference", "secondary")]
        found = [etree.parse(file).xpath("//property[@name='numberofbursts']/value/text()") for file in files]
        return [int(number) for (number,) in found]

    assert bursts() == [1, 1]
    assert bursts("--use-existing-xml", "--from", "preprocess") == [2, 2]
