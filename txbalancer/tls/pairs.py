"""
Which key belongs to which certificate, for those who have mixed them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from txbalancer.tls.certificates import CertificateFault, public_part, read_chain, read_file

Key = tuple[str, Any]
"""A private key after the file that it came from."""
_MOST = 5
"""Keys that are told of."""


def whose(keys: Sequence[Key], certificates: Iterable[tuple[str, str]]) -> str:
    """
    Say of each key which certificate it belongs to.

    @param certificates: option and file of each.
    """
    owners: dict[bytes, str] = {}
    for option, path in certificates:
        with suppress(CertificateFault):
            own = read_chain(option, path, read_file(option, path))[0]
            owners.setdefault(public_part(own.public_key()), path)
    told = [
        f"that in {path} belongs to {owners.get(public_part(key.public_key()), 'none of them')}"
        for path, key in keys[:_MOST]
    ]
    return ", ".join([*told, "…"] if len(keys) > _MOST else told)


def idle(keys: Iterable[Key], used: Iterable[Any]) -> tuple[str, ...]:
    """
    Return the files of keys without a certificate.
    """
    known = {public_part(each.public_key()) for each in used}
    return tuple(path for path, key in keys if public_part(key.public_key()) not in known)
