"""
Clients of HTTP/2 that mean harm: what they get, what it costs, and that others are served.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.http2.ends import read_frames
from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.peers import Peers
from txbalancer.http2 import frames
from txbalancer.http2.faults import ENHANCE_YOUR_CALM
from txbalancer.http2.frames import PREFACE, frame, reset_frame, settings_frame, window_frame

pytestmark = [pytest.mark.integration, pytest.mark.peers]

GET = b"\x82\x86\x44\x04/big\x41\x06a.test"
PING = frame(frames.PING, 0, 0, bytes(8))
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Setup:
    """
    A balancer, a member with an answer of 8 MiB, and another one.
    """

    process: BalancerProcess
    clients: contextlib.ExitStack

    def connect(self, *first: bytes) -> socket.socket:
        """
        Open a connection as a client of HTTP/2.
        """
        made = socket.create_connection(("127.0.0.1", self.process.port), 10)
        self.clients.enter_context(made)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.sendall(PREFACE + b"".join(first))
        return made

    def works(self) -> None:
        """
        Check that somebody else is served, by a member that is not kept busy.
        """
        answer = ask(f"http://127.0.0.1:{self.process.port}/other")
        assert (answer.status, answer.body) == (200, b"well")


@pytest.fixture(scope="module")
def setup(
    module_peers: Peers, module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setup]:
    """
    Start both, and close at last what a test left open.
    """
    folder = tmp_path_factory.mktemp("abuse")
    folder.chmod(0o755)
    (folder / "big").write_bytes(bytes(8 * MIB))
    # So much fills every buffer on the way, but not the system's memory a thousand times over.
    member = module_peers.nginx(
        f"location = /big {{ root {folder}; limit_rate_after 1m; limit_rate 1; }}"
    )
    other = module_peers.nginx('return 200 "well";')
    process = module_balancer(
        "[txbalancer]\naccess-log = off\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nh2c = on\n"
        f"write-timeout = 3\n[balancer:shop]\nmembers = {member.url}\n"
        f"[balancer:other]\nmembers = {other.url}\n"
        "[mount:/other]\nto = balancer://other/\n[mount:/]\nto = balancer://shop/\n"
    )
    with contextlib.ExitStack() as clients:
        yield Setup(process, clients)


def requests(first: int = 1) -> Iterator[tuple[int, bytes]]:
    """
    Make one request after the other.
    """
    number = first
    while True:
        yield number, frame(frames.HEADERS, 5, number, GET)
        number += 2


def resets() -> Iterator[bytes]:
    for number, request in requests():
        yield request + reset_frame(number, 8)


def malformed() -> Iterator[bytes]:
    for number, _ in requests():
        yield frame(frames.HEADERS, 5, number, b"\x82\x86")


def provoked() -> Iterator[bytes]:
    for number, request in requests():
        yield request + window_frame(number, 0)


def continued() -> Iterator[bytes]:
    yield frame(frames.HEADERS, 1, 1, GET)
    while True:
        yield frame(frames.CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 100)


def endless(piece: bytes) -> Callable[[], Iterator[bytes]]:
    def again() -> Iterator[bytes]:
        while True:
            yield piece * 100

    return again


FLOODS = {
    "rapid reset": resets,
    "malformed": malformed,
    "provoked resets": provoked,
    "continuations": continued,
    "settings": endless(settings_frame([(4, 1000)])),
    "pings": endless(PING),
    "priorities": endless(frame(frames.PRIORITY, 0, 9, bytes(5))),
    "windows": endless(window_frame(0, 1)),
    "unknown": endless(frame(77, 0, 0, b"")),
}


def last_word(client: socket.socket) -> int:
    """
    Read to the end; return the code of the last GOAWAY.
    """
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := client.recv(65536):
            data += more
    found = [each for each in read_frames(data) if each[0] == frames.GOAWAY]
    return frames.unpack_goaway(found[-1][3])[1]


@pytest.mark.parametrize("kind", FLOODS)
def test_floods(setup: Setup, kind: str) -> None:
    """
    A flood ends its connection with ENHANCE_YOUR_CALM before it costs much memory.
    """
    before = setup.process.rss()
    client = setup.connect(settings_frame(()))
    client.settimeout(10)
    sent = 0
    with contextlib.suppress(ConnectionError):
        for piece in FLOODS[kind]():
            client.sendall(piece)
            sent += 1
            assert sent < 100_000
    assert setup.process.rss() < before + 16 * MIB
    setup.works()
    client.close()


@pytest.mark.parametrize("kind", ["pings", "rapid reset", "continuations"])
def test_what_a_flood_is_told(setup: Setup, kind: str) -> None:
    """
    Who still reads learns why.
    """
    client = setup.connect(settings_frame(()))
    client.settimeout(10)
    pieces = FLOODS[kind]()
    flood = b"".join(next(pieces) for _ in range(1000 if kind == "rapid reset" else 200))
    with contextlib.suppress(ConnectionError):
        client.sendall(flood[:100_000])
    assert last_word(client) == ENHANCE_YOUR_CALM
    client.close()


def test_windows_that_stay_closed(setup: Setup) -> None:
    """
    A thousand requests for 8 MiB each, on ten connections whose windows are zero: no memory to
    speak of, others are served, and in the end the streams are reset.
    """
    before = setup.process.rss()
    clients = []
    for _ in range(10):
        pieces = requests()
        wanted = b"".join(next(pieces)[1] for _ in range(100))
        clients.append(setup.connect(settings_frame([(4, 0)]), wanted))
    setup.works()
    assert setup.process.rss() < before + 1000 * 160 * 1024
    for client in clients:
        client.settimeout(15)
        data = b""
        while data.count(reset_frame(1, 8)[:9][:4]) < 1 or b"\x03\x00" not in data:
            data += client.recv(65536)
        client.close()
    setup.works()


def test_clients_that_do_not_read(setup: Setup) -> None:
    """
    Large windows, and nobody who reads: the system's buffers fill, and C{write-timeout} ends it.
    """
    before = setup.process.rss()
    clients = []
    for _ in range(5):
        pieces = requests()
        wanted = b"".join(next(pieces)[1] for _ in range(100))
        large = settings_frame([(4, 2**31 - 1)]) + window_frame(0, 2**31 - 65536)
        clients.append(setup.connect(large, wanted))
    for _ in range(20):
        setup.works()
    assert setup.process.rss() < before + 500 * 200 * 1024

    def is_cut(client: socket.socket) -> bool:
        with contextlib.suppress(ConnectionError):
            client.send(PING)
            return False
        return True

    for client in clients:
        until(lambda client=client: is_cut(client), "the connection is cut", 20)
        client.close()
    setup.works()
