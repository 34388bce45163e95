"""
What members report of their own load: Apache's heartbeat, as values and text.

Source: APACHE items A18 to A24.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

FRESH = 10.0
"""Seconds for which a report counts (A18)."""

KEPT = 30.0
"""Seconds after which a sender is forgotten (A24)."""

LONGEST = 1000
"""Bytes of a datagram that are read (A24)."""

_PORT = 80
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a sender said last.

    @ivar ready: requests it could take at once, besides those it has.
    @ivar busy: requests it has.
    @ivar seen: monotonic time of the report.
    @ivar port: as sent; kept for the file, not used.
    """

    ready: int
    busy: int
    seen: float
    port: int = _PORT

    def room(self) -> int:
        """
        Return how many slots are open. Who is idle may be just starting: a quarter (A19).
        """
        return self.ready if self.busy else self.ready // 4


def parse_report(text: bytes, now: float, versioned: bool = True) -> Report:
    """
    Read a datagram such as C{v=1&ready=75&busy=0} (A23, A24); more keys do no harm.

    @param versioned: whether C{v} must be there: not in what comes by POST.
    @raise ValueError: saying what is missing or no number.
    """
    found = _pairs(text[:LONGEST])
    if versioned and b"v" not in found:
        raise ValueError("the version is missing: v=1&ready=N&busy=N is expected")
    port = _number(found, b"port") if b"port" in found else _PORT
    return Report(_number(found, b"ready"), _number(found, b"busy"), now, port)


def write_report(ready: int, busy: int) -> bytes:
    """
    Write a datagram as mod_heartbeat does (A23).
    """
    return b"v=1&ready=%d&busy=%d" % (ready, busy)


class Reports:
    """
    The latest report of each sender, by IP address.
    """

    __slots__ = ("_most", "_reports")

    def __init__(self, most: int) -> None:
        """
        @param most: senders to keep; further ones are not taken, so that nobody fills memory.
        """
        self._most = most
        self._reports: dict[str, Report] = {}

    def take(self, sender: str, report: Report) -> bool:
        """
        Keep a report; C{False} when there are too many senders.
        """
        if sender not in self._reports and len(self._reports) >= self._most:
            return False
        self._reports[sender] = report
        return True

    def replace(self, reports: dict[str, Report]) -> None:
        """
        Keep these and no others, as when they were read from a file.
        """
        self._reports = dict(list(reports.items())[: self._most])

    def forget(self, now: float) -> None:
        """
        Drop who has not been heard of for long.
        """
        old = [sender for sender, each in self._reports.items() if now - each.seen > KEPT]
        for sender in old:
            del self._reports[sender]

    def room(self, host: str, now: float) -> int | None:
        """
        Return the open slots of a member, or C{None} when nothing recent is known.

        @param host: the member's address; a host name matches no sender (A18).
        """
        report = self._reports.get(address_of(host))
        return report.room() if report is not None and now - report.seen < FRESH else None

    def write(self, now: float) -> bytes:
        """
        Write the storage file of mod_heartmonitor (A22).
        """
        return b"".join(
            b"%s &ready=%d&busy=%d&lastseen=%d&port=%d\n"
            % (sender.encode("latin-1"), each.ready, each.busy, max(0, now - each.seen), each.port)
            for sender, each in self._reports.items()
        )


def read_file(data: bytes, now: float, age: float) -> dict[str, Report]:
    """
    Read a storage file (A22); lines that are none are skipped.

    @param age: seconds since it was written; Apache does not count them (APACHE X17).
    """
    return dict(_lines(data, now, age))


def _lines(data: bytes, now: float, age: float) -> Iterator[tuple[str, Report]]:
    for line in data.splitlines():
        sender, blank, rest = line.partition(b" ")
        if line.startswith(b"#") or not blank:
            continue
        found = _pairs(rest)
        try:
            seen = _number(found, b"lastseen") if b"lastseen" in found else 0
            busy = _number(found, b"busy") if b"busy" in found else 0
            port = _number(found, b"port") if b"port" in found else _PORT
            report = Report(_number(found, b"ready"), busy, now - max(age, 0.0) - seen, port)
        except ValueError:
            continue
        yield address_of(sender.decode("latin-1")), report


def address_of(text: str) -> str:
    """
    Bring an address to one spelling; what is none stays as it is.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)


def _pairs(text: bytes) -> dict[bytes, bytes]:
    parts = (part.partition(b"=") for part in text.strip().split(b"&") if part)
    return {key: value for key, _, value in parts}


def _number(found: dict[bytes, bytes], key: bytes) -> int:
    value = found.get(key)
    if value is None:
        raise ValueError(f"{key.decode()} is missing: v=1&ready=N&busy=N is expected")
    if not value.isdigit() or len(value) > 10 or int(value) > _MOST:
        raise ValueError(f"{key.decode()}={value.decode('latin-1')!r} is not a number")
    return int(value)
