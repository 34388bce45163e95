"""
The process whose place another one takes, as that one sees it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from txbalancer.core.succession import PROTOCOL, Frames, frame
from txbalancer.errors import StartError
from txbalancer.net.adopt import SharedUNIXPort
from txbalancer.services.former import ERRORS, OUTPUT, VARIABLE, Former, find_former


class Reactor:
    """
    Notes what is adopted.
    """

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.factory: Any = None

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        """
        Nothing is ever added.
        """

    def callLater(self, seconds: float, function: Any, *arguments: Any) -> None:
        function(*arguments)

    def adoptStreamConnection(self, number: int, family: int, factory: Any) -> None:
        self.factory = factory


class Line:
    """
    Both ends of the line.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        stack.callback(self.theirs.close)
        # The outputs of that process, in the two files behind the line's.
        base = 200
        os.dup2(ours.fileno(), base)
        for number in (OUTPUT, ERRORS):
            os.dup2(os.open(os.devnull, os.O_WRONLY), base + number)
        ours.close()
        self.former = Former(base)
        stack.callback(self.former._line.close)
        self.frames = Frames()

    def offer(self, files: list[int], **fields: Any) -> None:
        """
        Have an offer wait.
        """
        told = {"protocol": PROTOCOL, "version": "1", "pid": 7, "secret": "00ff", "control": ""}
        data = frame("offer", **{**told, "sockets": [], **fields})
        if files:
            socket.send_fds(self.theirs, [data[:1]], files)
            data = data[1:]
        self.theirs.sendall(data)

    def heard(self) -> list[Any]:
        """
        Return what was said.
        """
        return self.frames.feed(self.theirs.recv(1 << 16))


@pytest.fixture
def line() -> Iterator[Line]:
    """
    Make one.
    """
    with ExitStack() as stack:
        yield Line(stack)
        for number in (201, 202):
            os.close(number)


def test_it_is_found_by_the_environment_once() -> None:
    """
    No process that this one starts takes it for its own.
    """
    assert find_former({}) is None
    assert find_former({VARIABLE: "x"}) is None


def test_a_greeting(line: Line, tmp_path: Path) -> None:
    """
    It says who it is, and gets the secret and the sockets; a unix socket stays as it is, and
    is removed at the end only once it is this one's.
    """
    path = str(tmp_path / "a.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        os.chmod(path, 0o600)
        listening.listen()
        line.offer([listening.fileno()], sockets=[(f"unix:{path}", "web", 1)])
        line.former.greet()
    (hello,) = line.heard()
    assert (hello["say"], hello["protocol"], hello["pid"]) == ("hello", PROTOCOL, os.getpid())
    assert (line.former.pid, line.former.secret) == (7, b"\0\xff")
    reactor = Reactor()
    (found,) = line.former.open(reactor)
    port: SharedUNIXPort = found.port
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert reactor.readers == {port}
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    assert not port.owned
    found.own()
    found.close()
    assert not os.path.exists(path)


def test_what_it_gave_and_nobody_wants_stays_until_this_one_serves(
    line: Line, tmp_path: Path
) -> None:
    """
    If this one fails before, the other has lost nothing.
    """
    path, control = str(tmp_path / "a.sock"), str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        one.bind(path)
        one.listen()
        two.bind(control)
        two.listen()
        files = [one.fileno(), two.fileno()]
        line.offer(files, sockets=[(f"unix:{path}", "web", 1)], control=control)
        line.former.greet()
    reactor = Reactor()
    line.former.open(reactor)
    assert line.former.take_control("elsewhere") == -1
    assert os.path.exists(path)
    line.former.use_output = lambda which: None  # type: ignore[method-assign]
    line.former.serving(reactor)
    assert not os.path.exists(path)
    assert not os.path.exists(control)


def test_another_protocol(line: Line) -> None:
    """
    A version that hands over otherwise is named, with what to do.
    """
    line.offer([], protocol=PROTOCOL + 1, version="77")
    with pytest.raises(StartError, match="version 77 hands over by protocol"):
        line.former.greet()


@pytest.mark.parametrize(
    "fields", [{"pid": "x"}, {"secret": None}, {"sockets": [1]}, {"control": "/run/a"}]
)
def test_an_offer_of_another_form(line: Line, fields: dict[str, Any]) -> None:
    """
    It ends the start with a line that says so.
    """
    line.offer([], **fields)
    with pytest.raises(StartError, match="its offer is not of a form that this version knows"):
        line.former.greet()


@pytest.mark.parametrize("data", [b"", b"\0\0\0\2[]", b"\0\0\x0b\xb8" + b"[" * 3000])
def test_a_process_that_hangs_up_or_talks_nonsense(line: Line, data: bytes) -> None:
    """
    That ends the start with a line.
    """
    line.theirs.sendall(data)
    line.theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(StartError, match="does not hand over"):
        line.former.greet()


def test_what_it_counts_later(line: Line) -> None:
    """
    Counters come until it ends; those that cannot be read end the line and nothing else.
    """
    reactor, counts = Reactor(), []
    line.former.use_output = lambda which: None  # type: ignore[method-assign]
    line.former.on_counts = counts.append
    line.former.serving(reactor)
    protocol = reactor.factory.buildProtocol(None)
    closed: list[bool] = []
    written: list[bytes] = []
    transport = SimpleNamespace(
        write=written.append, loseConnection=lambda: closed.append(True), disconnecting=False
    )
    protocol.makeConnection(transport)
    protocol.dataReceived(frame("counts", counts={"a": 1}, connections=2))
    assert (counts, line.former.connections) == ([{"a": 1}], 2)
    protocol.connectionLost()
    assert not line.former.there
    line.former.tell("reopen")


def test_sessions_are_asked_for_if_it_knows_of_that(line: Line) -> None:
    """
    An older version says nothing of it.
    """
    line.offer([])
    line.former.greet()
    assert not line.former.late
    assert line.heard()[0]["late"]
    line.former.pid = 0
    line.offer([], late=True)
    line.former.greet()
    assert line.former.late
    line.theirs.sendall(frame("sessions", sessions={"u": []}))
    assert line.former.sessions() == {"u": []}
