"""Bursts fetched in a process of their own, with the test archive as its whole internet; and bursts made up."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from shapely.geometry import box

from dinsar_cli.catalog.bursts import CatalogBurst
from dinsar_cli.catalog.scenes import CatalogScene
from dinsar_cli.catalog.stacks import CatalogAcquisition
from dinsar_cli.sentinel1.bursts.safe import BurstFile
from dinsar_cli.sentinel1.scene import Scene, open_scene
from dinsar_cli.sentinel1.subswath import Subswath
from dinsar_cli.simulate import Scenario, Terrain
from support.archive import Archive
from support.archive.bursts import Burst, metadata
from support.forked import run_code
from support.safe_factory import quietly

EXTRACTOR: Final = "sentinel1-burst.asf.alaska.edu"
SCENARIO: Final = Scenario(
    centre=(-8.85, 31.35),
    swaths=(1, 2),
    bursts=6,
    columns=400,
    slices=2,
    lake=None,
    baselines=(80.0,),
    terrain=Terrain(relief=500.0, margin=0.05),
)

_CHILD = """
import json, logging, sys
from dataclasses import asdict
from pathlib import Path
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
logging.getLogger("asf_search").setLevel(logging.WARNING)
from dinsar_cli.catalog.burst_fetch import fetch_bursts, products_there
from dinsar_cli.catalog.burst_plan import choose_download, plan_bursts
from dinsar_cli.catalog.scenes import Query, search
from dinsar_cli.net.credentials import find_credentials
from dinsar_cli.errors import DinsarError
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.catalog.stacks import group_stacks
wish, told = json.loads(sys.argv[1]), []
try:
    roi = parse_roi(wish["roi"])
    (stack,) = group_stacks(search(Query(roi)).scenes, roi.geometry)
    plan = plan_bursts(stack.acquisitions, roi.geometry, least=wish["least"])
    password = bool(find_credentials().password)
    choice = choose_download(stack.acquisitions, plan, wish["download"], password=password)
    result = {"choice": asdict(choice), "notes": plan.notes, "bytes": plan.bytes}
    result["bursts"] = [[burst.name for burst in one.bursts] for one in plan.passes]
    if choice.way == "bursts":
        folder = Path(wish["folder"])
        result["there"] = [path is not None for path in products_there(plan, folder)]
        keep = lambda now: told.append((now.done, now.total))
        result["products"] = [str(path) for path in fetch_bursts(plan, folder, progress=keep)]
        result["told"] = told
except DinsarError as error:
    result = {"error": type(error).__name__, "code": int(error.exit_code), "text": str(error)}
