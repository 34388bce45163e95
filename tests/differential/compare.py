"""
What counts as a difference. All that is left out on purpose stands in this file.

A difference is one word: C{member}, C{line}, C{sent:NAME} for a header that the member saw,
C{sent-body}, C{made} (by a member or by the proxy), C{status}, C{reason}, C{interims},
C{got:NAME} for a header that the client got, C{body}, C{end} (whole or cut), C{stays} (whether
the client's connection is good for another request; C{stays-on} after a page of the proxy's own or
one of L{CLOSING}). What follows from another member or maker is not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.differential.client import Answer, Headers
from tests.differential.members import Received
from tests.differential.sides import Seen

# The framing is compared by what it does (body, end, stays), not by how it is said.
FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
# What differs from run to run, or names the program.
OWN = frozenset({"date", "server"})
# What describes the error page, which every program words for itself.
PAGE = frozenset({"content-type", "cache-control", "expires", "retry-after", "vary"})
# The harness's own.
HARNESS = frozenset({"x-tag"})
MEMBER = "x-member"
# After these, Apache closes the client's connection, whoever made the answer.
CLOSING = frozenset({400, 408, 411, 413, 414, 500, 501, 503})

Difference = tuple[str, str, str]
"""A word, Apache's value, and ours."""


def compare(apache: Seen, ours: Seen) -> list[Difference]:
    """
    Return what differs between what one request came to at both sides.
    """
    return [
        (word, str(left), str(right))
        for word, left, right in (*_members(apache, ours), *_answers(apache.answer, ours.answer))
        if left != right
    ]


def compare_all(apache: Sequence[Seen], ours: Sequence[Seen]) -> list[tuple[int, Difference]]:
    """
    Compare sequences of the same length; each difference with its position.
    """
    assert len(apache) == len(ours)
    return [
        (position, found)
        for position, pair in enumerate(zip(apache, ours, strict=True))
        for found in compare(*pair)
    ]


Row = tuple[str, object, object]


def _members(apache: Seen, ours: Seen) -> Iterable[Row]:
    yield "member", _indexes(apache.received), _indexes(ours.received)
    for left, right in zip(apache.received, ours.received, strict=False):
        if left.index == right.index:
            yield "line", _line(left), _line(right)
            yield "sent-body", (left.body, left.whole), (right.body, right.whole)
            dropped = HARNESS | FRAMING - {"connection"}
            yield from _headers("sent", _sent(left), _sent(right), dropped)


def _answers(apache: Answer, ours: Answer) -> Iterable[Row]:
    made = made_by(apache), made_by(ours)
    passed = made == ("member", "member")
    closes = not passed or apache.status in CLOSING
    yield "made", *made
    yield "status", apache.status, ours.status
    yield "stays-on" if closes else "stays", apache.stays, ours.stays
    yield "interims", _interims(apache), _interims(ours)
    if not passed:
        yield from _headers("got", apache.headers, ours.headers, FRAMING | OWN | PAGE | {MEMBER})
    elif apache.values(MEMBER) == ours.values(MEMBER):
        yield "reason", apache.reason, ours.reason
        yield "body", apache.body, ours.body
        yield "end", _end(apache), _end(ours)
        yield from _headers("got", apache.headers, ours.headers, FRAMING | OWN | {MEMBER})


def made_by(answer: Answer) -> str:
    """
    Tell who wrote an answer: members mark theirs.
    """
    if not answer.status:
        return "nobody"
    return "member" if answer.values(MEMBER) else "proxy"


def _indexes(received: Sequence[Received]) -> list[int]:
    return [each.index for each in received]


def _line(received: Received) -> str:
    return received.head.partition(b"\r\n")[0].decode("latin-1")


def _sent(received: Received) -> Headers:
    lines = received.head.decode("latin-1").split("\r\n")[1:]
    return tuple(
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )


def _end(answer: Answer) -> str:
    return "whole" if answer.whole else "cut"


def _interims(answer: Answer) -> list[tuple[int, dict[str, str]]]:
    return [(status, _folded(headers, OWN)) for status, headers in answer.interims]


def _headers(kind: str, left: Headers, right: Headers, dropped: frozenset[str]) -> Iterable[Row]:
    apache, ours = _folded(left, dropped), _folded(right, dropped)
    for name in sorted({*apache, *ours}):
        yield f"{kind}:{name}", apache.get(name), ours.get(name)


def _folded(headers: Headers, dropped: frozenset[str]) -> dict[str, str]:
    """
    Join repeated lines, which means the same (RFC 9110, 5.3); names have no case or order, and
    empty elements of lists no meaning.
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        key = name.lower()
        if key not in dropped:
            found.setdefault(key, []).extend(value.split(","))
    return {
        key: ", ".join(each.strip() for each in parts if each.strip())
        for key, parts in found.items()
    }
