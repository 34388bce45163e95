"""
A worker as its supervisor sees it.
"""

from __future__ import annotations

import os
import signal
from array import array
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, globalLogPublisher
from twisted.protocols.amp import AMP
from twisted.python.failure import Failure

from txbalancer.workers import child as children
from txbalancer.workers import line as lines
from txbalancer.workers.child import Child
from txbalancer.workers.orders import Perform, Reported, Troubled, Warned
from txbalancer.workers.table import BEAT


class Made:
    """
    A worker whose process is not there.

    @ivar signals: what it was sent.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.cells = array("q", [0] * 8)
        self.child = Child(self.clock, self.clock.seconds, 1, self.cells, (8, 9))
        self.transport = StringTransport()
        self.child.line.makeConnection(self.transport)
        self.child.pid = self.child.last_pid = 4711
        self.signals: list[int] = []
        self.causes: list[str] = []
        self.child.ended.addCallback(self.causes.append)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.signals.append(number))

    def over(self, reason: Any) -> None:
        """
        Let the process end.
        """
        self.child.processEnded(Failure(reason))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """
    Make one.
    """
    return Made(monkeypatch)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (ProcessDone(0), "it ended by itself"),
        (ProcessTerminated(3), "it ended with exit code 3"),
        (ProcessTerminated(None, signal.SIGSEGV), "it was ended by SIGSEGV"),
    ],
)
def test_the_cause_is_told_in_words(made: Made, reason: Any, cause: str) -> None:
    """
    How a process ended is known once it is over and all that it said is heard, in either order.
    """
    made.over(reason)
    assert made.causes == []
    made.child.line.connectionLost(Failure(ProcessDone(0)))
    assert made.causes == [cause]


def test_time_to_begin_and_to_do_much(made: Made) -> None:
    """
    A process may take its time to begin, and gives signs of life from then on. Told to do much,
    it may be silent for long, but only after one sign more.
    """
    made.child.expect(30.0)
    made.clock.advance(10.0)
    assert made.child.silence() == -20.0
    made.cells[BEAT] = int(10e9)
    made.clock.advance(6.0)
    assert made.child.silence() == 6.0
    made.child.give_time(30.0)
    assert made.child.silence() == 6.0
    made.cells[BEAT] = int(16.5e9)
    made.clock.advance(1.0)
    assert made.child.silence() == -29.5
    # More to do before it is done needs no further sign.
    made.child.give_time(30.0)
    assert made.child.silence() == -29.5
    made.child.give_time(0.0)
    assert made.child.silence() == 0.5


def test_time_of_a_beginner(made: Made) -> None:
    """
    One that is told what to do before it has begun has the time for it once it has.
    """
    made.child.expect(30.0)
    made.clock.advance(10.0)
    made.child.give_time(30.0)
    made.cells[BEAT] = int(11e9)
    made.clock.advance(10.0)
    assert made.child.silence() == -21.0


def test_the_reason_of_the_supervisor(made: Made) -> None:
    """
    What was ended on purpose has the reason for that as its cause, the first one.
    """
    made.child.kill("it reads nothing")
    made.child.kill("it hangs")
    assert made.signals == [signal.SIGKILL] * 2
    made.child.line.connectionLost(Failure(ProcessDone(0)))
    made.over(ProcessTerminated(None, signal.SIGKILL))
    assert made.causes == ["it reads nothing"]
    made.child.kill("it is over")
    assert len(made.signals) == 2


def test_a_hanging_one_says_where(made: Made) -> None:
    """
    A process that hangs is asked where it is, and is ended a moment later.
    """
    made.child.give_up("it hangs")
    made.child.give_up("it still hangs")
    assert made.signals == [children.DUMP]
    made.clock.advance(0.3)
    assert made.signals == [children.DUMP, signal.SIGKILL]


def test_signs_of_life(made: Made) -> None:
    """
    Silence begins with the last sign of life.
    """
    made.clock.advance(10.0)
    assert made.child.silence() == 10.0
    made.cells[BEAT] = int(9.5e9)
    assert made.child.silence() == 0.5


def test_what_it_prints_is_logged(made: Made) -> None:
    """
    Lines of JSON are messages with their level, others are errors; a line that never ends is cut.
    """
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        made.child.number = 2
        made.child.errReceived(b'{"level": "warn", "text": "it {is} late"}\nFatal Python error')
        made.child.errReceived(b": Aborted\n" + b"[" * 5000 + b"\n" + b"x" * 100_000)
        made.child.errReceived(b"rest")
        made.over(ProcessDone(0))
    finally:
        globalLogPublisher.removeObserver(events.append)
    found = [(each["log_level"], each["worker"], each["text"]) for each in events]
    assert found == [
        (LogLevel.warn, "worker 2", "it {is} late"),
        (LogLevel.error, "worker 2", "Fatal Python error: Aborted"),
        (LogLevel.error, "worker 2", "[" * 5000),
        (LogLevel.error, "worker 2", "x" * 100_000),
        (LogLevel.error, "worker 2", "rest"),
    ]


def test_it_is_heard(made: Made) -> None:
    """
    Reports, requests and warnings of a worker reach whoever is to have them.
    """
    heard: list[Any] = []
    made.child.on_report = lambda child, report: heard.append((child, report))
    made.child.on_trouble = lambda child, why: heard.append((child, why))
    worker, transport = AMP(), StringTransport()
    worker.makeConnection(transport)
    worker.callRemote(Reported, report={"a": b"x" * 200_000})
    made.child.on_warning = lambda child, text: heard.append((child, text))
    worker.callRemote(Troubled, why="no memory")
    worker.callRemote(Warned, text="little memory")
    made.child.line.dataReceived(transport.value())
    texts = [(made.child, "no memory"), (made.child, "little memory")]
    assert heard == [(made.child, {"a": b"x" * 200_000}), *texts]


def test_who_reads_nothing_is_ended(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What a worker leaves unread is bounded; once it has read all, counting begins anew.
    """
    monkeypatch.setattr(lines, "MOST", 1000)
    line = made.child.line
    assert made.transport.producer is line
    line.pauseProducing()
    made.child.call(Perform, order=b"x" * 900, rows={})
    line.resumeProducing()
    line.pauseProducing()
    made.child.call(Perform, order=b"x" * 900, rows={})
    made.child.call(Perform, order=b"x" * 900, rows={})
    assert made.signals == []
    size = len(made.transport.value())
    for _ in range(3):
        made.child.call(Perform, order=b"x" * 900, rows={})
    assert made.signals == [signal.SIGKILL] * 3
    assert made.child.why == "it does not read what it is told"
    assert len(made.transport.value()) == size


