"""Secrets of a user, looked for in everything that the program writes and says."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from support.archive import Archive, faults
from support.catalog_inputs import FIRST, ROI, run_online, scene
from support.faults.tally import FAULT_OF_THE_PROGRAM, Tally

USER, PASSWORD, TOKEN = "canary-user-4711", "canary pass/wörd&0815", "canary.token.123456789"
_WAYS = {
    "environment": {"EARTHDATA_USERNAME": USER, "EARTHDATA_PASSWORD": PASSWORD},
    "token": {"EARTHDATA_TOKEN": TOKEN},
}
_LOGIN = "urs.earthdata.nasa.gov"


_AREA = ("--roi", ROI, "--start", "2023-01-01", "--end", "2023-01-31")
_COMMANDS: Sequence[Sequence[str]] = (
    *((name, *_AREA) for name in ("search", "pairs", "plan", "init")),
    *((name, *_AREA, "-vv") for name in ("fetch", "run")),
    ("login",), ("doctor",), ("status",), ("clean",), ("report",), ("process",), ("run", "dinsar.yaml"),
)  # fmt: skip


def look_for_secrets(folder: Path, tally: Tally) -> None:
    """Run commands with secrets in the environment, whose login is accepted or refused, and look for them.

    Parameters
    ----------
    folder : Path
        For home, cache and working folders of a user.
    tally : Tally
        Gets what came out.
    """
    for way, env in _WAYS.items():
        for refused in (False, True):
            place = folder / f"{way}-{refused}"
            place.mkdir(parents=True)
            with Archive([scene(), scene(FIRST + timedelta(days=12), unique="EF01")]) as archive:
                if refused:
                    archive.fail(_LOGIN, faults.status(401))
                for command in _COMMANDS:
                    _try(archive, place, command, env, tally)


def _try(archive: Archive, place: Path, command: Sequence[str], env: Mapping[str, str], tally: Tally) -> None:
    outcome = run_online(archive, place, *command, timeout=180, **env)
    said = [form for form in _forms() if form in outcome.out + outcome.err]
    written = [str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and holds(path)]
    broken = "broken" if outcome.code == FAULT_OF_THE_PROGRAM or "Traceback" in outcome.err else ""
    wrong = broken or ("says a secret" if said else "") or ", ".join(written)
    tally.count("commands with secrets", wrong and f"{' '.join(command)[:60]} ({place.name}): {wrong}")


def holds(path: Path) -> bool:
    """Tell whether a file, or one in a zip, has one of the secrets in any form."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            data += b"".join(
                archive.read(name) for name in archive.namelist() if archive.getinfo(name).file_size < 1e7
            )
    return any(form.encode() in data for form in _forms())


def _forms() -> list[str]:
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), TOKEN, pair]
