"""
Big bodies of HTTP through a running balancer, within the system and through the process.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.integration.raw import PIECE, RawMember, send, take
from tests.integration.scripted import Request, ScriptedMember

pytestmark = pytest.mark.integration

BULK = int(os.environ.get("TXB_BULK_MIB", "16")) << 20
BLOCK = os.urandom(PIECE)

TEXT = """\
[txbalancer]
access-log = ACCESS
access-log-format = json
splice = {splice}
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
members = {url}
[mount:/]
to = balancer://shop/
"""


def reply(request: Request) -> bool:
    """
    Take a body, answer with one, or break off within it.
    """
    connection, size = request.connection, int(request.query.get("size", "0"))
    if request.target.startswith("/open"):
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        send(connection, BLOCK, size)
        return False
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    send(connection, BLOCK, size // 2 if request.target.startswith("/broken") else size)
    return not request.target.startswith("/broken")


def take_bodies(connection: socket.socket) -> None:
    """
    Answer each request with the hash of its body.
    """
    while True:
        _, rest = head(connection)
        answer = take(connection, BULK, rest).encode()
        start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
        connection.sendall(start + answer)


@pytest.fixture(scope="module", params=["on", "off"])
def splice(request: pytest.FixtureRequest) -> str:
    """
    With splice and without.
    """
    return str(request.param)


@pytest.fixture(scope="module")
def member() -> Iterator[ScriptedMember]:
    """
    A member that answers so.
    """
    with ScriptedMember(reply) as made:
        yield made


@pytest.fixture(scope="module")
def process(splice: str, module_balancer: Starts, member: ScriptedMember) -> BalancerProcess:
    """
    A balancer before it.
    """
    return module_balancer(TEXT.format(splice=splice, url=member.url))


def head(connection: socket.socket) -> tuple[str, bytes]:
    """
    Read the head of an answer; return it, and what came behind it.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            raise EOFError
        data += piece
    text, _, rest = data.partition(b"\r\n\r\n")
    return text.decode(), rest


def connect(process: BalancerProcess) -> socket.socket:
    """
    Connect to the balancer.
    """
    return socket.create_connection(("127.0.0.1", process.port), timeout=60.0)


def body(connection: socket.socket, size: int, began: bytes) -> None:
    """
    Read a body of a known size; every byte is compared.
    """
    position = len(began)
    assert began == (BLOCK * (position // PIECE + 1))[:position]
    while position < size:
        place = position % PIECE
        data = connection.recv(min(PIECE - place, size - position))
        assert data, f"{size - position} bytes are missing"
        assert data == BLOCK[place : place + len(data)]
        position += len(data)


def test_answers_and_requests_between(process: BalancerProcess) -> None:
    """
    On one connection big answers and small ones follow each other, each complete, and all are
    counted; the connection to the member is used again.
    """
    with connect(process) as client:
        for number, size in enumerate((BULK, 100, BULK + 1, 0, 3 << 20, (256 << 10) + 7)):
            client.sendall(b"GET /%d?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (number, size))
            text, rest = head(client)
            assert f"content-length: {size}" in text.lower()
            body(client, size, rest)
            record = process.record(f"/{number}?size={size}")
            assert (record["bytes_out"], record["reason"]) == (size, "ok")
            assert record["reused"] is (number > 0)


def test_a_body_until_the_end(process: BalancerProcess) -> None:
    """
    An old client gets an old member's answer as it comes, and its end after it.
    """
    with connect(process) as client:
        client.sendall(b"GET /open?size=%d HTTP/1.0\r\n\r\n" % BULK)
        _, rest = head(client)
        body(client, BULK, rest)
        assert client.recv(1) == b""
    assert process.record(f"/open?size={BULK}")["bytes_out"] == BULK


def test_a_big_request(splice: str, balancer: Starts) -> None:
    """
    It reaches the member whole, and the connection goes on after it.
    """
    with RawMember(take_bodies) as member:
        process = balancer(TEXT.format(splice=splice, url=f"http://127.0.0.1:{member.port}"))
        with connect(process) as client:
            for number in range(2):
                start = f"POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {BULK}\r\n\r\n"
                client.sendall(start.encode())
                sent = send(client, BLOCK, BULK)
                _, rest = head(client)
                while len(rest) < len(sent):
                    rest += client.recv(4096)
                assert rest.decode() == sent
                record = process.record(f"/{number}")
                assert (record["bytes_in"], record["reason"]) == (BULK, "ok")


def test_an_answer_that_breaks_off(process: BalancerProcess) -> None:
    """
    The client gets what there was at most, and no clean end; it is recorded as such.
    """
    with connect(process) as client:
        client.sendall(b"GET /broken?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % BULK)
        _, rest = head(client)
        size = len(rest)
        with pytest.raises(ConnectionResetError):  # noqa: PT012
            while data := client.recv(65536):
                size += len(data)
        assert size <= BULK // 2
    assert process.record(f"/broken?size={BULK}")["reason"] == "truncated"


def test_a_client_that_leaves(process: BalancerProcess) -> None:
    """
    Whatever was on its way is given up, and the next one is served.
    """
    with connect(process) as client:
        client.sendall(b"GET /a?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (1 << 30))
        head(client)
        for _ in range(100):
            client.recv(65536)
    assert process.record(f"/a?size={1 << 30}")["reason"] == "client-gone"
    with connect(process) as client:
        client.sendall(b"GET /b?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (1 << 20))
        _, rest = head(client)
        body(client, 1 << 20, rest)


def test_a_client_that_does_not_read(splice: str, balancer: Starts, member: ScriptedMember) -> None:
    """
    It is cut off after write-timeout; nothing is left over of it.
    """
    text = TEXT.format(splice=splice, url=member.url)
    process = balancer(text.replace("[balancer:", "write-timeout = 1s\n[balancer:"))
    before = process.rss()
    with ExitStack() as clients:
        for number in range(8):
            client = clients.enter_context(connect(process))
            client.sendall(b"GET /s%d?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (number, 1 << 30))
        until(
            lambda: [each["reason"] for each in process.records()].count("client-timeout") == 8,
            "all are given up",
        )
        assert process.rss() - before < 16 << 20


def test_a_client_that_takes_its_time(
    splice: str, balancer: Starts, member: ScriptedMember
) -> None:
    """
    As long as the client is the one who is waited for, the member's time does not run.
    """
    process = balancer(TEXT.format(splice=splice, url=f"{member.url} timeout=1s"))
    with connect(process) as client:
        client.sendall(b"GET /a?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % BULK)
        _, rest = head(client)
        threading.Event().wait(2.5)
        body(client, BULK, rest)
    assert process.record(f"/a?size={BULK}")["reason"] == "ok"


def test_a_member_that_takes_its_time(splice: str, balancer: Starts) -> None:
    """
    As long as the member is the one who is waited for, the client's time does not run.
    """

    def slow(connection: socket.socket) -> None:
        _, rest = head(connection)
        threading.Event().wait(2.5)
        take(connection, BULK, rest)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with RawMember(slow) as member:
        text = TEXT.format(splice=splice, url=f"http://127.0.0.1:{member.port}")
        process = balancer(text.replace("[balancer:", "body-timeout = 1s\n[balancer:"))
        with connect(process) as client:
            start = f"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {BULK}\r\n\r\n"
            client.sendall(start.encode())
            send(client, BLOCK, BULK)
            text, _ = head(client)
        assert text.startswith("HTTP/1.1 204")
        assert process.record("/a")["reason"] == "ok"
