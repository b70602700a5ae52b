"""Small helpers for writing XML: nodes in one expression, numbers as the mission writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from lxml import etree
from lxml.etree import _Element


def node(tag: str, /, *content: str | _Element | Iterable[_Element], **attributes: str) -> _Element:
    """Build an element from text and children."""
    element = etree.Element(tag, attributes)
    for part in content:
        if isinstance(part, str):
            element.text = part
        elif etree.iselement(part):
            element.append(part)
        else:
            element.extend(part)
    return element


def fields(**values: str) -> list[_Element]:
    """Return one text element for each keyword, in order."""
    return [node(tag, value) for tag, value in values.items()]


def counted(tag: str, items: Iterable[_Element]) -> _Element:
    """Build a list element with its ``count`` attribute."""
    children = list(items)
    return node(tag, children, count=str(len(children)))


def double(value: float) -> str:
    """Sixteen digits: enough to give the same number back."""
    return f"{value:.15e}"


def single(value: float) -> str:
    """Seven digits."""
    return f"{value:.6e}"


def stamp(moment: datetime) -> str:
    """UTC to the microsecond, as in annotation files."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def numbers(values: Iterable[float], style: str) -> str:
    """Return the values of an array element, in a format such as ``.6e`` or ``d``."""
    return " ".join(format(value, style) for value in values)


def array(tag: str, values: Iterable[float], style: str) -> _Element:
    """Build an array element with its ``count`` attribute."""
    items = list(values)
    return node(tag, numbers(items, style), count=str(len(items)))


def write(path: Path, root: _Element) -> None:
    """Write a document, indented, in UTF-8."""
    etree.indent(root, space="  ")
    path.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n")
