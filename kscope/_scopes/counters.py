"""Counters of how often each scope name was opened, from which default names get their numbers (rows C).

TF1 has one flat dictionary. It iterates over all of it when a scope closes, and copies it when a scope object is
entered. Here the counts are a tree with one node for each part of a name: closing drops the children of one node, and a
jump undoes its changes from a journal, so the cost does not depend on the number of scopes.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Counters", "Node"]


class Node:
    """One scope name: how often it was opened, the next suffix to try, the names below it."""

    __slots__ = ("children", "count", "suffix")

    def __init__(self) -> None:
        self.count = 0
        self.suffix = 1
        self.children: dict[str, Node] = {}


class Counters:
    """The counts of one thread in one store, or of one call of a scoped layer."""

    __slots__ = ("_journal", "_jumps", "root")

    def __init__(self) -> None:
        self.root = Node()
        self._jumps = 0
        self._journal: list[tuple[Node, str, Any]] = []

    def find(self, node: Node, name: str) -> Node:
        """Return the node of `name` below `node`; make it if there is none."""
        if "/" not in name:
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = Node()
            return child
        for part in name.split("/"):
            node = self.find(node, part)
        return node

    def open(self, node: Node) -> None:
        """Count one opening."""
        if self._jumps:
            self._journal.append((node, "count", node.count))
        node.count += 1

    def close(self, node: Node) -> None:
        """Remove the counts below a scope that closes; opening it never removes them (rows C2, C13)."""
        if node.children:
            self._set(node, "children", {})

    def unique(self, node: Node, name: str) -> str:
        """Return the first of `name`, `name_1`, `name_2`, ... that was not opened below `node` (rows C1, C5)."""
        base = self.find(node, name)
        if base.count == 0:
            return name
        suffix = base.suffix
        while self._count(node, f"{name}_{suffix}"):
            suffix += 1
        # Counts are reset only together with all names below the parent, so lower suffixes stay taken.
        self._set(base, "suffix", suffix)
        return f"{name}_{suffix}"

    def jump(self) -> int:
        """Start to record changes; return a mark for `back` (row C10)."""
        self._jumps += 1
        return len(self._journal)

    def back(self, mark: int) -> None:
        """Undo every change since the jump that returned `mark` (rows C10, C11)."""
        while len(self._journal) > mark:
            node, attribute, value = self._journal.pop()
            setattr(node, attribute, value)
        self._jumps -= 1

    def _count(self, node: Node, name: str) -> int:
        return self.find(node, name).count

    def _set(self, node: Node, attribute: str, value: Any) -> None:
        if self._jumps:
            self._journal.append((node, attribute, getattr(node, attribute)))
        setattr(node, attribute, value)
