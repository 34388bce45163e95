"""
Handshakes: so many at once, so long, and counted by how they end.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from OpenSSL import SSL

from tests.tls.pipes import Client, Listening, Recorder, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.handshakes import REASONS, reason_of
from txbalancer.tls.listeners import server_options


def maker(authority, **options):
    """
    Return a listener's TLS.
    """
    pair = authority.issue("lb.test")
    return server_options(
        ListenerSpec(
            "web",
            tls_certificate=(str(pair.certificate),),
            tls_key=(str(pair.key),),
            **options,
        )
    )


def greet(client: Client) -> None:
    """
    Send the first word of a handshake.
    """
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    client.flush()


def finish(client: Client) -> None:
    """
    Go on after the first word.
    """
    client.end.settle()
    client.pull()
    client.shake()


def test_a_good_handshake_is_counted(authority) -> None:
    """
    It is active until it is done, and full or resumed after that.
    """
    world = Listening(maker(authority))
    _, end = world.accept()
    context = client_context()
    client = Client(end, context)
    assert (world.handshakes.active, world.handshakes.completed) == (0, 0)
    greet(client)
    assert (world.handshakes.active, world.handshakes.completed) == (1, 0)
    client.pull()
    client.shake()
    assert (world.handshakes.active, world.handshakes.completed) == (0, 1)
    assert client.taken() == b""
    _, end = world.accept()
    again = Client(end, context)
    again.tls.set_session(client.tls.get_session())
    again.shake()
    assert (world.handshakes.completed, world.handshakes.resumed) == (2, 1)
    assert len(world.deadlines) == 0
    assert world.failures == []


def test_too_many_wait_for_their_turn(authority) -> None:
    """
    Over the limit a client is not answered, until another's handshake is over.
    """
    world = Listening(maker(authority), most=1)
    first = Client(world.accept()[1], client_context())
    greet(first)
    protocol, end = world.accept()
    second = Client(end, client_context())
    second.shake()
    assert (protocol.happened, end.reading) == ([], False)
    assert (world.handshakes.active, world.handshakes.waiting) == (1, 1)
    finish(first)
    finish(second)
    assert protocol.happened == ["shaken"]
    assert (world.handshakes.active, world.handshakes.waiting) == (0, 0)


def test_who_is_silent_keeps_nobody_out(authority) -> None:
    """
    Connections without a byte take no handshake's place, and end in time all the same.
    """
    world = Listening(maker(authority), most=1, timeout=2.0)
    silent = [world.accept()[1] for _ in range(5)]
    assert (world.handshakes.active, world.handshakes.waiting) == (0, 0)
    protocol, end = world.accept()
    Client(end, client_context()).shake()
    assert protocol.happened == ["shaken"]
    world.reactor.pump([0.25] * 10)
    assert {each.ended for each in silent} == {"aborted"}
    assert world.handshakes.failures == {"late": 5}
    assert len(world.deadlines) == 0


def test_who_waits_has_a_deadline_and_may_leave(authority) -> None:
    """
    The time of a handshake runs while it waits; who leaves meanwhile gives its place up.
    """
    world = Listening(maker(authority), most=1, timeout=2.0)
    greet(Client(world.accept()[1], client_context()))
    (left, end), (_, stays) = accepted = [world.accept() for _ in range(2)]
    for _, each in accepted:
        greet(Client(each, client_context()))
    assert world.handshakes.waiting == 2
    left.transport.abortConnection()
    assert (world.handshakes.waiting, end.ended) == (1, "aborted")
    world.reactor.pump([0.25] * 10)
    assert stays.ended == "aborted"
    assert world.handshakes.failures == {"closed": 1, "late": 2}
    assert (world.handshakes.active, world.handshakes.waiting) == (0, 0)


def test_many_who_wait_may_fail_at_once(authority) -> None:
    """
    However many of them say nonsense, each gets its turn and its answer.
    """
    world = Listening(maker(authority), most=1)
    first = Client(world.accept()[1], client_context())
    greet(first)
    ends = [world.accept()[1] for _ in range(1000)]
    for end in ends:
        end.send(b"GET / HTTP/1.0\r\n\r\n")
    assert world.handshakes.waiting == 1000
    finish(first)
    world.reactor.advance(0)
    assert world.handshakes.failures == {"not-tls": 1000}
    assert {end.ended for end in ends} == {"closed"}
    assert (world.handshakes.active, world.handshakes.waiting) == (0, 0)


def test_one_client_does_not_take_all_places(authority) -> None:
    """
    Who has more handshakes than others loses its oldest to a client that has fewer, however slowly
    it says its first word; what comes of it then waits, as before.
    """
    world = Listening(maker(authority), most=4)
    slow = [world.accept()[1] for _ in range(6)]
    for end in slow:
        end.send(b"\x16")
    assert (world.handshakes.active, world.handshakes.waiting) == (4, 2)
    for number, cut in ((2, 1), (3, 2)):
        protocol, end = world.accept(host=f"192.0.2.{number}")
        client = Client(end, client_context())
        greet(client)
        assert [each.ended for each in slow] == ["aborted"] * cut + [""] * (6 - cut)
        client.pull()
        client.shake()
        assert protocol.happened == ["shaken"]
    assert world.handshakes.failures == {"crowded": 2}
    assert (world.handshakes.active, world.handshakes.waiting) == (4, 0)


def test_who_has_as_many_as_others_waits(authority) -> None:
    """
    Places that are shared evenly are taken from nobody; IPv6 clients are told apart by /64.
    """
    world = Listening(maker(authority), most=4)
    hosts = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"]
    ends = [world.accept(host=host)[1] for host in [*hosts, "192.0.2.3", "192.0.2.4"]]
    for end in ends:
        end.send(b"\x16")
    assert [each.ended for each in ends] == ["aborted", "", "", "", "", ""]
    assert (world.handshakes.active, world.handshakes.waiting) == (4, 1)


def test_who_has_fewest_is_released_first(authority) -> None:
    """
    A place that becomes free goes to the waiting client with the fewest handshakes.
    """
    world = Listening(maker(authority), most=3)
    hosts = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]
    clients = []
    for host in hosts:
        clients.append(Client(world.accept(host=host)[1], client_context()))
        greet(clients[-1])
    assert (world.handshakes.active, world.handshakes.waiting) == (3, 2)
    finish(clients[2])
    assert [bool(each.end.reading) for each in clients[3:]] == [False, True]


def test_what_is_kept_while_waiting_is_bounded(authority) -> None:
    """
    No first word is longer than a record; whoever sends more before its turn is sent away.
    """
    world = Listening(maker(authority), most=1)
    greet(Client(world.accept()[1], client_context()))
    _, end = world.accept()
    end.send(b"\x16" * 16385)
    world.reactor.advance(0)
    assert end.ended == "closed"
    assert (world.handshakes.failures, world.handshakes.waiting) == ({"other": 1}, 0)


def test_who_waits_for_two_things_is_read_when_both_are_there(authority) -> None:
    """
    A protocol that has paused stays paused when its handshake may begin.
    """
    world = Listening(maker(authority), most=1)
    first = Client(world.accept()[1], client_context())
    greet(first)
    protocol, end = world.accept()
    second = Client(end, client_context())
    greet(second)
    protocol.transport.pauseProducing()
    finish(first)
    assert (end.reading, second.end.taken()) == (False, b"")
    protocol.transport.resumeProducing()
    assert end.reading
    finish(second)
    assert protocol.happened == ["shaken"]


def test_who_waits_may_be_released_first(authority) -> None:
    """
    A protocol that goes on is still not read as long as its handshake has to wait.
    """
    world = Listening(maker(authority), most=1)
    first = Client(world.accept()[1], client_context())
    greet(first)
    protocol, end = world.accept()
    greet(Client(end, client_context()))
    protocol.transport.pauseProducing()
    protocol.transport.resumeProducing()
    assert not end.reading
    finish(first)
    assert end.reading


def test_a_slow_handshake_is_cut(authority) -> None:
    """
    After the time that it may take the connection is cut, whatever came of it.
    """
    world = Listening(maker(authority), timeout=2.0)
    protocol, end = world.accept()
    end.send(b"\x16\x03\x01")
    world.reactor.pump([0.25] * 7)
    assert not end.ended
    world.reactor.pump([0.25] * 2)
    assert end.ended == "aborted"
    world.reactor.advance(0)
    assert protocol.happened == ["stop", "ConnectionAborted"]
    assert world.failures == [("late", "it was not over within 2 s")]
    assert (world.handshakes.active, len(world.deadlines)) == (0, 0)


class Crowded(Recorder):
    """
    A protocol that has to wait for another connection to close.
    """

    def makeConnection(self, transport) -> None:
        super().makeConnection(transport)
        transport.pauseProducing()


def test_who_waits_to_be_served_is_not_late(authority) -> None:
    """
    The clock of a handshake starts when it may begin.
    """
    world = Listening(maker(authority), timeout=2.0)
    protocol, end = world.accept(Crowded())
    world.reactor.pump([0.25] * 20)
    assert (end.ended, world.handshakes.active) == ("", 0)
    protocol.transport.resumeProducing()
    assert len(world.deadlines) == 1
    Client(end, client_context()).shake()
    assert protocol.happened == ["shaken"]


def test_who_only_looks_has_not_failed(authority) -> None:
    """
    A connection without a byte, as checks make them, is no failed handshake.
    """
    world = Listening(maker(authority))
    protocol, end = world.accept()
    end.reset()
    assert world.failures == []
    assert protocol.happened[-1] == "ConnectionLost"
    assert world.handshakes.active == 0


def test_who_leaves_within_has_failed(authority) -> None:
    """
    A client that goes away after its first word is counted.
    """
    world = Listening(maker(authority))
    _, end = world.accept()
    client = Client(end, client_context())
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    client.flush()
    end.end()
    world.reactor.advance(0)
    assert [reason for reason, _ in world.failures] == ["closed"]


def test_a_protocol_may_send_its_client_away(authority) -> None:
    """
    What is closed before the handshake is over is not waited for.
    """
    world = Listening(maker(authority))
    protocol, end = world.accept()
    protocol.transport.loseConnection()
    world.reactor.advance(0)
    assert (end.ended, world.handshakes.active) == ("aborted", 0)
    assert world.failures == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "not-tls"),
        (b"\x00" * 20, "not-tls"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not-tls"),
    ],
)
def test_what_is_no_tls(authority, words, reason) -> None:
    """
    Other protocols on the port are told apart from handshakes that fail.
    """
    world = Listening(maker(authority))
    _, end = world.accept()
    end.send(words)
    world.reactor.advance(0)
    assert [each for each, _ in world.failures] == [reason]
    assert end.ended == "closed"


def test_reasons_of_clients(authority, stranger) -> None:
    """
    No version, no cipher in common, our certificate refused, theirs missing: a word for each.
    """
    old = SSL.Context(SSL.TLS_CLIENT_METHOD)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    old.set_min_proto_version(SSL.TLS1_1_VERSION)
    old.set_max_proto_version(SSL.TLS1_1_VERSION)
    weak = SSL.Context(SSL.TLS_CLIENT_METHOD)
    weak.set_max_proto_version(SSL.TLS1_2_VERSION)
    weak.set_cipher_list(b"AES128-SHA")
    asks = {"tls_client_verify": "require", "tls_client_ca": str(authority.file)}
    for context, options, reason in (
        (old, {}, "version"),
        (weak, {}, "cipher"),
        (client_context(stranger), {}, "refused"),
        (client_context(), asks, "certificate"),
    ):
        world = Listening(maker(authority, **options))
        _, end = world.accept()
        client = Client(end, context, b"lb.test")
        try:
            client.shake()
        except SSL.Error:
            client.flush()
        client.pull()
        world.reactor.advance(0)
        assert [each for each, _ in world.failures] == [reason]
        assert world.handshakes.failures == {reason: 1}
        assert reason in REASONS


def test_unknown_names(authority) -> None:
    """
    With tls-strict-sni a name that no certificate has is refused, and told apart.
    """
    for name, failures in ((b"other.test", ["name"]), (b"", ["name"]), (b"lb.test", [])):
        world = Listening(maker(authority, tls_strict_sni=True), strict=True)
        _, end = world.accept()
        client = Client(end, client_context(), name)
        with suppress(SSL.Error):
            client.shake()
        world.reactor.advance(0)
        assert [each for each, _ in world.failures] == failures


def test_anything_else_has_a_word_too() -> None:
    """
    What is not foreseen is told as that.
    """
    assert reason_of("the moon is full", False) == "other"
