"""
Bytes under TLS between a transport and a protocol.
"""

from __future__ import annotations

import gc
import os

import pytest
from OpenSSL import SSL

from tests.tls.pipes import Client, Listening, Recorder, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.bindings import PIECE
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

    def bio_write(self, data: bytes) -> None:
        pass

    def bio_read(self, size: int) -> bytes:
        return b"a new key"

    def recv(self, size: int) -> bytes:
        raise SSL.WantReadError

    def serverConnectionForTLS(self, protocol):
        return self

    def lapsed(self, connection) -> bool:
        return False


def without_openssl(monkeypatch) -> None:
    """
    Let calls of OpenSSL's own reach a stand-in: its handshake is over at the first word.
    """

    def said(tls) -> bytes:
        try:
            return tls.bio_read(PIECE)
        except SSL.WantReadError:
            return b""

    monkeypatch.setattr("txbalancer.tls.handshakes.resumed", lambda connection: False)
    monkeypatch.setattr("txbalancer.tls.transport.shake", lambda tls: True)
    monkeypatch.setattr("txbalancer.tls.transport.unread", lambda tls: False)
    monkeypatch.setattr("txbalancer.tls.transport.said", said)


def test_answers_by_openssl_itself_have_an_end(monkeypatch) -> None:
    """
    Whoever has OpenSSL answer hundreds of times without a byte of data is sent away, for
    nobody says when that would stop, or whether the answers are read.
    """
    without_openssl(monkeypatch)
    world = Listening(Chatterbox())
    protocol, end = world.accept()
    for _ in range(255):
        end.send(b"demand")
    assert not end.ended
    for _ in range(3):
        end.send(b"demand")
    world.reactor.advance(0)
    assert protocol.happened == ["shaken", "stop", "Error"]


class Plain:
    """
    A protocol without half-closes, and with nothing to do after the handshake.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.reason = None

    def makeConnection(self, transport) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason) -> None:
        self.reason = reason.type.__name__


def test_a_protocol_without_half_closes_is_closed(world) -> None:
    """
    For it the client's last word is the end, and a clean one.
    """
    protocol, end = world.accept(Plain())
    client = Client(end, client_context())
    client.shake()
    client.tls.sendall(b"last words")
    client.tls.shutdown()
    client.flush()
    world.reactor.advance(0)
    assert protocol.received == [b"last words"]
    assert (protocol.reason, end.ended) == ("ConnectionDone", "closed")


def test_an_abort_while_data_is_handed_over(world) -> None:
    """
    A protocol may cut the connection from within dataReceived; what came behind is dropped.
    """
    protocol, client = connected(world)
    protocol.dataReceived = lambda data: protocol.transport.abortConnection()
    client.tls.sendall(b"a")
    client.tls.sendall(b"b")
    client.flush()
    world.reactor.advance(0)
    assert protocol.happened[-1] == "ConnectionAborted"


def test_an_end_within_a_big_piece(world) -> None:
    """
    What follows TLS's own end is nobody's.
    """
    protocol, client = connected(world)
    client.tls.sendall(b"x" * 20_000)
    client.tls.shutdown()
    client.end.send(client.said() + b"y" * 40_000)
    assert protocol.received == b"x" * 20_000
    assert protocol.happened == ["shaken", "ended"]


def test_other_ways_to_write_and_to_end(world) -> None:
    """
    A sequence is written as one piece; stopProducing closes; a second end says nothing more.
    """
    protocol, client = connected(world)
    client.taken()
    transport = protocol.transport
    transport.unregisterProducer()
    transport.write(b"")
    transport.writeSequence([b"a", b"b"])
    assert client.taken() == b"ab"
    transport.loseWriteConnection()
    transport.loseWriteConnection()
    transport.stopProducing()
    world.reactor.advance(0)
    assert client.end.ended == "closed"


def test_who_a_connection_is_of_is_asked_below(world) -> None:
    """
    Addresses and switches of TCP are those of the transport below; others have no switches.
    """
    protocol, client = connected(world)
    transport = protocol.transport
    assert transport.getPeer() is client.end.getPeer()
    assert transport.getHost() == client.end.getHost()
    assert transport.negotiatedProtocol is None
    transport.setTcpNoDelay(True)
    switched = []
    client.end.setTcpKeepAlive = switched.append
    transport.setTcpKeepAlive(False)
    assert switched == [False]


class Broken(Chatterbox):
    """
    Stands for OpenSSL that fails at everything but the handshake.
    """

    def bio_read(self, size: int) -> bytes:
        raise SSL.WantReadError

    def sendall(self, data: bytes) -> None:
        raise SSL.Error([("", "", "broken")])

    def shutdown(self) -> None:
        raise SSL.Error([])


def test_a_failure_to_encrypt_ends_the_connection(monkeypatch) -> None:
    """
    The protocol hears of it when the connection is gone, not from within write.
    """
    without_openssl(monkeypatch)
    for act in (lambda it: it.write(b"x"), lambda it: it.loseConnection()):
        world = Listening(Broken())
        protocol, end = world.accept(Plain())
        end.send(b"hello")
        act(protocol.transport)
        assert protocol.reason is None
        world.reactor.advance(0)
        assert end.ended == "closed"


def test_bytes_that_openssl_keeps_back_are_fetched(monkeypatch) -> None:
    """
    When more is there than a piece should need, all of it is sent.
    """
    without_openssl(monkeypatch)

    class Full(Chatterbox):
        left = b""

        def bio_read(self, size: int) -> bytes:
            if not self.left:
                raise SSL.WantReadError
            data, self.left = self.left[:size], self.left[size:]
            return data

        def sendall(self, data: bytes) -> None:
            self.left += b"z" * 5000

    world = Listening(Full())
    protocol, end = world.accept(Plain())
    end.send(b"hello")
    protocol.transport.write(b"x" * 100)
    assert end.taken() == b"z" * 5000


def test_nothing_waits_for_the_collector(world) -> None:
    """
    What was read and written is freed at once: a service's collector may run seldom.
    """
    protocol, client = connected(world)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            client.send(b"x" * 50_000)
            protocol.transport.write(b"y" * 50_000)
            client.taken()
        assert gc.collect() == 0
    finally:
        gc.enable()