print(json.dumps(result))
"""


@dataclass(frozen=True)
class Fetched:
    """What came of it: the result of the process, and its log."""

    result: dict[str, Any]
    log: str

    @property
    def products(self) -> list[Path]:
        assert "error" not in self.result, self.result
        return [Path(path) for path in self.result["products"]]


def start(archive: Archive, folder: Path, roi: str) -> subprocess.Popen[str]:
    """Begin to fetch the bursts of a region into ``bursts``."""
    arguments, env = _asked(archive, folder, roi)
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, *arguments],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fetch(archive: Archive, folder: Path, roi: str, **wish: Any) -> Fetched:
    """Fetch the bursts of a region into ``bursts``."""
    code, out, log, _ = run_code(_CHILD, *_asked(archive, folder, roi, **wish))
    assert code == 0, log
    assert "Traceback" not in log
    return Fetched(json.loads(out.splitlines()[-1]), log)


def _asked(
    archive: Archive, folder: Path, roi: str, *, timeout: float = 10.0, **wish: Any
) -> tuple[list[str], dict[str, str]]:
    """Return the arguments of a process and its environment."""
    given = {"roi": roi, "folder": str(folder / "bursts"), "least": 1, "download": "bursts"}
    env = archive.env(folder, DINSAR_NETWORK_TIMEOUT=str(timeout), **wish.pop("env", {}))
    return [json.dumps(given | wish)], env


def as_files(bursts: list[Burst], folder: Path) -> list[BurstFile]:
    """Bursts of the archive as it gives them, on disk."""
    files = []
    for burst in bursts:
        image, document = folder / f"{burst.name}.tiff", folder / f"{burst.scene.name}.xml"
        image.write_bytes(burst.tiff())
        if not document.is_file():
            document.write_bytes(metadata(burst.scene))
        scene, swath, polarization = burst.scene.name, burst.swath, burst.polarization
        files.append(BurstFile(image, document, scene, swath, polarization, burst.index))
    return files


# --- bursts of an archive ----------------------------------------------------------------------------------------


def over_the_seam(archive: Archive, swath: str = "IW1") -> str:
    """Region from the last burst of the first slice to the first of the second: in the middle of both."""
    first, second = (scene.name for scene in sorted(archive.scenes, key=lambda scene: scene.start)[:2])
    ends = [find(archive, first, swath, 2), find(archive, second, swath, 0)]
    (west, south), (east, north) = (
        np.min([middle(end) for end in ends], 0),
        np.max([middle(end) for end in ends], 0),
    )
    return f"{west} {south} {east} {north}"


def find(archive: Archive, scene: str, swath: str, index: int) -> Burst:
    wanted = (scene, swath, index)
    (found,) = (b for b in archive.extractor.bursts if (b.scene.name, b.swath, b.index) == wanted)
    return found


def middle(burst: Burst) -> np.ndarray:
    return np.mean(burst.ring[:-1], axis=0)


def bursts_meeting(archive: Archive, roi: str) -> list[Burst]:
    """Bursts whose outline meets a region: what the archive says itself."""
    area = box(*map(float, roi.split()))
    return [burst for burst in archive.extractor.bursts if box(*_bounds(burst)).intersects(area)]


def _bounds(burst: Burst) -> tuple[float, float, float, float]:
    corners = np.array(burst.ring)
    return (*corners.min(0), *corners.max(0))


@dataclass(frozen=True)
class Delivery:
    """Bursts that came once, and what the service had to send for them."""

    archive: Archive
    folder: Path
    roi: str
    fetched: Fetched
    sent: int
    statuses: dict[str, list[int]]

    @property
    def scenes(self) -> list[Scene]:
        return [open_scene(path) for path in self.fetched.products]


def whole(burst: Burst) -> Subswath:
    assert burst.scene.file is not None
    return open_scene(burst.scene.file).subswath(burst.swath, burst.polarization)


def pixels(subswath: Subswath, index: int) -> np.ndarray:
    lines = subswath.lines_per_burst
    with quietly(), rasterio.open(subswath.measurement) as image:
        data: np.ndarray = image.read(1, window=((index * lines, (index + 1) * lines), (0, subswath.samples)))
    return data


# --- records made up ---------------------------------------------------------------------------------------------

_START = datetime(2023, 9, 4, 6, 37, 30, tzinfo=UTC)
_HEIGHT = 0.2  # degrees: one burst ends where the next begins


def made_up_pass(days: int = 0, size: int = 4_000_000_000, polarization: str = "VV") -> CatalogAcquisition:
    """An acquisition of one scene."""
    start = _START + timedelta(days=days)
    stop = start + timedelta(seconds=27)
    code = {"VV": "SV", "HH": "SH", "VV+VH": "DV"}[polarization]
    span = f"{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}"
    scene = CatalogScene(
        name=f"S1A_IW_SLC__1S{code}_{span}_{50174 + days:06d}_0609E3_5C45",
        platform="S1A",
        start=start,
        stop=stop,
        track=52,
        frame=483,
        absolute_orbit=50174 + days,
        direction="descending",
        polarizations=tuple(polarization.split("+")),
        ring=((0.0, 0.0), (1.0, 0.0), (1.0, 2.0), (0.0, 2.0), (0.0, 0.0)),
        url="https://datapool.asf.alaska.edu/scene.zip",
        bytes=size,
    )
    return CatalogAcquisition((scene,), 1.0)


def made_up_bursts(of: CatalogAcquisition, numbers: list[int], swath: str = "IW1") -> list[CatalogBurst]:
    """Bursts of 140 MB at longitudes 0 to 1, each 0.2 degrees north of the one before; number 10 begins at 0."""
    scene = of.scenes[0]
    bursts = []
    for number in numbers:
        south = (number - 10) * _HEIGHT
        north = south + _HEIGHT
        bursts.append(
            CatalogBurst(
                name=f"S1_{number:06d}_{swath}_{scene.start:%Y%m%dT%H%M%S}_VV_5C45-BURST",
                scene=scene.name,
                swath=swath,
                polarization="VV",
                index=number - 10,
                number=number,
                start=scene.start + timedelta(seconds=2.76 * (number - 10)),
                bytes=140_000_000,
                url="https://sentinel1-burst.asf.alaska.edu/0.tiff",
                metadata_url="https://sentinel1-burst.asf.alaska.edu/0.xml",
                ring=((0.0, south), (1.0, south), (1.0, north), (0.0, north), (0.0, south)),
            )
        )
    return bursts
