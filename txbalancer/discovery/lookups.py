"""
Questions to name servers, with twisted.names.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted.internet import udp
from twisted.internet.base import BasePort
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import CannotListenError
from twisted.names import client, dns, error
from twisted.python.failure import Failure

RESOLV_CONF = "/etc/resolv.conf"

TRIES = (1.0, 2.0, 4.0)
"""Seconds for each round of questions to all name servers."""

TYPES = {"any": (dns.A, dns.AAAA), "ipv4": (dns.A,), "ipv6": (dns.AAAA,)}
"""Types of records by the word for C{family =}."""

_WORDS = {
    error.DNSFormatError: "the name server does not understand the question (FORMERR)",
    error.DNSServerError: "the name server cannot answer (SERVFAIL)",
    error.DNSNotImplementedError: "the name server does not do this (NOTIMP)",
    error.DNSQueryRefusedError: "the name server refuses to answer (REFUSED)",
}


class Lookup(NamedTuple):
    """
    What a question found.

    @ivar found: payloads of records of the type that was asked for, other than aliases.
    @ivar extra: records that came along.
    @ivar ttl: the shortest of those of the answer; C{None} without any.
    @ivar note: why nothing was found, if so.
    """

    found: list[Any]
    extra: list[Any]
    ttl: float | None
    note: str


class LookupFailed(Exception):
    """
    Nobody knows: that is something else than that there is none.
    """


class _Port(udp.Port):
    """
    A port of datagrams that says nothing when it comes and goes.
    """

    def _bindSocket(self) -> None:
        try:
            self.socket = self.createInternetSocket()
            self.socket.bind((self.interface, self.port))
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error
        self._realPortNumber = self.socket.getsockname()[1]
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = 1

    def connectionLost(self, reason: Any = None) -> None:
        """
        Close the socket.
        """
        self._realPortNumber = None
        BasePort.connectionLost(self, reason)
        self.protocol.doStop()
        self.socket.close()
        if hasattr(self, "d"):
            self.d.callback(None)
            del self.d


class Resolver(client.Resolver):
    """
    Asks name servers by UDP, and by TCP where an answer is too long for that.
    """

    def __init__(self, servers: Iterable[str], reactor: Any) -> None:
        """
        @param servers: C{ADDRESS:PORT} each; without any, those of L{RESOLV_CONF}.
        """
        found = [_server(each) for each in servers]
        super().__init__(None if found else RESOLV_CONF, found or None, TRIES, reactor)

    def _connectedProtocol(self, interface: str = "") -> dns.DNSDatagramProtocol:
        """
        Ask each question from a port of its own, which the system chooses at random; Twisted's
        own way writes two lines into the log for each.
        """
        protocol = dns.DNSDatagramProtocol(self, reactor=self._reactor)
        protocol.noisy = False
        _Port(0, protocol, interface, reactor=self._reactor).startListening()
        return protocol

    def queryTCP(self, queries: Any, timeout: float = 10) -> Deferred[Any]:
        """
        Ask by TCP, and hang up: a connection that nobody knows to be dead would be asked for ever.
        """
        asked: Deferred[Any] = super().queryTCP(queries, timeout)
        return asked.addBoth(self._hang_up)

    def _hang_up(self, result: Any) -> Any:
        for connection in list(self.connections):
            if not connection.liveMessages:
                self.connections.remove(connection)
                connection.transport.loseConnection()
        return result

    def close(self) -> None:
        """
        End connections, and looking after L{RESOLV_CONF}.
        """
        call = getattr(self, "_parseCall", None)
        if call is not None and call.active():
            call.cancel()
        for connection in list(self.connections):
            connection.transport.loseConnection()


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def look_up(resolver: Any, name: str, kind: int) -> Deferred[Lookup]:
    """
    Ask for the records of a name.

    @param kind: C{dns.A}, C{dns.AAAA} or C{dns.SRV}.
    @return: fails with L{LookupFailed}. That a name has no such record is no failure.
    """
    asked: Deferred[Any] = resolver.query(dns.Query(name.encode(), kind, dns.IN))
    return asked.addCallbacks(_found, _failed, callbackArgs=(name, kind), errbackArgs=(name,))


def _found(answer: Any, name: str, kind: int) -> Lookup:
    answers, _, extra = answer
    found = [each.payload for each in answers if each.type == kind]
    ttl = float(min(each.ttl for each in answers)) if answers else None
    note = "" if found else f"{name} has no {dns.QUERY_TYPES[kind]} record"
    return Lookup(found, extra, ttl, note)


def _failed(reason: Failure, name: str) -> Lookup:
    if reason.check(error.DNSNameError):
        return Lookup([], [], None, f"there is no name {name} (NXDOMAIN)")
    known = reason.check(*_WORDS)
    if known is not None:
        raise LookupFailed(f"{name}: {_WORDS[known]}")
    if reason.check(error.DNSQueryTimeoutError, DeferredTimeout):
        raise LookupFailed(f"{name}: no name server answers in time")
    raise LookupFailed(f"{name}: {reason.getErrorMessage() or type(reason.value).__name__}")


def text_of(record: Any) -> str:
    """
    Write the address in an A or AAAA record.
    """
    if record.TYPE == dns.A:
        return str(record.dottedQuad())
    return socket.inet_ntop(socket.AF_INET6, record.address)


class Addresses:
    """
    Addresses of names, of each family by itself: where one cannot be had now, its last good
    answer counts, if the other can.
    """

    def __init__(self, resolver: Any, family: str) -> None:
        """
        @param family: a key of L{TYPES}.
        """
        self._resolver = resolver
        self._types = TYPES[family]
        self._last: dict[tuple[str, int], list[str]] = {}

    def find(self, name: str) -> Deferred[tuple[list[str], float | None, str]]:
        """
        Look a name up.

        @return: fires with the addresses, their TTL, and why there is none; fails with
            L{LookupFailed}.
        """
        asked = [self._ask(name, kind) for kind in self._types]
        return gatherResults(asked, consumeErrors=True).addCallback(_joined)

    def _ask(self, name: str, kind: int) -> Deferred[Any]:
        def found(result: Lookup) -> Any:
            addresses = [text_of(each) for each in result.found]
            self._last[name, kind] = addresses
            return addresses, result.ttl, result.note

        def failed(reason: Failure) -> Any:
            return self._last.get((name, kind)), None, reason.value

        return look_up(self._resolver, name, kind).addCallback(found).addErrback(failed)

    def keep(self, names: Iterable[str]) -> None:
        """
        Forget all names but these.
        """
        kept = set(names)
        self._last = {key: each for key, each in self._last.items() if key[0] in kept}


def _joined(results: list[Any]) -> tuple[list[str], float | None, str]:
    notes = [note for _, _, note in results]
    failures = [note for note in notes if isinstance(note, LookupFailed)]
    addresses = [each for found, _, _ in results for each in found or ()]
    unknown = any(found is None for found, _, _ in results)
    if len(failures) == len(results) or (unknown and not addresses):
        raise failures[0]
    ttls = [ttl for _, ttl, _ in results if ttl is not None]
    return sorted(set(addresses)), min(ttls, default=None), str(notes[0])
