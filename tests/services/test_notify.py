"""
What systemd is told, over a real datagram socket.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from txbalancer.services.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """
    Make a socket such as systemd listens on.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(0.2)
        listening.bind(str(tmp_path / "notify"))
        yield listening


@pytest.fixture
def notifier(systemd: socket.socket) -> Notifier:
    """
    Make a notifier that was told of the socket.
    """
    return Notifier({"NOTIFY_SOCKET": systemd.getsockname()}, lambda: 1234567890)


def test_each_state_has_its_message(systemd: socket.socket, notifier: Notifier) -> None:
    """
    Ready, reloading, stopping and status are the assignments of sd_notify(3).
    """
    assert notifier.ready()
    assert notifier.ready("2 listeners")
    assert notifier.reloading()
    assert notifier.stopping("3 exchanges left")
    assert notifier.status("two\nlines")
    assert [systemd.recv(999) for _ in range(5)] == [
        b"READY=1",
        b"READY=1\nSTATUS=2 listeners",
        b"RELOADING=1\nMONOTONIC_USEC=1234567",
        b"STOPPING=1\nSTATUS=3 exchanges left",
        b"STATUS=two lines",
    ]


def test_the_main_process_may_be_another(systemd: socket.socket, notifier: Notifier) -> None:
    """
    Once another process serves this one says so and nothing more, for systemd would not listen.
    """
    assert notifier.reloading()
    assert notifier.succeeded_by(4711)
    assert not notifier.stopping("its connections end")
    assert not notifier.ready()
    assert systemd.recv(999) == b"RELOADING=1\nMONOTONIC_USEC=1234567"
    assert systemd.recv(999) == b"READY=1\nMAINPID=4711"
    with pytest.raises(TimeoutError):
        systemd.recv(999)


def test_abstract_sockets_are_reached() -> None:
    """
    A name with @ is in the abstract name space.
    """
    name = f"txbalancer-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        assert Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert listening.recv(99) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "vsock:2:1"])
def test_without_systemd_nothing_is_sent(address: str | None) -> None:
    """
    Started by hand, or with an address of another kind, the service goes on untold.
    """
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    assert not Notifier(environment).ready()


def test_a_socket_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    """
    A failed message is reported and the service goes on.
    """
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_the_watchdog_is_fed_twice_a_span(systemd: socket.socket) -> None:
    """
    With WatchdogSec=10 there is a sign at once and then every 5 seconds, none while the service
    is not well.
    """
    clock = Clock()
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "10000000"}
    notifier = Notifier({**environment, "WATCHDOG_PID": str(os.getpid())})
    well = True
    notifier.start_watchdog(clock, lambda: well)
    clock.pump([4.9, 0.2, 5.0])
    assert [systemd.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    well = False
    clock.pump([5.0, 5.0])
    with pytest.raises(TimeoutError):
        systemd.recv(99)
    well = True
    clock.advance(5.0)
    assert systemd.recv(99) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog_without_a_valid_span(environment: dict[str, str]) -> None:
    """
    No span, a wrong one, or one for another process: no signs.
    """
    clock = Clock()
    Notifier(environment).start_watchdog(clock, lambda: True)
    assert clock.getDelayedCalls() == []


def test_the_real_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By default the process's own environment counts.
    """
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not Notifier().reloading()
