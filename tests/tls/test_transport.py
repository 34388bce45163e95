"""
Bytes under TLS between a transport and a protocol.
"""

from __future__ import annotations

import os

import pytest
from OpenSSL import SSL

from tests.tls.pipes import Client, Listening, Recorder, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.listeners import server_options


@pytest.fixture(scope="module")
def maker(authority):
    """
    Return a listener's TLS.
    """
    pair = authority.issue("lb.test")
    return server_options(
        ListenerSpec("web", tls_certificate=(str(pair.certificate),), tls_key=(str(pair.key),))
    )


@pytest.fixture
def world(maker) -> Listening:
    """
    Return what accepts connections.
    """
    return Listening(maker)


def connected(world: Listening, version: int = 0) -> tuple[Recorder, Client]:
    """
    Return both ends after the handshake.
    """
    protocol, end = world.accept()
    context = client_context()
    if version:
        context.set_max_proto_version(version)
    client = Client(end, context, b"lb.test")
    client.shake()
    assert protocol.happened == ["shaken"]
    return protocol, client


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("size", [1, 5, 16384, 16385, 65536, 65537, 300_000])
def test_bytes_arrive_as_they_were(world, size, version) -> None:
    """
    Whatever its size, what goes in at one end comes out at the other, both ways.
    """
    protocol, client = connected(world, version)
    data = os.urandom(size)
    client.send(data)
    assert protocol.received == data
    protocol.transport.write(data)
    assert client.taken() == data


def test_a_request_is_one_read_and_one_write(world) -> None:
    """
    A small message comes in one piece; the answer leaves at once, as one record.
    """
    protocol, client = connected(world)
    client.taken()
    client.send(b"question")
    client.send(b"another")
    assert protocol.pieces == [b"question", b"another"]
    protocol.transport.write(b"answer")
    record = client.end.taken()
    assert record[0] == 23
    assert len(record) == 5 + int.from_bytes(record[3:5])


def test_records_may_be_cut_anywhere(world) -> None:
    """
    Bytes that come one by one, or several records in one read, are joined as they belong.
    """
    protocol, client = connected(world)
    client.tls.sendall(b"first")
    client.tls.sendall(b"second")
    data = client.said()
    for place in range(len(data)):
        client.end.send(data[place : place + 1])
    assert protocol.pieces == [b"first", b"second"]
    client.tls.sendall(b"a")
    client.tls.sendall(b"b")
    client.tls.sendall(b"c")
    data = client.said()
    client.end.send(data[:30])
    client.end.send(data[30:])
    assert protocol.received == b"firstsecondabc"
    client.send(b"whole")
    assert protocol.pieces[-1] == b"whole"


def test_words_that_come_with_the_handshake_are_not_lost(world) -> None:
    """
    A request that is in the same packet as the end of the handshake is taken.
    """
    protocol, end = world.accept()
    client = Client(end, client_context())
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    client.flush()
    client.pull()
    client.tls.do_handshake()
    client.tls.sendall(b"GET / HTTP/1.1")
    client.flush()
    assert protocol.received == b"GET / HTTP/1.1"
    assert protocol.happened == ["shaken"]


def test_the_far_end_may_end_first(world) -> None:
    """
    After its last word a client can still be written to; then both directions are over.
    """
    protocol, client = connected(world)
    client.tls.shutdown()
    client.flush()
    assert protocol.happened == ["shaken", "ended"]
    protocol.transport.write(b"still here")
    assert client.taken() == b"still here"
    client.end.end()
    protocol.transport.loseConnection()
    world.reactor.advance(0)
    assert protocol.happened == ["shaken", "ended", "stop", "ConnectionDone"]


def test_a_protocol_may_end_its_direction(world) -> None:
    """
    A half-close tells the client so by TLS, and what it sends is still read.
    """
    protocol, client = connected(world)
    client.taken()
    protocol.transport.write(b"last")
    protocol.transport.loseWriteConnection()
    protocol.transport.write(b"too late")
    world.reactor.advance(0)
    client.pull()
    assert client.tls.recv(100) == b"last"
    with pytest.raises(SSL.ZeroReturnError):
        client.tls.recv(100)
    client.send(b"more")
    assert protocol.received == b"more"
    assert protocol.happened == ["shaken", "half-closed"]


