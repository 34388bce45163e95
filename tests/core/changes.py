"""
Balancers in any state, and any change of them, for hypothesis.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member
from txbalancer.core import flags
from txbalancer.core.commands import (
    KEEP,
    AddMember,
    Command,
    RemoveMember,
    Revert,
    SetBalancer,
    SetMember,
)
from txbalancer.core.overrides import BY_HAND
from txbalancer.core.performing import apply
from txbalancer.core.specs import StickyNames

BITS = (
    flags.IGNORE_ERRORS,
    flags.DRAIN,
    flags.DISABLED,
    flags.STOPPED,
    flags.STANDBY,
    flags.SPARE,
    flags.IN_ERROR,
    flags.HC_FAILED,
)
MASKS = st.lists(st.sampled_from(BITS), max_size=3).map(lambda bits: sum(set(bits)))
NAMES = st.sampled_from(["http://a", "http://b", "http://c", "http://new", "http://more"])
ROUTES = st.sampled_from(["", "r1", "r2"])


def maybe(strategy):
    """
    Draw a value or leave it as it is.
    """
    return st.none() | strategy


def set_member(draw) -> SetMember:
    """
    Draw a change of a member.
    """
    factor = draw(maybe(st.integers(100, 10000)))
    return SetMember(
        "shop",
        draw(NAMES),
        loadfactor=factor,
        lasting=None if factor is None else draw(maybe(st.sampled_from([60.0, 600.0]))),
        lbset=draw(maybe(st.integers(0, 3))),
        route=draw(maybe(ROUTES)),
        redirect=draw(maybe(ROUTES)),
        on=draw(MASKS),
        off=draw(MASKS),
        hcmethod=draw(maybe(st.sampled_from(["none", "tcp", "get"]))),
        hcinterval=draw(maybe(st.sampled_from([1.0, 5.0]))),
        hcfails=draw(maybe(st.integers(1, 3))),
        hcuri=draw(maybe(st.sampled_from(["", "/x"]))),
    )


def set_balancer(draw) -> SetBalancer:
    """
    Draw a change of a balancer.
    """
    options = {
        "lbmethod": st.sampled_from(["byrequests", "bybusyness", "bytraffic", "leastload"]),
        "timeout": st.sampled_from([0.0, 3.0]),
        "maxattempts": st.none() | st.integers(0, 3),
        "stickysession": st.none() | st.just(StickyNames("A", "b")),
        "nofailover": st.booleans(),
    }
    return SetBalancer(
        "shop", **{name: draw(st.just(KEEP) | values) for name, values in options.items()}
    )


@st.composite
def commands(draw) -> Command:
    """
    Draw any command that people give.
    """
    kind = draw(st.sampled_from(["set", "set", "balancer", "add", "remove", "revert"]))
    if kind == "set":
        return set_member(draw)
    if kind == "balancer":
        return set_balancer(draw)
    if kind == "add":
        return AddMember("shop", member(draw(NAMES), status=draw(MASKS) & BY_HAND | flags.INIT))
    if kind == "remove":
        return RemoveMember("shop", draw(NAMES))
    return Revert("shop", draw(st.just("") | NAMES))


def made(fresh=False):
    """
    Make a balancer of three members that have some history, or are C{fresh}.
    """
    lb = balancer(
        "http://a",
        member("http://b", loadfactor=300, route="r1", hcmethod="get", hcuri="/h"),
        member("http://c", status="+D"),
        growth=2,
    )
    if fresh:
        return lb
    elected(lb, 5)
    lb.members[0].read = lb.members[1].transferred = 700
    return lb


@st.composite
def balancers(draw):
    """
    Draw a balancer that was changed, checked and in use.
    """
    lb = made()
    for _ in range(draw(st.integers(0, 4))):
        what = draw(st.sampled_from(["command", "check", "failure", "request"]))
        one = draw(st.sampled_from(lb.members)) if lb.members else None
        if what == "command":
            try_to(lb, draw(commands()), 10.0)
        elif what == "check" and one is not None and one.spec.hcmethod != "none":
            lb.health(one, draw(st.booleans()), 11.0)
        elif what == "failure" and one is not None:
            lb.force_error(one, "refused", 11.0)
        elif what == "request" and lb.members:
            found = lb.elect(12.0)
            if found is not None:
                lb.release(found)
    return lb


def try_to(lb, command: Command, now: float) -> bool:
    """
    Carry out a command if that can be done.
    """
    try:
        apply(lb, command, now)
    except (LookupError, ValueError):
        return False
    return True
