"""
The access log: one line per exchange, written in batches, never at a request's expense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txbalancer.control.logformat import compile_format
from txbalancer.control.logsinks import NullSink, Sink, open_sink
from txbalancer.core.outcome import Outcome
from txbalancer.errors import StartError

BATCH = 64 * 1024
"""Bytes that are written at once, without waiting for L{DELAY}."""

DELAY = 0.5
"""Seconds that a line waits at most."""

MOST_HELD = 8 * 1024 * 1024
"""Bytes that are held while the destination takes none."""

WARN_EVERY = 60.0
"""Seconds between two warnings."""


Record = TypeVar("Record")

Due = Callable[[], object]


def open_access_log(
    destination: str, text: str, clock: Any, due: Due | None = None, marks: bool = False
) -> AccessLog[Outcome] | NoAccessLog:
    """
    Open the log that C{access-log} and C{access-log-format} describe.

    @param due: see L{AccessLog}.
    @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
    @param marks: whether requests may be marked by rate limits with C{dry-run}.
    @raise StartError: the format is wrong, or the destination cannot be written.
    """
    try:
        write_line = compile_format(text, marks)
    except ValueError as error:
        raise StartError(f"access-log-format: {error}") from error
    sink = open_sink(destination)
    return NoAccessLog() if sink is None else AccessLog(sink, write_line, clock, due=due)


class AccessLog(Generic[Record]):
    """
    Collects lines and writes them when there are enough or when time is up.

    Lines are made at once rather than when written: it costs the same, and the
    outcome with its request need not be kept.

    A destination that fails, such as a full disk, is tried again every L{DELAY}.
    Until then lines are held, up to C{most_held} bytes; those over it are lost.

    @ivar lost: how many were, ever.
    """

    _log = Logger()

    def __init__(
        self,
        sink: Sink,
        write_line: Callable[[Record], bytes],
        clock: Any,
        most_held: int = MOST_HELD,
        what: str = "access log",
        due: Due | None = None,
    ) -> None:
        """
        @param write_line: makes a line, with its end.
        @param due: called when there are many lines, by somebody who calls L{flush} then and
            every now and then; C{None} where nobody does.
        @param what: the log it is, for messages.
        """
        self._what = what
        self._sink = sink
        self._write_line = write_line
        self._clock = clock
        self._most_held = most_held
        self._lines: list[bytes] = []
        self._size = 0
        self._rest = b""
        self._stuck = self._outdated = False
        self._lost = self.lost = 0
        self._warned: float | None = None
        self._timer: IDelayedCall | _Elsewhere | None = None if due is None else _Elsewhere()
        self._due = due or self.flush

    def log(self, record: Record) -> None:
        """
        Add a line: in an access log, that of a finished exchange.
        """
        try:
            line = self._write_line(record)
        except Exception:
            # A fault of ours must not become one of the exchange.
            self._lose()
            if self._may_warn():
                self._log.failure("{what}: a line could not be made", what=self._what)
            return
        self._lines.append(line)
        self._size += len(line)
        if self._timer is None or self._size >= BATCH or self._stuck:
            self._attend()

    def _attend(self) -> None:
        """
        See to the timer, to a full batch, and to lines above the limit.
        """
        if self._timer is None:
            self._timer = self._clock.callLater(DELAY, self._time_is_up)
        if self._size >= BATCH and not self._stuck:
            self._due()
        if self._lines and self._size + len(self._rest) > self._most_held:
            self._size -= len(self._lines.pop())
            self._lose()

    def _lose(self) -> None:
        self._lost += 1
        self.lost += 1

    def _time_is_up(self) -> None:
        self._timer = None
        self.flush()
        if self._stuck:
            self._timer = self._clock.callLater(DELAY, self._time_is_up)

    def flush(self) -> None:
        """
        Write all lines, as far as the destination takes them.
        """
        if self._outdated:
            self._open_anew()
        cause = ""
        was_stuck = self._stuck
        try:
            self._write()
        except OSError as error:
            cause = error.strerror or str(error)
        self._stuck = bool(self._rest)
        if self._stuck:
            # A reader that is slow for a moment is no news.
            if cause or self._lost:
                self._warn(cause or "it takes no more for now")
        elif was_stuck and (self._lost or self._warned is not None):
            self._log.info(
                "{what} {name}: written again, {lost} lines were lost",
                what=self._what,
                name=self._sink.name,
                lost=self._lost,
            )
            self._lost, self._warned = 0, None

    def _write(self) -> None:
        while self._rest or self._lines:
            if not self._rest:
                self._rest = b"".join(self._lines)
                self._lines.clear()
                self._size = 0
            taken = self._sink.write(self._rest)
            whole = taken == len(self._rest)
            self._rest = self._rest[taken:]
            if not whole:
                return

    def _may_warn(self) -> bool:
        now = self._clock.seconds()
        if self._warned is not None and now - self._warned < WARN_EVERY:
            return False
        self._warned = now
        return True

    def _warn(self, cause: str) -> None:
        if self._may_warn():
            self._log.warn(
                "{what} {name}: {cause}; {lost} lines lost so far, trying again",
                what=self._what,
                name=self._sink.name,
                cause=cause,
                lost=self._lost,
            )

    def reopen(self) -> None:
        """
        Write what is held, then open the destination anew (SIGUSR1, after log rotation).

        Where that fails, for want of descriptors perhaps, it is tried again before each batch.
        """
        self.flush()
        self._outdated = False
        self._open_anew()
        if self._stuck:
            self.flush()

    def _open_anew(self) -> None:
        again = self._outdated
        try:
            self._sink.reopen()
        except OSError as error:
            self._outdated = True
            if not again:
                self._log.error(
                    "{what} {name}: cannot be opened anew, the old one stays until it can: {cause}",
                    what=self._what,
                    name=self._sink.name,
                    cause=error.strerror or str(error),
                )
        else:
            self._outdated = False
            if again:
                self._log.info("{what} {name}: opened anew", what=self._what, name=self._sink.name)

    def close(self) -> None:
        """
        Write what is held and let the destination go; what is logged after it is forgotten.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()
        if self._stuck:
            self._log.warn(
                "{what} {name}: the last lines are lost", what=self._what, name=self._sink.name
            )
        self._sink.close()
        # The descriptor's number may soon be that of a client's connection.
        self._sink, self._rest, self._stuck = NullSink(), b"", False
        self._lines.clear()


class _Elsewhere:
    """
    The time of a log that somebody else keeps.
    """

    def cancel(self) -> None:
        """
        Nothing runs here.
        """


class NoAccessLog:
    """
    The log of C{access-log = off}.
    """

    lost = 0

    def log(self, outcome: Outcome) -> None:
        """
        Forget the exchange.
        """

    def flush(self) -> None:
        """
        Nothing is held.
        """

    def reopen(self) -> None:
        """
        Nothing is open.
        """

    def close(self) -> None:
        """
        Nothing is open.
        """
