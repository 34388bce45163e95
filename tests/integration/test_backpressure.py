"""
Bodies stream at the pace of whoever reads them, and never pile up in the process.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess
from tests.integration.scripted import Request, ScriptedMember

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
SIZE = 96 * MIB
PACE = 20_000_000
"""Bytes a second that the slow side reads."""

GROWTH = 8 * MIB
PIECE = b"0123456789abcdef" * 4096


class Pace:
    """
    Lets no more than L{PACE} bytes a second pass.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._passed = 0

    def passed(self, size: int) -> None:
        """
        Count bytes, and wait when there were too many: a slow reader is what is tested.
        """
        self._passed += size
        ahead = self._passed / PACE - (time.monotonic() - self._began)
        if ahead > 0.02:
            time.sleep(ahead)


def reply(request: Request) -> bool:
    """
    Read a body slowly and tell its size, or write one as fast as it is taken.
    """
    if request.left:
        came, pace = request.began, Pace()
        while request.left:
            size = request.read(MIB)
            came += size
            pace.passed(size)
        request.answer(str(came).encode())
        return True
    size = int(request.query["size"])
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    request.connection.sendall(head)
    for _ in range(size // len(PIECE)):
        request.connection.sendall(PIECE)
    return True


def connect(port: int, tls: ssl.SSLContext | None) -> socket.socket:
    """
    Connect to the balancer, with TLS if there is a context for it.
    """
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    return tls.wrap_socket(connection, server_hostname="127.0.0.1") if tls else connection


def head(connection: socket.socket) -> bytes:
    """
    Read the head of an answer and return what came of its body.
    """
    came = b""
    while b"\r\n\r\n" not in came:
        came += connection.recv(4096)
    return came.partition(b"\r\n\r\n")[2]


def download(port: int, size: int, tls: ssl.SSLContext | None = None) -> int:
    """
    Read a body slowly and return how much came of it.
    """
    with connect(port, tls) as connection:
        request = f"GET /?size={size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        pace, came = Pace(), len(head(connection))
        while data := connection.recv(MIB):
            came += len(data)
            pace.passed(len(data))
        return came


def upload(port: int, size: int, tls: ssl.SSLContext | None = None) -> int:
    """
    Send a body as fast as it is taken and return what the member says of its size.
    """
    with connect(port, tls) as connection:
        request = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}"
        connection.sendall(request.encode() + b"\r\n\r\n")
        for _ in range(size // len(PIECE)):
            connection.sendall(PIECE)
        told = head(connection)
        while data := connection.recv(4096):
            told += data
        return int(told)


def highest(process: BalancerProcess, over: threading.Event) -> int:
    """
    Watch the resident size until C{over} and return its peak.
    """
    peak = process.rss()
    while not over.wait(0.05):
        peak = max(peak, process.rss())
    return peak


def grown(process: BalancerProcess, *transfers: Callable[[], int]) -> tuple[list[int], int]:
    """
    Run transfers at the same time; return their results and the growth of the process.
    """
    over = threading.Event()
    with ThreadPoolExecutor(len(transfers) + 1) as pool:
        before = process.rss()
        peak = pool.submit(highest, process, over)
        running = [pool.submit(each) for each in transfers]
        try:
            results = [each.result(100) for each in running]
        finally:
            over.set()
        return results, peak.result() - before


def test_slow_readers_cost_no_memory(balancer: Starts) -> None:
    """
    A download of 96 MiB to a client that reads 20 MB/s, and such an upload to a member
    that does, together add less than 8 MiB to the resident size.
    """
    with ScriptedMember(reply) as member:
        process = balancer(
            f"[balancer:pool]\nmembers = {member.url}\n[mount:/]\nto = balancer://pool/\n"
        )
        port = process.port
        # What a first transfer loads stays; it is not what this is about.
        grown(process, lambda: download(port, MIB), lambda: upload(port, MIB))
        began = time.monotonic()
        results, growth = grown(process, lambda: download(port, SIZE), lambda: upload(port, SIZE))
        spent = time.monotonic() - began
    assert results == [SIZE, SIZE]
    # The test itself must have been slow enough to mean something.
    assert spent > 0.95 * SIZE / PACE
    assert growth < GROWTH, f"grew by {growth / MIB:.1f} MiB"


def test_slow_readers_cost_no_memory_under_tls(balancer: Starts, tmp_path: Path) -> None:
    """
    The same holds with TLS on both sides, here for 64 MiB each way.
    """
    pair = Authority(tmp_path).issue("127.0.0.1")
    inner = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inner.load_cert_chain(pair.certificate, pair.key)
    outer = ssl.create_default_context(cafile=tmp_path / "Test-CA.pem")
    with ScriptedMember(reply, inner) as member:
        process = balancer(
            f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}\n"
            f"[balancer:pool]\nmembers = {member.url} sslproxyverify=none\n"
            "[mount:/]\nto = balancer://pool/\n"
        )
        port, size = process.port, 64 * MIB
        grown(process, lambda: download(port, MIB, outer), lambda: upload(port, MIB, outer))
        results, growth = grown(
            process, lambda: download(port, size, outer), lambda: upload(port, size, outer)
        )
    assert results == [size, size]
    assert growth < GROWTH, f"grew by {growth / MIB:.1f} MiB"
