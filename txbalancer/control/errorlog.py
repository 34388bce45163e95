"""
The error log: messages of the service in a file of its own, beside twistd's log.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import (
    ILogObserver,
    LogLevel,
    eventAsText,
    formatTime,
    globalLogPublisher,
)
from zope.interface import implementer

from txbalancer.control.logsinks import NullSink, Sink, open_sink

MOST_EARLY = 1000
"""Messages that are remembered, as they may be told once more."""
_WEIGHT = {level: weight for weight, level in enumerate(LogLevel.iterconstants())}


def open_error_log(
    destination: str, level: str, publisher: Any = globalLogPublisher
) -> ErrorLog | None:
    """
    Open the log that C{error-log} and C{log-level} describe, and write to it from now on.

    @param destination: a path, C{-} or C{syslog}; empty for C{None}.
    @param level: least weight of a message: C{debug}, C{info}, C{warn} or C{error}.
    @raise StartError: the destination cannot be written.
    """
    sink = open_sink(destination, "error log") if destination else None
    return ErrorLog(sink, LogLevel.levelWithName(level), publisher) if sink else None


@implementer(ILogObserver)
class ErrorLog:
    """
    Writes messages as lines; a traceback goes on in further lines, indented.

    What cannot be written at once, as on a full disk, is lost: twistd's own log has it.
    """

    def __init__(self, sink: Sink, level: Any, publisher: Any) -> None:
        self._sink = sink
        self._least = _WEIGHT[level]
        self._publisher = publisher
        self._early: set[tuple[float | None, str]] = set()
        publisher.addObserver(self)

    def __call__(self, event: dict[str, Any]) -> None:
        """
        Take a message.
        """
        level = event.get("log_level") or LogLevel.info
        # Who changed what is written whatever the level: it is no chatter.
        if _WEIGHT[level] < self._least and not event.get("audit"):
            return
        text = eventAsText(
            event, includeTraceback=True, includeTimestamp=False, includeSystem=False
        )
        if text and not self._is_repeated(event.get("log_time"), text):
            text = text.rstrip().replace("\n", "\n\t")
            line = f"{formatTime(event.get('log_time'))} [{level.name}] {text}\n"
            self._write(line.encode("utf-8", "replace"))

    def _is_repeated(self, when: float | None, text: str) -> bool:
        """
        Tell whether a message came before: C{python -m twisted} starts services, then the log,
        and with that tells everybody anew what there was until then.
        """
        message = (when, text)
        if message in self._early:
            return when is not None
        if len(self._early) < MOST_EARLY:
            self._early.add(message)
        return False

    def _write(self, data: bytes) -> None:
        try:
            while data:
                taken = self._sink.write(data)
                if not taken:
                    return
                data = data[taken:]
        except OSError:
            return  # there is nowhere to tell it

    def reopen(self) -> None:
        """
        Open the destination anew, after log rotation; the old one stays when that fails.
        """
        try:
            self._sink.reopen()
        except OSError:
            return

    def close(self) -> None:
        """
        Write nothing more.
        """
        self._publisher.removeObserver(self)
        self._sink.close()
        self._sink = NullSink()
