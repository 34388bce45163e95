"""
gRPC through the balancer: a real client, a real server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.peers import free_port

pytestmark = pytest.mark.integration

cancelled = threading.Event()


def _same(data: bytes) -> bytes:
    return data


class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    """
    A method of each kind.
    """

    def service(self, details: Any) -> Any:
        """
        Find a method.
        """
        kind, method = {
            "/test/Reverse": (grpc.unary_unary_rpc_method_handler, self.reverse),
            "/test/Missing": (grpc.unary_unary_rpc_method_handler, self.missing),
            "/test/Slow": (grpc.unary_unary_rpc_method_handler, self.slow),
            "/test/Count": (grpc.unary_stream_rpc_method_handler, self.count),
            "/test/Sum": (grpc.stream_unary_rpc_method_handler, self.sum),
            "/test/Echo": (grpc.stream_stream_rpc_method_handler, self.echo),
        }[details.method]
        return kind(method, _same, _same)

    def reverse(self, request: bytes, context: Any) -> bytes:
        """
        One message for one, with metadata both ways.
        """
        told = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", told["x-asked"]),))
        context.set_trailing_metadata((("x-last", "z"), ("x-bytes-bin", b"\0\xff")))
        return request[::-1]

    def missing(self, request: bytes, context: Any) -> bytes:
        """
        An error.
        """
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        raise AssertionError("abort raises")

    def slow(self, request: bytes, context: Any) -> bytes:
        """
        An answer that nobody waits for.
        """
        context.add_callback(cancelled.set)
        cancelled.wait(5)
        return b""

    def count(self, request: bytes, context: Any) -> Iterator[bytes]:
        """
        Many messages for one.
        """
        for number in range(int(request)):
            yield b"%d" % number + b"x" * 2000

    def sum(self, requests: Iterator[bytes], context: Any) -> bytes:
        """
        One message for many.
        """
        return b"%d" % sum(map(len, requests))

    def echo(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        """
        A message for each, as it comes.
        """
        for each in requests:
            yield each * 2


@pytest.fixture(scope="module")
def channels(
    module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """
    Start a server, with and without TLS, a balancer before it, and a client's channels.
    """
    authority = Authority(tmp_path_factory.mktemp("grpc"))
    pair = authority.issue("localhost")
    certificate, key = pair.certificate.read_bytes(), pair.key.read_bytes()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Service(),))
    plain = server.add_insecure_port("127.0.0.1:0")
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    secure = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    listen = free_port()
    process = module_balancer(
        "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nh2c = on\n"
        f"[listener:secure]\nendpoint = tcp:{listen}:interface=127.0.0.1\n"
        f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}\n"
        "[balancer:grpc]\nmembers =\n"
        f"    h2c://127.0.0.1:{plain}\n"
        f"    h2://localhost:{secure} sslproxycacertificatefile={authority.file}\n"
        "[mount:/]\nto = balancer://grpc/\n"
    )
    trusted = grpc.ssl_channel_credentials(authority.file.read_bytes())
    made = {
        "plain": grpc.insecure_channel(f"127.0.0.1:{process.port}"),
        "secure": grpc.secure_channel(f"localhost:{listen}", trusted),
    }
    yield made
    for each in made.values():
        each.close()
    server.stop(None).wait()


@pytest.fixture(params=["plain", "secure"])
def channel(request: pytest.FixtureRequest, channels: dict[str, Any]) -> Any:
    """
    Use either listener.
    """
    return channels[request.param]


@pytest.mark.parametrize("turn", range(2))
def test_unary(channel: Any, turn: int) -> None:
    """
    One message each way, with metadata before and after; each member has its turn.
    """
    call = channel.unary_unary("/test/Reverse", _same, _same)
    answer, told = call.with_call(b"abc", metadata=(("x-asked", "a"),), timeout=10)
    assert answer == b"cba"
    assert dict(told.initial_metadata())["x-first"] == "a"
    last = dict(told.trailing_metadata())
    assert (last["x-last"], last["x-bytes-bin"]) == ("z", b"\0\xff")


@pytest.mark.parametrize("turn", range(2))
def test_errors(channel: Any, turn: int) -> None:
    """
    A status other than OK arrives with its text.
    """
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test/Missing", _same, _same)(b"", timeout=10)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "no such thing"


@pytest.mark.parametrize("turn", range(2))
def test_streams_from_the_server(channel: Any, turn: int) -> None:
    """
    A thousand messages arrive in their order.
    """
    got = list(channel.unary_stream("/test/Count", _same, _same)(b"1000", timeout=20))
    assert [each.rstrip(b"x") for each in got] == [b"%d" % number for number in range(1000)]


@pytest.mark.parametrize("turn", range(2))
def test_streams_from_the_client(channel: Any, turn: int) -> None:
    """
    Five megabytes in a hundred messages.
    """
    call = channel.stream_unary("/test/Sum", _same, _same)
    assert call((b"y" * 50_000 for _ in range(100)), timeout=20) == b"5000000"


@pytest.mark.parametrize("turn", range(2))
def test_both_directions_at_once(channel: Any, turn: int) -> None:
    """
    Each message is answered before the next is sent: nothing waits for more to come.
    """
    answers: list[bytes] = []
    more = threading.Semaphore(1)

    def requests() -> Iterator[bytes]:
        for number in range(20):
            assert more.acquire(timeout=10)
            yield b"%d" % number

    for answer in channel.stream_stream("/test/Echo", _same, _same)(requests(), timeout=20):
        answers.append(answer)
        more.release()
    assert answers == [b"%d%d" % (number, number) for number in range(20)]


@pytest.mark.parametrize("turn", range(2))
def test_deadlines(channel: Any, turn: int) -> None:
    """
    The client gives up in time, and the server hears of it.
    """
    cancelled.clear()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test/Slow", _same, _same)(b"", timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 3
    assert cancelled.wait(3)


@pytest.mark.parametrize("turn", range(2))
def test_cancelled_calls(channel: Any, turn: int) -> None:
    """
    A call that is taken back is reset as far as the server.
    """
    cancelled.clear()
    call = channel.stream_stream("/test/Echo", _same, _same)(iter([b"a"]), timeout=20)
    assert next(call) == b"aa"
    call.cancel()
    waits = channel.unary_unary("/test/Slow", _same, _same).future(b"")
    time.sleep(0.2)
    assert waits.cancel()
    assert cancelled.wait(3)
