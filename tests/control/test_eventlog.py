"""
The event log: one line of JSON for each event, written at once.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.control.test_accesslog import FakeSink
from txbalancer.control.accesslog import DELAY, AccessLog
from txbalancer.control.eventlog import EventLog, as_line, open_event_log
from txbalancer.control.journal import Journal
from txbalancer.core.events import KINDS, Event
from txbalancer.errors import StartError

EVENT = Event(7, 1795247861.25, "flip", "shop", "http://a", "in use -> in error: gone", "", {})


class Bench:
    """
    An event log over a fake sink.
    """

    def __init__(self) -> None:
        self.sink = FakeSink()
        self.clock = Clock()
        self.journal = Journal(lambda: 1795247861.25)
        log = AccessLog(self.sink, as_line, self.clock, 300, "event log")
        self.events = EventLog(log, self.journal)

    @property
    def texts(self) -> list[str]:
        return [json.loads(line)["text"] for line in b"".join(self.sink.written).splitlines()]


def test_a_line() -> None:
    """
    Everything of an event is there, with the time as people and programs read it.
    """
    event = EVENT._replace(who="alice", details={"before": "Init Ok", "after": "Init Err"})
    assert as_line(event) == (
        b'{"number":7,"time":"2026-11-21T07:57:41.250Z","kind":"flip","balancer":"shop",'
        b'"member":"http://a","text":"in use -> in error: gone","who":"alice",'
        b'"details":{"before":"Init Ok","after":"Init Err"}}\n'
    )


@given(st.text(), st.text(), st.sampled_from(KINDS))
def test_no_text_forges_a_line(text: str, who: str, kind: str) -> None:
    """
    Whatever is in names and texts, an event is one line of plain characters, and comes back.
    """
    line = as_line(EVENT._replace(text=text, who=who, kind=kind))
    assert line.count(b"\n") == 1
    assert line[:-1].decode("ascii").isprintable()
    assert (json.loads(line)["text"], json.loads(line)["who"]) == (text, who)


def test_events_are_written_at_once_and_from_then_on() -> None:
    """
    Nothing waits for a batch; what was before the log is followed is not in it.
    """
    bench = Bench()
    bench.journal.note("start", "before")
    bench.events.follow()
    bench.events.follow()
    bench.journal.note("start", "the service serves")
    assert bench.texts == ["the service serves"]
    bench.events.close()
    bench.journal.note("stop", "after")
    assert bench.texts == ["the service serves"]
    assert bench.sink.calls == ["close"]
    assert bench.clock.getDelayedCalls() == []


def test_a_full_disk_is_survived_and_told() -> None:
    """
    Events are held and written later; what is too much is counted.
    """
    told: list[dict[str, Any]] = []

    def observer(event: dict[str, Any]) -> None:
        told.append(event)

    bench = Bench()
    bench.events.follow()
    globalLogPublisher.addObserver(observer)
    try:
        bench.sink.error = OSError(errno.ENOSPC, "No space left on device")
        for number in range(4):
            bench.journal.note("warning", str(number))
        assert bench.texts == []
        bench.sink.error = None
        bench.clock.advance(DELAY)
    finally:
        globalLogPublisher.removeObserver(observer)
    assert bench.texts == ["0", "1"]
    texts = [each["log_format"].format(**each) for each in told]
    assert texts == [
        "event log /logs/access: No space left on device; 0 lines lost so far, trying again",
        "event log /logs/access: written again, 2 lines were lost",
    ]


def test_rotation() -> None:
    """
    Reopening is the sink's.
    """
    bench = Bench()
    bench.events.reopen()
    assert bench.sink.calls == ["reopen"]


def test_off_and_wrong(tmp_path: Path) -> None:
    """
    Off is no log; a path that cannot be written is an error that names it.
    """
    journal = Journal(lambda: 0.0)
    assert open_event_log("off", journal, Clock()) is None
    with pytest.raises(StartError, match=r"event log /nowhere/e\.log: No such"):
        open_event_log("/nowhere/e.log", journal, Clock())
    log = open_event_log(str(tmp_path / "events.log"), journal, Clock())
    assert log is not None
    log.close()
