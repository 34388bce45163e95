"""
Counters against the lines of the access log.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SAMPLE = re.compile(r"^txbalancer_(\w+?)(?:\{(.*)\})? ([0-9.e+]+)$", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
REQUESTS = ("listener_requests_total", "balancer_requests_total", "member_requests_total")
PIECE = 1 << 20


class Place(NamedTuple):
    """
    Where something is counted, and the class of its status.
    """

    listener: str = ""
    balancer: str = ""
    member: str = ""
    code: str = ""


class LogReader:
    """
    Counts the lines of an access log, and of those that were moved away from it.

    @ivar tally: lines by listener, and by balancer and member.
    @ivar served: lines of all requests that were answered well, by listener; never forgotten.
    @ivar faulty: lines that are none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._rest = b""
        self.tally: Counter[Place] = Counter()
        self.served: Counter[str] = Counter()
        self.faulty: list[bytes] = []

    def read(self) -> None:
        """
        Count what was written since.
        """
        while data := self._file.read(PIECE):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._count(line)

    def follow(self) -> None:
        """
        Go over to the file that has the name now, after the last line of the one before.
        """
        self.read()
        self._file.close()
        self._file = self._path.open("rb")

    def close(self) -> None:
        """
        Read no more.
        """
        self._file.close()

    def _count(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            self.faulty.append(line)
            return
        code = f"{found['status'] // 100}xx" if found["status"] else "none"
        self.tally[Place(listener=found["listener"], code=code)] += 1
        self.served[found["listener"]] += found["status"] == 200
        balancer, member = found["balancer"], found["member"]
        if balancer:
            self.tally[Place(balancer=balancer, code=code)] += 1
        if member:
            self.tally[Place(balancer=balancer, member=member, code=code)] += 1


class Counted(NamedTuple):
    """
    What /metrics has.

    @ivar lost: lines of logs that could not be written.
    """

    tally: Counter[Place]
    lost: int


def scrape(port: int) -> Counted:
    """
    Read the counters of requests.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return counted(answer.read().decode())


def counted(text: str) -> Counted:
    """
    Take the text of /metrics apart.
    """
    tally: Counter[Place] = Counter()
    lost = 0
    for name, labels, value in SAMPLE.findall(text):
        number = int(float(value))
        if name == "log_lines_lost_total":
            lost += number
        elif name in REQUESTS:
            tally[Place(**dict(LABEL.findall(labels)))] += number
    return Counted(+tally, lost)


def differences(counters: Counted, lines: Counter[Place], torn: int = 0) -> list[str]:
    """
    Tell where counters and lines are not the same, but for the listener that is asked and for
    lines that were lost.

    @param torn: how many may be in one of the two only.
    """
    found = []
    for place in sorted(counters.tally.keys() | lines.keys()):
        missing = counters.tally[place] - lines[place]
        if place.listener == "admin" or -torn <= missing <= counters.lost + torn:
            continue
        where = " ".join(filter(None, place))
        found.append(f"{where}: {counters.tally[place]} counted, {lines[place]} lines")
    return found
