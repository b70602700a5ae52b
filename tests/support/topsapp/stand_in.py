"""A stand-in for ISCE2: packages that can be imported, and a topsApp that prints its steps and leaves their states.

What it does in a step is read from ``script.json`` in its working folder or the nearest one above it: ``{"topo":
{"sleep": 60}, "unwrap": {"say": "...", "exit": 1, "kill": true}}``. ``shell`` is a command to run with the shell,
``deaf`` ignores the request to end, ``take`` is a number of megabytes of memory and of disk to take. A list is for
one time after the other, and its last item for all that follow. The file ``ran`` gets a line for each step that is
begun.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from support.topsapp.isce2_packages import write_packages

TOPSAPP = """
import json, os, pickle, signal, sys, time
from pathlib import Path

steps = json.loads(Path(__file__).with_name("steps.json").read_text())
options = dict(argument[2:].split("=") for argument in sys.argv[2:])
script = next((json.loads(file.read_text()) for folder in (Path.cwd(), *Path.cwd().parents)
               if (file := folder / "script.json").exists()), {})
Path("PICKLE").mkdir(exist_ok=True)
Path("started").open("a").write(options["start"] + "\\n")
Path("pid").write_text(str(os.getpid()))
print("Step processing")
for step in steps[steps.index(options["start"]) : steps.index(options["end"]) + 1]:
    print(f"Running step {step}", flush=True)
    ran = Path("ran").read_text().split() if Path("ran").exists() else []
    Path("ran").open("a").write(step + "\\n")
    acts = script.get(step, {})
    act = acts[min(ran.count(step), len(acts) - 1)] if isinstance(acts, list) else acts
    print(act.get("say", "working"), flush=True)
    if act.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "take" in act:
        taken = os.urandom(1000) * (1000 * act["take"])
        with open(step, "wb") as file:  # on the disk at once: a file system may allocate later
            file.write(taken)
            os.fsync(file.fileno())
    if "shell" in act:
        os.system(act["shell"])
    time.sleep(act.get("sleep", 0))
    taken = None
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
    write_packages(home, without=() if osgeo else ("osgeo",))
    program = home / "applications" / "topsApp.py"
    program.write_text(f"#!{sys.executable}\n{TOPSAPP}")
    program.chmod(0o755)
    program.with_name("steps.json").write_text(json.dumps(steps))
    return home
