"""What a page says that a command prints, held against what it does print.

A line of the page stands for the line that is printed: words are the same, numbers are the same as far as they are
written (within one of the last digit; whole ones are equal). The page may leave lines out; ``...`` stands for
whatever is left of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|[^\W\d]+|\S")
"""Numbers, words without digits, and single signs."""
_REST = "..."


def untrue_lines(told: str, printed: str) -> list[str]:
    """Lines of a page that are not printed, or not in that order."""
    left: Iterator[str] = iter(printed.splitlines())
    lines = [line for line in told.splitlines() if line.strip()]
    untrue = []
    for line in lines:
        kept = list(left)
        place = next((number for number, other in enumerate(kept) if says(line, other)), None)
        if place is None:
            untrue.append(line)
        left = iter(kept if place is None else kept[place + 1 :])
    return untrue


def says(told: str, printed: str) -> bool:
    """Tell whether a line is what a page says."""
    wanted, found = _PIECE.findall(told.strip().removesuffix(_REST)), _PIECE.findall(printed)
    if told.rstrip().endswith(_REST):
        found = found[: len(wanted)]
    return len(wanted) == len(found) and all(map(_same, wanted, found))


def _same(told: str, printed: str) -> bool:
    """Tell whether a word is the same, or a number as far as it is written; two whole numbers must be equal."""
    if told == printed or "." not in told + printed:
        return told == printed
    try:
        one, other = (float(text.replace(",", "").replace("−", "-")) for text in (told, printed))
    except ValueError:
        return False
    return abs(one - other) <= 1.001 * 10 ** -len(told.partition(".")[2])
