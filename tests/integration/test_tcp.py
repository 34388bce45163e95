"""
Connections balanced by a running balancer, between real programs and sockets.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.process import BalancerProcess, until
from tests.integration.raw import PIECE, RawMember, both_ways, send, take
from tests.peers import Peers, free_port, require

pytestmark = pytest.mark.integration

BULK = int(os.environ.get("TXB_BULK_MIB", "64")) << 20
"""Bytes each way; the tests are worth running with 1024, too."""

TEXT = """\
[txbalancer]
access-log = ACCESS
access-log-format = json
graceful-timeout = 3s
splice = {splice}
[listener:db]
endpoint = tcp:{port}:interface=127.0.0.1
mode = tcp
{listener}
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[mount:/]
listener = web
to = status:204
[balancer:shop]
{balancer}
members =
{members}
{more}
"""


def text(
    *ports: int,
    splice: str = "on",
    listener: str = "to = balancer://shop",
    balancer: str = "",
    more: str = "",
    scheme: str = "tcp",
    port: int = 0,
) -> str:
    """
    Write a configuration with members on these ports.

    @param port: of the balancer; 0 for any.
    """
    members = "\n".join(f"    {scheme}://127.0.0.1:{port}" for port in ports)
    return TEXT.format(
        splice=splice,
        listener=listener,
        balancer=balancer,
        members=members,
        more=more,
        port=port or free_port(),
    )


def port_of(process: BalancerProcess) -> int:
    """
    Return the port of connections.
    """
    found = re.search(r"tcp:(\d+)", process.config.read_text())
    assert found is not None
    return int(found[1])


def connect(process: BalancerProcess) -> socket.socket:
    """
    Connect to the balancer.
    """
    return socket.create_connection(("127.0.0.1", port_of(process)), timeout=60.0)


def ping(connection: socket.socket) -> bytes:
    """
    Ask Redis whether it is there.
    """
    connection.sendall(b"PING\r\n")
    return connection.recv(64)


@pytest.fixture
def peers() -> Iterator[Peers]:
    """
    Programs for one test.
    """
    with Peers() as made:
        yield made


@pytest.mark.parametrize("splice", ["on", "off"])
def test_bulk_both_ways_at_once(splice: str, balancer: Starts) -> None:
    """
    Every byte arrives in its order and is counted, within the system or through the process;
    the process keeps next to nothing of it.
    """
    block = os.urandom(PIECE)
    hashes: list[tuple[str, str]] = []

    def serve(connection: socket.socket) -> None:
        hashes.append(both_ways(connection, block, BULK))

    with RawMember(serve) as member:
        process = balancer(text(member.port, splice=splice))
        before = process.rss()
        with connect(process) as client:
            sent, taken = both_ways(client, block, BULK)
        until(lambda: hashes, "the member is done")
        assert hashes == [(taken, sent)]
        assert taken == sent
        record = until(process.records, "a line in the log")[0]
        assert (record["bytes_in"], record["bytes_out"]) == (BULK, BULK)
        assert (record["reason"], record["status"], record["method"]) == ("ok", 200, "TCP")
        assert process.rss() - before < 32 << 20


@pytest.mark.parametrize("splice", ["on", "off"])
def test_half_closes(splice: str, balancer: Starts) -> None:
    """
    A client that has said everything gets its whole answer, however long, and the other way
    round.
    """
    block = os.urandom(PIECE)
    size = 8 << 20

    def serve(connection: socket.socket) -> None:
        question = b"".join(iter(lambda: connection.recv(65536), b""))
        if question.startswith(b"first"):
            send(connection, block, size)
        else:
            connection.sendall(question)

    with RawMember(serve) as member:
        process = balancer(text(member.port, splice=splice))
        with connect(process) as client:
            client.sendall(b"first")
            client.shutdown(socket.SHUT_WR)
            taken = take(client, size)
            assert client.recv(1) == b""
        with connect(process) as client:
            question = os.urandom(3 << 20)
            client.sendall(question)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: client.recv(65536), b"")) == question
        assert len(taken) == 128


def test_a_redis_dies(peers: Peers, balancer: Starts) -> None:
    """
    Its clients are cut off at once; whoever comes then gets the other one, and is not told.
    """
    first, second = peers.redis(), peers.redis()
    process = balancer(text(first.port, second.port, balancer="maxfails = 1\nretry = 1h\n"))
    clients = [connect(process) for _ in range(20)]
    with contextlib.ExitStack() as stack:
        for each in clients:
            stack.enter_context(each)
            assert ping(each) == b"+PONG\r\n"
        first.kill()
        answers = []
        for each in clients:
            try:
                answers.append(ping(each))
            except ConnectionError:
                answers.append(b"")
        assert answers.count(b"+PONG\r\n") == 10
        assert answers.count(b"") == 10
        for _ in range(20):
            with connect(process) as client:
                assert ping(client) == b"+PONG\r\n"
    failed = [each for each in process.records() if each["tried"]]
    assert len(failed) <= 1


def test_a_thousand_connections_at_once(peers: Peers, balancer: Starts) -> None:
    """
    All are served while all are open, by both members alike; the API counts them as busy.
    """
    redis = [peers.redis() for _ in range(2)]
    process = balancer(text(*[each.port for each in redis]))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(process)) for _ in range(1000)]
        for each in clients:
            each.sendall(b"PING\r\n")
        assert {each.recv(64) for each in clients} == {b"+PONG\r\n"}
        with closing(Control(process.folder / "control.sock")) as control:
            state = control.ask("GET", "/balancers/shop")
        assert [each["busy"] for each in state["members"]] == [500, 500]
        assert state["requests"]["in_flight"] == 1000
    until(lambda: len(process.records()) == 1000, "a line for each connection")
    assert {each["reason"] for each in process.records()} == {"ok"}


def test_drain_reload_and_stop(peers: Peers, balancer: Starts) -> None:
    """
    Connections outlive a drain and a reload; new ones go by the new rules. A stop waits for
    them, and then cuts them.
    """
    first, second = peers.redis(), peers.redis()
    process = balancer(text(first.port, second.port))
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(connect(process)) for _ in range(2))
        assert ping(one) == ping(two) == b"+PONG\r\n"
        control = Control(process.folder / "control.sock")
        stack.callback(control.close)
        path = f"/balancers/shop/members/tcp%3A%2F%2F127.0.0.1%3A{first.port}"
        control.ask("PATCH", path, {"drain": True})
        with contextlib.ExitStack() as more:
            others = [more.enter_context(connect(process)) for _ in range(4)]
            assert {ping(each) for each in others} == {b"+PONG\r\n"}
            state = control.ask("GET", "/balancers/shop")
            assert [each["busy"] for each in state["members"]] == [1, 5]
        assert "reload done" in process.reload(text(second.port, port=port_of(process)))
        assert ping(one) == ping(two) == b"+PONG\r\n"
        process.signal(signal.SIGTERM)
        assert ping(one) == b"+PONG\r\n"
        assert process.wait() == 0
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(64) == b""
    assert [each["reason"] for each in process.records()].count("stopped") == 2


def s_client(process: BalancerProcess, *arguments: str) -> str:
    """
    Return whom OpenSSL's client finds behind the balancer.
    """
    command = [require("openssl"), "s_client", "-connect", f"127.0.0.1:{port_of(process)}"]
    done = subprocess.run(
        [*command, *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return next(
        (line for line in done.stdout.splitlines() if line.startswith("subject=")), done.stderr
    )


def test_passthrough_by_name_and_protocol(tmp_path: Path, balancer: Starts) -> None:
    """
    TLS goes through untouched to the member that the client's ClientHello asks for.
    """
    authority = Authority(tmp_path)
    contexts = []
    for name in ("a.test", "b.test", "mail.test"):
        pair = authority.issue(name)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        contexts.append(context)

    def serving(context: ssl.SSLContext) -> RawMember:
        def serve(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(64)

        return RawMember(serve)

    with contextlib.ExitStack() as stack:
        members = [stack.enter_context(serving(context)) for context in contexts]
        mounts = (
            f"[mount:mail]\nlistener = db\nalpn = imap\nto = tcp://127.0.0.1:{members[2].port}\n"
            f"[mount:b]\nlistener = db\nhost = *.b.test b.test\n"
            f"to = tcp://127.0.0.1:{members[1].port}\n"
            "[mount:a]\nlistener = db\nto = balancer://shop\n"
        )
        process = balancer(text(members[0].port, listener="", more=mounts))
        assert "a.test" in s_client(process, "-noservername")
        assert "a.test" in s_client(process, "-servername", "other.test")
        assert "b.test" in s_client(process, "-servername", "x.b.test")
        assert "mail.test" in s_client(process, "-servername", "b.test", "-alpn", "imap")
        hosts = {
            each["host"]
            for each in until(lambda: process.records()[3:] and process.records(), "lines")
        }
        assert hosts == {"", "other.test", "x.b.test", "b.test"}


def test_tls_ends_here_and_begins_here(tmp_path: Path, balancer: Starts) -> None:
    """
    Clients under TLS reach a member under another TLS, whose certificate is verified; half of
    the way may be plain.
    """
    authority = Authority(tmp_path)
    front, back = authority.issue("front.test"), authority.issue("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(back.certificate, back.key)
    block = os.urandom(PIECE)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            assert secure.recv(5) == b"hello"
            send(secure, block, 4 << 20)

    trusts = ssl.create_default_context(cafile=str(authority.file))
    trusts.set_alpn_protocols(["redis"])
    tls = f"tls-certificate = {front.certificate}\ntls-key = {front.key}\nalpn = redis\n"
    with RawMember(serve) as member:
        process = balancer(
            text(
                member.port,
                scheme="tls",
                listener=f"to = balancer://shop\n{tls}",
                balancer=f"sslproxycacertificatefile = {authority.file}",
            )
        )
        with trusts.wrap_socket(connect(process), server_hostname="front.test") as client:
            assert client.selected_alpn_protocol() == "redis"
            client.sendall(b"hello")
            take(client, 4 << 20)
        (record,) = until(process.records, "a line")
        assert (record["tls"], record["host"]) == (True, "front.test")
        assert record["bytes_out"] == 4 << 20
        assert record["reason"] == "truncated"  # Python's TLS ends without a word
        wrong = text(
            member.port,
            scheme="tls",
            listener=f"to = balancer://shop\n{tls}",
            port=port_of(process),
        )
        process.reload(wrong)
        with trusts.wrap_socket(connect(process), server_hostname="front.test") as client:
            client.sendall(b"hello")
            assert client.recv(10) == b""
        assert until(lambda: process.records()[1:], "another line")[0]["reason"] == "tls-failed"
