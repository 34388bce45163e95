"""
The access log as a collector: batches, full disks, rotation, and the end.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from tests.control.records import finished
from txbalancer.control.accesslog import (
    BATCH,
    DELAY,
    WARN_EVERY,
    AccessLog,
    NoAccessLog,
    open_access_log,
)
from txbalancer.core.outcome import Outcome
from txbalancer.errors import StartError


class FakeSink:
    """
    Takes what it is told to: all, a number of bytes, or nothing with an error.
    """

    name = "/logs/access"

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.room: int | None = None
        self.error: OSError | None = None
        self.reopen_error: OSError | None = None
        self.calls: list[str] = []

    def write(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        taken = len(data) if self.room is None else min(self.room, len(data))
        self.written.append(data[:taken])
        return taken

    def reopen(self) -> None:
        self.calls.append("reopen")
        if self.reopen_error is not None:
            raise self.reopen_error

    def close(self) -> None:
        self.calls.append("close")


class Bench:
    """
    An access log over a fake sink and clock; the line is the outcome's reason.
    """

    def __init__(self, most_held: int = 1000) -> None:
        self.sink = FakeSink()
        self.clock = Clock()
        self.access_log = AccessLog(self.sink, self.write_line, self.clock, most_held)

    @staticmethod
    def write_line(record: Outcome) -> bytes:
        if record.reason == "fault":
            raise KeyError("fault")
        return record.reason.encode() + b"\n"

    def log(self, *words: str) -> None:
        for word in words:
            self.access_log.log(finished(reason=word))

    @property
    def text(self) -> bytes:
        return b"".join(self.sink.written)


@pytest.fixture
def bench() -> Bench:
    """
    Make a log with room for a thousand bytes of held lines.
    """
    return Bench()


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    """
    Collect what the access log says of itself.
    """
    seen: list[dict[str, Any]] = []

    def observer(event: dict[str, Any]) -> None:
        if event.get("log_namespace", "").endswith("AccessLog"):
            seen.append(event)

    globalLogPublisher.addObserver(observer)
    yield seen
    globalLogPublisher.removeObserver(observer)


def warnings(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """
    Return the cause and the count of each warning.
    """
    return [
        (event["cause"], event["lost"])
        for event in events
        if event["log_level"] is LogLevel.warn and "cause" in event
    ]


def test_lines_are_written_together_when_time_is_up(bench: Bench) -> None:
    """
    One timer serves all lines that come within the delay, and none runs without lines.
    """
    bench.log("a", "b")
    assert bench.sink.written == []
    assert len(bench.clock.getDelayedCalls()) == 1
    bench.clock.advance(DELAY)
    assert bench.sink.written == [b"a\nb\n"]
    assert bench.clock.getDelayedCalls() == []
    bench.log("c")
    bench.clock.advance(DELAY)
    assert bench.text == b"a\nb\nc\n"


def test_a_full_batch_does_not_wait() -> None:
    """
    Many lines are written as soon as they make up a batch.
    """
    bench = Bench(most_held=10 * BATCH)
    bench.log("x" * (BATCH - 1))
    assert len(bench.text) == BATCH


def test_a_slow_destination_gets_the_rest_later(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    What a pipe does not take now is written next time, in order, and nobody is warned.
    """
    bench.sink.room = 3
    bench.log("one", "two")
    bench.clock.advance(DELAY)
    assert bench.text == b"one"
    bench.log("three")
    bench.sink.room = None
    bench.clock.advance(DELAY)
    assert bench.text == b"one\ntwo\nthree\n"
    assert bench.clock.getDelayedCalls() == []
    assert events == []


