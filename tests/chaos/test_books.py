"""
Counters against lines, and faults against failures.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import judges
from tests.chaos.books import Counted, LogReader, Place, counted, differences
from tests.chaos.faults import Hang, Kill, Slow
from tests.chaos.judges import CleanLog, Settled
from tests.chaos.ledger import GRACE, Ledger
from tests.chaos.sheet import Failure, Sheet, Trouble

METRICS = """\
# HELP txbalancer_member_requests_total Exchanges.
txbalancer_log_lines_lost_total 2
txbalancer_listener_requests_total{code="2xx",listener="web"} 3
txbalancer_listener_requests_total{code="5xx",listener="web"} 0
txbalancer_member_requests_total{balancer="pool",code="2xx",member="http://a"} 1.0e+01
txbalancer_member_attempts_total{balancer="pool",member="http://a"} 12
"""


def line(**values: Any) -> bytes:
    """
    Write a line of the log.
    """
    whole = {"listener": "web", "balancer": "", "member": "", "status": 200, **values}
    return json.dumps(whole).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.touch()
    return path


@pytest.fixture
def reader(log: Path) -> Iterator[LogReader]:
    with closing(LogReader(log)) as made:
        yield made


def test_counters_are_read() -> None:
    """
    Requests are counted by place and class; other families are left alone.
    """
    web = Place(listener="web", code="2xx")
    member = Place(balancer="pool", member="http://a", code="2xx")
    assert counted(METRICS) == Counted(Counter({web: 3, member: 10}), 2)


def test_lines_are_read_as_they_come(log: Path, reader: LogReader) -> None:
    """
    Half a line is read once it is whole, and a new file after the end of the old one.
    """
    whole = line(balancer="pool", member="a", status=0)
    with log.open("ab", buffering=0) as file:
        file.write(line() + whole[:20])
        reader.read()
        assert reader.tally == {Place(listener="web", code="2xx"): 1}
        log.rename(log.with_suffix(".1"))
        file.write(whole[20:])
    log.write_bytes(line() + b"junk\n")
    reader.follow()
    reader.read()
    assert reader.tally == {
        Place(listener="web", code="2xx"): 2,
        Place(listener="web", code="none"): 1,
        Place(balancer="pool", code="none"): 1,
        Place(balancer="pool", member="a", code="none"): 1,
    }
    assert reader.faulty == [b"junk"]


def test_what_is_not_the_same_is_told() -> None:
    """
    A line too many or too few is told, unless as many were lost; the listener that is asked for
    the counters does not count.
    """
    web, admin = Place(listener="web", code="2xx"), Place(listener="admin", code="2xx")
    lines = Counter({web: 5, admin: 1})
    assert differences(Counted(Counter({web: 5}), 0), lines) == []
    assert differences(Counted(Counter({web: 6}), 1), lines) == []
    assert differences(Counted(Counter({web: 6}), 0), lines) == ["web 2xx: 6 counted, 5 lines"]
    assert differences(Counted(Counter({web: 4}), 9), lines) == ["web 2xx: 4 counted, 5 lines"]
    assert differences(Counted(Counter({web: 4}), 0), lines, 1) == []
    assert differences(Counted(Counter({web: 6}), 0), lines, 1) == []
    assert len(differences(Counted(Counter({web: 7}), 0), lines, 1)) == 1


def failure(trouble: Trouble, began: float, ended: float, safe: bool = True) -> Failure:
    """
    Make a failure.
    """
    return Failure("http", trouble, safe, began, ended, "")


def test_what_a_fault_excuses() -> None:
    """
    A killed member breaks answers that have begun, and tunnels; but what can be sent again has to
    be answered, and nothing is excused before a fault or long after it.
    """
    ledger = Ledger()
    entry = ledger.begin(Kill(("web1",), 0), "kill web1", 10.0)
    assert ledger.is_excused(failure(Trouble.BROKEN, 9.0, 10.5))
    assert ledger.is_excused(failure(Trouble.STALE, 9.0, 10.5, safe=False))
    for trouble in (Trouble.STATUS, Trouble.CLOSED, Trouble.SILENT, Trouble.MIXED):
        assert not ledger.is_excused(failure(trouble, 9.0, 10.5))
    assert not ledger.is_excused(failure(Trouble.BROKEN, 9.0, 9.9))
    entry.ended = 12.0
    assert ledger.is_excused(failure(Trouble.BROKEN, 12.1, 13.0))
    assert not ledger.is_excused(failure(Trouble.BROKEN, 12.1 + GRACE, 14.0))
    assert ledger.around(failure(Trouble.BROKEN, 12.1, 13.0)) == "kill web1"
    assert ledger.around(failure(Trouble.BROKEN, 20.0, 21.0)) == "no fault"


def test_nothing_excuses_a_mix() -> None:
    """
    An answer that is another's is wrong whatever happens; and a slow member excuses nothing.
    """
    ledger = Ledger()
    for kind in (Hang, Slow):
        ledger.begin(kind(("web1",), 0), "", 0.0)
    assert not ledger.is_excused(failure(Trouble.MIXED, 1.0, 2.0, safe=False))
    ledger = Ledger()
    ledger.begin(Slow(("web1",), 0), "", 0.0)
    assert not ledger.is_excused(failure(Trouble.BROKEN, 1.0, 2.0, safe=False))


def test_what_a_killed_worker_takes_with_it(
    log: Path, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each good answer has a line in the log, unless it came within a second before a worker was
    killed; and no more than those are missing.
    """
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(judges, "BOOKS_SECONDS", -1.0)
    sheet = Sheet()
    judge = Settled(sheet, reader)
    sheet.good("http", 3)
    log.write_bytes(line() * 3)
    reader.read()
    assert list(judge.judge_rest()) == []
    now += 1.5
    sheet.good("http", 2)
    sheet.good("h2", 1)
    assert len(list(judge.judge_rest())) == 2
    judge.may_lose()
    assert judge.lost == {"web": 2, "tls": 1}
    assert list(judge.judge_rest()) == []
    assert judge.missing() == {"web": 2, "tls": 1}
    sheet.good("http", 1)
    (told,) = judge.judge_rest()
    assert told == "web: 1 more good answers are not in the log than the 2 lost"


def test_a_traceback_in_the_log_is_seen(tmp_path: Path) -> None:
    """
    What nobody handled is told with the lines after it, once.
    """
    path = tmp_path / "output.log"
    path.write_text("all is well\nUnhandled error in Deferred:\nValueError: x\n")
    judge = CleanLog(path)
    (told,) = judge.judge()
    assert told == "log: Unhandled error in Deferred: | ValueError: x"
    assert list(judge.judge()) == []
