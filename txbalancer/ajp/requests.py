"""
What is sent to a container: requests, pieces of their bodies, and the question whether it
is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from txbalancer.ajp import codes
from txbalancer.errors import ClientError

LEAST_PACKET = 8192
MOST_PACKET = 65536
"""Sizes that a packet may be agreed to have, with its own four bytes; 8192 is every container's."""

_START = b"\x12\x34"
_HEAD = 4
_BODY_HEAD = 6
_MOST_REMEMBERED = 1024 * 1024
_NULL_SIZE = 0xFFFF
_TLS = (
    (codes.SSL_CERT, "SSL_CLIENT_CERT"),
    (codes.SSL_CIPHER, "SSL_CIPHER"),
)

Tell = Callable[[str], bytes | None]

_number = Struct(">H").pack

CPING = _START + _number(1) + bytes((codes.CPING,))
NO_MORE = _START + _number(2) + _number(0)
"""Answers a container that asks for more of a body that is over."""


def string(value: bytes) -> bytes:
    """
    Write a string.

    @raise ClientError: 431 when its length cannot be told.
    """
    if len(value) >= _NULL_SIZE:
        raise ClientError(f"{len(value)} bytes in a row are too much for AJP", 431)
    return b"%b%b\0" % (_number(len(value)), value)


NULL = b"\xff\xff"
"""A string that is not there."""


def attribute(code: int, value: bytes) -> bytes:
    """
    Write an attribute of a request.
    """
    return b"%c%b" % (code, string(value))


def named(name: bytes, value: bytes) -> bytes:
    """
    Write an attribute that containers give to applications by its name.
    """
    return b"%c%b%b" % (codes.NAMED, string(name), string(value))


def key_size(bits: int) -> bytes:
    """
    Write how long the key of the client's TLS connection is.
    """
    return b"%c%b" % (codes.SSL_KEY_SIZE, _number(bits))


class HeaderLines:
    """
    Header lines in AJP's form, each made once.

    What becomes of a line depends on the line alone, and most lines of a request came
    before just so; see L{Lines<txbalancer.http1.lines.Lines>}.
    """

    __slots__ = ("_made", "_size", "get")

    def __init__(self) -> None:
        self._made: dict[bytes, bytes] = {}
        self._size = 0
        self.get = self._made.__getitem__

    def encode(self, lines: list[bytes]) -> list[bytes]:
        """
        Return the lines, C{Name: value} each, as AJP has them.
        """
        try:
            return list(map(self.get, lines))
        except KeyError:
            self._learn(lines)
            return list(map(self.get, lines))

    def _learn(self, lines: list[bytes]) -> None:
        made = self._made
        if self._size > _MOST_REMEMBERED:
            made.clear()
            self._size = 0
        for line in lines:
            if line not in made:
                made[line] = header(line)
                self._size += 2 * len(line) + 128


def header(line: bytes) -> bytes:
    """
    Write a header line, C{Name: value}.
    """
    name, _, value = line.partition(b":")
    code = codes.REQUEST_HEADERS.get(name.lower())
    return (string(name) if code is None else _number(code)) + string(value.strip(b" \t"))


@lru_cache(256)
def opening(method: bytes, version: bytes) -> bytes:
    """
    Write the begin of a request: its method, if that has a number, and version, as C{HTTP/1.1}.
    """
    code = codes.METHODS.get(method, codes.STORED_METHOD)
    return bytes((codes.FORWARD_REQUEST, code)) + string(version)


@lru_cache(1024)
def service(name: bytes, port: int, secure: bool) -> bytes:
    """
    Write what the client calls the service, and whether it does so under TLS.
    """
    return string(name) + _number(port) + (b"\1" if secure else b"\0")


@dataclass(frozen=True, slots=True)
class Client:
    """
    What a container is told of the client's connection, made once for all its requests.

    @ivar address: the client's address, in AJP's form.
    @ivar attributes: those that say more of the connection; and the end of all.
    """

    address: bytes
    attributes: bytes

    @classmethod
    def of(cls, address: str, port: int, local: str, tls: Tell | None = None) -> Client:
        """
        Describe a connection.

        @param local: the address that the client connected to, or empty.
        @param tls: returns what is known of its TLS, by the name of mod_ssl's variable.
        """
        told = named(b"AJP_REMOTE_PORT", b"%d" % port)
        if local:
            told += named(b"AJP_LOCAL_ADDR", local.encode())
        if tls is not None:
            told = _of_tls(tls) + told
        # No name: nobody looks names of clients up.
        return cls(string(address.encode()) + NULL, told + b"\xff")


def _of_tls(tell: Tell) -> bytes:
    told = [
        attribute(code, value)
        for code, name in _TLS
        if (value := tell(name)) and len(value) < _NULL_SIZE
    ]
    size = tell("SSL_CIPHER_USEKEYSIZE")
    if size:
        told.append(key_size(int(size)))
    protocol = tell("SSL_PROTOCOL")
    if protocol:
        told.append(named(b"AJP_SSL_PROTOCOL", protocol))
    return b"".join(told)


def request(
    start: bytes,
    path: bytes,
    client: Client,
    called: bytes,
    headers: list[bytes],
    attributes: Iterable[bytes],
    size: int,
) -> bytes:
    """
    Write a request.

    @param start: of L{opening}.
    @param called: of L{service}.
    @param headers: made by L{HeaderLines}.
    @param attributes: in AJP's form; those of the client are added. A method without a number
        is among them.
    @param size: most bytes of the packet.
    @raise ClientError: 431 when it is larger than that.
    """
    payload = b"".join(
        (
            start,
            string(path),
            client.address,
            called,
            _number(len(headers)),
            *headers,
            *attributes,
            client.attributes,
        )
    )
    if len(payload) > size - _HEAD:
        raise ClientError(
            f"a request head of {len(payload)} bytes in AJP, of which {size - _HEAD} fit in a"
            " packet (raise iobuffersize, and packetSize of the container)",
            431,
        )
    return _START + _number(len(payload)) + payload


def most_body(size: int) -> int:
    """
    Return how many bytes of a body fit in a packet of a size.
    """
    return min(size, 0xFFFF) - _BODY_HEAD


def body(data: bytes) -> bytes:
    """
    Write a piece of a request's body, 1 to L{most_body} bytes.
    """
    size = len(data)
    return b"%b%b%b%b" % (_START, _number(size + 2), _number(size), data)
