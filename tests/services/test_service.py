"""
The whole service: all or nothing at the start, nothing cut short at the stop.
"""

from __future__ import annotations

import pytest
from twisted.application.service import Application, IServiceCollection

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.errors import StartError


def test_it_serves() -> None:
    """
    A request comes in at the port, goes to a member and is counted.
    """
    world = World().start()
    client = world.client(request=GET)
    world.accept().send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200 OK\r\n")
    assert world.service.counters.requests == 1


def test_it_is_a_service_as_any_other() -> None:
    """
    As a library it starts and stops with its application.
    """
    world = World()
    application = Application("library")
    world.service.setServiceParent(application)
    IServiceCollection(application).startService()
    assert list(world.reactor.open) == [80]
    IServiceCollection(application).stopService()
    assert world.reactor.open == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[listener:other]\nendpoint = tcp:81\n", "listener other: .*: cannot listen on tcp:81"),
        (
            "[listener:other]\nendpoint = tcp:82\ntls-certificate = /dev/null\n",
            "listener other: tls-certificate /dev/null",
        ),
        (
            "[mount:/x]\nto = https://a.test/ sslproxycacertificatefile=/dev/null\n",
            "sslproxycacertificatefile /dev/null",
        ),
    ],
)
def test_a_start_is_all_or_nothing(text, reason) -> None:
    """
    What is not to be had fails the start with one line, and nothing stays open.
    """
    world = World(CONFIGURATION.replace("[mount:/]", text + "[mount:/]"))
    world.reactor.busy.add(81)
    with pytest.raises(StartError, match=reason):
        world.service.privilegedStartService()
    assert world.reactor.open == {}


def test_a_start_that_failed_may_be_tried_again() -> None:
    """
    Once the port is free the same service starts.
    """
    world = World()
    world.reactor.busy.add(80)
    with pytest.raises(StartError):
        world.start()
    world.reactor.busy.clear()
    world.start()
    client = world.client(request=GET)
    world.accept().send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_unwritable_log_fails_the_start(tmp_path) -> None:
    """
    The log is opened before any port.
    """
    world = World(CONFIGURATION.replace("= off", f"= {tmp_path}/none/access.log"))
    with pytest.raises(StartError, match="access log"):
        world.start()
    assert world.reactor.open == {}


def test_the_log_gets_a_line_per_exchange(tmp_path) -> None:
    """
    Lines are written in batches, at the latest at the end; reopening moves to a new file.
    """
    log = tmp_path / "access.log"
    world = World(CONFIGURATION.replace("= off", f"= {log}")).start()
    client = world.client(request=GET)
    member = world.accept()
    member.send(OK)
    log.rename(tmp_path / "old.log")
    world.service.reopen_logs()
    assert (tmp_path / "old.log").read_text().count('"GET / HTTP/1.1" 200') == 1
    client.send(b"DELETE / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    world.accept().send(OK)
    stopping = world.service.stopService()
    world.advance(1)
    assert stopping.called
    assert log.read_text().count('"DELETE / HTTP/1.1" 200') == 1


def test_stopping_closes_what_is_idle_at_once() -> None:
    """
    Without anything in progress a stop takes no time and leaves no timer and no connection.
    """
    world = World().start()
    client = world.client(request=GET)
    member = world.accept()
    member.send(OK)
    stopping = world.service.stopService()
    world.advance(0.1)
    assert stopping.called
    assert client.ended == member.ended == "closed"
    assert world.reactor.open == {}
    assert world.reactor.getDelayedCalls() == []


def test_stopping_lets_exchanges_finish() -> None:
    """
    An exchange in progress ends as it would; the port is closed meanwhile.
    """
    world = World().start()
    client = world.client(request=GET)
    member = world.accept()
    stopping = world.service.stopService()
    assert world.service.stopService() is stopping
    world.advance(8)
    assert world.reactor.open == {}
    assert not stopping.called
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    world.advance(0.2)
    assert stopping.called
    assert world.reactor.getDelayedCalls() == []


def test_stopping_cuts_what_takes_too_long() -> None:
    """
    After graceful-timeout the rest is cut.
    """
    world = World().start()
    client = world.client(request=GET)
    member = world.accept()
    stopping = world.service.stopService()
    world.advance(11)
    assert stopping.called
    assert client.ended == member.ended == "aborted"


def test_a_second_wish_cuts_at_once() -> None:
    """
    C{cut} ends a graceful stop.
    """
    world = World().start()
    world.client(request=GET)
    world.accept()
    stopping = world.service.stopService()
    world.advance(1)
    world.service.cut()
    world.advance(0.2)
    assert stopping.called


def test_stopping_forgets_who_waits_for_a_member() -> None:
    """
    A request that waits for any member holds nothing back after the cut.
    """
    text = CONFIGURATION.replace("members =", "timeout = 1000\nforcerecovery = off\nmembers =")
    world = World(text).start()
    shop = world.service.targets.balancers["shop"].balancer
    for member in shop.members:
        shop.force_error(member, "test", world.reactor.seconds())
    world.client(request=GET)
    stopping = world.service.stopService()
    world.advance(11)
    assert stopping.called
    assert world.reactor.getDelayedCalls() == []
