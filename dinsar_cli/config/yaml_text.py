"""YAML read with bounds: what its aliases stand for is counted before anything is made of it."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dinsar_cli.base.user_files import OddFileError

_MOST_VALUES = 200_000
_MOST_DEPTH = 50
_MOST_DIGITS = 40
_MOST_BRACKETS = 500  # those in texts are counted too
_BRACKETS = re.compile(r"[\[\]{}]")
_DASHES = re.compile(rf"(?:[-?] ){{{_MOST_DEPTH + 1}}}")
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def load_yaml(text: str) -> Any:
    """Return what YAML text says.

    Raises
    ------
    OddFileError
        When its aliases stand for more values than can be meant, or it is nested too deeply, or holds itself, or a
        number has more digits than any.
    ruamel.yaml.error.YAMLError, ValueError, RecursionError
        When it is broken.
    """
    _check_brackets(text)
    yaml = YAML(typ="safe", pure=True)
    node = yaml.compose(text)
    if node is None:
        return None
    count_values(node)
    constructor: SafeConstructor = yaml.constructor
    try:
        return constructor.construct_document(node)
    except (KeyError, AttributeError, TypeError, OverflowError) as error:
        raise OddFileError(f"a value in it is not of the kind that its tag (!!) says: {error}") from error


def _check_brackets(text: str) -> None:
    """Refuse what takes minutes to parse: lists in lists without an end, on one line or on many."""
    depth = 0
    for bracket in _BRACKETS.findall(text):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        if depth > _MOST_BRACKETS:
            break
    if depth > _MOST_BRACKETS or _DASHES.search(text):
        raise OddFileError(f"its lists or mappings are nested more than {_MOST_DEPTH} deep")


def count_values(node: Node) -> int:
    """Return how many values a document has when each alias is written out.

    Raises
    ------
    OddFileError
        As `load_yaml`.
    """
    counted: dict[int, tuple[int, int]] = {}  # values and depth of what was counted
    return _count(node, counted, set())[0]


def _count(node: Node, counted: dict[int, tuple[int, int]], above: set[int]) -> tuple[int, int]:
    mark = id(node)
    if mark in counted:
        return counted[mark]
    if mark in above:
        raise OddFileError(f"what begins on line {node.start_mark.line + 1} holds itself, by an alias")
    above.add(mark)
    inside = [_count(member, counted, above) for member in _members(node)]
    above.discard(mark)
    total = 1 + sum(values for values, _ in inside)
    depth = 1 + max((deep for _, deep in inside), default=0)
    if total > _MOST_VALUES:
        raise OddFileError(f"it has more than {_MOST_VALUES} values when its aliases (*) are written out")
    if depth > _MOST_DEPTH:
        raise OddFileError(f"its lists or mappings are nested more than {_MOST_DEPTH} deep")
    counted[mark] = total, depth
    return total, depth


def _members(node: Node) -> list[Node]:
    if isinstance(node, SequenceNode):
        return list(node.value)
    if isinstance(node, MappingNode):
        return [member for pair in node.value for member in pair]
    if isinstance(node, ScalarNode) and node.tag in _NUMBERS and len(node.value) > _MOST_DIGITS:
        raise OddFileError(f"the number on line {node.start_mark.line + 1} has {len(node.value)} digits")
    if isinstance(node, ScalarNode) and "\0" in node.value:
        raise OddFileError(f"the text on line {node.start_mark.line + 1} has a zero byte in it")
    return []
