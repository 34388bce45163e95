"""
Load factors that hold for some time only, and end.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock

from txbalancer.core.commands import SetMember
from txbalancer.services.expiry import AT_ONCE
from txbalancer.testing import MemoryRig

MOST = 2 * AT_ONCE + 1

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    {}
[mount:/]
to = balancer://shop/
""".format("\n    ".join(f"http://10.0.0.{number}" for number in range(MOST)))


def turn(reactor: MemoryReactorClock) -> None:
    """
    Make the calls that are due, and not those that they add, as a reactor does.
    """
    for call in [each for each in reactor.calls if each.getTime() <= reactor.seconds()]:
        if call.active():
            reactor.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


def test_many_ends_leave_turns_to_traffic() -> None:
    """
    Of those that end together some are ended in each turn of the reactor, until all are.
    """
    rig = MemoryRig(CONFIGURATION)
    steering, members = rig.targets.steering, rig.targets.steering.balancer("shop").members
    for member in members:
        steering.apply(SetMember("shop", member.name, loadfactor=200, lasting=60.0), "me")
    rig.reactor.rightNow += 60.0
    ended = []
    for _ in range(4):
        turn(rig.reactor)
        ended.append(sum(member.lbfactor == 100 for member in members))
    assert ended == [AT_ONCE, 2 * AT_ONCE, MOST, MOST]
