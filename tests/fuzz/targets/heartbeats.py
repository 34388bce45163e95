"""
Reports of load, of Apache's form too: taken or refused with a reason, and written so that the same
is read.
"""

from __future__ import annotations

from tests.fuzz.reasons import check_reason
from txbalancer.core.loads import Report, Reports, parse_report, read_file, write_report

SEEDS = [
    b"v=1&ready=75&busy=0",
    b"ready=1&busy=2&port=8080&more=x",
    b"10.0.0.1 &ready=75&busy=3&lastseen=5&port=80\n# none\n::1 &ready=0\n",
    b"::ffff:10.0.0.1 ready=2147483647\r\nname busy=1&ready=1",
]
WORDS = [
    *b"v=1|&ready=|&busy=|&lastseen=|&port=|10.0.0.1 |::1 |\n|-1|+1|2147483648|&|=".split(b"|")
]
_NOW = 1000.0


def one(data: bytes) -> None:
    """
    Read it as a report and as a file of reports.
    """
    for versioned in (True, False):
        try:
            found = parse_report(data, _NOW, versioned)
        except ValueError as error:
            check_reason(error)
            continue
        again = parse_report(write_report(found.ready, found.busy), _NOW)
        assert again == Report(found.ready, found.busy, _NOW)
        assert 0 <= found.room() <= found.ready
    reports = Reports(50)
    reports.replace(read_file(data, _NOW, 3.0))
    written = reports.write(_NOW)
    again_all = Reports(50)
    again_all.replace(read_file(written, _NOW, 0.0))
    assert again_all.write(_NOW) == written, "what is written is not what is read"
    for sender in ("10.0.0.1", "::1", "name"):
        assert again_all.room(sender, _NOW) == reports.room(sender, _NOW)
