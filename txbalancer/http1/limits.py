"""
How large a message head may be, and what to do with unusual names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds for one side of the proxy; sizes in bytes.

    @ivar head: whole head, from the first byte to the empty line.
    @ivar url: request target.
    @ivar line: one header line.
    @ivar headers: number of header lines.
    @ivar underscores: C{drop}, C{keep} or C{refuse} names with an underscore, which
        some applications cannot tell from the same name with a hyphen.
    @ivar kept: lower-case names of headers that C{Connection} does not drop, whatever it names.
    @ivar drop_bad: leave out lines of answers that are no header lines, rather than refuse.
    """

    head: int = 65536
    url: int = 8190
    line: int = 16384
    headers: int = 100
    underscores: str = "drop"
    kept: frozenset[bytes] = frozenset()
    drop_bad: bool = False
