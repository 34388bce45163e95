"""
The families of members.
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.control.metrics.families import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    SUMMARY,
    Family,
    Group,
    by_class,
)
from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.meters import Meter
from txbalancer.core.passive.breaker import Breaker
from txbalancer.core.passive.slowstart import FULL

FLAGS = {
    "disabled": flags.DISABLED,
    "draining": flags.DRAIN,
    "ejected": flags.EJECTED,
    "error": flags.IN_ERROR,
    "ignoring-errors": flags.IGNORE_ERRORS,
    "spare": flags.SPARE,
    "standby": flags.STANDBY,
    "stopped": flags.STOPPED,
    "trial": flags.TRIAL,
    "tripped": flags.TRIPPED,
    "unhealthy": flags.HC_FAILED,
}

_WORST_FIRST = (
    "stopped",
    "disabled",
    "unhealthy",
    "error",
    "ejected",
    "tripped",
    "trial",
    "draining",
)
STATES = ("ok", *_WORST_FIRST)


class MemberView(NamedTuple):
    """
    @ivar meter: what it served.
    """

    member: Member
    meter: Meter


def state(member: Member) -> str:
    """
    Return the one word for what keeps a member from new sessions; C{ok} for nothing.
    """
    return next((word for word in _WORST_FIRST if member.flags & FLAGS[word]), "ok")


def _states(view: MemberView) -> dict[str, int]:
    now = state(view.member)
    return {each: int(each == now) for each in STATES}


def _flags(view: MemberView) -> dict[str, int]:
    return {name: int(view.member.flags & bit != 0) for name, bit in FLAGS.items()}


def _pool(view: MemberView) -> dict[str, int]:
    pool = view.member.pool
    idle, connecting = pool.at_rest, pool.connecting
    return {"busy": pool.open - idle - connecting, "connecting": connecting, "idle": idle}


def _probes(view: MemberView) -> dict[str, int]:
    counts = view.member.probe_counts
    return {"failed": counts.failed, "passed": counts.passed}


def _probe_times(view: MemberView) -> tuple[float, int]:
    counts = view.member.probe_counts
    return counts.seconds, counts.failed + counts.passed


def openings(breaker: Breaker | None) -> int:
    """
    Return how often a circuit breaker opened, if there is one.
    """
    return 0 if breaker is None else breaker.openings


MEMBERS = Group(
    "member",
    ("balancer", "member"),
    (
        Family(
            "txbalancer_member_requests",
            COUNTER,
            "Exchanges that this member answered or failed last, by class of status",
            lambda view: by_class(view.meter),
            "code",
        ),
        Family(
            "txbalancer_member_attempts",
            COUNTER,
            "Attempts begun, further ones of the same exchange too; the manager calls it elected",
            lambda view: view.member.elected,
        ),
        Family(
            "txbalancer_member_attempt_failures",
            COUNTER,
            "Attempts that failed, by reason, even where another member answered then",
            lambda view: view.meter.failed,
            "reason",
        ),
        Family(
            "txbalancer_member_sticky_requests",
            COUNTER,
            "Exchanges that came to this member because of their session",
            lambda view: view.meter.sticky,
        ),
        Family(
            "txbalancer_member_in_flight",
            GAUGE,
            "Attempts in progress",
            lambda view: view.member.busy,
        ),
        Family(
            "txbalancer_member_sent_bytes",
            COUNTER,
            "Bytes sent to the member, of heads and bodies",
            lambda view: view.member.transferred,
        ),
        Family(
            "txbalancer_member_received_bytes",
            COUNTER,
            "Bytes received from the member, of bodies and first lines, as Apache counts",
            lambda view: view.member.read,
        ),
        Family(
            "txbalancer_member_connect_seconds",
            HISTOGRAM,
            "Time to make a connection, for exchanges that needed a new one",
            lambda view: view.meter.connect,
        ),
        Family(
            "txbalancer_member_first_byte_seconds",
            HISTOGRAM,
            "Time from the first byte of the request to the first byte of the answer",
            lambda view: view.meter.first_byte,
        ),
        Family(
            "txbalancer_member_duration_seconds",
            HISTOGRAM,
            "Time from the first byte of the request to the end of the answer",
            lambda view: view.meter.total,
        ),
        Family(
            "txbalancer_member_connections",
            GAUGE,
            "Connections to the member, by what they do",
            _pool,
            "state",
        ),
        Family(
            "txbalancer_member_connections_limit",
            GAUGE,
            "Most connections to the member at once; 0 for no limit",
            lambda view: view.member.spec.max or 0,
        ),
        Family(
            "txbalancer_member_queue",
            GAUGE,
            "Exchanges that wait for a connection to the member",
            lambda view: view.member.pool.waiting,
        ),
        Family(
            "txbalancer_member_probes",
            COUNTER,
            "Health checks of the member, by result",
            _probes,
            "result",
        ),
        Family(
            "txbalancer_member_probe_seconds",
            SUMMARY,
            "Time that health checks of the member took",
            _probe_times,
        ),
        Family(
            "txbalancer_member_state",
            GAUGE,
            "1 for what keeps the member from new sessions, or for ok; 0 for all else",
            _states,
            "state",
        ),
        Family(
            "txbalancer_member_flag",
            GAUGE,
            "1 for each flag that the member has",
            _flags,
            "flag",
        ),
        Family(
            "txbalancer_member_state_changes",
            COUNTER,
            "How often the flags of the member changed, by itself or by command",
            lambda view: view.member.flips,
        ),
        Family(
            "txbalancer_member_ejections",
            COUNTER,
            "How often the member was ejected for what its traffic showed, by the rule that did so",
            lambda view: view.member.watched.ejections,
            "rule",
        ),
        Family(
            "txbalancer_member_ejections_in_a_row",
            GAUGE,
            "How often in a row the member was ejected, which the next ejection is longer by",
            lambda view: view.member.watched.times,
        ),
        Family(
            "txbalancer_member_breaker_openings",
            COUNTER,
            "How often the circuit breaker of the member opened",
            lambda view: openings(view.member.watched.breaker),
        ),
        Family(
            "txbalancer_member_share_ratio",
            GAUGE,
            "Part of its load factor that the member has; below 1 while it starts slowly",
            lambda view: view.member.share / FULL,
        ),
        Family(
            "txbalancer_member_weight",
            GAUGE,
            "The load factor in force",
            lambda view: view.member.lbfactor / 100,
        ),
        Family(
            "txbalancer_member_lbset",
            GAUGE,
            "The lbset in force; lower ones are used first",
            lambda view: view.member.lbset,
        ),
    ),
)
