"""topsApp played from a recording; ``replay.py`` installs this file as ``topsApp.py``, beside what was recorded.

It needs Python alone. It does in each step what the recorded run did: it prints the lines, leaves the files, leaves
the state in ``PICKLE`` or ends with the code. What the recording did not keep of a file is a hole: zeros, which are
"no data" in every layer of topsApp.

The file ``replay.json``, in the working folder or one above it, can slow it down or stop it in a step:
``{"speed": 20, "topo": "hang", "unwrap": "die"}``. Without a speed the lines come as fast as they can be printed.
"""

from __future__ import annotations

import getopt
import json
import os
import pickle
import re
import signal
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

RECORDING = "recording.json"
SCENES = ("reference", "secondary")
REFUSED = 64  # exit code when something else is asked for than was recorded
_DUMPING = "Dumping the application's pickle object"
_FOLDERS = re.compile(r"/[^']*/")
_ESD = re.compile(r"\besd\b|offset snr threshold")
_CHECKSUM = re.compile(r"(S1[A-D]_IW_SLC__[^'/]*_)[0-9A-F]{4}(?=\.SAFE|\.zip)")


def read_settings(folder):
    """All properties in topsApp.xml and its parts: ``component/name`` to text."""
    found = {}
    for file, component in (("topsApp.xml", "topsinsar"), *((f"{name}.xml", name) for name in SCENES)):
        root = ET.parse(folder / file).getroot()
        top = root if root.get("name") == component else root.find(f"component[@name='{component}']")
        for item in top.findall("property"):
            text = item.findtext("value") or item.text or ""
            found[f"{component}/{item.get('name')}"] = text.strip()
    return found


def comparable(settings):
    """Settings without what changes nothing, or differs from machine to machine.

    That is the folders of files, the checksum at the end of a scene's name (it is of the pixels, whose last bit may
    depend on the processor), and how to estimate the misregistration where it is not estimated.
    """
    names = {name: " ".join(name.split()).lower() for name in settings}
    found = {names[name]: _CHECKSUM.sub(r"\1", _FOLDERS.sub("", text)) for name, text in settings.items()}
    if found.get("topsinsar/do esd") == "False":
        found = {name: text for name, text in found.items() if name == "topsinsar/do esd" or not _ESD.search(name)}
    return found


def places(folder, home, settings):
    """What stands for the parts of a recorded text that differ from machine to machine, the longest first."""
    found = {"@WORK@": str(folder), "@ISCE@": str(home), "@PACKAGES@": str(Path(home).parent)}
    for name in SCENES:
        safe = Path(settings[f"{name}/safe"].strip("[]").strip("'"))
        found[f"@{name.upper()}_SCENE@"] = str(safe)
        found[f"@{name.upper()}_NAME@"] = safe.stem
        found[f"@{name.upper()}_ORBIT@"] = settings[f"{name}/orbit file"]
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def fill(text, where):
    """Put the places of this machine into a recorded text."""
    for token, place in where.items():
        text = text.replace(token, place)
    return text


