"""
The transport in memory behaves as a socket under Twisted's reactor does.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txbalancer.testing import MemoryTransport


@implementer(IHalfCloseableProtocol, IPushProducer)
class Recorder(Protocol):
    """
    Notes whatever happens to it.
    """

    def __init__(self) -> None:
        self.events: list[object] = []

    def dataReceived(self, data):
        self.events.append(data)

    def connectionLost(self, reason):
        self.events.append(reason.type.__name__)

    def readConnectionLost(self):
        self.events.append("read end")

    def writeConnectionLost(self):
        self.events.append("write end")

    def pauseProducing(self):
        self.events.append("pause")

    def resumeProducing(self):
        self.events.append("resume")

    def stopProducing(self):
        self.events.append("stop")


def connect() -> tuple[Recorder, MemoryTransport]:
    """
    Return a protocol and its transport.
    """
    protocol = Recorder()
    return protocol, MemoryTransport(Clock(), protocol, None)


def test_it_provides_what_protocols_ask_for() -> None:
    """
    The transport has every method of its interfaces.
    """
    _, line = connect()
    for interface in (ITransport, IConsumer, IPushProducer):
        assert verifyObject(interface, line)


def test_data_waits_for_a_reader() -> None:
    """
    What the far end sends while reading is paused arrives later, in order, its end too.
    """
    protocol, line = connect()
    line.send(b"a")
    line.pauseProducing()
    line.send(b"b")
    line.end()
    assert protocol.events == [b"a"]
    line.resumeProducing()
    line.settle()
    assert protocol.events == [b"a", b"b", "read end"]


def test_a_full_far_end_pauses_the_producer() -> None:
    """
    Above 64 KiB of queue the producer pauses; once the queue is empty it resumes.
    """
    protocol, line = connect()
    line.registerProducer(protocol, True)
    line.room = 10
    line.write(b"x" * 65546)
    assert protocol.events == []
    line.write(b"y")
    assert protocol.events == ["pause"]
    assert line.taken() == b"x" * 10
    line.take(5)
    assert protocol.events == ["pause"]
    line.take()
    assert protocol.events == ["pause", "resume"]
    assert line.taken() == b"x" * 65536 + b"y"
    assert line.progress == 2


def test_closing_waits_for_the_queue_and_aborting_does_not() -> None:
    """
    loseConnection delivers what was written before, abortConnection drops it.
    """
    protocol, line = connect()
    line.room = 0
    line.write(b"last")
    line.loseConnection()
    line.settle()
    assert protocol.events == []
    line.take()
    assert (line.taken(), line.ended, protocol.events) == (b"last", "closed", ["ConnectionDone"])
    protocol, line = connect()
    line.room = 0
    line.write(b"last")
    line.abortConnection()
    line.settle()
    assert (line.taken(), line.ended, protocol.events) == (b"", "aborted", ["ConnectionAborted"])


def test_half_close_both_ways() -> None:
    """
    Ending one's own direction leaves the other open, and later writes go nowhere.
    """
    protocol, line = connect()
    line.write(b"last")
    line.loseWriteConnection()
    line.settle()
    line.write(b"more")
    line.send(b"still")
    assert (line.taken(), protocol.events) == (b"last", ["write end", b"still"])
    assert line.half_closed


def test_a_reset_is_heard_by_who_reads_or_writes() -> None:
    """
    A broken connection is noticed when reading, or with something left to write.
    """
    protocol, line = connect()
    line.pauseProducing()
    line.reset()
    assert protocol.events == []
    line.resumeProducing()
    line.settle()
    assert protocol.events == ["ConnectionLost"]
    protocol, line = connect()
    line.room = 0
    line.write(b"x")
    line.pauseProducing()
    line.reset()
    assert protocol.events == ["ConnectionLost"]
