"""
Why a balancer has no member, in words; and why a member is out.
"""

from __future__ import annotations

import pytest

from tests.core.balancers import balancer, member
from txbalancer import errors
from txbalancer.core import flags
from txbalancer.core.rollcall import roll_call


def test_each_member_is_counted_once_by_its_worst_condition() -> None:
    """
    In the order of declaration, with names.
    """
    lb = balancer("a", member("b", status="+D"), "c", member("d", status="+S"), "e", "f", "g")
    members = lb.members
    lb.force_error(members[0], "refused", 0.0)
    lb.force_error(members[2], "refused", 0.0)
    lb.force_error(members[1], "refused", 0.0)
    lb.health(members[4], False, 0.0)
    lb.set_flags(members[5], members[5].flags | flags.DRAIN, "", 0.0)
    assert roll_call(members) == (
        "2 in error (a, c), 1 disabled (b), 1 stopped (d), 1 failing health checks (e),"
        " 1 draining (f), 1 usable (g)"
    )
    assert roll_call(()) == "it has none"


def test_many_members_are_not_all_named() -> None:
    """
    A line stays one that can be read.
    """
    members = balancer(*"abcdefgh").members
    assert roll_call(members) == "8 usable (a, b, c, d, e, f, …)"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            errors.ConnectFailed(
                "http://h:1: Connection was refused by other side: 111: Connection refused."
            ),
            "connect-failed: Connection refused",
        ),
        (errors.ConnectFailed("refused"), "connect-failed"),
        (
            errors.ConnectTimeout("http://h:1: no connection within 5 s"),
            "connect-timeout: no connection within 5 s",
        ),
        (errors.ConnectFailed("http://h:1: the name does not resolve"),
         "connect-failed: the name does not resolve"),
        (errors.ResponseTimeout("http://h:1: silence"), "response-timeout"),
    ],
)  # fmt: skip
def test_why_a_connection_failed(error: errors.BalancerError, cause: str) -> None:
    """
    People are told what the system said.
    """
    lb = balancer(member("a", maxfails=1, blame="all"), "b")
    lb.members[0].read = 1
    assert lb.failed(lb.members[0], error, 0.0).cause == cause
