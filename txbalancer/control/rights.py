"""
What somebody may do on the service's own pages, and who that is.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Any

from txbalancer.core.access import Rule
from txbalancer.core.access_rules import Verdict, Visitor, compile_rules
from txbalancer.core.specs import MountSpec
from txbalancer.proxy.guard import challenge


class Role(IntEnum):
    """
    C{VIEW}: look at everything; C{OPERATE}: change it, too.
    """

    VIEW = 1
    OPERATE = 2


@lru_cache(maxsize=256)
def _judge(rules: tuple[Rule, ...]) -> Callable[[Visitor], Verdict]:
    return compile_rules(rules)


def role(spec: MountSpec, visitor: Visitor) -> Role:
    """
    Return what somebody may do whom a mount's C{require} has let in already.

    Without C{operate} that is everything. A rule that asks for a name which nobody looked
    up, or for a user who did not log in, does not hold.
    """
    if not spec.operate or _judge(spec.operate)(visitor) is Verdict.GRANTED:
        return Role.OPERATE
    return Role.VIEW


def could_log_in(spec: MountSpec, visitor: Visitor) -> bool:
    """
    Tell whether a password could make an operator of somebody who is none.
    """
    return visitor.user is None and _judge(spec.operate)(visitor) is Verdict.LOGIN


def visitor_of(request: Any) -> Visitor:
    """
    Return what is known of who sent a request to a page.
    """
    head = getattr(request, "head", None)
    visitor = getattr(head, "visitor", None)
    if visitor is not None:
        return visitor
    return Visitor(getattr(request.getClientAddress(), "host", "") or "")


def role_of(request: Any) -> Role:
    """
    Return what the sender of a request may do; everything where no mount has a say, as in
    somebody's own tree of resources.
    """
    mount = getattr(request, "mount", None)
    return Role.OPERATE if mount is None else role(mount.spec, visitor_of(request))


def asks_for_login(request: Any) -> bytes | None:
    """
    Return the challenge (C{WWW-Authenticate}) for somebody who may not change things but
    might after a log-in; C{None} where that is no help.
    """
    mount = getattr(request, "mount", None)
    if mount is None or not mount.spec.auth_file:
        return None
    return challenge(mount.spec) if could_log_in(mount.spec, visitor_of(request)) else None


def who(request: Any) -> str:
    """
    Say who sent a request, for the audit line: the address, and the user if one logged in.
    """
    address = getattr(request.getClientAddress(), "host", "") or "a local socket"
    user = getattr(getattr(request, "head", None), "user", b"")
    return f"{user.decode('utf-8', 'replace')} at {address}" if user else str(address)
