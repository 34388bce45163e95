"""
Who is blamed for what.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer import errors
from txbalancer.core.failure import blames, count, doubt_of
from txbalancer.core.member import Member
from txbalancer.core.specs import MemberSpec

CONNECTING = [errors.ConnectFailed(), errors.ConnectTimeout(), errors.TLSFailed()]
ANSWERING = [errors.ResponseTimeout(), errors.BadResponse(), errors.Truncated()]
INNOCENT = [
    errors.ClientGone("x"),
    errors.ClientTimeout("x"),
    errors.BodyTooLarge("x"),
    errors.QueueTimeout(),  # X8
    errors.NoMemberAvailable(),
    errors.BalancerError(),
]


@pytest.mark.parametrize("error", CONNECTING)
def test_F2_connections_that_cannot_be_made_always_count(error):
    """
    In either scope.
    """
    assert blames(error, False, "connect")
    assert blames(error, False, "all")


@pytest.mark.parametrize("error", [*ANSWERING, errors.MemberClosed()])
def test_F4_bad_answers_count_unless_as_with_apache(error):
    """
    C{blame = connect} is Apache's rule.
    """
    assert blames(error, False, "all")
    assert not blames(error, False, "connect")


def test_a_reused_connection_that_closes_is_nobodys_failure():
    """
    But a reused one that falls silent or talks nonsense is.
    """
    assert not blames(errors.MemberClosed(), True, "all")
    assert all(blames(error, True, "all") for error in ANSWERING)


@pytest.mark.parametrize("error", INNOCENT)
def test_members_are_not_blamed_for_others(error):
    """
    Clients that leave and the balancer's own queue.
    """
    assert not blames(error, False, "all")


@given(
    st.lists(st.floats(0, 100, allow_nan=False), max_size=40).map(sorted),
    st.floats(0.1, 30),
    st.integers(1, 5),
)
def test_count_is_true_where_enough_fall_within_the_window(times, window, limit):
    """
    The same as counting all failures within the window that ends now.
    """
    noted = []
    for place, now in enumerate(times):
        within = [each for each in times[: place + 1] if now - each <= window]
        assert count(noted, now, window, limit) is (len(within) >= limit)
        assert len(noted) <= limit


@pytest.mark.parametrize(
    ("scheme", "error", "read", "doubt"),
    [
        ("http", errors.BadResponse(), 0, "does it speak http without TLS?"),
        ("fcgi", errors.MemberClosed(), 0, "does it speak fcgi?"),
        ("http", errors.BadResponse(), 1, ""),
        ("http", errors.ConnectFailed(), 0, ""),
        ("http", errors.ClientGone("x"), 0, ""),
        ("tcp", errors.MemberClosed(), 0, ""),
    ],
)
def test_who_may_speak_something_else(scheme, error, read, doubt):
    """
    Who has never answered though there was a connection; plain connections speak anything.
    """
    member = Member(MemberSpec(f"{scheme}://h", scheme, "h"))
    member.read = read
    found = doubt_of(member, error)
    assert found == (f" (it has never answered: {doubt})" if doubt else "")
