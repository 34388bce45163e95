"""
Whole answers of members that speak something else: AJP, FastCGI or HTTP/2, by the first byte.

Whatever they send, the client gets a whole answer or the end of its connection.
"""

from __future__ import annotations

from tests.fuzz.pieces import cut
from tests.fuzz.pipe import NoFailures, make_rig
from tests.fuzz.targets import ajp, fastcgi, h2_frames
from tests.http1.oracles import Message, Refused, h11_response
from txbalancer.http2 import frames

_MEMBERS = {
    b"A": "ajp://10.0.0.1:8009",
    b"F": "fcgi://10.0.0.1:9000/srv",
    b"2": "h2c://10.0.0.1:80",
}
_SETTINGS = frames.settings_frame(())
_OK = frames.frame(frames.HEADERS, 4, 1, b"\x88\x5c\x015") + frames.data_frame(1, b"hello", True)
SEEDS = [
    *(b"A" + each for each in ajp.SEEDS),
    *(b"F" + each for each in fastcgi.SEEDS),
    b"2" + _SETTINGS + _OK,
    b"2" + _SETTINGS + frames.frame(frames.HEADERS, 5, 1, b"\x8d"),
    b"2" + _SETTINGS + frames.goaway_frame(0, 0) + frames.reset_frame(1, 8),
    b"2" + _SETTINGS + frames.frame(frames.HEADERS, 4, 1, b"\x08\x03103") + _OK,
]
WORDS = [*ajp.WORDS, *fastcgi.WORDS, *h2_frames.WORDS, _OK, b"\x08\x03200"]


def _told(member: str, pieces: list[bytes]) -> tuple[bytes, bool]:
    rig = make_rig(member)
    with NoFailures():
        client = rig.client()
        client.send(b"GET /x.php HTTP/1.1\r\nHost: a\r\n\r\n")
        end = rig.accept()
        for piece in pieces:
            end.send(piece)
        end.end()
        rig.advance(0)
        for opening in rig.openings():
            opening.fail()
        rig.advance(0)
    return client.taken(), bool(client.ended)


def _read(raw: bytes, closed: bool) -> Message | None:
    try:
        message = h11_response(raw, b"GET", closed)
        while message.start[0].startswith(b"1"):
            message = h11_response(message.rest, b"GET", closed)
    except Refused:
        return None
    except AssertionError:  # it waits for more
        return None
    return message


def one(data: bytes) -> None:
    """
    Answer a request with it, at once and in pieces.
    """
    member = _MEMBERS.get(data[:1], _MEMBERS[b"A"])
    found = []
    for pieces in ([data[1:]], cut(data[1:])):
        if len(pieces) > 300:
            return
        raw, closed = _told(member, pieces)
        assert raw.startswith(b"HTTP/1.1 "), "no answer at all"
        answer = _read(raw, closed)
        assert answer is not None or closed, "half an answer, and the connection goes on"
        if answer is not None and not answer.start[0].startswith(b"5"):
            found.append((answer.start, answer.body))
    assert len(found) < 2 or found[0] == found[1], "it depends on the pieces"
