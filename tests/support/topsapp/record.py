"""Record real runs of topsApp, so that its part can be played where it is not installed.

On a machine with ISCE2 (``ISCE_HOME`` set, or ``topsApp.py`` on PATH), in the repository::

    PYTHONPATH=tests python tests/support/topsapp/record.py tests/support/topsapp/recordings/pair.zip

simulates the pair of ``recording.py`` and runs topsApp on it with the files that the engine writes: the whole run,
the filter and the unwrapping once more with another strength, and runs that fail. It takes about a minute. Do it
again when the pair changes, when the engine asks topsApp for something else (then the replay refuses), and for
another release of ISCE2.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from lxml import etree

from dinsar_cli.config.request import request_of
from dinsar_cli.engines.topsapp.engine import TopsAppEngine
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.errors import EngineError
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.simulate import SimulatedStack, simulate
from support.pair import nothing, pair_config, prepared
from support.topsapp.isce2_process import find_isce2
from support.topsapp.recording import LOOKS, OTHER_STRENGTH, ROI, SCENARIO, STRENGTH, Recording, Rows, Take, pack
from support.topsapp.replay_topsapp import RECORDING, comparable, places, read_settings
from support.topsapp.stand_in import write_isce2

_MARGIN = 4  # look cells around the region
_IMAGE = 20  # look cells on a side of the part of the image that is kept
_KILL_AFTER = 3.0  # s in the step
_OURS = re.compile(r"(topsApp|reference|secondary|topsapp_filter_icu)\.xml|dem\.wgs84.*|settings\.json")
_TEXTS = re.compile(
    r"topsProc\.xml|(merged|geom_reference|reference|secondary|fine_coreg)/.*\.(xml|vrt)|fine_interferogram/IW\d\.xml"
)
_LOOKED = ("filt_topophase.flat", "filt_topophase.unw", "filt_topophase.unw.conncomp", "topophase.cor", "los.rdr")
_WHOLE = ("lat.rdr", "lon.rdr", "z.rdr", "los.rdr")
_IMAGES = ("secondary.slc",)  # that of the reference is read from the scene itself
_RELATIVE = re.compile(r'relativeToVRT="1">(?:\.\./)+[^<]*@(REFERENCE|SECONDARY)_NAME@\.SAFE')  # as GDAL writes it
_ABSOLUTE = re.compile(r"(?<![\w@.])/(?:[\w.+-]+/)+")


@dataclass(frozen=True)
class Window:
    """Lines ``first:last`` and samples ``left:right``."""

    first: int
    last: int
    left: int
    right: int

    def times(self, range_looks: int, azimuth_looks: int) -> Window:
        """The same part of the full resolution."""
        return Window(
            self.first * azimuth_looks, self.last * azimuth_looks, self.left * range_looks, self.right * range_looks
        )

    def middle(self, side: int) -> Window:
        """A square in its middle."""
        line, sample = (self.first + self.last - side) // 2, (self.left + self.right - side) // 2
        return Window(line, line + side, sample, sample + side)

    def moved(self, lines: int, samples: int) -> Window:
        """The same part of a raster that starts elsewhere."""
        return Window(self.first + lines, self.last + lines, self.left + samples, self.right + samples)

    def within(self, other: Window) -> Window:
        """What both have."""
        return Window(
            max(self.first, other.first),
            min(self.last, other.last),
            max(self.left, other.left),
            min(self.right, other.right),
        )


@dataclass(frozen=True)
class Studio:
    """Where the runs are recorded.

    Attributes
    ----------
    installation : Installation
        The real ISCE2.
    stack : SimulatedStack
        Scenes.
    folder : Path
        For the runs.
    """

    installation: Installation
    stack: SimulatedStack
    folder: Path

    def prepare(self, name: str, strength: float = STRENGTH) -> Path:
        """Have the engine write what topsApp reads, and give the folder: its own topsApp here does nothing."""
        empty = self.folder / "empty"
        home = empty / "packages" / "isce"
        if not home.exists():
            write_isce2(empty, STEPS)
            (home / "applications" / "topsApp.py").write_text("raise SystemExit('nothing is done')\n")
        config = pair_config(
            self.stack.folder,
            slc__files=[str(path) for date in self.stack.products for path in date],
            looks=LOOKS,
            roi=" ".join(map(str, ROI)),
            filter__strength=strength,
            isce2__home=str(home),
            isce2__python=sys.executable,
        )
        cache = self.folder / "cache"
        radar = self.folder / name / "radar"
        radar.mkdir(parents=True, exist_ok=True)
        with suppress(EngineError):
            TopsAppEngine().process(prepared(plan_run(request_of(config), cache), cache), radar, nothing)
        (settings,) = (self.folder / name).glob("*/topsApp.xml")
        return settings.parent

    def take(
        self,
        name: str,
        work: Path,
        start: str = STEPS[0],
        *,
        kill_in: str | None = None,
        missing: str | None = None,
        before: str | None = None,
    ) -> Take:
        """Run topsApp from a step on, and note what it says and leaves.

        Parameters
        ----------
        name, missing, before
            As in `Take`.
        work : Path
            Folder with what topsApp reads.
        start : str
            First step.
        kill_in : str, optional
            Step in which it is killed, a few seconds after its start.
        """
        began, step, timer = time.monotonic(), "", None
        lines: list[tuple[float, str, str]] = []
        snapshots = [_snapshot(work)]
        with subprocess.Popen(
            [
                *(str(self.installation.python), str(self.installation.program), "topsApp.xml"),
                *(f"--start={start}", f"--end={STEPS[-1]}"),
            ],
            cwd=work,
            env=self.installation.environment(2, work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            for text in process.stdout:
                now = time.monotonic()
                if text.startswith("Running step "):
                    snapshots.append(_snapshot(work))
                    step = text.removeprefix("Running step ").strip()
                    if step == kill_in:
                        timer = threading.Timer(_KILL_AFTER, os.killpg, (process.pid, signal.SIGKILL))
                        timer.start()
                lines.append((round(now - began, 3), step, text.rstrip("\n")))
            if timer is not None:
                timer.cancel()
            code = process.wait()
        snapshots.append(_snapshot(work))
        settings = read_settings(work)
        where = places(work, self.installation.home, settings)
        sys.stderr.write(f"{name}: code {code} after {now - began:.0f} s in {step}\n")
        steps = [step for step in dict.fromkeys(at for _, at, _ in lines) if step]
        return Take(
            name=name,
            settings=comparable(settings),
            start=start,
            lines=[(seconds, at, hide(text, where)) for seconds, at, text in lines],
            files=_by_step(snapshots, steps),
            code=code or (None if step == STEPS[-1] else 0),
            killed=kill_in is not None,
            missing=missing,
            before=before,
        )


def _snapshot(work: Path) -> dict[str, tuple[int, int]]:
    """Size and time of all files that are topsApp's own."""
    found = {}
    for path in sorted(work.rglob("*")):
        name = path.relative_to(work).as_posix()
        with suppress(FileNotFoundError):  # it removes some
            if path.is_file() and not _OURS.fullmatch(name):
                status = path.stat()
                found[name] = status.st_size, status.st_mtime_ns
    return found


