"""
From specs to what serves, and what is kept when specs change.
"""

from __future__ import annotations

from copy import copy

from twisted.logger import LogLevel, globalLogPublisher

from txbalancer.core import flags
from txbalancer.core.standing import TRIED_AGAIN
from txbalancer.proxy.local import RedirectTarget, StatusTarget
from txbalancer.proxy.mounted import MountedBalancer
from txbalancer.proxy.web import WebTarget
from txbalancer.services.plugins import load_registry
from txbalancer.testing import FakeMountable, MemoryRig

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = http://10.0.0.1 maxfails=1
[mount:/shop]
to = balancer://shop/
[mount:/lone]
to = http://10.0.0.9/base
[mount:/lone2]
to = http://10.0.0.9/base
[mount:/moved]
to = redirect:/shop
[mount:/gone]
to = status:410
[mount:/page]
to = resource:fake
[mount:/page2]
to = resource:fake
[mount:/]
to = !
"""


def make_rig() -> MemoryRig:
    """
    Make a rig with every kind of target.
    """
    registry = load_registry()
    registry.resources["fake"] = FakeMountable()
    return MemoryRig(CONFIGURATION, registry)


def ask(rig: MemoryRig, path: bytes) -> bytes:
    """
    Return the answer to a request, if any.
    """
    client = rig.client()
    client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    return client.taken()


def target_of(rig: MemoryRig, path: bytes):
    """
    Return the target of the mount that takes a path.
    """

    class Request:
        """
        As much of a request as mounts without conditions look at.
        """

    request = Request()
    request.path = path
    return rig.site.table.find(request)[0].target


def test_each_kind_of_target() -> None:
    """
    Every word after C{to =} becomes what serves it.
    """
    rig = make_rig()
    kinds = [
        (b"/shop", MountedBalancer),
        (b"/lone", MountedBalancer),
        (b"/moved", RedirectTarget),
        (b"/gone", StatusTarget),
        (b"/page", WebTarget),
        (b"/", StatusTarget),
    ]
    for path, kind in kinds:
        assert isinstance(target_of(rig, path), kind), path
    assert ask(rig, b"/gone").startswith(b"HTTP/1.1 410")
    assert ask(rig, b"/else").startswith(b"HTTP/1.1 404")
    assert ask(rig, b"/page/a").endswith(b"GET at /page/a for /")
    assert ask(rig, b"/moved").startswith(b"HTTP/1.1 302")


def test_the_same_target_is_one() -> None:
    """
    Mounts to the same lone member or resource share it, with its connections or sessions.
    """
    rig = make_rig()
    assert target_of(rig, b"/lone").resource is target_of(rig, b"/lone2").resource
    assert target_of(rig, b"/page") is target_of(rig, b"/page2")
    assert len(rig.targets.resources()) == 2


def test_what_stays_is_kept() -> None:
    """
    Installing the same specs again keeps balancers, lone members, pools and resources.
    """
    rig = make_rig()
    pool = rig.balancer().members[0].pool
    before = [target_of(rig, path) for path in (b"/shop", b"/lone", b"/page")]
    rig.targets.install(rig.spec)
    after = [target_of(rig, path) for path in (b"/shop", b"/lone", b"/page")]
    assert [each.resource for each in before[:2]] == [each.resource for each in after[:2]]
    assert before[2] is after[2]
    assert rig.balancer().members[0].pool is pool


def test_lone_members_never_go_into_error() -> None:
    """
    A member without a balancer is asked however often it fails (F7).
    """
    rig = make_rig()
    for _ in range(5):
        client = rig.client()
        client.send(b"GET /lone/x HTTP/1.1\r\nHost: a\r\n\r\n")
        (opening,) = rig.openings()
        opening.fail()
        assert client.taken().startswith(b"HTTP/1.1 503")
    client.send(b"GET /lone/x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.accept().taken().startswith(b"GET /base/x HTTP/1.1\r\n")


def test_changes_of_state_are_told() -> None:
    """
    A member that goes out is a warning with its cause, one that comes back is news.
    """
    rig = make_rig()
    events: list[dict] = []
    globalLogPublisher.addObserver(events.append)
    try:
        balancer = rig.balancer()
        balancer.force_error(balancer.members[0], "connect-failed", 0.0)
        rig.advance(20)
        balancer.elect(rig.runtime.now())
    finally:
        globalLogPublisher.removeObserver(events.append)
    told = [event for event in events if "cause" in event]
    assert [event["log_level"] for event in told] == [LogLevel.warn, LogLevel.info]
    assert told[0]["member"] == "http://10.0.0.1"
    assert told[0]["cause"] == "connect-failed"


def test_a_balancer_without_members_left_does_not_flood_the_log() -> None:
    """
    Forced recovery brings the dead in for every request; a line a second says so, and the last
    one what has come of it.
    """
    rig = make_rig()
    said: list[str] = []

    def observe(event) -> None:
        if "after" in event:
            said.append(f"{event['before']} -> {event['after']}: {event['cause']}{event['more']}")

    globalLogPublisher.addObserver(observe)
    try:
        for _ in range(20):
            client = rig.client()
            client.send(b"GET /shop HTTP/1.1\r\nHost: a\r\n\r\n")
            for opening in rig.openings():
                opening.fail()
            assert client.taken().startswith(b"HTTP/1.1 503 ")
        at_once = said.copy()
        rig.advance(9)
    finally:
        globalLogPublisher.removeObserver(observe)
    refused = "connect-failed: Connection was refused by other side"
    assert at_once == [f"in use -> in error: {refused}", "in error -> in use: tried again"]
    assert said[2:] == [f"in use -> in error: {refused} (and 36 more like it)"]


def test_each_member_s_last_line_is_true() -> None:
    """
    Of members that are tried again within the second of others, each has its own lines.
    """
    rig = make_rig()
    balancer = rig.balancer()
    first = balancer.members[0]
    second = copy(first)
    said: list[str] = []

    def observe(event) -> None:
        if "after" in event:
            said.append(f"{event['after']}{event['more']}")

    def flip(member, bit: int, cause: str) -> None:
        balancer.set_flags(member, member.flags ^ bit, cause, rig.runtime.now())

    globalLogPublisher.addObserver(observe)
    try:
        first.retries = second.retries = 1
        for each in (first, second):
            flip(each, flags.IN_ERROR, "refused")
        assert said == ["in error", "in error"]
        flip(first, flags.IN_ERROR, TRIED_AGAIN)
        flip(second, flags.IN_ERROR, TRIED_AGAIN)
        flip(second, flags.IN_ERROR, "refused")
        rig.advance(1.1)
        assert said[2:] == ["in use", "in error (and 1 more like it)"]
        rig.advance(9)
        flip(second, flags.IN_ERROR, TRIED_AGAIN)
        flip(second, flags.IN_ERROR, "refused")
        flip(second, flags.DRAIN, "by command")
        rig.advance(9)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert said[4:] == ["in use", "in error, draining"]


def test_what_checks_and_people_do_is_always_told() -> None:
    """
    The bound on members that are tried again and again hides nothing else.
    """
    rig = make_rig()
    said: list[str] = []

    def observe(event) -> None:
        if "after" in event:
            said.append(f"{event['after']}: {event['cause']}{event['more']}")

    balancer = rig.balancer()
    first = balancer.members[0]
    globalLogPublisher.addObserver(observe)
    try:
        first.retries = 1
        for _ in range(3):
            balancer.force_error(first, "connect-failed", rig.runtime.now())
            balancer.set_flags(first, first.flags & ~flags.IN_ERROR, TRIED_AGAIN, rig.runtime.now())
        balancer.set_flags(first, first.flags | flags.DRAIN, "by command", rig.runtime.now())
        balancer.set_flags(first, first.flags | flags.HC_FAILED, "checked", rig.runtime.now())
    finally:
        globalLogPublisher.removeObserver(observe)
    assert said == [
        "in error: connect-failed",
        "draining: by command",
        "failing health checks, draining: checked",
    ]
