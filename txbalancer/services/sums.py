"""
One view of what several workers do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from txbalancer.control.metrics.of_listeners import ListenerView
from txbalancer.core.meters import Meter
from txbalancer.workers.orders import MemberUse, Report

if TYPE_CHECKING:
    from txbalancer.services.supervisor import Supervisor


class Sums:
    """
    Keeps the last report of each worker, and what those had counted that are gone.
    """

    def __init__(self, service: Supervisor) -> None:
        self._service = service
        self._last: dict[int, Report] = {}
        self._gone: Counter[tuple[str, str, str]] = Counter()
        service.targets.pages.sources.listeners = self.listeners

    def take(self, number: int, report: Report) -> None:
        """
        Take a worker's report.
        """
        meters = self._service.telemetry.meters
        for key, meter in report.meters.items():
            meters.by_key.setdefault(key, Meter()).merge(meter)
        report.meters = {}
        self._last[number] = report
        self._show()

    def settle(self, number: int) -> None:
        """
        Forget what a worker that is lost was just doing; what it had done stays.
        """
        last = self._last.pop(number, None)
        if last is None:
            return
        for (balancer, member), use in last.members.items():
            for name in ("elected", "transferred", "read"):
                self._gone[balancer, member, name] += getattr(use, name)
        self._show()

    def _show(self) -> None:
        """
        Put the sums where everybody looks for them.
        """
        for name, resource in self._service.targets.balancers.items():
            for member in resource.balancer.members:
                uses = [
                    report.members[name, member.name]
                    for report in self._last.values()
                    if (name, member.name) in report.members
                ]
                total = MemberUse(*map(sum, zip(*uses, strict=True))) if uses else _NOTHING
                member.busy = total.busy
                member.elected = total.elected + self._gone[name, member.name, "elected"]
                member.transferred = (
                    total.transferred + self._gone[name, member.name, "transferred"]
                )
                member.read = total.read + self._gone[name, member.name, "read"]

    def listeners(self) -> list[ListenerView]:
        """
        Return the sums of each listener.
        """
        found: dict[str, list[ListenerView]] = {}
        for report in self._last.values():
            for name, view in report.listeners.items():
                found.setdefault(name, []).append(view)
        return [_sum(views) for views in found.values()]


_NOTHING = MemberUse(*[0] * len(MemberUse._fields))


def _sum(views: Iterable[ListenerView]) -> ListenerView:
    first, *others = views
    for each in others:
        first = first._replace(
            accepted=first.accepted + each.accepted,
            connections=first.connections + each.connections,
            busy=first.busy + each.busy,
        )
    return first
