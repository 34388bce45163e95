"""
Reports of load: datagrams and the storage file of mod_heartmonitor.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txbalancer.core.loads import (
    FRESH,
    KEPT,
    Report,
    Reports,
    address_of,
    parse_report,
    read_file,
    write_report,
)

COUNTS = st.integers(0, 2**31 - 1)
SENDERS = st.ip_addresses().map(str)


@given(COUNTS, COUNTS)
def test_A23_what_is_written_is_read(ready: int, busy: int) -> None:
    """
    A report that is written as mod_heartbeat writes it is read as it was meant.
    """
    assert parse_report(write_report(ready, busy), 5.0) == Report(ready, busy, 5.0)


def test_A23_further_keys_do_no_harm() -> None:
    """
    Keys of later versions are passed over, and the order does not matter.
    """
    found = parse_report(b"&x=1&busy=2&port=8080&v=1&ready=3&uptime=9\n", 0.0)
    assert found == Report(3, 2, 0.0, 8080)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "the version is missing"),
        (b"ready=1&busy=0", "the version is missing"),
        (b"v=1&ready=1", "busy is missing"),
        (b"v=1&busy=1", "ready is missing"),
        (b"v=1&busy=1&ready=-1", "ready='-1' is not a number"),
        (b"v=1&busy=x&ready=1", "busy='x' is not a number"),
        (b"v=1&busy=1&ready=99999999999", "is not a number"),
        (b"v=1&busy=1&ready=4294967295", "is not a number"),
    ],
)
def test_A24_malformed_reports(text: bytes, fault: str) -> None:
    """
    A report without its parts is refused, and the fault is named.
    """
    with pytest.raises(ValueError, match=fault):
        parse_report(text, 0.0)


@given(st.binary(max_size=2000))
def test_A24_any_datagram_is_read_or_refused(text: bytes) -> None:
    """
    Nothing but a ValueError comes of what strangers send.
    """
    try:
        parse_report(text, 0.0)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("ready", "busy", "room"), [(40, 1, 40), (40, 0, 10), (3, 0, 0), (0, 0, 0), (0, 7, 0)]
)
def test_A19_room(ready: int, busy: int, room: int) -> None:
    """
    Who is idle counts for a quarter: it may be just starting.
    """
    assert Report(ready, busy, 0.0).room() == room


def test_A18_only_fresh_reports_count() -> None:
    """
    After ten seconds a report says nothing, after thirty its sender is forgotten.
    """
    reports = Reports(10)
    reports.take("10.0.0.1", Report(5, 1, 100.0))
    assert reports.room("10.0.0.1", 100.0) == 5
    assert reports.room("10.0.0.1", 100.0 + FRESH - 0.1) == 5
    assert reports.room("10.0.0.1", 100.0 + FRESH) is None
    assert reports.room("10.0.0.2", 100.0) is None
    reports.forget(100.0 + KEPT)
    assert reports.write(130.0) == b"10.0.0.1 &ready=5&busy=1&lastseen=30&port=80\n"
    reports.forget(100.0 + KEPT + 0.1)
    assert reports.write(130.1) == b""


def test_A18_addresses_have_many_spellings() -> None:
    """
    An IPv6 address matches however it is written, and IPv4 within IPv6 is IPv4.
    """
    reports = Reports(10)
    reports.take(address_of("::ffff:10.0.0.1"), Report(1, 1, 0.0))
    reports.take(address_of("2001:DB8:0::1"), Report(2, 1, 0.0))
    assert reports.room("10.0.0.1", 0.0) == 1
    assert reports.room("2001:db8::1", 0.0) == 2
    assert reports.room("member.test", 0.0) is None


def test_A24_nobody_fills_the_memory() -> None:
    """
    Over the limit new senders are not taken, and known ones still are.
    """
    reports = Reports(1)
    assert reports.take("10.0.0.1", Report(1, 1, 0.0))
    assert not reports.take("10.0.0.2", Report(1, 1, 0.0))
    assert reports.take("10.0.0.1", Report(9, 1, 0.0))
    assert reports.room("10.0.0.1", 0.0) == 9
    reports.replace({"a": Report(1, 1, 0.0), "b": Report(1, 1, 0.0)})
    assert reports.room("b", 0.0) is None


def test_A22_lines_of_the_file() -> None:
    """
    Comments, lines without a blank and unusable ones are skipped; a missing lastseen is fresh.
    """
    data = (
        b"# a comment\n"
        b"10.0.0.1 &ready=5&busy=2&lastseen=3&port=8080\n"
        b"10.0.0.2 ready=7&new=1\n"
        b"10.0.0.3\n"
        b"10.0.0.4 &ready=x&busy=1\n"
        b"10.0.0.5 &ready=-1&busy=1\n"
        b"10.0.0.6 &busy=1\n"
        b"10.0.0.7 &ready=1&busy=1&lastseen=x\n"
    )
    assert read_file(data, 100.0, 2.0) == {
        "10.0.0.1": Report(5, 2, 95.0, 8080),
        "10.0.0.2": Report(7, 0, 98.0),
    }


@given(st.dictionaries(SENDERS, st.builds(Report, COUNTS, COUNTS, st.just(90.0)), max_size=5))
def test_A22_the_file_is_read_back(reports: dict[str, Report]) -> None:
    """
    What is written to the file is what is read from it.
    """
    kept = Reports(10)
    for sender, report in reports.items():
        kept.take(address_of(sender), report)
    assert read_file(kept.write(100.0), 100.0, 0.0) == {
        address_of(sender): report for sender, report in reports.items()
    }


@given(st.binary(max_size=300))
@example(b"\xf2 ready=0")
def test_A22_any_file_is_read(data: bytes) -> None:
    """
    A damaged file costs the lines that are damaged, no more; what else is in it stays the same
    when it is written and read again.
    """
    kept, again = Reports(10), Reports(10)
    kept.replace(read_file(data, 0.0, 0.0))
    again.replace(read_file(kept.write(0.0), 0.0, 0.0))
    assert again.write(0.0) == kept.write(0.0)
