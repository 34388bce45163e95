"""
The fakes keep the contracts of what they stand for.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail
from zope.interface.verify import verifyObject

from txbalancer import interfaces, testing
from txbalancer.core import flags
from txbalancer.core.health import ProbeResult
from txbalancer.core.registry import Registry


@pytest.mark.parametrize(
    ("interface", "fake"),
    [
        (interfaces.ILBMethod, testing.FakeLBMethod),
        (interfaces.ILBMethodFactory, testing.FakeLBMethodFactory),
        (interfaces.IStickyScheme, testing.FakeStickyScheme),
        (interfaces.IStickySchemeFactory, testing.FakeStickySchemeFactory),
        (interfaces.IProbe, testing.FakeProbe),
        (interfaces.IMountable, testing.FakeMountable),
    ],
)
def test_fakes_provide_their_interface(interface: type, fake: type) -> None:
    """
    Each fake has every attribute and signature of its extension point.
    """
    assert verifyObject(interface, fake())


def test_members_and_balancers_are_made_from_options() -> None:
    """
    Options read as in a configuration; a balancer of URLs elects among them.
    """
    assert testing.make_member(status="+D").flags & flags.DISABLED
    lb = testing.make_balancer("http://a", "http://b", testing.make_member("http://c", status="+D"))
    chosen = [lb.elect(0.0).name for _ in range(4)]
    assert chosen == ["http://a", "http://b", "http://a", "http://b"]


def test_fakes_work_in_a_balancer() -> None:
    """
    A fake lbmethod is asked for each election, a fake scheme finds and labels sessions.
    """
    factory = testing.FakeLBMethodFactory()
    registry = Registry(
        lbmethods={"fake": factory}, sticky={"fake": testing.FakeStickySchemeFactory()}
    )
    lb = testing.make_balancer(
        testing.make_member("http://a", route="ra"),
        testing.make_member("http://b", route="rb"),
        registry=registry,
        lbmethod="fake",
        stickyscheme="fake",
    )
    request = testing.FakeRequest(x_route=b"rb")
    session = lb.session(request)
    assert session is not None
    assert lb.follow(session, 0.0).name == "http://b"
    assert list(lb.remember(request, session, lb.members[1])) == [b"X-Route: rb"]
    assert lb.session(testing.FakeRequest()) is None
    first = lb.elect(0.0, request)
    lb.release(first)
    assert (first.name, factory.made[0].asked) == ("http://a", [request])
    assert factory.made[0].back == [first]
    factory.made[0].reset(lb.members)
    assert factory.made[0].asked == []


def test_a_fake_probe_finds_what_it_is_told() -> None:
    """
    A probe notes whom it asked, and answers or fails as the test wants.
    """
    probe = testing.FakeProbe()
    found: list[ProbeResult] = []
    spec = testing.make_member().spec
    probe.probe(None, spec).addCallback(found.append)
    probe.result = fail(ValueError("broken"))
    probe.probe(None, spec).addErrback(lambda failure: failure.trap(ValueError))
    assert found == [ProbeResult(True, "well")]
    assert probe.asked == [spec, spec]