class Player:
    """A run in the current folder."""

    def __init__(self, unpacked):
        self.unpacked = unpacked
        self.recording = json.loads((unpacked / RECORDING).read_text(encoding="utf-8"))
        self.folder = Path.cwd()
        settings = read_settings(self.folder)
        self.where = places(self.folder, os.environ.get("ISCE_HOME", str(unpacked)), settings)
        self.takes = self.choose(comparable(settings))
        self.orders = read_orders(self.folder)

    def choose(self, wanted):
        """Takes of the settings that are asked for; refuse others, because what they give is not known."""
        takes = self.recording["takes"]
        found = [take for take in takes if take["settings"] == wanted]
        if not found:
            base = takes[0]["settings"]
            names = sorted(name for name in base.keys() | wanted.keys() if base.get(name) != wanted.get(name))
            asked = "; ".join(f"{name} = {wanted.get(name)}, recorded: {base.get(name)}" for name in names)
            print(f"This is a replay, and what is asked for was not recorded: {asked}")
            sys.exit(REFUSED)
        dem, size = self.folder / "dem.wgs84", self.recording["dem_size"]
        if dem.stat().st_size != size:
            print(f"This is a replay, and its DEM was another: {dem.stat().st_size} bytes, recorded: {size}")
            sys.exit(REFUSED)
        return found

    def run(self, start, end):
        """Do the steps, and give the exit code."""
        steps = self.recording["steps"]
        for name in (start, end):
            if name not in steps:
                print(f"ERROR: {name} is not one of the named steps")
                return 1
        first, last = steps.index(start), steps.index(end)
        opening = self.take_of(start)
        self.show(opening, "")
        if first and not opening["missing"] and not self.load(steps[first - 1]):
            return 1
        for step in steps[first : last + 1]:
            take = self.take_of(step)
            self.play(take, step)
            if take["code"] is not None and step == take["ends_in"]:
                return take["code"]
        return 0

    def load(self, step):
        """Read the state of a step as topsApp does; half of one raises.

        Without one the real topsApp says so and fails in the step, with an error that is recorded for topo alone.
        """
        path = Path("PICKLE") / step
        if not (path.is_file() and path.with_name(f"{step}.xml").is_file()):
            print(f"Cannot open {path}")
            return False
        with path.open("rb") as file:
            pickle.load(file)  # noqa: S301 - written by this program
        return True

    def take_of(self, step):
        """The take to play a step from: one that failed, where its circumstance is given, else the good one."""
        for take in self.takes:
            missing = take["missing"]
            if missing and take["start"] == step and not (self.folder / missing).exists():
                return take
        (take,) = [take for take in self.takes if not take["missing"] and not take["killed"]]
        while step not in take["played"] and take["before"]:
            (take,) = [other for other in self.recording["takes"] if other["name"] == take["before"]]
        return take

    def play(self, take, step):
        """Print the lines of a step and leave its files, or stop in the middle if told so."""
        order = self.orders.get(step)
        if order == "hang":
            cut = [other for other in self.takes if other["killed"] and other["ends_in"] == step]
            self.show(cut[0] if cut else take, step, None if cut else 1)
            self.leave(cut[0] if cut else {"files": []}, step)
            while True:
                time.sleep(60)
        lines = [line for line in take["lines"] if line[1] == step]
        dumping = next((n for n, line in enumerate(lines) if line[2].startswith(_DUMPING)), len(lines))
        self.print(lines[:dumping])
        if order == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        self.leave(take, step)
        self.print(lines[dumping:])

    def show(self, take, step, most=None):
        self.print([line for line in take["lines"] if line[1] == step][:most])

    def print(self, lines):
        """Print lines, with their distances in time where a speed is given."""
        speed = self.orders.get("speed")
        for (seconds, _, text), before in zip(lines, [None, *lines], strict=False):
            if speed and before:
                time.sleep((seconds - before[0]) / speed)
            print(fill(text, self.where), flush=True)

    def leave(self, take, step):
        """Write the files of a step; its state comes last."""
        files = [(path, size) for made, path, size in take["files"] if made == step]
        for path, size in sorted(files, key=lambda file: file[0].startswith("PICKLE/")):
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in take["texts"]:
                target.write_text(fill(take["texts"][path], self.where), encoding="utf-8")
            elif path == f"PICKLE/{step}":
                with target.open("wb") as file:
                    pickle.dump({"step": step, "filler": bytes(max(0, size - 64))}, file)
            else:
                self.write_rows(target, size, take, path)

    def write_rows(self, target, size, take, path):
        """Write a file of holes with the rows that were kept."""
        rows = take["rows"].get(path)
        with target.open("wb") as file:
            file.truncate(size)
            if rows is None:
                return
            kept = (self.unpacked / rows["blob"]).read_bytes()
            for number in range(rows["count"]):
                file.seek(rows["offset"] + number * rows["stride"])
                file.write(kept[number * rows["length"] : (number + 1) * rows["length"]])


def read_orders(folder):
    """What ``replay.json`` says, in the folder or the nearest one above it."""
    for place in (folder, *folder.parents):
        if (place / "replay.json").is_file():
            return json.loads((place / "replay.json").read_text(encoding="utf-8"))
    return {}


def main(arguments):
    """Play the steps that are asked for."""
    options, _ = getopt.gnu_getopt(arguments, "s:e:d:", ["start=", "end=", "dostep=", "steps"])
    player = Player(Path(__file__).resolve().parent)
    first, last = player.recording["steps"][0], player.recording["steps"][-1]
    for name, value in options:
        if name in ("--start", "-s", "--dostep", "-d"):
            first = value
        if name in ("--end", "-e", "--dostep", "-d"):
            last = value
    return player.run(first, last)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
