"""
Keys that all processes of a service make alike, and nobody else can foresee.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

_KEPT = 8192
"""Digests that are kept, for the same clients come again and again."""


def make_digest(secret: bytes) -> Callable[[object], int]:
    """
    Make what gives text, bytes or a tuple of these a key of 64 bits with a sign, never 0.
    """

    @lru_cache(_KEPT)
    def digest(value: object) -> int:
        found = blake2b(repr(value).encode(), digest_size=8, key=secret).digest()
        return int.from_bytes(found, "big", signed=True) or 1

    return digest
