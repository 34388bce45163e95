"""
What health checks and members said to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.health import ProbeResult
from txbalancer.core.member import PROBES_KEPT, Member
from txbalancer.core.state import of_type
from txbalancer.core.transcript import MOST as MOST_OF_ONE

MOST = 4 << 20
"""Characters of all transcripts together; the latest of each member go first."""

Balancers = Callable[[], Iterable[Balancer]]


class Probes:
    """
    The last checks of each member, with transcripts.
    """

    name, version = "checks", 1

    def __init__(self, balancers: Balancers, now: Callable[[], float]) -> None:
        """
        @param balancers: returns those whose members are checked.
        """
        self._balancers, self._now = balancers, now

    def tell(self) -> list[Any]:
        """
        Return the checks of each member that had one.
        """
        checked = [
            (each.spec.name, member)
            for each in self._balancers()
            for member in each.members
            if member.probes or member.probe is not None
        ]
        shown = _shown([member for _, member in checked])
        return [
            [
                name,
                member.name,
                None if member.probe is None else self._now() - member.probed,
                None if member.probe is None else _row(0.0, member.probe, False),
                [_row(wall, probe, id(probe) in shown) for wall, probe in member.probes],
            ]
            for name, member in checked
        ]

    def take(self, data: Any) -> Iterable[str]:
        """
        Have them as the checks of before.
        """
        members = {
            (each.spec.name, member.name): member
            for each in self._balancers()
            for member in each.members
        }
        found = [(members.get((each[0], each[1])), *each[2:]) for each in of_type(list, data)]
        read = [
            (member, age, last and _probe(last)[1], [_probe(each) for each in rows])
            for member, age, last, rows in found
            if member is not None
        ]
        for member, age, last, probes in read:
            if last is not None and member.probe is None:
                member.probe, member.probed = last, self._now() - float(age)
            kept = [*probes, *member.probes]
            member.probes.clear()
            member.probes.extend(kept[-PROBES_KEPT:])
        return ()


def _shown(members: list[Member]) -> set[int]:
    """
    Choose the probes of which transcripts are told, by their C{id}.
    """
    room = MOST
    chosen: set[int] = set()
    for back in range(1, PROBES_KEPT + 1):
        for member in members:
            if len(member.probes) < back:
                continue
            probe = member.probes[-back][1]
            room -= len(probe.transcript)
            if room < 0:
                return chosen
            chosen.add(id(probe))
    return chosen


def _row(wall: float, probe: ProbeResult, whole: bool) -> list[Any]:
    return [wall, probe.passed, probe.text, probe.duration, probe.transcript if whole else ""]


def _probe(row: Any) -> tuple[float, ProbeResult]:
    wall, passed, text, duration, transcript = row
    said = str(transcript)[:MOST_OF_ONE]
    return float(wall), ProbeResult(bool(passed), str(text), float(duration), transcript=said)
