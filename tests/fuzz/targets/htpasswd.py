"""
Files of htpasswd: each line is a user or a fault, and each hash that is taken can be tried.
"""

from __future__ import annotations

from txbalancer.core.htpasswd import cost_of, read, verify

SEEDS = [
    b"a:$apr1$salt$" + b"x" * 22 + b"\n# c\n\nb:{SHA}" + b"A" * 27 + b"=\r\n",
    b"c:$2y$04$" + b"." * 21 + b"." + b"a" * 31 + b":more\nplain:secret\n:x\nnone\n",
    b"d:$5$rounds=1000$s$" + b"a" * 43 + b"\ne:$6$s$" + b"b" * 86 + b"\n\xff:$2y$99$x",
]
WORDS = [*b"$2y$04$|$apr1$|{SHA}|$5$|$6$|rounds=1000$|:|\n|\r\n|#|=|\xff".split(b"|")]
_DEAR = 2000
"""Microseconds of a try that are too many here."""


def one(data: bytes) -> None:
    """
    Read it, and try to log in.
    """
    users, faults = read(data)
    lines = data.count(b"\n") + 1
    assert len(users) + len(faults) <= lines
    assert all(1 <= each.line <= lines and each.text for each in faults)
    for user, hashed in list(users.items())[:3]:
        assert user
        assert ":" not in user
        if cost_of(hashed) < _DEAR:
            verify(hashed, data[:80])
            verify(hashed, b"")
