"""
The resolver that sources ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.names import client, dns

from txbalancer.discovery import lookups
from txbalancer.discovery.lookups import Resolver


def test_name_servers_of_the_line_are_asked_alone() -> None:
    """
    With servers of its own a resolver looks at no file.
    """
    resolver = Resolver(("10.0.0.53:53", "[::1]:5353"), reactor := MemoryReactorClock())
    assert resolver.servers == [("10.0.0.53", 53), ("::1", 5353)]
    assert reactor.getDelayedCalls() == []
    resolver.close()


def test_the_systems_name_servers_are_followed(tmp_path: Path, monkeypatch) -> None:
    """
    Without servers those of the file count, which is looked at again until the source is closed.
    """
    path = tmp_path / "resolv.conf"
    path.write_text("search test\nnameserver 10.0.0.53\n")
    monkeypatch.setattr(lookups, "RESOLV_CONF", str(path))
    resolver = Resolver((), reactor := MemoryReactorClock())
    assert resolver.dynServers == [("10.0.0.53", 53)]
    assert len(reactor.getDelayedCalls()) == 1
    resolver.close()
    assert reactor.getDelayedCalls() == []


class Connection:
    """
    A connection to a name server, with as many questions on it as are told.
    """

    def __init__(self, *questions: int) -> None:
        self.liveMessages = dict.fromkeys(questions)
        self.transport = self
        self.lost = False

    def loseConnection(self) -> None:
        self.lost = True


def test_connections_are_hung_up_when_nothing_is_asked(monkeypatch) -> None:
    """
    After an answer by TCP only connections stay on which something else is asked.
    """
    asked: Deferred[Any] = Deferred()
    monkeypatch.setattr(client.Resolver, "queryTCP", lambda *arguments: asked)
    resolver = Resolver(("10.0.0.53:53",), MemoryReactorClock())
    idle, busy = Connection(), Connection(7)
    resolver.connections = [idle, busy]
    found: list[object] = []
    resolver.queryTCP([dns.Query(b"shop.test")]).addCallback(found.append)
    asked.callback("answer")
    assert found == ["answer"]
    assert (idle.lost, busy.lost, resolver.connections) == (True, False, [busy])
    resolver.close()
    assert busy.lost


@pytest.mark.parametrize(
    ("record", "text"),
    [(dns.Record_A("10.0.0.1"), "10.0.0.1"), (dns.Record_AAAA("2001:db8:0::1"), "2001:db8::1")],
)
def test_addresses_in_words(record: Any, text: str) -> None:
    """
    Addresses are written in their shortest form, as they stand in URLs.
    """
    assert lookups.text_of(record) == text
