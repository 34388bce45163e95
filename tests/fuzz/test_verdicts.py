"""
What counts as read otherwise by another program.
"""

from __future__ import annotations

import pytest

from tests.fuzz.verdicts import Said, disagreement, said

ONE = said(b"GET", b"/one", [(b"Host", b"a"), (b"X-A", b" b ")], b"")
TWO = said(b"POST", b"/two", [(b"X-A", b"b"), (b"x-a", b"c")], b"body")


@pytest.mark.parametrize("read", [[], [ONE], [TWO], [ONE, TWO]])
def test_refusing_is_no_disagreement(read: list[Said]) -> None:
    """
    A program may leave requests out, for what it refuses or answers itself.
    """
    assert disagreement([ONE, TWO], read) is None


@pytest.mark.parametrize(
    "read",
    [
        [TWO, ONE],
        [ONE, ONE],
        [ONE, TWO, TWO],
        [said(b"GET", b"/evil", [], b"")],
        [said(b"GET", b"/one", [(b"X-A", b"c")], b"")],
        [said(b"GET", b"/one", [], b"")],
        [said(b"POST", b"/two", [(b"X-A", b"b, c")], b"bod")],
    ],
)
def test_what_was_not_sent(read: list[Said]) -> None:
    """
    Another order, one more, another target, header or body are.
    """
    assert disagreement([ONE, TWO], read) is not None


def test_headers_are_compared_by_what_they_say() -> None:
    """
    Repeated ones may be written as one, and those that each hop makes anew do not count.
    """
    joined = [(b"x-A", b"b, c"), (b"Connection", b"close"), (b"Host", b"other")]
    assert said(b"POST", b"/two", joined, b"body") == TWO
