"""
Which rows of the shared table workers are told of, as members come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.services.worlds import Reactor
from txbalancer.config import loads
from txbalancer.control.metrics.of_listeners import ListenerView, TLSView
from txbalancer.control.record import Record
from txbalancer.core.commands import AddMember, Command, RemoveMember, RenewMember, SetBalancer
from txbalancer.core.specs import MemberSpec
from txbalancer.services.plugins import load_registry
from txbalancer.services.supervisor import Supervisor
from txbalancer.workers.child import Child
from txbalancer.workers.reports import Report

TEXT = """
[txbalancer]
workers = 2
access-log = off
control = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = http://10.0.0.1 max=2
[mount:/]
to = balancer://shop/
"""


class Told:
    """
    A supervisor without workers.
    """

    def __init__(self) -> None:
        registry = load_registry()
        spec = loads(TEXT, registry).spec
        self.service = Supervisor(spec, reactor=Reactor(), registry=registry)
        self.service.workforce.make_folder()
        self.service.targets.install(spec)
        self.service.view.outset()

    @property
    def rows(self) -> dict[tuple[str, ...], int]:
        """
        All rows that have a name.
        """
        return self.service.workforce.places.rows.all()

    def order(self, command: Command) -> dict[tuple[str, ...], int]:
        """
        Carry out a command, and return the rows of which workers are told with it.
        """
        self.service.targets.steering.carry_out(command)
        return self.service.view.relays._rows_for(command)  # type: ignore[return-value]


@pytest.fixture
def told() -> Iterator[Told]:
    """
    Make one.
    """
    made = Told()
    yield made
    made.service.workforce.close()


def member(number: int, most: int = 2) -> MemberSpec:
    """
    Return the options of a member.
    """
    host = f"10.0.{number // 250}.{number % 250 + 2}"
    return MemberSpec(f"http://{host}", host=host, port=80, max=most)


def test_renewals_of_certificates_outlive_workers(told: Told) -> None:
    """
    All workers take the same certificates from the disk, which is counted once for each time,
    also when one of them is new.
    """
    service = told.service
    listeners = service.targets.pages.sources.listeners
    for worker in (1, 2, 3):
        service.view.sums.begin(worker)
        tls = TLSView(1, 0, {}, 0, 0, Record(), {})
        view = ListenerView("web", 1, 0, 0, 9, tls)
        service.view.sums.take(worker, Report(listeners={"web": view}))
        service.renewals["web"].note(worker < 3, 5.0)
        (found,) = listeners()
        assert found.tls is not None
        assert found.tls.renewals.passed + found.tls.renewals.failed == worker
        service.view.sums.settle(worker)
    service.view.sums.begin(4)
    service.view.sums.take(4, Report(listeners={"raw": view._replace(name="raw", tls=None)}))
    (found,) = listeners()
    assert found.tls is None


def kinds(rows: Any) -> list[str]:
    """
    Return what rows are for.
    """
    return [name[0] for name in rows]


def test_one_that_comes_has_its_rows(told: Told) -> None:
    """
    And no others are told of, however many members there are.
    """
    rows = told.order(AddMember("shop", member(1), "file:/x"))
    assert kinds(rows) == ["open", "line", "ahead"]
    assert {name[2] for name in rows} == {member(1).url}
    assert kinds(told.order(SetBalancer("shop", lbmethod="bybusyness"))).count("busy") == 2
    assert told.order(RemoveMember("shop", member(1).url, "file:/x")) == {}


def test_a_limit_that_a_source_sets_later_holds_for_all(told: Told) -> None:
    """
    The member was there without one.
    """
    assert told.order(AddMember("shop", member(1, most=0), "file:/x")) == {}
    assert kinds(told.order(RenewMember("shop", member(1), "file:/x"))) == ["open", "line", "ahead"]


def test_rows_of_those_that_are_gone_are_used_again(told: Told) -> None:
    """
    Of very many members that come and go, those that are there have rows, and those where somebody
    still counts keep theirs.
    """
    table = told.service.workforce.places.table
    table.use(1)
    busy = told.order(AddMember("shop", member(0), "file:/x"))["open", "shop", member(0).url]
    table.column(1)[busy] = 1
    told.order(RemoveMember("shop", member(0).url, "file:/x"))
    for number in range(1, 700):
        assert busy not in told.order(AddMember("shop", member(number), "file:/x")).values()
        told.order(RemoveMember("shop", member(number).url, "file:/x"))
    assert len(told.rows) < 1100
    assert ("open", "shop", "http://10.0.0.1") in told.rows
    table.column(1)[busy] = 0
    for number in range(700, 1100):
        told.order(AddMember("shop", member(number), "file:/x"))
        told.order(RemoveMember("shop", member(number).url, "file:/x"))
    assert ("open", "shop", member(0).url) not in told.rows


def test_when_a_worker_began_does_not_waver(told: Told) -> None:
    """
    It is the same number each time, so that nobody takes a worker for another one.
    """
    runtime, crew = told.service.runtime, told.service.crew
    crew.members[1] = Child(runtime.reactor, runtime.now, 1, [0] * 8, (8, 9))
    ticks = count(1000)
    runtime.wall = lambda: next(ticks) + 0.000001
    workers = told.service.targets.steering.facts.workers
    (first,), (second,) = workers(), workers()
    assert first.started == second.started
