"""
By what rate limits tell requests apart.
"""

from __future__ import annotations

from collections.abc import Callable

from txbalancer.core.lbmethods.hash import key as part_of
from txbalancer.core.networks import household
from txbalancer.core.request import Request

KeyOf = Callable[[Request], int]
Digest = Callable[[object], int]


def key_of(text: str, mount: str, digest: Digest = hash) -> KeyOf:
    """
    Make the function that takes the key, C{key} in the spec, out of a request.

    Keys are hashes with a secret in them, so that nobody can aim at another's. A request that
    lacks the part that counts is its client's: to leave it out must not help.

    @param mount: the mount's label.
    @param digest: makes the hash.
    """
    if text == "client":
        return lambda request: digest(household(request.peer.client))
    if text in ("mount", "all"):
        alone = digest(mount if text == "mount" else "")
        return lambda request: alone
    if text == "host":
        return lambda request: digest(request.host.lower())
    part = part_of(text)

    def of_part(request: Request) -> int:
        value = part(request)
        return digest((household(request.peer.client),)) if value is None else digest(value)

    return of_part
