"""
The loop without log contexts serves, survives faults, and leaves other reactors alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from txbalancer.net.dispatch import dispatch_directly


class Pipe:
    """
    The reading end of a pipe as a descriptor for a reactor.
    """

    def __init__(self, broken: bool = False) -> None:
        self.end, self.other = os.pipe()
        self.got: list[bytes] = []
        self.broken = broken

    def fileno(self) -> int:
        return self.end

    def logPrefix(self) -> str:
        return "pipe"

    def doRead(self) -> Any:
        self.got.append(os.read(self.end, 100))
        return ValueError("no more") if self.broken else None

    def connectionLost(self, reason: object) -> None:
        raise RuntimeError("broken at the end, too")


def test_descriptors_are_served_and_a_broken_one_harms_no_other() -> None:
    """
    A descriptor that raises even when it is disconnected is logged; the others are read.
    """
    reactor = EPollReactor()
    pipes = [Pipe(), Pipe(broken=True), Pipe()]
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            failures.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        assert dispatch_directly(reactor)
        for pipe in pipes:
            reactor.addReader(pipe)
            os.write(pipe.other, b"x")
        reactor.doIteration(0)
        assert [pipe.got for pipe in pipes] == [[b"x"]] * 3
        assert len(failures) == 1
        os.write(pipes[0].other, b"y")
        reactor.doIteration(None)
        assert pipes[0].got == [b"x", b"y"]
    finally:
        globalLogPublisher.removeObserver(observe)
        for reader in reactor.removeAll():
            reader.close() if hasattr(reader, "close") else None
        for pipe in pipes:
            os.close(pipe.end)
            os.close(pipe.other)


def test_news_of_a_closed_socket_are_not_for_its_successor() -> None:
    """
    What took the number of a descriptor that was closed in this turn is served in the next.
    """
    reactor = EPollReactor()
    pipes = [Pipe(), Pipe()]
    successor = Pipe()

    def replace(closed: Pipe) -> None:
        if successor.end != closed.end:
            reactor.forget(closed.end)
            os.dup2(successor.end, closed.end)
            os.close(successor.end)
            successor.end = closed.end
            reactor.addReader(successor)

    try:
        assert dispatch_directly(reactor)
        for pipe, other in (pipes, reversed(pipes)):
            # Whichever is served first closes the other one.
            pipe.doRead = lambda other=other: replace(other)  # type: ignore[method-assign]
            reactor.addReader(pipe)
            os.write(pipe.other, b"x")
        os.write(successor.other, b"y")
        reactor.doIteration(0)
        assert successor.got == []
        reactor.doIteration(0)
        assert successor.got == [b"y"]
    finally:
        reactor.removeAll()
        for end in {pipe.end for pipe in (*pipes, successor)}:
            os.close(end)
        for pipe in (*pipes, successor):
            os.close(pipe.other)


def test_what_is_watched_for_input_alone_or_for_more(tmp_path: Path) -> None:
    """
    Descriptors may be watched in any order and twice; files, which epoll refuses, are read too.
    """
    reactor = EPollReactor()
    assert dispatch_directly(reactor)
    pipe = Pipe()
    file = Pipe()
    (tmp_path / "file").write_bytes(b"x")
    os.close(file.end)
    file.end = os.open(tmp_path / "file", os.O_RDONLY)
    others = set(reactor.getReaders())

    def watched() -> set[Any]:
        return set(reactor.getReaders()) - others

    try:
        reactor.removeReader(pipe)
        reactor.addReader(pipe)
        reactor.addReader(pipe)
        assert watched() == {pipe}
        reactor.addWriter(pipe)
        reactor.removeReader(pipe)
        assert (watched(), reactor.getWriters()) == (set(), [pipe])
        reactor.addReader(pipe)
        reactor.removeWriter(pipe)
        os.write(pipe.other, b"x")
        reactor.doIteration(0)
        assert pipe.got == [b"x"]
        reactor.removeReader(pipe)
        assert not watched()
        reactor.addReader(file)
        assert watched() == {file}
        reactor.removeReader(file)
        assert not watched()
    finally:
        for each in (pipe, file):
            os.close(each.end)
            os.close(each.other)


def test_other_reactors_stay_as_they_are() -> None:
    """
    Only the reactor whose inside is known is changed.
    """
    clock = Clock()
    assert not dispatch_directly(clock)
    assert not hasattr(clock, "doIteration")
