"""
A worker as its supervisor sees it: a process, and a line to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.protocols.amp import AMP
from twisted.python.failure import Failure

from txbalancer.workers.orders import Reported, Seen, Turned

LINE = 3
"""Number of the file by which a worker talks to its supervisor."""

COMMAND = (sys.executable, "-m", "txbalancer.services.worker")


class Line(AMP):
    """
    The supervisor's end of the line to a worker; what the worker says goes to its L{Child}.
    """

    def __init__(self, child: Child) -> None:
        super().__init__()
        self._child = child

    @Reported.responder
    def reported(self, report: Any) -> dict[str, Any]:
        """
        Take a report.
        """
        self._child.heard()
        self._child.on_report(self._child, report)
        return {}

    @Turned.responder
    def turned(self, turn: Any) -> dict[str, Any]:
        """
        Take a change of a member's flags.
        """
        self._child.on_turn(self._child, turn)
        return {}

    @Seen.responder
    def seen(self, lines: Any) -> dict[str, Any]:
        """
        Take lines of the access log.
        """
        self._child.on_lines(lines)
        return {}


class Child(ProcessProtocol):
    """
    One worker process.

    @ivar number: its place among the workers, from 1; 0 while it is a spare.
    @ivar pid: of the process; 0 when it is over. C{last_pid}: the same, then, too.
    @ivar line: how to talk to it.
    @ivar heard_at: when it gave its last sign of life.
    @ivar started: when it was started.
    @ivar ended: fires with the cause in words when the process is over.
    """

    log = Logger()

    def __init__(self, reactor: Any, now: Callable[[], float]) -> None:
        self.number = 0
        self.pid = self.last_pid = 0
        self._reactor, self._now = reactor, now
        self.line = Line(self)
        self.heard_at = self.started = now()
        self.ended: Deferred[str] = Deferred()
        self.on_report: Callable[[Child, Any], object] = lambda child, report: None
        self.on_turn: Callable[[Child, Any], object] = lambda child, turn: None
        self.on_lines: Callable[[Any], object] = lambda lines: None
        self.why = ""
        self._text = b""

    def start(self, command: Sequence[str] = COMMAND) -> None:
        """
        Start the process; it does nothing before it is told to.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, its, open(os.devnull, "rb") as nothing:
            ours.setblocking(False)
            files = {0: nothing.fileno(), 1: 1, 2: "r", LINE: its.fileno()}
            made = self._reactor.spawnProcess(
                self, command[0], list(command), env=None, childFDs=files
            )
            # The reactor takes a copy of the file.
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Known(self.line))
        self.pid = self.last_pid = made.pid

    def heard(self) -> None:
        """
        Note a sign of life.
        """
        self.heard_at = self._now()

    def kill(self, why: str) -> None:
        """
        End the process at once.

        @param why: for the log.
        """
        if self.pid:
            self.why = why
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def call(self, command: Any, **arguments: Any) -> Deferred[Any]:
        """
        Tell it something.

        @return: fires with its answer; C{None} where it ended before.
        """
        answered: Deferred[Any] = self.line.callRemote(command, **arguments)
        return answered.addErrback(self._unanswered)

    def tell(self, command: Any, **arguments: Any) -> None:
        """
        Tell it something that it need not answer.
        """
        if self.line.transport is not None and self.pid:
            self.line.callRemote(command, **arguments)

    def _unanswered(self, failure: Failure) -> None:
        if self.pid:
            self.log.debug("worker {number}: {text}", number=self.number, text=str(failure.value))

    # -- what the process does

    def errReceived(self, data: bytes) -> None:
        """
        Pass on what it prints, line by line.
        """
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        level, text = LogLevel.error, line.decode("utf-8", "replace")
        with contextlib.suppress(ValueError, TypeError, KeyError):
            event = json.loads(text)
            level, text = LogLevel.lookupByName(event["level"]), event["text"]
        name = f"worker {self.number}" if self.number else "spare worker"
        self.log.emit(level, "{worker}: {text}", worker=name, text=text)

    def processEnded(self, reason: Failure) -> None:
        """
        Say why it is over.
        """
        if self._text:
            self._say(self._text)
        self.pid = 0
        self.ended.callback(self.why or _cause(reason))


class Known:
    """
    A factory of one protocol that is there already.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, address: Any) -> Any:
        """
        Return it.
        """
        return self._protocol


def _cause(reason: Failure) -> str:
    """
    Say in words how a process ended.
    """
    if reason.check(ProcessDone):
        return "it ended by itself"
    number, code = getattr(reason.value, "signal", None), getattr(reason.value, "exitCode", None)
    if number is not None:
        return f"it was ended by {signal.Signals(number).name}"
    return f"it ended with exit code {code}"
