"""
The options of a balancer.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import StickyNames, hash_key, secrets, sticky_names
from txbalancer.core.specs.member import MemberSpec
from txbalancer.core.specs.passive import BalancerPassive
from txbalancer.core.specs.source import SourceSpec


@dataclass(frozen=True, slots=True)
class BalancerSpec(BalancerPassive):
    """
    A set of members with one way of choosing among them.
    """

    name: str
    members: tuple[MemberSpec, ...] = ()
    discover: tuple[SourceSpec, ...] = ()

    lbmethod: str = option(values.name, "byrequests", "How a member is chosen.", names="lbmethods")
    memberload: str = option(
        values.name,
        "heartbeat",
        "Who tells lbmethod heartbeat how much room members have: heartbeat or a plugin.",
        names="loads",
    )
    hashkey: str = option(hash_key, "source", "What the hash method hashes.")
    stickysession: StickyNames | None = option(  # noqa: RUF009 (a field, as the others)
        sticky_names, None, "Cookie and URL parameter that carry the session's route."
    )
    stickysessionsep: str = option(
        values.separator, ".", "Character before the route in a session value; Off = none."
    )
    scolonpathdelim: bool = option(
        values.flag, False, "Whether ; also ends a session value in URLs."
    )
    stickyscheme: str = option(
        values.name,
        "",
        "Name of a plugin's sticky scheme; empty = stickysession and stickycookie.",
        names="sticky",
    )
    stickycookie: str = option(
        values.token_or_none, "", "Name of a route cookie that the balancer sets itself."
    )
    stickycookie_secret: tuple[str, ...] = option(
        secrets,
        (),
        "Signs stickycookie; a second one is accepted too, for rotation. Empty = made at each"
        " start: sessions then move at every restart, and between balancers that share them.",
        secret=True,
    )
    stickycookie_path: str = option(values.cookie_path, "/", "Path attribute of stickycookie.")
    stickycookie_secure: str = option(
        values.choice("auto", "on", "off"), "auto", "Secure attribute; auto = on TLS listeners."
    )
    stickycookie_httponly: bool = option(values.flag, True, "HttpOnly attribute of stickycookie.")
    stickycookie_samesite: str = option(
        values.choice("lax", "strict", "none", "off"), "lax", "SameSite attribute of stickycookie."
    )
    stickysource: float = option(
        values.duration(),
        0.0,
        "How long a client's address stays with its member after it was last seen; 0 = not.",
    )
    stickysource_most: int = option(
        values.integer(1, 10_000_000),
        100_000,
        "Most addresses that stickysource keeps; beyond, the longest unseen one goes.",
    )
    nofailover: bool = option(
        values.flag, False, "Answer 503 rather than move a session to another member."
    )
    timeout: float = option(
        values.duration(), 0.0, "How long a request may wait for any usable member; 0 = not at all."
    )
    max_requests: int = option(
        values.integer(0, 10000000),
        0,
        "Most requests (with mode = tcp, connections) in progress at once at all members; more"
        " wait. 0 = no limit.",
    )
    queue: int = option(
        values.integer(0, 1000000),
        1024,
        "Most that wait for max-requests, as many again with priority = high; more get 503.",
    )
    queue_timeout: float = option(values.duration(0.01), 10.0, "Longest such wait; then 503.")
    maxattempts: int | None = option(
        values.integer(0, 100),
        None,
        "Most further members tried in one request; unset = number of members less one.",
    )
    failonstatus: frozenset[int] = option(
        values.statuses, frozenset(), "Answers with these status codes count as failures."
    )
    failontimeout: bool = option(
        values.flag, False, "Whether a member that does not answer in time goes into error at once."
    )
    forcerecovery: bool = option(
        values.flag, True, "Try members in error again at once when no other is left."
    )
    growth: int = option(
        values.integer(0, 1000), 100, "Most members that may be added at run time.", apache=0
    )
    nonce: str = option(
        values.text(36),
        "",
        "Secret of the manager's forms; empty = a new one at each start, None = no changes.",
        secret=True,
    )
