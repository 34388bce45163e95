"""
By what rate limits tell requests apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

from txbalancer.core.lbmethods.hash import key as part_of
from txbalancer.core.networks import household
from txbalancer.core.request import Request

KeyOf = Callable[[Request], int]
Digest = Callable[[bytes], int]

_SHORT = 64
"""Bytes of what is remembered with its digest."""


def keyed(secret: bytes) -> Digest:
    """
    Make what turns bytes into numbers, so that nobody can aim at another's.

    The numbers are the same in each process that has the secret.
    """
    key = blake2b(secret, digest_size=32, person=b"limits").digest()

    def digest(data: bytes) -> int:
        return int.from_bytes(blake2b(data, digest_size=7, key=key).digest(), "big")

    short = lru_cache(maxsize=4096)(digest)
    return lambda data: short(data) if len(data) <= _SHORT else digest(data)


def key_of(text: str, mount: str, digest: Digest) -> KeyOf:
    """
    Make the function that takes the key, C{key} in the spec, out of a request.

    A request that lacks the part that counts is its client's: to leave it out must not help.

    @param mount: the mount's label.
    @param digest: as L{keyed} makes it.
    """
    if text == "client":
        return lambda request: client_key(request.peer.client, digest)
    if text in ("mount", "all"):
        alone = digest(mount.encode() if text == "mount" else b"")
        return lambda request: alone
    if text == "host":
        return lambda request: digest(request.host.lower())
    part = part_of(text)

    def of_part(request: Request) -> int:
        value = part(request)
        return client_key(request.peer.client, digest) if value is None else digest(value)

    return of_part


def client_key(client: str, digest: Digest) -> int:
    """
    Return the key of a client; no header can be made to have the same.
    """
    return digest(b"\0" + household(client).encode())
