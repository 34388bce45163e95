"""
Samples of what members do.
"""

from __future__ import annotations

from random import Random

import pytest
from twisted.internet.task import Clock

from tests.core.balancers import REGISTRY, member
from txbalancer.control.telemetry import Telemetry
from txbalancer.core.balancer import Balancer
from txbalancer.core.history import STEP
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer
from txbalancer.core.specs import BalancerSpec


class Rig:
    """
    A balancer of two members, and time.
    """

    def __init__(self) -> None:
        spec = BalancerSpec("shop", (member("a"), member("b")))
        self.balancer = Balancer(spec, REGISTRY, Random(1))
        self.clock = Clock()
        self.telemetry = Telemetry(self.clock, lambda: [self.balancer])
        self.names = [each.name for each in self.balancer.members]

    def serve(self, number: int, count: int = 1) -> None:
        """
        Count exchanges of a member.
        """
        outcome = Outcome(None, Peer("x", listener="web"), 200, balancer="shop", duration=0.01)
        for _ in range(count):
            self.telemetry.meters.measure(outcome._replace(member=self.names[number]))

    def requests(self, number: int) -> list[int]:
        """
        Return the samples of a member.
        """
        history = self.telemetry.history("shop", self.names[number])
        return [each.requests for each in history.samples]


@pytest.fixture
def rig() -> Rig:
    """
    Return a rig.
    """
    return Rig()


def test_a_sample_of_each_member_in_each_step(rig: Rig) -> None:
    """
    Each step has what came since the last one.
    """
    rig.telemetry.start()
    rig.serve(0, 3)
    rig.clock.advance(STEP)
    rig.serve(0)
    rig.clock.advance(STEP)
    rig.clock.advance(STEP)
    assert rig.requests(0) == [3, 1, 0]
    assert rig.requests(1) == [0, 0, 0]


def test_a_member_that_is_gone(rig: Rig) -> None:
    """
    Its samples and its meter are given up; another of the same name begins anew, and what the
    balancer served stays.
    """
    rig.serve(1, 2)
    rig.telemetry.step()
    rig.balancer.install(rig.balancer.members[:1])
    rig.telemetry.step()
    assert rig.requests(1) == []
    assert rig.telemetry.meters.select(member=rig.names[1]).requests == 0
    assert rig.telemetry.meters.select(balancer="shop").requests == 2


def test_stop(rig: Rig) -> None:
    """
    No samples are taken after a stop, and to stop twice or before the start does no harm.
    """
    rig.telemetry.stop()
    rig.telemetry.start()
    rig.telemetry.stop()
    rig.telemetry.stop()
    rig.clock.advance(3 * STEP)
    assert rig.requests(0) == []
    assert rig.clock.getDelayedCalls() == []
