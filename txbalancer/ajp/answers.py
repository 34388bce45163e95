"""
What a container says: packets out of a stream of bytes, and the head of an answer.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, error

from txbalancer.ajp import codes
from txbalancer.ajp.codes import SEND_BODY_CHUNK
from txbalancer.errors import BadResponse

_START = b"AB"
_MOST_REMEMBERED = 1024
"""Bytes of a head that is not taken apart again when the same comes soon."""
_number = Struct(">H").unpack_from
_packet = Struct(">HH").unpack_from
(_START_NUMBER,) = _number(_START)

Packet = tuple[int, bytes]
"""
Kind and content: of L{codes.SEND_HEADERS} its payload, of L{codes.SEND_BODY_CHUNK} the bytes of
the body, of L{codes.END_RESPONSE} and L{codes.GET_BODY_CHUNK} what they say as bytes.
"""


class PacketReader:
    """
    Takes apart what a container sends, in whatever pieces it comes.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """
        Take the next bytes; return the packets that are complete.

        @raise BadResponse: when it is no packet of a container.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        found: list[Packet] = []
        at, size = 0, len(data)
        while size - at >= 4:
            start, length = _packet(data, at)
            if start != _START_NUMBER or not length:
                raise BadResponse("no AJP packet")
            end = at + 4 + length
            if end > size:
                break
            kind = data[at + 4]
            if kind == SEND_BODY_CHUNK:
                found.append((kind, _chunk(data, at + 5, end)))
            else:
                found.append((kind, data[at + 5 : end]))
            at = end
        else:
            if not _START.startswith(data[at : at + 2]):
                raise BadResponse("no AJP packet")
        if at < size:
            self._rest = data[at:]
        return found


def _chunk(data: bytes, at: int, end: int) -> bytes:
    # Behind the bytes there is one more, which the length does not count; some leave it out.
    if end - at < 2:
        raise BadResponse("an AJP packet of a body without its length")
    (length,) = _number(data, at)
    if not 0 <= end - at - 2 - length <= 1:
        raise BadResponse("an AJP packet of a body that is not as long as it says")
    return data[at + 2 : at + 2 + length]


def flag(content: bytes) -> bool:
    """
    Read what an END_RESPONSE says: whether the connection can take another request.

    @raise BadResponse: when it says nothing.
    """
    if len(content) != 1:
        raise BadResponse("an AJP packet that ends an answer in another way")
    return content != b"\0"


def wanted(content: bytes) -> int:
    """
    Read how many bytes a GET_BODY_CHUNK asks for.

    @raise BadResponse: when it says nothing.
    """
    if len(content) != 2:
        raise BadResponse("an AJP packet that asks for a body in another way")
    return int(_number(content)[0])


def head(content: bytes) -> bytes:
    """
    Turn a SEND_HEADERS packet into the head of an HTTP/1.1 answer, without its empty line.

    @raise BadResponse: when it is none; what its lines mean is not looked at.
    """
    return _remembered(content) if len(content) <= _MOST_REMEMBERED else _head(content)


def _head(content: bytes) -> bytes:
    try:
        status, at = _number(content)[0], 2
        phrase, at = _string(content, at)
        count, at = _number(content, at)[0], at + 2
        lines = [_status_line(status, phrase)]
        for _ in range(count):
            code = _number(content, at)[0]
            if code >= 0xA000:
                name, at = codes.ANSWER_HEADERS[code], at + 2
            else:
                name, at = _string(content, at)
            value, at = _string(content, at)
            lines.append(b"%b: %b" % (name, value))
    except (error, KeyError):
        raise BadResponse("an AJP head that breaks off or has an unknown header") from None
    if at != len(content):
        raise BadResponse("an AJP head with more behind its headers")
    made = b"\r\n".join(lines)
    if made.count(b"\r\n") != count:
        raise BadResponse("an AJP head with a line break in a header")
    return made


_remembered = lru_cache(512)(_head)


def _status_line(status: int, phrase: bytes) -> bytes:
    # Tomcat repeats the number where HTTP/1.1 has a phrase.
    if phrase == b"%d" % status:
        phrase = b""
    return b"HTTP/1.1 %d %b" % (status, phrase)


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _number(content, at)
    if length == 0xFFFF:
        return b"", at + 2
    end = at + 2 + length
    if content[end : end + 1] != b"\0":
        raise BadResponse("an AJP string that does not end")
    return content[at + 2 : end], end + 1
