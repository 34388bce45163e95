"""
Scenarios: blocking clients and members in threads, the balancer on the real reactor.

Each test of this folder runs in a thread of its own, while the main thread runs the
reactor with a live L{BalancerService} in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

from tests.conformance.streams import StreamClient
from tests.conformance.wire import Client, Member, Script
from tests.logged import read_line
from txbalancer.config import load
from txbalancer.services.plugins import load_registry
from txbalancer.services.service import BalancerService

CONFIG = """
[txbalancer]
access-log = {folder}/access.log
access-log-format = json
graceful-timeout = 0
[listener:web]
endpoint = tcp:0:interface=127.0.0.1
server-name = proxy.example
{listener}
[balancer:b]
{balancer}
members =
{members}
[mount:/]
to = balancer://b
{mount}
"""


both = pytest.mark.parametrize("protocol", ["http1", "http2"])
"""Marks scenarios that clients of HTTP/2 see just as those of HTTP/1.1 do."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """
    Run a test in a thread while the reactor runs here.
    """
    from twisted.internet import reactor

    done: Deferred[None] = Deferred()
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    def run() -> None:
        try:
            pyfuncitem.obj(**arguments)
        except BaseException as fault:
            reactor.callFromThread(done.errback, fault)  # type: ignore[attr-defined]
        else:
            reactor.callFromThread(done.callback, None)  # type: ignore[attr-defined]

    threading.Thread(target=run, daemon=True).start()
    pytest_twisted.blockon(done)
    return True


class Balance:
    """
    A running balancer with scripted members.

    @ivar members: the members, in order.
    """

    def __init__(
        self,
        folder: Path,
        service: BalancerService,
        members: list[Member],
        connect: Callable[[int], Any],
    ) -> None:
        """
        @param connect: makes a client of a port.
        """
        self._connect = connect
        self._log = folder / "access.log"
        self.service, self.members = service, members
        self.member = members[0] if members else None
        self.port = service.getServiceNamed("listener:web").ports[0].getHost().port
        self._clients: list[Any] = []
        self._stopped: Deferred[None] | None = None

    def client(self) -> Any:
        """
        Connect a client.
        """
        client = self._connect(self.port)
        self._clients.append(client)
        return client

    def ask(self, *lines: bytes, start: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> Any:
        """
        Ask once, over a connection of its own.
        """
        return self.client().ask(*lines, start=start, body=body)

    def log(self) -> list[dict[str, Any]]:
        """
        End the service, and return the lines of the access log.
        """
        blockingCallFromThread(self.service.reactor, self.stop)
        return [read_line(line) for line in self._log.read_text().splitlines()]

    def stop(self) -> Deferred[None]:
        """
        Stop the service, once.
        """
        if self._stopped is None:
            self._stopped = self.service.stopService()
        return self._stopped

    def close(self) -> None:
        """
        End everything.
        """
        pytest_twisted.blockon(self.stop())
        for client in self._clients:
            client.close()
        for member in self.members:
            member.stop()


class Starter:
    """
    Starts balancers for one test.
    """

    def __init__(self, folder: Path, protocol: str) -> None:
        """
        @param protocol: of clients, C{http1} or C{http2}.
        """
        self._folder = folder
        self._http2 = protocol == "http2"
        self.started: list[Balance] = []

    def __call__(
        self,
        *scripts: Script | Member | int,
        member: str = "",
        balancer: str = "",
        mount: str = "",
        listener: str = "",
        extra: str = "",
    ) -> Balance:
        """
        Start a balancer.

        @param scripts: one script, one ready member or one port for each member; by default
            one member that says 200.
        @param member: options of every member; C{balancer}, C{mount}, C{listener}: lines of
            that section; C{extra}: further lines of members.
        """
        from twisted.internet import reactor

        made = [each if isinstance(each, Member | int) else Member(each) for each in scripts]
        made = made or [Member()]
        ports = [each if isinstance(each, int) else each.port for each in made]
        folder = self._folder / str(len(self.started))
        folder.mkdir()
        config = folder / "conf.ini"
        config.write_text(
            CONFIG.format(
                folder=folder,
                listener=f"h2c = on\n{listener}" if self._http2 else listener,
                balancer=balancer,
                mount=mount,
                members="\n".join(
                    [*(f"    http://127.0.0.1:{port} {member}" for port in ports), extra]
                ),
            )
        )
        spec = load(str(config), load_registry()).spec
        service = BalancerService(spec, reactor=reactor)
        service.runtime.deadlines.period = 0.02
        blockingCallFromThread(reactor, service.privilegedStartService)
        blockingCallFromThread(reactor, service.startService)
        self.started.append(
            Balance(
                folder,
                service,
                [each for each in made if isinstance(each, Member)],
                StreamClient if self._http2 else Client,
            )
        )
        return self.started[-1]


@pytest.fixture
def protocol() -> str:
    """
    Return what clients speak; L{both} makes two rows of a scenario.
    """
    return "http1"


@pytest.fixture
def balance(tmp_path: Path, protocol: str) -> Iterator[Starter]:
    """
    Start balancers, and end them with their members and clients.
    """
    starter = Starter(tmp_path, protocol)
    yield starter
    for each in starter.started:
        each.close()


pytestmark = pytest.mark.conformance
