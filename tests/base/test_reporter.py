"""What a run shows while it works: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from dinsar_cli.cli.parts.common import time_left
from dinsar_cli.cli.parts.screen import ScreenReporter


def test_long_steps_of_a_stage_have_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with ScreenReporter(quiet=False) as reporter:
        reporter.start("process")
        for step, seconds in (("startup", 0.0), ("topo", 1.1), ("esd", 0.0), ("unwrap", 1.2)):
            for share in (0.1, 0.2, 0.3):
                reporter.progress(step, share, 10.0)
            time.sleep(seconds)
        reporter.end("process", 2.4, skipped=False)
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert [line[0] for line in lines] == ["topo", "unwrap", "interferogram"]
    topo, unwrap, whole = (float(line[1]) for line in lines)
    assert (topo >= 1.1, unwrap >= 1.2, whole) == (True, True, 2.4)


def test_stage_of_one_step_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ScreenReporter(quiet=False) as reporter:
        for stage in ("geocode", "displacement"):
            reporter.start(stage)
            reporter.progress("layers", 0.5)
            time.sleep(1.1)
            reporter.end(stage, 1.1, skipped=False)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_quiet_run_has_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with ScreenReporter(quiet=True) as reporter:
        reporter.start("process")
        reporter.progress("topo", 0.1, 5.0)
        time.sleep(1.1)
        reporter.progress("unwrap", 0.5, 3.0)
        reporter.end("process", 1.1, skipped=False)
    assert capsys.readouterr().err == ""


def test_time_left_follows_from_what_is_done() -> None:
    """A step that has gone evenly for some seconds tells when it ends; one that has hardly begun does not."""
    with ScreenReporter(quiet=True) as reporter:
        reporter.start("process")
        reporter.progress("filter", 0.2)
        assert reporter.left(0.4) is None
        time.sleep(3.05)
        assert reporter.left(0.21) is None
        assert reporter.left(0.4) == pytest.approx(3.05 / 0.2 * 0.6, rel=0.1)
        reporter.progress("unwrap", 0.0)
        assert reporter.left(0.4) is None


def test_terminal_shows_step_and_time_left() -> None:
    program = """
import time
from dinsar_cli.cli.parts.screen import ScreenReporter
with ScreenReporter(quiet=False) as reporter:
    reporter.start("process")
    reporter.progress("topo", 0.25, 754.0)
    time.sleep(1.2)
    reporter.progress("unwrap", 0.75)
    time.sleep(0.5)
    reporter.end("process", 1.7, skipped=False)
"""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", program], stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the way in which a terminal ends
            while block := os.read(ours, 4096):
                shown += block
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "interferogram: topo" in text
    assert "13 min left" in text
    assert "interferogram: unwrap" in text
    assert "topo  " not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s left"),
        (89, "89 s left"),
        (90, "2 min left"),
        (754, "13 min left"),
        (9000, "2.5 h left"),
    ],
)
def test_time_left_is_in_fitting_units(seconds: float | None, text: str) -> None:
    assert time_left(seconds) == text
