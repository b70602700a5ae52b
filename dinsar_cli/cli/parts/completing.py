"""Completion of a shell: its script, where the shell looks for it, and what stands for it in the start-up file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

SHELLS: Final = ("bash", "zsh", "fish")
_PROGRAM: Final = "dinsar"
_VARIABLE: Final = "_DINSAR_COMPLETE"
_MARK: Final = "# completion of dinsar"
_LOADERS: Final = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/etc/bash_completion",
)
"""Of bash-completion, which loads completions from the user's folder by itself."""


@dataclass(frozen=True)
class Place:
    """Where a completion belongs.

    Attributes
    ----------
    script : Path
        File of the script.
    startup : Path or None
        File of the shell that must load it; None where the shell finds it by itself.
    line : str
        What stands there.
    """

    script: Path
    startup: Path | None = None
    line: str = ""


def shell_of(environment: Mapping[str, str]) -> str:
    """Return the shell of the user.

    Raises
    ------
    UsageError
        When there is no completion for it.
    """
    name = Path(environment.get("SHELL", "")).name
    if name in SHELLS:
        return name
    raise UsageError(
        f"There is no completion for the shell {name or 'of this terminal'}.",
        "The variable SHELL names another one than bash, zsh and fish." if name else "SHELL is not set.",
        "Name the shell: dinsar completion install bash",
    )


def script_of(shell: str, program: click.Command) -> str:
    """Return the script by which a shell completes the command line of a program."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kinds = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    made = kinds[shell](program, {}, _PROGRAM, _VARIABLE)
    return (made.source_template % made.source_vars()).strip() + "\n"


def place_of(shell: str, environment: Mapping[str, str]) -> Place:
    """Return where the script of a shell belongs, for the user alone."""
    home = Path(environment.get("HOME") or Path.home())
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "fish":
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        return Place(config / "fish" / "completions" / f"{_PROGRAM}.fish")
    if shell == "zsh":
        script = data / "zsh" / "site-functions" / f"_{_PROGRAM}"
        ready = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"
        line = f"{ready}; source {shlex.quote(str(script))}"
        return Place(script, Path(environment.get("ZDOTDIR") or home) / ".zshrc", line)
    folder = Path(environment.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion")
    script = folder / "completions" / _PROGRAM
    if any(Path(loader).exists() for loader in _LOADERS):
        return Place(script)
    return Place(script, home / ".bashrc", f"source {shlex.quote(str(script))}")


def install(place: Place, script: str) -> list[Path]:
    """Write what is not there yet, and return the files that were changed.

    Raises
    ------
    UsageError
        When one cannot be written.
    """
    changed = []
    if _text(place.script) != script:
        make_folder(place.script.parent)
        write_text(place.script, script)
        changed.append(place.script)
    if place.startup is not None and place.line not in (before := _text(place.startup)):
        gap = "" if not before or before.endswith("\n") else "\n"
        with place.startup.open("a", encoding="utf-8") as file:  # it may be a link, and stays one
            file.write(f"{gap}{_MARK}\n{place.line}\n")
        changed.append(place.startup)
    return changed


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


Completer = Callable[["click.Context", "click.Parameter", str], "list[CompletionItem]"]


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the names of files and folders."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_words(words: tuple[str, ...]) -> Completer:
    """Return what completes some words."""

    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in words if word.startswith(incomplete)]

    return complete
