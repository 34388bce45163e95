"""
Which certificates are for the host that a client names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """
    What is chosen among.

    @ivar names: in lower case; C{*.} at the beginning stands for one label. Source: RFC 9525 6.3.
    @ivar kind: of several for one name, the first of each kind is taken.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def kind(self) -> str: ...


N = TypeVar("N", bound=Named)


class Names(Generic[N]):
    """
    An index over names: exact ones first, then patterns.

    @ivar default: what is for clients that name nobody: the first, with others that are for
        the same names and of another kind.
    """

    __slots__ = ("_exact", "_patterns", "default")

    def __init__(self, all_of_them: Sequence[N]) -> None:
        self._exact: dict[str, tuple[N, ...]] = {}
        self._patterns: dict[str, tuple[N, ...]] = {}
        for each in all_of_them:
            for name in each.names:
                table, key = self._place(name)
                table[key] = _with(table.get(key, ()), each)
        self.default: tuple[N, ...] = ()
        if all_of_them:
            first = all_of_them[0]
            twins = (each for each in all_of_them if set(each.names) == set(first.names))
            for each in twins:
                self.default = _with(self.default, each)

    def _place(self, name: str) -> tuple[dict[str, tuple[N, ...]], str]:
        if name.startswith("*."):
            return self._patterns, name[2:]
        return self._exact, name

    def find(self, name: str) -> tuple[N, ...]:
        """
        Return what is for a name, one of each kind; empty when there is none.
        """
        name = name.lower().rstrip(".")
        found = self._exact.get(name)
        if found is None:
            found = self._patterns.get(name.partition(".")[2], ())
        return found

    def groups(self) -> Iterable[tuple[N, ...]]:
        """
        Return each combination that L{find} and C{default} may give, once.
        """
        found = dict.fromkeys((self.default, *self._exact.values(), *self._patterns.values()))
        return [each for each in found if each]


def _with(some: tuple[N, ...], one: N) -> tuple[N, ...]:
    return some if any(each.kind == one.kind for each in some) else (*some, one)
