"""
Short ways to balancers and requests, for tests.
"""

from __future__ import annotations

from random import Random

from txbalancer.core import flags, lbmethods, stickiness
from txbalancer.core.balancer import Balancer
from txbalancer.core.builtin import factories
from txbalancer.core.registry import Registry
from txbalancer.core.request import Peer
from txbalancer.core.specs import BalancerSpec, MemberSpec
from txbalancer.core.values import status

REGISTRY = Registry(lbmethods=factories(lbmethods), sticky=factories(stickiness))


def member(name, **options):
    """
    Make a member's spec; C{status} as in a configuration, such as C{"+D"}.
    """
    if isinstance(options.get("status"), str):
        options["status"] = status(options["status"])
    return MemberSpec(url=name, **options)


def balancer(*members, plain=False, on_flip=lambda flip: None, seed=1, **options):
    """
    Make a balancer of member specs, or of names.
    """
    specs = tuple(member(each) if isinstance(each, str) else each for each in members)
    return Balancer(
        BalancerSpec("shop", specs, **options),
        REGISTRY,
        Random(seed),
        b"s" * 32,
        on_flip,
        plain,
    )


def elected(lb, count, now=0.0, **arguments):
    """
    Elect C{count} times, one after the other, and return the names.
    """
    names = []
    for _ in range(count):
        found = lb.elect(now, **arguments)
        names.append(found.name)
        lb.release(found)
    return names


def words(member):
    return flags.describe(member.flags)


class FakeRequest:
    """
    The head of a request.
    """

    def __init__(
        self, path=b"/", query=None, method=b"GET", client="10.0.0.1", secure=False, **headers
    ):
        self.method, self.path, self.query, self.host = method, path, query, b"shop"
        self.peer = Peer(client, secure=secure)
        self.headers = {name.replace("_", "-").encode(): v for name, v in headers.items()}

    def header(self, name):
        return self.headers.get(name)
