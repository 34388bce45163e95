"""
Client connections held open, and single requests to see that the features are on.
"""

import contextlib
import http.client
import socket
import struct
from collections.abc import Iterator

from bench.load import browser_request, request
from bench.site import BODY, BenchError, Member

RESET = struct.pack("ii", 1, 0)


def answers(port: int) -> bool:
    """
    Whether a request gets a 200.
    """
    try:
        return ask(port)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def ask(port: int, cookie: str | None = None) -> tuple[int, str]:
    """
    One request on its own connection.

    @return: status and the name of the member that answered.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    headers = {"Host": "bench.test", "Connection": "close"}
    if cookie is not None:
        headers["Cookie"] = f"ROUTEID={cookie}"
    with contextlib.closing(connection):
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("X-Member", "")


def verify(port: int, cookies: dict[str, Member], tries: int = 8) -> None:
    """
    See that cookies lead to their members, and that without one both members are used.

    @raise BenchError: they do not; numbers would not be comparable.
    """
    for cookie, member in cookies.items():
        seen = {ask(port, cookie) for _ in range(tries)}
        if seen != {(200, member.route)}:
            raise BenchError(f"cookie {cookie} should lead to {member.route} only: {seen}")
    seen = {ask(port) for _ in range(4 * tries)}
    if seen != {(200, member.route) for member in cookies.values()}:
        raise BenchError(f"requests without a cookie should reach all members: {seen}")


def connect(port: int) -> socket.socket:
    """
    A connection that has had one answer.
    """
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    # Closed by a reset: thousands of ports in TIME_WAIT would be missing in the next round.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.sendall(request("/").encode())
    data = b""
    while not data.endswith(BODY):
        more = client.recv(65536)
        if not more:
            raise BenchError(f"connection closed after {data!r}")
        data += more
    return client


@contextlib.contextmanager
def held(port: int, count: int) -> Iterator[list[socket.socket]]:
    """
    Idle connections, open inside the C{with} block.

    @raise BenchError: the proxy refused or closed one.
    """
    clients: list[socket.socket] = []
    try:
        for number in range(count):
            try:
                clients.append(connect(port))
            except OSError as error:
                raise BenchError(f"idle connection {number + 1}: {error}") from error
        yield clients
    finally:
        for client in clients:
            client.close()


def still_open(clients: list[socket.socket]) -> int:
    """
    How many of the connections the proxy has not closed.
    """
    found = 0
    for client in clients:
        client.setblocking(False)
        try:
            found += client.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            found += 1
        except OSError:
            continue
    return found


def sticky_requests(cookies: list[str], paths: list[str]) -> list[str]:
    """
    Twelve-header requests that go through all cookies and all paths.
    """
    count = max(len(cookies), len(paths))
    return [browser_request(paths[i % len(paths)], cookies[i % len(cookies)]) for i in range(count)]