def test_closing_says_so(world) -> None:
    """
    loseConnection sends TLS's own end behind what was written, and closes.
    """
    protocol, client = connected(world)
    protocol.transport.write(b"bye")
    protocol.transport.unregisterProducer()
    protocol.transport.loseConnection()
    world.reactor.advance(0)
    client.pull()
    assert client.tls.recv(100) == b"bye"
    with pytest.raises(SSL.ZeroReturnError):
        client.tls.recv(100)
    assert client.end.ended == "closed"
    assert protocol.happened == ["shaken", "ConnectionDone"]


def test_a_cut_is_not_an_end(world) -> None:
    """
    A connection that ends without a word of TLS may have been cut: that is no clean end.
    """
    protocol, client = connected(world)
    client.end.end()
    world.reactor.advance(0)
    assert protocol.happened == ["shaken", "stop", "ConnectionLost"]


def test_what_is_no_tls_ends_the_connection(world) -> None:
    """
    Garbage after the handshake is answered by an alert, and the protocol hears of it.
    """
    protocol, client = connected(world)
    client.end.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    world.reactor.advance(0)
    assert protocol.happened == ["shaken", "stop", "Error"]
    assert protocol.received == b""


def test_a_slow_client_holds_the_writer(world) -> None:
    """
    When the socket is full the protocol has to pause, until the client has read.
    """
    protocol, client = connected(world)
    client.end.room = 0
    protocol.transport.write(b"x" * 100_000)
    assert protocol.happened == ["shaken", "pause"]
    client.end.take()
    assert protocol.happened == ["shaken", "pause", "resume"]
    assert client.taken() == b"x" * 100_000


def test_a_paused_protocol_is_not_read_to(world) -> None:
    """
    pauseProducing stops the transport below.
    """
    protocol, client = connected(world)
    protocol.transport.pauseProducing()
    client.send(b"wait")
    assert protocol.received == b""
    protocol.transport.resumeProducing()
    client.end.settle()
    assert protocol.received == b"wait"


def test_nothing_is_delivered_after_an_abort(world) -> None:
    """
    What arrives when the protocol has cut the connection is nobody's.
    """
    protocol, client = connected(world)
    protocol.transport.abortConnection()
    protocol.transport.write(b"no")
    client.send(b"too late")
    world.reactor.advance(0)
    assert protocol.received == b""
    assert protocol.happened[-1] == "ConnectionAborted"


def test_renegotiation_is_refused(world) -> None:
    """
    A client that wants to shake hands again is told no, and the server does not begin.
    """
    protocol, client = connected(world, SSL.TLS1_2_VERSION)
    client.tls.renegotiate()
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    client.flush()
    client.pull()
    with pytest.raises(SSL.Error, match="no renegotiation"):
        client.tls.do_handshake()
    assert protocol.received == b""


class Chatterbox:
    """
    Stands for OpenSSL under a client that has it answer each record by itself.
    """

    def set_accept_state(self) -> None:
        pass

    def do_handshake(self) -> None:
        pass

    def bio_write(self, data: bytes) -> None:
        pass

    def bio_read(self, size: int) -> bytes:
        return b"a new key"

    def recv(self, size: int) -> bytes:
        raise SSL.WantReadError

    def serverConnectionForTLS(self, protocol):
        return self


def test_answers_by_openssl_itself_have_an_end(monkeypatch) -> None:
    """
    Whoever has OpenSSL answer hundreds of times without a byte of data is sent away, for
    nobody says when that would stop, or whether the answers are read.
    """
    monkeypatch.setattr("txbalancer.tls.handshakes.resumed", lambda connection: False)
    world = Listening(Chatterbox())
    protocol, end = world.accept()
    for _ in range(255):
        end.send(b"demand")
    assert not end.ended
    for _ in range(3):
        end.send(b"demand")
    world.reactor.advance(0)
    assert protocol.happened == ["shaken", "stop", "Error"]
