"""
The judge of retries, asked everything.
"""

from __future__ import annotations

from itertools import product

import pytest

from txbalancer import errors
from txbalancer.core.retry import IDEMPOTENT, Decision, decide

ERRORS = [
    errors.ConnectFailed(),
    errors.ConnectTimeout(),
    errors.TLSFailed(),
    errors.QueueTimeout(),
    errors.ResponseTimeout(),
    errors.MemberClosed(),
    errors.BadResponse(),
    errors.Truncated(),
    errors.NoMemberAvailable(),
    errors.SessionRefused(),
    errors.ClientGone("x"),
    errors.BodyTooLarge("x"),
    errors.BalancerError(),
]
METHODS = [b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"POST", b"PATCH", b"get"]
KEYS = ("sent", "replayable", "answered", "reused", "client_there", "affordable")
FACTS = [
    {"error": error, "method": method, "attempts": attempts, "maxattempts": maxattempts}
    | dict(zip(KEYS, bits, strict=True))
    for error, method, attempts, maxattempts, bits in product(
        ERRORS, METHODS, (1, 2, 3), (0, 1, 2), product((False, True), repeat=6)
    )
]


def judged(facts):
    facts = dict(facts)
    return decide(facts.pop("error"), **facts)


def test_every_case_keeps_the_rules():
    """
    All combinations of all inputs: nothing unsafe is ever sent again.
    """
    seen = set()
    for facts in FACTS:
        decision = judged(facts)
        seen.add(decision)
        if decision is Decision.GIVE_UP:
            continue
        assert not facts["answered"]
        assert facts["client_there"]
        assert facts["replayable"]
        assert not facts["sent"] or facts["method"] in IDEMPOTENT
        assert isinstance(facts["error"], errors.MemberError | errors.QueueTimeout)
        if decision is Decision.ELSEWHERE:
            assert facts["attempts"] <= facts["maxattempts"]
            assert facts["affordable"]
        elif decision is Decision.DENIED:
            assert facts["attempts"] <= facts["maxattempts"]
            assert not facts["affordable"]
        else:
            assert facts["reused"]
            assert isinstance(facts["error"], errors.MemberClosed)
    assert seen == set(Decision)


SAFE = {
    "method": b"GET",
    "sent": True,
    "replayable": True,
    "answered": False,
    "reused": False,
    "attempts": 1,
    "maxattempts": 1,
    "client_there": True,
}


@pytest.mark.parametrize("error", ERRORS[:8])
def test_X3_idempotent_requests_go_to_another_member(error):
    """
    Whatever went wrong at the member, also after the request was sent.
    """
    assert decide(error, **SAFE) is Decision.ELSEWHERE
    assert decide(error, **{**SAFE, "attempts": 2}) is Decision.GIVE_UP


@pytest.mark.parametrize("error", ERRORS[8:])
def test_other_ends_are_final(error):
    """
    Nothing another member could do better.
    """
    assert decide(error, **SAFE) is Decision.GIVE_UP


def test_F3_a_post_that_was_not_sent_yet_goes_on():
    """
    No connection, nothing sent: any method.
    """
    facts = {**SAFE, "method": b"POST", "sent": False}
    assert decide(errors.ConnectFailed(), **facts) is Decision.ELSEWHERE
    assert decide(errors.ConnectFailed(), **{**facts, "sent": True}) is Decision.GIVE_UP


def test_a_reused_connection_that_closed_gets_a_fresh_one():
    """
    Uncounted, so also with no attempts left; not for a request that must not be repeated.
    """
    facts = {**SAFE, "reused": True, "maxattempts": 0}
    assert decide(errors.MemberClosed(), **facts) is Decision.FRESH
    assert decide(errors.ResponseTimeout(), **facts) is Decision.GIVE_UP
    post = {**facts, "method": b"POST"}
    assert decide(errors.MemberClosed(), **post) is Decision.GIVE_UP
    assert decide(errors.MemberClosed(), **{**post, "sent": False}) is Decision.FRESH


def test_maxattempts_counts_further_attempts():
    """
    B7: 2 means three attempts in all.
    """
    facts = {**SAFE, "maxattempts": 2}
    answers = [decide(errors.BadResponse(), **{**facts, "attempts": n}) for n in (1, 2, 3)]
    assert answers == [Decision.ELSEWHERE, Decision.ELSEWHERE, Decision.GIVE_UP]
