"""
What a worker does when its supervisor says so.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport
from twisted.protocols.amp import AMP

from tests.services.worlds import GET, Reactor, World
from txbalancer.config import loads
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, RenewMember, SetMember
from txbalancer.core.snapshot import export
from txbalancer.core.specs import MemberSpec
from txbalancer.services.plugins import load_registry
from txbalancer.services.post import Post
from txbalancer.testing import MemoryTransport
from txbalancer.workers.handover import open_box
from txbalancer.workers.line import Line
from txbalancer.workers.orders import Configure, Heed, Outset, Perform, Setup, Stop
from txbalancer.workers.parcels import Packed
from txbalancer.workers.sharing import Sharing
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import BEAT, EDITION, Table, create_memory
from txbalancer.workers.word import Turn, Word

TEXT = """\
[txbalancer]
access-log = off
graceful-timeout = 3s
[listener:web]
endpoint = tcp:80
[mount:/]
to = status:204
"""


class Adopted:
    """
    A port of another process.
    """

    def __init__(self) -> None:
        self.open = True

    def stopListening(self) -> Deferred[None]:
        self.open = False
        return succeed(None)


class Loop(Reactor):
    """
    A reactor that can be stopped, and takes ports.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stops = 0
        self.ports: list[Adopted] = []
        self.running = True

    def stop(self) -> None:
        self.stops += 1

    def adoptStreamPort(self, number: int, family: int, factory: Any) -> Adopted:
        self.factory = factory
        self.ports.append(Adopted())
        return self.ports[-1]


