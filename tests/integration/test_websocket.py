"""
WebSocket from a real client to a real member.
"""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.certificates import Authority
from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.integration.websocket import EchoMember

pytestmark = pytest.mark.integration

BALANCER = """
{listener}
[balancer:chat]
member.upgrade = websocket
{more}
members =
    http://127.0.0.1:{port}
[mount:/metrics]
to = metrics:
require = all granted
[mount:/]
to = balancer://chat/
"""


@pytest.fixture
def member() -> Iterator[EchoMember]:
    with EchoMember() as started:
        yield started


def text(member: EchoMember, listener: str = "", more: str = "") -> str:
    return BALANCER.format(port=member.port, listener=listener, more=more)


def opened(process: BalancerProcess, path: str = "/ws", **options: object) -> ClientConnection:
    """
    Open a WebSocket through the balancer.
    """
    scheme = "wss" if "ssl" in options else "ws"
    return connect(f"{scheme}://127.0.0.1:{process.port}{path}", close_timeout=3, **options)


def said(connection: ClientConnection, message: str | bytes) -> str | bytes:
    """
    Say something and return what comes back.
    """
    connection.send(message)
    return connection.recv(timeout=10)


def metric(process: BalancerProcess, start: str) -> float:
    """
    Return the value of the first sample whose line begins so.
    """
    lines = ask(f"http://127.0.0.1:{process.port}/metrics").body.decode().splitlines()
    found = next((line for line in lines if line.startswith(start)), None)
    assert found is not None, f"no {start}"
    return float(found.split()[-1])


def test_messages_of_all_kinds(balancer: Starts, member: EchoMember) -> None:
    """
    Text, binary, fragments, compression, pings, a subprotocol and the code of a close.
    """
    process = balancer(text(member))
    with opened(process, "/ws?room=1", subprotocols=["chat"], max_size=2**24) as client:
        assert client.subprotocol == "chat"
        assert said(client, "grüß dich") == "grüß dich"
        assert said(client, bytes(range(256)) * 5000) == bytes(range(256)) * 5000
        client.send(iter(["in ", "pieces"]))
        assert client.recv(timeout=10) == "in pieces"
        assert client.ping().wait(10)
        client.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "asked for it")
    path, headers = member.paths[0]
    assert path == "/ws?room=1"
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    record = process.record("/ws?room=1")
    assert (record["status"], record["reason"]) == (101, "ok")
    assert record["bytes_out"] > 5000
    assert record["duration"] >= record["first_byte"] > 0


def test_through_tls(balancer: Starts, member: EchoMember, tmp_path: Path) -> None:
    """
    wss: to the balancer, large messages both ways at a time.
    """
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    listener = f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}"
    process = balancer(text(member, listener))
    context = ssl.create_default_context(cafile=str(authority.file))
    with opened(process, ssl=context, max_size=2**24) as client:
        for size in (1, 1000, 100_000, 5_000_000):
            message = b"x" * size
            assert said(client, message) == message
    assert member.paths[0][1]["X-Forwarded-Proto"] == "https"
    assert process.record("/ws")["tls"] is True


def test_it_is_counted_while_it_lasts(balancer: Starts, member: EchoMember) -> None:
    """
    An open one is an exchange in progress; afterwards it is one that ended well.
    """
    process = balancer(text(member))
    busy = 'txbalancer_listener_in_flight{listener="web"}'
    before = metric(process, busy)
    with opened(process) as client:
        said(client, "a")
        assert metric(process, busy) == before + 1
    process.record("/ws")
    assert metric(process, busy) == before
    counted = 'txbalancer_listener_requests_total{listener="web",code="1xx"}'
    assert metric(process, counted) == 1


def test_a_reload_leaves_it_alone(balancer: Starts, member: EchoMember) -> None:
    """
    A connection that is open goes on, also when its member is not in use any more.
    """
    process = balancer(text(member))
    with opened(process) as client:
        said(client, "before")
        other = text(member, more="member.tunneltimeout = 1h")
        assert "reload done" in process.reload(other)
        assert said(client, "after") == "after"
        with EchoMember() as another:
            assert "reload done" in process.reload(text(another))
            assert said(client, "still") == "still"
            with opened(process, "/new") as second:
                assert said(second, "there") == "there"
            assert [path for path, _ in another.paths] == ["/new"]
    assert process.record("/ws")["reason"] == "ok"


def test_silence(balancer: Starts, member: EchoMember) -> None:
    """
    tunneltimeout ends it, unless somebody says something: a ping is enough.
    """
    process = balancer(text(member, more="member.tunneltimeout = 1s"))
    with (
        opened(process, ping_interval=0.3) as talking,
        opened(process, "/mute", ping_interval=None) as mute,
    ):
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            mute.recv(timeout=10)
        assert 0.9 < time.monotonic() - began < 5
        assert said(talking, "a") == "a"
    assert process.record("/mute")["reason"] == "tunnel-idle"
    assert process.record("/ws")["reason"] == "ok"


def test_a_client_that_vanishes(balancer: Starts, member: EchoMember) -> None:
    """
    The member learns of it.
    """
    process = balancer(text(member))
    with opened(process) as client:
        said(client, "a")
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: member.closes, "the member's end is closed")
    assert process.record("/ws")["status"] == 101


def test_a_stop_waits_for_those_that_end(balancer: Starts, member: EchoMember) -> None:
    """
    After SIGTERM messages go on both ways, nobody new comes in, and the end of the last
    one is the end of the service.
    """
    process = balancer(text(member))
    with opened(process) as client:
        said(client, "a")
        process.signal(signal.SIGTERM)
        until(lambda: "1 connection in progress" in process.log(), "the stop is told")
        assert said(client, "b") == "b"
        with pytest.raises(OSError, match="refused"):
            opened(process, "/late")
    assert process.wait(3) == 0
    assert process.record("/ws")["reason"] == "ok"


def test_a_stop_closes_those_that_stay(balancer: Starts, member: EchoMember) -> None:
    """
    After graceful-timeout they are closed, in an orderly way: what was said still arrives.
    """
    process = balancer(text(member))
    with opened(process, ping_interval=None) as client:
        said(client, "a")
        process.signal(signal.SIGTERM)
        assert said(client, "last") == "last"
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=15)
        assert not isinstance(closed.value.__cause__, ConnectionResetError)
    assert process.wait(5) == 0
    assert process.record("/ws")["reason"] == "stopped"
