"""
Requests with a course of their own: upgrades, bodies that wait or never come, pipelines.
APACHE items H40 to H43, F11, F23.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.differential.cases import answer, case, get, named
from tests.differential.compare import compare_all
from tests.differential.layouts import balancer
from tests.differential.members import BODY, CLOSE, ECHO, HOLD, OK, UNREAD, Script
from tests.differential.settle import settle
from tests.differential.sides import Play, Seen, Side, World

SWITCH: Script = (
    b"HTTP/1.1 101 Switching Protocols\r\nX-Member: INDEX\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
    ECHO,
)
ASKS = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x")


def tunnel(name: str, *lines: str, script: Script = SWITCH) -> Play:
    """
    Ask for an upgrade and talk through it.
    """

    def play(side: Side) -> list[Seen]:
        under_way = side.send(name, get("/ws", *lines), script)
        found = side.read(under_way, close=False)
        if found.answer.status != 101:
            return [found]
        client = under_way.client
        client.send(b"hello")
        said = client.read(5)
        client.finish()
        return [replace(found, answer=replace(found.answer, body=said + b"|" + client.rest()))]

    return play


def upload(name: str, raw: bytes, *pieces: bytes, script: Script = OK) -> Play:
    """
    Send a head, pieces of a body and then no more; ask for something else after that.
    """

    def play(side: Side) -> list[Seen]:
        under_way = side.send(name, raw, script)
        for piece in pieces:
            under_way.client.send(piece)
        under_way.client.finish()
        # Whether what was cut off came to a member is a matter of time.
        found = replace(side.read(under_way), received=())
        return [found, *(side.ask(name, get("/")) for _ in range(3))]

    return play


def waiting(name: str, script: Script, body: bytes) -> Play:
    """
    Announce a body, and send it only when told to go on; ask for something else after that.
    """

    def play(side: Side) -> list[Seen]:
        lines = ("Expect: 100-continue", f"Content-Length: {len(body)}")
        under_way = side.send(name, get("/", *lines, method="PUT"), script)
        client = under_way.client
        first = client.peek(len(b"HTTP/1.1 100"))
        if first.endswith(b"100"):
            client.send(body)
        return [side.read(under_way), *(side.ask(name, get("/")) for _ in range(3))]

    return play


def kept(name: str, script: Script) -> Play:
    """
    Have a member misbehave at the second request of a client's connection.
    """

    def play(side: Side) -> list[Seen]:
        client = side.connect(name)
        found = [side.ask(name, get("/"), OK, client), side.ask(name, get("/"), OK, client)]
        found.append(side.ask(name, get("/"), script, client))
        return [*found, *(side.ask(name, get("/")) for _ in range(3))]

    return play


def exhausted(name: str) -> Play:
    """
    Ask for more than a member has connections for.
    """

    def play(side: Side) -> list[Seen]:
        held = side.send(name, get("/"), (HOLD, *OK))
        side.members.wait(held.tag)
        found = [side.ask(name, get("/")) for _ in range(3)]
        side.members.release(held.tag)
        found.append(side.read(held, close=False))
        return [*found, *(side.ask(name, get("/")) for _ in range(4))]

    return play


TWO = balancer(["", ""])
WEBSOCKET = balancer(["upgrade=websocket"])
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = get("/", "Transfer-Encoding: chunked", method="POST")


def lengthy(size: int) -> bytes:
    """
    Announce a body.
    """
    return get("/", f"Content-Length: {size}", method="POST")


SITES_AND_PLAYS = {
    "H40_websocket": (WEBSOCKET, lambda name: tunnel(name, *ASKS)),
    "H40_any": (balancer(["upgrade=ANY"]), lambda name: tunnel(name, *ASKS)),
    "H40_other_protocol": (balancer(["upgrade=foo"]), lambda name: tunnel(name, *ASKS, script=OK)),
    "H40_not_allowed": (balancer([""]), lambda name: tunnel(name, *ASKS, script=OK)),
    "H40_case": (
        balancer(["upgrade=WebSocket"]),
        lambda name: tunnel(name, "Connection: upgrade", "Upgrade: WEBSOCKET"),
    ),
    "H40_list": (
        WEBSOCKET,
        lambda name: tunnel(name, "Connection: Upgrade", "Upgrade: foo, websocket", script=OK),
    ),
    "H40_not_in_connection": (
        WEBSOCKET,
        lambda name: tunnel(name, "Upgrade: websocket", script=OK),
    ),
    "H41_declined": (WEBSOCKET, lambda name: tunnel(name, *ASKS, script=answer(status="426 No"))),
    "H41_wrong_protocol": (
        WEBSOCKET,
        lambda name: tunnel(name, *ASKS, script=(SWITCH[0].replace(b"websocket", b"foo"), CLOSE)),  # type: ignore[union-attr]
    ),
    "H42_goes_on": (TWO, lambda name: waiting(name, (GO_ON, BODY, *OK), b"b" * 9)),
    "H42_long": (TWO, lambda name: waiting(name, (GO_ON, BODY, *OK), b"b" * 90000)),
    "H42_final_and_close": (
        TWO,
        lambda name: waiting(
            name, (UNREAD, *answer("Connection: close", status="413 Too Large"), CLOSE), b"b" * 9
        ),
    ),
    "H43_final_without_close": (
        TWO,
        lambda name: waiting(name, (*answer(status="413 Too Large"), BODY, CLOSE), b"b" * 9),
    ),
    "F23_length_cut": (TWO, lambda name: upload(name, lengthy(100), b"only")),
    "F23_long_length_cut": (TWO, lambda name: upload(name, lengthy(90000), b"b" * 40000)),
    "F23_chunks_cut": (TWO, lambda name: upload(name, CHUNKED, b"4\r\nonly\r\n")),
    "F23_long_chunks_cut": (
        TWO,
        lambda name: upload(name, CHUNKED, b"9c40\r\n" + b"b" * 40000 + b"\r\n"),
    ),
    "F23_bad_chunk_later": (
        TWO,
        lambda name: upload(name, CHUNKED, b"9c40\r\n" + b"b" * 40000 + b"\r\nzz\r\n"),
    ),
    "W51_exhausted": (balancer(["max=1 acquire=200", ""]), exhausted),
    "F11_closes_on_a_kept_connection": (TWO, lambda name: kept(name, (CLOSE,))),
}
CASES = named(case(f"exchanges/{name}", site) for name, (site, _) in SITES_AND_PLAYS.items())


@pytest.mark.parametrize("name", CASES)
def test_exchange(world: World, name: str) -> None:
    """
    Both take the same course.
    """
    play = SITES_AND_PLAYS[name.removeprefix("exchanges/")][1](CASES[name].site.name)
    settle(name, compare_all(*world.play(play)))