class Worker:
    """
    A worker without a process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shared"
        self.folder.mkdir()
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.table.use(1)
        self.box = open_box(str(self.folder), 1)
        self.reactor = Loop()
        spread = Spread(self.table, 1)
        self.sharing = Sharing(self.reactor, spread, str(self.folder), self.box)
        self.post = Post(self.reactor, self.sharing, self.table, 1)
        self.transport = StringTransport()
        self.post.makeConnection(self.transport)
        self.answers: list[Any] = []

    def order(self, command: Any, **arguments: Any) -> Any:
        """
        Tell it something, and return its answer.
        """
        supervisor, line = AMP(), StringTransport()
        supervisor.makeConnection(line)
        self.transport.clear()
        answers: list[Any] = []
        supervisor.callRemote(command, **arguments).addBoth(answers.append)
        self.post.dataReceived(line.value())
        supervisor.dataReceived(self.transport.value())
        self.transport.clear()
        return answers[0]

    def hear(self, word: Word) -> None:
        """
        Tell it what others have found.
        """
        supervisor, line = AMP(), StringTransport()
        supervisor.makeConnection(line)
        supervisor.callRemote(Heed, word=word)
        self.post.dataReceived(line.value())

    def configure(
        self, text: str = TEXT, edition: int = 1, states: Any = None, guesses: Any = None
    ) -> Any:
        """
        Have it serve by a configuration.

        @param states: how balancers are, by their names.
        """
        spec = Packed(loads(text, load_registry()).spec)
        outset = Outset(self.reactor.seconds(), states or {}, Word(), {}, {}, guesses or {})
        setup = Setup(spec, edition, outset, 2, b"secret", str(self.folder))
        return self.order(Configure, setup=setup, place=1, sockets={(1, 0)})

    def give(self, index: int = 0) -> None:
        """
        Give it a socket.
        """
        with socket.socket() as given:
            number = os.dup(given.fileno())
        self.post.take_socket(1, index, "tcp:80", socket.AF_INET, number)

    @property
    def edition(self) -> int:
        """
        By which edition others see it serve.
        """
        return int(self.table.column(1)[EDITION])

    def close(self) -> None:
        """
        Close everything.
        """
        self.sharing.close()
        self.box.close()
        os.close(self.memory)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """
    Make one.
    """
    made = Worker(tmp_path)
    yield made
    made.close()


def test_it_lives(worker: Worker) -> None:
    """
    From the first moment on it gives signs of life, and nobody passes anything to it.
    """
    first = worker.table.column(1)[BEAT]
    assert first
    worker.reactor.advance(0.25)
    assert worker.table.column(1)[BEAT] > first
    assert worker.edition == 0


def test_a_sign_of_life_before_work(worker: Worker) -> None:
    """
    One is given before something is done that may take long.
    """
    first = worker.table.column(1)[BEAT]
    worker.order(Stop, others=True)
    assert worker.table.column(1)[BEAT] > first


def test_it_serves(worker: Worker) -> None:
    """
    Sockets are accepted from when it is told by what to serve, not before; then others know.
    """
    worker.give()
    assert worker.reactor.ports == []
    assert worker.configure() == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True]
    assert worker.reactor.factory.buildProtocol(None) is not None
    assert worker.edition == 1


def test_another_configuration(worker: Worker) -> None:
    """
    Its sockets stay with another configuration; more may be given, and taken away again.
    """
    worker.give()
    worker.configure()
    worker.give(2)
    assert worker.configure(TEXT.replace("204", "200"), 2) == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True, False]
    assert worker.edition == 2
    assert worker.configure(TEXT, 3) == {"fault": ""}
    assert [each.open for each in worker.reactor.ports] == [True, False]


def test_members_of_sources(worker: Worker, tmp_path: Path) -> None:
    """
    A worker that begins has each member that a source knows once, as all others have it: twice
    would be twice its share, of which one would stay when the source loses it.
    """
    source = tmp_path / "members"
    source.write_text("http://10.0.0.1 route=a\nhttp://10.0.0.2\n")
    text = TEXT + f"[balancer:shop]\ndiscover = file:{source}\nmembers = http://10.0.0.3\n"
    world = World(text)
    world.start()
    world.service.targets.steering.apply(SetMember("shop", "http://10.0.0.2", loadfactor=500), "me")
    shop = world.service.targets.balancers["shop"].balancer
    worker.configure(text, states={"shop": export(shop, 0.0)})
    service = worker.post._service
    assert service is not None
    found = service.targets.balancers["shop"].balancer.members
    assert [(each.name, each.route, each.lbfactor) for each in found] == [
        ("http://10.0.0.3", b"", 100),
        ("http://10.0.0.1", b"a", 100),
        ("http://10.0.0.2", b"", 500),
    ]
    assert [each.origin and each.origin.source for each in found] == [None, *[f"file:{source}"] * 2]


def test_it_warns(worker: Worker) -> None:
    """
    What people should look at is told to the supervisor, for the journal is there.
    """
    worker.configure()
    service = worker.post._service
    assert service is not None
    service.runtime.turnstile.on_full()
    heard, supervisor = list[str](), AMP()
    child: Any = Mock(on_warning=lambda child, text: heard.append(text))
    supervisor.locateResponder = Line(child).locateResponder
    supervisor.makeConnection(StringTransport())
    supervisor.dataReceived(worker.transport.value())
    (text,) = heard
    assert text.startswith("no descriptors are left for clients")


def test_what_it_cannot_do(worker: Worker, tmp_path: Path) -> None:
    """
    A configuration that it cannot serve by is refused with the reason.
    """
    worker.give()
    answer = worker.configure(TEXT.replace("access-log = off", f"access-log = {tmp_path}/no/log"))
    assert f"{tmp_path}/no/log" in answer["fault"]
    assert worker.edition == 0


def test_wrong_passwords_of_before(worker: Worker, tmp_path: Path) -> None:
    """
    Whoever has guessed too often before this worker was there has to wait here, too; a file that it
    has not is nobody's.
    """
    users = tmp_path / "users"
    users.write_text("alice:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    worker.give()
    guarded = f"{TEXT}require = user alice\nauth-file = {users}\n"
    rows = [("192.0.2.1", 3600.0, b"x")]
    worker.configure(guarded, guesses={str(users): rows, "/other": rows})
    service: Any = worker.post._service
    guesses = service.targets.guards.files[str(users)].guesses
    now = service.runtime.now()
    assert guesses.wait("192.0.2.1", now) > 0
    assert guesses.wait("192.0.2.2", now) == 0


def test_members_that_come_and_go(worker: Worker) -> None:
    """
    A limit of a member holds for all workers, also where a source sets it later; of members that
    are gone nothing stays.
    """
    worker.give()
    worker.configure(f"{TEXT}[balancer:shop]\nmembers = http://10.0.0.9\n")
    service: Any = worker.post._service
    spec = MemberSpec("http://10.0.0.1", host="10.0.0.1", port=80)
    names = [(kind, "shop", spec.url) for kind in ("open", "line", "ahead")]
    rows = {name: 2000 + number for number, name in enumerate(names)}
    worker.order(Perform, order=AddMember("shop", spec, "file:/x"), rows={})
    member = service.targets.balancers["shop"].balancer.members[1]
    assert not member.pool.shared
    limited = replace(spec, max=3)
    worker.order(Perform, order=RenewMember("shop", limited, "file:/x"), rows=rows)
    assert (member.pool.shared, service._shares.rows) == (True, rows)
    worker.order(Perform, order=RemoveMember("shop", spec.url, "file:/x"), rows={})
    assert service._shares.rows == {}


def test_trials_are_divided(worker: Worker) -> None:
    """
    Of five trials of a circuit breaker the first of two workers makes three: of the balancer's, of
    a member of the configuration, and of members that others have added before or add now.
    """
    worker.give()
    rest = [f"{each}breaker-percent = 50\n{each}breaker-trials = 5\n" for each in ("", "member.")]
    text = f"{TEXT}[balancer:shop]\n{''.join(rest)}members = http://10.0.0.9\n"
    options = {"breaker_percent": 50, "breaker_trials": 5}
    added = [MemberSpec(f"http://10.0.0.{n}", **options) for n in (1, 2)]  # type: ignore[arg-type]
    world = World(text)
    world.start()
    world.service.targets.steering.apply(AddMember("shop", added[0]), "me")
    shop = world.service.targets.balancers["shop"].balancer
    worker.configure(text, states={"shop": export(shop, 0.0)})
    worker.order(Perform, order=AddMember("shop", added[1], "file:/x"), rows={})
    service: Any = worker.post._service
    balancer = service.targets.balancers["shop"].balancer
    breakers = [balancer.breaker, *(each.watched.breaker for each in balancer.members)]
    assert [each and each.trials for each in breakers] == [3, 3, 3, 3]
    worker.configure(text.replace("204", "200"), 2)
    assert balancer.breaker.trials == 3


def test_an_idle_one_stops_at_once(worker: Worker) -> None:
    """
    When all stop, one without connections says its last and ends.
    """
    worker.give()
    worker.configure()
    assert worker.order(Stop, others=False) == {}
    assert worker.edition == 0
    assert [each.open for each in worker.reactor.ports] == [False]
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting
    assert worker.reactor.stops == 0
    worker.post.connectionLost()
    assert worker.reactor.stops == 1
    assert worker.folder.exists()


def test_one_that_leaves_waits_a_moment(worker: Worker) -> None:
    """
    While others go on it accepts no more, and waits a moment for requests on their way; a second
    order ends that.
    """
    worker.give()
    worker.configure()
    worker.order(Stop, others=True)
    assert [each.open for each in worker.reactor.ports] == [False]
    assert worker.edition == 0
    worker.reactor.advance(0.5)
    assert not worker.transport.disconnecting
    worker.order(Stop, others=True)
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting


def test_one_that_leaves_hears_of_its_members(worker: Worker) -> None:
    """
    As long as it has clients it does what is ordered and heeds what checks find; an order for what
    only a later configuration has is none for it.
    """
    worker.give()
    text = TEXT.replace("status:204", "balancer://shop/")
    worker.configure(f"{text}[balancer:shop]\nmembers = http://10.0.0.9\n")
    service: Any = worker.post._service
    member = service.targets.balancers["shop"].balancer.members[0]
    strange = SetMember("later", "http://10.0.0.9", on=flags.DRAIN)
    address = IPv4Address("TCP", "192.0.2.1", 4000)
    client = MemoryTransport(worker.reactor, worker.reactor.factory.buildProtocol(address), address)
    client.send(GET)
    worker.order(Stop, others=True)
    for _ in range(2):
        assert worker.order(Perform, order=strange, rows={}) == {}
        order = SetMember("shop", member.name, on=flags.DRAIN)
        assert worker.order(Perform, order=order, rows={}) == {}
        assert member.flags & flags.DRAIN
        failed = Turn("shop", member.name, flags.HC_FAILED, flags.DRAIN, "a check", 0.0)
        worker.hear(Word([failed]))
        assert member.flags == flags.INIT | flags.HC_FAILED
        worker.hear(Word([failed._replace(on=0, off=flags.HC_FAILED)]))
        worker.reactor.advance(1.0)
        assert not worker.transport.disconnecting
    client.reset()
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting


def test_one_that_was_never_used(worker: Worker) -> None:
    """
    One that has nothing to do yet ends at once.
    """
    worker.order(Stop, others=True)
    assert worker.transport.disconnecting


def test_the_supervisor_is_gone(worker: Worker) -> None:
    """
    Without a line to its supervisor it ends what it has, which is nothing.
    """
    worker.give()
    worker.configure()
    assert not worker.post.alone
    worker.post.connectionLost()
    worker.reactor.advance(0.1)
    assert worker.reactor.stops == 1
    assert worker.post.alone
