"""
What a worker does when its supervisor says so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from twisted.internet.testing import StringTransport
from twisted.protocols.amp import AMP

from tests.services.workers import TEXT, Worker
from tests.services.worlds import World
from txbalancer.core.commands import AddMember, RemoveMember, RenewMember, SetMember
from txbalancer.core.snapshot import export
from txbalancer.core.specs import MemberSpec
from txbalancer.workers.line import Line
from txbalancer.workers.orders import Perform, Stop
from txbalancer.workers.table import BEAT


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