def test_a_full_disk_loses_no_more_than_it_must(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    Lines are held up to the limit while the disk is full, the others are counted as lost.
    """
    bench.sink.error = OSError(errno.ENOSPC, "No space left on device")
    bench.log(*["x" * 99] * 7)
    bench.clock.advance(DELAY)
    bench.log(*["y" * 99] * 5)
    bench.sink.error = None
    bench.clock.advance(DELAY)
    assert bench.text == b"x" * 99 + (b"\n" + b"x" * 99) * 6 + (b"\n" + b"y" * 99) * 3 + b"\n"
    assert warnings(events) == [("No space left on device", 0)]
    assert events[-1]["lost"] == bench.access_log.lost == 2
    bench.log("z")
    assert bench.access_log.lost == 2, "the sum of all that were lost stays, for metrics"


def test_one_warning_a_minute(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    A disk that stays full is tried all the time and reported once a minute, with the count.
    """
    bench.sink.error = OSError(errno.EIO, "Input/output error")
    bench.log("a")
    bench.clock.pump([DELAY] * 4)
    bench.log(*["x" * 99] * 20)
    bench.clock.pump([DELAY] * int(WARN_EVERY / DELAY))
    assert warnings(events) == [("Input/output error", 0), ("Input/output error", 11)]


def test_lines_lost_to_a_reader_that_stopped_are_reported(
    bench: Bench, events: list[dict[str, Any]]
) -> None:
    """
    A pipe nobody reads gives no error; the loss is reported all the same.
    """
    bench.sink.room = 0
    bench.log("x" * 99)
    bench.clock.advance(DELAY)
    bench.log(*["x" * 99] * 11)
    bench.clock.advance(DELAY)
    assert warnings(events) == [("it takes no more for now", 2)]


def test_a_stuck_log_does_not_try_with_each_request() -> None:
    """
    While the destination fails only the timer tries it, however many lines come.
    """
    bench = Bench(most_held=BATCH * 4)
    tries = []
    bench.sink.error = OSError(errno.EPIPE, "")
    write = bench.sink.write

    def counted(data: bytes) -> int:
        tries.append(len(data))
        return write(data)

    bench.sink.write = counted  # type: ignore[method-assign]
    bench.log(*["x" * 999] * 200)
    assert len(tries) == 1


def test_a_fault_in_a_line_is_not_one_of_the_exchange(
    bench: Bench, events: list[dict[str, Any]]
) -> None:
    """
    A line that cannot be made is reported once a minute, and the next one is written.
    """
    bench.log("fault", "fault", "a")
    bench.clock.advance(DELAY)
    assert bench.text == b"a\n"
    assert [event["log_failure"].type for event in events] == [KeyError]
    assert isinstance(events[0]["log_failure"], Failure)


def test_reopening_writes_first(bench: Bench) -> None:
    """
    Lines from before the rotation go to the old file.
    """
    bench.log("a")
    bench.access_log.reopen()
    assert bench.text == b"a\n"
    assert bench.sink.calls == ["reopen"]


def test_reopening_frees_a_stuck_log(bench: Bench) -> None:
    """
    Lines that the old file did not take go to the new one at once.
    """
    bench.sink.error = OSError(errno.ENOSPC, "full")
    bench.log("a")

    def reopen() -> None:
        bench.sink.error = None

    bench.sink.reopen = reopen  # type: ignore[method-assign]
    bench.access_log.reopen()
    assert bench.text == b"a\n"


def test_a_failed_reopening_keeps_the_old_file(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    When the new file is not to be had, it is said and the old one goes on.
    """
    bench.sink.reopen_error = PermissionError(errno.EACCES, "Permission denied")
    bench.access_log.reopen()
    bench.log("a")
    bench.clock.advance(DELAY)
    assert bench.text == b"a\n"
    assert [(event["log_level"], event["cause"]) for event in events] == [
        (LogLevel.error, "Permission denied")
    ]


def test_a_failed_reopening_is_tried_again(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    Before each batch the new file is asked for again, until it is to be had; both is said once.
    """
    bench.sink.reopen_error = OSError(errno.EMFILE, "Too many open files")
    bench.access_log.reopen()
    for line in ("a", "b"):
        bench.log(line)
        bench.clock.advance(DELAY)
    bench.sink.reopen_error = None
    for line in ("c", "d"):
        bench.log(line)
        bench.clock.advance(DELAY)
    assert bench.text == b"a\nb\nc\nd\n"
    assert bench.sink.calls == ["reopen"] * 4
    assert [event["log_level"] for event in events] == [LogLevel.error, LogLevel.info]


def test_closing_writes_everything(bench: Bench) -> None:
    """
    At the end the last lines are written and no timer is left.
    """
    bench.log("a")
    bench.access_log.close()
    assert bench.text == b"a\n"
    assert bench.sink.calls == ["close"]
    assert bench.clock.getDelayedCalls() == []


def test_a_closed_log_takes_lines_and_forgets_them(bench: Bench) -> None:
    """
    An exchange that ends after the close reaches no descriptor that is somebody else's now.
    """
    bench.access_log.close()
    bench.log("late", "later")
    bench.access_log.reopen()
    bench.clock.advance(DELAY)
    bench.access_log.close()
    assert bench.text == b""
    assert bench.sink.calls == ["close"]
    assert bench.clock.getDelayedCalls() == []


def test_closing_a_stuck_log_says_so(bench: Bench, events: list[dict[str, Any]]) -> None:
    """
    Lines that cannot be written at the end are not lost in silence.
    """
    bench.sink.room = 0
    bench.log("a")
    bench.access_log.close()
    assert "last lines are lost" in events[-1]["log_format"]


def test_opening_puts_the_parts_together(tmp_path: Path) -> None:
    """
    The two configuration values make a log that writes to the file.
    """
    path = tmp_path / "access.log"
    access_log = open_access_log(str(path), "%s %{reason}n", Clock())
    access_log.log(finished())
    access_log.close()
    assert path.read_text() == "200 ok\n"


def test_a_wrong_format_stops_the_start() -> None:
    """
    A format that slipped through is one clear line, and no file is made for it.
    """
    with pytest.raises(StartError, match="access-log-format: position 4: unknown directive %y"):
        open_access_log("/nowhere/log", "%h %y", Clock())


def test_off_takes_everything_and_does_nothing() -> None:
    """
    Switched off, the log has the same calls.
    """
    access_log = open_access_log("off", "common", Clock())
    assert isinstance(access_log, NoAccessLog)
    access_log.log(finished())
    access_log.flush()
    access_log.reopen()
    access_log.close()
