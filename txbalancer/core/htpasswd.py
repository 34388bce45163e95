"""
Files of C{htpasswd}: who may log in, and with what.

Passwords in the clear and by DES C{crypt} are refused: the first can be read, the
second guessed within hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

import bcrypt

from txbalancer.core import crypts

_REMEDY = "set it anew with: htpasswd -B FILE"
_MOST_COST = 17
"""Of bcrypt, the most that htpasswd makes: some ten seconds for one try."""
_MOST_ROUNDS = 1_000_000
_LONGEST = 255
"""Bytes of a password, as of htpasswd; hashing takes longer with longer ones."""

# The salt's last letter holds two bits only: bcrypt refuses others.
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}", re.ASCII)
_APR1 = re.compile(r"\$apr1\$([!-#%-~]{1,8})\$[./A-Za-z0-9]{22}", re.ASCII)
_SHA1 = re.compile(r"\{SHA\}[A-Za-z0-9+/]{27}=", re.ASCII)
_SHA2 = re.compile(
    r"\$(?:5\$(?:rounds=(\d+)\$)?[!-#%-~]{0,16}\$[./A-Za-z0-9]{43}"
    r"|6\$(?:rounds=(\d+)\$)?[!-#%-~]{0,16}\$[./A-Za-z0-9]{86})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A line that cannot be used.

    @ivar line: its number from 1.
    """

    line: int
    text: str


def read(data: bytes) -> tuple[dict[str, str], list[Fault]]:
    """
    Read a file: user -> hash, and the lines that are none.

    The first line of a user counts, as in Apache. Bytes that are no UTF-8 are kept as
    surrogates, as L{text_of} makes them.
    """
    users: dict[str, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text_of(data).split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, rest = line.partition(":")
        hashed = rest.partition(":")[0].rstrip(" \t")
        fault = fault_of(hashed) if colon and user else "is not of the form USER:HASH"
        if fault:
            faults.append(Fault(number, f"user {user!r} {fault}" if colon and user else fault))
        else:
            users.setdefault(user, hashed)
    return users, faults


def text_of(data: bytes) -> str:
    """
    Decode what was sent or written, so that the same bytes are the same text.
    """
    return data.decode("utf-8", "surrogateescape")


def fault_of(hashed: str) -> str:
    """
    Say why a hash cannot be used; empty when it can.
    """
    if found := _BCRYPT.fullmatch(hashed):
        fault = not 4 <= int(found[1]) <= _MOST_COST
        return f"has a bcrypt cost outside 4 to {_MOST_COST}: {_REMEDY}" if fault else ""
    if _APR1.fullmatch(hashed) or _SHA1.fullmatch(hashed):
        return ""
    if found := _SHA2.fullmatch(hashed):
        rounds = int((found[1] or found[2] or "5000")[:10])
        fault = not 1000 <= rounds <= _MOST_ROUNDS
        return f"has rounds outside 1000 to {_MOST_ROUNDS}: {_REMEDY}" if fault else ""
    if not hashed:
        return f"has no password: {_REMEDY}"
    if hashed.startswith("$") or hashed.startswith("{"):
        kinds = "bcrypt, $apr1$, {SHA}, $5$ and $6$"
        return f"has a damaged hash, or one of an unknown kind ({kinds} are known): {_REMEDY}"
    return f"has a password in the clear or by DES crypt, which anybody can guess: {_REMEDY}"


def verify(hashed: str, password: bytes) -> bool:
    """
    Tell whether a password is the one of a hash that L{read} took; slow on purpose.
    """
    if b"\0" in password or len(password) > _LONGEST:
        return False
    if hashed.startswith("$2"):
        # bcrypt takes no more than 72 bytes; Apache leaves the rest out without a word.
        return bcrypt.checkpw(password[:72], hashed.encode())
    return compare_digest(_make(hashed)(password, hashed), hashed)


def _make(hashed: str) -> Callable[[bytes, str], str]:
    if hashed.startswith("$apr1$"):
        return crypts.apr1
    return crypts.sha1 if hashed.startswith("{") else crypts.sha2


def cost_of(hashed: str) -> int:
    """
    Rank a hash by the time of a try, roughly in microseconds.
    """
    if found := _BCRYPT.fullmatch(hashed):
        return int(50 * 2 ** int(found[1]))
    if found := _SHA2.fullmatch(hashed):
        return int(found[1] or found[2] or "5000")
    return 1000 if hashed.startswith("$apr1$") else 1
