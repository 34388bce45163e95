"""
Live state of members.
"""

from __future__ import annotations

import pytest

from tests.core.balancers import member
from txbalancer.core.member import Member


def test_starts_as_its_spec_says():
    """
    Flags, factor, lbset and routes come from the spec, counters start at 0.
    """
    one = Member(member("http://a", loadfactor=250, lbset=3, route="é", redirect="x"), 4)
    assert (one.name, one.index, one.lbfactor, one.lbset) == ("http://a", 4, 250, 3)
    assert (one.route, one.redirect) == ("é".encode(), b"x")
    assert (one.busy, one.elected, one.transferred, one.read, one.retries) == (0, 0, 0, 0, 0)
    assert one.usable
    assert repr(one) == "<Member http://a Init Ok>"


@pytest.mark.parametrize(
    ("status", "after", "expected"),
    [
        ("", 100.0, False),  # not in error
        ("+E", 9.9, False),
        ("+E", 10.0, False),  # strictly after
        ("+E", 10.1, True),
        ("+ES", 10.1, False),  # stopped: never
        ("+EI", 0.0, True),  # ignores errors: at once
        ("+ED", 10.1, True),
    ],
)
def test_A25_retryable(status, after, expected):
    """
    Only an error is retried, after C{retry}, at once with +I, never when stopped.
    """
    one = Member(member("a", status=status, retry=10.0))
    one.error_time = 0.0
    assert one.retryable(after) is expected


def test_W41_error_at_start_is_retried_at_once():
    """
    C{status=+E} has no error time, so any time is late enough.
    """
    assert Member(member("a", status="+E")).retryable(0.0)
