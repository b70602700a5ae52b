"""Programs that show files: QGIS, the web browser, or one that the user names."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path

from dinsar_cli.errors import UsageError

# A program that has not ended after this many seconds is taken to work.
_SETTLE_SECONDS = 2.0

# They would take over the terminal, and none of them draws a map.
_TEXT_BROWSERS = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})

# Where the installers of QGIS put it when they leave PATH as it is.
_QGIS_PLACES = {
    "darwin": ("/Applications", "QGIS*.app/Contents/MacOS/QGIS"),
    "win32": (os.environ.get("PROGRAMFILES", r"C:\Program Files"), "QGIS*/bin/qgis*.bat"),
}


def has_display(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Tell whether a window can open where the user sees it: not over a remote shell that forwards no display."""
    if platform in {"darwin", "win32"}:
        return not (environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"))
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def find_qgis() -> str | None:
    """Return the program QGIS, from PATH or else from where its installers put it; None when there is none."""
    found = shutil.which("qgis")
    if found is None and sys.platform in _QGIS_PLACES:
        folder, pattern = _QGIS_PLACES[sys.platform]
        found = max((str(path) for path in Path(folder).glob(pattern)), default=None)
    return found


def find_program(text: str) -> tuple[str, ...]:
    """Return the command that a user names: a program, or a program with its first arguments.

    Raises
    ------
    UsageError
        When there is no such program.
    """
    whole = shutil.which(text)
    if whole is not None:
        return (whole,)
    try:
        name, *arguments = shlex.split(text, posix=os.name == "posix") or [text]
    except ValueError:  # a quote that is not closed
        name, arguments = text, []
    program = shutil.which(name)
    if program is None:
        raise UsageError(
            f"The program {name!r} is not there.",
            "It is neither on PATH nor a file that can be run.",
            "Give another one with --with, or write the page alone with: dinsar view --no-open",
        )
    return (program, *arguments)


def start(command: Sequence[str], files: Sequence[Path]) -> None:
    """Start a program with files, and leave it to itself.

    Parameters
    ----------
    command : sequence of str
        The program and its first arguments.
    files : sequence of Path
        Come after them, absolute.

    Raises
    ------
    UsageError
        When it cannot be started, or fails at once.
    """
    arguments = [*command, *(str(path.resolve()) for path in files)]
    with tempfile.TemporaryFile() as said:
        try:
            code = _ended(arguments, said.fileno())
        except OSError as error:
            raise _failed(command[0], f"It cannot be started: {error.strerror or error}.") from error
        said.seek(0)
        lines = said.read().decode(errors="replace").split("\n")
    if code:
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        raise _failed(command[0], f"It ended with exit code {code} and said: {last}")


def _ended(arguments: Sequence[str], errors: int) -> int | None:
    """Start a program of its own, and give its exit code if it ends soon."""
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,  # it outlives the terminal; Windows has no such thing and lets it live anyway
    )
    try:
        return process.wait(_SETTLE_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _failed(program: str, cause: str) -> UsageError:
    return UsageError(
        f"{program} does not show the products.",
        cause,
        "Give another program with --with, or look at the page: dinsar view --page",
    )


def open_in_browser(page: Path) -> bool:
    """Open a page in the user's web browser; False when there is none with a window."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    name = Path(getattr(browser, "name", "")).name
    return name not in _TEXT_BROWSERS and browser.open(page.resolve().as_uri())
