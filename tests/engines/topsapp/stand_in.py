"""A stand-in for ISCE2: packages that can be imported, and a topsApp that prints its steps and leaves their states.

What it does in a step is read from ``script.json`` in its working folder: ``{"topo": {"sleep": 60}, "unwrap":
{"say": "...", "exit": 1, "kill": true}}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TOPSAPP = """
import json, os, pickle, signal, sys, time
from pathlib import Path

steps = json.loads(Path(__file__).with_name("steps.json").read_text())
options = dict(argument[2:].split("=") for argument in sys.argv[2:])
script = json.loads(Path("script.json").read_text()) if Path("script.json").exists() else {}
Path("PICKLE").mkdir(exist_ok=True)
Path("started").open("a").write(options["start"] + "\\n")
Path("pid").write_text(str(os.getpid()))
print("Step processing")
for step in steps[steps.index(options["start"]) : steps.index(options["end"]) + 1]:
    print(f"Running step {step}", flush=True)
    act = script.get(step, {})
    print(act.get("say", "working"), flush=True)
    time.sleep(act.get("sleep", 0))
    if act.get("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if "exit" in act:
        sys.exit(act["exit"])
    with open(f"PICKLE/{step}", "wb") as state:
        pickle.dump({"step": step}, state)
    print(f"Dumping the application's pickle object _insar to file  PICKLE/{step}", flush=True)
"""


def write_isce2(folder: Path, steps: tuple[str, ...], *, osgeo: bool = True) -> Path:
    """Write the packages into a folder and give the one that would be ISCE_HOME."""
    home = folder / "packages" / "isce"
    for package, text in {
        "isce": "release_version = '2.6.5'\n",
        "zerodop": "",
        "zerodop/topozero": "",
        "osgeo": "",
    }.items():
        if package == "osgeo" and not osgeo:
            continue
        (home.parent / package).mkdir(parents=True)
        (home.parent / package / "__init__.py").write_text(text)
    (home.parent / "zerodop" / "topozero" / "topozero.py").write_text("")
    if osgeo:
        (home.parent / "osgeo" / "gdal.py").write_text("__version__ = '3.6.2'\n")
    (home / "applications").mkdir()
    program = home / "applications" / "topsApp.py"
    program.write_text(f"#!{sys.executable}\n{TOPSAPP}")
    program.chmod(0o755)
    program.with_name("steps.json").write_text(json.dumps(steps))
    return home
