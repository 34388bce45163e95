"""
The event log: what the journal notes, as lines that outlive the process.
"""

from __future__ import annotations

import json
import time
from typing import Any

from txbalancer.control.accesslog import AccessLog
from txbalancer.control.journal import Journal
from txbalancer.control.logsinks import open_sink
from txbalancer.core.events import Event


def open_event_log(destination: str, journal: Journal, clock: Any) -> EventLog | None:
    """
    Open the log that C{event-log} describes; C{None} for C{off}.

    Nothing is written before L{EventLog.follow}.

    @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
    @raise StartError: the destination cannot be written.
    """
    sink = open_sink(destination, "event log")
    if sink is None:
        return None
    return EventLog(AccessLog(sink, as_line, clock, what="event log"), journal)


class EventLog:
    """
    Writes each event as it is noted, without waiting: who did what before a crash is there
    after it.

    A destination that fails is treated as that of an access log.
    """

    def __init__(self, log: AccessLog[Event], journal: Journal) -> None:
        self._log = log
        self._journal = journal
        self._end: Any = None

    def follow(self) -> None:
        """
        Write all events from now on.
        """
        if self._end is None:
            self._end = self._journal.listen(self._write)

    def _write(self, event: Event) -> None:
        self._log.log(event)
        self._log.flush()

    def reopen(self) -> None:
        """
        Open the destination anew, after log rotation; the old one stays when that fails.
        """
        self._log.reopen()

    def close(self) -> None:
        """
        Write what is held, and nothing more.
        """
        if self._end is not None:
            self._end()
        self._log.close()


def as_line(event: Event) -> bytes:
    """
    Write an event as one line of JSON: as the API does, but with the time as text and in ASCII,
    so that no name in it can forge a line or move a terminal's cursor.
    """
    second = int(event.time)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    milliseconds = int((event.time - second) * 1000)
    line = {**event.as_json(), "time": f"{stamp}.{milliseconds:03d}Z"}
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"
