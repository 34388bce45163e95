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
from twisted.internet.error import ConnectionClosed, ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txbalancer.workers.line import Known, Line
from txbalancer.workers.rates import RateMemory
from txbalancer.workers.table import BEAT

LINE, TABLE, BOX = 3, 4, 5
"""Numbers of a worker's files: the line to its supervisor, the memory of the shared table, and
where connections come that others accepted."""

DUMP = signal.SIGQUIT
"""Has a worker write down where it is."""

COMMAND = (sys.executable, "-P", "-m", "txbalancer.services.worker")

_LAST_WORDS = 0.2
"""Seconds for that."""

_MUTE = 1.0
"""Seconds that a process may go on after its line has ended."""

_LONGEST = 1 << 16
"""Bytes of a line that a worker may print."""

_LEVELS = {each.name: each for each in LogLevel.iterconstants()}


class Child(ProcessProtocol):
    """
    One worker process.

    @ivar number: its place among the workers, from 1; 0 while it is a spare.
    @ivar column: its column of the shared table.
    @ivar pid: of the process; 0 when it is over. C{last_pid}: the same, then, too.
    @ivar line: how to talk to it.
    @ivar at_work: since when it has its place.
    @ivar has: keys and numbers of the sockets that it was given.
    @ivar rates: the memory of limits that it was given, by name.
    @ivar why: it is ended by the supervisor, and for what reason.
    @ivar ended: fires with the cause in words when the process is over and all that it said heard.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], float],
        column: int,
        cells: Any,
        files: tuple[int, int],
        arguments: Sequence[str] = (),
    ) -> None:
        """
        @param cells: the column itself.
        @param files: numbers of the files of the table and of its box.
        @param arguments: what the process is told on its command line.
        """
        self.number, self.column = 0, column
        self.pid = self.last_pid = 0
        self._reactor, self._now = reactor, now
        self._cells, self._files, self._arguments = cells, files, tuple(arguments)
        self.line = Line(self)
        self.at_work = self._expected = now()
        self._told = self._allowed = 0.0
        self.has: set[tuple[int, int]] = set()
        self.rates: dict[str, RateMemory] = {}
        self.ended: Deferred[str] = Deferred()
        self.on_report: Callable[[Child, Any], object] = lambda child, report: None
        self.on_word: Callable[[Child, Any], object] = lambda child, word: None
        self.on_trouble: Callable[[Child, str], object] = lambda child, why: None
        self.on_lines: Callable[[Any], object] = lambda lines: None
        self.on_warning: Callable[[Child, str], object] = lambda child, text: None
        self.why = ""
        self._text = b""
        self._cause: str | None = None
        self._heard_all = False

    def start(self, command: Sequence[str] = COMMAND) -> None:
        """
        Start the process; it does nothing before it is told to.

        @raise OSError: when it cannot be started.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        table, box = self._files
        with ours, its, open(os.devnull, "rb") as nothing:
            ours.setblocking(False)
            files = {0: nothing.fileno(), 1: 1, 2: "r", LINE: its.fileno(), TABLE: table, BOX: box}
            whole = [*command, *self._arguments]
            # What is found here, plugins included, must be found there.
            env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            made = self._reactor.spawnProcess(self, whole[0], whole, env=env, childFDs=files)
            # The reactor takes a copy of the file.
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Known(self.line))
        self.pid = self.last_pid = made.pid

    # -- its life

    def expect(self, seconds: float) -> None:
        """
        Expect its first sign of life within so many seconds.
        """
        self._expected = self._now() + seconds

    def give_time(self, seconds: float) -> None:
        """
        Let it give no sign of life for so long, for it is given much to do now. One that should
        have given one has to do so first: if it hangs already it is found as always.
        """
        if self.silence() >= 0:
            self._told = self._now()
        self._allowed = seconds

    def silence(self) -> float:
        """
        Return for how many seconds it has given no sign of life though it should.
        """
        last = self._cells[BEAT] / 1e9
        if not last:
            return self._now() - self._expected
        if last > self._told:
            last += self._allowed
        return self._now() - last

    def kill(self, why: str) -> None:
        """
        End the process at once.

        @param why: for the log.
        """
        if self.pid:
            self.why = self.why or why
            self._signal(signal.SIGKILL)

    def give_up(self, why: str) -> None:
        """
        End a process that hangs, once it has written down where.

        @param why: for the log.
        """
        if self.pid and not self.why:
            self.why = why
            self._signal(DUMP)
            self._reactor.callLater(_LAST_WORDS, self.kill, why)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    # -- what it is told

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
        if not failure.check(ConnectionClosed):
            self.log.failure("worker {number} did not do so", failure, number=self.number)

    # -- what the process does

    def errReceived(self, data: bytes) -> None:
        """
        Pass on what it prints, line by line.
        """
        *lines, self._text = (self._text + data).split(b"\n")
        if len(self._text) > _LONGEST:
            lines.append(self._text)
            self._text = b""
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        level, text = LogLevel.error, line.decode("utf-8", "replace")
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            event = json.loads(text)
            level, text = _LEVELS[event["level"]], event["text"]
        name = f"worker {self.number}" if self.number else "spare worker"
        self.log.emit(level, "{worker}: {text}", worker=name, text=text)

    def processEnded(self, reason: Failure) -> None:
        """
        Learn why it is over.
        """
        if self._text:
            self._say(self._text)
        self.pid = 0
        self._cause = self.why or _cause(reason)
        self._over()

    def hung_up(self) -> None:
        """
        Learn that it has nothing more to say; most often because it is about to be over.
        """
        self._heard_all = True
        self._over()
        if self.pid:
            self._reactor.callLater(_MUTE, self._mute)

    def _mute(self) -> None:
        if self.pid:
            # For a fault at one end; it cannot be told anything any more.
            self.on_trouble(self, "its line to the supervisor has ended")

    def _over(self) -> None:
        if self._heard_all and self._cause is not None:
            self.ended.callback(self._cause)


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
