"""What hangs together by pairs: the parts of a network, and the pairs that it needs for that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Generic, TypeVar

Node = TypeVar("Node", date, int)


class _Parts(Generic[Node]):
    """What hangs together so far (union-find)."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._leader: dict[Node, Node] = {node: node for node in nodes}

    def of(self, node: Node) -> Node:
        """Return the first of the part of a node."""
        while self._leader[node] != node:
            self._leader[node] = self._leader[self._leader[node]]
            node = self._leader[node]
        return node

    def join(self, pair: tuple[Node, Node]) -> bool:
        """Join the parts of two nodes, and tell whether they were apart."""
        first, second = sorted(map(self.of, pair))
        self._leader[second] = first
        return first != second


def parts_of(nodes: Sequence[Node], pairs: Iterable[tuple[Node, Node]]) -> tuple[tuple[Node, ...], ...]:
    """Return the parts of a network between which there is no pair.

    Parameters
    ----------
    nodes : sequence of date or int
    pairs : iterable of pair
        Of these.

    Returns
    -------
    tuple of tuple of date or int
        One tuple for each part, in the order of their first ones; a node without a pair is a part of its own.
    """
    joined = _Parts(nodes)
    for pair in pairs:
        joined.join(pair)
    parts: dict[Node, list[Node]] = defaultdict(list)
    for node in sorted(nodes):
        parts[joined.of(node)].append(node)
    return tuple(tuple(part) for part in parts.values())


def linking(nodes: Sequence[Node], pairs: Iterable[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Return the pairs that a network needs to hang together as it does, the first ones given (Kruskal 1956)."""
    joined = _Parts(nodes)
    return [pair for pair in pairs if joined.join(pair)]
