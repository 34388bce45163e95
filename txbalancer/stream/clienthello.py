"""
The beginning of a TLS connection: whom the client wants, and what it would speak there.

Nothing is decrypted and nothing is kept back: this only reads along. Source: RFC 8446
sections 4.1.2, 4.2 and 5.1; RFC 6066 section 3; RFC 7301 section 3.1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from txbalancer.errors import ClientError

MOST = 65536
"""Bytes of a ClientHello, by default; with keys against quantum computers it has a few thousand."""

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN = 0, 16
_HOST_NAME = 0
_LONGEST_RECORD = 1 << 14
_NAME = re.compile(rb"[A-Za-z0-9._-]{1,255}").fullmatch


class BadHello(ClientError):
    """
    What a client sent begins like TLS and then breaks its rules.
    """

    reason = "bad-client-hello"


class Hello(NamedTuple):
    """
    What a client says before anything is encrypted.

    @ivar name: whom it wants, in lower case without a final dot; C{b""} where it does not say.
    @ivar alpn: protocols that it offers, as sent.
    @ivar tls: whether it speaks TLS at all.
    """

    name: bytes = b""
    alpn: tuple[bytes, ...] = ()
    tls: bool = True


class HelloReader:
    """
    Reads a ClientHello as it comes, in whatever pieces and records.
    """

    __slots__ = ("_message", "_most", "_rest")

    def __init__(self, most: int = MOST) -> None:
        """
        @param most: bytes that it may take.
        """
        self._most = most
        self._rest = bytearray()
        self._message = bytearray()

    def feed(self, data: bytes) -> Hello | None:
        """
        Read on.

        @return: what the client says, once that is complete.
        @raise BadHello: when it is not right, or too long.
        """
        rest = self._rest
        rest += data
        if rest and rest[0] != _HANDSHAKE and not self._message:
            return Hello(tls=False)
        while len(rest) >= 5:
            length = _record(rest)
            if len(rest) < 5 + length:
                break
            self._message += rest[5 : 5 + length]
            del rest[: 5 + length]
            hello = self._complete()
            if hello is not None:
                return hello
        if len(self._message) + len(rest) > self._most:
            raise BadHello(f"a ClientHello over {self._most} bytes")
        return None

    def _complete(self) -> Hello | None:
        message = self._message
        if message[0] != _CLIENT_HELLO:
            raise BadHello(f"handshake message {message[0]} before a ClientHello")
        if len(message) < 4:
            return None
        length = int.from_bytes(message[1:4])
        if length + 4 > self._most:
            raise BadHello(f"a ClientHello of {length} bytes, over {self._most}")
        if len(message) < 4 + length:
            return None
        return _read(bytes(message[4 : 4 + length]))


def _record(data: bytearray) -> int:
    """
    Return the length of the record at the beginning.
    """
    kind, major, length = data[0], data[1], int.from_bytes(data[3:5])
    if kind != _HANDSHAKE or major != 3:
        raise BadHello(f"a record of type {kind}, version {major} within a ClientHello")
    if not 0 < length <= _LONGEST_RECORD:
        raise BadHello(f"a record of {length} bytes")
    return length


def _read(body: bytes) -> Hello:
    fields = _Fields(body)
    fields.take(34)  # version and random
    if len(fields.counted(1)) > 32:
        raise BadHello("a session id over 32 bytes")
    suites = fields.counted(2)
    if not suites or len(suites) % 2:
        raise BadHello("no list of cipher suites")
    if not fields.counted(1):
        raise BadHello("no compression method")
    name = b""
    alpn: tuple[bytes, ...] = ()
    # Before TLS 1.2 there may be no extensions at all.
    extensions = _Fields(b"" if fields.over else fields.counted(2))
    fields.finish()
    seen: set[int] = set()
    while not extensions.over:
        kind = int.from_bytes(extensions.take(2))
        content = extensions.counted(2)
        if kind in seen:
            raise BadHello(f"extension {kind} twice")
        seen.add(kind)
        if kind == _SERVER_NAME:
            name = _server_name(content)
        elif kind == _ALPN:
            alpn = _protocols(content)
    return Hello(name, alpn)


def _server_name(content: bytes) -> bytes:
    outer = _Fields(content)
    names = _Fields(outer.counted(2))
    outer.finish()
    found = b""
    while not names.over:
        kind = names.take(1)[0]
        name = names.counted(2)
        if kind != _HOST_NAME:
            continue
        if found:
            raise BadHello("two host names")
        if not _NAME(name):
            raise BadHello("a host name with characters that none can have")
        found = name.lower().removesuffix(b".")
    return found


def _protocols(content: bytes) -> tuple[bytes, ...]:
    outer = _Fields(content)
    names = _Fields(outer.counted(2))
    outer.finish()
    found = []
    while not names.over:
        found.append(names.counted(1))
        if not found[-1]:
            raise BadHello("an empty protocol's name")
    if not found:
        raise BadHello("an empty list of protocols")
    return tuple(found)


class _Fields:
    """
    Takes fields off the front of some bytes.
    """

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def over(self) -> bool:
        """
        Whether there is nothing left.
        """
        return self._place == len(self._data)

    def take(self, size: int) -> bytes:
        """
        Take so many bytes.
        """
        place = self._place + size
        if place > len(self._data):
            raise BadHello("a field that is longer than what holds it")
        found = self._data[self._place : place]
        self._place = place
        return found

    def counted(self, size: int) -> bytes:
        """
        Take a field that begins with its length, which has C{size} bytes.
        """
        return self.take(int.from_bytes(self.take(size)))

    def finish(self) -> None:
        """
        Make sure that nothing follows.
        """
        if not self.over:
            raise BadHello("something behind the last field")
