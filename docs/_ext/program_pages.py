"""Parts of pages that are made of the program's own tables when the site is built.

A page has the comment ``<!-- from the program: NAME -->`` where one stands, which readers of the page do not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

import program_commands
import program_tables

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARK: Final = re.compile(r"^<!-- from the program: ([\w ]+) -->$", re.MULTILINE)
PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "configuration": program_tables.configuration,
    "layers": program_tables.layers,
    "flags": program_tables.flags,
    "verdicts": program_tables.verdicts,
    "exit codes": program_tables.exit_codes,
    "environment": program_tables.environment,
    "failures of topsApp": program_tables.failures,
    **{f"commands {group}": partial(program_commands.commands, group) for group in program_commands.GROUPS},
}
"""What makes each part, as Markdown."""


def filled(text: str) -> str:
    """Return the text of a page with its parts.

    Raises
    ------
    KeyError
        If a comment names a part that there is not.
    """
    return MARK.sub(lambda mark: PARTS[mark[1]](), text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def _outdated(app: Sphinx, env: object, added: object, changed: object, removed: object) -> list[str]:
    """Name the pages with parts: what they are made of may have changed though the page has not."""
    pages = ((name, app.env.doc2path(name)) for name in app.env.found_docs)
    return [name for name, path in pages if MARK.search(path.read_text(encoding="utf-8"))]
