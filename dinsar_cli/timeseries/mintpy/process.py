"""Running MintPy: its log, its steps, its end with us, and its errors in words."""

from __future__ import annotations

import logging
import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from dinsar_cli.base.processes import supervisor
from dinsar_cli.errors import EngineError, ResourceError
from dinsar_cli.formats.mintpy import CONFIGURATION
from dinsar_cli.timeseries.mintpy.installation import MintPy
from dinsar_cli.timeseries.mintpy.scripts import results

logger = logging.getLogger(__name__)

SILENCE: Final = 1800.0
"""Seconds without any output after which MintPy is taken to wait for something that will not come: it counts its
cells as it goes."""
_LOOK: Final = 1.0  # s
_BLOCK: Final = 1 << 16
_LINE: Final = 200  # bytes, of which a step that is told may be cut in two
_TAIL: Final = 200_000  # bytes of the log that an error is looked for in
_STEP: Final = re.compile(rb"\*{5,} step - (\w+) \*{5,}")
_RAISED: Final = re.compile(r"^([A-Za-z_.]*(?:Error|Exception|Exit|Interrupt|Warning)\b.*)$", re.MULTILINE)
_KNOWN: Final = (
    (
        r"masked OUT area|nan value in some dataset|OUT of data coverage",
        "the cell that it was to make zero has no value in one of the pairs",
        "Make the maps again with a --reference-point on ground that is coherent in all pairs.",
    ),
    (
        r"Not enough reliable pixels",
        "too few cells have a temporal coherence above 0.7",
        "Take a lower bound with --mintpy-option networkInversion.minTempCoh=0.5, or leave the worst dates out.",
    ),
    (
        r"singular design matrix|not fully connected",
        "the pairs do not join all dates",
        "Make pairs that join them: dinsar stack --network sequential:3",
    ),
    (
        r"Unable to (?:synchronously )?(?:create|write|flush)|No space left",
        "it could not write a file",
        "Make room on the disk, and run the same command again.",
    ),
    (
        r"cdsapi|CDS API|Connection|urlopen|HTTPError|Max retries",
        "it asked a server on the network",
        "Leave --mintpy-option troposphericDelay.method out: weather models are downloaded.",
    ),
)


def run_steps(
    mintpy: MintPy,
    folder: Path,
    arguments: Sequence[str],
    log: Path,
    on_step: Callable[[str], None],
    silence: float = SILENCE,
) -> None:
    """Run ``smallbaselineApp.py`` in a folder that has its configuration.

    MintPy and all that it starts end with this call, with an interrupt, and with this process, however that ends.

    Parameters
    ----------
    mintpy : MintPy
    folder : Path
    arguments : sequence of str
        Such as ``--end``, ``velocity``.
    log : Path
        Gets what it prints, after what is there.
    on_step : callable
        Takes the name of each step as it starts.
    silence : float
        Seconds without any output after which it is ended.

    Raises
    ------
    EngineError
        When it fails, or says nothing for long.
    ResourceError
        When it was killed, as the system does where memory is short.
    """
    python = str(mintpy.python)
    asked = [python, "-m", "mintpy.cli.smallbaselineApp", CONFIGURATION, *arguments]
    _run([python, "-I", "-S", supervisor.__file__, *asked], mintpy, folder, log, on_step, silence)


def read_results(mintpy: MintPy, folder: Path, output: Path, log: Path) -> None:
    """Let MintPy's Python write what was found as NumPy files, see `scripts.results`."""
    python = str(mintpy.python)
    asked = [python, results.__file__, str(folder.absolute()), str(output.absolute())]
    _run([python, "-I", "-S", supervisor.__file__, *asked], mintpy, folder, log, lambda _: None, SILENCE)


def _run(
    command: Sequence[str], mintpy: MintPy, folder: Path, log: Path, on_step: Callable[[str], None], silence: float
) -> None:
    logger.info("%s in %s", " ".join(command), folder)
    log = log.absolute()
    with (
        log.open("ab") as file,
        subprocess.Popen(
            command,
            cwd=folder,
            env=mintpy.environment(folder.absolute()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            step = _follow(process, file, on_step, silence, log)
            code = process.wait()
        finally:
            supervisor.end(process)
    if code:
        raise failure(log, step, code)


def _follow(
    process: subprocess.Popen[bytes],
    file: IO[bytes],
    on_step: Callable[[str], None],
    silence: float,
    log: Path,
) -> str:
    """Write the output to the log until it ends, and return the step that it came to."""
    step, rest, heard = "start", b"", time.monotonic()
    stream = process.stdout
    if stream is None:
        return step
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while True:
            if not ready.select(_LOOK):
                if time.monotonic() - heard > silence:
                    raise EngineError(
                        f"MintPy was ended in its step {step}: it had said nothing for {silence:.0f} s.",
                        "It counts what it has done as it goes, so that it waits for something that does not come.",
                        f"Look into its log: {log}",
                    )
                continue
            block = os.read(stream.fileno(), _BLOCK)
            if not block:
                return step
            heard = time.monotonic()
            file.write(block)
            file.flush()
            rest += block
            told = 0
            for found in _STEP.finditer(rest):
                step, told = found[1].decode(), found.end()
                on_step(step)
            rest = rest[told:][-_LINE:]


def failure(log: Path, step: str, code: int) -> EngineError | ResourceError:
    """Return the error for a MintPy that failed, by what its log says last."""
    text = log.read_bytes()[-_TAIL:].decode("utf-8", "replace")
    problem = f"MintPy failed in its step {step}."
    if code in (137, -9) or "MemoryError" in text or "Unable to allocate" in text:
        return ResourceError(
            problem,
            "It was killed, or could not have the memory that it asked for.",
            "Let it take less at a time with --mintpy-option compute.maxMemory=1, or end other programs.",
        )
    raised = _RAISED.findall(text)
    said = raised[-1].strip().rstrip(".") if raised else f"it ended with code {code}"
    for pattern, words, remedy in _KNOWN:
        if re.search(pattern, said):
            return EngineError(problem, f"{words[:1].upper()}{words[1:]} ({said}).", f"{remedy} Its log: {log}")
    return EngineError(problem, f"It says: {said}.", f"All that it said is in its log: {log}")
