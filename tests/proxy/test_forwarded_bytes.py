"""
What members get, whatever clients send: whole requests that h11 reads as such, one an answer.
"""

from __future__ import annotations

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http1 import payloads
from tests.http1.test_oracles import BYTES, mutated
from tests.proxy.rigs import OK, make_rig
from txbalancer.testing import MemoryTransport

EVIL = b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
BODIES = [b"", b"hello", *payloads.BODIES, EVIL]


class H11Member:
    """
    A member's end that reads with h11 and answers every whole request.

    @ivar targets: of the whole requests, in order.
    """

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self._reader = h11.Connection(h11.SERVER)
        self.targets: list[bytes] = []
        self._target = b""

    def work(self) -> None:
        """
        Read what came, and answer; h11 raises when it is no HTTP.
        """
        while data := self._transport.taken():
            self._reader.receive_data(data)
            while (event := self._reader.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Request):
                    self._target = event.target
                elif isinstance(event, h11.EndOfMessage):
                    self.targets.append(self._target)
                    self._transport.send(OK)
                    self._reader.send(h11.Response(status_code=200, headers=[]))
                    self._reader.send(h11.EndOfMessage())
                    if self._reader.our_state is not h11.DONE:
                        return
                    self._reader.start_next_cycle()
                elif event is h11.PAUSED:
                    raise AssertionError("a second request before the first was answered")


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """
    Make what a client sends: changed heads and bodies behind each other, in pieces.
    """
    data = b""
    for _ in range(draw(st.integers(1, 3))):
        body = draw(st.sampled_from(BODIES) | mutated(payloads.BODIES))
        data += draw(mutated(payloads.REQUESTS)) + b"\r\n\r\n" + body
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(BYTES) + data[at:]
    cut = draw(st.integers(0, len(data)))
    return [piece for piece in (data[:cut], data[cut:]) if piece]


@settings(max_examples=300)
@given(streams())
def test_members_get_whole_requests(pieces: list[bytes]) -> None:
    """
    However a client garbles its requests, h11 as a member never stumbles, and the client gets
    as many answers from it as the member gave.
    """
    rig = make_rig(1, listener="underscores = keep", balancer="maxattempts = 0")
    client = rig.client()
    members: list[H11Member] = []
    for piece in pieces:
        client.send(piece)
        for _ in range(5):
            members += [H11Member(opening.accept()) for opening in rig.openings()]
            for member in members:
                member.work()
    answered = sum(len(member.targets) for member in members)
    assert client.taken().count(b"Content-Length: 2\r\n") == answered
