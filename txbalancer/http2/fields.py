"""
Header fields of HTTP/2, each judged once.

Members of HTTP/1 and everything between know lines: a field is a line in the end, as strictly
checked as one that came as a line, for what is harmless in a field could divide a line in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from txbalancer.errors import BalancerError
from txbalancer.http1.lines import UNDERSCORE, has_control, show
from txbalancer.http2.tables import Field

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_MOST_REMEMBERED = 1024 * 1024
"""Bytes of memory for fields whose verdicts are remembered, about."""

FORBIDDEN = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
"""Fields of one connection, which HTTP/2 does not have (RFC 9113 8.2.2)."""

Note = tuple[bytes, bytes]
"""Name and value of a field that matters here."""


class Fields:
    """
    The judgement on the header fields of one direction; remembered, as with
    L{Lines<txbalancer.http1.lines.Lines>}.
    """

    __slots__ = ("_line", "_lines", "_note", "_noted", "_notes", "_size", "_taken")

    def __init__(self, noted: frozenset[bytes], taken: frozenset[bytes]) -> None:
        """
        @param noted: lower-case names whose values are noted.
        @param taken: those of them whose lines are not passed on.
        """
        self._noted, self._taken = noted, taken
        self._notes: dict[Field, Note | None] = {}
        self._lines: dict[Field, bytes] = {}
        self._size = 0
        self._note = self._notes.__getitem__
        self._line = self._lines.__getitem__

    def sort(
        self, fields: list[Field], error: type[BalancerError]
    ) -> tuple[list[bytes], list[Note]]:
        """
        Sort fields that are no pseudo headers.

        @return: lines that are passed on, and name and value of what is noted, in order.
        @raise BalancerError: of the class C{error}, when one is against the rules.
        """
        try:
            notes = list(map(self._note, fields))
        except KeyError:
            self._learn(fields, error)
            notes = list(map(self._note, fields))
        return list(filter(None, map(self._line, fields))), list(filter(None, notes))

    def _learn(self, fields: list[Field], error: type[BalancerError]) -> None:
        fresh = [field for field in fields if field not in self._notes]
        self._size += _cost(fresh)
        if self._size > _MOST_REMEMBERED:
            self._notes.clear()
            self._lines.clear()
            fresh = fields
            self._size = _cost(fresh)
        for name, value in fresh:
            check(name, value, error)
            key = UNDERSCORE if b"_" in name else name
            noted = key in self._noted or key is UNDERSCORE
            taken = key in self._taken or key is UNDERSCORE
            self._notes[name, value] = (key, value) if noted else None
            self._lines[name, value] = b"" if taken else b"%b: %b" % (name, value)


def check(name: bytes, value: bytes, error: type[BalancerError]) -> None:
    """
    Refuse a field that HTTP/2 does not allow (RFC 9113 8.2.1, 8.2.2).

    @raise BalancerError: of the class C{error}.
    """
    if _NAME(name) is None:
        raise error(f"no header name: {show(name)}")
    if name in FORBIDDEN or (name == b"te" and value != b"trailers"):
        raise error(f"a header of one connection: {show(name)}")
    if value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
        raise error(f"white space around the value of {show(name)}")
    if has_control(value):
        raise error(f"a control character in the header {show(name)}")


def _cost(fields: Iterable[Field]) -> int:
    """
    Estimate the memory that remembering fields takes.
    """
    return sum(2 * (len(name) + len(value)) + 320 for name, value in fields)
