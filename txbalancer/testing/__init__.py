"""
For tests of plugins and of the balancer itself: fakes, and the data path in memory.
"""

from txbalancer.testing.fakes import (
    FakeLBMethod,
    FakeLBMethodFactory,
    FakeMemberLoad,
    FakeMemberSource,
    FakeMemberSourceFactory,
    FakeMountable,
    FakePage,
    FakePeer,
    FakeProbe,
    FakeRequest,
    FakeStickyScheme,
    FakeStickySchemeFactory,
    make_balancer,
    make_member,
)
from txbalancer.testing.rig import MemoryRig, Opening
from txbalancer.testing.transport import MemoryTransport

__all__ = [
    "FakeLBMethod",
    "FakeLBMethodFactory",
    "FakeMemberLoad",
    "FakeMemberSource",
    "FakeMemberSourceFactory",
    "FakeMountable",
    "FakePage",
    "FakePeer",
    "FakeProbe",
    "FakeRequest",
    "FakeStickyScheme",
    "FakeStickySchemeFactory",
    "MemoryRig",
    "MemoryTransport",
    "Opening",
    "make_balancer",
    "make_member",
]
