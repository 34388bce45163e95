"""
Names of visitors.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.net.test_resolve import Names as Resolver
from tests.threads import Threads
from txbalancer.net import names as module
from txbalancer.net.names import Names, own_name
from txbalancer.net.offload import Offload


class Case:
    """
    Look-ups that a test answers.
    """

    def __init__(self) -> None:
        self.reactor = Resolver()
        self.threads = Threads()
        offload = Offload(None, most=1, queue=1, in_thread=self.threads.run)
        self.names = Names(self.reactor, offload, self.reactor.seconds)
        self.found: list[Any] = []

    def find(self, address: str, name: str = "") -> None:
        self.names.find(address, name, self.found.append)


@pytest.fixture
def case() -> Case:
    """
    Return names without a network.
    """
    return Case()


def test_M2_a_name_leads_to_addresses(case) -> None:
    """
    An address is compared with those of a name, IPv4 over IPv6 as IPv4.
    """
    case.find("192.0.2.1", "a.example")
    case.find("::ffff:192.0.2.2", "a.example")
    case.find("192.0.2.3", "a.example")
    case.reactor.answer("192.0.2.1", "192.0.2.2", "2001:db8::1")
    assert case.found == ["192.0.2.1", "::ffff:192.0.2.2", ""]


def test_answers_count_for_a_minute(case) -> None:
    """
    What is out of date is asked for again before it counts, good or bad.
    """
    case.find("192.0.2.1", "a.example")
    case.reactor.answer()
    case.reactor.advance(59)
    case.find("192.0.2.1", "a.example")
    assert case.found == ["", ""]
    case.reactor.advance(2)
    case.find("192.0.2.1", "a.example")
    assert case.found == ["", ""]
    case.reactor.answer("192.0.2.1")
    assert case.found == ["", "", "192.0.2.1"]


def test_own_names_are_found_in_a_thread(case, monkeypatch) -> None:
    """
    A name is asked for once for all that wait; too many other questions get no answer, which is
    not kept.
    """
    monkeypatch.setattr(module, "own_name", lambda address: f"{address}.example")
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"):
        case.find(address)
    assert case.found == [None]
    case.threads.finish(2)
    assert case.found[1:] == ["192.0.2.1.example", "192.0.2.1.example", "192.0.2.2.example"]
    case.find("192.0.2.3")
    case.threads.finish()
    assert case.found[-1] == "192.0.2.3.example"


def test_answers_do_not_fill_the_memory(case, monkeypatch) -> None:
    """
    Where there are very many answers all are asked for anew.
    """
    monkeypatch.setattr(module, "_MOST", 2)
    for name in "abca":
        case.find("192.0.2.1", name)
        case.reactor.answer("192.0.2.1")
    assert len(case.found) == 4


@pytest.mark.parametrize(
    ("claimed", "leads_to", "expected"),
    [
        ("A.Example.", ["192.0.2.9", "192.0.2.1"], "a.example"),
        ("a.example", ["192.0.2.9"], ""),
        ("a.example", OSError(), ""),
        (OSError(), [], ""),
    ],
)
def test_M2_an_own_name_must_lead_back(monkeypatch, claimed, leads_to, expected) -> None:
    """
    A name that the address claims counts only if the address is one of its own.
    """

    def name_of(address: Any, options: int) -> tuple[str, str]:
        assert address == ("192.0.2.1", 0)
        if isinstance(claimed, OSError):
            raise claimed
        return claimed, "0"

    def addresses_of(name: str, port: None, type: int) -> list[Any]:
        if isinstance(leads_to, OSError):
            raise leads_to
        return [(2, type, 6, "", (each, 0)) for each in leads_to]

    monkeypatch.setattr(socket, "getnameinfo", name_of)
    monkeypatch.setattr(socket, "getaddrinfo", addresses_of)
    assert own_name("::ffff:192.0.2.1") == expected


def test_M2_this_machine_is_localhost() -> None:
    """
    The system's own file of hosts counts.
    """
    assert own_name("127.0.0.1") == "localhost"
