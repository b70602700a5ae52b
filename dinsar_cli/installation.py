"""How a package that is missing comes into the Python that runs."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires

_EXTRA = re.compile(r"\s*([^;]+?)\s*;\s*extra\s*==\s*['\"]([\w-]+)['\"]\s*")


def install_command(extra: str) -> str:
    """Return the command that installs what an extra of this package needs, by the names of its packages.

    They are those of the installed release, wherever that came from: it need not be on an index.

    Parameters
    ----------
    extra : str
        Its name in ``pyproject.toml``.
    """
    packages = requirements_of(extra)
    if not packages:  # it runs from its sources, and is not installed
        return f"pip install '.[{extra}]' in the folder of the sources of dinsar"
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


def requirements_of(extra: str) -> list[str]:
    """Return the packages of an extra, as pip takes them; none where this package is not installed."""
    try:
        told = requires("dinsar") or []
    except PackageNotFoundError:
        return []
    found = [match for text in told if (match := _EXTRA.fullmatch(text))]
    return [match[1] for match in found if match[2] == extra]
