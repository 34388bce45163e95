"""
How a worker tells its log to the supervisor, and when it asks to be replaced.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogLevel, eventAsText
from zope.interface import implementer

_MOST_LINES = 200
"""Lines in a second; of the others only the number is told."""

_MOST_ERRORS = 100
"""Errors in a second that nobody had expected, after which a worker is not well."""

_TWISTED = ("twisted", "log_legacy")
"""Namespaces of Twisted's own messages, of which only what is wrong is told."""


@implementer(ILogObserver)
class Voice:
    """
    Writes messages as lines of JSON, for the supervisor's log: all of ours and of plugins, of
    Twisted's only what is wrong. What the pipe does not take is lost; nobody must wait for a log.
    """

    def __init__(self, file: int, now: Callable[[], float]) -> None:
        """
        @param file: number of a pipe that does not block.
        """
        self._file, self._now = file, now
        self._second = self._lines = self._left_out = 0
        self._cut = False

    def __call__(self, event: dict[str, Any]) -> None:
        """
        Write a message.
        """
        level = event.get("log_level") or LogLevel.info
        of_twisted = str(event.get("log_namespace", "")).startswith(_TWISTED)
        if (of_twisted and level < LogLevel.warn) or not self._permitted():
            return
        text = eventAsText(
            event, includeTraceback=True, includeTimestamp=False, includeSystem=False
        )
        if text:
            self._write(level.name, text)

    def _permitted(self) -> bool:
        second = int(self._now())
        if second != self._second:
            left_out, self._left_out = self._left_out, 0
            self._second, self._lines = second, 0
            if left_out:
                self._write("warn", f"{left_out} more messages in a second were left out")
        self._lines += 1
        if self._lines > _MOST_LINES:
            self._left_out += 1
            return False
        return True

    def _write(self, level: str, text: str) -> None:
        line = json.dumps({"level": level, "text": text}).encode() + b"\n"
        if self._cut:
            line = b"\n" + line
        try:
            # There may be room for a part only.
            self._cut = os.write(self._file, line) < len(line)
        except OSError:
            self._left_out += 1


@implementer(ILogObserver)
class Troubles:
    """
    Counts errors that nobody had expected, and tells when a worker should not go on with them.
    """

    def __init__(self, now: Callable[[], float], tell: Callable[[str], object]) -> None:
        """
        @param tell: called, once, with the reason.
        """
        self._now, self._tell = now, tell
        self._second = self._errors = 0
        self._told = False

    def __call__(self, event: dict[str, Any]) -> None:
        """
        Look at a message.
        """
        failure = event.get("log_failure")
        if failure is None or self._told:
            return
        second = int(self._now())
        if second != self._second:
            self._second, self._errors = second, 0
        self._errors += 1
        if failure.check(MemoryError):
            self._say("it has no memory left (MemoryError)")
        elif self._errors > _MOST_ERRORS:
            last = f"{failure.type.__name__}: {failure.value}"[:200]
            self._say(f"more than {_MOST_ERRORS} unexpected errors in a second, the last {last}")

    def _say(self, why: str) -> None:
        self._told = True
        self._tell(why)
