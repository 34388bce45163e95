"""
The one judge of what happens after a failed attempt.
"""

from __future__ import annotations

from enum import Enum

from txbalancer import errors

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""Methods that may be sent twice. Source: RFC 9110 9.2.2."""


class Decision(Enum):
    """
    What to do next.

    @cvar GIVE_UP: answer the client with the error.
    @cvar ELSEWHERE: try another member; it counts against C{maxattempts}.
    @cvar FRESH: try once more, if need be the same member, on a new connection; it
        does not count, for an idle connection that closes is nobody's failure.
    @cvar DENIED: give up, though another member might be tried: C{retry-budget} is spent.
    """

    GIVE_UP = "give-up"
    ELSEWHERE = "elsewhere"
    FRESH = "fresh"
    DENIED = "denied"


def decide(
    error: errors.BalancerError,
    *,
    method: bytes,
    sent: bool,
    replayable: bool,
    answered: bool,
    reused: bool,
    attempts: int,
    maxattempts: int,
    client_there: bool,
    affordable: bool = True,
) -> Decision:
    """
    Judge a failed attempt. Apache tries again only where no connection was made
    (APACHE F2 to F4); here whatever is safe to send again is (APACHE X3).

    @param method: the request's method.
    @param sent: whether any byte of the request may have reached the member.
    @param replayable: whether the request's body can still be sent from its start.
    @param answered: whether any byte of an answer, an interim one too, was passed on.
    @param reused: whether the connection had carried a request before.
    @param attempts: attempts made so far that count, this one included, >= 1.
    @param maxattempts: most further attempts after the first.
    @param client_there: whether anybody still waits for the answer.
    @param affordable: whether the balancer's L{Budget<txbalancer.core.passive.budget.Budget>}
        has room for one more.
    """
    if answered or not client_there or not replayable:
        return Decision.GIVE_UP
    refused = isinstance(error, errors.StreamRefused)
    if sent and method not in IDEMPOTENT and not refused:
        return Decision.GIVE_UP
    if reused and isinstance(error, errors.MemberClosed):
        return Decision.FRESH
    if not isinstance(error, errors.MemberError | errors.QueueTimeout):
        return Decision.GIVE_UP
    if attempts > maxattempts:
        return Decision.GIVE_UP
    return Decision.ELSEWHERE if affordable else Decision.DENIED
