"""
Lines of the access log on their way to those who watch it.
"""

from __future__ import annotations

from twisted.internet.task import Clock

from txbalancer.services.seen import PAUSE, Lines, SeenLines


def test_lines_are_sent_some_at_a_time() -> None:
    """
    Lines of a moment are one message, each for the one who wants it; without any nothing runs.
    """
    clock, sent = Clock(), []
    lines = SeenLines(clock, sent.append)
    one, other = lines.taker(1), lines.taker(2)
    assert one.push(b"a")
    assert other.push(b"b")
    assert one.push(b"c")
    assert sent == []
    clock.advance(PAUSE)
    assert sent == [[(1, b"a"), (1, b"c"), (2, b"b")]]
    assert not clock.getDelayedCalls()
    lines.stop()


def test_there_is_an_end_to_it() -> None:
    """
    More than 64 KiB in a moment are not taken, and do not keep others from theirs.
    """
    clock = Clock()
    sent: list[Lines] = []
    lines = SeenLines(clock, sent.append)
    many, few = lines.taker(1), lines.taker(2)
    assert [many.push(b"x" * 30000) for _ in range(4)] == [True, True, False, False]
    assert few.push(b"y")
    clock.advance(PAUSE)
    assert [number for number, _ in sent[0]] == [1, 1, 2]
    assert many.push(b"x" * 30000)
    lines.stop()
    assert not clock.getDelayedCalls()