def test_one_that_has_lost_its_line(made: Made) -> None:
    """
    A process that goes on though nothing can be told to it any more is to be replaced.
    """
    heard: list[Any] = []
    made.child.on_trouble = lambda child, why: heard.append(why)
    made.child.line.connectionLost(Failure(ConnectionDone()))
    assert (heard, made.causes) == ([], [])
    made.clock.advance(1.1)
    assert heard == ["its line to the supervisor has ended"]
    made.over(ProcessDone(0))
    assert made.causes == ["it ended by itself"]


def test_one_that_ends_soon_after_its_line(made: Made) -> None:
    """
    That is how each one ends.
    """
    heard: list[Any] = []
    made.child.on_trouble = lambda child, why: heard.append(why)
    made.child.line.connectionLost(Failure(ConnectionDone()))
    made.clock.advance(0.5)
    made.over(ProcessDone(0))
    made.clock.advance(1.0)
    assert (heard, made.causes) == ([], ["it ended by itself"])


def test_who_is_over_is_told_nothing(made: Made) -> None:
    """
    Orders to a worker that is over are answered with nothing, and do no harm.
    """
    answers: list[Any] = []
    made.child.call(Perform, order=1, rows={}).addCallback(answers.append)
    made.child.line.connectionLost(Failure(ConnectionDone()))
    made.over(ProcessDone(0))
    assert answers == [None]
    made.child.call(Perform, order=1, rows={}).addCallback(answers.append)
    assert answers == [None, None]
    made.child.tell(Reported, report=1)
