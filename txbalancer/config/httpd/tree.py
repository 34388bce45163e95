"""
A file in Apache syntax as a tree of directives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Directive:
    """
    One directive or section, with variables replaced.

    Includes, definitions and C{<If…>} sections are resolved before: the tree has what is in force.

    @ivar name: as written, without brackets.
    @ivar args: its words, without their quotes.
    @ivar text: what follows the name, as written.
    @ivar path: the file it stands in.
    @ivar line: 1-based, where it begins.
    @ivar children: of a section; C{None} for a plain directive.
    """

    name: str
    args: tuple[str, ...]
    text: str
    path: str
    line: int
    children: tuple[Directive, ...] | None = None

    @property
    def key(self) -> str:
        """
        The name in lower case: case does not matter.
        """
        return self.name.lower()

    def walk(self) -> Iterator[Directive]:
        """
        Yield this directive and all below it, in file order.
        """
        yield self
        for child in self.children or ():
            yield from child.walk()