def _by_step(
    snapshots: Sequence[Mapping[str, tuple[int, int]]], steps: Sequence[str]
) -> list[tuple[str, str, int]]:
    """Step, path and size of each file that was made.

    A step ends when its state is written: the lines of the output come too late to tell the end of a short one.
    """

    def changed(name: str, snapshot: Mapping[str, tuple[int, int]]) -> int | None:
        """When a file was written, if it was written in this run."""
        _, time_ns = snapshot.get(name, (0, 0))
        return None if time_ns in (0, snapshots[0].get(name, (0, 0))[1]) else time_ns

    ends = {step: end for step in steps if (end := changed(f"PICKLE/{step}", snapshots[-1]))}
    owners = {f"PICKLE/{step}{suffix}": step for step in steps for suffix in ("", ".xml")}
    found = {}
    for snapshot in snapshots[1:]:
        for name, (size, _) in snapshot.items():
            if time_ns := changed(name, snapshot):
                step = next((step for step, end in ends.items() if time_ns <= end), steps[-1])
                found[owners.get(name, step), name] = size
    return [(step, name, size) for (step, name), size in found.items()]


def hide(text: str, where: Mapping[str, str]) -> str:
    """Put names for the places of this machine; what is left of absolute paths loses its folders."""
    for token, place in where.items():
        text = text.replace(place, token)
    text = _RELATIVE.sub(r'relativeToVRT="0">@\1_SCENE@', text)
    return _ABSOLUTE.sub("/", text)


def find_window(merged: Path) -> tuple[Window, tuple[int, int]]:
    """Look cells that the region needs, and the looks in range and azimuth."""
    looked = IsceFile.open(merged / "filt_topophase.flat")
    west, south, east, north = ROI
    with IsceFile.open(merged / "lat.rdr.full") as first, IsceFile.open(merged / "lon.rdr.full") as second:
        latitude, longitude = first.read(1), second.read(1)
    inside = (west <= longitude) & (longitude <= east) & (south <= latitude) & (latitude <= north)
    azimuth_looks, range_looks = latitude.shape[0] // looked.length, latitude.shape[1] // looked.width
    lines, samples = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    window = Window(
        lines[0] // azimuth_looks - _MARGIN,
        lines[-1] // azimuth_looks + 1 + _MARGIN,
        samples[0] // range_looks - _MARGIN,
        samples[-1] // range_looks + 1 + _MARGIN,
    )
    return Window(*map(int, (window.first, window.last, window.left, window.right))), (range_looks, azimuth_looks)


