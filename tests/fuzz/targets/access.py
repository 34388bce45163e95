"""
C{Require} rules: refused or understood; what is shown of a rule is read as the same.
"""

from __future__ import annotations

from tests.fuzz.reasons import check_reason
from txbalancer.core import access
from txbalancer.core.access_rules import Verdict, Visitor, asks_for_users, compile_rules

SEEDS = [
    b"all granted",
    b"ip 10.0.0.0/8 192.168.1 2001:db8::/32",
    b"all(user \"a b\" 'c', not ip ::1, any(local, host .example.com))",
    b"none(all denied)",
    b"all(all granted, not host a.test)",
    b"forward-dns a.test\nvalid-user",
    b"ip 10.0.0.0/255.0.0.0",
]
WORDS = [
    *b'all granted|all denied|not |any(|all(|none(|)|, |ip |host |user |local|"|\\|/|::'.split(b"|")
]
_CLIENTS = ["10.1.2.3", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0", ""]


def one(data: bytes) -> None:
    """
    Read, show, and judge some visitors.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        found = access.rules(text)
    except ValueError as error:
        check_reason(error)
        return
    shown = access.rules.show(found)
    assert access.rules(shown) == found, "what is shown is another rule"
    judge = compile_rules(found)
    asks_for_users(found)
    for client in _CLIENTS:
        for user in (None, "a b"):
            visitor = Visitor(client, "10.0.0.254", user)
            for _ in range(40):
                if judge(visitor) is not Verdict.LOOK_UP:
                    break
                assert visitor.missing not in visitor.names, "asked for again"
                visitor.names[visitor.missing] = ""
