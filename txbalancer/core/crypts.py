"""
Password hashes that C{htpasswd} makes beside bcrypt, computed anew from a password.

Each function takes the whole old hash, of which it uses the salt, and returns the whole
new one.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def sha1(password: bytes, old: str) -> str:
    """
    C{{SHA}}: one round of SHA-1 without salt.
    """
    digest = hashlib.sha1(password, usedforsecurity=False).digest()
    return "{SHA}" + b64encode(digest).decode()


def apr1(password: bytes, old: str) -> str:
    """
    C{$apr1$}: a thousand rounds of MD5.

    Source: APR's C{apr_md5_encode}, in meaning: FreeBSD's MD5 crypt with another magic.
    """
    salt = old.split("$")[2].encode()
    inner = _md5(password + salt + password)
    begun = password + b"$apr1$" + salt + _fill(inner, len(password))
    size = len(password)
    while size:
        begun += b"\0" if size & 1 else password[:1]
        size >>= 1
    digest = _md5(begun)
    for number in range(1000):
        digest = _md5(_round(number, digest, password, salt))
    order = [(number, number + 6, number + 12 if number < 4 else 5) for number in range(5)]
    return f"$apr1${salt.decode()}${_encode(digest, [*order, (11,)])}"


def sha2(password: bytes, old: str) -> str:
    """
    C{$5$} and C{$6$}: some thousand rounds of SHA-256 or SHA-512.

    Source: U. Drepper, Unix crypt using SHA-256 and SHA-512, steps 1 to 22.
    """
    head, _ = old.rsplit("$", 1)
    salt = head.rsplit("$", 1)[1].encode()
    rounds = int(head.split("$")[2].removeprefix("rounds=")) if "$rounds=" in head else 5000
    new = hashlib.sha256 if head.startswith("$5") else hashlib.sha512
    inner = new(password + salt + password).digest()
    begun = password + salt + _fill(inner, len(password))
    size = len(password)
    while size:
        begun += inner if size & 1 else password
        size >>= 1
    digest = new(begun).digest()
    password = _fill(new(password * len(password)).digest(), len(password))
    salted = _fill(new(salt * (16 + digest[0])).digest(), len(salt))
    for number in range(rounds):
        digest = new(_round(number, digest, password, salted)).digest()
    return f"{head}${_encode(digest, _sha2_order(len(digest)))}"


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _fill(digest: bytes, size: int) -> bytes:
    """
    Repeat a digest up to a size.
    """
    return (digest * (size // len(digest) + 1))[:size]


def _round(number: int, digest: bytes, password: bytes, salt: bytes) -> bytes:
    """
    Put together what is hashed in one round; all kinds do it alike.
    """
    odd = number & 1
    return (
        (password if odd else digest)
        + (salt if number % 3 else b"")
        + (password if number % 7 else b"")
        + (digest if odd else password)
    )


def _sha2_order(size: int) -> list[tuple[int, ...]]:
    """
    Say which bytes of a digest make each four letters of the hash, most significant first.
    """
    third = size // 3
    order: list[tuple[int, ...]] = []
    for number in range(third):
        group = (number, number + third, number + 2 * third)
        # SHA-256 turns each group right by its number, SHA-512 left.
        turn = (-number if size == 32 else number) % 3
        order.append(group[turn:] + group[:turn])
    return [*order, (31, 30) if size == 32 else (63,)]


def _encode(digest: bytes, order: Iterable[tuple[int, ...]]) -> str:
    """
    Write bytes as letters of six bits, the lowest bits first.
    """
    letters = ""
    for group in order:
        value = int.from_bytes(bytes(digest[place] for place in group), "big")
        for _ in range(len(group) + 1):
            letters += _ALPHABET[value & 63]
            value >>= 6
    return letters
