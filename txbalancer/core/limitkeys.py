"""
By what limits tell requests, and clients, apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

from txbalancer.core.lbmethods.hash import key as part_of
from txbalancer.core.networks import household
from txbalancer.core.request import Request

KeyOf = Callable[[Request], int]
_SHORT = 64
"""Bytes of what is remembered with its number."""
_ALL = b""


class Keys:
    """
    Turns what is told apart into numbers, so that nobody can aim at another's. They are the same in
    each process that has the secret.

    @ivar of: takes bytes; C{of_client}: an address. No bytes of a request have a client's number.
    """

    __slots__ = ("of", "of_client")

    def __init__(self, secret: bytes) -> None:
        key = blake2b(secret, digest_size=32, person=b"limits").digest()

        def digest(data: bytes) -> int:
            return int.from_bytes(blake2b(data, digest_size=7, key=key).digest(), "big")

        def of_client(client: str) -> int:
            return digest(b"\0" + household(client).encode())

        short = lru_cache(maxsize=4096)(digest)
        self.of: Callable[[bytes], int] = lambda data: (
            short(data) if len(data) <= _SHORT else digest(data)
        )
        self.of_client: Callable[[str], int] = lru_cache(maxsize=4096)(of_client)


def peer_key_of(text: str, keys: Keys) -> Callable[[str], int]:
    """
    Make the function that takes the key out of the address of a client that connects: the same as
    of its requests.

    @param text: C{client} or C{all}.
    """
    if text == "client":
        return keys.of_client
    alone = keys.of(_ALL)
    return lambda client: alone


def key_of(text: str, mount: str, keys: Keys) -> KeyOf:
    """
    Make the function that takes the key, C{key} in the spec, out of a request.

    A request that lacks the part that counts is its client's: to leave it out must not help.

    @param mount: the mount's label.
    @param keys: makes the numbers.
    """
    of, of_client = keys.of, keys.of_client
    if text == "client":
        return lambda request: of_client(request.peer.client)
    if text in ("mount", "all"):
        alone = of(mount.encode("utf-8", "surrogateescape") if text == "mount" else _ALL)
        return lambda request: alone
    if text == "host":
        return lambda request: of(request.host.lower())
    part = part_of(text)

    def of_part(request: Request) -> int:
        value = part(request)
        return of_client(request.peer.client) if value is None else of(value)

    return of_part
