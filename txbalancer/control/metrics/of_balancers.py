"""
The families of balancers.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, Family, Group, by_class
from txbalancer.control.metrics.of_members import openings
from txbalancer.core.balancer import Balancer
from txbalancer.core.candidates import able
from txbalancer.core.meters import Meter
from txbalancer.core.passive.breaker import CLOSED, STATES


class BalancerView(NamedTuple):
    """
    @ivar meter: what all its members served, and what none could.
    @ivar waiting: exchanges that wait for a member.
    @ivar now: the time of the balancers' clock.
    """

    balancer: Balancer
    meter: Meter
    waiting: int
    now: float


def _queue(view: BalancerView) -> int:
    return view.waiting + sum(member.pool.waiting for member in view.balancer.members)


def _sources(view: BalancerView) -> int:
    sources = view.balancer.sources
    return 0 if sources is None else sources.count(view.now)


def _breaker(view: BalancerView) -> dict[str, int]:
    breaker = view.balancer.breaker
    now = CLOSED if breaker is None else breaker.state
    return {each: int(each == now) for each in STATES}


def _retries(view: BalancerView) -> tuple[int, int]:
    budget = view.balancer.budget
    return (0, 0) if budget is None else (budget.in_progress, budget.denied)


BALANCERS = Group(
    "balancer",
    ("balancer",),
    (
        Family(
            "txbalancer_balancer_requests",
            COUNTER,
            "Exchanges that came to the balancer, by class of status",
            lambda view: by_class(view.meter),
            "code",
        ),
        Family(
            "txbalancer_balancer_failures",
            COUNTER,
            "Exchanges that did not end well, by reason as in the access log",
            lambda view: view.meter.failures,
            "reason",
        ),
        Family(
            "txbalancer_balancer_retries",
            COUNTER,
            "Attempts after the first of an exchange",
            lambda view: view.meter.retries,
        ),
        Family(
            "txbalancer_balancer_in_flight",
            GAUGE,
            "Attempts in progress at all members",
            lambda view: sum(member.busy for member in view.balancer.members),
        ),
        Family(
            "txbalancer_balancer_received_bytes",
            COUNTER,
            "Bytes of bodies from clients",
            lambda view: view.meter.bytes_in,
        ),
        Family(
            "txbalancer_balancer_sent_bytes",
            COUNTER,
            "Bytes of bodies to clients",
            lambda view: view.meter.bytes_out,
        ),
        Family(
            "txbalancer_balancer_queue",
            GAUGE,
            "Exchanges that wait for a member, or for a connection to one",
            _queue,
        ),
        Family(
            "txbalancer_balancer_queue_seconds",
            HISTOGRAM,
            "Time of waiting for a member or a connection, for exchanges that had to",
            lambda view: view.meter.queue,
        ),
        Family(
            "txbalancer_balancer_duration_seconds",
            HISTOGRAM,
            "Time from the first byte of the request to the end of the answer",
            lambda view: view.meter.total,
        ),
        Family(
            "txbalancer_balancer_available",
            GAUGE,
            "1 while some member could take a new session, by the rule of health: URLs; else 0",
            lambda view: int(able(view.balancer.members, view.now) > 0),
        ),
        Family(
            "txbalancer_balancer_sources",
            GAUGE,
            "Addresses of clients that stay with a member, by stickysource",
            _sources,
        ),
        Family(
            "txbalancer_balancer_panic",
            GAUGE,
            "1 while so few members are healthy that health is ignored",
            lambda view: int(view.balancer.panicking),
        ),
        Family(
            "txbalancer_balancer_panics",
            COUNTER,
            "How often that began",
            lambda view: view.balancer.panics,
        ),
        Family(
            "txbalancer_balancer_ejections_spared",
            COUNTER,
            "Members that were not ejected because outlier-most of them would have been exceeded",
            lambda view: view.balancer.spared,
        ),
        Family(
            "txbalancer_balancer_breaker",
            GAUGE,
            "1 for the state of the balancer's circuit breaker, 0 for the others",
            _breaker,
            "state",
        ),
        Family(
            "txbalancer_balancer_breaker_openings",
            COUNTER,
            "How often the balancer's circuit breaker opened",
            lambda view: openings(view.balancer.breaker),
        ),
        Family(
            "txbalancer_balancer_retries_in_progress",
            GAUGE,
            "Further attempts without an answer yet, where there is a retry-budget",
            lambda view: _retries(view)[0],
        ),
        Family(
            "txbalancer_balancer_retries_denied",
            COUNTER,
            "Further attempts that retry-budget stopped",
            lambda view: _retries(view)[1],
        ),
        Family(
            "txbalancer_balancer_members",
            GAUGE,
            "Members of the balancer",
            lambda view: len(view.balancer.members),
        ),
    ),
)