def keep(
    work: Path, home: Path, take: Take, window: Window, looks: tuple[int, int]
) -> tuple[Take, dict[tuple[str, str], bytes]]:
    """Add to a take what it has of the files that are read; `home` is that of ISCE2."""
    made = {name for _, name, _ in take.files}
    where = places(work, home, read_settings(work))
    texts = {name: hide((work / name).read_text(), where) for name in sorted(made) if _TEXTS.fullmatch(name)}
    parts = {f"merged/{name}": window for name in _LOOKED}
    for name in _WHOLE:
        parts |= dict(_sources(work, name, window.times(*looks)))
    for name in _IMAGES:
        parts |= dict(_sources(work, name, window.middle(_IMAGE).times(*looks)))
    rows, blobs = {}, {}
    for name, part in parts.items():
        if name in made:
            rows[name], blobs[take.name, name] = _cut(work / name, part)
    return replace(take, texts=texts, rows=rows), blobs


def _sources(work: Path, name: str, window: Window) -> Iterator[tuple[str, Window]]:
    """Raw files behind a virtual layer of the full resolution, with the parts of them that show in a window."""
    folder = work / "merged"
    root = etree.parse(folder / f"{name}.full.vrt").getroot()
    sources = root.find("VRTRasterBand").findall("SimpleSource")
    placed = []
    for source in sources:
        virtual = (folder / source.findtext("SourceFilename")).resolve()
        (x, y, width, height), (right, down) = (
            [int(float(source.find(kind).get(key))) for key in keys]
            for kind, keys in (("DstRect", ("xOff", "yOff", "xSize", "ySize")), ("SrcRect", ("xOff", "yOff")))
        )
        placed.append((virtual.with_suffix(""), Window(y, y + height, x, x + width), (down - y, right - x)))
    for number, (raw, shown, shift) in enumerate(placed):
        below = placed[number + 1][1].first if number + 1 < len(placed) else shown.last
        part = window.within(replace(shown, last=min(shown.last, below)))
        if part.first < part.last:
            yield raw.relative_to(work.resolve()).as_posix(), part.moved(*shift)


def _cut(path: Path, window: Window) -> tuple[Rows, bytes]:
    """Pack a part of a raw raster."""
    file = IsceFile.open(path)
    assert file.scheme == "BIL" or file.bands == 1, path
    sample = np.dtype(file.dtype)
    kind = f"<u{sample.itemsize // (2 if sample.kind == 'c' else 1)}"
    whole = np.fromfile(path, sample).reshape(file.length, file.bands, file.width)
    values = whole[window.first : window.last, :, window.left : window.right]
    packed, orders = pack(np.ascontiguousarray(values).view(kind))
    return (
        Rows(
            offset=(window.first * file.bands * file.width + window.left) * sample.itemsize,
            stride=file.width * sample.itemsize,
            lines=values.shape[0],
            bands=file.bands,
            samples=values.shape[2],
            kind=kind,
            orders=orders,
        ),
        packed,
    )


def record(studio: Studio) -> Recording:
    """Make all runs."""
    work, home = studio.prepare("run"), studio.installation.home
    whole = studio.take("whole", work)
    assert whole.code is None, whole.lines[-5:]
    window, looks = find_window(work / "merged")
    sys.stderr.write(f"kept: {window}\n")
    whole, blobs = keep(work, home, whole, window, looks)
    size = (work / "dem.wgs84").stat().st_size
    lost = "merged/filt_topophase.flat"
    (work / lost).unlink()
    failed = studio.take("unwrap without interferogram", work, "unwrap", missing=lost)
    weaker = studio.take("other strength", studio.prepare("run", OTHER_STRENGTH), "filter", before=whole.name)
    assert weaker.code is None, weaker.lines[-5:]
    weaker, more = keep(work, home, weaker, window, looks)
    lone = studio.prepare("other swath")
    settings = lone / "topsApp.xml"
    settings.write_text(settings.read_text().replace(">[1]<", ">[2]<"))
    takes = (
        whole,
        weaker,
        failed,
        studio.take("swath that is not there", lone),
        studio.take("topo without a state", studio.prepare("no state"), "topo", missing="PICKLE/verifyDEM"),
        studio.take("killed in topo", studio.prepare("killed"), kill_in="topo"),
    )
    return Recording(dict(studio.installation.versions), repr(SCENARIO), STEPS, size, takes, blobs | more)


def main() -> None:
    """Record, and see to it that nothing of this machine gets into the file."""
    (output,) = map(Path, sys.argv[1:])
    installation, reason = find_isce2()
    if installation is None:
        sys.exit(f"There is no ISCE2: {reason}")
    if installation.program.with_name(RECORDING).exists():
        sys.exit(f"{installation.home} is a replay, and a recording must be of topsApp itself.")
    with tempfile.TemporaryDirectory(prefix="recorded-") as folder:
        place = Path(folder)
        recording = record(Studio(installation, simulate(SCENARIO, place / "pair"), place))
    for take in recording.takes:
        texts = "\n".join([*(line[2] for line in take.lines), *take.texts.values()])
        for private in (folder, str(Path.home()), socket.gethostname()):
            if private in texts:
                sys.exit(f"The take '{take.name}' tells {private}: have it hidden, too.")
    output.parent.mkdir(exist_ok=True)
    recording.save(output)
    sys.stderr.write(f"{output}: {output.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
