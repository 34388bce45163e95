"""
A real process that runs out of descriptors, of memory, or is stormed: what is there goes on, and
the operator gets in.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.process import BalancerProcess, until
from tests.integration.raw import RawMember
from tests.peers import free_port

pytestmark = pytest.mark.integration

OPEN_FILES = 160
LIMITED = ("sh", "-c", f'ulimit -n {OPEN_FILES}; exec "$@"', "sh")


def answer_all(connection: socket.socket) -> None:
    """
    Answer requests without bodies, one after the other.
    """
    while data := connection.recv(65536):
        for _ in range(data.count(b"\r\n\r\n")):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def member() -> Iterator[RawMember]:
    """
    A member that answers everything.
    """
    with RawMember(answer_all) as found:
        yield found


class Rig:
    """
    A balancer with one member, and a reserved listener for whoever is in charge.
    """

    def __init__(self, process: BalancerProcess, admin: int) -> None:
        self.process, self.admin = process, admin
        self.crowd: list[socket.socket] = []

    @contextlib.contextmanager
    def existing(self) -> Iterator[http.client.HTTPConnection]:
        """
        A client that was there before.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=30)
        try:
            served(connection)
            yield connection
        finally:
            connection.close()

    def storm(self, count: int) -> None:
        """
        Connect so many more clients, who say nothing.
        """
        for _ in range(count):
            self.crowd.append(socket.create_connection(("127.0.0.1", self.process.port), 30))

    def disperse(self) -> None:
        """
        Let them all go.
        """
        while self.crowd:
            self.crowd.pop().close()

    def metric(self, name: str) -> float:
        """
        Return the sum of a metric's series, as it is told on the reserved listener.
        """
        text = ask(f"http://127.0.0.1:{self.admin}/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def spent(self) -> float:
        """
        Return the seconds of the processor that the balancer has used.
        """
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served(connection: http.client.HTTPConnection) -> None:
    """
    Ask once more on a connection, and be answered by the member.
    """
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok")


@pytest.fixture
def starting(balancer: Starts, member: RawMember) -> Iterator:
    """
    Start a rig.
    """
    made: list[Rig] = []

    def start(service: str = "", *prefix: str) -> Rig:
        admin = free_port()
        text = (
            f"[txbalancer]\naccess-log = off\n{service}\n"
            "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nmax-connections = 1000\n"
            f"[listener:admin]\nendpoint = tcp:{admin}:interface=127.0.0.1\nreserved = on\n"
            f"[balancer:shop]\nmembers = http://127.0.0.1:{member.port}\n"
            "[mount:/metrics]\nto = metrics:\n[mount:/]\nto = balancer://shop/\n"
        )
        made.append(Rig(balancer(text, start=False).start(*prefix), admin))
        return made[-1]

    yield start
    for each in made:
        each.disperse()


def test_without_descriptors_what_is_there_goes_on(starting) -> None:
    """
    New clients wait, without spinning; the reserved listener and commands answer, it is told
    once, and later all is as before.
    """
    rig = starting("", *LIMITED)
    with rig.existing() as existing:
        rig.storm(OPEN_FILES + 50)
        until(lambda: rig.metric("txbalancer_descriptors_exhausted_total") > 1, "no room is left")
        before = rig.spent()
        for _ in range(50):
            served(existing)
        with contextlib.closing(Control(rig.process.folder / "control.sock")) as control:
            assert control.ask("GET", "/limits")["limits"]
        start = rig.metric("txbalancer_descriptors_exhausted_total")
        until(
            lambda: rig.metric("txbalancer_descriptors_exhausted_total") > start,
            "it looks again",
        )
        assert rig.spent() - before < 5.0, "it spins"
        assert rig.process.log().count("no descriptors are left") == 1
        rig.disperse()
        assert ask(f"http://127.0.0.1:{rig.process.port}/").body == b"ok"
        served(existing)


def test_too_few_descriptors_are_told_at_the_start(starting) -> None:
    """
    With the numbers, and what to do.
    """
    rig = starting("", *LIMITED)
    found = rig.process.log()
    assert f"{OPEN_FILES} descriptors are allowed" in found
    assert "raise LimitNOFILE=" in found


def test_above_the_memory_limit_what_is_there_goes_on(starting) -> None:
    """
    Whoever comes is served when there is room again.
    """
    rig = starting("memory-limit = 16M")
    with rig.existing() as existing:
        until(lambda: rig.metric("txbalancer_memory_exhausted") == 1, "no memory is left")
        served(existing)
        with socket.create_connection(("127.0.0.1", rig.process.port), 30) as late:
            late.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            served(existing)
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.recv(1)
            existing.close()
            late.settimeout(30)
            assert late.recv(15) == b"HTTP/1.1 200 OK"
    assert rig.process.log().count("no more connections are accepted") == 1


def test_in_a_storm_of_connections_what_is_there_is_served(starting) -> None:
    """
    Each of its requests, between any number of others who come.
    """
    rig = starting()
    with rig.existing() as existing:
        for _ in range(20):
            rig.storm(20)
            served(existing)
        assert rig.metric("txbalancer_listener_refused_total") == 0


def test_connections_over_the_limit_of_the_service_are_closed(starting) -> None:
    """
    They see the end at once; others are not affected.
    """
    rig = starting("max-connections = 3")
    with rig.existing() as existing:
        rig.storm(3)
        assert rig.crowd[2].recv(1) == b""
        served(existing)
        assert rig.metric("txbalancer_limit_refused_total") == 1
