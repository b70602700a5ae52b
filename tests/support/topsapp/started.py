"""Steps of topsApp that a run started."""

from __future__ import annotations

from pathlib import Path

from dinsar_cli.engines.topsapp.settings.steps import STEPS


def started(workdir: Path) -> list[str]:
    """Steps in the order in which they were started, over all runs."""
    lines = [
        line.split() for log in workdir.glob("T*/logs/00_topsApp.log") for line in log.read_text().splitlines()
    ]
    return [words[1] for words in lines if len(words) == 2 and words[1] in STEPS]
