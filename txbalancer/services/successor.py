"""
The process that is to take this one's place, as long as it starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from txbalancer.control.logsinks import NullSink, Sink, StreamSink
from txbalancer.core.succession import Frames, Message, frame
from txbalancer.services.former import ERRORS, OUTPUT, VARIABLE

_LINE = 3
"""Number of the file by which it talks to this one; our outputs are the two behind it."""

_KEPT = 50
"""Lines of its output that are kept for the case that it fails."""

_NOT_ITS = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID")
"""What systemd says for one process only."""


class Successor(ProcessProtocol):
    """
    Starts it, shows what it prints, and passes on what it says.

    @ivar pid: of it; 0 when it is over.
    @ivar on_message: called with what it says.
    @ivar ended: fires with the cause in words when it is over.
    @ivar parted: fires when nothing can be told to it any more.
    """

    def __init__(self, reactor: Any, on_message: Callable[[Message], object]) -> None:
        self._reactor = reactor
        self.pid = 0
        self.on_message = on_message
        self.ended: Deferred[str] = Deferred()
        self.parted: Deferred[None] = Deferred()
        self._said: dict[int, deque[bytes]] = {
            each: deque(maxlen=_KEPT) for each in (OUTPUT, ERRORS)
        }
        self._rest = {OUTPUT: b"", ERRORS: b""}
        self._sinks = {each: _sink(each) for each in (OUTPUT, ERRORS)}
        self.transport_of_line: Any = None

    def start(self, command: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
        """
        Start it.

        @raise OSError: when that is not possible at all.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        its_own = {name: each for name, each in environment.items() if name not in _NOT_ITS}
        with ours, its, open(os.devnull, "rb") as nothing:
            ours.setblocking(False)
            files: dict[int, Any] = {
                0: nothing.fileno(),
                OUTPUT: "r",
                ERRORS: "r",
                _LINE: its.fileno(),
                _LINE + OUTPUT: OUTPUT,
                _LINE + ERRORS: ERRORS,
            }
            made = self._reactor.spawnProcess(
                self,
                command[0],
                list(command),
                env={**its_own, VARIABLE: str(_LINE)},
                path=folder,
                childFDs=files,
            )
            self.pid = made.pid
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _Factory(self))

    def tell(self, say: str, files: Sequence[int] = (), **fields: Any) -> None:
        """
        Tell it something.

        @param files: numbers of files that it gets with it.
        """
        if self.transport_of_line is None:
            return
        for number in files:
            self.transport_of_line.sendFileDescriptor(number)
        self.transport_of_line.write(frame(say, **fields))

    def part(self) -> Deferred[None]:
        """
        Tell it nothing more, once it has been told everything.
        """
        if self.transport_of_line is not None:
            self.transport_of_line.loseConnection()
        return self.parted

    def kill(self) -> None:
        """
        End it at once.
        """
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    # -- what it says

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        Show what it prints. What cannot be written now is left out: nobody must wait for that, and
        the last lines are kept for L{said}.
        """
        with contextlib.suppress(OSError):
            self._sinks[childFD].write(data)
        *lines, self._rest[childFD] = (self._rest[childFD] + data).split(b"\n")
        self._said[childFD].extend(lines)

    def said(self) -> str:
        """
        Return the last lines that it printed: of its errors, if there are any.
        """
        for each in (ERRORS, OUTPUT):
            lines = [*self._said[each], self._rest[each]]
            text = b"\n".join(lines).decode("utf-8", "replace").strip()
            if text:
                return text
        return ""

    def processEnded(self, reason: Failure) -> None:
        """
        Say why it is over.
        """
        self.pid = 0
        self.ended.callback(_cause(reason))


def _sink(number: int) -> Sink:
    try:
        return StreamSink(number, "an output")
    except OSError:
        # It is closed.
        return NullSink()


def _cause(reason: Failure) -> str:
    if reason.check(ProcessDone):
        return "it ended by itself"
    number = getattr(reason.value, "signal", None)
    if number is not None:
        return f"it was ended by {signal.Signals(number).name}"
    return f"it ended with exit code {getattr(reason.value, 'exitCode', None)}"


class _Line(Protocol):
    def __init__(self, successor: Successor) -> None:
        self._successor = successor
        self._frames = Frames()

    def connectionMade(self) -> None:
        self._successor.transport_of_line = self.transport

    def dataReceived(self, data: bytes) -> None:
        try:
            messages = self._frames.feed(data)
        except ValueError:
            self._successor.kill()
            return
        for each in messages:
            self._successor.on_message(each)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self._successor.transport_of_line = None
        self._successor.parted.callback(None)


class _Factory:
    def __init__(self, successor: Successor) -> None:
        self._successor = successor

    def buildProtocol(self, address: Any) -> Protocol:
        return _Line(self._successor)
