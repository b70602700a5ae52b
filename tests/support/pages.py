"""What is written for people: README, CONTRIBUTING and ``docs/``, with their blocks of code and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dinsar_cli

ROOT = Path(dinsar_cli.__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "start" / "tutorial.md"

_FENCE = re.compile(r"^(`{3,})(.*)\n((?:.*\n)*?)\1$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_WORDS_OF_SHELL = frozenset({"&&", "||", ";", "|"})


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and the line of the page on which it begins."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Files with text for people; those that Sphinx made are none."""
    found = (path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts)
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *found]


def name(page: Path) -> str:
    """Path of a page as people say it."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> list[Block]:
    """Blocks of code of some languages, in their order."""
    found = (Block(one[2].strip(), one[3], text.count("\n", 0, one.start()) + 1) for one in _FENCE.finditer(text))
    return [block for block in found if block.language in languages]


def prose(text: str) -> str:
    """Text without its blocks of code."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Targets of the links and pictures of a page that are no addresses of the web."""
    return [target for target in _LINK.findall(prose(text)) if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Names by which a page's headings are linked to, as code hosts and MyST make them."""
    heads = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def commands(script: str, program: str) -> Iterator[list[str]]:
    """Give the arguments of each call of a program in a script of the shell."""
    for line in re.sub(r"\\\n", " ", script).splitlines():
        call: list[str] = []
        for word in [*shlex.split(line, comments=True), ";"]:
            if word not in _WORDS_OF_SHELL:
                call.append(word)
                continue
            if call and Path(call[0]).name == program:
                yield call[1:]
            call = []
