"""
Header lines are judged once, and the memory of it is bounded.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http1.build import request
from txbalancer.errors import BadResponse, ClientError
from txbalancer.http1 import lines
from txbalancer.http1.lines import HOP_BY_HOP, UNDERSCORE, Lines, has_control, is_token, show

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@given(st.binary(max_size=8))
def test_tokens_are_those_of_the_rfc(text: bytes) -> None:
    """
    RFC 9110 5.6.2: a token is one or more of the characters listed there.
    """
    assert is_token(text) is (bool(text) and TOKEN.issuperset(text))


def test_control_characters() -> None:
    """
    Everything below a blank but the tab is one, and DEL.
    """
    controls = [code for code in range(256) if has_control(bytes((code,)))]
    assert controls == [*range(9), *range(10, 32), 127]


@given(st.binary())
def test_shown_bytes(data: bytes) -> None:
    """
    Bytes of the wire become short and printable.
    """
    text = show(data)
    assert text.isprintable()
    assert len(text) <= 60 * 4 + 3


def made() -> Lines:
    return Lines(frozenset((b"host", b"accept")), frozenset((b"host",)))


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"HOST: a ", (b"host", b"a")),
        (b"accept:\tb\t", (b"accept", b"b")),
        (b"Accept:", (b"accept", b"")),
        (b"X-A: 1", (b"", b"1")),
        (b"x_a: 1", (UNDERSCORE, b"1")),
    ],
)
def test_verdicts(line: bytes, verdict: tuple[bytes, bytes]) -> None:
    """
    A line is of no interest, noted by its lower-case name, or suspicious.
    """
    assert made().judge(line, ClientError) == verdict


HEADER = st.sampled_from((b"Host", b"Accept", b"X-A", b"x_b", b"HOST"))
HEADERS = st.lists(st.builds(lambda name, n: b"%b: %d" % (name, n), HEADER, st.integers(0, 3)))


@given(st.lists(HEADERS, max_size=6), st.integers(1, 200))
def test_sorting_is_judging_each_line(heads: list[list[bytes]], size: int) -> None:
    """
    What is remembered makes no difference, however little of it there is.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_MOST_REMEMBERED", size)
        table = made()
        for head in heads:
            kept, noted = table.sort(head, ClientError)
            verdicts = [table.judge(line, ClientError) for line in head]
            assert noted == [verdict for verdict in verdicts if verdict[0]]
            assert kept == [
                line
                for line, (key, _) in zip(head, verdicts, strict=True)
                if key in (b"", b"accept")
            ]


@pytest.mark.parametrize("error", [ClientError, BadResponse])
@pytest.mark.parametrize(
    "line", [b"", b"a", b"Host", b"a b: c", b": c", b" a: b", b"\ta: b", b"a : b", b"A: b\x00"]
)
def test_no_header_line(line: bytes, error: type[ClientError] | type[BadResponse]) -> None:
    """
    What is no header line is refused, in the words of its direction, and not remembered.
    """
    table = made()
    table.sort([b"Host: x"], error)
    for _ in range(2):
        with pytest.raises(error):
            table.sort([b"Host: x", line], error)


def test_remembered_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Clients cannot fill the memory: it starts afresh when full.
    """
    monkeypatch.setattr(lines, "_MOST_REMEMBERED", 100)
    table = made()
    for number in range(100):
        line = b"X-A: %d" % number
        assert table.sort([line], ClientError) == ([line], [])
        assert sum(map(len, table._notes)) <= 100
        assert len(table._passed) == len(table._notes)


def test_dates_are_forgotten() -> None:
    """
    Of lines that come for a second only the last are known, but all that are in one head.
    """
    table = made()
    for number in range(1000):
        line = b"Date: %d" % number
        assert table.sort([b"X-A: b", line, line], ClientError) == ([b"X-A: b", line, line], [])
        assert len(table._notes) <= lines.MOST_DATES + 2
    many = [b"date: %d" % number for number in range(1000)]
    for _ in range(2):
        assert table.sort(many, ClientError) == (many, [])
    assert table.sort([b"date: x"], ClientError) == ([b"date: x"], [])
    assert len(table._passed) == len(table._notes) <= lines.MOST_DATES + 2
    table.sort([b"date: y"], ClientError)
    assert table._size == lines._cost(list(table._notes))


def test_remembered_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Names are remembered up to a number and a length, and judged anew beyond that.
    """
    monkeypatch.setattr(lines, "_MOST_NAMES", 3)
    table = made()
    table.judge(b"X" * 10000 + b": 1", ClientError)
    assert not table._names
    for number in range(10):
        assert table.judge(b"X-%d: 1" % number, ClientError) == (b"", b"1")
    assert len(table._names) == 3
    assert table.judge(b"HOST: a", ClientError) == (b"host", b"a")


def test_many_lines_through_the_parser() -> None:
    """
    The parser works on, and means the same, when its memory has been full.
    """
    for number in range(5000):
        line = b"X-Invented-%d: 1" % number
        assert request(line, b"TE: a").lines == [line]


def test_hop_by_hop_names_never_pass() -> None:
    """
    In no spelling does a header of this connection reach the other side.
    """
    for name in HOP_BY_HOP - {b"transfer-encoding"}:
        for spelled in (name, name.upper(), name.title(), name.swapcase().capitalize()):
            assert request(spelled + b": x").lines == []
