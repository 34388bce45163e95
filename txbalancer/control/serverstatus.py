"""
What the service has done so far, in the forms of Apache's mod_status (APACHE M50).

Requests take no processes or threads here, so there is no scoreboard. A busy worker is a
request in progress, an idle one a client connection more that would be served.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import parse_qsl

from twisted.web.http import Request
from twisted.web.resource import Resource

from txbalancer.control.facts import Facts
from txbalancer.control.manager.words import short_size, span
from txbalancer.control.pages import SERVER, asset, fill, guard
from txbalancer.control.reading import REFUSAL, refuses
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.passive.breaker import CLOSED

_LONGEST_REFRESH = 3600
_REFRESH = 10
_TIME = "%A, %d-%b-%Y %H:%M:%S UTC"

Lines = Iterator[tuple[str, str]]


class Balancers(Protocol):
    """
    Where the live balancers are; see L{Steering<txbalancer.services.steering.Steering>}.
    """

    def wall(self) -> float:
        """
        Return seconds since the epoch.
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


class ServerStatus(Resource):
    """
    The page, and with C{?auto} its lines for programs.
    """

    isLeaf = True

    def __init__(self, balancers: Balancers, facts: Facts) -> None:
        super().__init__()
        self._balancers = balancers
        self._facts = facts

    def render(self, request: Request) -> bytes:
        """
        Answer a request.
        """
        style = asset(request)
        if style is not None:
            return style
        if refuses(request):
            guard(request, "text/plain; charset=utf-8")
            return REFUSAL
        query = dict(parse_qsl(request.uri.partition(b"?")[2], keep_blank_values=True))
        seconds = _refresh(query)
        if seconds:
            request.setHeader("Refresh", str(seconds))
        host = request.getRequestHostname().decode("latin-1")
        if b"auto" in query:
            guard(request, "text/plain; charset=utf-8")
            return self._lines(host)
        guard(request, "text/html; charset=utf-8")
        return self._page(host)

    def _lines(self, host: str) -> bytes:
        lines = [host, *(f"{name}: {text}" for name, text in self._of_service())]
        for number, name in enumerate(self._balancers.names()):
            found = _of_balancer(self._balancers.balancer(name))
            lines += [f"ProxyBalancer[{number}]{key}: {text}" for key, text in found]
        return ("\n".join(lines) + "\n").encode()

    def _of_service(self) -> Lines:
        now, facts = self._balancers.wall(), self._facts
        counters, own, load = facts.counters(), os.times(), os.getloadavg()
        workers = facts.workers()
        user, system = own.user, own.system
        for each in workers:
            user, system = user + each.user, system + each.system
        uptime = max(1, int(now - facts.started))
        ready, busy = facts.load()
        connections, requests = facts.connections(), counters.requests
        yield "ServerVersion", SERVER
        yield "CurrentTime", time.strftime(_TIME, time.gmtime(now))
        yield "RestartTime", time.strftime(_TIME, time.gmtime(facts.started))
        yield "ServerUptimeSeconds", str(uptime)
        yield "ServerUptime", span(uptime)
        for minutes, value in zip((1, 5, 15), load, strict=True):
            yield f"Load{minutes}", f"{value:.2f}"
        yield "Total Accesses", str(requests)
        yield "Total kBytes", str(counters.bytes_out // 1024)
        yield "Total Duration", f"{counters.seconds * 1000:.0f}"
        yield "CPUUser", f"{user:.2f}"
        yield "CPUSystem", f"{system:.2f}"
        yield "CPULoad", f"{(user + system) / uptime * 100:.3f}"
        yield "Uptime", str(uptime)
        yield "ReqPerSec", f"{requests / uptime:.6g}"
        yield "BytesPerSec", f"{counters.bytes_out / uptime:.6g}"
        if requests:
            yield "BytesPerReq", f"{counters.bytes_out / requests:.6g}"
            yield "DurationPerReq", f"{counters.seconds * 1000 / requests:.6g}"
        yield "BusyWorkers", str(busy)
        yield "IdleWorkers", str(ready)
        yield "Processes", str(1 + len(workers))
        yield "ConnsTotal", str(connections)
        yield "ConnsAsyncKeepAlive", str(connections - busy)

    def _page(self, host: str) -> bytes:
        counters = self._facts.counters()
        return fill(
            "status.html",
            host=host,
            facts=list(self._of_service()),
            classes=[
                (f"{digit}xx" if digit else "no answer", count)
                for digit, count in enumerate(counters.classes)
                if count
            ],
            retries=counters.retries,
            failures=sorted(counters.failures.items()),
            balancers=[_table(self._balancers.balancer(name)) for name in self._balancers.names()],
        )


def _refresh(query: dict[bytes, bytes]) -> int:
    if b"refresh" not in query:
        return 0
    text = query[b"refresh"]
    return min(max(1, int(text[:9])), _LONGEST_REFRESH) if text.isdigit() else _REFRESH


def _of_balancer(balancer: Balancer) -> Lines:
    yield "Name", f"balancer://{balancer.spec.name}"
    # Apache knows neither, so these lines are there in need only.
    if balancer.panicking:
        yield "Panic", "Yes"
    if balancer.breaker is not None and balancer.breaker.state != CLOSED:
        yield "Breaker", balancer.breaker.state
    for number, member in enumerate(balancer.members):
        for key, text in (
            ("Name", member.name),
            ("Status", flags.describe(member.flags)),
            ("Elected", str(member.elected)),
            ("Busy", str(member.busy)),
            ("Sent", f"{member.transferred // 1024}K"),
            ("Rcvd", f"{member.read // 1024}K"),
        ):
            yield f"Worker[{number}]{key}", text


def _table(balancer: Balancer) -> dict[str, object]:
    spec = balancer.spec
    names, breaker = spec.stickysession, balancer.breaker
    return {
        "name": spec.name,
        "facts": {
            "SSes": f"{names.cookie} | {names.url}" if names else " - ",
            "Timeout": f"{spec.timeout:g}",
            "Method": spec.lbmethod,
            **({"Panic": "health is ignored"} if balancer.panicking else {}),
            **({"Breaker": breaker.state} if breaker and breaker.state != CLOSED else {}),
        },
        "members": [
            {
                "Sch": member.spec.scheme,
                "Host": member.spec.host,
                "Stat": flags.describe(member.flags),
                "Route": member.route.decode(),
                "Redir": member.redirect.decode(),
                "F": f"{member.lbfactor / 100:.2f}",
                "Set": str(member.lbset),
                "Acc": str(member.elected),
                "Busy": str(member.busy),
                "Wr": short_size(member.transferred),
                "Rd": short_size(member.read),
            }
            for member in balancer.members
        ],
    }
