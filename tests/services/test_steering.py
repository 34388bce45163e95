"""
Commands on a running service.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail

from tests.control.manager.boards import Browser
from tests.services.worlds import CONFIGURATION, World
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, Revert, SetBalancer, SetMember
from txbalancer.core.specs import MemberSpec
from txbalancer.services.steering import Steering

NEW = MemberSpec("http://10.0.0.9", host="10.0.0.9")


@pytest.fixture
def world() -> World:
    """
    Start a service with two members.
    """
    return World().start()


@pytest.fixture
def steering(world: World) -> Steering:
    """
    Return what steers it.
    """
    return world.service.targets.steering


def test_a_change_and_who_hears_of_it(world: World, steering: Steering) -> None:
    """
    What was other before is returned, and told to whoever listens, once it is so.
    """
    heard = []
    steering.on_change.append(heard.append)
    change = steering.apply(SetMember("shop", "http://10.0.0.1", lbset=2), "me")
    assert (change.before, change.after) == ({"lbset": "0"}, {"lbset": "2"})
    assert heard == [change]
    assert world.members()[0].lbset == 2
    assert not steering.apply(SetMember("shop", "http://10.0.0.1", lbset=2), "me")
    assert len(heard) == 1


def test_members_come_and_go(world: World, steering: Steering) -> None:
    """
    A new one has its pool and gets requests; one that goes closes its idle connections.
    """
    steering.apply(AddMember("shop", NEW), "me")
    for name in ("http://10.0.0.1", "http://10.0.0.2"):
        pool = next(each.pool for each in world.members() if each.name == name)
        steering.apply(RemoveMember("shop", name), "me")
        assert pool._leaving
    client = world.client(80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    (opening,) = world.openings()
    assert opening.address == ("10.0.0.9", 80)
    assert client.taken() == b""


def test_health_checks_follow(world: World, steering: Steering) -> None:
    """
    A member is asked as soon as it has a method, in the new rhythm, and no more without one.
    """
    member = "http://10.0.0.1"
    steering.apply(SetMember("shop", member, hcmethod="tcp", hcinterval=1.0), "me")
    world.advance(0.2)
    assert [each.address for each in world.openings()] == [("10.0.0.1", 80)]
    steering.apply(SetMember("shop", member, hcmethod="none"), "me")
    world.advance(5)
    assert world.openings() == []
    steering.apply(
        AddMember("shop", MemberSpec("http://10.0.0.9", host="10.0.0.9", hcmethod="tcp")), "me"
    )
    world.advance(1)
    assert [each.address for each in world.openings()] == [("10.0.0.9", 80)]
    steering.apply(RemoveMember("shop", "http://10.0.0.9"), "me")
    assert world.service.checks._checks == {}


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (SetMember("nosuch", "x"), "there is no balancer nosuch; use shop"),
        (SetMember("shop", "x"), "shop has no member x"),
        (RemoveMember("shop", "x"), "shop has no member x"),
        (Revert("shop", "x"), "shop has no member x"),
        (SetBalancer("shop", lbmethod="byrequest"), r"did you mean byrequests\?"),
        (SetMember("shop", "http://10.0.0.1", hcmethod="ping"), "no health check 'ping'"),
        (SetMember("shop", "http://10.0.0.1", hcexpr="x"), "no expression 'x'"),
        (AddMember("shop", MemberSpec("http://a", hcmethod="ping")), "no health check 'ping'"),
    ],
)
def test_what_is_not_there(steering: Steering, command: object, text: str) -> None:
    """
    A C{LookupError} names it, and what there is instead.
    """
    with pytest.raises(LookupError, match=text):
        steering.apply(command, "me")


def test_what_cannot_be(world: World, steering: Steering) -> None:
    """
    A C{ValueError}: a member twice, or one whose TLS files are no good; nothing is changed.
    """
    with pytest.raises(ValueError, match="already"):
        steering.apply(AddMember("shop", MemberSpec("http://10.0.0.1")), "me")
    bad = MemberSpec("https://a", scheme="https", host="a", sslproxycacertificatefile="/nowhere")
    with pytest.raises(ValueError, match=r"https://a: .*/nowhere"):
        steering.apply(AddMember("shop", bad), "me")
    assert len(world.members()) == 2


def test_X21_changes_outlive_a_reload(world: World, steering: Steering) -> None:
    """
    With the nonce, the members added, and the checks; what the file changes is the file's.
    """
    nonce = steering.nonce("shop")
    steering.apply(AddMember("shop", NEW), "me")
    steering.apply(SetMember("shop", "http://10.0.0.1", loadfactor=300, on=flags.DRAIN), "me")
    world.reload(CONFIGURATION.replace("http://10.0.0.1", "http://10.0.0.1 loadfactor=7"))
    assert len(world.members()) == 3
    first = world.members()[0]
    assert (first.lbfactor, flags.describe(first.flags)) == (700, "Init Drn Ok ")
    assert steering.nonce("shop") == nonce
    world.reload(CONFIGURATION.replace("shop", "other"))
    assert steering.names() == ("other",)
    with pytest.raises(LookupError, match="no balancer shop"):
        steering.nonce("shop")


def test_an_answer_waits_for_the_disk() -> None:
    """
    A page says that something was changed when that would outlive a crash, or that it would not.
    """
    browser = Browser()
    steering = browser.rig.targets.steering
    disk: Deferred[str] = Deferred()
    steering.settled = lambda: disk
    client = browser.rig.client()
    body = f"b=shop&b_tmo=3&nonce={browser.nonce()}".encode()
    client.send(
        b"POST /bm HTTP/1.1\r\nHost: lb.test\r\nReferer: http://lb.test/\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    assert browser.rig.balancer().spec.timeout == 3.0
    assert client.taken() == b""
    disk.callback("no space left")
    assert b"This will not outlive a restart: no space left." in client.taken()


def test_a_client_that_does_not_wait() -> None:
    """
    It is not answered; nothing goes wrong with that, nor when the page cannot be made.
    """
    browser = Browser()
    steering = browser.rig.targets.steering
    disk: Deferred[str] = Deferred()
    steering.settled = lambda: disk
    client = browser.rig.client()
    body = f"b=shop&b_tmo=3&nonce={browser.nonce()}".encode()
    request = (
        b"POST /bm HTTP/1.1\r\nHost: lb.test\r\nReferer: http://lb.test/\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    client.send(request)
    client.reset()
    disk.callback("")
    assert browser.rig.outcomes[-1].reason != "ok"
    steering.settled = lambda: fail(ValueError("x"))
    client = browser.rig.client()
    client.send(request.replace(b"b_tmo=3", b"b_tmo=4"))
    assert client.taken().startswith(b"HTTP/1.1 500")


def test_who_changes_things_with_a_password() -> None:
    """
    The user's name goes into the log beside the address.
    """
    from txbalancer.control.rights import who

    class Part:
        """
        Has attributes.
        """

        def __init__(self, **parts: object) -> None:
            self.__dict__.update(parts)

        def getClientAddress(self) -> object:
            return self.address

    head = Part(user=b"alice")
    request = Part(address=Part(host="192.0.2.7"), head=head)
    assert who(request) == "alice at 192.0.2.7"
    assert who(Part(address=Part())) == "a local socket"
