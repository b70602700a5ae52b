"""An installation of ISCE2 whose topsApp plays a recording."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from dinsar_cli.engines.topsapp.process.installation import Installation
from support.topsapp.recording import Recording
from support.topsapp.replay_topsapp import RECORDING
from support.topsapp.stand_in import write_isce2


def write_replay(recording: Recording, folder: Path) -> Installation:
    """Write packages that can be imported, a topsApp, and the unpacked recording beside it.

    Parameters
    ----------
    recording : Recording
    folder : Path
        For the installation.
    """
    home = write_isce2(folder, recording.steps)
    (home.parent / "isce" / "__init__.py").write_text(f"release_version = {recording.versions['version']!r}\n")
    program = home / "applications" / "topsApp.py"
    text = Path(__file__).with_name("replay_topsapp.py").read_text(encoding="utf-8")
    program.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    facts = {
        "steps": recording.steps,
        "dem_size": recording.dem_size,
        "takes": [_unpacked(recording, number, program.parent) for number in range(len(recording.takes))],
    }
    program.with_name(RECORDING).write_text(json.dumps(facts), encoding="utf-8")
    return Installation(home, Path(sys.executable), dict(recording.versions))


def _unpacked(recording: Recording, number: int, folder: Path) -> dict[str, object]:
    """Write the kept samples of a take as they are in the files, and give the rest of it for the player."""
    take = recording.takes[number]
    rows = {}
    for index, (path, kept) in enumerate(take.rows.items()):
        blob = f"{number}-{index}.raw"
        samples = recording.samples(take, path)
        (folder / blob).write_bytes(samples.tobytes())
        count = kept.lines * kept.bands
        length = samples.nbytes // count
        rows[path] = {"blob": blob, "offset": kept.offset, "stride": kept.stride, "count": count, "length": length}
    played = take.played
    return asdict(take) | {"rows": rows, "played": played, "ends_in": played[-1]}
