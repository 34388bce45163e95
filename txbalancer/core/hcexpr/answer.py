"""
What an expression may look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MOST_BODY = 64 * 1024
"""
Bytes of a body that an expression sees. Apache has no bound; here a member must not be able
to hold up everything with a long page and a slow pattern.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The answer of a member to a health check.

    @ivar status: 100 to 999.
    @ivar headers: (name, value) pairs as sent, in order.
    @ivar body: its first L{MOST_BODY} bytes; empty when none was asked for.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """
        Return the first header of a name, in any case; empty when there is none.
        """
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), b"")


class Sight:
    """
    An answer while an expression looks at it.

    @ivar groups: what C{$0} to C{$9} of the last pattern with groups hold.
    """

    __slots__ = ("answer", "groups")

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.groups: tuple[bytes, ...] = ()

    def remember(self, match: re.Match[bytes] | None) -> None:
        """
        Keep the groups of a match for back references; without one there are none.
        """
        found = (match[0], *match.groups())[:10] if match else ()
        self.groups = tuple(each or b"" for each in found)

    def group(self, number: int) -> bytes:
        """
        Return a back reference; empty when there is no such group.
        """
        return self.groups[number] if number < len(self.groups) else b""


Word = Callable[[Sight], bytes]
"""A part of an expression that gives text."""

Test = Callable[[Sight], bool]
"""A part of an expression that is true or false."""
