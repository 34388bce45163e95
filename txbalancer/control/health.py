"""
A URL for balancers above this one: C{to = health:}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from twisted.web.http import OK, SERVICE_UNAVAILABLE, Request
from twisted.web.resource import Resource

from txbalancer.control.reading import REFUSAL, refuses
from txbalancer.core.balancer import Balancer
from txbalancer.core.candidates import able
from txbalancer.core.values import counted


class Balancers(Protocol):
    """
    Where the live balancers are; see L{Steering<txbalancer.services.steering.Steering>}.
    """

    def now(self) -> float:
        """
        Return the time of the balancers' clock.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """
        Return the names of all balancers.
        """
        ...

    def balancer(self, name: str) -> Balancer:
        """
        Return a balancer by its name.
        """
        ...


class Line(NamedTuple):
    """
    What is told of a balancer.

    @ivar able: members that a new session might go to; C{members}: all of them.
    """

    name: str
    able: int
    members: int


class HealthUrl(Resource):
    """
    Answers 200 while each balancer can serve, and 503 otherwise or when the service is about
    to stop.
    """

    isLeaf = True

    def __init__(
        self, balancers: Balancers, names: Sequence[str], stopping: Callable[[], bool]
    ) -> None:
        """
        @param names: the balancers that matter; empty for all.
        @param stopping: tells whether the service will stop soon.
        """
        super().__init__()
        self._balancers = balancers
        self._names = names
        self._stopping = stopping

    def render(self, request: Request) -> bytes:
        """
        Answer a request, with a line of text for each balancer, or the same as JSON.
        """
        headers = request.responseHeaders
        headers.setRawHeaders("Content-Type", ["text/plain; charset=utf-8"])
        headers.setRawHeaders("Cache-Control", ["no-store"])
        if refuses(request):
            return REFUSAL
        lines, stopping = self._look(), self._stopping()
        fine = not stopping and all(line.able for line in lines)
        request.setResponseCode(OK if fine else SERVICE_UNAVAILABLE)
        if "application/json" not in (request.getHeader("accept") or ""):
            return _text(lines, stopping)
        headers.setRawHeaders("Content-Type", ["application/json"])
        status = "ok" if fine else "stopping" if stopping else "unavailable"
        return _json(lines, status)

    def _look(self) -> list[Line]:
        now = self._balancers.now()
        found = []
        for name in self._names or self._balancers.names():
            members = self._balancers.balancer(name).members
            found.append(Line(name, able(members, now), len(members)))
        return found


def _text(lines: Sequence[Line], stopping: bool) -> bytes:
    told = ["the service is about to stop"] if stopping else []
    for name, usable, members in lines:
        if usable:
            told.append(f"{name}: ok, {usable} of {counted(members, 'member')} can take requests")
        else:
            told.append(f"{name}: unavailable, none of {counted(members, 'member')} can serve")
    return ("\n".join(told) + "\n").encode()


def _json(lines: Sequence[Line], status: str) -> bytes:
    balancers = [{**line._asdict(), "ok": line.able > 0} for line in lines]
    return json.dumps({"status": status, "balancers": balancers}).encode() + b"\n"
