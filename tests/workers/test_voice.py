"""
How a worker tells its log, and when it asks to be replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txbalancer.workers.voice import Troubles, Voice


class Pipe:
    """
    A voice and who hears it.
    """

    def __init__(self) -> None:
        self.end, self.file = os.pipe()
        os.set_blocking(self.file, False)
        os.set_blocking(self.end, False)
        self.now = 100.0
        self.voice = Voice(self.file, lambda: self.now)

    def say(self, level: LogLevel = LogLevel.warn, text: str = "late", of: str = "") -> None:
        """
        Log something.
        """
        log = Logger(namespace=of or "txbalancer.net", observer=self.voice)
        log.emit(level, "{text}", text=text)

    def heard(self) -> list[tuple[str, str]]:
        """
        Return what arrived.
        """
        data = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.end, 1 << 16):
                data += piece
        # Of the last line that had room there may be a part.
        events = [json.loads(line) for line in data.splitlines() if line.endswith(b"}")]
        return [(each["level"], each["text"]) for each in events]

    def close(self) -> None:
        """
        Hang up.
        """
        os.close(self.end)
        os.close(self.file)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """
    Make one.
    """
    made = Pipe()
    yield made
    made.close()


def test_what_is_told(pipe: Pipe) -> None:
    """
    Our own messages and those of plugins are told, what is for debugging included; Twisted's when
    something is wrong.
    """
    pipe.say(LogLevel.debug, "a status line was not understood")
    pipe.say(LogLevel.info, "two\nlines")
    pipe.say(LogLevel.info, "hello", "company.plugin")
    pipe.say(LogLevel.info, "starting on 80", "twisted.internet.tcp")
    pipe.say(LogLevel.info, "starting on 81", "log_legacy")
    pipe.say(LogLevel.error, "broken", "twisted.internet.tcp")
    assert pipe.heard() == [
        ("debug", "a status line was not understood"),
        ("info", "two\nlines"),
        ("info", "hello"),
        ("error", "broken"),
    ]


def test_a_storm_is_bounded(pipe: Pipe) -> None:
    """
    Of many messages in a second most are only counted.
    """
    for _ in range(1000):
        pipe.say()
    assert len(pipe.heard()) == 200
    pipe.now += 1.0
    pipe.say()
    assert pipe.heard() == [
        ("warn", "800 more messages in a second were left out"),
        ("warn", "late"),
    ]


def test_nobody_waits_for_a_reader(pipe: Pipe) -> None:
    """
    What a pipe that nobody reads does not take is lost, and counted.
    """
    for _ in range(20):
        pipe.now += 1.0
        pipe.say(text="x" * 10_000)
    assert 0 < len(pipe.heard()) < 20
    pipe.now += 1.0
    pipe.say()
    first, last = pipe.heard()
    assert "more messages in a second were left out" in first[1]
    assert last == ("warn", "late")


class Told:
    """
    A worker's troubles.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.reasons: list[str] = []
        self.troubles = Troubles(lambda: self.now, self.reasons.append)

    def fail(self, error: Exception) -> None:
        """
        Log an error.
        """
        event: dict[str, Any] = {"log_failure": Failure(error)}
        self.troubles(event)


def test_no_memory() -> None:
    """
    A worker without memory asks to be replaced at once, and once.
    """
    told = Told()
    told.troubles({"log_level": LogLevel.error})
    told.fail(ValueError("odd"))
    told.fail(MemoryError())
    told.fail(MemoryError())
    assert told.reasons == ["it has no memory left (MemoryError)"]


def test_a_storm_of_errors() -> None:
    """
    A hundred unexpected errors in a second are borne, one more is not.
    """
    told = Told()
    for _ in range(10):
        told.now += 1.0
        for _ in range(100):
            told.fail(ValueError("odd"))
    assert told.reasons == []
    told.fail(KeyError("a"))
    assert told.reasons == ["more than 100 unexpected errors in a second, the last KeyError: 'a'"]
